package resource

import "ecs-api/orchestration/saga"

// Action is what a plan does with a thing.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionAdopt   Action = "adopt" // use what an earlier request created
	ActionUpdate  Action = "update"
	ActionReplace Action = "replace"
	ActionKeep    Action = "keep"
	ActionDelete  Action = "delete"
)

// Change is what a plan does with one thing, and why. Before and After show the difference; neither contains the value of a secret.
type Change struct {
	Resource Kind
	Name     string
	Action   Action
	Reason   string
	Before   any
	After    any

	// Step applies the change; nil where there is nothing to do.
	Step saga.Step `json:"-"`
	// Internal changes are steps that need no line in the plan, such as finding out which request created a thing.
	Internal bool `json:"-"`
}

// The stages of the plan of a create or an update. A change refers only to things of earlier stages.
const (
	StageFirst      = iota // the cluster, the role, the log group, Cloud Map services, secrets, and the tags of what is there
	StageDefinition        // the role policy, the retention of logs, and the task definition
	StageService
)

// Plan is what a request does, in stages. The changes of one stage do not depend on each other, and run concurrently.
type Plan struct {
	Stages [][]Change
}

// Add adds changes to the stage, counted from 0.
func (p *Plan) Add(stage int, changes ...Change) {
	for len(p.Stages) <= stage {
		p.Stages = append(p.Stages, nil)
	}
	p.Stages[stage] = append(p.Stages[stage], changes...)
}

// Changes returns the changes of all stages, without the internal ones.
func (p *Plan) Changes() []Change {
	all := []Change{}
	for _, stage := range p.Stages {
		for _, change := range stage {
			if !change.Internal {
				all = append(all, change)
			}
		}
	}
	return all
}

// Apply returns the step that carries out the plan, stage after stage. Each change is a step that is named after its action and its kind.
func (p *Plan) Apply() saga.Step {
	stages := make([]saga.Step, len(p.Stages))
	for i, stage := range p.Stages {
		stages[i] = saga.Each(stage, Change.apply)
	}
	return saga.InOrder(stages...)
}

// apply returns the change's step, under its name.
func (c Change) apply() saga.Step {
	if c.Step == nil {
		return saga.Nothing
	}
	name := string(c.Action) + " " + c.Resource.Word()
	if c.Internal {
		name = c.Reason
	}
	return saga.Named(name, c.Step)
}

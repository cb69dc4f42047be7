package taskdefs

import (
	"context"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
)

// RunInput says how tasks of a managed task definition are run.
type RunInput struct {
	Count                    *int64 // 1 to 10; 1 unless given
	StartedBy                *string
	Overrides                *awsecs.TaskOverride
	CapacityProviderStrategy []*awsecs.CapacityProviderStrategyItem
}

// RunOutput is what was started, and what could not be.
type RunOutput struct {
	Tasks    []*awsecs.Task
	Failures []*awsecs.Failure
	Outcomes []Outcome           `json:",omitempty"` // of the tasks, in their order; only for a caller who waits
	Problems []diagnosis.Problem `json:",omitempty"` // why tasks could not start, or failed; only for a caller who waits
	Replayed bool                `json:"-"`          // an earlier request with the same Idempotency-Key started the tasks, and its response was lost
}

// Outcome is how a task ended, or how it is when the wait is over.
type Outcome struct {
	observe.Task
	Logs        []logs.Event // the last lines of its containers, the oldest first
	LogsProblem *string      `json:",omitempty"` // why Logs may lack lines
}

// maxWaiting is how many requests wait for tasks at the same time in one account.
const maxWaiting = 100

// of returns the request to AWS, of a task definition.
func (in *RunInput) of(definition *string) *awsecs.RunTaskInput {
	return &awsecs.RunTaskInput{TaskDefinition: definition, Count: in.Count, StartedBy: in.StartedBy, Overrides: in.Overrides,
		CapacityProviderStrategy: in.CapacityProviderStrategy}
}

// CheckRun returns what is wrong with a request to run tasks, as far as that can be decided without AWS.
func (d *TaskDefinitions) CheckRun(cluster, family string, in *RunInput) common.Problems {
	return d.tasks.Check(cluster, in.of(&family))
}

// Run runs tasks of the newest revision, in the account's default network, and waits until they have stopped, but no longer than wait. A caller who hangs up
// does not stop them.
func (d *TaskDefinitions) Run(ctx context.Context, cluster, family string, in *RunInput, wait time.Duration) (*RunOutput, error) {
	if wait > 0 {
		if d.waiting.Add(1) > maxWaiting {
			d.waiting.Add(-1)
			return nil, common.Errorf(common.Unavailable, "%d requests wait for tasks, and the server takes no more; run the tasks without wait", maxWaiting)
		}
		defer d.waiting.Add(-1)
	}
	view, err := d.Show(ctx, cluster, family)
	if err != nil {
		return nil, err
	}
	started, err := d.tasks.Run(ctx, cluster, in.of(view.TaskDefinition.TaskDefinitionArn))
	if err != nil {
		return nil, common.Wrapf(err, "run task definition %s in cluster %s", family, cluster)
	}
	out := &RunOutput{Tasks: started.Tasks, Failures: started.Failures, Replayed: started.Replayed}
	if out.Failures == nil {
		out.Failures = []*awsecs.Failure{}
	}
	if wait > 0 {
		out.Tasks = d.await(ctx, cluster, started.Tasks, wait)
		out.Outcomes = d.outcomes(ctx, out.Tasks)
		out.Problems = problems(out.Tasks, out.Outcomes)
	}
	return out, nil
}

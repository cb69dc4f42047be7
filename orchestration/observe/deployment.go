package observe

import (
	"cmp"
	"slices"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/diagnosis"
)

// DeploymentState says how far a deployment is.
type DeploymentState string

// The states of deployments.
const (
	Pending     DeploymentState = "pending"
	InProgress  DeploymentState = "in_progress"
	RollingBack DeploymentState = "rolling_back" // it failed or was stopped, and ECS goes back to the one before
	Completed   DeploymentState = "completed"
	RolledBack  DeploymentState = "rolled_back"
	Failed      DeploymentState = "failed"
	Stopped     DeploymentState = "stopped" // a newer one, or somebody, ended it
)

// DeploymentStates returns all states, for documents that must not forget one.
func DeploymentStates() []DeploymentState {
	return []DeploymentState{Pending, InProgress, RollingBack, Completed, RolledBack, Failed, Stopped}
}

// Outcome says how a deployment ended.
type Outcome string

// The outcomes. A deployment whose revision does not run has never Succeeded.
const (
	OutcomeSucceeded  Outcome = "succeeded"
	OutcomeFailed     Outcome = "failed"
	OutcomeRolledBack Outcome = "rolled_back" // by the circuit breaker, an alarm or somebody
	OutcomeSuperseded Outcome = "superseded"  // a newer deployment took its place
)

// Outcomes returns all outcomes, for documents that must not forget one.
func Outcomes() []Outcome {
	return []Outcome{OutcomeSucceeded, OutcomeFailed, OutcomeRolledBack, OutcomeSuperseded}
}

// Deployment is one attempt to bring a revision up, with the rollback that ended it, if one did.
type Deployment struct {
	Id             string // AWS's spelling
	State          DeploymentState
	Outcome        *Outcome          // nil while it is in progress
	TaskDefinition *string           // ARN; nil where AWS does not say it any more
	Images         map[string]string // by container; empty where AWS does not say them
	CreatedAt      *time.Time
	EndedAt        *time.Time
	FailedTasks    int64
	Reason         *string             // AWS's words
	RolledBackTo   *string             // ARN of a task definition
	Problems       []diagnosis.Problem `json:",omitzero"` // of a deployment that a write waited for
	Strategy       *string             // ROLLING, BLUE_GREEN, LINEAR or CANARY
	LifecycleStage *string             // of one that is not ROLLING

	ServiceDeploymentArn *string         `json:",omitempty"` // by which AWS's own calls name it
	LifecycleHooks       []LifecycleHook `json:",omitempty"` // that have begun, or that it waits at
}

// LifecycleHook is something that a deployment does, or waits for, between two of its stages.
type LifecycleHook struct {
	Id            *string // AWS's spelling
	Status        *string // AWAITING_ACTION: somebody has to continue the deployment
	TargetType    *string // AWS_LAMBDA or PAUSE
	TargetArn     *string
	ExpiresAt     *time.Time // when TimeoutAction is taken
	TimeoutAction *string    // CONTINUE or ROLLBACK
}

// failed reports whether the deployment did not bring its revision up.
func (d Deployment) failed() bool {
	return d.State == RollingBack || d.State == RolledBack || d.State == Failed
}

// deployments returns what is known of the service's deployments that somebody asked for, the newest first. A rollback is part of the
// deployment that it ends.
func (f *found) deployments() []Deployment {
	events := readEvents(f.service.Events)
	ids := f.link()
	var all []Deployment
	known := map[string]bool{}
	for _, brief := range f.briefs {
		d := f.fromBrief(brief, ids[common.Value(brief.ServiceDeploymentArn)], events)
		known[d.Id] = true
		all = append(all, d)
	}
	for _, d := range f.fromService(events) {
		if !known[d.Id] && (len(f.briefs) == 0 || f.newerThanBriefs(d)) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b Deployment) int { return cmp.Compare(began(b).UnixNano(), began(a).UnixNano()) })
	for i := range all {
		all[i].Outcome = f.outcome(all[i], i == 0)
	}
	return all
}

// began returns when a deployment began, as well as it is known.
func began(d Deployment) time.Time {
	if d.CreatedAt != nil {
		return *d.CreatedAt
	}
	return common.Value(d.EndedAt)
}

// newerThanBriefs reports whether a deployment is one that AWS does not list yet.
func (f *found) newerThanBriefs(d Deployment) bool {
	return d.CreatedAt != nil && d.CreatedAt.After(common.Value(f.briefs[0].CreatedAt).Add(sameMoment))
}

// sameMoment is how far apart two times may be that AWS writes for the same.
const sameMoment = 5 * time.Second

// link returns the ids of the deployments that service deployments are about, by the ARNs of these: their numbers are those of the service
// revisions. If none of the service's deployments has such a number, those that began at the same time are taken for the same.
func (f *found) link() map[string]string {
	ids := map[string]string{}
	linked := len(f.service.Deployments) == 0
	for _, brief := range f.briefs {
		id := deploymentID(common.Value(brief.TargetServiceRevisionArn))
		ids[common.Value(brief.ServiceDeploymentArn)] = id
		linked = linked || f.entry(id) != nil
	}
	if linked {
		return ids
	}
	for _, brief := range f.briefs {
		for _, d := range f.service.Deployments {
			if apart := common.Value(d.CreatedAt).Sub(common.Value(brief.CreatedAt)); apart.Abs() <= sameMoment {
				ids[common.Value(brief.ServiceDeploymentArn)] = common.Value(d.Id)
			}
		}
	}
	return ids
}

// rolloutStates are AWS's statuses of service deployments as states. STOPPED is Failed or Stopped.
var rolloutStates = map[string]DeploymentState{
	awsecs.ServiceDeploymentStatusPending:            Pending,
	awsecs.ServiceDeploymentStatusInProgress:         InProgress,
	awsecs.ServiceDeploymentStatusStopRequested:      InProgress,
	awsecs.ServiceDeploymentStatusRollbackRequested:  RollingBack,
	awsecs.ServiceDeploymentStatusRollbackInProgress: RollingBack,
	awsecs.ServiceDeploymentStatusRollbackSuccessful: RolledBack,
	awsecs.ServiceDeploymentStatusRollbackFailed:     Failed,
	awsecs.ServiceDeploymentStatusSuccessful:         Completed,
}

// fromBrief returns the deployment with the id that a service deployment is about.
func (f *found) fromBrief(brief *awsecs.ServiceDeploymentBrief, id string, events eventLog) Deployment {
	d := Deployment{Id: id, Images: map[string]string{}, CreatedAt: brief.CreatedAt, EndedAt: brief.FinishedAt, Reason: brief.StatusReason,
		ServiceDeploymentArn: brief.ServiceDeploymentArn}
	state, ok := rolloutStates[common.Value(brief.Status)]
	if !ok {
		state = Stopped
	}
	entry := f.entry(id)
	if rollout := f.rollouts[common.Value(brief.ServiceDeploymentArn)]; rollout != nil {
		d.fromRollout(rollout, f)
		if !ok && triggered(rollout) {
			state = Failed
		}
	}
	if revision := f.revisions[common.Value(brief.TargetServiceRevisionArn)]; revision != nil {
		d.TaskDefinition, d.Images = revision.TaskDefinition, images(revision)
	}
	if entry != nil {
		d.fromEntry(entry)
		state = f.corrected(state, entry, brief)
	}
	if state == Stopped && events.failed[id] != nil {
		state = Failed
	}
	d.State = state
	if f.isPrimary(id) && state == InProgress {
		d.EndedAt = nil
	}
	if state == RolledBack && d.RolledBackTo == nil && brief == f.briefs[0] && !f.isPrimary(id) {
		d.RolledBackTo = f.service.TaskDefinition // nobody has changed it since
	}
	return d
}

// corrected returns the state of a deployment that the service still shows. AWS calls a service deployment SUCCESSFUL when old tasks begin to
// stop, before its deployment has completed. And the two are read at the same time: one may be of the moment before the end, the other of that after.
func (f *found) corrected(state DeploymentState, entry *awsecs.Deployment, brief *awsecs.ServiceDeploymentBrief) DeploymentState {
	rollout := common.Value(entry.RolloutState)
	underWay := brief == f.briefs[0] && common.Value(entry.Status) == "PRIMARY" && rollout == awsecs.DeploymentRolloutStateInProgress
	justEnded := f.at.Sub(common.Value(brief.FinishedAt)) <= sameMoment
	switch {
	case underWay && (state == Completed || justEnded && (state == RolledBack || state == Failed || state == Stopped)):
		return InProgress
	case state == Stopped && rollout == awsecs.DeploymentRolloutStateFailed,
		state == InProgress && rollout == awsecs.DeploymentRolloutStateFailed && common.Value(entry.Status) == "PRIMARY" && f.at.Sub(common.Value(entry.UpdatedAt)) > sameMoment:
		return Failed // nothing rolls it back
	}
	return state
}

// isPrimary reports whether the deployment with the id is the service's primary one.
func (f *found) isPrimary(id string) bool {
	p := f.primary()
	return p != nil && common.Value(p.Id) == id
}

// triggered reports whether the circuit breaker or an alarm ended a service deployment.
func triggered(r *awsecs.ServiceDeployment) bool {
	const status = awsecs.ServiceDeploymentRollbackMonitorsStatusTriggered
	return r.DeploymentCircuitBreaker != nil && common.Value(r.DeploymentCircuitBreaker.Status) == status || r.Alarms != nil && common.Value(r.Alarms.Status) == status
}

// fromRollout takes over what a service deployment says that a list of them does not.
func (d *Deployment) fromRollout(r *awsecs.ServiceDeployment, f *found) {
	if r.DeploymentCircuitBreaker != nil {
		d.FailedTasks = common.Value(r.DeploymentCircuitBreaker.FailureCount)
	}
	if r.DeploymentConfiguration != nil {
		d.Strategy = r.DeploymentConfiguration.Strategy
	}
	d.LifecycleStage = r.LifecycleStage
	for _, h := range r.LifecycleHookDetails {
		d.LifecycleHooks = append(d.LifecycleHooks, LifecycleHook{h.HookId, h.Status, h.TargetType, h.TargetArn, h.ExpiresAt, h.TimeoutAction})
	}
	if r.Rollback == nil || r.Rollback.ServiceRevisionArn == nil {
		return
	}
	if revision := f.revisions[*r.Rollback.ServiceRevisionArn]; revision != nil {
		d.RolledBackTo = revision.TaskDefinition
	} else if entry := f.entry(deploymentID(*r.Rollback.ServiceRevisionArn)); entry != nil {
		d.RolledBackTo = entry.TaskDefinition
	}
}

// fromEntry takes over what the service itself shows of a deployment.
func (d *Deployment) fromEntry(entry *awsecs.Deployment) {
	d.TaskDefinition, d.FailedTasks = entry.TaskDefinition, max(d.FailedTasks, common.Value(entry.FailedTasks))
	if d.CreatedAt == nil {
		d.CreatedAt = entry.CreatedAt
	}
	if common.Value(d.Reason) == "" {
		d.Reason = entry.RolloutStateReason
	}
}

// images returns the images of a service revision, by container.
func images(r *awsecs.ServiceRevision) map[string]string {
	all := map[string]string{}
	for _, c := range r.ContainerImages {
		if c != nil {
			all[common.Value(c.ContainerName)] = common.Value(c.Image)
		}
	}
	return all
}

// outcome returns how a deployment ended; nil while it is in progress.
func (f *found) outcome(d Deployment, newest bool) *Outcome {
	switch d.State {
	case Failed:
		return new(OutcomeFailed)
	case RolledBack:
		return new(OutcomeRolledBack)
	case Stopped:
		if newest {
			return new(OutcomeFailed) // somebody ended it, and nothing came in its place
		}
		return new(OutcomeSuperseded)
	case Completed:
		if f.runs(d) {
			return new(OutcomeSucceeded)
		}
		return new(OutcomeSuperseded)
	}
	if !newest {
		return new(OutcomeSuperseded)
	}
	return nil
}

// runs reports whether what a completed deployment brought up is what the service runs.
func (f *found) runs(d Deployment) bool {
	if p := f.primary(); p != nil && common.Value(p.Id) == d.Id {
		return common.Value(p.RolloutState) != awsecs.DeploymentRolloutStateFailed
	}
	for _, r := range f.service.CurrentServiceRevisions {
		if r != nil && deploymentID(common.Value(r.Arn)) == d.Id {
			return len(f.service.CurrentServiceRevisions) == 1
		}
	}
	return false
}

package localaws

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// lifecycle is how far a blue/green, linear or canary deployment is. A rolling one has none.
type lifecycle struct {
	stage   int     // of lifecycleStages
	step    int     // counts what has been planned: what was planned for an earlier step does not happen any more
	shifted float64 // the percentage of production traffic that the new revision has
	hooks   []*ecs.DeploymentLifecycleHookDetail
}

// lifecycleStages are the stages in their order.
var lifecycleStages = []string{
	ecs.ServiceDeploymentLifecycleStageReconcileService, ecs.ServiceDeploymentLifecycleStagePreScaleUp,
	ecs.ServiceDeploymentLifecycleStageScaleUp, ecs.ServiceDeploymentLifecycleStagePostScaleUp,
	ecs.ServiceDeploymentLifecycleStageTestTrafficShift, ecs.ServiceDeploymentLifecycleStagePostTestTrafficShift,
	ecs.ServiceDeploymentLifecycleStageProductionTrafficShift, ecs.ServiceDeploymentLifecycleStagePostProductionTrafficShift,
	ecs.ServiceDeploymentLifecycleStageBakeTime, ecs.ServiceDeploymentLifecycleStageCleanUp,
}

// Positions in lifecycleStages.
var (
	stageScaleUp    = slices.Index(lifecycleStages, ecs.ServiceDeploymentLifecycleStageScaleUp)
	stageTestShift  = slices.Index(lifecycleStages, ecs.ServiceDeploymentLifecycleStageTestTrafficShift)
	stageProduction = slices.Index(lifecycleStages, ecs.ServiceDeploymentLifecycleStageProductionTrafficShift)
	stageBakeTime   = slices.Index(lifecycleStages, ecs.ServiceDeploymentLifecycleStageBakeTime)
	stageCleanUp    = slices.Index(lifecycleStages, ecs.ServiceDeploymentLifecycleStageCleanUp)
)

// defaultHookPause is how long a hook waits for somebody.
const defaultHookPause = 24 * time.Hour

// rolling reports whether tasks are replaced in place, without lifecycle stages.
func (ro *rollout) rolling() bool {
	strategy := aws.StringValue(ro.out.DeploymentConfiguration.Strategy)
	return strategy == "" || strategy == ecs.DeploymentStrategyRolling
}

// mayStart reports whether tasks of the new revision may be started yet.
func (ro *rollout) mayStart() bool { return ro.rolling() || ro.back != nil || ro.stage >= stageScaleUp }

// mayStop reports whether tasks of the old revisions may be stopped yet. A rollback stops those of the new one at any time.
func (ro *rollout) mayStop() bool { return ro.rolling() || ro.back != nil || ro.stage >= stageCleanUp }

// later plans what happens next in the lifecycle, unless something else happens before.
func (ro *rollout) later(r *request, d time.Duration, do func(*request)) {
	ro.step++
	step := ro.step
	r.after(d, func(r *request) {
		if ro.step == step {
			do(r)
		}
	})
}

// enter begins a stage. Its hooks come first: one that waits for somebody holds the deployment until it is continued or has timed out.
func (ro *rollout) enter(r *request, stage int) {
	ro.stage = stage
	ro.out.LifecycleStage, ro.out.UpdatedAt = aws.String(lifecycleStages[stage]), aws.Time(r.now)
	ro.step++
	ro.hooks = nil
	if !ro.runHooks(r) {
		return
	}
	ro.work(r)
}

// runHooks runs the hooks of the stage. It reports whether the deployment can continue at once.
func (ro *rollout) runHooks(r *request) bool {
	name := lifecycleStages[ro.stage]
	for _, hook := range ro.out.DeploymentConfiguration.LifecycleHooks {
		stages := aws.StringValueSlice(hook.LifecycleStages)
		before := ro.stage == stageProduction && slices.Contains(stages, ecs.DeploymentLifecycleHookStagePreProductionTrafficShift)
		if !before && !slices.Contains(stages, name) {
			continue
		}
		ro.hooks = append(ro.hooks, ro.runHook(r, hook))
	}
	return !ro.awaits("")
}

// runHook runs a hook: a function succeeds, as the simulator has no Lambda; a pause waits for somebody, or for its timeout.
func (ro *rollout) runHook(r *request, hook *ecs.DeploymentLifecycleHook) *ecs.DeploymentLifecycleHookDetail {
	detail := &ecs.DeploymentLifecycleHookDetail{
		HookId: aws.String(r.aws.uuid()), TargetArn: hook.HookTargetArn, TargetType: aws.String(ecs.DeploymentLifecycleHookTargetTypeAwsLambda),
		Status: aws.String(ecs.DeploymentLifecycleHookStatusSucceeded),
	}
	if aws.StringValue(hook.TargetType) != ecs.DeploymentLifecycleHookTargetTypePause {
		return detail
	}
	pause, action := hookTimeout(hook.TimeoutConfiguration)
	detail.TargetType, detail.ExpiresAt = hook.TargetType, aws.Time(r.now.Add(pause))
	detail.Status, detail.TimeoutAction = aws.String(ecs.DeploymentLifecycleHookStatusAwaitingAction), &action
	id, step := *detail.HookId, ro.step
	r.after(pause, func(r *request) {
		if ro.step == step && ro.awaits(id) {
			ro.decide(r, id, action == ecs.DeploymentLifecycleHookActionContinue, ecs.DeploymentLifecycleHookStatusTimedOut)
		}
	})
	return detail
}

// hookTimeout returns how long a hook waits for somebody, and what is done then.
func hookTimeout(t *ecs.DeploymentLifecycleHookTimeoutConfiguration) (pause time.Duration, action string) {
	pause, action = defaultHookPause, ecs.DeploymentLifecycleHookActionRollback
	if t != nil && t.TimeoutInMinutes != nil {
		pause = time.Duration(*t.TimeoutInMinutes) * time.Minute
	}
	if t != nil && t.Action != nil {
		action = *t.Action
	}
	return pause, action
}

// awaits reports whether the hook with the id waits for somebody; without an id, whether any does.
func (ro *rollout) awaits(id string) bool {
	return slices.ContainsFunc(ro.hooks, func(h *ecs.DeploymentLifecycleHookDetail) bool {
		return (id == "" || *h.HookId == id) && *h.Status == ecs.DeploymentLifecycleHookStatusAwaitingAction
	})
}

// decide ends the wait of a hook: the deployment continues, or rolls back. Status is what becomes of the hook; empty for what follows from
// the decision.
func (ro *rollout) decide(r *request, id string, goOn bool, status string) {
	if status == "" {
		status = ecs.DeploymentLifecycleHookStatusFailed
		if goOn {
			status = ecs.DeploymentLifecycleHookStatusSucceeded
		}
	}
	ro.markHooks(id, status)
	switch {
	case !goOn:
		ro.requestRollback(r, fmt.Sprintf("Service deployment rolled back because %s lifecycle hook(s) failed.", lifecycleStages[ro.stage]))
	case !ro.awaits(""):
		ro.work(r)
	}
}

// markHooks gives the hook with the id, or all of those that wait, a status.
func (ro *rollout) markHooks(id, status string) {
	hooks := slices.Clone(ro.hooks)
	for i, h := range hooks {
		if *h.HookId == id || id == "" && *h.Status == ecs.DeploymentLifecycleHookStatusAwaitingAction {
			changed := *h
			changed.Status = aws.String(status)
			hooks[i] = &changed
		}
	}
	ro.hooks = hooks
}

// endHooks ends the hooks of a deployment that has ended while they waited.
func (ro *rollout) endHooks() { ro.markHooks("", ecs.DeploymentLifecycleHookStatusFailed) }

// work does what the stage is for.
func (ro *rollout) work(r *request) {
	switch ro.stage {
	case stageScaleUp, stageCleanUp: // the scheduler says when they are over
		r.after(0, ro.service.schedule)
	case stageProduction:
		ro.shift(r)
	case stageBakeTime:
		ro.later(r, r.aws.bake(ro.out.DeploymentConfiguration.BakeTimeInMinutes), ro.next)
	default:
		ro.later(r, r.aws.lags.Stage, ro.next)
	}
}

// next begins the next stage.
func (ro *rollout) next(r *request) { ro.enter(r, ro.stage+1) }

// bake returns how long the simulator takes for some minutes of bake time (Lags.BakeMinute).
func (a *AWS) bake(minutes *int64) time.Duration {
	return time.Duration(aws.Int64Value(minutes)) * a.lags.BakeMinute
}

// shift moves production traffic to the new revision: all at once, a canary first, or step by step.
func (ro *rollout) shift(r *request) {
	config := ro.out.DeploymentConfiguration
	switch aws.StringValue(config.Strategy) {
	case ecs.DeploymentStrategyCanary:
		percent, minutes := canary(config.CanaryConfiguration)
		ro.shifted = percent
		ro.later(r, r.aws.bake(&minutes), func(r *request) {
			ro.shifted = 100
			ro.later(r, r.aws.lags.Stage, ro.next)
		})
	case ecs.DeploymentStrategyLinear:
		ro.shiftStep(r)
	default:
		ro.shifted = 100
		ro.later(r, r.aws.lags.Stage, ro.next)
	}
}

// shiftStep moves one step of a linear deployment's traffic, and lets it bake.
func (ro *rollout) shiftStep(r *request) {
	percent, minutes := linear(ro.out.DeploymentConfiguration.LinearConfiguration)
	ro.shifted = min(100, ro.shifted+percent)
	if ro.shifted == 100 {
		ro.later(r, r.aws.lags.Stage, ro.next)
		return
	}
	ro.later(r, r.aws.bake(&minutes), ro.shiftStep)
}

// canary returns the percentage and the bake time of a canary; ECS's defaults are 5 % and 10 minutes.
func canary(c *ecs.CanaryConfiguration) (percent float64, minutes int64) {
	percent, minutes = 5, 10
	if c != nil && c.CanaryPercent != nil {
		percent = *c.CanaryPercent
	}
	if c != nil && c.CanaryBakeTimeInMinutes != nil {
		minutes = *c.CanaryBakeTimeInMinutes
	}
	return percent, minutes
}

// linear returns the percentage and the bake time of a linear step; ECS's defaults are 10 % and 6 minutes.
func linear(c *ecs.LinearConfiguration) (percent float64, minutes int64) {
	percent, minutes = 10, 6
	if c != nil && c.StepPercent != nil {
		percent = *c.StepPercent
	}
	if c != nil && c.StepBakeTimeInMinutes != nil {
		minutes = *c.StepBakeTimeInMinutes
	}
	return percent, minutes
}

// weights returns the percentages of production and test traffic that a revision has.
func (ro *rollout) weights(d *ecsDeployment) (production, test float64) {
	production = ro.shifted
	if ro.stage >= stageTestShift {
		test = 100
	}
	if ro.back != nil {
		production, test = 0, 0
	}
	if d != ro.target {
		production, test = 100-production, 100-test
	}
	return production, test
}

// scaledUp notes that all tasks of the new revision are ready.
func (ro *rollout) scaledUp(r *request) {
	switch {
	case !ro.is(ecs.ServiceDeploymentStatusInProgress):
	case ro.rolling(): // the status comes before rolloutState COMPLETED: while old tasks still drain
		ro.finish(r, ecs.ServiceDeploymentStatusSuccessful, "")
	case ro.stage == stageScaleUp && !ro.awaits(""):
		ro.later(r, r.aws.lags.Stage, ro.next)
	}
}

// cleanedUp notes that only tasks of the primary deployment are left.
func (ro *rollout) cleanedUp(r *request) {
	switch {
	case ro.is(ecs.ServiceDeploymentStatusRollbackInProgress):
		ro.finish(r, ecs.ServiceDeploymentStatusRollbackSuccessful, aws.StringValue(ro.out.StatusReason))
	case ro.is(ecs.ServiceDeploymentStatusInProgress) && !ro.rolling() && ro.stage == stageCleanUp:
		ro.finish(r, ecs.ServiceDeploymentStatusSuccessful, "")
	}
}

// settles reports whether the service can have a steady state while the service deployment is where it is.
func (ro *rollout) settles(r *request) bool {
	if ro.is(ecs.ServiceDeploymentStatusRollbackRequested, ecs.ServiceDeploymentStatusStopRequested) {
		return false
	}
	if ro.back != nil && ro.ongoing() { // a rollback takes a moment (Lags.Stage), even if the old tasks still run
		return !r.now.Before(ro.out.Rollback.StartedAt.Add(r.aws.lags.Stage))
	}
	return ro.rolling() || !ro.ongoing() || ro.stage == stageCleanUp
}

// checkStrategyOf refuses a deployment configuration whose strategy and bake times ECS would.
func checkStrategyOf(c *ecs.DeploymentConfiguration) error {
	canaryPercent, canaryMinutes := canary(c.CanaryConfiguration)
	stepPercent, stepMinutes := linear(c.LinearConfiguration)
	strategy := aws.StringValue(c.Strategy)
	if err := firstError(
		between("canaryPercent", canaryPercent, 0.1, 100), between("stepPercent", stepPercent, 3, 100),
		between("bakeTimeInMinutes", float64(aws.Int64Value(c.BakeTimeInMinutes)), 0, 1440),
		between("canaryBakeTimeInMinutes", float64(canaryMinutes), 0, 1440), between("stepBakeTimeInMinutes", float64(stepMinutes), 0, 1440),
	); err != nil {
		return err
	}
	for _, hook := range c.LifecycleHooks {
		if err := checkHook(hook); err != nil {
			return err
		}
	}
	if (strategy == "" || strategy == ecs.DeploymentStrategyRolling) && len(c.LifecycleHooks) > 0 {
		return invalid("Lifecycle hooks are not supported with the deployment strategy ROLLING.")
	}
	return oneOf("strategy", c.Strategy, ecs.DeploymentStrategy_Values())
}

// between refuses a number that is out of its range.
func between(field string, n, least, most float64) error {
	if n < least || n > most {
		return invalid("%s must be between %v and %v.", field, least, most)
	}
	return nil
}

// checkHook refuses a lifecycle hook that ECS would.
func checkHook(hook *ecs.DeploymentLifecycleHook) error {
	if len(hook.LifecycleStages) == 0 {
		return invalid("A lifecycle hook needs at least one lifecycle stage.")
	}
	for _, stage := range hook.LifecycleStages {
		if err := oneOf("lifecycleStages", stage, ecs.DeploymentLifecycleHookStage_Values()); err != nil {
			return err
		}
	}
	pause := aws.StringValue(hook.TargetType) == ecs.DeploymentLifecycleHookTargetTypePause
	if !pause && !strings.HasPrefix(aws.StringValue(hook.HookTargetArn), "arn:") {
		return invalid("A lifecycle hook needs the ARN of its Lambda function.")
	}
	return oneOf("targetType", hook.TargetType, ecs.DeploymentLifecycleHookTargetType_Values())
}

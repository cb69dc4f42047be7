package localaws

import (
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// threshold is how many consecutive failures the circuit breaker tolerates less one: half of the desired count, rounded up, but at least 3
// and at most 200.
func (svc *ecsService) threshold() int64 { return min(max(3, (*svc.out.DesiredCount+1)/2), 200) }

// failed counts a task of a deployment that did not start, or failed its health checks. If that has become too often, the circuit breaker
// ends the deployment; without one the scheduler tries for ever.
func (svc *ecsService) failed(r *request, d *ecsDeployment) {
	d.failed++
	if svc.status != statusActive || d != svc.primary() {
		return
	}
	ro := svc.rollout()
	enabled := *svc.out.DeploymentConfiguration.DeploymentCircuitBreaker.Enable
	if !enabled || d.failed < svc.threshold() || d.state() != ecs.DeploymentRolloutStateInProgress || !ro.ongoing() {
		svc.retry(r)
		return
	}
	ro.trip(r)
}

// worked notes that a task of a deployment is ready: what failed before does not count any more.
func (svc *ecsService) worked(d *ecsDeployment) {
	d.failed = 0
	if d == svc.primary() {
		svc.failures = 0
	}
}

// trip is what the circuit breaker does when the primary deployment has failed too often. A rollback that fails is not rolled back.
func (ro *rollout) trip(r *request) {
	svc, d := ro.service, ro.service.primary()
	d.setState(r, ecs.DeploymentRolloutStateFailed, "ECS deployment circuit breaker: tasks failed to start.")
	svc.event(r, "(deployment %s) deployment failed: tasks failed to start.", d.id())
	if ro.back != nil {
		ro.finish(r, ecs.ServiceDeploymentStatusRollbackFailed, aws.StringValue(ro.out.StatusReason))
		return
	}
	ro.tripped = true
	ro.failed = d.failed
	if *svc.out.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback && svc.good != nil {
		ro.rollBack(r, "ECS deployment circuit breaker: rolling back to deploymentId ", "Service deployment rolled back because the circuit breaker threshold was exceeded.")
		return
	}
	// What AWS gives as the reason here is not known. There is no status FAILED.
	ro.finish(r, ecs.ServiceDeploymentStatusStopped, "Service deployment stopped because the circuit breaker threshold was exceeded.")
}

// rollBack makes the last completed deployment the primary one again, under its old id. There must be one.
func (ro *rollout) rollBack(r *request, state, reason string) {
	svc := ro.service
	to := svc.good
	svc.good, ro.back = nil, to // until it is completed again, there is nothing to roll back to
	ro.step++
	ro.endHooks()
	ro.set(r, ecs.ServiceDeploymentStatusRollbackInProgress, reason)
	ro.out.Rollback = &ecs.Rollback{Reason: aws.String(reason), StartedAt: aws.Time(r.now), ServiceRevisionArn: svc.revisionARN(r, to)}
	svc.event(r, "rolling back to deployment %s.", to.id())
	to.failed, to.blocked = 0, false
	to.setState(r, ecs.DeploymentRolloutStateInProgress, state+to.id()+".")
	svc.restore(to)
	svc.primaryIs(to)
	r.after(0, svc.schedule)
	r.after(r.aws.lags.Stage, svc.schedule)
}

// requestRollback is what StopServiceDeployment and lifecycle hooks do: the rollback begins a moment later (Lags.Stage).
func (ro *rollout) requestRollback(r *request, reason string) {
	ro.set(r, ecs.ServiceDeploymentStatusRollbackRequested, reason)
	ro.later(r, r.aws.lags.Stage, func(r *request) {
		svc := ro.service
		ro.failed = ro.target.failed
		// The words for a deployment that somebody stops are not known.
		ro.target.setState(r, ecs.DeploymentRolloutStateFailed, "ECS deployment "+ro.target.id()+" was stopped.")
		if svc.good != nil {
			ro.rollBack(r, "ECS deployment rolling back to deploymentId ", reason)
			return
		}
		ro.finish(r, ecs.ServiceDeploymentStatusRollbackFailed, "Service deployment rollback failed because there is no rollback candidate.")
		r.after(0, svc.schedule)
	})
}

// requestStop is what StopServiceDeployment does with ABORT: tasks that were started stay, no more are started.
func (ro *rollout) requestStop(r *request) {
	const reason = "Service deployment stopped because StopServiceDeployment was called."
	ro.set(r, ecs.ServiceDeploymentStatusStopRequested, reason)
	ro.later(r, r.aws.lags.Stage, func(r *request) {
		ro.target.setState(r, ecs.DeploymentRolloutStateFailed, "ECS deployment "+ro.target.id()+" was stopped.")
		ro.finish(r, ecs.ServiceDeploymentStatusStopped, reason)
	})
}

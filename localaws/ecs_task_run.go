package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// endsAtOnce stops the task if an essential container ends as soon as it has started, or cannot be started. The task is never RUNNING then.
func (t *ecsTask) endsAtOnce(r *request) bool {
	for _, part := range t.parts {
		part.start(r)
	}
	essential := func(ended func(*ecsContainer) bool) bool {
		return slices.ContainsFunc(t.parts, func(part *ecsContainer) bool { return *part.definition.Essential && part.stopped && ended(part) })
	}
	switch {
	case essential(func(part *ecsContainer) bool { return part.code == nil }):
		t.killOthers()
		t.fail(r, ecs.TaskStopCodeTaskFailedToStart, "Task failed to start")
	case essential(func(part *ecsContainer) bool { return part.code != nil }):
		t.killOthers()
		t.fail(r, ecs.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
	default:
		return false
	}
	return true
}

// start starts the container, as far as it ends at once: because its program is not there, or does not last.
func (part *ecsContainer) start(r *request) {
	switch {
	case part.image.fault == faultNoExecutable && !part.scripted:
		part.stopped, part.reason = true, part.noExecutable()
	case part.does.ends && part.does.after == 0:
		for i := range part.does.lines {
			part.write(r, i)
		}
		part.end(part.does.code, part.does.words)
	}
}

// killed is the exit code of a program that SIGTERM ends.
const killed = 143

// killOthers ends the containers that still run when an essential one has ended.
func (t *ecsTask) killOthers() {
	for _, part := range t.parts {
		if !part.stopped {
			part.end(killed, "")
		}
	}
}

// run starts a container of a running task: what it writes, how it ends and what its health check finds.
func (t *ecsTask) run(r *request, part *ecsContainer) {
	if part.stopped {
		return
	}
	for i, line := range part.does.lines {
		if line.at == 0 {
			part.write(r, i)
			continue
		}
		r.after(line.at, func(r *request) {
			if !part.stopped && t.out.StoppedAt == nil {
				part.write(r, i)
			}
		})
	}
	if part.does.ends {
		r.after(part.does.after, func(r *request) { t.exited(r, part) })
	}
	if part.health != "" {
		r.after(r.aws.lags.Check, func(r *request) { t.check(r, part) })
	}
}

// exited is the end of a container that ends by itself; that of an essential one ends its task.
func (t *ecsTask) exited(r *request, part *ecsContainer) {
	if part.stopped || !t.wanted() {
		return
	}
	if part.restarts() {
		t.run(r, part)
		return
	}
	part.end(part.does.code, part.does.words)
	t.refresh()
	if !*part.definition.Essential {
		return
	}
	t.killOthers()
	if part.does.spot {
		t.stop(r, ecs.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.")
	} else {
		t.stop(r, ecs.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
	}
	t.replaceLater(r)
}

// replaceLater lets the service of a task that stops start another one.
func (t *ecsTask) replaceLater(r *request) {
	if t.service != nil {
		t.service.steady = false
		r.after(0, t.service.schedule)
	}
}

// check is what the health check of a container finds. A service stops a task whose health checks fail; nobody stops a one-off task.
func (t *ecsTask) check(r *request, part *ecsContainer) {
	if part.stopped || !t.running() {
		return
	}
	part.health = ecs.HealthStatusHealthy
	if !part.healthy() {
		part.health = ecs.HealthStatusUnhealthy
	}
	t.refresh()
	svc := t.service
	switch {
	case svc == nil:
	case *t.out.HealthStatus == ecs.HealthStatusHealthy:
		t.becameReady(r)
	case *t.out.HealthStatus == ecs.HealthStatusUnhealthy && t.wanted():
		svc.event(r, "(task %s) failed container health checks.", t.id)
		t.stop(r, ecs.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks")
		svc.failed(r, t.deployment)
		t.replaceLater(r)
	}
}

// becameReady tells the service that the task is ready, if it is.
func (t *ecsTask) becameReady(r *request) {
	if t.ready() {
		t.service.worked(t.deployment)
		t.service.schedule(r)
	}
}

// restartPeriod is how long a container with a restart policy must have run to be restarted, unless the policy says otherwise.
const restartPeriod = 300

// restarts reports whether the container's restart policy restarts it when it ends, instead of its task ending.
func (part *ecsContainer) restarts() bool {
	policy := part.definition.RestartPolicy
	if policy == nil || !aws.BoolValue(policy.Enabled) || slices.Contains(aws.Int64ValueSlice(policy.IgnoredExitCodes), part.does.code) {
		return false
	}
	period := int64(restartPeriod)
	if policy.RestartAttemptPeriod != nil {
		period = *policy.RestartAttemptPeriod
	}
	return int64(part.does.after.Seconds()) >= period
}

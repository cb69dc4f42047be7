package localaws

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// maxServiceEvents is how many events ECS keeps of a service.
const maxServiceEvents = 100

// How long the scheduler waits before it launches tasks again after a failure: twice as long each time.
const (
	firstRetry = 30 * time.Second
	lastRetry  = 15 * time.Minute
	unsteady   = 3 // failures in a row after which the service says that it cannot start tasks
)

// event adds an event to the service's.
func (svc *ecsService) event(r *request, format string, args ...any) {
	e := &ecs.ServiceEvent{
		Id: aws.String(r.aws.uuid()), CreatedAt: aws.Time(r.now),
		Message: aws.String("(service " + svc.name + ") " + fmt.Sprintf(format, args...)),
	}
	svc.events = append([]*ecs.ServiceEvent{e}, svc.events[:min(len(svc.events), maxServiceEvents-1)]...)
}

// workload is a service's wanted tasks: those of the primary deployment and those of older ones.
type workload struct {
	present, others    []*ecsTask
	ready, othersReady int
}

func (svc *ecsService) workload() (w workload) {
	primary := svc.primary()
	for _, t := range svc.tasks {
		ready := 0
		if t.ready() {
			ready = 1
		}
		switch {
		case !t.wanted():
		case t.deployment == primary:
			w.present, w.ready = append(w.present, t), w.ready+ready
		default:
			w.others, w.othersReady = append(w.others, t), w.othersReady+ready
		}
	}
	return w
}

// schedule brings the service's tasks closer to what is wanted. It runs whenever something has changed.
func (svc *ecsService) schedule(r *request) {
	if svc.status == statusInactive {
		return
	}
	ro := svc.rollout()
	ro.begin(r)
	svc.prune()
	w := svc.workload()
	desired := int(*svc.out.DesiredCount)
	missing, room := desired-len(w.present), svc.room(w, desired)
	switch {
	case missing > 0 && room > 0 && ro.mayStart():
		svc.start(r, min(missing, room))
	case missing < 0:
		svc.stop(r, w.present[desired:])
		w = svc.workload()
	}
	if ro.mayStop() {
		svc.replace(r, w, desired, missing > 0 && room <= 0)
	}
	if w.ready >= desired {
		ro.scaledUp(r)
		svc.settled(r)
	}
}

// replace stops tasks of older deployments as far as enough others are ready. If the configuration leaves no room to start a task
// (full), minimumHealthyPercent says how far that goes.
func (svc *ecsService) replace(r *request, w workload, desired int, full bool) {
	d := svc.primary()
	failed := d.state() == ecs.DeploymentRolloutStateFailed
	full = full && !failed // a deployment that has failed starts no task
	keep := desired
	if full {
		keep = (desired*int(*svc.out.DeploymentConfiguration.MinimumHealthyPercent) + 99) / 100
	}
	out := w.replaceable(w.ready+w.othersReady-keep, !failed)
	svc.stop(r, out)
	still := w.ready == len(w.present) && len(svc.tasks) == len(w.present)+len(w.others)
	switch {
	case !full:
	case len(out) > 0:
		r.after(0, svc.schedule) // there is room now
	case still && !d.blocked:
		d.blocked = true
		svc.event(r, "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.")
	}
}

// replaceable returns the tasks of older deployments that can be stopped: so many ready ones, and those that are not ready, unless they are
// to be kept because the primary deployment has failed.
func (w workload) replaceable(ready int, unready bool) (out []*ecsTask) {
	for _, t := range w.others {
		switch {
		case t.ready() && ready > 0:
			ready--
			out = append(out, t)
		case !t.ready() && unready: // nobody waits for it any more
			out = append(out, t)
		}
	}
	return out
}

// room returns how many more tasks the service may start (maximumPercent).
func (svc *ecsService) room(w workload, desired int) int {
	if !svc.rollout().rolling() || len(w.others) == 0 {
		return desired - len(w.present)
	}
	return desired*int(*svc.out.DeploymentConfiguration.MaximumPercent)/100 - len(w.present) - len(w.others)
}

// prune forgets older deployments whose tasks are gone. One that is being rolled back is shown until that has ended.
func (svc *ecsService) prune() {
	primary, ro := svc.primary(), svc.rollout()
	svc.deployments = slices.DeleteFunc(slices.Clone(svc.deployments), func(d *ecsDeployment) bool {
		return d != primary && (ro.back == nil || !ro.ongoing() || d != ro.target) && !slices.ContainsFunc(svc.tasks, func(t *ecsTask) bool { return t.deployment == d })
	})
}

// settled notes a steady state once the primary deployment is all there is.
func (svc *ecsService) settled(r *request) {
	d, ro := svc.primary(), svc.rollout()
	if svc.steady || svc.status != statusActive || len(svc.tasks) != int(*svc.out.DesiredCount) || !ro.settles(r) {
		return
	}
	for _, t := range svc.tasks {
		if t.deployment != d {
			return
		}
	}
	svc.steady = true
	ro.cleanedUp(r)
	svc.prune()
	if d.state() == ecs.DeploymentRolloutStateInProgress {
		svc.good = d
		d.setState(r, ecs.DeploymentRolloutStateCompleted, "ECS deployment "+d.id()+" completed.")
		svc.event(r, "(deployment %s) deployment completed.", d.id())
	}
	svc.event(r, "has reached a steady state.")
}

// stop stops tasks that are too many.
func (svc *ecsService) stop(r *request, tasks []*ecsTask) {
	if len(tasks) == 0 {
		return
	}
	svc.steady = false
	for _, t := range tasks {
		t.stop(r, ecs.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment "+t.deployment.id()+")")
	}
	svc.event(r, "has stopped %d running tasks: %s.", len(tasks), taskIDs(tasks))
}

func taskIDs(tasks []*ecsTask) string {
	var ids []string
	for _, t := range tasks {
		ids = append(ids, "(task "+t.id+")")
	}
	return strings.Join(ids, " ")
}

// start launches n tasks of the primary deployment, if the scheduler is not waiting after a failure.
func (svc *ecsService) start(r *request, n int) {
	d := svc.primary()
	svc.steady = false
	switch {
	case d.state() == ecs.DeploymentRolloutStateFailed || r.now.Before(svc.retryAt):
		return
	case aws.StringValue(d.out.LaunchType) == ecs.LaunchTypeEc2:
		svc.event(r, "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.")
		svc.retry(r)
		return
	}
	if role := r.unassumable(d.definition, nil); role != "" {
		svc.event(r, "failed to launch a task with (error %s).", unusableRole(role))
		svc.failed(r, d)
		return
	}
	have := map[string]int64{}
	for _, t := range svc.tasks {
		if t.wanted() {
			have[aws.StringValue(t.out.CapacityProviderName)]++
		}
	}
	var started []*ecsTask
	for range n {
		if r.full(d.definition) {
			svc.event(r, "was unable to place a task. Reason: %s.", noCapacity)
			svc.retry(r)
			break
		}
		name := provider(d.out.CapacityProviderStrategy, have)
		have[name]++
		started = append(started, svc.startTask(r, d, name))
	}
	if len(started) > 0 {
		svc.event(r, "has started %d tasks: %s.", len(started), taskIDs(started))
	}
}

// startTask launches one task of a deployment.
func (svc *ecsService) startTask(r *request, d *ecsDeployment, provider string) *ecsTask {
	tags := tagList(nil)
	switch *svc.out.PropagateTags {
	case ecs.PropagateTagsService:
		tags = svc.tags
	case ecs.PropagateTagsTaskDefinition:
		tags = d.definition.tags
	}
	if *svc.out.EnableECSManagedTags {
		tags = tags.with(tagList{{"aws:ecs:clusterName", svc.cluster.name}, {"aws:ecs:serviceName", svc.name}})
	}
	t := r.launchTask(svc.cluster, d.definition, ecs.Task{
		Group: aws.String("service:" + svc.name), StartedBy: d.out.Id, CapacityProviderName: optional(provider),
		PlatformVersion: d.out.PlatformVersion, EnableExecuteCommand: svc.out.EnableExecuteCommand, Overrides: &ecs.TaskOverride{},
	}, d.out.NetworkConfiguration, tags, func(t *ecsTask) {
		t.service, t.deployment, t.registries = svc, d, svc.out.ServiceRegistries
	})
	svc.tasks = append(svc.tasks, t)
	return t
}

// retry makes the scheduler wait before it launches tasks again. What fails while it waits does not make it wait longer.
func (svc *ecsService) retry(r *request) {
	if r.now.Before(svc.retryAt) {
		return
	}
	first := r.aws.lags.Retry
	if first == 0 {
		first = firstRetry
	}
	wait := min(first<<min(svc.failures, 10), lastRetry)
	svc.failures++
	if svc.failures == unsteady {
		svc.event(r, "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
	}
	svc.retryAt = r.now.Add(wait)
	r.after(wait, svc.schedule)
}

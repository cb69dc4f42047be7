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
)

// ecsDeployment is one deployment of a service.
type ecsDeployment struct {
	definition *ecsRevision
	out        ecs.Deployment // as ECS answers it, without status and counts
	failed     int64          // tasks that did not start
}

func (d *ecsDeployment) id() string { return *d.out.Id }

// setState sets how far the rollout is.
func (d *ecsDeployment) setState(r *request, state, reason string) {
	d.out.RolloutState, d.out.RolloutStateReason, d.out.UpdatedAt = aws.String(state), aws.String(reason), aws.Time(r.now)
}

// deploy makes a new primary deployment of the service's present parameters.
func (svc *ecsService) deploy(r *request, definition *ecsRevision) *ecsDeployment {
	d := &ecsDeployment{definition: definition, out: ecs.Deployment{
		Id: aws.String(r.aws.id("ecs-svc/%019d")), TaskDefinition: definition.out.TaskDefinitionArn, CreatedAt: aws.Time(r.now),
		LaunchType: svc.out.LaunchType, CapacityProviderStrategy: svc.out.CapacityProviderStrategy,
		NetworkConfiguration: svc.out.NetworkConfiguration, PlatformVersion: svc.out.PlatformVersion, PlatformFamily: svc.out.PlatformFamily,
	}}
	d.setState(r, ecs.DeploymentRolloutStateInProgress, "ECS deployment "+d.id()+" in progress.")
	svc.deployments = append([]*ecsDeployment{d}, svc.deployments...)
	svc.steady, svc.failures, svc.retryAt = false, 0, time.Time{}
	r.after(0, svc.schedule)
	return d
}

// event adds an event to the service's.
func (svc *ecsService) event(r *request, format string, args ...any) {
	e := &ecs.ServiceEvent{
		Id: aws.String(r.aws.uuid()), CreatedAt: aws.Time(r.now),
		Message: aws.String("(service " + svc.name + ") " + fmt.Sprintf(format, args...)),
	}
	svc.events = append([]*ecs.ServiceEvent{e}, svc.events[:min(len(svc.events), maxServiceEvents-1)]...)
}

// schedule brings the service's tasks closer to what is wanted. It runs whenever something has changed.
func (svc *ecsService) schedule(r *request) {
	if svc.status == statusInactive {
		return
	}
	primary := svc.primary()
	svc.deployments = slices.DeleteFunc(slices.Clone(svc.deployments), func(d *ecsDeployment) bool {
		return d != primary && !slices.ContainsFunc(svc.tasks, func(t *ecsTask) bool { return t.deployment == d })
	})
	var present, others []*ecsTask
	running := 0
	for _, t := range svc.tasks {
		switch {
		case !t.wanted():
		case t.deployment != primary:
			others = append(others, t)
		default:
			present = append(present, t)
			if t.running() {
				running++
			}
		}
	}
	desired := int(*svc.out.DesiredCount)
	switch {
	case len(present) < desired:
		svc.start(r, desired-len(present))
	case len(present) > desired:
		svc.stop(r, present[desired:])
	}
	if running >= desired {
		svc.stop(r, others)
		svc.settled(r)
	}
}

// settled notes a steady state once the primary deployment is all there is.
func (svc *ecsService) settled(r *request) {
	if svc.steady || svc.status != statusActive || len(svc.tasks) != int(*svc.out.DesiredCount) {
		return
	}
	svc.steady = true
	d := svc.primary()
	if *d.out.RolloutState == ecs.DeploymentRolloutStateInProgress {
		svc.good = d.definition
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
	switch role := d.definition.out.ExecutionRoleArn; {
	case *d.out.RolloutState == ecs.DeploymentRolloutStateFailed || r.now.Before(svc.retryAt):
		return
	case aws.StringValue(d.out.LaunchType) == ecs.LaunchTypeEc2:
		svc.event(r, "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.")
		svc.retry(r)
		return
	case role != nil && !r.account.iam.usableRole(r.aws, *role):
		svc.failed(r, d, unusableRole(*role))
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
		if r.full() {
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

// unusableRole is what ECS says when it cannot assume an execution role.
func unusableRole(arn string) string {
	return "ECS was unable to assume the role '" + arn + "' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
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

// failed is told that a task of a deployment did not start. If that has become too often, the circuit breaker ends the deployment.
func (svc *ecsService) failed(r *request, d *ecsDeployment, reason string) {
	d.failed++
	svc.event(r, "failed to launch a task with (error %s).", reason)
	if svc.status != statusActive || d != svc.primary() {
		return
	}
	breaker := svc.out.DeploymentConfiguration.DeploymentCircuitBreaker
	threshold := min(max(3, *svc.out.DesiredCount/2), 200)
	if !*breaker.Enable || d.failed < threshold || *d.out.RolloutState != ecs.DeploymentRolloutStateInProgress {
		svc.retry(r)
		return
	}
	d.setState(r, ecs.DeploymentRolloutStateFailed, "ECS deployment circuit breaker: tasks failed to start.")
	svc.event(r, "(deployment %s) deployment failed: tasks failed to start.", d.id())
	if *breaker.Rollback && svc.good != nil && svc.good != d.definition {
		svc.out.TaskDefinition = svc.good.out.TaskDefinitionArn
		back := svc.deploy(r, svc.good)
		back.setState(r, ecs.DeploymentRolloutStateInProgress, "ECS deployment circuit breaker: rolling back to deploymentId "+back.id()+".")
		svc.event(r, "rolling back to deployment %s.", back.id())
	}
}

// retry makes the scheduler wait before it launches tasks again.
func (svc *ecsService) retry(r *request) {
	wait := min(firstRetry<<min(svc.failures, 10), lastRetry)
	svc.failures++
	svc.retryAt = r.now.Add(wait)
	r.after(wait, svc.schedule)
}

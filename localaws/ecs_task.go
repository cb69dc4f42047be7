package localaws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// The statuses of tasks that the simulator plays.
const (
	taskProvisioning   = "PROVISIONING"
	taskRunning        = "RUNNING"
	taskDeactivating   = "DEACTIVATING"
	taskDeprovisioning = "DEPROVISIONING"
	taskStopped        = "STOPPED"
)

// ecsTask is one task.
type ecsTask struct {
	id         string
	created    time.Time
	cluster    *ecsCluster
	service    *ecsService    // nil for a task of RunTask
	deployment *ecsDeployment // nil for a task of RunTask
	definition *ecsRevision
	registries []*ecs.ServiceRegistry
	out        ecs.Task // as ECS returns it, without tags
	parts      []*ecsContainer
	pulled     bool // its images
	tags       tagList
	address    string
	zone       string
	isolated   bool // it is in a subnet from which it reaches no registry
	registered bool
}

func (t *ecsTask) running() bool { return *t.out.LastStatus == taskRunning }

// ready reports whether the task counts as healthy for its service: it runs, and its health checks, if any, have succeeded.
func (t *ecsTask) ready() bool {
	return t.running() && (!t.checked() || *t.out.HealthStatus == ecs.HealthStatusHealthy)
}

// checked reports whether an essential container of the task has a health check.
func (t *ecsTask) checked() bool {
	return slices.ContainsFunc(t.parts, func(part *ecsContainer) bool { return part.health != "" && *part.definition.Essential })
}

func (t *ecsTask) wanted() bool { return *t.out.DesiredStatus == taskRunning }

// show returns a copy of the task.
func (t *ecsTask) show(tags bool) *ecs.Task {
	out := t.out
	out.Tags = []*ecs.Tag{}
	if tags {
		out.Tags = t.tags.shown()
	}
	return &out
}

// set changes the task's statuses.
func (t *ecsTask) set(last, desired string) {
	if t.out.LastStatus != nil && t.running() {
		t.cluster.running--
	}
	if last == taskRunning {
		t.cluster.running++
	}
	t.out.LastStatus, t.out.DesiredStatus = aws.String(last), aws.String(desired)
	t.refresh()
}

// refresh shows what has changed of the containers.
func (t *ecsTask) refresh() {
	t.out.Version = aws.Int64(aws.Int64Value(t.out.Version) + 1)
	status := *t.out.LastStatus
	if status == taskProvisioning {
		status = "PENDING"
	}
	containers := make([]*ecs.Container, len(t.parts))
	health := ""
	for i, part := range t.parts {
		containers[i] = part.show(status, t.pulled)
		if *part.definition.Essential {
			health = worse(health, part.health)
		}
	}
	t.out.Containers, t.out.HealthStatus = containers, aws.String(cmp.Or(health, ecs.HealthStatusUnknown))
}

// worse returns the worse of two health statuses: one unhealthy container makes its task unhealthy.
func worse(a, b string) string {
	for _, status := range []string{ecs.HealthStatusUnhealthy, ecs.HealthStatusUnknown, ecs.HealthStatusHealthy} {
		if a == status || b == status {
			return status
		}
	}
	return ""
}

// launchTask makes a task of a definition in PROVISIONING; out has what is to be seen of its maker.
func (r *request) launchTask(c *ecsCluster, rev *ecsRevision, out ecs.Task, network *ecs.NetworkConfiguration, tags tagList, belong func(*ecsTask)) *ecsTask {
	t := &ecsTask{id: r.aws.id("%032x"), created: r.now, cluster: c, definition: rev, out: out, tags: tags}
	arn := r.arn("ecs", "task/"+c.name+"/"+t.id)
	t.out.TaskArn, t.out.ClusterArn, t.out.TaskDefinitionArn = &arn, aws.String(c.arn), rev.out.TaskDefinitionArn
	t.out.Cpu, t.out.Memory, t.out.EphemeralStorage = rev.out.Cpu, rev.out.Memory, rev.out.EphemeralStorage
	if t.out.EphemeralStorage == nil {
		t.out.EphemeralStorage = &ecs.EphemeralStorage{SizeInGiB: aws.Int64(20)}
	}
	t.out.LaunchType, t.out.PlatformFamily = aws.String(ecs.LaunchTypeFargate), aws.String("Linux")
	t.out.PlatformVersion = aws.String("1.4.0")
	t.out.CreatedAt = aws.Time(r.now)
	t.attach(r, network)
	slow := time.Duration(0)
	for _, d := range rev.out.ContainerDefinitions {
		part := newContainer(d, t.out.Overrides, ecs.Container{
			ContainerArn: aws.String(r.arn("ecs", fmt.Sprintf("container/%s/%s/%s", c.name, t.id, r.aws.uuid()))), TaskArn: &arn,
			Name: d.Name, Image: d.Image, Cpu: aws.String(fmt.Sprint(aws.Int64Value(d.Cpu))),
			NetworkBindings: []*ecs.NetworkBinding{},
			NetworkInterfaces: []*ecs.NetworkInterface{
				{AttachmentId: t.out.Attachments[0].Id, PrivateIpv4Address: aws.String(t.address)},
			},
		})
		if t.isolated {
			part.image.fault = faultUnreachable
		}
		if part.image.fault == faultSlowStart {
			slow = slowStart
		}
		t.parts = append(t.parts, part)
	}
	t.set(taskProvisioning, taskRunning)
	belong(t)
	c.tasks.put(t.id, t)
	r.region.ecs.live++
	r.after(r.aws.lags.Provision+slow, t.start)
	return t
}

// attach gives the task a network interface in one of the network's subnets.
func (t *ecsTask) attach(r *request, network *ecs.NetworkConfiguration) {
	s := &r.region.ecs
	n := s.addresses
	s.addresses++
	subnets := []*string{aws.String(SubnetA)}
	if network != nil {
		subnets = network.AwsvpcConfiguration.Subnets
	}
	id := *subnets[n%len(subnets)]
	t.address = fmt.Sprintf("10.0.%d.%d", n/250%250, n%250+4)
	in := r.region.network.subnet(id)
	t.zone, t.isolated = r.region.name+in.zone, in.isolated
	t.out.AvailabilityZone = aws.String(t.zone)
	t.out.Attachments = []*ecs.Attachment{{
		Id: aws.String(r.aws.uuid()), Type: aws.String("ElasticNetworkInterface"), Status: aws.String("ATTACHED"),
		Details: []*ecs.KeyValuePair{
			{Name: aws.String("subnetId"), Value: aws.String(id)},
			{Name: aws.String("networkInterfaceId"), Value: aws.String(fmt.Sprintf("eni-%017x", n+1))},
			{Name: aws.String("macAddress"), Value: aws.String(fmt.Sprintf("0a:00:00:%02x:%02x:%02x", n>>16&255, n>>8&255, n&255))},
			{Name: aws.String("privateIPv4Address"), Value: aws.String(t.address)},
		},
	}}
}

// start is the task's way to RUNNING, or to STOPPED if something that it needs is not there.
func (t *ecsTask) start(r *request) {
	if !t.wanted() {
		return
	}
	if reason := t.initialize(r); reason != "" {
		t.fail(r, ecs.TaskStopCodeTaskFailedToStart, reason)
		return
	}
	t.pulled = true
	t.out.StartedAt, t.out.Connectivity, t.out.ConnectivityAt = aws.Time(r.now), aws.String(ecs.ConnectivityConnected), aws.Time(r.now)
	if t.endsAtOnce(r) {
		return
	}
	t.set(taskRunning, taskRunning)
	for _, part := range t.parts {
		t.run(r, part)
	}
	if t.service != nil {
		t.register(r)
		t.registerTargets(r)
		t.becameReady(r)
	}
}

// fail stops the task at once.
func (t *ecsTask) fail(r *request, code, reason string) {
	t.out.StopCode, t.out.StoppedReason, t.out.StoppingAt = aws.String(code), aws.String(reason), aws.Time(r.now)
	if svc := t.service; svc != nil {
		if code == ecs.TaskStopCodeTaskFailedToStart {
			svc.event(r, "was unable to place a task. Reason: %s.", strings.TrimSuffix(reason, "."))
		}
		svc.failed(r, t.deployment)
	}
	t.finish(r)
}

// register enters the task into its service's registries, as an instance that is called like the task.
func (t *ecsTask) register(r *request) {
	for _, registry := range t.registries {
		attributes := map[string]string{
			"AWS_INSTANCE_IPV4":          t.address,
			"AVAILABILITY_ZONE":          t.zone,
			"REGION":                     r.region.name,
			"ECS_CLUSTER_NAME":           t.cluster.name,
			"ECS_SERVICE_NAME":           t.service.name,
			"ECS_TASK_DEFINITION_FAMILY": t.definition.family.name,
		}
		port := registry.Port
		if port == nil {
			port = registry.ContainerPort
		}
		if port != nil {
			attributes["AWS_INSTANCE_PORT"] = fmt.Sprint(*port)
		}
		r.region.servicediscovery.register(aws.StringValue(registry.RegistryArn), t.id, attributes)
		t.registered = true
	}
}

// stop begins to stop the task, unless that has begun.
func (t *ecsTask) stop(r *request, code, reason string) {
	if !t.wanted() {
		return
	}
	t.out.StopCode, t.out.StoppedReason, t.out.StoppingAt = aws.String(code), aws.String(reason), aws.Time(r.now)
	t.drainTargets(r)
	if t.running() {
		t.set(taskDeactivating, taskStopped)
	} else {
		t.set(taskDeprovisioning, taskStopped)
	}
	r.after(r.aws.lags.Drain, t.finish)
}

// finish is the task's way to STOPPED.
func (t *ecsTask) finish(r *request) {
	for _, part := range t.parts {
		if t.out.StartedAt != nil && !part.stopped { // asked to end, a server ends with 0, and a shell that sleeps has to be killed
			part.end(map[bool]int64{true: 137}[part.scripted], "")
		}
	}
	t.set(taskStopped, taskStopped)
	t.out.StoppedAt, t.out.ExecutionStoppedAt = aws.Time(r.now), aws.Time(r.now)
	t.removeTargets(r)
	r.region.ecs.live--
	t.cluster.tasks.delete(t.id)
	t.cluster.ended.put(t.id, t)
	if t.registered {
		r.after(r.aws.lags.Register, t.deregister)
	}
	if svc := t.service; svc != nil {
		svc.tasks = slices.DeleteFunc(svc.tasks, func(other *ecsTask) bool { return other == t })
		svc.ended = append(svc.ended, t)
		svc.schedule(r)
	}
	r.remember(t.forget)
	r.finishDeletions()
}

func (t *ecsTask) deregister(r *request) {
	for _, registry := range t.registries {
		r.region.servicediscovery.deregister(aws.StringValue(registry.RegistryArn), t.id)
	}
}

// forget ends the time in which a STOPPED task is remembered.
func (t *ecsTask) forget() {
	t.cluster.ended.delete(t.id)
	if svc := t.service; svc != nil {
		svc.ended = slices.DeleteFunc(svc.ended, func(other *ecsTask) bool { return other == t })
	}
}

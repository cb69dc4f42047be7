package localaws

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

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
	out        ecs.Task // as ECS answers it, without tags
	tags       tagList
	address    string
	zone       string
	registered bool
}

func (t *ecsTask) running() bool { return *t.out.LastStatus == taskRunning }

// ready reports whether the task counts as healthy for its service.
func (t *ecsTask) ready() bool { return t.running() }

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
	t.out.Version = aws.Int64(aws.Int64Value(t.out.Version) + 1)
	containers := make([]*ecs.Container, len(t.out.Containers))
	for i, c := range t.out.Containers {
		changed := *c
		changed.LastStatus = aws.String("PENDING")
		if last != taskProvisioning {
			changed.LastStatus = aws.String(last)
		}
		containers[i] = &changed
	}
	t.out.Containers = containers
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
	t.out.HealthStatus, t.out.CreatedAt = aws.String(ecs.HealthStatusUnknown), aws.Time(r.now)
	t.attach(r, network)
	for _, d := range rev.out.ContainerDefinitions {
		t.out.Containers = append(t.out.Containers, &ecs.Container{
			ContainerArn: aws.String(r.arn("ecs", fmt.Sprintf("container/%s/%s/%s", c.name, t.id, r.aws.uuid()))), TaskArn: &arn,
			Name: d.Name, Image: d.Image, Cpu: aws.String(fmt.Sprint(aws.Int64Value(d.Cpu))), HealthStatus: aws.String(ecs.HealthStatusUnknown),
			NetworkBindings: []*ecs.NetworkBinding{},
			NetworkInterfaces: []*ecs.NetworkInterface{
				{AttachmentId: t.out.Attachments[0].Id, PrivateIpv4Address: aws.String(t.address)},
			},
		})
	}
	t.set(taskProvisioning, taskRunning)
	belong(t)
	c.tasks.put(t.id, t)
	r.region.ecs.live++
	r.after(r.aws.lags.Provision, t.start)
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
	t.zone = r.region.name + r.region.network.subnet(id).zone
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
	t.out.PullStartedAt, t.out.PullStoppedAt = aws.Time(r.now), aws.Time(r.now)
	reason := r.secretsMissing(t.definition)
	if reason == "" {
		reason = t.writeLogs(r)
	}
	if reason != "" {
		t.fail(r, ecs.TaskStopCodeTaskFailedToStart, "ResourceInitializationError: "+reason)
		return
	}
	t.out.StartedAt, t.out.Connectivity, t.out.ConnectivityAt = aws.Time(r.now), aws.String(ecs.ConnectivityConnected), aws.Time(r.now)
	for _, c := range t.definition.out.ContainerDefinitions {
		if _, exits := exitCode(c, t.out.Overrides); exits && *c.Essential {
			t.fail(r, ecs.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
			return
		}
	}
	t.set(taskRunning, taskRunning)
	if t.service != nil {
		t.register(r)
		t.service.worked(t.deployment)
		t.service.schedule(r)
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

// writeLogs writes what the containers say when they start. It returns why they cannot, or nothing.
func (t *ecsTask) writeLogs(r *request) string {
	for _, c := range t.definition.out.ContainerDefinitions {
		if c.LogConfiguration == nil || aws.StringValue(c.LogConfiguration.LogDriver) != ecs.LogDriverAwslogs {
			continue
		}
		options := c.LogConfiguration.Options
		group := options["awslogs-group"]
		stream := aws.StringValue(options["awslogs-stream-prefix"]) + "/" + *c.Name + "/" + t.id
		there := *r
		there.region = r.account.region(aws.StringValue(options["awslogs-region"]))
		if aws.StringValue(options["awslogs-create-group"]) == "true" {
			_, _ = createLogGroup(&there, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}) // it may be there already
		}
		for _, line := range greeting(c) {
			if !there.region.logs.write(*group, stream, line) {
				return "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
			}
		}
	}
	return ""
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
	if t.running() {
		t.set(taskDeactivating, taskStopped)
	} else {
		t.set(taskDeprovisioning, taskStopped)
	}
	r.after(r.aws.lags.Drain, t.finish)
}

// finish is the task's way to STOPPED.
func (t *ecsTask) finish(r *request) {
	t.set(taskStopped, taskStopped)
	t.out.StoppedAt, t.out.ExecutionStoppedAt = aws.Time(r.now), aws.Time(r.now)
	if t.out.StartedAt != nil {
		for i, c := range t.out.Containers { // fresh copies: set made them
			code, _ := exitCode(t.definition.out.ContainerDefinitions[i], t.out.Overrides)
			c.ExitCode = aws.Int64(code)
		}
	}
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

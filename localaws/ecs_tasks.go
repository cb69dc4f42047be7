package localaws

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/ecs/sdk/ecs"
)

// noCapacity is the reason of tasks that Fargate has no room for.
const noCapacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

// full reports whether Fargate has no room for one more task of the definition (FargateCapacity, or an image that says so).
func (r *request) full(rev *ecsRevision) bool {
	for _, c := range rev.out.ContainerDefinitions {
		if parseImage(*c.Image).fault == faultNoCapacity {
			return true
		}
	}
	return r.aws.quirks.capacity > 0 && r.region.ecs.live >= r.aws.quirks.capacity
}

// startedTasks is what RunTask did with a client token.
type startedTasks struct {
	request *ecs.RunTaskInput
	tasks   []*ecsTask
}

var taskToken = regexp.MustCompile(`^[\x21-\x7e]{0,64}$`)

func runTask(r *request, in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	if err := r.serviceLinkedRole(); err != nil {
		return nil, err
	}
	c, err := r.readyCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	key := c.name + " " + aws.StringValue(in.ClientToken)
	if before := r.region.ecs.started[key]; before != nil && in.ClientToken != nil {
		return before.again(in)
	}
	definition, err := r.usableRevision(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	plan, err := r.planTasks(c, definition, in)
	if err != nil {
		return nil, err
	}
	out := &ecs.RunTaskOutput{Tasks: []*ecs.Task{}, Failures: []*ecs.Failure{}}
	have := map[string]int64{}
	done := &startedTasks{request: in}
	for range plan.count {
		if r.full(definition) {
			out.Failures = append(out.Failures, &ecs.Failure{Reason: aws.String(noCapacity)})
			continue
		}
		task := plan.task
		if name := provider(plan.strategy, have); name != "" {
			have[name]++
			task.CapacityProviderName = aws.String(name)
		}
		t := r.launchTask(c, definition, task, in.NetworkConfiguration, plan.tags, func(*ecsTask) {})
		done.tasks = append(done.tasks, t)
		out.Tasks = append(out.Tasks, t.show(true))
	}
	if in.ClientToken != nil {
		r.region.ecs.started[key] = done
		started := r.region.ecs.started
		r.remember(func() { delete(started, key) })
	}
	return out, nil
}

// again responds to a request whose client token is known.
func (s *startedTasks) again(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	out := &ecs.RunTaskOutput{Tasks: []*ecs.Task{}, Failures: []*ecs.Failure{}}
	var arns []string
	for _, t := range s.tasks {
		out.Tasks = append(out.Tasks, t.show(true))
		arns = append(arns, *t.out.TaskArn)
	}
	if !awsutil.DeepEqual(s.request, in) {
		return nil, &apiError{400, ecs.ErrCodeConflictException, "The client token was used with other parameters.", map[string]any{"resourceIds": arns}}
	}
	return out, nil
}

// taskPlan is what RunTask is going to do.
type taskPlan struct {
	count    int64
	strategy []*ecs.CapacityProviderStrategyItem
	tags     tagList
	task     ecs.Task // what all the tasks show of the request
}

// planTasks checks what RunTask is asked for.
func (r *request) planTasks(c *ecsCluster, definition *ecsRevision, in *ecs.RunTaskInput) (*taskPlan, error) {
	count := int64(1)
	if in.Count != nil {
		count = *in.Count
	}
	switch {
	case count < 1 || count > 10:
		return nil, invalid("count must be between 1 and 10.")
	case len(aws.StringValue(in.StartedBy)) > 128:
		return nil, invalid("startedBy can have at most 128 characters.")
	case !taskToken.MatchString(aws.StringValue(in.ClientToken)):
		return nil, invalid("clientToken can have at most 64 ASCII characters.")
	case len(in.PlacementConstraints) > 0 || len(in.PlacementStrategy) > 0:
		return nil, invalid("Placement constraints and strategies are not supported with FARGATE launch type.")
	}
	launchType, strategy, err := c.launch(in.LaunchType, in.CapacityProviderStrategy, definition)
	if err != nil {
		return nil, err
	}
	if aws.StringValue(launchType) == ecs.LaunchTypeEc2 {
		return nil, invalid("No Container Instances were found in your cluster.")
	}
	if _, err := platformVersion(in.PlatformVersion); err != nil {
		return nil, err
	}
	tags, err := newECSTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := firstError(
		r.checkNetwork(in.NetworkConfiguration, definition), r.checkOverrides(in.Overrides, definition),
		oneOf("propagateTags", in.PropagateTags, []string{ecs.PropagateTagsTaskDefinition, ecs.PropagateTagsNone}),
	); err != nil {
		return nil, err
	}
	if aws.StringValue(in.PropagateTags) == ecs.PropagateTagsTaskDefinition {
		tags = definition.tags.with(tags)
	}
	if aws.BoolValue(in.EnableECSManagedTags) {
		tags = tags.with(tagList{{"aws:ecs:clusterName", c.name}})
	}
	group, overrides := in.Group, in.Overrides
	if group == nil {
		group = aws.String("family:" + definition.family.name)
	}
	if overrides == nil {
		overrides = &ecs.TaskOverride{}
	}
	return &taskPlan{count: count, strategy: strategy, tags: tags, task: ecs.Task{
		Group: group, StartedBy: in.StartedBy, EnableExecuteCommand: aws.Bool(aws.BoolValue(in.EnableExecuteCommand)), Overrides: overrides,
	}}, nil
}

// checkOverrides refuses overrides of what the definition does not have, and roles that ECS cannot assume.
func (r *request) checkOverrides(o *ecs.TaskOverride, definition *ecsRevision) error {
	if o != nil {
		if len(o.InferenceAcceleratorOverrides) > 0 {
			return invalid("Inference accelerators are not supported on Fargate.")
		}
		for _, c := range o.ContainerOverrides {
			if !definition.hasContainer(aws.StringValue(c.Name)) {
				return invalid("Override for container named %s is not a container in the TaskDefinition.", aws.StringValue(c.Name))
			}
		}
		if err := overriddenSize(o, definition); err != nil {
			return err
		}
		if err := firstError(r.checkPassRole(o.ExecutionRoleArn), r.checkPassRole(o.TaskRoleArn)); err != nil {
			return err
		}
	}
	if role := r.unassumable(definition, o); role != "" {
		return clientError("%s", unusableRole(role))
	}
	return nil
}

// overriddenSize refuses a size that Fargate does not have.
func overriddenSize(o *ecs.TaskOverride, definition *ecsRevision) error {
	if o.Cpu == nil && o.Memory == nil {
		return nil
	}
	out := definition.out
	if o.Cpu == nil {
		o = &ecs.TaskOverride{Cpu: out.Cpu, Memory: o.Memory}
	} else if o.Memory == nil {
		o = &ecs.TaskOverride{Cpu: o.Cpu, Memory: out.Memory}
	}
	cpu, okCPU := size(aws.StringValue(o.Cpu), cpuUnits)
	memory, okMemory := size(aws.StringValue(o.Memory), memoryUnits)
	if !okCPU || !okMemory || !fits(cpu, memory, windowsFamily(out.RuntimePlatform)) {
		return clientError("No Fargate configuration exists for given values: %s CPU, %s memory. See the Amazon ECS documentation for the valid values.", aws.StringValue(o.Cpu), aws.StringValue(o.Memory))
	}
	return nil
}

func (rev *ecsRevision) hasContainer(name string) bool {
	for _, c := range rev.out.ContainerDefinitions {
		if *c.Name == name {
			return true
		}
	}
	return false
}

// task returns the cluster's task that an id or an ARN means, or nil; what can be neither is an error.
func (r *request) task(c *ecsCluster, ref string) (*ecsTask, error) {
	id := ref
	if strings.HasPrefix(ref, "arn:") {
		rest, ok := strings.CutPrefix(ref, r.arn("ecs", "task/"))
		cluster, name, long := strings.Cut(rest, "/")
		switch {
		case !ok:
			return nil, invalid("Invalid identifier: '%s' is not a task of this account and region.", ref)
		case !long:
			name = cluster
		case cluster != c.name:
			return nil, invalid("Invalid identifier: Identifier is for %s. Your cluster is %s", cluster, c.name)
		}
		id = name
	}
	if len(id) != 32 && len(id) != 36 {
		return nil, invalid("taskId length should be one of [32,36]")
	}
	return c.task(id), nil
}

// task returns the task with the id, or nil.
func (c *ecsCluster) task(id string) *ecsTask {
	if t, ok := c.tasks.get(id); ok {
		return t
	}
	t, _ := c.ended.get(id)
	return t
}

func describeTasks(r *request, in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	switch {
	case len(in.Tasks) == 0:
		return nil, invalid("Tasks cannot be empty.")
	case len(in.Tasks) > 100:
		return nil, invalid("Tasks can have at most 100 items.")
	}
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &ecs.DescribeTasksOutput{Tasks: []*ecs.Task{}, Failures: []*ecs.Failure{}}
	for _, ref := range in.Tasks {
		t, err := r.task(c, aws.StringValue(ref))
		switch {
		case err != nil:
			return nil, err
		case t == nil || !r.visible(t.created):
			out.Failures = append(out.Failures, missing(r.asARN("task/"+c.name+"/", ref)))
		default:
			out.Tasks = append(out.Tasks, t.show(wants(in.Include, ecs.TaskFieldTags)))
		}
	}
	return out, nil
}

func stopTask(r *request, in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	t, err := r.task(c, aws.StringValue(in.Task))
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, invalid("The referenced task was not found.")
	case len(aws.StringValue(in.Reason)) > 1024:
		return nil, invalid("reason can have at most 1024 characters.")
	}
	reason := "Task stopped by user"
	if in.Reason != nil {
		reason = *in.Reason
	}
	t.stop(r, ecs.TaskStopCodeUserInitiated, reason)
	if t.service != nil {
		t.service.steady = false
		r.after(0, t.service.schedule)
	}
	return &ecs.StopTaskOutput{Task: t.show(true)}, nil
}

func listTasks(r *request, in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if in.StartedBy != nil && (in.ServiceName != nil || in.Family != nil) {
		return nil, invalid("startedBy must be the only filter.")
	}
	if err := firstError(oneOf("desiredStatus", in.DesiredStatus, ecs.DesiredStatus_Values()), oneOf("launchType", in.LaunchType, ecs.LaunchType_Values())); err != nil {
		return nil, err
	}
	tasks, err := r.listed(c, in)
	if err != nil {
		return nil, err
	}
	page, next, err := ecsPage(tasks, in.NextToken, in.MaxResults, 100, func(t *ecsTask) bool { return r.visible(t.created) && t.matches(in) })
	if err != nil {
		return nil, err
	}
	out := &ecs.ListTasksOutput{TaskArns: []*string{}, NextToken: next}
	for _, t := range page {
		out.TaskArns = append(out.TaskArns, t.out.TaskArn)
	}
	return out, nil
}

// listed returns the tasks that a list call looks at: those of a service or of the cluster, the STOPPED ones if it asks for such.
func (r *request) listed(c *ecsCluster, in *ecs.ListTasksInput) (*ordered[*ecsTask], error) {
	stopped := aws.StringValue(in.DesiredStatus) == ecs.DesiredStatusStopped
	if in.ServiceName == nil && !stopped {
		return &c.tasks, nil
	}
	tasks := &ordered[*ecsTask]{}
	if in.ServiceName == nil {
		for _, all := range []*ordered[*ecsTask]{&c.ended, &c.tasks} {
			for id, t := range all.all() {
				tasks.put(id, t)
			}
		}
		return tasks, nil
	}
	svc := r.service(c, *in.ServiceName)
	if svc == nil {
		return nil, noService()
	}
	for _, t := range svc.tasks {
		tasks.put(t.id, t)
	}
	if stopped {
		for _, t := range svc.ended {
			tasks.put(t.id, t)
		}
	}
	return tasks, nil
}

// matches reports whether the task passes the filters of a list call; without one for the status, only running ones do.
func (t *ecsTask) matches(in *ecs.ListTasksInput) bool {
	status := ecs.DesiredStatusRunning
	if in.DesiredStatus != nil {
		status = *in.DesiredStatus
	}
	return *t.out.DesiredStatus == status && in.ContainerInstance == nil &&
		(in.Family == nil || *in.Family == t.definition.family.name) &&
		(in.StartedBy == nil || *in.StartedBy == aws.StringValue(t.out.StartedBy)) &&
		(in.LaunchType == nil || *in.LaunchType == *t.out.LaunchType)
}

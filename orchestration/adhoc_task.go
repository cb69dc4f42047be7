package orchestration

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// taskID is what ECS allows as a task's id: 32 hexadecimal digits, or a UUID, as they were until 2018.
var taskID = regexp.MustCompile(`^[0-9A-Za-z-]{32,36}$`)

// maxRun is how many tasks one RunTask starts.
const maxRun = 10

// Tasks returns the ARNs of a cluster's tasks. Filter's cluster is a name or an ARN; without a status it is RUNNING. In a cluster that is
// nobody's, tasks of other orgs are left out.
func (o *Orchestrator) Tasks(ctx context.Context, filter ecs.TaskFilter) ([]string, error) {
	name, err := account.ClusterName(filter.Cluster)
	if err != nil {
		return nil, err
	}
	var p common.Problems
	if filter.Service = account.NameOf(filter.Service); filter.Service != "" {
		account.CheckName(&p, "service", filter.Service)
	}
	if filter.Family != "" {
		account.CheckName(&p, "family", filter.Family)
	}
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	ref := filter.Cluster
	filter.Cluster = name
	var arns []string
	var home *awsecs.Cluster
	_, err = saga.Together(
		saga.Do(func(ctx context.Context) (err error) {
			home, err = o.Cluster(ctx, ref)
			return err
		}),
		saga.When(filter.Service != "", saga.Do(func(ctx context.Context) error {
			service, err := o.account.ECS.Service(ctx, name, filter.Service)
			if err == nil && !ecs.ToTags(service.Tags).BelongsTo(o.account.Org) {
				err = account.NoSuch("service", filter.Service)
			}
			return err
		})),
		saga.Do(func(ctx context.Context) (err error) {
			arns, err = o.account.ECS.ListTasks(ctx, filter)
			return err
		}),
	)(ctx)
	if err != nil || ecs.ToTags(home.Tags).OwnedBy(o.account.Org) {
		return arns, err
	}
	return o.visibleTasks(ctx, name, arns)
}

// visibleTasks returns those of the tasks in the cluster that do not carry another org's tag.
func (o *Orchestrator) visibleTasks(ctx context.Context, cluster string, arns []string) ([]string, error) {
	out, err := o.account.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, err
	}
	hidden := map[string]bool{}
	for _, task := range out.Tasks {
		hidden[aws.StringValue(task.TaskArn)] = !ecs.ToTags(task.Tags).BelongsTo(o.account.Org)
	}
	return slices.DeleteFunc(arns, func(arn string) bool { return hidden[arn] }), nil
}

// checkCluster returns NotFound unless the cluster is there for our callers.
func (o *Orchestrator) checkCluster(ctx context.Context, ref string) error {
	_, err := o.Cluster(ctx, ref)
	return err
}

// Task returns a task of the cluster, by its id or ARN. One that has stopped is found for an hour or so.
func (o *Orchestrator) Task(ctx context.Context, cluster, ref string) (*awsecs.Task, error) {
	name, err := account.ClusterName(cluster)
	if err != nil {
		return nil, err
	}
	id, err := taskIn(name, ref)
	if err != nil {
		return nil, err
	}
	var out *awsecs.DescribeTasksOutput
	_, err = saga.Together(
		saga.Do(func(ctx context.Context) error { return o.checkCluster(ctx, cluster) }),
		saga.Do(func(ctx context.Context) (err error) {
			out, err = o.account.ECS.DescribeTasks(ctx, name, []string{id})
			return err
		}),
	)(ctx)
	if err != nil {
		return nil, err
	}
	for _, task := range out.Tasks {
		if ecs.ToTags(task.Tags).BelongsTo(o.account.Org) {
			return task, nil
		}
	}
	return nil, account.NoSuch("task", id)
}

// taskIn returns the id in a reference to a task of the cluster. What can be no task's id is not there.
func taskIn(cluster, ref string) (string, error) {
	id, err := account.Resource("task", ref, "ecs", "task")
	if err != nil {
		return "", err
	}
	if id != ref { // task/ID until 2018, task/CLUSTER/ID since
		if in, rest, ok := strings.Cut(id, "/"); ok {
			if in != cluster {
				return "", account.NoSuch("task", rest+" in cluster "+cluster)
			}
			id = rest
		}
	}
	switch {
	case strings.Contains(id, "/"):
		return "", common.Invalid(common.FieldError{Field: "task", Detail: "must be a task's id or ARN"})
	case !taskID.MatchString(id):
		return "", account.NoSuch("task", id)
	}
	return id, nil
}

// StopTask stops a task of the cluster. The reason is shown with the task; it may be empty.
func (o *Orchestrator) StopTask(ctx context.Context, cluster, ref, reason string) (*awsecs.Task, error) {
	task, err := o.Task(ctx, cluster, ref)
	if err != nil {
		return nil, err
	}
	return o.account.ECS.StopTask(ctx, account.NameOf(aws.StringValue(task.ClusterArn)), account.NameOf(aws.StringValue(task.TaskArn)), reason)
}

// RunTasks starts tasks in the cluster, on Fargate unless in names a strategy, in the account's default network unless in names one. A
// Conflict if none could be started; the answer's failures tell of those that could not when others could.
func (o *Orchestrator) RunTasks(ctx context.Context, cluster string, in *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
	name, err := account.ClusterName(cluster)
	if err != nil {
		return nil, err
	}
	if err := common.Invalid(o.validateRun(name, in)...); err != nil {
		return nil, err
	}
	var definition *awsecs.DescribeTaskDefinitionOutput
	_, err = saga.Together(
		saga.Do(func(ctx context.Context) error { return o.checkCluster(ctx, cluster) }),
		saga.Do(func(ctx context.Context) (err error) {
			definition, err = o.TaskDefinition(ctx, aws.StringValue(in.TaskDefinition))
			return err
		}),
	)(ctx)
	if err != nil {
		return nil, err
	}
	if aws.StringValue(definition.TaskDefinition.Status) != awsecs.TaskDefinitionStatusActive {
		return nil, notActive(definition.TaskDefinition)
	}
	in = o.prepareRun(name, in)
	in.TaskDefinition = definition.TaskDefinition.TaskDefinitionArn // what was looked at is what runs
	var out *awsecs.RunTaskOutput
	err = o.account.Pace.Retry(ctx, func() (err error) {
		out, err = o.account.ECS.RunTask(ctx, in)
		return err
	}, common.ServiceLinkedRole, common.NewRoleAssume, common.NewCluster)
	if err != nil {
		return nil, err
	}
	if len(out.Tasks) == 0 {
		return nil, common.Coded(common.CodeNoTaskStarted, "no task was started: %s", reasons(out.Failures))
	}
	return out, nil
}

// validateRun returns what is wrong with a request to run tasks.
func (o *Orchestrator) validateRun(cluster string, in *awsecs.RunTaskInput) common.Problems {
	var p common.Problems
	if named := aws.StringValue(in.Cluster); named != "" && account.NameOf(named) != cluster {
		p.Add("cluster", "is %q, but the path says %q; leave it out", named, cluster)
	}
	if aws.StringValue(in.TaskDefinition) == "" {
		p.Add("taskdefinition", "is required: a family, family:revision or ARN")
	}
	if in.Count != nil && (*in.Count < 1 || *in.Count > maxRun) {
		p.Add("count", "must be 1 to %d", maxRun)
	}
	if t := aws.StringValue(in.LaunchType); t != "" && t != awsecs.LaunchTypeFargate {
		p.Add("launchtype", "must be FARGATE, or left out")
	}
	if aws.StringValue(in.LaunchType) != "" && len(in.CapacityProviderStrategy) > 0 {
		p.Add("launchtype", "cannot go together with capacityproviderstrategy")
	}
	if t := aws.StringValue(in.PropagateTags); t != "" && t != awsecs.PropagateTagsTaskDefinition && t != awsecs.PropagateTagsNone {
		p.Add("propagatetags", "must be TASK_DEFINITION or NONE")
	}
	var network common.Problems
	spec.CheckNetwork(&network, "", in.NetworkConfiguration)
	p = append(p, network...)
	if in.Overrides != nil {
		if aws.StringValue(in.Overrides.ExecutionRoleArn) != "" {
			p.Add("overrides.executionrolearn", "cannot be chosen: it is that of the task definition")
		}
		spec.CheckRole(&p, o.account.Settings, "overrides.taskrolearn", in.Overrides.TaskRoleArn)
	}
	for i, volume := range in.VolumeConfigurations {
		if volume.ManagedEBSVolume != nil {
			spec.CheckRole(&p, o.account.Settings, fmt.Sprintf("volumeconfigurations[%d].managedebsvolume.rolearn", i), volume.ManagedEBSVolume.RoleArn)
		}
	}
	return append(p, ecs.ToTags(in.Tags).Validate("tags", o.account.Org)...)
}

// prepareRun returns in with the defaults of tasks.
func (o *Orchestrator) prepareRun(cluster string, in *awsecs.RunTaskInput) *awsecs.RunTaskInput {
	out := *in
	out.Cluster = aws.String(cluster)
	out.NetworkConfiguration = spec.Network(o.account.Settings, in.NetworkConfiguration)
	out.Tags = ecs.FromTags(o.adhocTags(ecs.ToTags(in.Tags)))
	out.LaunchType = optional(aws.StringValue(in.LaunchType))
	if out.LaunchType == nil && len(out.CapacityProviderStrategy) == 0 {
		out.LaunchType = aws.String(awsecs.LaunchTypeFargate)
	}
	if out.Count == nil {
		out.Count = aws.Int64(1)
	}
	if out.EnableECSManagedTags == nil {
		out.EnableECSManagedTags = aws.Bool(true)
	}
	out.PropagateTags = aws.String(cmp.Or(aws.StringValue(in.PropagateTags), awsecs.PropagateTagsTaskDefinition))
	out.ClientToken = aws.String(cmp.Or(aws.StringValue(in.ClientToken), uuid.NewString())) // one for all tries: they start one set of tasks
	return &out
}

// optional returns a pointer to s, or nil if s is empty.
func optionalX(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// reasons returns what ECS says of tasks that it did not start, each reason once.
func reasons(failures []*awsecs.Failure) string {
	var all []string
	for _, f := range failures {
		text := aws.StringValue(f.Reason)
		if detail := aws.StringValue(f.Detail); detail != "" {
			text += " (" + detail + ")"
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return cmp.Or(strings.Join(all, "; "), "AWS gives no reason")
}

package adhoc

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Tasks are the tasks in an account's clusters.
type Tasks struct {
	base
	clusters    Clusters
	definitions TaskDefinitions
}

// TaskFilter says which tasks of a cluster are listed.
type TaskFilter struct {
	Cluster string // a name or an ARN
	Service string // a name or an ARN; empty: any
	Family  string // empty: any
	Status  string // RUNNING or STOPPED; empty: RUNNING
}

// taskID is what ECS allows as a task's id: 32 hexadecimal digits, or a UUID, as they were until 2018.
var taskID = regexp.MustCompile(`^[0-9A-Za-z-]{32,36}$`)

// List returns the ARNs of a cluster's tasks. In a cluster that is nobody's, tasks of other orgs are left out.
func (t Tasks) List(ctx context.Context, filter TaskFilter) ([]string, error) {
	name, err := account.ClusterName(filter.Cluster)
	if err != nil {
		return nil, err
	}
	service := account.NameOf(filter.Service)
	if err := checkFilter(service, filter.Family).Err(); err != nil {
		return nil, err
	}
	var arns []string
	var cluster *awsecs.Cluster
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			cluster, err = t.clusters.Show(ctx, filter.Cluster)
			return err
		},
		func(ctx context.Context) error { return t.checkService(ctx, name, service) },
		func(ctx context.Context) (err error) {
			arns, err = t.account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: name, Service: service, Family: filter.Family, Status: filter.Status})
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	if ecs.ToTags(cluster.Tags).TaggedFor(t.account.Org) {
		return arns, nil
	}
	return t.visible(ctx, name, arns)
}

func checkFilter(service, family string) common.Problems {
	var p common.Problems
	if service != "" {
		account.CheckName(&p, "service", service)
	}
	if family != "" {
		account.CheckName(&p, "family", family)
	}
	return p
}

// checkService returns NotFound unless the service, if one is named, exists for our callers.
func (t Tasks) checkService(ctx context.Context, cluster, name string) error {
	if name == "" {
		return nil
	}
	service, err := t.account.ECS.Service(ctx, cluster, name)
	if err == nil && !ecs.ToTags(service.Tags).VisibleTo(t.account.Org) {
		err = account.NoSuch("service", name)
	}
	return err
}

// visible returns those of the tasks in the cluster that do not carry another org's tag.
func (t Tasks) visible(ctx context.Context, cluster string, arns []string) ([]string, error) {
	out, err := t.account.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, err
	}
	hidden := map[string]bool{}
	for _, task := range out.Tasks {
		hidden[aws.StringValue(task.TaskArn)] = !ecs.ToTags(task.Tags).VisibleTo(t.account.Org)
	}
	return slices.DeleteFunc(arns, func(arn string) bool { return hidden[arn] }), nil
}

// Show returns a task of the cluster, by its id or ARN. One that has stopped is found for an hour or so.
func (t Tasks) Show(ctx context.Context, cluster, ref string) (*awsecs.Task, error) {
	name, err := account.ClusterName(cluster)
	if err != nil {
		return nil, err
	}
	id, err := taskIn(name, ref)
	if err != nil {
		return nil, err
	}
	var out *awsecs.DescribeTasksOutput
	err = common.Concurrently(ctx,
		func(ctx context.Context) error {
			_, err := t.clusters.Show(ctx, cluster)
			return err
		},
		func(ctx context.Context) (err error) {
			out, err = t.account.ECS.DescribeTasks(ctx, name, []string{id})
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	for _, task := range out.Tasks {
		if ecs.ToTags(task.Tags).VisibleTo(t.account.Org) {
			return task, nil
		}
	}
	return nil, account.NoSuch("task", id)
}

// taskIn returns the id in a reference to a task of the cluster. What can be no task's id is NotFound.
func taskIn(cluster, ref string) (string, error) {
	id, err := account.Resource("task", ref, "ecs", "task")
	if err != nil {
		return "", err
	}
	if in, rest, ok := strings.Cut(id, "/"); ok { // an ARN has CLUSTER/ID since 2018; so have lists of a managed task definition's tasks
		if in != cluster {
			return "", account.NoSuch("task", rest+" in cluster "+cluster)
		}
		id = rest
	}
	switch {
	case strings.Contains(id, "/"):
		return "", common.Invalid(common.FieldError{Field: "task", Detail: "must be a task's id or ARN"})
	case !taskID.MatchString(id):
		return "", account.NoSuch("task", id)
	}
	return id, nil
}

// Stop stops a task of the cluster. The reason is shown with the task; it may be empty.
func (t Tasks) Stop(ctx context.Context, cluster, ref, reason string) (*awsecs.Task, error) {
	task, err := t.Show(ctx, cluster, ref)
	if err != nil {
		return nil, err
	}
	return t.account.ECS.StopTask(ctx, account.NameOf(aws.StringValue(task.ClusterArn)), account.NameOf(aws.StringValue(task.TaskArn)), reason)
}

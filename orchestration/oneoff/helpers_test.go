package oneoff

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	"go.uber.org/goleak"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/transaction"
	"ecs-api/sts"
	"ecs-api/tagging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a runner in front of an AWS of its own, with the service www in the cluster clu.
type world struct {
	*Runner
	t     testing.TB
	aws   *localaws.AWS
	clock *awstest.Clock
	group *operations.Group
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: awstest.NewClock(), group: operations.NewGroup(operations.Options{})}
	w.aws = localaws.New(localaws.Clock(w.clock.Now))
	w.Runner = w.runner(w.group)
	ours := []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}, {Key: aws.String("team"), Value: aws.String("blue")}}
	_, err := w.account.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu"), Tags: ours, CapacityProviders: aws.StringSlice([]string{"FARGATE"})})
	w.must(err)
	w.must(w.account.Logs.CreateGroup(t.Context(), "clu", common.Tags{{Key: "spinup:org", Value: "localdev"}}))
	w.addRole()
	w.register("app:1")
	_, err = w.account.ECS.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String("clu"), ServiceName: aws.String("www"), TaskDefinition: aws.String("web:1"), DesiredCount: aws.Int64(1), LaunchType: aws.String("FARGATE"), Tags: ours,
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetB}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup})}},
	})
	w.must(err)
	w.register("app:2") // newer than what runs
	return w
}

// addRole adds the execution role of the service's tasks.
func (w *world) addRole() {
	w.t.Helper()
	_, err := w.account.IAM.CreateRole(w.t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("exec"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	w.must(err)
	w.must(w.account.IAM.PutRolePolicy(w.t.Context(), "exec", "p", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`))
}

// runner returns another runner of the same AWS, as on another server.
func (w *world) runner(group *operations.Group) *Runner {
	w.t.Helper()
	sess := awstest.Direct(w.t, w.aws)
	w.t.Cleanup(func() { group.Shutdown(context.WithoutCancel(w.t.Context())) })
	a := account.New(account.Settings{Name: "local", Region: "us-east-1", Org: "localdev"},
		account.Clients{ECS: ecs.New(sess), IAM: iam.New(sess), Logs: cloudwatchlogs.New(sess), STS: sts.New(sess), Tagging: tagging.New(sess)},
		awstest.Hurried)
	show := func(ctx context.Context, cluster, service string) (*awsecs.Service, error) {
		return a.ECS.Service(ctx, cluster, service)
	}
	return New(transaction.New(a, group), logs.New(a), show, WithClock(w.clock.Now, w.clock.Wait))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// register adds a revision to the family web, whose container web is essential and whose container side is not.
func (w *world) register(image string) {
	w.t.Helper()
	log := &awsecs.LogConfiguration{LogDriver: aws.String("awslogs"), Options: aws.StringMap(map[string]string{"awslogs-group": "clu", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "www"})}
	_, err := w.account.ECS.RegisterTaskDefinition(w.t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("1024"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/exec"),
		ContainerDefinitions: []*awsecs.ContainerDefinition{
			{Name: aws.String("side"), Image: aws.String("side:1"), Essential: aws.Bool(false), LogConfiguration: log},
			{Name: aws.String("web"), Image: aws.String(image), Essential: aws.Bool(true), Memory: aws.Int64(900), LogConfiguration: log},
		},
	})
	w.must(err)
}

// tasks are the tasks of the cluster that requests for one-off tasks have started: all, and those that are to run.
func (w *world) tasks() (all []*awsecs.Task, running int) {
	w.t.Helper()
	for _, status := range []string{"RUNNING", "STOPPED"} {
		arns, err := w.account.ECS.ListTasks(w.t.Context(), ecs.TaskFilter{Cluster: "clu", Status: status})
		w.must(err)
		if len(arns) == 0 {
			continue
		}
		out, err := w.account.ECS.DescribeTasks(w.t.Context(), "clu", arns)
		w.must(err)
		for _, task := range out.Tasks {
			if aws.StringValue(task.Group) != "run:www" {
				continue
			}
			all = append(all, task)
			if status == "RUNNING" {
				running++
			}
		}
	}
	return all, running
}

// command is a request that runs a shell's command.
func command(text string) *Input { return &Input{Command: aws.StringSlice([]string{"sh", "-c", text})} }

package localaws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// lags of a world in which time matters.
var slowly = localaws.Lags{Provision: 10 * time.Second, Drain: 30 * time.Second, Register: 5 * time.Second}

// ecsWorld is an AWS with a cluster, an execution role, a log group and a task definition to make services of.
type ecsWorld struct {
	*ecs.ECS
	t        *testing.T
	aws      *localaws.AWS
	clock    *fakeClock
	iam      *iam.IAM
	logs     *cloudwatchlogs.CloudWatchLogs
	registry *servicediscovery.ServiceDiscovery
	role     string // the execution role's ARN
}

func newECSWorld(t *testing.T, opts ...localaws.Option) *ecsWorld {
	t.Helper()
	clock := newFakeClock()
	a := localaws.New(append([]localaws.Option{localaws.Clock(clock.Now)}, opts...)...)
	sess := newSession(t, a)
	w := &ecsWorld{ECS: ecs.New(sess), t: t, aws: a, clock: clock, iam: iam.New(sess), logs: cloudwatchlogs.New(sess), registry: servicediscovery.New(sess)}
	w.role = w.addRole("exec")
	clock.Advance(time.Minute) // the role is not new
	w.allowTasks("exec")
	must[*ecs.CreateClusterOutput](t)(w.CreateCluster(&ecs.CreateClusterInput{
		ClusterName: aws.String("clu"), CapacityProviders: aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"}),
		DefaultCapacityProviderStrategy: []*ecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: aws.Int64(1)}},
		Tags:                            []*ecs.Tag{{Key: aws.String("org"), Value: aws.String("local")}},
	}))
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(w.logs.CreateLogGroup(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("clu")}))
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(w.definition("web")))
	return w
}

func (w *ecsWorld) addRole(name string) (arn string) {
	w.t.Helper()
	out := must[*iam.CreateRoleOutput](w.t)(w.iam.CreateRole(&iam.CreateRoleInput{
		RoleName:                 aws.String(name),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	}))
	return *out.Role.Arn
}

// allowTasks gives a role what the tasks of the tests need.
func (w *ecsWorld) allowTasks(name string) {
	w.t.Helper()
	must[*iam.AttachRolePolicyOutput](w.t)(w.iam.AttachRolePolicy(&iam.AttachRolePolicyInput{
		RoleName: aws.String(name), PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"),
	}))
	w.allow(name, "read", `{"Statement":{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","ssm:GetParameters","logs:CreateLogGroup"],"Resource":"*"}}`)
}

// allow gives a role an inline policy.
func (w *ecsWorld) allow(role, name, document string) {
	w.t.Helper()
	must[*iam.PutRolePolicyOutput](w.t)(w.iam.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &document}))
}

// definition returns a task definition that Fargate accepts.
func (w *ecsWorld) definition(family string) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
		RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), ExecutionRoleArn: aws.String(w.role),
		ContainerDefinitions: []*ecs.ContainerDefinition{{
			Name: aws.String("webserver"), Image: aws.String("nginx:alpine"),
			PortMappings: []*ecs.PortMapping{{ContainerPort: aws.Int64(80)}},
			LogConfiguration: &ecs.LogConfiguration{LogDriver: aws.String("awslogs"), Options: aws.StringMap(map[string]string{
				"awslogs-group": "clu", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "www",
			})},
		}},
		Tags: []*ecs.Tag{{Key: aws.String("kind"), Value: aws.String("definition")}},
	}
}

func network() *ecs.NetworkConfiguration {
	return &ecs.NetworkConfiguration{AwsvpcConfiguration: &ecs.AwsVpcConfiguration{
		Subnets: aws.StringSlice([]string{localaws.SubnetA, localaws.SubnetB}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup}),
	}}
}

// input returns a service that ECS accepts.
func (w *ecsWorld) input(name string) *ecs.CreateServiceInput {
	return &ecs.CreateServiceInput{
		Cluster: aws.String("clu"), ServiceName: aws.String(name), TaskDefinition: aws.String("web"),
		DesiredCount: aws.Int64(1), NetworkConfiguration: network(),
		Tags: []*ecs.Tag{{Key: aws.String("org"), Value: aws.String("local")}},
	}
}

func (w *ecsWorld) create(in *ecs.CreateServiceInput) *ecs.Service {
	w.t.Helper()
	return must[*ecs.CreateServiceOutput](w.t)(w.CreateService(in)).Service
}

// describe returns the service, or fails the test.
func (w *ecsWorld) describe(name string) *ecs.Service {
	w.t.Helper()
	out := must[*ecs.DescribeServicesOutput](w.t)(w.DescribeServices(&ecs.DescribeServicesInput{
		Cluster: aws.String("clu"), Services: aws.StringSlice([]string{name}), Include: aws.StringSlice([]string{"TAGS"}),
	}))
	if len(out.Services) != 1 {
		w.t.Fatalf("describing %s: %v", name, out)
	}
	return out.Services[0]
}

// events returns a service's events, oldest first, without the ids in them.
func events(svc *ecs.Service) []string {
	var out []string
	for _, e := range svc.Events {
		message := *e.Message
		for _, mark := range []string{"(task ", "(deployment "} {
			if i := strings.Index(message, mark); i >= 0 {
				message = message[:i+len(mark)-1] + message[i+strings.Index(message[i:], ")"):]
			}
		}
		out = append([]string{message}, out...)
	}
	return out
}

// tasks returns the ids of the cluster's tasks that the filter finds.
func (w *ecsWorld) tasks(in ecs.ListTasksInput) []string {
	w.t.Helper()
	in.Cluster = aws.String("clu")
	out := must[*ecs.ListTasksOutput](w.t)(w.ListTasks(&in))
	var ids []string
	for _, arn := range aws.StringValueSlice(out.TaskArns) {
		ids = append(ids, arn[strings.LastIndex(arn, "/")+1:])
	}
	return ids
}

func (w *ecsWorld) task(id string) *ecs.Task {
	w.t.Helper()
	out := must[*ecs.DescribeTasksOutput](w.t)(w.DescribeTasks(&ecs.DescribeTasksInput{
		Cluster: aws.String("clu"), Tasks: []*string{&id}, Include: aws.StringSlice([]string{"TAGS"}),
	}))
	if len(out.Tasks) != 1 {
		w.t.Fatalf("describing task %s: %v", id, out)
	}
	return out.Tasks[0]
}

func TestAServiceLives(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	registryID := w.addRegistry("www")
	in := w.input("www")
	in.ServiceRegistries = []*ecs.ServiceRegistry{{RegistryArn: aws.String(w.registryARN(registryID))}}
	in.PropagateTags, in.EnableECSManagedTags = aws.String("SERVICE"), aws.Bool(true)
	created := w.create(in)
	if *created.Status != "ACTIVE" || *created.RunningCount != 0 || *created.Deployments[0].RolloutState != "IN_PROGRESS" {
		t.Errorf("a new service: %v", created)
	}

	svc := w.describe("www")
	if *svc.PendingCount != 1 || *svc.RunningCount != 0 {
		t.Errorf("before it is provisioned: %d pending, %d running", *svc.PendingCount, *svc.RunningCount)
	}
	ids := w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www")})
	if len(ids) != 1 {
		t.Fatalf("tasks %v", ids)
	}
	if task := w.task(ids[0]); *task.LastStatus != "PROVISIONING" || *task.DesiredStatus != "RUNNING" || *task.Group != "service:www" || *task.CapacityProviderName != "FARGATE" {
		t.Errorf("a new task: %v", task)
	}

	w.clock.Advance(slowly.Provision)
	svc = w.describe("www")
	if *svc.RunningCount != 1 || *svc.Deployments[0].RolloutState != "COMPLETED" {
		t.Errorf("after provisioning: %v", svc)
	}
	want := []string{
		"(service www) has started 1 tasks: (task).", "(service www) (deployment) deployment completed.", "(service www) has reached a steady state.",
	}
	if diff := cmp.Diff(want, events(svc)); diff != "" {
		t.Errorf("events: %s", diff)
	}
	tags := map[string]string{}
	for _, tag := range w.task(ids[0]).Tags {
		tags[*tag.Key] = *tag.Value
	}
	if diff := cmp.Diff(map[string]string{"org": "local", "aws:ecs:clusterName": "clu", "aws:ecs:serviceName": "www"}, tags); diff != "" {
		t.Errorf("a task's tags: %s", diff)
	}
	log := must[*cloudwatchlogs.GetLogEventsOutput](t)(w.logs.GetLogEvents(&cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("clu"), LogStreamName: aws.String("www/webserver/" + ids[0]), StartFromHead: aws.Bool(true),
	}))
	if len(log.Events) != 3 || !strings.Contains(*log.Events[1].Message, "listening on 0.0.0.0:80/tcp") {
		t.Errorf("log: %v", log.Events)
	}
	if got := w.instances(registryID); !cmp.Equal(got, ids) {
		t.Errorf("instances %v, want %v", got, ids)
	}

	deleted := must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), Force: aws.Bool(true)})).Service
	if *deleted.Status != "DRAINING" || *deleted.DesiredCount != 0 {
		t.Errorf("just deleted: %v", deleted)
	}
	testRefusals(t, []refusal{
		{"creating a service that drains", func() error { return failing(w.CreateService(in)) }, "InvalidParameterException"},
		{"updating a service that drains", func() error {
			return failing(w.UpdateService(&ecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("www")}))
		}, "ServiceNotActiveException"},
		{"deleting it again", func() error {
			return failing(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www")}))
		}, ""},
		{"deleting its cluster", func() error {
			return failing(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("clu")}))
		}, "ClusterContainsTasksException"},
	})
	if services := w.list(ecs.ListServicesInput{}); len(services) != 0 {
		t.Errorf("a draining service is listed: %v", services)
	}

	w.clock.Advance(slowly.Drain)
	if svc := w.describe("www"); *svc.Status != "INACTIVE" {
		t.Errorf("drained: %v", svc)
	}
	if task := w.task(ids[0]); *task.LastStatus != "STOPPED" || *task.StopCode != "ServiceSchedulerInitiated" || *task.Containers[0].ExitCode != 0 {
		t.Errorf("a drained service's task: %v", task)
	}
	if got := w.instances(registryID); !cmp.Equal(got, ids) {
		t.Errorf("the instance left too early: %v", got)
	}
	w.clock.Advance(slowly.Register)
	if got := w.instances(registryID); len(got) != 0 {
		t.Errorf("instances %v are left", got)
	}
	w.clock.Advance(time.Hour)
	out := must[*ecs.DescribeTasksOutput](t)(w.DescribeTasks(&ecs.DescribeTasksInput{Cluster: aws.String("clu"), Tasks: aws.StringSlice(ids)}))
	if len(out.Tasks) != 0 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("a task is remembered too long: %v", out)
	}
	w.create(in)
}

func (w *ecsWorld) addRegistry(name string) (id string) {
	w.t.Helper()
	out := must[*servicediscovery.CreateServiceOutput](w.t)(w.registry.CreateService(&servicediscovery.CreateServiceInput{
		Name: aws.String(name), NamespaceId: aws.String(localaws.Namespace),
		DnsConfig: &servicediscovery.DnsConfig{DnsRecords: []*servicediscovery.DnsRecord{{Type: aws.String("A"), TTL: aws.Int64(30)}}},
	}))
	return *out.Service.Id
}

func (w *ecsWorld) registryARN(id string) string {
	return "arn:aws:servicediscovery:us-east-1:" + localaws.DefaultAccount + ":service/" + id
}

func (w *ecsWorld) instances(registryID string) []string {
	w.t.Helper()
	out := must[*servicediscovery.ListInstancesOutput](w.t)(w.registry.ListInstances(&servicediscovery.ListInstancesInput{ServiceId: &registryID}))
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, *i.Id)
	}
	return ids
}

// list returns the names of all services that the filter finds, page after page.
func (w *ecsWorld) list(in ecs.ListServicesInput) []string {
	w.t.Helper()
	in.Cluster = aws.String("clu")
	var names []string
	err := w.ListServicesPages(&in, func(page *ecs.ListServicesOutput, _ bool) bool {
		for _, arn := range aws.StringValueSlice(page.ServiceArns) {
			names = append(names, arn[strings.LastIndex(arn, "/")+1:])
		}
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestServicesAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	w.deregister(w.register("old"))
	const invalid = "InvalidParameterException"
	type in = *ecs.CreateServiceInput
	for _, test := range []struct {
		name   string
		change func(in)
		code   string
		says   string
	}{
		{"nothing wrong", func(s in) { s.ServiceName = aws.String("fine") }, "", ""},
		{"a name with a slash", func(s in) { s.ServiceName = aws.String("a/b") }, invalid, "Service name"},
		{"an unknown cluster", func(s in) { s.Cluster = aws.String("nope") }, "ClusterNotFoundException", "Cluster not found."},
		{"no task definition", func(s in) { s.TaskDefinition = nil }, invalid, "TaskDefinition can not be blank."},
		{"an unknown task definition", func(s in) { s.TaskDefinition = aws.String("nope:1") }, "ClientException", "TaskDefinition not found."},
		{"an inactive task definition", func(s in) { s.TaskDefinition = aws.String("old:1") }, "ClientException", "TaskDefinition is inactive"},
		{"a family without active revision", func(s in) { s.TaskDefinition = aws.String("old") }, "ClientException", "TaskDefinition not found."},
		{"a name that is taken", func(s in) { s.ServiceName = aws.String("www") }, invalid, "Creation of service was not idempotent."},
		{"a launch type and a strategy", func(s in) {
			s.LaunchType, s.CapacityProviderStrategy = aws.String("FARGATE"), strategy("FARGATE")
		}, invalid, "Specifying both a launch type and capacity provider strategy is not supported."},
		{"an unknown launch type", func(s in) { s.LaunchType = aws.String("MOON") }, invalid, "launchType"},
		{"a provider that the cluster does not have", func(s in) { s.CapacityProviderStrategy = strategy("mine") }, invalid, "not associated with the cluster"},
		{"no network", func(s in) { s.NetworkConfiguration = nil }, invalid, "Network Configuration must be provided"},
		{"no subnets", func(s in) { s.NetworkConfiguration.AwsvpcConfiguration.Subnets = []*string{} }, invalid, "subnets can not be empty."},
		{"an unknown subnet", func(s in) {
			s.NetworkConfiguration.AwsvpcConfiguration.Subnets = aws.StringSlice([]string{"subnet-x"})
		}, invalid, "The subnet ID 'subnet-x' does not exist"},
		{"an unknown security group", func(s in) {
			s.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = aws.StringSlice([]string{"sg-x"})
		}, invalid, "The security group 'sg-x' does not exist"},
		{"no security groups", func(s in) {
			s.ServiceName, s.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = aws.String("default-group"), nil
		}, "", ""},
		{"a registry that is not there", func(s in) {
			s.ServiceRegistries = []*ecs.ServiceRegistry{{RegistryArn: aws.String(w.registryARN("srv-nope"))}}
		}, "ClientException", `Route 53 error: "ServiceNotFound."`},
		{"a load balancer that is not there", func(s in) {
			s.LoadBalancers = []*ecs.LoadBalancer{{TargetGroupArn: aws.String("arn:x")}}
		}, invalid, "validate the specified targetGroupArn"},
		{"a negative count", func(s in) { s.DesiredCount = aws.Int64(-1) }, invalid, "desiredCount"},
		{"a count past the quota", func(s in) { s.DesiredCount = aws.Int64(5001) }, invalid, "5000"},
		{"a client token that is too long", func(s in) { s.ClientToken = aws.String(strings.Repeat("x", 37)) }, invalid, "clientToken"},
		{"a platform that does not exist", func(s in) { s.PlatformVersion = aws.String("9.9.9") }, "PlatformUnknownException", ""},
		{"tags from nowhere", func(s in) { s.PropagateTags = aws.String("CLUSTER") }, invalid, "propagateTags"},
		{"a deployment that can never proceed", func(s in) {
			s.DeploymentConfiguration = &ecs.DeploymentConfiguration{MaximumPercent: aws.Int64(100)}
		}, invalid, "block deployments"},
		{"51 tags", func(s in) { s.Tags = manyTags(51) }, invalid, "at most 50"},
		{"a tag twice", func(s in) {
			s.Tags = []*ecs.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("2")}}
		}, invalid, "twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := w.input("refused")
			test.change(s)
			err := failing(w.CreateService(s))
			if codeOf(err) != test.code || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %s %q", err, test.code, test.says)
			}
		})
	}
	call := func(cluster, service string) []refusal {
		c, s := aws.String(cluster), aws.String(service)
		describe := &ecs.DescribeServicesInput{Cluster: c, Services: []*string{s}}
		return []refusal{
			{"describing", func() error { return failing(w.DescribeServices(describe)) }, ""},
			{"updating", func() error { return failing(w.UpdateService(&ecs.UpdateServiceInput{Cluster: c, Service: s})) }, "ServiceNotFoundException"},
			{"deleting", func() error { return failing(w.DeleteService(&ecs.DeleteServiceInput{Cluster: c, Service: s})) }, "ServiceNotFoundException"},
			{"listing tasks of", func() error { return failing(w.ListTasks(&ecs.ListTasksInput{Cluster: c, ServiceName: s})) }, "ServiceNotFoundException"},
		}
	}
	testRefusals(t, call("clu", "nope"))
	elsewhere := call("nope", "www")
	for i := range elsewhere {
		elsewhere[i].name, elsewhere[i].code = elsewhere[i].name+" in an unknown cluster", "ClusterNotFoundException"
	}
	testRefusals(t, elsewhere)
	testRefusals(t, []refusal{
		{"11 services at once", func() error {
			_, err := w.DescribeServices(&ecs.DescribeServicesInput{Cluster: aws.String("clu"), Services: aws.StringSlice(make([]string, 11))})
			if !strings.Contains(fmt.Sprint(err), "service names can have at most 10 items.") {
				t.Errorf("AWS says it in other words: %v", err)
			}
			return err
		}, invalid},
		{"no services", func() error {
			return failing(w.DescribeServices(&ecs.DescribeServicesInput{Cluster: aws.String("clu"), Services: []*string{}}))
		}, invalid},
		{"deleting a service with tasks, without force", func() error {
			return failing(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www")}))
		}, invalid},
	})
}

func TestOnlyTheSameRequestCreatesAServiceAgain(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.input("www")
	in.ClientToken = aws.String("token")
	w.create(in)
	if again := w.create(in); *again.ServiceName != "www" {
		t.Errorf("the same request: %v", again)
	}
	in.DesiredCount = aws.Int64(2)
	if err := failing(w.CreateService(in)); codeOf(err) != "InvalidParameterException" {
		t.Errorf("the same token for another count: %v", err)
	}
	other := w.input("www")
	if err := failing(w.CreateService(other)); codeOf(err) != "InvalidParameterException" {
		t.Errorf("no token: %v", err)
	}
}

func TestServicesAreListedInPagesOfTen(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	var want []string
	for i := range 23 {
		in := w.input(fmt.Sprintf("s%02d", i))
		in.DesiredCount = aws.Int64(0)
		if i == 22 {
			in.LaunchType = aws.String("FARGATE")
		}
		w.create(in)
		want = append(want, *in.ServiceName)
	}
	page := must[*ecs.ListServicesOutput](t)(w.ListServices(&ecs.ListServicesInput{Cluster: aws.String("clu")}))
	if len(page.ServiceArns) != 10 || page.NextToken == nil {
		t.Errorf("a page has %d services", len(page.ServiceArns))
	}
	for _, size := range []*int64{nil, aws.Int64(7), aws.Int64(100)} {
		if diff := cmp.Diff(want, w.list(ecs.ListServicesInput{MaxResults: size})); diff != "" {
			t.Errorf("pages of %d: %s", aws.Int64Value(size), diff)
		}
	}
	if got := w.list(ecs.ListServicesInput{LaunchType: aws.String("FARGATE")}); !cmp.Equal(got, []string{"s22"}) {
		t.Errorf("services with a strategy have a launch type: %v", got)
	}
	if err := failing(w.ListServices(&ecs.ListServicesInput{Cluster: aws.String("clu"), MaxResults: aws.Int64(101)})); codeOf(err) != "InvalidParameterException" {
		t.Errorf("a page of 101: %v", err)
	}
}

func (w *ecsWorld) update(in *ecs.UpdateServiceInput) *ecs.Service {
	w.t.Helper()
	in.Cluster, in.Service = aws.String("clu"), aws.String("www")
	return must[*ecs.UpdateServiceOutput](w.t)(w.UpdateService(in)).Service
}

func TestSomeChangesReplaceTheTasks(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	registry := []*ecs.ServiceRegistry{{RegistryArn: aws.String(w.registryARN(w.addRegistry("www")))}}
	w.register("web")
	in := w.input("www")
	in.TaskDefinition = aws.String("web:1")
	w.create(in)
	public := network()
	public.AwsvpcConfiguration.AssignPublicIp = aws.String("ENABLED")
	for _, test := range []struct {
		name     string
		in       *ecs.UpdateServiceInput
		replaces bool
	}{
		{"nothing", &ecs.UpdateServiceInput{}, false},
		{"the same task definition", &ecs.UpdateServiceInput{TaskDefinition: aws.String("web:1")}, false},
		{"another task definition", &ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")}, true},
		{"force", &ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)}, true},
		{"a strategy, with force", &ecs.UpdateServiceInput{CapacityProviderStrategy: strategy("FARGATE_SPOT"), ForceNewDeployment: aws.Bool(true)}, true},
		{"the same strategy", &ecs.UpdateServiceInput{CapacityProviderStrategy: strategy("FARGATE_SPOT")}, false},
		{"ECS Exec", &ecs.UpdateServiceInput{EnableExecuteCommand: aws.Bool(true)}, false},
		{"no rebalancing", &ecs.UpdateServiceInput{AvailabilityZoneRebalancing: aws.String("DISABLED")}, false},
		{"Service Connect", &ecs.UpdateServiceInput{ServiceConnectConfiguration: &ecs.ServiceConnectConfiguration{Enabled: aws.Bool(true)}}, true},
		{"the same Service Connect", &ecs.UpdateServiceInput{ServiceConnectConfiguration: &ecs.ServiceConnectConfiguration{Enabled: aws.Bool(true)}}, false},
		{"where tags come from", &ecs.UpdateServiceInput{PropagateTags: aws.String("SERVICE"), EnableECSManagedTags: aws.Bool(true)}, false},
		{"deployment configuration", &ecs.UpdateServiceInput{DeploymentConfiguration: &ecs.DeploymentConfiguration{MinimumHealthyPercent: aws.Int64(50)}}, false},
		{"network", &ecs.UpdateServiceInput{NetworkConfiguration: public}, true},
		{"registries", &ecs.UpdateServiceInput{ServiceRegistries: registry}, true},
		{"the same registries", &ecs.UpdateServiceInput{ServiceRegistries: registry}, false},
		{"no registries any more", &ecs.UpdateServiceInput{ServiceRegistries: []*ecs.ServiceRegistry{}}, true},
		{"platform", &ecs.UpdateServiceInput{PlatformVersion: aws.String("1.4.0")}, true},
	} {
		before := w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www")})
		w.update(test.in)
		after := w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www")})
		if got := !slices.Equal(before, after); got != test.replaces || len(after) != 1 {
			t.Errorf("%s: tasks %v became %v", test.name, before, after)
		}
		if svc := w.describe("www"); len(svc.Deployments) != 1 || *svc.Deployments[0].RolloutState != "COMPLETED" || *svc.RunningCount != 1 {
			t.Errorf("%s: the service does not settle: %v", test.name, svc)
		}
	}
	svc := w.describe("www")
	got := []any{lastOf(*svc.TaskDefinition), *svc.CapacityProviderStrategy[0].CapacityProvider, *svc.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp, *svc.DeploymentConfiguration.MinimumHealthyPercent, *svc.DeploymentConfiguration.MaximumPercent}
	if diff := cmp.Diff([]any{"web:2", "FARGATE_SPOT", "ENABLED", int64(50), int64(200)}, got); diff != "" {
		t.Error(diff)
	}
	update := func(change ecs.UpdateServiceInput) func() error {
		change.Cluster, change.Service = aws.String("clu"), aws.String("www")
		return func() error { return failing(w.UpdateService(&change)) }
	}
	before := w.aws.Snapshot()
	testRefusals(t, []refusal{
		{"switching to a launch type without force", update(ecs.UpdateServiceInput{CapacityProviderStrategy: strategy()}), "InvalidParameterException"},
		{"another strategy without force", update(ecs.UpdateServiceInput{CapacityProviderStrategy: strategy("FARGATE")}), "InvalidParameterException"},
		{"another weight without force", update(ecs.UpdateServiceInput{CapacityProviderStrategy: []*ecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: aws.Int64(7)}}}), "InvalidParameterException"},
		{"a volume that the task definition does not have", update(ecs.UpdateServiceInput{VolumeConfigurations: []*ecs.ServiceVolumeConfiguration{{Name: aws.String("data")}}}), "InvalidParameterException"},
		{"a port that the task definition does not name", update(ecs.UpdateServiceInput{ServiceConnectConfiguration: &ecs.ServiceConnectConfiguration{
			Enabled: aws.Bool(true), Services: []*ecs.ServiceConnectService{{PortName: aws.String("web")}},
		}}), "InvalidParameterException"},
		{"rebalancing that nobody knows", update(ecs.UpdateServiceInput{AvailabilityZoneRebalancing: aws.String("ON")}), "InvalidParameterException"},
		{"rebalancing that may start no task more", update(ecs.UpdateServiceInput{
			AvailabilityZoneRebalancing: aws.String("ENABLED"), DeploymentConfiguration: &ecs.DeploymentConfiguration{MaximumPercent: aws.Int64(100), MinimumHealthyPercent: aws.Int64(0)},
		}), "InvalidParameterException"},
		{"an unknown task definition", update(ecs.UpdateServiceInput{DesiredCount: aws.Int64(7), TaskDefinition: aws.String("nope")}), "ClientException"},
		{"an unknown registry", update(ecs.UpdateServiceInput{ServiceRegistries: []*ecs.ServiceRegistry{{RegistryArn: aws.String("x")}}}), "ClientException"},
		{"no subnets", update(ecs.UpdateServiceInput{NetworkConfiguration: &ecs.NetworkConfiguration{AwsvpcConfiguration: &ecs.AwsVpcConfiguration{Subnets: []*string{}}}}), "InvalidParameterException"},
	})
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("refused updates changed something: %s", diff)
	}
}

func TestTasksAreReplacedOnlyWhenTheirSuccessorsRun(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	w.create(w.input("www"))
	w.describe("www")
	w.clock.Advance(slowly.Provision)
	w.describe("www")
	svc := w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true), DesiredCount: aws.Int64(2)})
	type deployment struct {
		status                    string
		desired, running, pending int64
	}
	now := func() (got []deployment) {
		for _, d := range w.describe("www").Deployments {
			got = append(got, deployment{*d.Status, *d.DesiredCount, *d.RunningCount, *d.PendingCount})
		}
		return got
	}
	if len(svc.Deployments) != 2 {
		t.Errorf("deployments at once: %v", svc.Deployments)
	}
	if got := now(); !slices.Equal(got, []deployment{{"PRIMARY", 2, 0, 2}, {"ACTIVE", 0, 1, 0}}) {
		t.Errorf("at first %v", got)
	}
	w.clock.Advance(slowly.Provision)
	if got := now(); !slices.Equal(got, []deployment{{"PRIMARY", 2, 2, 0}, {"ACTIVE", 0, 0, 0}}) {
		t.Errorf("while the old task stops %v", got)
	}
	w.clock.Advance(slowly.Drain)
	if got := now(); !slices.Equal(got, []deployment{{"PRIMARY", 2, 2, 0}}) {
		t.Errorf("at last %v", got)
	}
	w.update(&ecs.UpdateServiceInput{DesiredCount: aws.Int64(0)})
	if err := failing(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www")})); !strings.Contains(fmt.Sprint(err), "while deployments are active") {
		t.Errorf("deleting a service whose tasks stop: %v", err)
	}
	w.clock.Advance(slowly.Drain)
	must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www")}))
}

func TestAServiceTriesAgainUntilItsRoleIsThere(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.dropRole("exec")
	w.create(w.input("www"))
	svc := w.describe("www")
	if got := events(svc); len(got) != 1 || !strings.Contains(got[0], "ECS was unable to assume the role '"+w.role+"'") || *svc.RunningCount != 0 {
		t.Errorf("without role: %v", got)
	}
	w.addRole("exec")
	w.allowTasks("exec")
	if svc := w.describe("www"); *svc.RunningCount != 0 {
		t.Errorf("the scheduler did not wait: %v", svc)
	}
	w.clock.Advance(30 * time.Second)
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("with role: %v", events(svc))
	}
}

func TestAServiceSaysWhyItsTasksDoNotStart(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	must[*cloudwatchlogs.DeleteLogGroupOutput](t)(w.logs.DeleteLogGroup(&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("clu")}))
	d := w.definition("creates")
	d.ContainerDefinitions[0].LogConfiguration.Options["awslogs-create-group"] = aws.String("true")
	w.create(w.input("www"))
	svc := w.describe("www")
	if got := strings.Join(events(svc), "\n"); !strings.Contains(got, "ResourceInitializationError") || *svc.Deployments[0].FailedTasks != 1 {
		t.Errorf("without log group: %v", got)
	}
	stopped := w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")})
	if len(stopped) != 1 {
		t.Fatalf("stopped tasks %v", stopped)
	}
	if task := w.task(stopped[0]); *task.StopCode != "TaskFailedToStart" || !strings.Contains(*task.StoppedReason, "The specified log group does not exist") || task.Containers[0].ExitCode != nil {
		t.Errorf("the task: %v", task)
	}
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("creates")})
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("with awslogs-create-group: %v", events(svc))
	}
}

func TestTheCircuitBreakerRollsBack(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.input("www")
	in.DeploymentConfiguration = &ecs.DeploymentConfiguration{DeploymentCircuitBreaker: &ecs.DeploymentCircuitBreaker{Enable: aws.Bool(true), Rollback: aws.Bool(true)}}
	w.create(in)
	broken := w.definition("web")
	broken.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", "exit 3"})
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(broken))
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web")})
	for range 3 {
		w.clock.Advance(2 * time.Minute)
		w.describe("www")
	}
	svc := w.describe("www")
	if lastOf(*svc.TaskDefinition) != "web:1" || *svc.RunningCount != 1 || len(svc.Deployments) != 1 {
		t.Errorf("not rolled back: %v", svc)
	}
	got := strings.Join(events(svc), "\n")
	for _, want := range []string{"deployment failed: tasks failed to start.", "rolling back to deployment"} {
		if !strings.Contains(got, want) {
			t.Errorf("no event says %q: %s", want, got)
		}
	}
	var codes []int64
	for _, id := range w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")}) {
		if task := w.task(id); *task.StopCode == "EssentialContainerExited" {
			codes = append(codes, *task.Containers[0].ExitCode)
		}
	}
	if !slices.Equal(codes, []int64{3, 3, 3}) {
		t.Errorf("tasks failed with %v", codes)
	}
}

func TestAServiceSpreadsOverItsProviders(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.input("www")
	in.DesiredCount = aws.Int64(8)
	in.CapacityProviderStrategy = []*ecs.CapacityProviderStrategyItem{
		{CapacityProvider: aws.String("FARGATE"), Base: aws.Int64(2), Weight: aws.Int64(1)}, {CapacityProvider: aws.String("FARGATE_SPOT"), Weight: aws.Int64(2)},
	}
	w.create(in)
	got := map[string]int{}
	for _, id := range w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), LaunchType: aws.String("FARGATE")}) {
		got[*w.task(id).CapacityProviderName]++
	}
	if diff := cmp.Diff(map[string]int{"FARGATE": 4, "FARGATE_SPOT": 4}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewThingsAreNotSeenAtOnce(t *testing.T) {
	t.Parallel()
	const lag = 5 * time.Second
	w := newECSWorld(t, localaws.WithLags(localaws.Lags{Visible: lag, Cluster: lag}))
	if err := failing(w.CreateService(w.input("www"))); codeOf(err) != "ClusterNotFoundException" {
		t.Errorf("a service in a new cluster: %v", err)
	}
	w.clock.Advance(lag)
	arn := w.create(w.input("www")).ServiceArn
	out := must[*ecs.DescribeServicesOutput](t)(w.DescribeServices(&ecs.DescribeServicesInput{Cluster: aws.String("clu"), Services: []*string{arn}}))
	if len(out.Services) != 0 || *out.Failures[0].Reason != "MISSING" || *out.Failures[0].Arn != *arn {
		t.Errorf("a new service: %v", out)
	}
	if got := w.list(ecs.ListServicesInput{}); len(got) != 0 {
		t.Errorf("a new service is listed: %v", got)
	}
	if err := failing(w.TagResource(&ecs.TagResourceInput{ResourceArn: arn, Tags: manyTags(1)})); codeOf(err) != "ResourceNotFoundException" {
		t.Errorf("tagging a new service: %v", err)
	}
	w.clock.Advance(lag)
	if svc := w.describe("www"); *svc.Status != "ACTIVE" {
		t.Errorf("later: %v", svc)
	}
}

func TestADeletedServiceIsSeenAsItWasForAWhile(t *testing.T) {
	t.Parallel()
	const lag = 5 * time.Second
	w := newECSWorld(t, localaws.WithLags(localaws.Lags{Deleted: lag, Drain: time.Second}))
	w.create(w.input("www"))
	before := w.describe("www")
	deleted := must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), Force: aws.Bool(true)})).Service
	if *deleted.Status != "DRAINING" {
		t.Errorf("the response to the delete: %v", deleted)
	}
	if got := w.list(ecs.ListServicesInput{}); len(got) != 1 {
		t.Errorf("a service that was just deleted is not listed: %v", got)
	}
	w.clock.Advance(lag - time.Second)
	if diff := cmp.Diff(before, w.describe("www")); diff != "" {
		t.Errorf("a service that was just deleted (-before +after):\n%s", diff)
	}
	w.clock.Advance(time.Second)
	if svc := w.describe("www"); *svc.Status != "INACTIVE" || *svc.DesiredCount != 0 {
		t.Errorf("later: %v", svc)
	}
	again := w.create(w.input("www"))
	if svc := w.describe("www"); *svc.Status != "ACTIVE" || !svc.CreatedAt.Equal(*again.CreatedAt) || svc.CreatedAt.Equal(*before.CreatedAt) {
		t.Errorf("one that is created again: %v", svc)
	}
}

// dropRole deletes a role that allowTasks was called for.
func (w *ecsWorld) dropRole(name string) {
	w.t.Helper()
	must[*iam.DetachRolePolicyOutput](w.t)(w.iam.DetachRolePolicy(&iam.DetachRolePolicyInput{
		RoleName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"),
	}))
	must[*iam.DeleteRolePolicyOutput](w.t)(w.iam.DeleteRolePolicy(&iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String("read")}))
	must[*iam.DeleteRoleOutput](w.t)(w.iam.DeleteRole(&iam.DeleteRoleInput{RoleName: &name}))
}

func TestANewServiceIsRebalancedUnlessItSaysNot(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	for name, test := range map[string]struct {
		wanted     *string
		configured *ecs.DeploymentConfiguration
		want       string
	}{
		"unsaid":                   {nil, nil, "ENABLED"},
		"disabled":                 {aws.String("DISABLED"), nil, "DISABLED"},
		"unsaid with no task more": {nil, &ecs.DeploymentConfiguration{MaximumPercent: aws.Int64(100), MinimumHealthyPercent: aws.Int64(0)}, "DISABLED"},
	} {
		in := w.input(strings.ReplaceAll(name, " ", "-"))
		in.AvailabilityZoneRebalancing, in.DeploymentConfiguration = test.wanted, test.configured
		if got := w.create(in); aws.StringValue(got.AvailabilityZoneRebalancing) != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What DescribeServices does not show of a service itself it shows of its deployments, and a rollback restores it.
func TestDeploymentsShowTheirParts(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	definition := w.definition("disk")
	definition.ContainerDefinitions[0].PortMappings[0].Name = aws.String("http")
	definition.Volumes = []*ecs.Volume{{Name: aws.String("data"), ConfiguredAtLaunch: aws.Bool(true)}}
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(definition))
	in := w.input("www")
	in.TaskDefinition = aws.String("disk")
	if err := failing(w.CreateService(in)); codeOf(err) != "InvalidParameterException" {
		t.Errorf("a volume that is not configured: %v", err)
	}
	volumes := []*ecs.ServiceVolumeConfiguration{{Name: aws.String("data"), ManagedEBSVolume: &ecs.ServiceManagedEBSVolumeConfiguration{RoleArn: aws.String(w.role), SizeInGiB: aws.Int64(10)}}}
	connect := &ecs.ServiceConnectConfiguration{Enabled: aws.Bool(true), Services: []*ecs.ServiceConnectService{{PortName: aws.String("http")}}}
	lattice := []*ecs.VpcLatticeConfiguration{{RoleArn: aws.String(w.role), TargetGroupArn: aws.String("arn:aws:vpc-lattice:us-east-1:123456789012:targetgroup/tg-1"), PortName: aws.String("http")}}
	in.VolumeConfigurations, in.ServiceConnectConfiguration, in.VpcLatticeConfigurations = volumes, connect, lattice
	w.create(in)
	svc := w.describe("www")
	got := svc.Deployments[0]
	if diff := cmp.Diff([]any{volumes, connect, lattice}, []any{got.VolumeConfigurations, got.ServiceConnectConfiguration, got.VpcLatticeConfigurations}); diff != "" {
		t.Error(diff)
	}
	revision := must[*ecs.DescribeServiceRevisionsOutput](t)(w.DescribeServiceRevisions(&ecs.DescribeServiceRevisionsInput{
		ServiceRevisionArns: []*string{svc.CurrentServiceRevisions[0].Arn},
	})).ServiceRevisions[0]
	if diff := cmp.Diff([]any{volumes, connect, lattice}, []any{revision.VolumeConfigurations, revision.ServiceConnectConfiguration, revision.VpcLatticeConfigurations}); diff != "" {
		t.Error(diff)
	}
	w.update(&ecs.UpdateServiceInput{Service: aws.String("www"), TaskDefinition: aws.String("web"), VolumeConfigurations: []*ecs.ServiceVolumeConfiguration{}, ServiceConnectConfiguration: &ecs.ServiceConnectConfiguration{Enabled: aws.Bool(false)}})
	if got := w.describe("www").Deployments[0]; len(got.VolumeConfigurations) != 0 || *got.ServiceConnectConfiguration.Enabled || len(got.VpcLatticeConfigurations) != 1 {
		t.Errorf("after the update: %v", got)
	}
}

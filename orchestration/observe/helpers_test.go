package observe

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"go.uber.org/goleak"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/elbv2"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/sts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an observer in front of an AWS of its own, whose time passes when the test says so, with the cluster clu.
type world struct {
	*Observer
	t     testing.TB
	aws   *localaws.AWS
	clock *awstest.Clock
	ticks chan time.Time
}

// lags are the times that AWS takes in tests.
var lags = localaws.Lags{Provision: 5 * time.Second, Drain: 5 * time.Second, Stage: 5 * time.Second, BakeMinute: 10 * time.Second}

func newWorld(t testing.TB, opts ...localaws.Option) *world {
	t.Helper()
	w := &world{t: t, clock: awstest.NewClock(), ticks: make(chan time.Time)}
	w.aws = localaws.New(append([]localaws.Option{localaws.Clock(w.clock.Now), localaws.WithLags(lags)}, opts...)...)
	w.Observer = w.observer(WithTicks(w.ticks))
	w.must(w.account.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu"), Tags: ours, CapacityProviders: aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"})}))
	return w
}

// ours are the tags of what belongs to the org.
var ours = []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}}

// observer returns another observer of the same AWS, as on another server.
func (w *world) observer(opts ...Option) *Observer {
	w.t.Helper()
	sess := w.session()
	o := New(account.New(account.Settings{Name: "local", Region: "us-east-1", Org: "localdev"},
		account.Clients{ECS: ecs.New(sess), Logs: cloudwatchlogs.New(sess), LoadBalancers: elbv2.New(sess), STS: sts.New(sess)}, common.Backoff{}), append([]Option{WithClock(w.clock.Now)}, opts...)...)
	w.t.Cleanup(o.Close)
	return o
}

// session returns a session of the simulated AWS.
func (w *world) session() *common.Session {
	w.t.Helper()
	sess, err := common.NewSession(common.Access{
		Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: "http://localaws", Transport: w.aws.Transport(), Limits: common.NoLimits(),
		Retry: common.RetryPolicy{Throttled: 1, ThrottledWait: time.Millisecond, Failed: 1, FailedWait: time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return sess
}

// must fails the test if err is one.
func (w *world) must(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// register adds a revision to the family web, whose container web runs a command; none for one that runs on.
func (w *world) register(command string) string {
	w.t.Helper()
	in := &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
		RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), Tags: ours,
		ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx:alpine"), PortMappings: []*awsecs.PortMapping{{ContainerPort: aws.Int64(80)}}, Environment: []*awsecs.KeyValuePair{{Name: aws.String("COMMAND"), Value: aws.String(command)}}}},
	}
	if command != "" {
		in.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", command})
	}
	out, err := w.account.ECS.RegisterTaskDefinition(w.t.Context(), in)
	w.must(out, err)
	return *out.TaskDefinition.TaskDefinitionArn
}

// input is a service www with a circuit breaker and rollback.
func input(definition string) *awsecs.CreateServiceInput {
	return &awsecs.CreateServiceInput{
		Cluster: aws.String("clu"), ServiceName: aws.String("www"), TaskDefinition: &definition, DesiredCount: aws.Int64(1), LaunchType: aws.String("FARGATE"), Tags: ours,
		NetworkConfiguration:    &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetA})}},
		DeploymentConfiguration: &awsecs.DeploymentConfiguration{DeploymentCircuitBreaker: &awsecs.DeploymentCircuitBreaker{Enable: aws.Bool(true), Rollback: aws.Bool(true)}},
	}
}

// create makes the service, and returns the id of its deployment.
func (w *world) create(in *awsecs.CreateServiceInput) string {
	w.t.Helper()
	service, err := w.account.ECS.CreateService(w.t.Context(), in)
	w.must(service, err)
	return *service.Deployments[0].Id
}

// update changes the service www to a task definition, and returns the id of the deployment.
func (w *world) update(definition string) string {
	w.t.Helper()
	service, err := w.account.ECS.UpdateService(w.t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), TaskDefinition: &definition})
	w.must(service, err)
	return *service.Deployments[0].Id
}

// steady creates the service with a revision that works, and lets it come up.
func (w *world) steady() (definition, deployment string) {
	w.t.Helper()
	definition = w.register("")
	deployment = w.create(input(definition))
	if r := w.wait(deployment); r.Outcome == nil || *r.Outcome != OutcomeSucceeded {
		w.t.Fatalf("the service does not come up: %+v", r)
	}
	return definition, deployment
}

// status returns the status of www.
func (w *world) status() *Status {
	w.t.Helper()
	s, err := w.Status(w.t.Context(), "clu", "www")
	w.must(s, err)
	return s
}

// wait waits for a deployment of www while time passes, an hour at most.
func (w *world) wait(deployment string) *Result {
	w.t.Helper()
	var result *Result
	w.meanwhile(func(ctx context.Context) (err error) {
		result, err = w.Wait(ctx, "clu", "www", deployment, time.Hour)
		return err
	})
	return result
}

// meanwhile lets three seconds pass for each poll until do returns, an hour at most.
func (w *world) meanwhile(do func(context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	for range 1200 {
		select {
		case err := <-done:
			w.must(nil, err)
			return
		case w.ticks <- time.Time{}:
			w.clock.Advance(3 * time.Second)
		}
	}
	cancel()
	w.t.Fatalf("nothing in an hour: %v; status %+v", <-done, w.status())
}

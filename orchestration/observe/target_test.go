package observe

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/diagnosis"
)

func TestTargetHealthIsPartOfTheStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lbs := awstest.NewLoadBalancers(t, w.session())
	group := lbs.TargetGroup("www", "HTTP", nil)
	lbs.Listener(lbs.Create("www", elbv2.LoadBalancerTypeEnumApplication, nil), "HTTP", 80, awstest.Forward(group))
	in := input(w.register(""))
	in.LoadBalancers = []*awsecs.LoadBalancer{{TargetGroupArn: &group, ContainerName: aws.String("web"), ContainerPort: aws.Int64(80)}}
	w.wait(w.create(in))
	tasks, err := w.account.ECS.DescribeTasks(t.Context(), "clu", []string{w.status().Tasks[0].Id})
	w.must(tasks, err)
	address := *tasks.Tasks[0].Containers[0].NetworkInterfaces[0].PrivateIpv4Address
	s := w.status()
	if len(s.Targets) != 1 || s.Targets[0].Id != address || s.Targets[0].TargetGroupArn != group || s.State != diagnosis.Steady {
		t.Fatalf("got %+v", s)
	}
	w.aws.SetTargetHealth(group, address, "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]")
	s = w.status()
	if s.State != diagnosis.Degraded || len(s.Problems) != 1 || s.Problems[0].Code != diagnosis.TargetUnhealthy || common.Value(s.Targets[0].Reason) != "Health checks failed with these codes: [404]" {
		t.Errorf("got %+v", s)
	}
	w.aws.Inject(localaws.Fault{Operation: "DescribeTargetHealth", Effect: localaws.Refuse})
	if s := w.status(); s.State != diagnosis.Steady || len(s.Targets) != 0 {
		t.Errorf("a role that may not look at targets: %+v", s)
	}
}

package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

const alb, nlb = elbv2.LoadBalancerTypeEnumApplication, elbv2.LoadBalancerTypeEnumNetwork

// healthOf returns the targets of a target group: "10.0.0.4:80 healthy".
func healthOf(lbs awstest.LoadBalancers, group string, targets ...*elbv2.TargetDescription) []string {
	out := awstest.Must[*elbv2.DescribeTargetHealthOutput](lbs.T, "health")(lbs.DescribeTargetHealth(&elbv2.DescribeTargetHealthInput{TargetGroupArn: &group, Targets: targets}))
	var all []string
	for _, d := range out.TargetHealthDescriptions {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s:%d %s %s", *d.Target.Id, *d.Target.Port, *d.TargetHealth.State, aws.StringValue(d.TargetHealth.Reason))))
	}
	return all
}

func TestLoadBalancersAreDescribedAsTheyWereCreated(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	lbs := awstest.NewLoadBalancers(t, newSession(t, sim))
	web, canary := lbs.TargetGroup("web", "HTTP", nil), lbs.TargetGroup("canary", "HTTP", common.Tags{{Key: "k", Value: "v"}})
	balancer := lbs.Create("front", alb, common.Tags{{Key: "spinup:org", Value: "localdev"}})
	if again := lbs.Create("front", alb, nil); again != balancer {
		t.Errorf("the same request again: %s, want %s", again, balancer)
	}
	listener := lbs.Listener(balancer, "HTTPS", 443, awstest.Respond("404"))
	lbs.Listener(balancer, "HTTP", 80, awstest.RedirectToHTTPS())
	lbs.Rule(listener, 20, "www.example.com", "/api/*", awstest.Forward(web, canary))
	lbs.Rule(listener, 10, "", "/only", awstest.Forward(web))

	rules := must[*elbv2.DescribeRulesOutput](t)(lbs.DescribeRules(&elbv2.DescribeRulesInput{ListenerArn: &listener})).Rules
	var got []string
	for _, r := range rules {
		got = append(got, *r.Priority)
	}
	if diff := cmp.Diff([]string{"10", "20", "default"}, got); diff != "" {
		t.Error(diff)
	}
	if only := rules[0].Actions[0]; *only.TargetGroupArn != web || *only.ForwardConfig.TargetGroups[0].Weight != 1 {
		t.Errorf("one target group is shown as %v", only)
	}
	if both := rules[1].Actions[0]; both.TargetGroupArn != nil || len(both.ForwardConfig.TargetGroups) != 2 || *both.ForwardConfig.TargetGroups[0].Weight != 3 {
		t.Errorf("two target groups are shown as %v", both)
	}
	if host := rules[1].Conditions[0]; *host.Values[0] != "www.example.com" || *host.HostHeaderConfig.Values[0] != "www.example.com" {
		t.Errorf("a host is shown as %v", host)
	}
	listeners := must[*elbv2.DescribeListenersOutput](t)(lbs.DescribeListeners(&elbv2.DescribeListenersInput{LoadBalancerArn: &balancer})).Listeners
	if len(listeners) != 2 || *listeners[1].DefaultActions[0].RedirectConfig.Host != "#{host}" {
		t.Errorf("listeners %v", listeners)
	}
	groups := must[*elbv2.DescribeTargetGroupsOutput](t)(lbs.DescribeTargetGroups(&elbv2.DescribeTargetGroupsInput{LoadBalancerArn: &balancer})).TargetGroups
	if len(groups) != 2 || *groups[0].LoadBalancerArns[0] != balancer {
		t.Errorf("target groups %v", groups)
	}
	tags := must[*elbv2.DescribeTagsOutput](t)(lbs.DescribeTags(&elbv2.DescribeTagsInput{ResourceArns: []*string{&balancer, &canary}})).TagDescriptions
	if len(tags) != 2 || *tags[0].Tags[0].Value != "localdev" || *tags[1].Tags[0].Key != "k" {
		t.Errorf("tags %v", tags)
	}
	must[*elbv2.AddTagsOutput](t)(lbs.AddTags(&elbv2.AddTagsInput{ResourceArns: []*string{&listener}, Tags: []*elbv2.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	must[*elbv2.RemoveTagsOutput](t)(lbs.RemoveTags(&elbv2.RemoveTagsInput{ResourceArns: []*string{&canary}, TagKeys: aws.StringSlice([]string{"k"})}))
	tags = must[*elbv2.DescribeTagsOutput](t)(lbs.DescribeTags(&elbv2.DescribeTagsInput{ResourceArns: []*string{&listener, &canary}})).TagDescriptions
	if len(tags[0].Tags) != 1 || len(tags[1].Tags) != 0 {
		t.Errorf("changed tags %v", tags)
	}
	const prefix = "elasticloadbalancing:"
	if diff := cmp.Diff([]string{prefix + "listener front HTTP:80", prefix + "listener front HTTPS:443", prefix + "load-balancer front", prefix + "target-group canary", prefix + "target-group web"}, sim.Inventory()); diff != "" {
		t.Error(diff)
	}
	must[*elbv2.DeleteRuleOutput](t)(lbs.DeleteRule(&elbv2.DeleteRuleInput{RuleArn: rules[1].RuleArn}))
	must[*elbv2.DeleteTargetGroupOutput](t)(lbs.DeleteTargetGroup(&elbv2.DeleteTargetGroupInput{TargetGroupArn: &canary}))
	must[*elbv2.DeleteListenerOutput](t)(lbs.DeleteListener(&elbv2.DeleteListenerInput{ListenerArn: &listener}))
	must[*elbv2.DeleteLoadBalancerOutput](t)(lbs.DeleteLoadBalancer(&elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &balancer}))
	must[*elbv2.DeleteLoadBalancerOutput](t)(lbs.DeleteLoadBalancer(&elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &balancer}))
	must[*elbv2.DeleteTargetGroupOutput](t)(lbs.DeleteTargetGroup(&elbv2.DeleteTargetGroupInput{TargetGroupArn: &web}))
	if left := sim.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestWhatElasticLoadBalancingRefuses(t *testing.T) {
	t.Parallel()
	lbs := awstest.NewLoadBalancers(t, newSession(t, localaws.New()))
	web := lbs.TargetGroup("web", "HTTP", nil)
	balancer, other, tcp := lbs.Create("front", alb, nil), lbs.Create("other", alb, nil), lbs.Create("tcp", nlb, nil)
	listener := lbs.Listener(balancer, "HTTP", 80, awstest.Forward(web))
	lbs.Rule(listener, 1, "a.example.com", "", awstest.Forward(web))
	stream := lbs.Listener(tcp, "TCP", 80, awstest.Forward(lbs.TargetGroup("stream", "TCP", nil)))
	rules := must[*elbv2.DescribeRulesOutput](t)(lbs.DescribeRules(&elbv2.DescribeRulesInput{ListenerArn: &listener})).Rules
	nowhere := aws.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/none/0000000000000000")
	noBalancer := aws.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/none/0000000000000000")
	noneListener := aws.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/none/0000000000000000/0000000000000000")
	create := func(change func(*elbv2.CreateLoadBalancerInput)) func() error {
		return func() error {
			in := &elbv2.CreateLoadBalancerInput{Name: aws.String("new"), Subnets: aws.StringSlice(lbs.Subnets)}
			change(in)
			return failing(lbs.CreateLoadBalancer(in))
		}
	}
	listen := func(change func(*elbv2.CreateListenerInput)) func() error {
		return func() error {
			in := &elbv2.CreateListenerInput{LoadBalancerArn: &balancer, Protocol: aws.String("HTTP"), Port: aws.Int64(8080), DefaultActions: []*elbv2.Action{awstest.Forward(web)}}
			change(in)
			return failing(lbs.CreateListener(in))
		}
	}
	rule := func(change func(*elbv2.CreateRuleInput)) func() error {
		return func() error {
			in := &elbv2.CreateRuleInput{ListenerArn: &listener, Priority: aws.Int64(5), Actions: []*elbv2.Action{awstest.Forward(web)},
				Conditions: []*elbv2.RuleCondition{{Field: aws.String("path-pattern"), Values: aws.StringSlice([]string{"/x"})}}}
			change(in)
			return failing(lbs.CreateRule(in))
		}
	}
	group := func(change func(*elbv2.CreateTargetGroupInput)) func() error {
		return func() error {
			in := &elbv2.CreateTargetGroupInput{Name: aws.String("new"), Protocol: aws.String("HTTP"), Port: aws.Int64(80), VpcId: aws.String(localaws.VPC)}
			change(in)
			return failing(lbs.CreateTargetGroup(in))
		}
	}
	testRefusals(t, []refusal{
		{"a name with an underscore", create(func(in *elbv2.CreateLoadBalancerInput) { in.Name = aws.String("a_b") }), "ValidationError"},
		{"a name that is taken", create(func(in *elbv2.CreateLoadBalancerInput) { in.Name, in.Type = aws.String("front"), aws.String(nlb) }), "DuplicateLoadBalancerName"},
		{"one zone", create(func(in *elbv2.CreateLoadBalancerInput) { in.Subnets = in.Subnets[:1] }), "ValidationError"},
		{"one subnet twice", create(func(in *elbv2.CreateLoadBalancerInput) { in.Subnets[1] = in.Subnets[0] }), "InvalidConfigurationRequest"},
		{"no subnets", create(func(in *elbv2.CreateLoadBalancerInput) { in.Subnets = nil }), "ValidationError"},
		{"an unknown subnet", create(func(in *elbv2.CreateLoadBalancerInput) { in.Subnets[0] = aws.String("subnet-x") }), "SubnetNotFound"},
		{"an unknown security group", create(func(in *elbv2.CreateLoadBalancerInput) { in.SecurityGroups = aws.StringSlice([]string{"sg-x"}) }), "InvalidSecurityGroup"},
		{"an unknown scheme", create(func(in *elbv2.CreateLoadBalancerInput) { in.Scheme = aws.String("x") }), "InvalidScheme"},
		{"an unknown type", create(func(in *elbv2.CreateLoadBalancerInput) { in.Type = aws.String("x") }), "ValidationError"},
		{"a tag twice", create(func(in *elbv2.CreateLoadBalancerInput) {
			in.Tags = []*elbv2.Tag{{Key: aws.String("a")}, {Key: aws.String("a")}}
		}), "DuplicateTagKeys"},
		{"a listener of an unknown load balancer", listen(func(in *elbv2.CreateListenerInput) { in.LoadBalancerArn = noBalancer }), "LoadBalancerNotFound"},
		{"a port that is taken", listen(func(in *elbv2.CreateListenerInput) { in.Port = aws.Int64(80) }), "DuplicateListener"},
		{"another layer's protocol", listen(func(in *elbv2.CreateListenerInput) { in.Protocol = aws.String("TCP") }), "ValidationError"},
		{"HTTPS without a certificate", listen(func(in *elbv2.CreateListenerInput) { in.Protocol = aws.String("HTTPS") }), "ValidationError"},
		{"an unknown target group", listen(func(in *elbv2.CreateListenerInput) { in.DefaultActions[0].TargetGroupArn = nowhere }), "TargetGroupNotFound"},
		{"a target group of another load balancer", listen(func(in *elbv2.CreateListenerInput) { in.LoadBalancerArn = &other }), "TargetGroupAssociationLimit"},
		{"a redirect that leads back", listen(func(in *elbv2.CreateListenerInput) {
			in.DefaultActions = []*elbv2.Action{{Type: aws.String("redirect"), RedirectConfig: &elbv2.RedirectActionConfig{StatusCode: aws.String("HTTP_301")}}}
		}), "InvalidLoadBalancerAction"},
		{"a rule of an unknown listener", rule(func(in *elbv2.CreateRuleInput) { in.ListenerArn = noneListener }), "ListenerNotFound"},
		{"a rule of a network load balancer", rule(func(in *elbv2.CreateRuleInput) { in.ListenerArn = &stream }), "OperationNotPermitted"},
		{"a priority that is taken", rule(func(in *elbv2.CreateRuleInput) { in.Priority = aws.Int64(1) }), "PriorityInUse"},
		{"an unknown condition", rule(func(in *elbv2.CreateRuleInput) { in.Conditions[0].Field = aws.String("moon") }), "ValidationError"},
		{"a condition without values", rule(func(in *elbv2.CreateRuleInput) { in.Conditions[0].Values = nil }), "ValidationError"},
		{"a rule without conditions", rule(func(in *elbv2.CreateRuleInput) { in.Conditions = []*elbv2.RuleCondition{} }), "ValidationError"},
		{"deleting the default rule", func() error {
			return failing(lbs.DeleteRule(&elbv2.DeleteRuleInput{RuleArn: rules[1].RuleArn}))
		}, "OperationNotPermitted"},
		{"a target group without a port", group(func(in *elbv2.CreateTargetGroupInput) { in.Port = nil }), "ValidationError"},
		{"a target group without a network", group(func(in *elbv2.CreateTargetGroupInput) { in.VpcId = nil }), "ValidationError"},
		{"a target group's name that is taken", group(func(in *elbv2.CreateTargetGroupInput) { in.Name = aws.String("web") }), "DuplicateTargetGroupName"},
		{"deleting a target group in use", func() error {
			return failing(lbs.DeleteTargetGroup(&elbv2.DeleteTargetGroupInput{TargetGroupArn: &web}))
		}, "ResourceInUse"},
		{"a target that is no address", func() error {
			return failing(lbs.RegisterTargets(&elbv2.RegisterTargetsInput{TargetGroupArn: &web, Targets: []*elbv2.TargetDescription{{Id: aws.String("i-1")}}}))
		}, "ValidationError"},
		{"the health of an unknown target group", func() error {
			return failing(lbs.DescribeTargetHealth(&elbv2.DescribeTargetHealthInput{TargetGroupArn: nowhere}))
		}, "TargetGroupNotFound"},
		{"one of two load balancers that is not there", func() error {
			return failing(lbs.DescribeLoadBalancers(&elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []*string{&balancer, noBalancer}}))
		}, "LoadBalancerNotFound"},
		{"one of two target groups that is not there", func() error {
			return failing(lbs.DescribeTargetGroups(&elbv2.DescribeTargetGroupsInput{TargetGroupArns: []*string{&web, nowhere}}))
		}, "TargetGroupNotFound"},
		{"the listeners of nothing", func() error { return failing(lbs.DescribeListeners(&elbv2.DescribeListenersInput{})) }, "ValidationError"},
		{"the rules of an unknown listener", func() error {
			return failing(lbs.DescribeRules(&elbv2.DescribeRulesInput{ListenerArn: noneListener}))
		}, "ListenerNotFound"},
		{"the tags of 21", func() error {
			return failing(lbs.DescribeTags(&elbv2.DescribeTagsInput{ResourceArns: slices.Repeat([]*string{&web}, 21)}))
		}, "ValidationError"},
		{"the tags of one of two that is not there", func() error {
			return failing(lbs.DescribeTags(&elbv2.DescribeTagsInput{ResourceArns: []*string{&web, noBalancer}}))
		}, "LoadBalancerNotFound"},
		{"the tags of nonsense", func() error {
			return failing(lbs.DescribeTags(&elbv2.DescribeTagsInput{ResourceArns: aws.StringSlice([]string{"x"})}))
		}, "ValidationError"},
		{"a page of 401", func() error {
			return failing(lbs.DescribeTargetGroups(&elbv2.DescribeTargetGroupsInput{PageSize: aws.Int64(401)}))
		}, "ValidationError"},
	})
}

func TestLoadBalancersAndTargetGroupsComeInPages(t *testing.T) {
	t.Parallel()
	lbs := awstest.NewLoadBalancers(t, newSession(t, localaws.New()))
	for i := range 5 {
		lbs.Create(fmt.Sprintf("lb%d", i), alb, nil)
		lbs.TargetGroup(fmt.Sprintf("tg%d", i), "HTTP", nil)
	}
	pages, found := 0, 0
	if err := lbs.DescribeLoadBalancersPages(&elbv2.DescribeLoadBalancersInput{PageSize: aws.Int64(2)}, func(page *elbv2.DescribeLoadBalancersOutput, _ bool) bool {
		pages, found = pages+1, found+len(page.LoadBalancers)
		return true
	}); err != nil || pages != 3 || found != 5 {
		t.Errorf("%d load balancers in %d pages, %v", found, pages, err)
	}
	pages, found = 0, 0
	if err := lbs.DescribeTargetGroupsPages(&elbv2.DescribeTargetGroupsInput{PageSize: aws.Int64(2)}, func(page *elbv2.DescribeTargetGroupsOutput, _ bool) bool {
		pages, found = pages+1, found+len(page.TargetGroups)
		return true
	}); err != nil || pages != 3 || found != 5 {
		t.Errorf("%d target groups in %d pages, %v", found, pages, err)
	}
}

func TestTargetsHaveHealth(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Healthy: time.Minute, Drain: time.Minute}))
	lbs := awstest.NewLoadBalancers(t, newSession(t, sim))
	web := lbs.TargetGroup("web", "HTTP", nil)
	expect := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, healthOf(lbs, web)); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	lbs.Register(web, "10.0.0.4", "10.0.0.5")
	expect("no listener", "10.0.0.4:80 unused Target.NotInUse", "10.0.0.5:80 unused Target.NotInUse")
	lbs.Listener(lbs.Create("front", alb, nil), "HTTP", 80, awstest.Forward(web))
	expect("new", "10.0.0.4:80 initial Elb.RegistrationInProgress", "10.0.0.5:80 initial Elb.RegistrationInProgress")
	clock.Advance(time.Minute)
	expect("later", "10.0.0.4:80 healthy", "10.0.0.5:80 healthy")
	if !sim.SetTargetHealth(web, "10.0.0.5", "unhealthy", "Target.Timeout", "Request timed out") || sim.SetTargetHealth(web, "10.9.9.9", "unhealthy", "", "") {
		t.Error("SetTargetHealth does not say which targets there are")
	}
	expect("one fails", "10.0.0.4:80 healthy", "10.0.0.5:80 unhealthy Target.Timeout")
	must[*elbv2.DeregisterTargetsOutput](t)(lbs.DeregisterTargets(&elbv2.DeregisterTargetsInput{TargetGroupArn: &web, Targets: []*elbv2.TargetDescription{{Id: aws.String("10.0.0.4")}}}))
	expect("one leaves", "10.0.0.4:80 draining Target.DeregistrationInProgress", "10.0.0.5:80 unhealthy Target.Timeout")
	clock.Advance(time.Minute)
	expect("it is gone", "10.0.0.5:80 unhealthy Target.Timeout")
	one := []*elbv2.TargetDescription{{Id: aws.String("10.0.0.4")}}
	if diff := cmp.Diff([]string{"10.0.0.4:80 unused Target.NotRegistered"}, healthOf(lbs, web, one...)); diff != "" {
		t.Error(diff)
	}
}

func TestTasksOfAServiceAreTargets(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	lbs := awstest.NewLoadBalancers(t, newSession(t, w.aws))
	web, unused := lbs.TargetGroup("web", "HTTP", nil), lbs.TargetGroup("unused", "HTTP", nil)
	instances := *must[*elbv2.CreateTargetGroupOutput](t)(lbs.CreateTargetGroup(&elbv2.CreateTargetGroupInput{
		Name: aws.String("instances"), Protocol: aws.String("HTTP"), Port: aws.Int64(80), VpcId: aws.String(localaws.VPC),
	})).TargetGroups[0].TargetGroupArn
	lbs.Listener(lbs.Create("front", alb, nil), "HTTP", 80, awstest.Forward(web, instances))
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(&ecs.RegisterTaskDefinitionInput{
		Family: aws.String("port"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ContainerDefinitions: []*ecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx"), PortMappings: []*ecs.PortMapping{{ContainerPort: aws.Int64(8080)}}}},
	}))
	with := func(name, group, container string, port int64) *ecs.CreateServiceInput {
		in := w.input(name)
		in.TaskDefinition, in.DesiredCount = aws.String("port"), aws.Int64(2)
		in.LoadBalancers = []*ecs.LoadBalancer{{TargetGroupArn: &group, ContainerName: &container, ContainerPort: &port}}
		return in
	}
	const invalid = "InvalidParameterException"
	for name, test := range map[string]struct {
		in   *ecs.CreateServiceInput
		says string
	}{
		"an unknown target group":       {with("x", "arn:x", "web", 8080), "validate the specified targetGroupArn"},
		"an unknown container":          {with("x", web, "other", 8080), "The container other does not exist in the task definition."},
		"a port that is not mapped":     {with("x", web, "web", 9), "The container web did not have a container port 9 defined."},
		"a target group without a use":  {with("x", unused, "web", 8080), "does not have an associated load balancer."},
		"a target group of instances":   {with("x", instances, "web", 8080), "incompatible with the awsvpc network mode"},
		"a load balancer without group": {with("x", "", "web", 8080), "validate the specified targetGroupArn"},
	} {
		if err := failing(w.CreateService(test.in)); codeOf(err) != invalid || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	created := w.create(with("www", web, "web", 8080))
	if len(created.LoadBalancers) != 1 || *created.LoadBalancers[0].TargetGroupArn != web {
		t.Errorf("the service shows %v", created.LoadBalancers)
	}
	if got := healthOf(lbs, web); len(got) != 2 || !strings.HasSuffix(got[0], ":8080 healthy") {
		t.Errorf("targets %q", got)
	}
	must[*ecs.UpdateServiceOutput](t)(w.UpdateService(&ecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), DesiredCount: aws.Int64(0)}))
	if got := healthOf(lbs, web); len(got) != 0 {
		t.Errorf("targets %q, and the tasks have stopped", got)
	}
	err := failing(w.UpdateService(&ecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), LoadBalancers: []*ecs.LoadBalancer{{TargetGroupArn: aws.String("arn:x")}}}))
	if codeOf(err) != invalid {
		t.Errorf("an update with an unknown target group: %v", err)
	}
}

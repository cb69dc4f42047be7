package elbv2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	sdk "github.com/aws/aws-sdk-go/service/elbv2"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/elbv2"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

const missing = "arn:aws:elasticloadbalancing:us-east-1:" + localaws.DefaultAccount + ":"

// start returns a client of a simulated AWS, and what creates load balancers in it.
func start(t *testing.T, opts ...localaws.Option) (*elbv2.Client, awstest.LoadBalancers, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return elbv2.New(sess), awstest.NewLoadBalancers(t, sess), simulator
}

func TestALoadBalancerIsReadWhole(t *testing.T) {
	c, lbs, simulator := start(t)
	web := lbs.TargetGroup("web", "HTTP", nil)
	front := lbs.Create("front", sdk.LoadBalancerTypeEnumApplication, common.Tags{{Key: "k", Value: "v"}})
	listener := lbs.Listener(front, "HTTP", 80, awstest.Respond("404"))
	lbs.Rule(listener, 1, "", "/api/*", awstest.Forward(web))
	lbs.Register(web, "10.0.0.4", "10.0.0.5")
	simulator.SetTargetHealth(web, "10.0.0.5", "unhealthy", "Target.Timeout", "Request timed out")

	balancers := awstest.Must[[]*sdk.LoadBalancer](t, "load balancers")(c.LoadBalancers(t.Context()))
	if len(balancers) != 1 || *balancers[0].LoadBalancerArn != front {
		t.Errorf("load balancers %v", balancers)
	}
	listeners := awstest.Must[[]*sdk.Listener](t, "listeners")(c.Listeners(t.Context(), front))
	if len(listeners) != 1 || *listeners[0].ListenerArn != listener {
		t.Errorf("listeners %v", listeners)
	}
	if rules := awstest.Must[[]*sdk.Rule](t, "rules")(c.Rules(t.Context(), listener)); len(rules) != 2 {
		t.Errorf("rules %v", rules)
	}
	var health []string
	for _, d := range awstest.Must[[]*sdk.TargetHealthDescription](t, "health")(c.TargetHealth(t.Context(), web)) {
		health = append(health, *d.Target.Id+" "+*d.TargetHealth.State+" "+aws.StringValue(d.TargetHealth.Reason))
	}
	if diff := cmp.Diff([]string{"10.0.0.4 healthy ", "10.0.0.5 unhealthy Target.Timeout"}, health); diff != "" {
		t.Error(diff)
	}
}

func TestEveryPageOfRulesIsRead(t *testing.T) {
	c, lbs, simulator := start(t)
	listener := lbs.Listener(lbs.Create("front", sdk.LoadBalancerTypeEnumApplication, nil), "HTTP", 80, awstest.Respond("404"))
	for i := range 405 {
		lbs.Rule(listener, int64(i+1), "", fmt.Sprintf("/%d", i), awstest.Respond("200"))
	}
	simulator.ResetCalls()
	rules := awstest.Must[[]*sdk.Rule](t, "rules")(c.Rules(t.Context(), listener))
	if calls := awstest.Calls(simulator)["DescribeRules"]; len(rules) != 406 || calls != 2 {
		t.Errorf("%d rules by %d calls, want 406 by 2", len(rules), calls)
	}
}

func TestWhatIsGoneIsLeftOutOfABatch(t *testing.T) {
	c, lbs, simulator := start(t)
	var groups, unknown []string
	for i := range 45 {
		groups = append(groups, lbs.TargetGroup(fmt.Sprintf("tg%02d", i), "HTTP", common.Tags{{Key: "n", Value: fmt.Sprint(i)}}))
	}
	gone := missing + "targetgroup/gone/0000000000000000"
	for _, test := range []struct {
		name  string
		arns  []string
		found int
		calls int // of each operation
	}{
		{"none is asked about", nil, 0, 0},
		{"all are there", groups, 45, 3},
		{"one is not", append(slices.Clone(groups), gone), 45, 3 + 6}, // the last batch of six, one by one
		{"the only one is not", append(unknown, gone), 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulator.ResetCalls()
			found := awstest.Must[[]*sdk.TargetGroup](t, "target groups")(c.TargetGroups(t.Context(), test.arns))
			tags := awstest.Must[map[string]common.Tags](t, "tags")(c.Tags(t.Context(), test.arns))
			calls := awstest.Calls(simulator)
			if len(found) != test.found || len(tags) != test.found || calls["DescribeTargetGroups"] != test.calls || calls["DescribeTags"] != test.calls {
				t.Errorf("found %d and the tags of %d by %v, want %d by %d calls each", len(found), len(tags), calls, test.found, test.calls)
			}
			for i, arn := range groups[:test.found] {
				if n, _ := tags[arn].Get("n"); n != fmt.Sprint(i) {
					t.Errorf("%s has the tags %v", arn, tags[arn])
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	balancer, listener, group := missing+"loadbalancer/app/x/0", missing+"listener/app/x/0/0", missing+"targetgroup/x/0"
	calls := map[string]func(*elbv2.Client) error{
		"DescribeLoadBalancers": func(c *elbv2.Client) error { _, err := c.LoadBalancers(t.Context()); return err },
		"DescribeListeners":     func(c *elbv2.Client) error { _, err := c.Listeners(t.Context(), balancer); return err },
		"DescribeRules":         func(c *elbv2.Client) error { _, err := c.Rules(t.Context(), listener); return err },
		"DescribeTargetGroups":  func(c *elbv2.Client) error { _, err := c.TargetGroups(t.Context(), []string{group}); return err },
		"DescribeTargetHealth":  func(c *elbv2.Client) error { _, err := c.TargetHealth(t.Context(), group); return err },
		"DescribeTags":          func(c *elbv2.Client) error { _, err := c.Tags(t.Context(), []string{group}); return err },
	}
	for operation, call := range calls {
		for code, kind := range map[string]common.Kind{"AccessDenied": common.Internal, "ValidationError": common.BadRequest, "Throttling": common.Throttled} {
			c, _, simulator := start(t)
			simulator.Inject(localaws.Fault{Operation: operation, Effect: localaws.Refuse, Code: code, Times: -1})
			if err := call(c); !common.Is(err, kind) || !strings.HasPrefix(err.Error(), "describe ") {
				t.Errorf("%s refused with %s: %v, want %s", operation, code, err, kind)
			}
		}
	}
	for _, operation := range []string{"DescribeListeners", "DescribeRules", "DescribeTargetHealth"} {
		c, _, _ := start(t)
		if err := calls[operation](c); !common.Is(err, common.NotFound) {
			t.Errorf("%s of what is not there: %v", operation, err)
		}
	}
}

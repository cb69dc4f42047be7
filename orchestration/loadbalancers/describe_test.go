package loadbalancers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	sdk "github.com/aws/aws-sdk-go/service/elbv2"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/elbv2"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/loadbalancers"
	"ecs-api/tagging"
)

// Whose something is.
var (
	ours      = tagsOf("localdev", "myclu")
	elsewhere = tagsOf("localdev", "other")
	theirs    = tagsOf("localdev2", "myclu")
)

func tagsOf(org, space string) common.Tags {
	return common.Tags{{Key: common.TagOrg, Value: org}, {Key: common.TagSpace, Value: space}}
}

// start returns an account of a simulated AWS, and what creates load balancers in it.
func start(t testing.TB, opts ...localaws.Option) (*account.Account, awstest.LoadBalancers, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return accountOf(sess), awstest.NewLoadBalancers(t, sess), simulator
}

func accountOf(sess client.ConfigProvider) *account.Account {
	return account.New(account.Settings{Name: "local", Region: "us-east-1", Org: "localdev"},
		account.Clients{LoadBalancers: elbv2.New(sess), Tagging: tagging.New(sess)}, common.Backoff{})
}

const application, network = sdk.LoadBalancerTypeEnumApplication, sdk.LoadBalancerTypeEnumNetwork

func TestASpacesLoadBalancersAreDescribed(t *testing.T) {
	t.Parallel()
	a, lbs, simulator := start(t)
	web, canary, stream := lbs.TargetGroup("web", "HTTP", ours), lbs.TargetGroup("canary", "HTTP", nil), lbs.TargetGroup("stream", "TCP", elsewhere)
	hidden := lbs.TargetGroup("hidden", "HTTP", theirs)
	front, tcp := lbs.Create("front", application, ours), lbs.Create("across", network, ours)
	lbs.Create("elsewhere", application, elsewhere)
	lbs.Create("theirs", application, theirs)
	lbs.Create("bare", application, nil)
	https := lbs.Listener(front, "HTTPS", 443, awstest.Respond("404"))
	http := lbs.Listener(front, "HTTP", 80, awstest.RedirectToHTTPS())
	tls := lbs.Listener(tcp, "TCP", 5000, awstest.Forward(stream))
	second := lbs.Rule(https, 20, "", "/theirs", awstest.Forward(web, hidden))
	first := lbs.Rule(https, 3, "www.example.com", "/api/*", awstest.Forward(web, canary))
	lbs.Register(web, "10.0.0.5", "10.0.0.4")
	simulator.SetTargetHealth(web, "10.0.0.5", "unhealthy", "Target.Timeout", "Request timed out")

	got, err := loadbalancers.Describe(t.Context(), a, "myclu")
	if err != nil {
		t.Fatal(err)
	}
	rule := func(listener string) string { // the ARN of the default rule
		rules := awstest.Must[*sdk.DescribeRulesOutput](t, "rules")(lbs.DescribeRules(&sdk.DescribeRulesInput{ListenerArn: &listener})).Rules
		return *rules[len(rules)-1].RuleArn
	}
	name := func(arn string) string {
		out := awstest.Must[*sdk.DescribeLoadBalancersOutput](t, "load balancers")(lbs.DescribeLoadBalancers(&sdk.DescribeLoadBalancersInput{LoadBalancerArns: []*string{&arn}}))
		return *out.LoadBalancers[0].DNSName
	}
	group := func(arn, name string, targets ...loadbalancers.Target) loadbalancers.TargetGroup {
		return loadbalancers.TargetGroup{TargetGroupArn: arn, TargetGroupName: name, TargetType: "ip", Targets: append([]loadbalancers.Target{}, targets...)}
	}
	webGroup := group(web, "web",
		loadbalancers.Target{Id: "10.0.0.4", Port: aws.Int64(80), State: "healthy"},
		loadbalancers.Target{Id: "10.0.0.5", Port: aws.Int64(80), State: "unhealthy", Reason: aws.String("Target.Timeout")})
	none := []loadbalancers.TargetGroup{}
	want := []loadbalancers.LoadBalancer{
		{LoadBalancerArn: tcp, LoadBalancerName: "across", LoadBalancerType: "network", DNSName: name(tcp), Listeners: []loadbalancers.Listener{
			{ListenerArn: tls, ListenerName: "TCP:5000", Rules: []loadbalancers.Rule{
				{RuleArn: rule(tls), If: "no other rule applies", Then: "forward to stream (100 %)", TargetGroups: []loadbalancers.TargetGroup{group(stream, "stream")}},
			}},
		}},
		{LoadBalancerArn: front, LoadBalancerName: "front", LoadBalancerType: "application", DNSName: name(front), Listeners: []loadbalancers.Listener{
			{ListenerArn: http, ListenerName: "HTTP:80", Rules: []loadbalancers.Rule{
				{RuleArn: rule(http), If: "no other rule applies", Then: "redirect to HTTPS:443 (301)", TargetGroups: none},
			}},
			{ListenerArn: https, ListenerName: "HTTPS:443", SslPolicy: aws.String("ELBSecurityPolicy-TLS13-1-2-2021-06"), Rules: []loadbalancers.Rule{
				{RuleArn: first, If: "host www.example.com and path /api/*", Then: "forward to web (75 %) and canary (25 %)", TargetGroups: []loadbalancers.TargetGroup{webGroup, group(canary, "canary")}},
				{RuleArn: second, If: "path /theirs", Then: "forward to web (75 %) and a target group that is not shown (25 %)", TargetGroups: []loadbalancers.TargetGroup{webGroup}},
				{RuleArn: rule(https), If: "no other rule applies", Then: "respond 404", TargetGroups: none},
			}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, space := range []string{"nowhere", "localdev2"} {
		if none, err := loadbalancers.Describe(t.Context(), a, space); err != nil || none == nil || len(none) > 0 {
			t.Errorf("space %s has %v, %v", space, none, err)
		}
	}
	if _, err := loadbalancers.Describe(t.Context(), a, "a b"); !common.Is(err, common.BadRequest) {
		t.Errorf("a space that is none: %v", err)
	}
}

func TestTargetGroupsGoByTheirNames(t *testing.T) {
	t.Parallel()
	a, lbs, _ := start(t)
	want := map[string]string{"elsewhere": lbs.TargetGroup("elsewhere", "HTTP", elsewhere)}
	lbs.TargetGroup("theirs", "HTTP", theirs)
	lbs.TargetGroup("bare", "HTTP", nil)
	mine := map[string]string{}
	for i := range 105 { // more than a page of the tagging API
		name := fmt.Sprintf("tg%03d", i)
		arn := lbs.TargetGroup(name, "HTTP", ours)
		mine[name], want[name] = arn, arn
	}
	for space, want := range map[string]map[string]string{"": want, "myclu": mine, "nowhere": {}} {
		got, err := loadbalancers.TargetGroups(t.Context(), a, space)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("space %q: %v %s", space, err, diff)
		}
	}
	if _, err := loadbalancers.TargetGroups(t.Context(), a, "a/b"); !common.Is(err, common.BadRequest) {
		t.Errorf("a space that is none: %v", err)
	}
}

// populate creates n load balancers with two listeners of three rules, and as many target groups with targets.
func populate(lbs awstest.LoadBalancers, n int) {
	for i := range n {
		front := lbs.Create(fmt.Sprintf("lb%02d", i), application, ours)
		group := lbs.TargetGroup(fmt.Sprintf("tg%02d", i), "HTTP", ours)
		lbs.Register(group, fmt.Sprintf("10.0.%d.4", i))
		for _, port := range []int64{80, 8080} {
			listener := lbs.Listener(front, "HTTP", port, awstest.Respond("404"))
			lbs.Rule(listener, 1, "", "/a", awstest.Forward(group))
			lbs.Rule(listener, 2, "", "/b", awstest.RedirectToHTTPS())
		}
	}
}

// TestFourRoundsWhateverTheirNumber measures, by a clock that stands still while anything is done, how many calls are made one after another.
func TestFourRoundsWhateverTheirNumber(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 45} {
		synctest.Test(t, func(t *testing.T) {
			simulator := localaws.New()
			sess, err := common.NewSession(common.Access{
				Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Transport: simulator.Transport(), Limits: common.NoLimits(),
			})
			if err != nil {
				t.Fatal(err)
			}
			populate(awstest.NewLoadBalancers(t, sess), n)
			simulator.SetLatency(time.Second)
			start := time.Now()
			got, err := loadbalancers.Describe(t.Context(), accountOf(sess), "myclu")
			if took := time.Since(start); err != nil || len(got) != n || took.Round(time.Second) != 4*time.Second {
				t.Errorf("%d of %d load balancers take %v, with a second a call, %v", len(got), n, took, err)
			}
			start = time.Now()
			groups, err := loadbalancers.TargetGroups(t.Context(), accountOf(sess), "myclu")
			if took := time.Since(start); err != nil || len(groups) != n || took.Round(time.Second) != 2*time.Second {
				t.Errorf("%d of %d target groups take %v, with a second a call, %v", len(groups), n, took, err)
			}
		})
	}
}

func TestCallsAreBatched(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 25} {
		a, lbs, simulator := start(t)
		populate(lbs, n)
		simulator.ResetCalls()
		got, err := loadbalancers.Describe(t.Context(), a, "myclu")
		if err != nil || len(got) != n {
			t.Fatalf("%d load balancers, %v", len(got), err)
		}
		batches := (n + 19) / 20
		want := map[string]int{
			"GetResources": 1, "DescribeLoadBalancers": 1, "DescribeListeners": n, "DescribeRules": 2 * n,
			"DescribeTargetGroups": batches, "DescribeTargetHealth": n, "DescribeTags": 2 * batches,
		}
		if diff := cmp.Diff(want, awstest.Calls(simulator)); diff != "" {
			t.Errorf("%d load balancers: %s", n, diff)
		}
	}
}

func TestWhatChangesMeanwhileIsLeftOut(t *testing.T) {
	t.Parallel()
	type world struct {
		lbs                       awstest.LoadBalancers
		front, listener, rule, tg string
	}
	for name, test := range map[string]struct {
		before                         string // the call that sees the change first
		change                         func(world) error
		balancers, rules, targetGroups int
	}{
		"nothing": {"GetResources", func(world) error { return nil }, 1, 2, 1},
		"the load balancer is given to another org": {"DescribeTags", func(w world) error {
			_, err := w.lbs.AddTags(&sdk.AddTagsInput{ResourceArns: []*string{&w.front}, Tags: []*sdk.Tag{{Key: aws.String(common.TagOrg), Value: aws.String("localdev2")}}})
			return err
		}, 0, 0, 0},
		"the load balancer loses its tags": {"DescribeTags", func(w world) error {
			_, err := w.lbs.RemoveTags(&sdk.RemoveTagsInput{ResourceArns: []*string{&w.front}, TagKeys: aws.StringSlice([]string{common.TagOrg, common.TagSpace})})
			return err
		}, 0, 0, 0},
		"the load balancer is deleted": {"DescribeListeners", func(w world) error {
			_, err := w.lbs.DeleteLoadBalancer(&sdk.DeleteLoadBalancerInput{LoadBalancerArn: &w.front})
			return err
		}, 0, 0, 0},
		"the listener is deleted": {"DescribeRules", func(w world) error {
			_, err := w.lbs.DeleteListener(&sdk.DeleteListenerInput{ListenerArn: &w.listener})
			return err
		}, 1, 0, 0},
		"the target group is deleted": {"DescribeTargetHealth", func(w world) error {
			if _, err := w.lbs.DeleteRule(&sdk.DeleteRuleInput{RuleArn: &w.rule}); err != nil {
				return err
			}
			_, err := w.lbs.DeleteTargetGroup(&sdk.DeleteTargetGroupInput{TargetGroupArn: &w.tg})
			return err
		}, 1, 2, -1}, // whether the target group is seen depends on which call comes first
	} {
		t.Run(name, func(t *testing.T) {
			a, lbs, simulator := start(t)
			w := world{lbs: lbs, front: lbs.Create("front", application, ours), tg: lbs.TargetGroup("web", "HTTP", ours)}
			w.listener = lbs.Listener(w.front, "HTTP", 80, awstest.Respond("404"))
			w.rule = lbs.Rule(w.listener, 1, "", "/a", awstest.Forward(w.tg))
			simulator.Inject(localaws.Fault{Operation: test.before, Effect: localaws.Hook, Func: func() {
				if err := test.change(w); err != nil {
					t.Error(err)
				}
			}})
			got, err := loadbalancers.Describe(t.Context(), a, "myclu")
			if err != nil {
				t.Fatal(err)
			}
			rules, groups := 0, 0
			for _, b := range got {
				for _, l := range b.Listeners {
					rules += len(l.Rules)
					for _, r := range l.Rules {
						groups += len(r.TargetGroups)
					}
				}
			}
			if len(got) != test.balancers || rules != test.rules || test.targetGroups >= 0 && groups != test.targetGroups {
				t.Errorf("%d load balancers with %d rules and %d target groups: %v", len(got), rules, groups, got)
			}
		})
	}
}

func TestEachFailingCallIsAClearError(t *testing.T) {
	t.Parallel()
	type effect struct {
		fault localaws.Fault
		kind  common.Kind
	}
	effects := map[string]effect{
		"refused":   {localaws.Fault{Effect: localaws.Refuse, Code: "AccessDenied"}, common.Internal},
		"throttled": {localaws.Fault{Effect: localaws.Throttle}, common.Throttled},
		"down":      {localaws.Fault{Effect: localaws.Down}, common.Unavailable},
		"lost":      {localaws.Fault{Effect: localaws.Lose}, common.Unavailable},
	}
	describe := func(a *account.Account) error {
		_, err := loadbalancers.Describe(t.Context(), a, "myclu")
		return err
	}
	list := func(a *account.Account) error {
		_, err := loadbalancers.TargetGroups(t.Context(), a, "myclu")
		return err
	}
	for name, test := range map[string]struct {
		do         func(*account.Account) error
		operations []string
	}{
		"describe": {describe, []string{"GetResources", "DescribeLoadBalancers", "DescribeTags", "DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"}},
		"list":     {list, []string{"GetResources", "DescribeTags"}},
	} {
		for _, operation := range test.operations {
			for what, effect := range effects {
				t.Run(name+" "+operation+" "+what, func(t *testing.T) {
					a, lbs, simulator := start(t)
					populate(lbs, 1)
					once := effect.fault
					once.Operation = operation
					always := once
					always.Times = -1
					simulator.Inject(always)
					err := test.do(a)
					if !common.Is(err, effect.kind) {
						t.Errorf("%v, want %s", err, effect.kind)
					}
				})
			}
		}
	}
	for _, what := range []string{"throttled", "down", "lost"} {
		for _, operation := range []string{"GetResources", "DescribeLoadBalancers", "DescribeTags", "DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"} {
			a, lbs, simulator := start(t)
			populate(lbs, 1)
			once := effects[what].fault
			once.Operation = operation
			simulator.Inject(once)
			if err := describe(a); err != nil {
				t.Errorf("%s %s once: %v", operation, what, err)
			}
		}
	}
}

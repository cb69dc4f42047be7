package api

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go/service/elbv2"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

// loadBalancers returns what creates load balancers in the harness's AWS.
func (h *harness) loadBalancers(t testing.TB) awstest.LoadBalancers {
	t.Helper()
	server := httptest.NewServer(h.aws)
	t.Cleanup(server.Close)
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: server.URL, Limits: common.NoLimits()})
	if err != nil {
		t.Fatal(err)
	}
	return awstest.NewLoadBalancers(t, sess)
}

// addLoadBalancer creates a load balancer of a space, with n target groups behind as many rules.
func (h *harness) addLoadBalancer(t testing.TB, lbs awstest.LoadBalancers, name, space string, groups ...string) {
	t.Helper()
	tags := append(common.Tags{{Key: common.TagSpace, Value: space}}, tagsOurs...)
	listener := lbs.Listener(lbs.Create(name, elbv2.LoadBalancerTypeEnumApplication, tags), "HTTPS", 443, awstest.Respond("404"))
	for i, group := range groups {
		lbs.Rule(listener, int64(i+1), group+".example.com", "/api/*", awstest.Forward(lbs.TargetGroup(group, "HTTP", tags)))
	}
}

func TestLoadBalancers(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	lbs := h.loadBalancers(t)
	h.addLoadBalancer(t, lbs, "front", "clu", "web", "admin")
	h.addLoadBalancer(t, lbs, "other", "clu2", "else")
	lbs.TargetGroup("theirs", "HTTP", tagsOthers)
	lbs.Create("theirs", elbv2.LoadBalancerTypeEnumApplication, append(common.Tags{{Key: common.TagSpace, Value: "clu"}}, tagsOthers...))
	ask(t, h, []asked{
		{"target groups of a space", "GET", "/lbs?space=clu", "", 200, map[string]any{"theirs": nil, "else": nil}},
		{"target groups of the org", "GET", "/lbs", "", 200, map[string]any{"theirs": nil}},
		{"target groups of a space without any", "GET", "/lbs?space=none", "", 200, map[string]any{"": map[string]any{}}},
		{"target groups of a space that is none", "GET", "/lbs?space=a%20b", "", 400, wrong("space")},
		{"a space twice", "GET", "/lbs?space=a&space=b", "", 400, wrong("space")},
		{"the load balancers of a space", "GET", "/lbs/clu", "", 200, map[string]any{
			"#": 1, "0.LoadBalancerName": "front", "0.LoadBalancerType": "application", "0.Listeners.#": 1, "0.Listeners.0.ListenerName": "HTTPS:443",
			"0.Listeners.0.Rules.#": 3, "0.Listeners.0.Rules.0.If": "host web.example.com and path /api/*", "0.Listeners.0.Rules.0.Then": "forward to web (100 %)",
			"0.Listeners.0.Rules.0.TargetGroups.0.TargetGroupName": "web", "0.Listeners.0.Rules.0.TargetGroups.0.Targets.#": 0,
			"0.Listeners.0.Rules.2.If": "no other rule applies", "0.Listeners.0.Rules.2.Then": "respond 404", "0.Listeners.0.Rules.2.TargetGroups.#": 0,
		}},
		{"the load balancers of a space without any", "GET", "/lbs/none", "", 200, map[string]any{"#": 0}},
		{"the load balancers of a space that is none", "GET", "/lbs/a%20b", "", 400, wrong("space")},
		{"a space that leads elsewhere", "GET", "/lbs/..%2Fclu", "", 400, wrong("space")},
		{"nothing is created here", "POST", "/lbs", "{}", 405, nil},
		{"nor deleted", "DELETE", "/lbs/clu", "", 405, nil},
	})
}

func TestLoadBalancersThatAWSDoesNotTell(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		fault  localaws.Fault
		status int
		code   string
	}{
		{"refused", localaws.Fault{Effect: localaws.Refuse, Code: "AccessDenied", Message: "secret words of AWS"}, 500, "Internal"},
		{"throttled", localaws.Fault{Effect: localaws.Throttle}, 429, "Throttled"},
		{"down", localaws.Fault{Effect: localaws.Down}, 503, "Unavailable"},
	} {
		h := adhocHarness(t)
		h.addLoadBalancer(t, h.loadBalancers(t), "front", "clu", "web")
		test.fault.Service, test.fault.Times = "elasticloadbalancing", -1
		h.aws.Inject(test.fault)
		for _, path := range []string{"/lbs", "/lbs/clu"} {
			ask(t, h, []asked{{test.name + " " + path, "GET", path, "", test.status, map[string]any{"code": test.code}}})
		}
	}
}

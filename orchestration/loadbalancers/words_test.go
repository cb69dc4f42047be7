package loadbalancers

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

func TestConditionsInWords(t *testing.T) {
	t.Parallel()
	list := func(values ...string) []*string { return aws.StringSlice(values) }
	on := func(field string, set func(*elbv2.RuleCondition)) *elbv2.RuleCondition {
		c := &elbv2.RuleCondition{Field: &field}
		set(c)
		return c
	}
	host := on("host-header", func(c *elbv2.RuleCondition) {
		c.HostHeaderConfig = &elbv2.HostHeaderConditionConfig{Values: list("www.example.com", "example.com")}
	})
	path := on("path-pattern", func(c *elbv2.RuleCondition) {
		c.PathPatternConfig = &elbv2.PathPatternConditionConfig{Values: list("/api/*")}
	})
	for want, rule := range map[string][]*elbv2.RuleCondition{
		"no other rule applies":                               nil,
		"host www.example.com or example.com and path /api/*": {host, path},
		"host a.example.com":                                  {on("host-header", func(c *elbv2.RuleCondition) { c.Values = list("a.example.com") })},
		"path /a or /b":                                       {on("path-pattern", func(c *elbv2.RuleCondition) { c.Values = list("/a", "/b") })},
		"header X-Beta yes": {on("http-header", func(c *elbv2.RuleCondition) {
			c.HttpHeaderConfig = &elbv2.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-Beta"), Values: list("yes")}
		})},
		"method GET or HEAD": {on("http-request-method", func(c *elbv2.RuleCondition) {
			c.HttpRequestMethodConfig = &elbv2.HttpRequestMethodConditionConfig{Values: list("GET", "HEAD")}
		})},
		"source 10.0.0.0/8": {on("source-ip", func(c *elbv2.RuleCondition) {
			c.SourceIpConfig = &elbv2.SourceIpConditionConfig{Values: list("10.0.0.0/8")}
		})},
		"query v=2 or beta": {on("query-string", func(c *elbv2.RuleCondition) {
			c.QueryStringConfig = &elbv2.QueryStringConditionConfig{Values: []*elbv2.QueryStringKeyValuePair{{Key: aws.String("v"), Value: aws.String("2")}, {Value: aws.String("beta")}}}
		})},
		"moon-phase full": {on("moon-phase", func(c *elbv2.RuleCondition) { c.Values = list("full") })},
		"query-string":    {on("query-string", func(*elbv2.RuleCondition) {})},
	} {
		if got := conditions(&elbv2.Rule{Conditions: rule}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestActionsInWords(t *testing.T) {
	t.Parallel()
	names := map[string]string{"arn:web": "web", "arn:canary": "canary", "arn:third": "third"}
	forward := func(weights map[string]int64, order ...string) *elbv2.Action {
		a := &elbv2.Action{Type: aws.String("forward"), ForwardConfig: &elbv2.ForwardActionConfig{}}
		for _, arn := range order {
			tuple := &elbv2.TargetGroupTuple{TargetGroupArn: &arn}
			if w, ok := weights[arn]; ok {
				tuple.Weight = &w
			}
			a.ForwardConfig.TargetGroups = append(a.ForwardConfig.TargetGroups, tuple)
		}
		return a
	}
	redirect := func(protocol, port, host, path, query string) *elbv2.Action {
		return &elbv2.Action{Type: aws.String("redirect"), RedirectConfig: &elbv2.RedirectActionConfig{
			Protocol: &protocol, Port: &port, Host: &host, Path: &path, Query: &query, StatusCode: aws.String("HTTP_301"),
		}}
	}
	const protocol, port, host, path, query = "#{protocol}", "#{port}", "#{host}", "/#{path}", "#{query}"
	login := &elbv2.Action{Type: aws.String("authenticate-oidc"), Order: aws.Int64(1)}
	after := &elbv2.Action{Type: aws.String("forward"), TargetGroupArn: aws.String("arn:web"), Order: aws.Int64(2)}
	for want, rule := range map[string][]*elbv2.Action{
		"forward to web (100 %)":                                        {{Type: aws.String("forward"), TargetGroupArn: aws.String("arn:web")}},
		"forward to canary (100 %)":                                     {forward(map[string]int64{"arn:canary": 0}, "arn:canary")},
		"forward to web (75 %) and canary (25 %)":                       {forward(map[string]int64{"arn:web": 3, "arn:canary": 1}, "arn:web", "arn:canary")},
		"forward to web (99.9 %) and canary (0.1 %)":                    {forward(map[string]int64{"arn:web": 998, "arn:canary": 1}, "arn:web", "arn:canary")},
		"forward to web (50 %) and third (50 %)":                        {forward(nil, "arn:web", "arn:third")},
		"forward to web (0 %) and third (0 %)":                          {forward(map[string]int64{"arn:web": 0, "arn:third": 0}, "arn:web", "arn:third")},
		"forward to a target group that is not shown (100 %)":           {forward(nil, "arn:theirs")},
		"redirect to HTTPS:443 (301)":                                   {redirect("HTTPS", "443", host, path, query)},
		"redirect to HTTPS, host new.example.com, path /new (301)":      {redirect("HTTPS", port, "new.example.com", "/new", query)},
		"redirect to port 8443, query a=b (301)":                        {redirect(protocol, "8443", host, path, "a=b")},
		"respond 404":                                                   {{Type: aws.String("fixed-response"), FixedResponseConfig: &elbv2.FixedResponseActionConfig{StatusCode: aws.String("404")}}},
		"authenticate with OpenID Connect, then forward to web (100 %)": {after, login},
		"authenticate with Cognito":                                     {{Type: aws.String("authenticate-cognito")}},
		"jwt-validation":                                                {{Type: aws.String("jwt-validation")}},
		"redirect, then fixed-response":                                 {{Type: aws.String("redirect")}, {Type: aws.String("fixed-response")}},
	} {
		if got := actions(&elbv2.Rule{Actions: rule}, names); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestListenersAreCalledByProtocolAndPort(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]*elbv2.Listener{
		"HTTPS:443": {Protocol: aws.String("HTTPS"), Port: aws.Int64(443)},
		"GENEVE":    {Protocol: aws.String("GENEVE")},
	} {
		if got := listenerName(l); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

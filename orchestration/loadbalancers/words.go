package loadbalancers

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// listenerName returns a listener's protocol and port.
func listenerName(l *elbv2.Listener) string {
	if l.Port == nil {
		return aws.StringValue(l.Protocol) // a gateway load balancer has neither
	}
	return fmt.Sprintf("%s:%d", aws.StringValue(l.Protocol), *l.Port)
}

// place returns a rule's place among those of its listener. The default rule, whose priority is no number, is the last.
func place(r *elbv2.Rule) int {
	n, err := strconv.Atoi(aws.StringValue(r.Priority))
	if err != nil {
		return math.MaxInt
	}
	return n
}

// conditions says in words which requests a rule is for.
func conditions(r *elbv2.Rule) string {
	var all []string
	for _, c := range r.Conditions {
		all = append(all, condition(c))
	}
	if len(all) == 0 {
		return "no other rule applies" // as AWS's console has it
	}
	return strings.Join(all, " and ")
}

// condition says one condition in words: the field, and the values of which one must match.
func condition(c *elbv2.RuleCondition) string {
	say, ok := fields[aws.StringValue(c.Field)]
	if !ok {
		return unsaid(c) // newer than this program
	}
	return say(c)
}

// unsaid returns a condition as it is.
func unsaid(c *elbv2.RuleCondition) string {
	return strings.TrimSpace(aws.StringValue(c.Field) + " " + oneOf(c.Values))
}

// fields say the conditions of each field in words. An old form of a condition has Values alone.
var fields = map[string]func(*elbv2.RuleCondition) string{
	"host-header": func(c *elbv2.RuleCondition) string {
		if c.HostHeaderConfig == nil {
			return "host " + oneOf(c.Values)
		}
		return "host " + oneOf(c.HostHeaderConfig.Values)
	},
	"path-pattern": func(c *elbv2.RuleCondition) string {
		if c.PathPatternConfig == nil {
			return "path " + oneOf(c.Values)
		}
		return "path " + oneOf(c.PathPatternConfig.Values)
	},
	"http-header": func(c *elbv2.RuleCondition) string {
		if c.HttpHeaderConfig == nil {
			return unsaid(c)
		}
		return "header " + aws.StringValue(c.HttpHeaderConfig.HttpHeaderName) + " " + oneOf(c.HttpHeaderConfig.Values)
	},
	"http-request-method": func(c *elbv2.RuleCondition) string {
		if c.HttpRequestMethodConfig == nil {
			return unsaid(c)
		}
		return "method " + oneOf(c.HttpRequestMethodConfig.Values)
	},
	"source-ip": func(c *elbv2.RuleCondition) string {
		if c.SourceIpConfig == nil {
			return unsaid(c)
		}
		return "source " + oneOf(c.SourceIpConfig.Values)
	},
	"query-string": func(c *elbv2.RuleCondition) string {
		if c.QueryStringConfig == nil {
			return unsaid(c)
		}
		return "query " + oneOf(pairs(c.QueryStringConfig.Values))
	},
}

// pairs returns key=value, or a value alone where any key will do.
func pairs(values []*elbv2.QueryStringKeyValuePair) []*string {
	var all []*string
	for _, v := range values {
		text := aws.StringValue(v.Value)
		if key := aws.StringValue(v.Key); key != "" {
			text = key + "=" + text
		}
		all = append(all, &text)
	}
	return all
}

func oneOf(values []*string) string { return strings.Join(aws.StringValueSlice(values), " or ") }

// forwardedTo returns the ARNs of the target groups that a rule forwards to, each once.
func forwardedTo(r *elbv2.Rule) []string {
	var arns []string
	for _, a := range r.Actions {
		for _, t := range tuples(a) {
			if arn := aws.StringValue(t.TargetGroupArn); arn != "" && !slices.Contains(arns, arn) {
				arns = append(arns, arn)
			}
		}
	}
	return arns
}

// tuples returns the target groups of an action with their weights. AWS may name a single one in either of two places, or in both.
func tuples(a *elbv2.Action) []*elbv2.TargetGroupTuple {
	switch {
	case a.ForwardConfig != nil && len(a.ForwardConfig.TargetGroups) > 0:
		return a.ForwardConfig.TargetGroups
	case a.TargetGroupArn != nil:
		return []*elbv2.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}
	}
	return nil
}

// actions says in words what a rule does. Names are those of the target groups that may be shown, by their ARNs.
func actions(r *elbv2.Rule, names map[string]string) string {
	sorted := slices.SortedStableFunc(slices.Values(r.Actions), func(x, y *elbv2.Action) int {
		return cmp.Compare(aws.Int64Value(x.Order), aws.Int64Value(y.Order))
	})
	var all []string
	for _, a := range sorted {
		all = append(all, action(a, names))
	}
	return strings.Join(all, ", then ")
}

// action says one action in words.
func action(a *elbv2.Action, names map[string]string) string {
	switch kind := aws.StringValue(a.Type); kind {
	case elbv2.ActionTypeEnumForward:
		return "forward to " + shares(tuples(a), names)
	case elbv2.ActionTypeEnumRedirect:
		if a.RedirectConfig != nil {
			return redirect(a.RedirectConfig)
		}
		return kind
	case elbv2.ActionTypeEnumFixedResponse:
		if a.FixedResponseConfig != nil {
			return "respond " + aws.StringValue(a.FixedResponseConfig.StatusCode)
		}
		return kind
	case elbv2.ActionTypeEnumAuthenticateOidc:
		return "authenticate with OpenID Connect"
	case elbv2.ActionTypeEnumAuthenticateCognito:
		return "authenticate with Cognito"
	default:
		return kind // newer than this program
	}
}

// shares says which target groups get how much: "web (75 %) and canary (25 %)".
func shares(groups []*elbv2.TargetGroupTuple, names map[string]string) string {
	var sum int64
	for _, g := range groups {
		sum += weight(g, len(groups))
	}
	var all []string
	for _, g := range groups {
		name, ok := names[aws.StringValue(g.TargetGroupArn)]
		if !ok {
			name = "a target group that is not shown" // another org's, or deleted
		}
		share := 0.0
		if sum > 0 {
			share = float64(weight(g, len(groups))) / float64(sum) * 100
		}
		all = append(all, fmt.Sprintf("%s (%s %%)", name, strconv.FormatFloat(math.Round(share*10)/10, 'f', -1, 64)))
	}
	return strings.Join(all, " and ")
}

// weight returns the weight of one of n target groups. A single one gets everything, whatever it weighs.
func weight(g *elbv2.TargetGroupTuple, n int) int64 {
	if n == 1 || g.Weight == nil {
		return 1
	}
	return *g.Weight
}

// redirect says where a redirect leads: what it changes of the address, and the status.
func redirect(c *elbv2.RedirectActionConfig) string {
	changed := func(value *string, placeholder string) string {
		if v := aws.StringValue(value); v != placeholder {
			return v
		}
		return ""
	}
	protocol, port := changed(c.Protocol, "#{protocol}"), changed(c.Port, "#{port}")
	var parts []string
	switch {
	case protocol != "" && port != "":
		parts = append(parts, protocol+":"+port)
	case protocol != "":
		parts = append(parts, protocol)
	case port != "":
		parts = append(parts, "port "+port)
	}
	for _, part := range []struct{ word, value string }{
		{"host ", changed(c.Host, "#{host}")}, {"path ", changed(c.Path, "/#{path}")}, {"query ", changed(c.Query, "#{query}")},
	} {
		if part.value != "" {
			parts = append(parts, part.word+part.value)
		}
	}
	return fmt.Sprintf("redirect to %s (%s)", strings.Join(parts, ", "), strings.TrimPrefix(aws.StringValue(c.StatusCode), "HTTP_"))
}

package localaws

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// defaultPriority is that of the rule that every listener has.
const defaultPriority = "default"

// maxPriority is the last place that a rule can have.
const maxPriority = 50_000

// elbRule is one rule of a listener.
type elbRule struct {
	listener *elbListener
	out      elbv2.Rule
	tags     tagList
}

func (rule *elbRule) isDefault() bool { return aws.BoolValue(rule.out.IsDefault) }

// rank is the rule's place among those of its listener.
func (rule *elbRule) rank() int {
	if rule.isDefault() {
		return maxPriority + 1
	}
	n, _ := strconv.Atoi(*rule.out.Priority) // it was made of a number
	return n
}

// rule returns the rule with the ARN, or nil.
func (s *elbState) rule(arn string) *elbRule {
	for _, b := range s.balancers.all() {
		for _, l := range b.listeners.all() {
			for _, rule := range l.rules {
				if *rule.out.RuleArn == arn {
					return rule
				}
			}
		}
	}
	return nil
}

func createRule(r *request, in *elbv2.CreateRuleInput) (*elbv2.CreateRuleOutput, error) {
	l := r.region.elb.listener(aws.StringValue(in.ListenerArn))
	if l == nil {
		return nil, noListener(aws.StringValue(in.ListenerArn))
	}
	priority := aws.Int64Value(in.Priority)
	switch {
	case *l.balancer.out.Type != elbv2.LoadBalancerTypeEnumApplication:
		return nil, refuse(elbv2.ErrCodeOperationNotPermittedException, "Rules are unsupported for Network Load Balancer listeners")
	case priority < 1 || priority > maxPriority:
		return nil, elbInvalid("1 validation error detected: Value '%d' at 'priority' failed to satisfy constraint: Member must be between 1 and %d", priority, maxPriority)
	case len(in.Conditions) == 0:
		return nil, elbInvalid("A condition must be specified")
	case slices.ContainsFunc(l.rules, func(other *elbRule) bool { return *other.out.Priority == strconv.FormatInt(priority, 10) }):
		return nil, refuse(elbv2.ErrCodePriorityInUseException, "Priority '%d' is currently in use", priority)
	}
	var conditions []*elbv2.RuleCondition
	for _, c := range in.Conditions {
		full, err := elbCondition(c)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, full)
	}
	actions, err := r.elbActions(l.balancer, in.Actions)
	if err != nil {
		return nil, err
	}
	tags, err := newELBTags(in.Tags)
	if err != nil {
		return nil, err
	}
	rule := &elbRule{listener: l, tags: tags, out: elbv2.Rule{
		RuleArn: aws.String(r.elbARN("listener-rule/" + l.balancer.path() + "/" + lastSegment(l.arn()) + "/" + r.elbID())), Priority: aws.String(strconv.FormatInt(priority, 10)),
		IsDefault: aws.Bool(false), Conditions: conditions, Actions: actions,
	}}
	l.rules = append(l.rules, rule)
	slices.SortFunc(l.rules, func(a, b *elbRule) int { return a.rank() - b.rank() })
	return &elbv2.CreateRuleOutput{Rules: []*elbv2.Rule{&rule.out}}, nil
}

func deleteRule(r *request, in *elbv2.DeleteRuleInput) (*elbv2.DeleteRuleOutput, error) {
	rule := r.region.elb.rule(aws.StringValue(in.RuleArn))
	switch {
	case rule == nil:
		return nil, noRule("")
	case rule.isDefault():
		return nil, refuse(elbv2.ErrCodeOperationNotPermittedException, "Default rule '%s' cannot be deleted", *rule.out.RuleArn)
	}
	rule.listener.rules = slices.DeleteFunc(rule.listener.rules, func(other *elbRule) bool { return other == rule })
	return &elbv2.DeleteRuleOutput{}, nil
}

func describeRules(r *request, in *elbv2.DescribeRulesInput) (*elbv2.DescribeRulesOutput, error) {
	var found []*elbv2.Rule
	switch {
	case in.ListenerArn == nil && len(in.RuleArns) == 0:
		return nil, elbInvalid("You must specify either listener rule ARNs or a listener ARN")
	case in.ListenerArn != nil && len(in.RuleArns) > 0:
		return nil, elbInvalid("Listener rule ARNs and a listener ARN cannot be specified at the same time")
	case in.ListenerArn != nil:
		l := r.region.elb.listener(*in.ListenerArn)
		if l == nil {
			return nil, noListener(*in.ListenerArn)
		}
		for _, rule := range l.rules {
			found = append(found, &rule.out)
		}
	}
	for _, arn := range aws.StringValueSlice(in.RuleArns) {
		rule := r.region.elb.rule(arn)
		if rule == nil {
			return nil, noRule(arn)
		}
		found = append(found, &rule.out)
	}
	page, next, err := elbPage(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elbv2.DescribeRulesOutput{Rules: page, NextMarker: next}, nil
}

// elbCondition returns a condition as it is shown: for hosts and paths, with the values in both places where they may be written.
func elbCondition(c *elbv2.RuleCondition) (*elbv2.RuleCondition, error) {
	out := *c
	var empty bool
	switch aws.StringValue(c.Field) {
	case "host-header":
		if out.HostHeaderConfig == nil {
			out.HostHeaderConfig = &elbv2.HostHeaderConditionConfig{Values: c.Values}
		}
		out.Values = out.HostHeaderConfig.Values
		empty = len(out.Values) == 0
	case "path-pattern":
		if out.PathPatternConfig == nil {
			out.PathPatternConfig = &elbv2.PathPatternConditionConfig{Values: c.Values}
		}
		out.Values = out.PathPatternConfig.Values
		empty = len(out.Values) == 0
	case "http-header":
		empty = c.HttpHeaderConfig == nil || len(c.HttpHeaderConfig.Values) == 0
	case "http-request-method":
		empty = c.HttpRequestMethodConfig == nil || len(c.HttpRequestMethodConfig.Values) == 0
	case "query-string":
		empty = c.QueryStringConfig == nil || len(c.QueryStringConfig.Values) == 0
	case "source-ip":
		empty = c.SourceIpConfig == nil || len(c.SourceIpConfig.Values) == 0
	default:
		return nil, elbInvalid("Condition field '%s' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'", aws.StringValue(c.Field))
	}
	if empty {
		return nil, elbInvalid("A condition value must be specified")
	}
	return &out, nil
}

// elbActions returns actions as they are shown, if the load balancer can have them: with all that they leave to AWS.
func (r *request) elbActions(b *elbBalancer, in []*elbv2.Action) ([]*elbv2.Action, error) {
	if len(in) == 0 {
		return nil, elbInvalid("A default action must be specified")
	}
	var out []*elbv2.Action
	for i, a := range in {
		full := *a
		if full.Order == nil && len(in) > 1 {
			full.Order = aws.Int64(int64(i + 1))
		}
		var err error
		switch kind := aws.StringValue(a.Type); kind {
		case elbv2.ActionTypeEnumForward:
			err = r.elbForward(b, &full)
		case elbv2.ActionTypeEnumRedirect:
			err = elbRedirect(&full)
		case elbv2.ActionTypeEnumFixedResponse:
			if a.FixedResponseConfig == nil || aws.StringValue(a.FixedResponseConfig.StatusCode) == "" {
				err = elbInvalid("A fixed response configuration must be specified")
			}
		case elbv2.ActionTypeEnumAuthenticateOidc, elbv2.ActionTypeEnumAuthenticateCognito:
			if i == len(in)-1 {
				err = refuse(elbv2.ErrCodeInvalidLoadBalancerActionException, "The last action must be of type forward, redirect or fixed-response")
			}
		default:
			err = elbInvalid("'%s' must be one of '%v'", kind, elbv2.ActionTypeEnum_Values())
		}
		if err != nil {
			return nil, err
		}
		out = append(out, &full)
	}
	return out, nil
}

// elbForward completes an action that forwards to target groups.
func (r *request) elbForward(b *elbBalancer, a *elbv2.Action) error {
	if a.ForwardConfig == nil {
		a.ForwardConfig = &elbv2.ForwardActionConfig{TargetGroups: []*elbv2.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}}
	}
	forward := &elbv2.ForwardActionConfig{TargetGroupStickinessConfig: a.ForwardConfig.TargetGroupStickinessConfig}
	if forward.TargetGroupStickinessConfig == nil {
		forward.TargetGroupStickinessConfig = &elbv2.TargetGroupStickinessConfig{Enabled: aws.Bool(false)}
	}
	for _, t := range a.ForwardConfig.TargetGroups {
		g, ok := r.region.elb.groups.get(aws.StringValue(t.TargetGroupArn))
		if !ok {
			return noTargetGroup("")
		}
		if other := r.region.elb.balancerOf(g.arn()); other != nil && other != b {
			return refuse(elbv2.ErrCodeTargetGroupAssociationLimitException, "The following target groups cannot be associated with more than one load balancer: %s", g.arn())
		}
		weight := t.Weight
		if weight == nil {
			weight = aws.Int64(1)
		}
		if *weight < 0 || *weight > 999 {
			return elbInvalid("Weight '%d' must be between 0 and 999", *weight)
		}
		forward.TargetGroups = append(forward.TargetGroups, &elbv2.TargetGroupTuple{TargetGroupArn: t.TargetGroupArn, Weight: weight})
	}
	if len(forward.TargetGroups) == 0 {
		return elbInvalid("A target group ARN must be specified")
	}
	a.ForwardConfig, a.TargetGroupArn = forward, nil
	if len(forward.TargetGroups) == 1 {
		a.TargetGroupArn = forward.TargetGroups[0].TargetGroupArn
	}
	return nil
}

// elbRedirect completes an action that redirects.
func elbRedirect(a *elbv2.Action) error {
	if a.RedirectConfig == nil {
		return elbInvalid("A redirect configuration must be specified")
	}
	c := *a.RedirectConfig
	for _, part := range []struct {
		value    **string
		fallback string
	}{{&c.Protocol, "#{protocol}"}, {&c.Port, "#{port}"}, {&c.Host, "#{host}"}, {&c.Path, "/#{path}"}, {&c.Query, "#{query}"}} {
		if *part.value == nil {
			*part.value = aws.String(part.fallback)
		}
	}
	if *c.Protocol == "#{protocol}" && *c.Port == "#{port}" && *c.Host == "#{host}" && *c.Path == "/#{path}" {
		return refuse(elbv2.ErrCodeInvalidLoadBalancerActionException, "The redirect configuration is not valid because it creates a loop.")
	}
	a.RedirectConfig = &c
	return nil
}

package localaws

import (
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// Limits of Elastic Load Balancing.
const (
	maxELBPage = 400
	maxELBARNs = 20 // of DescribeTags and DescribeLoadBalancers
)

// elbState is a region's load balancers and target groups, by their ARNs.
type elbState struct {
	balancers ordered[*elbBalancer]
	groups    ordered[*elbTargetGroup]
}

func elbv2Operations() map[string]operation {
	return map[string]operation{
		"AddTags":               op(elbAddTags),
		"CreateListener":        op(createListener),
		"CreateLoadBalancer":    op(createLoadBalancer),
		"CreateRule":            op(createRule),
		"CreateTargetGroup":     op(createTargetGroup),
		"DeleteListener":        op(deleteListener),
		"DeleteLoadBalancer":    op(deleteLoadBalancer),
		"DeleteRule":            op(deleteRule),
		"DeleteTargetGroup":     op(deleteTargetGroup),
		"DeregisterTargets":     op(deregisterTargets),
		"DescribeListeners":     op(describeListeners),
		"DescribeLoadBalancers": op(describeLoadBalancers),
		"DescribeRules":         op(describeRules),
		"DescribeTags":          op(elbDescribeTags),
		"DescribeTargetGroups":  op(describeTargetGroups),
		"DescribeTargetHealth":  op(describeTargetHealth),
		"RegisterTargets":       op(registerTargets),
		"RemoveTags":            op(elbRemoveTags),
	}
}

// inventory lists load balancers, listeners and target groups.
func (s *elbState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, b := range s.balancers.all() {
			if !yield("load-balancer " + b.name()) {
				return
			}
			for _, l := range b.listeners.all() {
				if !yield("listener " + b.name() + " " + l.name()) {
					return
				}
			}
		}
		for _, g := range s.groups.all() {
			if !yield("target-group " + g.name()) {
				return
			}
		}
	}
}

// tagged returns everything that has tags.
func (s *elbState) tagged() tagged {
	return func(yield func(string, tagList) bool) {
		for arn, tags := range s.taggables() {
			if !yield(arn, *tags) {
				return
			}
		}
	}
}

// taggables ranges over where tags are kept, by the ARNs of the resources.
func (s *elbState) taggables() iter.Seq2[string, *tagList] {
	return func(yield func(string, *tagList) bool) {
		for arn, g := range s.groups.all() {
			if !yield(arn, &g.tags) {
				return
			}
		}
		for arn, b := range s.balancers.all() {
			if !yield(arn, &b.tags) || !b.taggables(yield) {
				return
			}
		}
	}
}

// snapshot writes load balancers, listeners, rules and target groups with their tags, but not targets: these come and go with tasks.
func (s *elbState) snapshot(b *strings.Builder) {
	for _, lb := range s.balancers.all() {
		thing := "elasticloadbalancing:loadbalancer " + lb.name()
		fact(b, thing, aws.StringValue(lb.out.Type), aws.StringValue(lb.out.Scheme))
		tagFacts(b, thing, lb.tags)
		for _, l := range lb.listeners.all() {
			listener := "elasticloadbalancing:listener " + lb.name() + " " + l.name()
			fact(b, listener, aws.StringValue(l.out.SslPolicy))
			tagFacts(b, listener, l.tags)
			for _, rule := range l.rules {
				fact(b, listener, "rule", rule.out.GoString())
			}
		}
	}
	for _, g := range s.groups.all() {
		thing := "elasticloadbalancing:targetgroup " + g.name()
		fact(b, thing, aws.StringValue(g.out.TargetType), aws.StringValue(g.out.Protocol))
		tagFacts(b, thing, g.tags)
	}
}

func elbInvalid(format string, args ...any) error { return refuse("ValidationError", format, args...) }

// The errors for what does not exist.
func noLoadBalancer(arn string) error {
	return refuse(elbv2.ErrCodeLoadBalancerNotFoundException, "Load balancers '[%s]' not found", arn)
}

func noTargetGroup(string) error {
	return refuse(elbv2.ErrCodeTargetGroupNotFoundException, "One or more target groups not found")
}

func noListener(string) error {
	return refuse(elbv2.ErrCodeListenerNotFoundException, "One or more listeners not found")
}

func noRule(string) error {
	return refuse(elbv2.ErrCodeRuleNotFoundException, "One or more rules not found")
}

// elbPage returns a page of a list.
func elbPage[T any](items []T, marker *string, size *int64) (page []T, next *string, err error) {
	limit, ok := pageLimit(size, maxELBPage, maxELBPage)
	if !ok {
		return nil, nil, elbInvalid("1 validation error detected: Value '%d' at 'pageSize' failed to satisfy constraint: Member must be between 1 and %d", *size, maxELBPage)
	}
	page, next, err = pageOf(items, marker, limit)
	if err != nil {
		return nil, nil, elbInvalid("Invalid marker")
	}
	return page, next, nil
}

// elbID returns the id at the end of a new resource's ARN.
func (r *request) elbID() string { return r.aws.id("%016x") }

func elbTag(key, value *string) *elbv2.Tag        { return &elbv2.Tag{Key: key, Value: value} }
func elbPair(t *elbv2.Tag) (key, value *string)   { return t.Key, t.Value }
func (r *request) elbARN(resource string) string  { return r.arn("elasticloadbalancing", resource) }
func newELBTags(in []*elbv2.Tag) (tagList, error) { return tagList(nil).elbChanged(in) }

// elbChanged returns the list with a request's tags set on it, if Elastic Load Balancing accepts them.
func (l tagList) elbChanged(in []*elbv2.Tag) (tagList, error) {
	added := readTags(in, elbPair)
	seen := map[string]bool{}
	for _, t := range added {
		if seen[t.key] {
			return nil, refuse(elbv2.ErrCodeDuplicateTagKeysException, "Duplicate tag keys: '%s'", t.key)
		}
		seen[t.key] = true
	}
	if problem := added.problem(); problem != "" {
		return nil, elbInvalid("Invalid tags: %s", problem)
	}
	out := l.with(added)
	if len(out) > maxTags {
		return nil, refuse(elbv2.ErrCodeTooManyTagsException, "The maximum number of tags per resource, %d, has been reached", maxTags)
	}
	return out, nil
}

// elbTaggable returns where each of the resources keeps its tags.
func (r *request) elbTaggable(arns []*string) ([]*tagList, error) {
	switch {
	case len(arns) == 0:
		return nil, elbInvalid("A resource ARN must be specified")
	case len(arns) > maxELBARNs:
		return nil, elbInvalid("The number of resource ARNs cannot exceed %d", maxELBARNs)
	}
	var found []*tagList
	for _, arn := range aws.StringValueSlice(arns) {
		tags, err := r.elbTagsOf(arn)
		if err != nil {
			return nil, err
		}
		found = append(found, tags)
	}
	return found, nil
}

func (r *request) elbTagsOf(arn string) (*tagList, error) {
	for have, tags := range r.region.elb.taggables() {
		if have == arn {
			return tags, nil
		}
	}
	kind, _, ok := strings.Cut(strings.TrimPrefix(arn, r.elbARN("")), "/")
	missing, known := map[string]func(string) error{
		"loadbalancer": noLoadBalancer, "targetgroup": noTargetGroup, "listener": noListener, "listener-rule": noRule,
	}[kind]
	if !ok || !known || !strings.HasPrefix(arn, r.elbARN("")) {
		return nil, elbInvalid("'%s' is not a valid ARN", arn)
	}
	return nil, missing(arn)
}

func elbDescribeTags(r *request, in *elbv2.DescribeTagsInput) (*elbv2.DescribeTagsOutput, error) {
	found, err := r.elbTaggable(in.ResourceArns)
	if err != nil {
		return nil, err
	}
	out := &elbv2.DescribeTagsOutput{TagDescriptions: []*elbv2.TagDescription{}}
	for i, tags := range found {
		out.TagDescriptions = append(out.TagDescriptions, &elbv2.TagDescription{ResourceArn: in.ResourceArns[i], Tags: writeTags(*tags, elbTag)})
	}
	return out, nil
}

func elbAddTags(r *request, in *elbv2.AddTagsInput) (*elbv2.AddTagsOutput, error) {
	found, err := r.elbTaggable(in.ResourceArns)
	if err != nil {
		return nil, err
	}
	changed := make([]tagList, len(found))
	for i, tags := range found {
		if changed[i], err = tags.elbChanged(in.Tags); err != nil {
			return nil, err
		}
	}
	for i, tags := range found {
		*tags = changed[i]
	}
	return &elbv2.AddTagsOutput{}, nil
}

func elbRemoveTags(r *request, in *elbv2.RemoveTagsInput) (*elbv2.RemoveTagsOutput, error) {
	found, err := r.elbTaggable(in.ResourceArns)
	if err != nil {
		return nil, err
	}
	for _, tags := range found {
		*tags = tags.without(in.TagKeys)
	}
	return &elbv2.RemoveTagsOutput{}, nil
}

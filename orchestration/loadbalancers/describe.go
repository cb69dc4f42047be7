package loadbalancers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/orchestration/account"
)

// LoadBalancer is a load balancer with what it sends where.
type LoadBalancer struct {
	LoadBalancerArn, LoadBalancerName, LoadBalancerType, DNSName string
	Listeners                                                    []Listener // by port
}

// Listener is what a load balancer accepts on a port.
type Listener struct {
	ListenerArn  string
	ListenerName string  // protocol and port: HTTPS:443
	SslPolicy    *string // nil without TLS
	Rules        []Rule  // in the order in which they apply; the default rule is the last
}

// Rule is what a listener does with which requests, in words.
type Rule struct {
	RuleArn      string
	If           string // "host www.example.com and path /api/*"
	Then         string // "forward to web (100 %)"
	TargetGroups []TargetGroup
}

// TargetGroup is what a rule forwards to. TargetType is instance, ip, lambda or alb.
type TargetGroup struct {
	TargetGroupArn, TargetGroupName, TargetType string
	Targets                                     []Target
}

// Target is one address, instance or function of a target group.
type Target struct {
	Id     string
	Port   *int64  // nil for a function
	State  string  // healthy, unhealthy, initial, draining, unused, unavailable
	Reason *string // AWS's code of why a target is not healthy, such as Target.Timeout
}

// Describe returns the load balancers of a space, by their names: none if the space does not exist or has none. It takes four rounds of calls,
// however many there are: load balancers, listeners, rules, target groups.
func Describe(ctx context.Context, a *account.Account, space string) ([]LoadBalancer, error) {
	if err := CheckSpace("space", space); err != nil {
		return nil, err
	}
	wanted := common.Tags{{Key: common.TagOrg, Value: a.Org}, {Key: common.TagSpace, Value: space}}
	balancers, err := candidates(ctx, a, wanted)
	if err != nil || len(balancers) == 0 {
		return []LoadBalancer{}, err
	}
	read := &reading{account: a, listeners: map[string][]*elbv2.Listener{}, rules: map[string][]*elbv2.Rule{}}
	if err := read.listenersAndRules(ctx, balancers); err != nil {
		return nil, err
	}
	balancers = slices.DeleteFunc(balancers, func(b *elbv2.LoadBalancer) bool {
		_, there := read.listeners[*b.LoadBalancerArn]
		return !there || !carries(read.tags[*b.LoadBalancerArn], wanted)
	})
	if err := read.targetGroups(ctx, balancers); err != nil {
		return nil, err
	}
	described := []LoadBalancer{}
	for _, b := range balancers {
		described = append(described, read.describe(b))
	}
	slices.SortFunc(described, func(x, y LoadBalancer) int { return strings.Compare(x.LoadBalancerName, y.LoadBalancerName) })
	return described, nil
}

// candidates returns the load balancers that exist and that carry the tags as far as the tagging API knows: it also tells of what is deleted.
func candidates(ctx context.Context, a *account.Account, wanted common.Tags) ([]*elbv2.LoadBalancer, error) {
	var arns []string
	var all []*elbv2.LoadBalancer
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			arns, err = find(ctx, a, wanted, typeLoadBalancer)
			return err
		},
		func(ctx context.Context) (err error) {
			all, err = a.LoadBalancers.LoadBalancers(ctx)
			return err
		},
	)
	return slices.DeleteFunc(all, func(b *elbv2.LoadBalancer) bool { return !slices.Contains(arns, aws.StringValue(b.LoadBalancerArn)) }), err
}

// reading is what has been read of load balancers: by the ARN of what it belongs to. What was deleted meanwhile has no entry.
type reading struct {
	account *account.Account

	mu        sync.Mutex // guards the maps while calls are under way
	tags      map[string]common.Tags
	listeners map[string][]*elbv2.Listener // by load balancer
	rules     map[string][]*elbv2.Rule     // by listener
	groups    map[string]TargetGroup       // that may be shown
}

// listenersAndRules reads the tags and listeners of load balancers, and the listeners' rules.
func (d *reading) listenersAndRules(ctx context.Context, balancers []*elbv2.LoadBalancer) error {
	group, ctx := errgroup.WithContext(ctx)
	var arns []string
	for _, b := range balancers {
		arns = append(arns, *b.LoadBalancerArn)
		common.Go(group, func() error { return d.listenersOf(ctx, *b.LoadBalancerArn) })
	}
	common.Go(group, func() (err error) {
		d.tags, err = d.account.LoadBalancers.Tags(ctx, arns)
		return err
	})
	return group.Wait()
}

// listenersOf reads the listeners of a load balancer with their rules.
func (d *reading) listenersOf(ctx context.Context, balancer string) error {
	listeners, err := d.account.LoadBalancers.Listeners(ctx, balancer)
	if err != nil {
		return unlessGone(err)
	}
	keep(d, d.listeners, balancer, listeners)
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		common.Go(group, func() error {
			rules, err := d.account.LoadBalancers.Rules(ctx, *l.ListenerArn)
			if err != nil {
				return unlessGone(err)
			}
			keep(d, d.rules, *l.ListenerArn, rules)
			return nil
		})
	}
	return group.Wait()
}

// targetGroups reads the target groups that the load balancers' rules forward to, their tags and their targets.
func (d *reading) targetGroups(ctx context.Context, balancers []*elbv2.LoadBalancer) error {
	named := map[string]bool{}
	for _, b := range balancers {
		for _, l := range d.listeners[*b.LoadBalancerArn] {
			for _, rule := range d.rules[*l.ListenerArn] {
				for _, arn := range forwardedTo(rule) {
					named[arn] = true
				}
			}
		}
	}
	var arns []string
	targets := map[string][]Target{}
	group, ctx := errgroup.WithContext(ctx)
	for arn := range named {
		arns = append(arns, arn)
		common.Go(group, func() error {
			health, err := d.account.LoadBalancers.TargetHealth(ctx, arn)
			keep(d, targets, arn, targetsOf(health))
			return unlessGone(err)
		})
	}
	var tags map[string]common.Tags
	var groups []*elbv2.TargetGroup
	common.Go(group, func() (err error) {
		groups, err = d.account.LoadBalancers.TargetGroups(ctx, arns)
		return err
	})
	common.Go(group, func() (err error) {
		tags, err = d.account.LoadBalancers.Tags(ctx, arns)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	d.groups = map[string]TargetGroup{}
	for _, g := range groups {
		arn := aws.StringValue(g.TargetGroupArn)
		if have, there := tags[arn]; there && have.VisibleTo(d.account.Org) {
			d.groups[arn] = TargetGroup{arn, aws.StringValue(g.TargetGroupName), aws.StringValue(g.TargetType), targets[arn]}
		}
	}
	return nil
}

// keep puts a value into one of the maps that calls under way share.
func keep[V any](d *reading, m map[string]V, key string, value V) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m[key] = value
}

// unlessGone returns err, or nil if it says that something has been deleted since the read that named it.
func unlessGone(err error) error {
	if common.Is(err, common.NotFound) {
		return nil
	}
	return err
}

// targetsOf returns targets with their health, by id and port.
func targetsOf(health []*elbv2.TargetHealthDescription) []Target {
	targets := []Target{}
	for _, h := range health {
		t := Target{}
		if h.Target != nil {
			t.Id, t.Port = aws.StringValue(h.Target.Id), h.Target.Port
		}
		if h.TargetHealth != nil {
			t.State, t.Reason = aws.StringValue(h.TargetHealth.State), h.TargetHealth.Reason
		}
		targets = append(targets, t)
	}
	slices.SortFunc(targets, func(x, y Target) int {
		return cmp.Or(strings.Compare(x.Id, y.Id), cmp.Compare(aws.Int64Value(x.Port), aws.Int64Value(y.Port)))
	})
	return targets
}

// describe puts together what was read of a load balancer.
func (d *reading) describe(b *elbv2.LoadBalancer) LoadBalancer {
	out := LoadBalancer{
		LoadBalancerArn: aws.StringValue(b.LoadBalancerArn), LoadBalancerName: aws.StringValue(b.LoadBalancerName),
		LoadBalancerType: aws.StringValue(b.Type), DNSName: aws.StringValue(b.DNSName), Listeners: []Listener{},
	}
	listeners := d.listeners[out.LoadBalancerArn]
	slices.SortFunc(listeners, func(x, y *elbv2.Listener) int { return cmp.Compare(aws.Int64Value(x.Port), aws.Int64Value(y.Port)) })
	for _, l := range listeners {
		rules, there := d.rules[aws.StringValue(l.ListenerArn)]
		if !there {
			continue
		}
		listener := Listener{ListenerArn: aws.StringValue(l.ListenerArn), ListenerName: listenerName(l), SslPolicy: l.SslPolicy, Rules: []Rule{}}
		slices.SortStableFunc(rules, func(x, y *elbv2.Rule) int { return cmp.Compare(place(x), place(y)) })
		for _, rule := range rules {
			listener.Rules = append(listener.Rules, d.rule(rule))
		}
		out.Listeners = append(out.Listeners, listener)
	}
	return out
}

// rule puts a rule into words, with the target groups that may be shown.
func (d *reading) rule(r *elbv2.Rule) Rule {
	names := map[string]string{}
	out := Rule{RuleArn: aws.StringValue(r.RuleArn), If: conditions(r), TargetGroups: []TargetGroup{}}
	for _, arn := range forwardedTo(r) {
		if g, ok := d.groups[arn]; ok {
			names[arn] = g.TargetGroupName
			out.TargetGroups = append(out.TargetGroups, g)
		}
	}
	out.Then = actions(r, names)
	return out
}

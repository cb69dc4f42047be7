package localaws

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// elbTargetGroup is one target group with its targets in the order of their registration.
type elbTargetGroup struct {
	out     elbv2.TargetGroup
	targets []*elbTarget
	tags    tagList
}

func (g *elbTargetGroup) name() string { return *g.out.TargetGroupName }
func (g *elbTargetGroup) arn() string  { return *g.out.TargetGroupArn }

// elbTarget is one target.
type elbTarget struct {
	id       string
	port     *int64 // nil for a Lambda function
	since    time.Time
	draining bool
	health   *elbv2.TargetHealth // what SetTargetHealth says; nil to let the simulator decide
}

// balancerOf returns the load balancer with a rule that forwards to the target group, or nil.
func (s *elbState) balancerOf(group string) *elbBalancer {
	for _, b := range s.balancers.all() {
		for _, l := range b.listeners.all() {
			for _, rule := range l.rules {
				if rule.forwardsTo(group) {
					return b
				}
			}
		}
	}
	return nil
}

func (rule *elbRule) forwardsTo(group string) bool {
	return slices.ContainsFunc(rule.out.Actions, func(a *elbv2.Action) bool {
		return a.ForwardConfig != nil && slices.ContainsFunc(a.ForwardConfig.TargetGroups, func(t *elbv2.TargetGroupTuple) bool { return *t.TargetGroupArn == group })
	})
}

// show returns the target group as it is described.
func (s *elbState) show(g *elbTargetGroup) *elbv2.TargetGroup {
	out := g.out
	out.LoadBalancerArns = []*string{}
	if b := s.balancerOf(g.arn()); b != nil {
		out.LoadBalancerArns = append(out.LoadBalancerArns, b.out.LoadBalancerArn)
	}
	return &out
}

func createTargetGroup(r *request, in *elbv2.CreateTargetGroupInput) (*elbv2.CreateTargetGroupOutput, error) {
	kind := aws.StringValue(in.TargetType)
	if kind == "" {
		kind = elbv2.TargetTypeEnumInstance
	}
	if err := checkTargetGroup(in, kind); err != nil {
		return nil, err
	}
	tags, err := newELBTags(in.Tags)
	if err != nil {
		return nil, err
	}
	s := &r.region.elb
	for _, old := range s.groups.all() {
		if old.name() != *in.Name {
			continue
		}
		if *old.out.TargetType != kind || aws.StringValue(old.out.Protocol) != aws.StringValue(in.Protocol) || aws.Int64Value(old.out.Port) != aws.Int64Value(in.Port) {
			return nil, refuse(elbv2.ErrCodeDuplicateTargetGroupNameException, "A target group with the same name '%s' exists, but with different settings", *in.Name)
		}
		return &elbv2.CreateTargetGroupOutput{TargetGroups: []*elbv2.TargetGroup{s.show(old)}}, nil
	}
	g := &elbTargetGroup{tags: tags, out: elbv2.TargetGroup{
		TargetGroupArn: aws.String(r.elbARN("targetgroup/" + *in.Name + "/" + r.elbID())), TargetGroupName: in.Name, TargetType: aws.String(kind),
		Protocol: in.Protocol, Port: in.Port, VpcId: in.VpcId, ProtocolVersion: in.ProtocolVersion, HealthCheckEnabled: aws.Bool(true), HealthCheckPath: in.HealthCheckPath,
		HealthCheckPort: aws.String("traffic-port"), HealthCheckProtocol: in.HealthCheckProtocol, Matcher: in.Matcher, IpAddressType: aws.String(elbv2.TargetGroupIpAddressTypeEnumIpv4),
		HealthCheckIntervalSeconds: aws.Int64(30), HealthCheckTimeoutSeconds: aws.Int64(5), HealthyThresholdCount: aws.Int64(5), UnhealthyThresholdCount: aws.Int64(2),
	}}
	if g.out.HealthCheckProtocol == nil {
		g.out.HealthCheckProtocol = in.Protocol
	}
	s.groups.put(g.arn(), g)
	return &elbv2.CreateTargetGroupOutput{TargetGroups: []*elbv2.TargetGroup{s.show(g)}}, nil
}

func checkTargetGroup(in *elbv2.CreateTargetGroupInput, kind string) error {
	name := aws.StringValue(in.Name)
	switch {
	case !elbName.MatchString(name):
		return elbInvalid("Target group name '%s' can only contain up to 32 characters that are alphanumeric characters and hyphens(-), and cannot begin or end with a hyphen", name)
	case !slices.Contains(elbv2.TargetTypeEnum_Values(), kind):
		return elbInvalid("'%s' must be one of '%v'", kind, elbv2.TargetTypeEnum_Values())
	case kind == elbv2.TargetTypeEnumLambda:
		return nil
	case !slices.Contains(elbv2.ProtocolEnum_Values(), aws.StringValue(in.Protocol)):
		return elbInvalid("A protocol must be specified")
	case in.Port == nil:
		return elbInvalid("A port must be specified")
	case *in.Port < 1 || *in.Port > 65535:
		return elbInvalid("1 validation error detected: Value '%d' at 'port' failed to satisfy constraint: Member must be between 1 and 65535", *in.Port)
	case in.VpcId == nil:
		return elbInvalid("A VPC ID must be specified")
	case *in.VpcId != VPC:
		return elbInvalid("The VPC ID '%s' is not found", *in.VpcId)
	}
	return nil
}

// deleteTargetGroup succeeds for what does not exist, as AWS does.
func deleteTargetGroup(r *request, in *elbv2.DeleteTargetGroupInput) (*elbv2.DeleteTargetGroupOutput, error) {
	arn := aws.StringValue(in.TargetGroupArn)
	if r.region.elb.balancerOf(arn) != nil {
		return nil, refuse(elbv2.ErrCodeResourceInUseException, "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	r.region.elb.groups.delete(arn)
	return &elbv2.DeleteTargetGroupOutput{}, nil
}

func describeTargetGroups(r *request, in *elbv2.DescribeTargetGroupsInput) (*elbv2.DescribeTargetGroupsOutput, error) {
	s := &r.region.elb
	wanted := map[string]bool{}
	for _, name := range slices.Concat(aws.StringValueSlice(in.TargetGroupArns), aws.StringValueSlice(in.Names)) {
		wanted[name] = true
	}
	if in.LoadBalancerArn != nil && len(wanted) > 0 || len(in.TargetGroupArns) > 0 && len(in.Names) > 0 {
		return nil, elbInvalid("Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time")
	}
	if in.LoadBalancerArn != nil {
		if _, ok := s.balancers.get(*in.LoadBalancerArn); !ok {
			return nil, noLoadBalancer(*in.LoadBalancerArn)
		}
	}
	all := len(wanted) == 0
	var found []*elbv2.TargetGroup
	for arn, g := range s.groups.all() {
		shown := s.show(g)
		if in.LoadBalancerArn != nil && !slices.Contains(aws.StringValueSlice(shown.LoadBalancerArns), *in.LoadBalancerArn) {
			continue
		}
		if all || wanted[arn] || wanted[g.name()] {
			found = append(found, shown)
			delete(wanted, arn)
			delete(wanted, g.name())
		}
	}
	if len(wanted) > 0 {
		return nil, noTargetGroup("")
	}
	page, next, err := elbPage(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elbv2.DescribeTargetGroupsOutput{TargetGroups: page, NextMarker: next}, nil
}

// target returns the group's target with the id and the port, or nil. Without a port the group's own is meant.
func (g *elbTargetGroup) target(d *elbv2.TargetDescription) *elbTarget {
	port := g.portOf(d)
	i := slices.IndexFunc(g.targets, func(t *elbTarget) bool {
		return t.id == aws.StringValue(d.Id) && aws.Int64Value(t.port) == aws.Int64Value(port)
	})
	if i < 0 {
		return nil
	}
	return g.targets[i]
}

func (g *elbTargetGroup) portOf(d *elbv2.TargetDescription) *int64 {
	if d.Port != nil {
		return d.Port
	}
	return g.out.Port
}

func registerTargets(r *request, in *elbv2.RegisterTargetsInput) (*elbv2.RegisterTargetsOutput, error) {
	g, ok := r.region.elb.groups.get(aws.StringValue(in.TargetGroupArn))
	if !ok {
		return nil, noTargetGroup("")
	}
	for _, d := range in.Targets {
		id := aws.StringValue(d.Id)
		switch {
		case *g.out.TargetType == elbv2.TargetTypeEnumIp && net.ParseIP(id) == nil:
			return nil, elbInvalid("The IP address '%s' is not a valid IPv4 address", id)
		case *g.out.TargetType == elbv2.TargetTypeEnumInstance && !strings.HasPrefix(id, "i-"):
			return nil, refuse(elbv2.ErrCodeInvalidTargetException, "The following targets are not in a running state and cannot be registered: '%s'", id)
		}
	}
	for _, d := range in.Targets {
		g.register(r, d)
	}
	return &elbv2.RegisterTargetsOutput{}, nil
}

// register adds a target, or ends its draining.
func (g *elbTargetGroup) register(r *request, d *elbv2.TargetDescription) {
	if t := g.target(d); t != nil {
		if t.draining {
			t.draining, t.since = false, r.now
		}
		return
	}
	g.targets = append(g.targets, &elbTarget{id: aws.StringValue(d.Id), port: g.portOf(d), since: r.now})
}

func deregisterTargets(r *request, in *elbv2.DeregisterTargetsInput) (*elbv2.DeregisterTargetsOutput, error) {
	g, ok := r.region.elb.groups.get(aws.StringValue(in.TargetGroupArn))
	if !ok {
		return nil, noTargetGroup("")
	}
	for _, d := range in.Targets {
		if t := g.target(d); t != nil {
			t.draining = true
			r.after(r.aws.lags.Drain, func(*request) { g.remove(t) })
		}
	}
	return &elbv2.DeregisterTargetsOutput{}, nil
}

// remove takes out a target, unless it was registered again while it drained.
func (g *elbTargetGroup) remove(t *elbTarget) {
	if t.draining {
		g.targets = slices.DeleteFunc(g.targets, func(other *elbTarget) bool { return other == t })
	}
}

func describeTargetHealth(r *request, in *elbv2.DescribeTargetHealthInput) (*elbv2.DescribeTargetHealthOutput, error) {
	g, ok := r.region.elb.groups.get(aws.StringValue(in.TargetGroupArn))
	if !ok {
		return nil, noTargetGroup("")
	}
	out := &elbv2.DescribeTargetHealthOutput{TargetHealthDescriptions: []*elbv2.TargetHealthDescription{}}
	add := func(id string, port *int64, health *elbv2.TargetHealth) {
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, &elbv2.TargetHealthDescription{
			Target: &elbv2.TargetDescription{Id: aws.String(id), Port: port}, HealthCheckPort: g.out.HealthCheckPort, TargetHealth: health,
		})
	}
	if len(in.Targets) == 0 {
		for _, t := range g.targets {
			add(t.id, t.port, r.targetHealth(g, t))
		}
	}
	for _, d := range in.Targets {
		if t := g.target(d); t != nil {
			add(t.id, t.port, r.targetHealth(g, t))
			continue
		}
		add(aws.StringValue(d.Id), g.portOf(d), elbHealth(elbv2.TargetHealthStateEnumUnused, elbv2.TargetHealthReasonEnumTargetNotRegistered, "Target is not registered to the target group"))
	}
	return out, nil
}

func elbHealth(state, reason, description string) *elbv2.TargetHealth {
	return &elbv2.TargetHealth{State: aws.String(state), Reason: optional(reason), Description: optional(description)}
}

// targetHealth returns what the load balancer says of a target. A healthy one has a state only.
func (r *request) targetHealth(g *elbTargetGroup, t *elbTarget) *elbv2.TargetHealth {
	switch {
	case t.draining:
		return elbHealth(elbv2.TargetHealthStateEnumDraining, elbv2.TargetHealthReasonEnumTargetDeregistrationInProgress, "Target deregistration is in progress")
	case t.health != nil:
		return t.health
	case r.region.elb.balancerOf(g.arn()) == nil:
		return elbHealth(elbv2.TargetHealthStateEnumUnused, elbv2.TargetHealthReasonEnumTargetNotInUse, "Target group is not configured to receive traffic from the load balancer")
	case r.now.Before(t.since.Add(r.aws.lags.Healthy)):
		return elbHealth(elbv2.TargetHealthStateEnumInitial, elbv2.TargetHealthReasonEnumElbRegistrationInProgress, "Target registration is in progress")
	}
	return elbHealth(elbv2.TargetHealthStateEnumHealthy, "", "")
}

// SetTargetHealth decides what the load balancer says of the targets with an id in a target group: "unhealthy", "Target.Timeout", "Request
// timed out". It reports whether there is such a target.
func (a *AWS) SetTargetHealth(group, id, state, reason, description string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := false
	for _, acc := range a.accounts {
		for _, r := range acc.regions {
			g, ok := r.elb.groups.get(group)
			if !ok {
				continue
			}
			for _, t := range g.targets {
				if t.id == id {
					t.health, found = elbHealth(state, reason, description), true
				}
			}
		}
	}
	return found
}

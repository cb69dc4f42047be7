package localaws

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// elbListener is one listener with its rules, the default one last.
type elbListener struct {
	balancer *elbBalancer
	out      elbv2.Listener
	rules    []*elbRule
	tags     tagList
}

func (l *elbListener) arn() string  { return *l.out.ListenerArn }
func (l *elbListener) name() string { return fmt.Sprintf("%s:%d", *l.out.Protocol, *l.out.Port) }

// elbProtocols are the protocols of listeners by the types of load balancers.
var elbProtocols = map[string][]string{
	elbv2.LoadBalancerTypeEnumApplication: {elbv2.ProtocolEnumHttp, elbv2.ProtocolEnumHttps},
	elbv2.LoadBalancerTypeEnumNetwork:     {elbv2.ProtocolEnumTcp, elbv2.ProtocolEnumTls, elbv2.ProtocolEnumUdp, elbv2.ProtocolEnumTcpUdp},
}

// defaultSSLPolicy is that of a listener that names none.
const defaultSSLPolicy = "ELBSecurityPolicy-2016-08"

// listener returns the listener with the ARN, or nil.
func (s *elbState) listener(arn string) *elbListener {
	for _, b := range s.balancers.all() {
		if l, ok := b.listeners.get(arn); ok {
			return l
		}
	}
	return nil
}

func createListener(r *request, in *elbv2.CreateListenerInput) (*elbv2.CreateListenerOutput, error) {
	b, ok := r.region.elb.balancers.get(aws.StringValue(in.LoadBalancerArn))
	if !ok {
		return nil, noLoadBalancer(aws.StringValue(in.LoadBalancerArn))
	}
	if err := b.checkListener(in); err != nil {
		return nil, err
	}
	actions, err := r.elbActions(b, in.DefaultActions)
	if err != nil {
		return nil, err
	}
	tags, err := newELBTags(in.Tags)
	if err != nil {
		return nil, err
	}
	id := r.elbID()
	l := &elbListener{balancer: b, tags: tags, out: elbv2.Listener{
		ListenerArn: aws.String(r.elbARN("listener/" + b.path() + "/" + id)), LoadBalancerArn: in.LoadBalancerArn, Protocol: in.Protocol, Port: in.Port,
		Certificates: in.Certificates, SslPolicy: in.SslPolicy, AlpnPolicy: in.AlpnPolicy, DefaultActions: actions,
	}}
	if len(in.Certificates) > 0 && in.SslPolicy == nil {
		l.out.SslPolicy = aws.String(defaultSSLPolicy)
	}
	l.rules = []*elbRule{{listener: l, out: elbv2.Rule{
		RuleArn: aws.String(r.elbARN("listener-rule/" + b.path() + "/" + id + "/" + r.elbID())), Priority: aws.String(defaultPriority),
		IsDefault: aws.Bool(true), Actions: actions, Conditions: []*elbv2.RuleCondition{},
	}}}
	b.listeners.put(l.arn(), l)
	return &elbv2.CreateListenerOutput{Listeners: []*elbv2.Listener{&l.out}}, nil
}

// checkListener refuses a listener that the load balancer cannot have.
func (b *elbBalancer) checkListener(in *elbv2.CreateListenerInput) error {
	protocol, port := aws.StringValue(in.Protocol), aws.Int64Value(in.Port)
	secure := protocol == elbv2.ProtocolEnumHttps || protocol == elbv2.ProtocolEnumTls
	switch {
	case in.Protocol == nil:
		return elbInvalid("A listener protocol must be specified")
	case in.Port == nil:
		return elbInvalid("A listener port must be specified")
	case port < 1 || port > 65535:
		return elbInvalid("1 validation error detected: Value '%d' at 'port' failed to satisfy constraint: Member must be between 1 and 65535", port)
	case !slices.Contains(elbProtocols[*b.out.Type], protocol):
		return elbInvalid("Protocol '%s' is not supported for %s load balancers", protocol, *b.out.Type)
	case secure && len(in.Certificates) == 0:
		return elbInvalid("A certificate must be specified for %s listeners", protocol)
	}
	for _, other := range b.listeners.all() {
		if *other.out.Port == port {
			return refuse(elbv2.ErrCodeDuplicateListenerException, "A listener already exists on this port for this load balancer")
		}
	}
	return nil
}

func deleteListener(r *request, in *elbv2.DeleteListenerInput) (*elbv2.DeleteListenerOutput, error) {
	l := r.region.elb.listener(aws.StringValue(in.ListenerArn))
	if l == nil {
		return nil, noListener("")
	}
	l.balancer.listeners.delete(l.arn())
	return &elbv2.DeleteListenerOutput{}, nil
}

func describeListeners(r *request, in *elbv2.DescribeListenersInput) (*elbv2.DescribeListenersOutput, error) {
	var found []*elbv2.Listener
	switch {
	case in.LoadBalancerArn == nil && len(in.ListenerArns) == 0:
		return nil, elbInvalid("You must specify either listener ARNs or a load balancer ARN")
	case in.LoadBalancerArn != nil && len(in.ListenerArns) > 0:
		return nil, elbInvalid("Listener ARNs and a load balancer ARN cannot be specified at the same time")
	case in.LoadBalancerArn != nil:
		b, ok := r.region.elb.balancers.get(*in.LoadBalancerArn)
		if !ok {
			return nil, noLoadBalancer(*in.LoadBalancerArn)
		}
		for _, l := range b.listeners.all() {
			found = append(found, &l.out)
		}
	}
	for _, arn := range aws.StringValueSlice(in.ListenerArns) {
		l := r.region.elb.listener(arn)
		if l == nil {
			return nil, noListener(arn)
		}
		found = append(found, &l.out)
	}
	page, next, err := elbPage(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elbv2.DescribeListenersOutput{Listeners: page, NextMarker: next}, nil
}

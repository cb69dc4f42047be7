package awstest

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/service/elbv2"

	"ecs-api/common"
	"ecs-api/localaws"
)

// LoadBalancers creates load balancers and what belongs to them with the unchanged SDK. A call that fails ends the test.
type LoadBalancers struct {
	*elbv2.ELBV2
	T       testing.TB
	VPC     string
	Subnets []string // in two zones
	// Certificate is the ARN of that of listeners with TLS. The simulator takes any.
	Certificate string
}

// NewLoadBalancers creates them in the simulator's network.
func NewLoadBalancers(t testing.TB, sess client.ConfigProvider) LoadBalancers {
	return LoadBalancers{
		ELBV2: elbv2.New(sess), T: t, VPC: localaws.VPC, Subnets: []string{localaws.SubnetA, localaws.SubnetB},
		Certificate: "arn:aws:acm:us-east-1:" + localaws.DefaultAccount + ":certificate/0a1b2c3d",
	}
}

// Create creates a load balancer of a type, application or network, and returns its ARN.
func (l LoadBalancers) Create(name, kind string, tags common.Tags) string {
	l.T.Helper()
	in := &elbv2.CreateLoadBalancerInput{Name: &name, Type: &kind, Subnets: aws.StringSlice(l.Subnets), Tags: elbTags(tags)}
	return *Must[*elbv2.CreateLoadBalancerOutput](l.T, "create load balancer "+name)(l.CreateLoadBalancer(in)).LoadBalancers[0].LoadBalancerArn
}

// TargetGroup creates a target group for addresses and returns its ARN.
func (l LoadBalancers) TargetGroup(name, protocol string, tags common.Tags) string {
	l.T.Helper()
	in := &elbv2.CreateTargetGroupInput{Name: &name, Protocol: &protocol, Port: aws.Int64(80), VpcId: &l.VPC, TargetType: aws.String(elbv2.TargetTypeEnumIp), Tags: elbTags(tags)}
	return *Must[*elbv2.CreateTargetGroupOutput](l.T, "create target group "+name)(l.CreateTargetGroup(in)).TargetGroups[0].TargetGroupArn
}

// Listener creates a listener of a load balancer and returns its ARN. One of HTTPS or TLS has a certificate.
func (l LoadBalancers) Listener(loadBalancer, protocol string, port int64, actions ...*elbv2.Action) string {
	l.T.Helper()
	in := &elbv2.CreateListenerInput{LoadBalancerArn: &loadBalancer, Protocol: &protocol, Port: &port, DefaultActions: actions}
	if protocol == elbv2.ProtocolEnumHttps || protocol == elbv2.ProtocolEnumTls {
		in.Certificates = []*elbv2.Certificate{{CertificateArn: &l.Certificate}}
		in.SslPolicy = aws.String("ELBSecurityPolicy-TLS13-1-2-2021-06")
	}
	return *Must[*elbv2.CreateListenerOutput](l.T, "create listener")(l.CreateListener(in)).Listeners[0].ListenerArn
}

// Rule creates a rule of a listener for hosts and paths, of which one may be empty, and returns its ARN.
func (l LoadBalancers) Rule(listener string, priority int64, host, path string, actions ...*elbv2.Action) string {
	l.T.Helper()
	in := &elbv2.CreateRuleInput{ListenerArn: &listener, Priority: &priority, Actions: actions}
	if host != "" {
		in.Conditions = append(in.Conditions, &elbv2.RuleCondition{Field: aws.String("host-header"), HostHeaderConfig: &elbv2.HostHeaderConditionConfig{Values: []*string{&host}}})
	}
	if path != "" {
		in.Conditions = append(in.Conditions, &elbv2.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &elbv2.PathPatternConditionConfig{Values: []*string{&path}}})
	}
	return *Must[*elbv2.CreateRuleOutput](l.T, "create rule")(l.CreateRule(in)).Rules[0].RuleArn
}

// Register registers addresses as targets, on the target group's port.
func (l LoadBalancers) Register(targetGroup string, addresses ...string) {
	l.T.Helper()
	in := &elbv2.RegisterTargetsInput{TargetGroupArn: &targetGroup}
	for _, address := range addresses {
		in.Targets = append(in.Targets, &elbv2.TargetDescription{Id: &address})
	}
	Must[*elbv2.RegisterTargetsOutput](l.T, "register targets")(l.RegisterTargets(in))
}

// Forward forwards to target groups; with several, the first gets three of four requests, and each of the others one.
func Forward(targetGroups ...string) *elbv2.Action {
	if len(targetGroups) == 1 {
		return &elbv2.Action{Type: aws.String(elbv2.ActionTypeEnumForward), TargetGroupArn: &targetGroups[0]}
	}
	forward := &elbv2.ForwardActionConfig{}
	for i, arn := range targetGroups {
		weight := int64(1)
		if i == 0 {
			weight = 3
		}
		forward.TargetGroups = append(forward.TargetGroups, &elbv2.TargetGroupTuple{TargetGroupArn: &arn, Weight: &weight})
	}
	return &elbv2.Action{Type: aws.String(elbv2.ActionTypeEnumForward), ForwardConfig: forward}
}

// Respond responds with a status.
func Respond(status string) *elbv2.Action {
	return &elbv2.Action{Type: aws.String(elbv2.ActionTypeEnumFixedResponse), FixedResponseConfig: &elbv2.FixedResponseActionConfig{StatusCode: &status, ContentType: aws.String("text/plain")}}
}

// RedirectToHTTPS redirects to the same host and path over HTTPS.
func RedirectToHTTPS() *elbv2.Action {
	return &elbv2.Action{Type: aws.String(elbv2.ActionTypeEnumRedirect), RedirectConfig: &elbv2.RedirectActionConfig{
		Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: aws.String(elbv2.RedirectActionStatusCodeEnumHttp301),
	}}
}

func elbTags(tags common.Tags) []*elbv2.Tag {
	return common.ListTags(tags, func(key, value *string) *elbv2.Tag { return &elbv2.Tag{Key: key, Value: value} })
}

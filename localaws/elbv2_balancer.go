package localaws

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
)

// elbName is what load balancers and target groups may be called.
var elbName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$`)

// elbBalancer is one load balancer with its listeners, by their ARNs.
type elbBalancer struct {
	out       elbv2.LoadBalancer
	listeners ordered[*elbListener]
	tags      tagList
}

func (b *elbBalancer) name() string { return *b.out.LoadBalancerName }
func (b *elbBalancer) arn() string  { return *b.out.LoadBalancerArn }

// path is the load balancer in the ARNs of what belongs to it: app/NAME/ID.
func (b *elbBalancer) path() string {
	return b.arn()[strings.Index(b.arn(), "loadbalancer/")+len("loadbalancer/"):]
}

// taggables ranges over the listeners and rules; false once yield is.
func (b *elbBalancer) taggables(yield func(string, *tagList) bool) bool {
	for arn, l := range b.listeners.all() {
		if !yield(arn, &l.tags) {
			return false
		}
		for _, rule := range l.rules {
			if !yield(*rule.out.RuleArn, &rule.tags) {
				return false
			}
		}
	}
	return true
}

// elbKinds are the types of load balancers as ARNs write them.
var elbKinds = map[string]string{elbv2.LoadBalancerTypeEnumApplication: "app", elbv2.LoadBalancerTypeEnumNetwork: "net"}

func createLoadBalancer(r *request, in *elbv2.CreateLoadBalancerInput) (*elbv2.CreateLoadBalancerOutput, error) {
	name, kind, scheme := aws.StringValue(in.Name), aws.StringValue(in.Type), aws.StringValue(in.Scheme)
	if kind == "" {
		kind = elbv2.LoadBalancerTypeEnumApplication
	}
	if scheme == "" {
		scheme = elbv2.LoadBalancerSchemeEnumInternetFacing
	}
	switch {
	case !elbName.MatchString(name) || strings.HasPrefix(name, "internal-"):
		return nil, elbInvalid("The load balancer name '%s' can only contain up to 32 characters that are alphanumeric characters and hyphens(-), and cannot begin or end with a hyphen or begin with 'internal-'", name)
	case elbKinds[kind] == "":
		return nil, elbInvalid("'%s' must be one of '[application, network]'", kind)
	case !slices.Contains(elbv2.LoadBalancerSchemeEnum_Values(), scheme):
		return nil, refuse(elbv2.ErrCodeInvalidSchemeException, "Invalid scheme '%s'", scheme)
	}
	zones, err := r.elbZones(in, kind)
	if err != nil {
		return nil, err
	}
	for _, group := range aws.StringValueSlice(in.SecurityGroups) {
		if !slices.Contains(r.region.network.securityGroups, group) {
			return nil, refuse(elbv2.ErrCodeInvalidSecurityGroupException, "One or more security groups are invalid")
		}
	}
	tags, err := newELBTags(in.Tags)
	if err != nil {
		return nil, err
	}
	for _, old := range r.region.elb.balancers.all() {
		if old.name() != name {
			continue
		}
		if *old.out.Type != kind || *old.out.Scheme != scheme {
			return nil, refuse(elbv2.ErrCodeDuplicateLoadBalancerNameException, "A load balancer with the same name '%s' exists, but with different settings", name)
		}
		return &elbv2.CreateLoadBalancerOutput{LoadBalancers: []*elbv2.LoadBalancer{&old.out}}, nil
	}
	id := r.elbID()
	host := fmt.Sprintf("%s-%s.%s.elb.amazonaws.com", name, id[6:], r.region.name)
	if scheme == elbv2.LoadBalancerSchemeEnumInternal {
		host = "internal-" + host
	}
	b := &elbBalancer{tags: tags, out: elbv2.LoadBalancer{
		LoadBalancerArn: aws.String(r.elbARN("loadbalancer/" + elbKinds[kind] + "/" + name + "/" + id)), LoadBalancerName: aws.String(name),
		Type: aws.String(kind), Scheme: aws.String(scheme), DNSName: aws.String(host), CanonicalHostedZoneId: aws.String("Z35SXDOTRQ7X7K"),
		CreatedTime: aws.Time(r.now), IpAddressType: aws.String(elbv2.IpAddressTypeIpv4), VpcId: aws.String(VPC), AvailabilityZones: zones,
		SecurityGroups: in.SecurityGroups, State: &elbv2.LoadBalancerState{Code: aws.String(elbv2.LoadBalancerStateEnumActive)},
	}}
	r.region.elb.balancers.put(b.arn(), b)
	return &elbv2.CreateLoadBalancerOutput{LoadBalancers: []*elbv2.LoadBalancer{&b.out}}, nil
}

// elbZones returns where a new load balancer is, if it can be there.
func (r *request) elbZones(in *elbv2.CreateLoadBalancerInput, kind string) ([]*elbv2.AvailabilityZone, error) {
	ids := aws.StringValueSlice(in.Subnets)
	for _, mapping := range in.SubnetMappings {
		ids = append(ids, aws.StringValue(mapping.SubnetId))
	}
	var zones []*elbv2.AvailabilityZone
	seen := map[string]bool{}
	for _, id := range ids {
		s := r.region.network.subnet(id)
		if s == nil {
			return nil, refuse(elbv2.ErrCodeSubnetNotFoundException, "The subnet ID '%s' does not exist", id)
		}
		if seen[s.zone] {
			return nil, refuse(elbv2.ErrCodeInvalidConfigurationRequestException, "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		seen[s.zone] = true
		zones = append(zones, &elbv2.AvailabilityZone{SubnetId: aws.String(id), ZoneName: aws.String(r.region.name + s.zone)})
	}
	switch {
	case len(zones) == 0:
		return nil, elbInvalid("Subnets must be specified")
	case len(zones) < 2 && kind == elbv2.LoadBalancerTypeEnumApplication:
		return nil, elbInvalid("At least two subnets in two different Availability Zones must be specified")
	}
	return zones, nil
}

// deleteLoadBalancer also deletes the listeners. It succeeds for what does not exist, as AWS does.
func deleteLoadBalancer(r *request, in *elbv2.DeleteLoadBalancerInput) (*elbv2.DeleteLoadBalancerOutput, error) {
	r.region.elb.balancers.delete(aws.StringValue(in.LoadBalancerArn))
	return &elbv2.DeleteLoadBalancerOutput{}, nil
}

func describeLoadBalancers(r *request, in *elbv2.DescribeLoadBalancersInput) (*elbv2.DescribeLoadBalancersOutput, error) {
	s := &r.region.elb
	var found []*elbv2.LoadBalancer
	switch {
	case len(in.LoadBalancerArns) > 0 && len(in.Names) > 0:
		return nil, elbInvalid("Load balancer names and load balancer ARNs cannot be specified at the same time")
	case len(in.LoadBalancerArns) > maxELBARNs || len(in.Names) > maxELBARNs:
		return nil, elbInvalid("The number of load balancers cannot exceed %d", maxELBARNs)
	}
	wanted := map[string]bool{}
	for _, name := range slices.Concat(aws.StringValueSlice(in.LoadBalancerArns), aws.StringValueSlice(in.Names)) {
		wanted[name] = true
	}
	all := len(wanted) == 0
	for arn, b := range s.balancers.all() {
		if all || wanted[arn] || wanted[b.name()] {
			found = append(found, &b.out)
			delete(wanted, arn)
			delete(wanted, b.name())
		}
	}
	for name := range wanted {
		return nil, noLoadBalancer(name)
	}
	page, next, err := elbPage(found, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elbv2.DescribeLoadBalancersOutput{LoadBalancers: page, NextMarker: next}, nil
}

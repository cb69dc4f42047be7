package orchestration

import (
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/spec"
)

// changeInput returns the input that changes the service. AWS keeps every setting that it does not contain.
func (p *updatePlan) changeInput() *awsecs.UpdateServiceInput {
	u, was := p.update, p.found.service
	in := awsecs.UpdateServiceInput{}
	if p.adjusted.settings != nil {
		in = *p.adjusted.settings
	}
	in.Cluster, in.Service, in.TaskDefinition = aws.String(u.cluster), aws.String(u.service), nil
	if u.force {
		in.ForceNewDeployment = aws.Bool(true)
	}
	if p.revision != nil {
		in.TaskDefinition = aws.String(p.revisionName())
	}
	if in.NetworkConfiguration != nil {
		in.NetworkConfiguration = mergeNetwork(u, in.NetworkConfiguration, was.NetworkConfiguration)
	}
	if in.DeploymentConfiguration != nil {
		in.DeploymentConfiguration = mergeDeployment(in.DeploymentConfiguration, was.DeploymentConfiguration)
	}
	switch {
	case in.CapacityProviderStrategy == nil:
	case sameStrategy(in.CapacityProviderStrategy, was.CapacityProviderStrategy):
		in.CapacityProviderStrategy = nil
	default: // AWS changes a strategy, or from a launch type to one, only with a new deployment
		in.ForceNewDeployment = aws.Bool(true)
	}
	return &in
}

// sameStrategy reports whether two strategies are the same. AWS shows zeros that a request may leave out.
func sameStrategy(a, b []*awsecs.CapacityProviderStrategyItem) bool {
	return slices.EqualFunc(a, b, func(x, y *awsecs.CapacityProviderStrategyItem) bool {
		return aws.StringValue(x.CapacityProvider) == aws.StringValue(y.CapacityProvider) && aws.Int64Value(x.Weight) == aws.Int64Value(y.Weight) && aws.Int64Value(x.Base) == aws.Int64Value(y.Base)
	})
}

// restoreInput returns the input that restores those settings of the service which the change has set.
func restoreInput(change *awsecs.UpdateServiceInput, was *awsecs.Service) *awsecs.UpdateServiceInput {
	rollback := &awsecs.UpdateServiceInput{Cluster: change.Cluster, Service: change.Service}
	if change.TaskDefinition != nil {
		rollback.TaskDefinition = was.TaskDefinition
	}
	if change.CapacityProviderStrategy != nil { // back to a launch type with an empty one
		rollback.CapacityProviderStrategy = append([]*awsecs.CapacityProviderStrategyItem{}, was.CapacityProviderStrategy...)
		rollback.ForceNewDeployment = aws.Bool(true)
	}
	current := currentSettings(was)
	from, to, has := reflect.ValueOf(change).Elem(), reflect.ValueOf(rollback).Elem(), reflect.ValueOf(current)
	for field := range has.Type().Fields() {
		if !field.IsExported() || from.FieldByName(field.Name).IsNil() {
			continue
		}
		to.FieldByName(field.Name).Set(has.FieldByName(field.Name))
	}
	return rollback
}

// settings are the members of UpdateServiceInput that a rollback restores. A test compares them with the SDK's struct.
type settings struct {
	AvailabilityZoneRebalancing   *string
	DeploymentConfiguration       *awsecs.DeploymentConfiguration
	DeploymentController          *awsecs.DeploymentController
	DesiredCount                  *int64
	EnableECSManagedTags          *bool
	EnableExecuteCommand          *bool
	HealthCheckGracePeriodSeconds *int64
	LoadBalancers                 []*awsecs.LoadBalancer
	NetworkConfiguration          *awsecs.NetworkConfiguration
	PlacementConstraints          []*awsecs.PlacementConstraint
	PlacementStrategy             []*awsecs.PlacementStrategy
	PlatformVersion               *string
	PropagateTags                 *string
	ServiceConnectConfiguration   *awsecs.ServiceConnectConfiguration
	ServiceRegistries             []*awsecs.ServiceRegistry
	VolumeConfigurations          []*awsecs.ServiceVolumeConfiguration
	VpcLatticeConfigurations      []*awsecs.VpcLatticeConfiguration
}

// currentSettings returns the service's settings as the input of an update; a setting that the service lacks has the value that removes it.
func currentSettings(s *awsecs.Service) settings {
	out := settings{
		AvailabilityZoneRebalancing: s.AvailabilityZoneRebalancing, DeploymentConfiguration: s.DeploymentConfiguration, DeploymentController: s.DeploymentController,
		DesiredCount: s.DesiredCount, EnableECSManagedTags: aws.Bool(aws.BoolValue(s.EnableECSManagedTags)), EnableExecuteCommand: aws.Bool(aws.BoolValue(s.EnableExecuteCommand)),
		HealthCheckGracePeriodSeconds: s.HealthCheckGracePeriodSeconds, NetworkConfiguration: s.NetworkConfiguration, PlatformVersion: s.PlatformVersion,
		PropagateTags:        s.PropagateTags,
		LoadBalancers:        append([]*awsecs.LoadBalancer{}, s.LoadBalancers...),
		PlacementConstraints: append([]*awsecs.PlacementConstraint{}, s.PlacementConstraints...),
		PlacementStrategy:    append([]*awsecs.PlacementStrategy{}, s.PlacementStrategy...),
		ServiceRegistries:    append([]*awsecs.ServiceRegistry{}, s.ServiceRegistries...),
	}
	if out.PropagateTags == nil {
		out.PropagateTags = aws.String(awsecs.PropagateTagsNone)
	}
	out.ServiceConnectConfiguration = &awsecs.ServiceConnectConfiguration{Enabled: aws.Bool(false)}
	out.VolumeConfigurations, out.VpcLatticeConfigurations = []*awsecs.ServiceVolumeConfiguration{}, []*awsecs.VpcLatticeConfiguration{}
	if d := ecs.Primary(s); d != nil { // ECS shows these with the deployment
		if d.ServiceConnectConfiguration != nil {
			out.ServiceConnectConfiguration = d.ServiceConnectConfiguration
		}
		out.VolumeConfigurations = append(out.VolumeConfigurations, d.VolumeConfigurations...)
		out.VpcLatticeConfigurations = append(out.VpcLatticeConfigurations, d.VpcLatticeConfigurations...)
	}
	return out
}

// mergeNetwork returns the service's network settings, changed as the request says. Tasks never get a public address.
func mergeNetwork(u *update, wanted, now *awsecs.NetworkConfiguration) *awsecs.NetworkConfiguration {
	vpc := awsecs.AwsVpcConfiguration{}
	if wanted.AwsvpcConfiguration != nil {
		vpc = *wanted.AwsvpcConfiguration
	}
	if now != nil && now.AwsvpcConfiguration != nil {
		if len(vpc.Subnets) == 0 {
			vpc.Subnets = now.AwsvpcConfiguration.Subnets
		}
		if len(vpc.SecurityGroups) == 0 {
			vpc.SecurityGroups = now.AwsvpcConfiguration.SecurityGroups
		}
	}
	return spec.Network(u.o.account.Settings, &awsecs.NetworkConfiguration{AwsvpcConfiguration: &vpc})
}

// mergeDeployment returns the wanted deployment configuration, completed by the present one.
func mergeDeployment(wanted, now *awsecs.DeploymentConfiguration) *awsecs.DeploymentConfiguration {
	if now == nil {
		return wanted
	}
	out := *now
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(wanted).Elem()
	for field := range from.Type().Fields() {
		if field.IsExported() && !from.FieldByName(field.Name).IsNil() {
			to.FieldByName(field.Name).Set(from.FieldByName(field.Name))
		}
	}
	return &out
}

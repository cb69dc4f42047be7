package localaws

import (
	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/ecs/sdk/ecs"
)

// ecsUpdateService changes what the request names. Nothing is changed unless all of it can be.
func ecsUpdateService(r *request, in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	svc := r.seenService(c, aws.StringValue(in.Service))
	switch {
	case svc == nil:
		return nil, noService()
	case svc.status != statusActive:
		return nil, refuse(ecs.ErrCodeServiceNotActiveException, "Service was not ACTIVE.")
	}
	definition := svc.primary().definition
	if in.TaskDefinition != nil {
		if definition, err = r.usableRevision(in.TaskDefinition); err != nil {
			return nil, err
		}
	}
	changed, err := svc.changed(r, in, definition)
	if err != nil {
		return nil, err
	}
	parts := svc.parts.changed(in)
	if err := parts.check(definition); err != nil {
		return nil, err
	}
	redeploy := aws.BoolValue(in.ForceNewDeployment) || redeploys(&svc.out, changed) || !awsutil.DeepEqual(svc.parts, parts)
	svc.out, svc.parts, svc.steady = *changed, parts, false
	if redeploy {
		svc.deploy(r, definition)
	} else {
		r.after(0, svc.schedule)
	}
	return &ecs.UpdateServiceOutput{Service: svc.show(r)}, nil
}

// redeploys reports whether ECS replaces a service's tasks when its parameters change so. The count, the tags' propagation, ECS Exec and the
// deployment configuration are not among them: they are true of tasks that start later.
func redeploys(from, to *ecs.Service) bool {
	return *from.TaskDefinition != *to.TaskDefinition ||
		aws.StringValue(from.PlatformVersion) != aws.StringValue(to.PlatformVersion) ||
		!awsutil.DeepEqual(from.ServiceRegistries, to.ServiceRegistries) ||
		!awsutil.DeepEqual(from.NetworkConfiguration, to.NetworkConfiguration)
}

// changed returns the service's parameters as the request wants them, if ECS accepts them.
func (svc *ecsService) changed(r *request, in *ecs.UpdateServiceInput, definition *ecsRevision) (*ecs.Service, error) {
	out := svc.out
	out.TaskDefinition = definition.out.TaskDefinitionArn
	if err := svc.changeLaunch(&out, in, definition); err != nil {
		return nil, err
	}
	if in.NetworkConfiguration != nil {
		out.NetworkConfiguration = networkWithDefaults(in.NetworkConfiguration)
	}
	if in.ServiceRegistries != nil {
		out.ServiceRegistries = in.ServiceRegistries
	}
	if in.LoadBalancers != nil {
		out.LoadBalancers = in.LoadBalancers
	}
	if in.DesiredCount != nil {
		out.DesiredCount = in.DesiredCount
	}
	if in.PropagateTags != nil {
		out.PropagateTags = in.PropagateTags
	}
	if in.EnableECSManagedTags != nil {
		out.EnableECSManagedTags = in.EnableECSManagedTags
	}
	if in.EnableExecuteCommand != nil {
		out.EnableExecuteCommand = in.EnableExecuteCommand
	}
	if in.HealthCheckGracePeriodSeconds != nil {
		out.HealthCheckGracePeriodSeconds = in.HealthCheckGracePeriodSeconds
	}
	if in.AvailabilityZoneRebalancing != nil {
		out.AvailabilityZoneRebalancing = in.AvailabilityZoneRebalancing
	}
	var err error
	if in.PlatformVersion != nil {
		if out.PlatformVersion, err = platformVersion(in.PlatformVersion); err != nil {
			return nil, err
		}
	}
	if out.DeploymentConfiguration, err = deploymentConfiguration(in.DeploymentConfiguration, out.DeploymentConfiguration); err != nil {
		return nil, err
	}
	return &out, firstError(
		checkUnsupported(&ecs.CreateServiceInput{
			PlacementConstraints: in.PlacementConstraints, PlacementStrategy: in.PlacementStrategy,
		}),
		r.checkNetwork(out.NetworkConfiguration, definition),
		svc.checkChangedRegistries(r, in),
		r.checkLoadBalancers(in.LoadBalancers, definition),
		checkDesired(out.DesiredCount, out.ServiceRegistries),
		oneOf("propagateTags", in.PropagateTags, ecs.PropagateTags_Values()),
		checkRebalancing(out.AvailabilityZoneRebalancing, out.DeploymentConfiguration),
	)
}

// checkChangedRegistries looks at the registries only if the request names them: the present ones may be gone by now.
func (svc *ecsService) checkChangedRegistries(r *request, in *ecs.UpdateServiceInput) error {
	if in.ServiceRegistries == nil {
		return nil
	}
	return r.checkRegistries(in.ServiceRegistries)
}

// changeLaunch sets the strategy that the request wants; an empty one brings a launch type back.
func (svc *ecsService) changeLaunch(out *ecs.Service, in *ecs.UpdateServiceInput, definition *ecsRevision) error {
	launchType, strategy := out.LaunchType, out.CapacityProviderStrategy
	if in.CapacityProviderStrategy != nil {
		changes := !awsutil.DeepEqual(orEmpty(strategyWithDefaults(in.CapacityProviderStrategy)), orEmpty(out.CapacityProviderStrategy))
		if changes && !aws.BoolValue(in.ForceNewDeployment) {
			return invalid("When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment.")
		}
		launchType, strategy = nil, in.CapacityProviderStrategy
		if len(strategy) == 0 {
			launchType = aws.String(ecs.LaunchTypeFargate)
		}
	}
	var err error
	out.LaunchType, out.CapacityProviderStrategy, err = svc.cluster.launch(launchType, strategy, definition)
	return err
}

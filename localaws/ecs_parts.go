package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// serviceParts are the parameters of a service that ECS does not show with it, but with its deployments and its service revisions.
type serviceParts struct {
	Connect *ecs.ServiceConnectConfiguration
	Volumes []*ecs.ServiceVolumeConfiguration
	Lattice []*ecs.VpcLatticeConfiguration
}

func newServiceParts(in *ecs.CreateServiceInput) serviceParts {
	return serviceParts{in.ServiceConnectConfiguration, in.VolumeConfigurations, in.VpcLatticeConfigurations}
}

// changed returns the parts as an update wants them: what it does not name stays.
func (p serviceParts) changed(in *ecs.UpdateServiceInput) serviceParts {
	if in.ServiceConnectConfiguration != nil {
		p.Connect = in.ServiceConnectConfiguration
	}
	if in.VolumeConfigurations != nil {
		p.Volumes = in.VolumeConfigurations
	}
	if in.VpcLatticeConfigurations != nil {
		p.Lattice = in.VpcLatticeConfigurations
	}
	return p
}

// check refuses parts that do not go with the task definition.
func (p serviceParts) check(definition *ecsRevision) error {
	var configured []string
	for _, v := range p.Volumes {
		configured = append(configured, aws.StringValue(v.Name))
	}
	if err := checkVolumes(configured, definition); err != nil {
		return err
	}
	if p.Connect == nil {
		return nil
	}
	for _, s := range p.Connect.Services {
		if !definition.hasPort(aws.StringValue(s.PortName)) {
			return invalid("The portName '%s' of serviceConnectConfiguration is not one of the task definition's port mappings.", aws.StringValue(s.PortName))
		}
	}
	return nil
}

// checkVolumes refuses configurations of volumes that the definition does not leave to the launch, and volumes that are left without one.
func checkVolumes(configured []string, definition *ecsRevision) error {
	var open []string
	for _, v := range definition.out.Volumes {
		if aws.BoolValue(v.ConfiguredAtLaunch) {
			open = append(open, *v.Name)
		}
	}
	for _, name := range configured {
		if !slices.Contains(open, name) {
			return invalid("The volume configuration '%s' names no volume of the task definition that is configuredAtLaunch.", name)
		}
	}
	for _, name := range open {
		if !slices.Contains(configured, name) {
			return invalid("The volume '%s' of the task definition is configuredAtLaunch: volumeConfigurations must configure it.", name)
		}
	}
	return nil
}

// hasPort reports whether a container has a port mapping of that name.
func (rev *ecsRevision) hasPort(name string) bool {
	return slices.ContainsFunc(rev.out.ContainerDefinitions, func(c *ecs.ContainerDefinition) bool {
		return slices.ContainsFunc(c.PortMappings, func(p *ecs.PortMapping) bool { return aws.StringValue(p.Name) == name })
	})
}

// show adds the parts to a deployment.
func (p serviceParts) show(out *ecs.Deployment) {
	out.ServiceConnectConfiguration, out.VolumeConfigurations, out.VpcLatticeConfigurations = p.Connect, p.Volumes, p.Lattice
}

// rebalancing returns whether a new service moves tasks between availability zones: it does, unless it is asked not to, or may never run more
// tasks than it wants.
func rebalancing(wanted *string, deployment *ecs.DeploymentConfiguration) *string {
	switch {
	case wanted != nil:
		return wanted
	case *deployment.MaximumPercent <= 100:
		return aws.String(ecs.AvailabilityZoneRebalancingDisabled)
	}
	return aws.String(ecs.AvailabilityZoneRebalancingEnabled)
}

func checkRebalancing(wanted *string, deployment *ecs.DeploymentConfiguration) error {
	if aws.StringValue(wanted) == ecs.AvailabilityZoneRebalancingEnabled && *deployment.MaximumPercent <= 100 {
		return invalid("Availability Zone rebalancing needs a maximumPercent greater than 100.")
	}
	return oneOf("availabilityZoneRebalancing", wanted, ecs.AvailabilityZoneRebalancing_Values())
}

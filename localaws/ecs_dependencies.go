package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// checkDependencies refuses containers that wait for what will never be: another container that does not exist, a health check that it does not
// have, the end of a container whose end is the task's, or each other.
func checkDependencies(containers []*ecs.ContainerDefinition) error {
	byName := map[string]*ecs.ContainerDefinition{}
	for _, c := range containers {
		byName[*c.Name] = c
	}
	for _, c := range containers {
		for _, d := range c.DependsOn {
			if err := checkDependency(c, byName[aws.StringValue(d.ContainerName)], d); err != nil {
				return err
			}
		}
	}
	return checkCycle(containers, byName)
}

func checkDependency(c, on *ecs.ContainerDefinition, d *ecs.ContainerDependency) error {
	name, condition := aws.StringValue(d.ContainerName), aws.StringValue(d.Condition)
	switch {
	case on == nil || on == c:
		return clientError("Invalid 'dependsOn' setting for container '%s': no other container '%s'.", *c.Name, name)
	case !slices.Contains(ecs.ContainerCondition_Values(), condition):
		return clientError("Invalid 'dependsOn' setting for container '%s': unknown condition '%s'.", *c.Name, condition)
	case condition == ecs.ContainerConditionHealthy && on.HealthCheck == nil:
		return clientError("Invalid 'dependsOn' setting for container '%s': container '%s' must define a health check for condition HEALTHY.", *c.Name, name)
	case slices.Contains([]string{ecs.ContainerConditionComplete, ecs.ContainerConditionSuccess}, condition) && (on.Essential == nil || *on.Essential):
		return clientError("Invalid 'dependsOn' setting for container '%s': container '%s' is essential, so that condition %s cannot be met.", *c.Name, name, condition)
	}
	return nil
}

// checkCycle refuses containers that wait for each other.
func checkCycle(containers []*ecs.ContainerDefinition, byName map[string]*ecs.ContainerDefinition) error {
	done := map[*ecs.ContainerDefinition]bool{}
	var visit func(c *ecs.ContainerDefinition, path []string) error
	visit = func(c *ecs.ContainerDefinition, path []string) error {
		if slices.Contains(path, *c.Name) {
			return clientError("Invalid 'dependsOn' setting for container '%s': the containers' dependencies form a cycle.", *c.Name)
		}
		if done[c] {
			return nil
		}
		for _, d := range c.DependsOn {
			if err := visit(byName[*d.ContainerName], append(slices.Clip(path), *c.Name)); err != nil {
				return err
			}
		}
		done[c] = true
		return nil
	}
	for _, c := range containers {
		if err := visit(c, nil); err != nil {
			return err
		}
	}
	return nil
}

// checkMounts refuses volumes without a name or of one name, mounts of a volume that the definition does not have, and volumes of a container
// that it does not have.
func checkMounts(in *ecs.RegisterTaskDefinitionInput) error {
	volumes, containers := map[string]bool{}, map[string]bool{}
	for _, v := range in.Volumes {
		name := aws.StringValue(v.Name)
		switch {
		case name == "":
			return clientError("Volume name should not be null or empty.")
		case !ecsName.MatchString(name):
			return clientError("Volume name contains invalid characters.")
		case volumes[name]:
			return clientError("Volume.name contains duplicates: '%s'.", name)
		}
		volumes[name] = true
	}
	for _, c := range in.ContainerDefinitions {
		containers[*c.Name] = true
	}
	for _, c := range in.ContainerDefinitions {
		for _, m := range c.MountPoints {
			switch name := aws.StringValue(m.SourceVolume); {
			case !volumes[name]:
				return clientError("Unknown volume '%s'.", name)
			case aws.StringValue(m.ContainerPath) == "":
				return clientError("Container path should not be null or empty for the mount of volume '%s'.", name)
			}
		}
		for _, from := range c.VolumesFrom {
			if name := aws.StringValue(from.SourceContainer); !containers[name] || name == *c.Name {
				return clientError("Invalid 'volumesFrom' setting for container '%s': no other container '%s'.", *c.Name, name)
			}
		}
	}
	return nil
}

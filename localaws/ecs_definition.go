package localaws

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// checkDefinition refuses a task definition that ECS would not register.
func checkDefinition(in *ecs.RegisterTaskDefinitionInput) error {
	switch {
	case aws.StringValue(in.Family) == "":
		return clientError("Family should not be null or empty.")
	case !ecsName.MatchString(*in.Family):
		return clientError("Family contains invalid characters.")
	case len(in.ContainerDefinitions) == 0:
		return clientError("Container list cannot be empty.")
	case len(in.ContainerDefinitions) > 10:
		return clientError("Container list can have at most 10 items.")
	}
	for _, mode := range []error{
		oneOf("networkMode", in.NetworkMode, ecs.NetworkMode_Values()), oneOf("pidMode", in.PidMode, ecs.PidMode_Values()), oneOf("ipcMode", in.IpcMode, ecs.IpcMode_Values()),
	} {
		if mode != nil {
			return mode
		}
	}
	for _, c := range in.RequiresCompatibilities {
		if err := oneOf("requiresCompatibilities", c, ecs.Compatibility_Values()); err != nil {
			return err
		}
	}
	if fargate(in) {
		if err := checkFargate(in); err != nil {
			return err
		}
	}
	return firstError(checkPlatform(in.RuntimePlatform), checkContainers(in))
}

// checkPlatform refuses a platform that ECS does not know.
func checkPlatform(p *ecs.RuntimePlatform) error {
	if p == nil {
		return nil
	}
	if aws.StringValue(p.CpuArchitecture) == ecs.CPUArchitectureArm64 && windowsFamily(p) {
		return clientError("Invalid runtimePlatform: Windows does not run on ARM64.")
	}
	return firstError(oneOf("cpuArchitecture", p.CpuArchitecture, ecs.CPUArchitecture_Values()), oneOf("operatingSystemFamily", p.OperatingSystemFamily, ecs.OSFamily_Values()))
}

// checkContainers refuses containers that do not go together.
func checkContainers(in *ecs.RegisterTaskDefinitionInput) error {
	names := map[string]bool{}
	essential := false
	for _, c := range in.ContainerDefinitions {
		if err := checkContainer(in, c); err != nil {
			return err
		}
		if names[*c.Name] {
			return clientError("Container.name contains duplicates: '%s'.", *c.Name)
		}
		names[*c.Name] = true
		essential = essential || c.Essential == nil || *c.Essential
	}
	if !essential {
		return clientError("At least one container in the task definition must be essential.")
	}
	return firstError(checkDependencies(in.ContainerDefinitions), checkMounts(in))
}

func checkContainer(in *ecs.RegisterTaskDefinitionInput, c *ecs.ContainerDefinition) error {
	switch {
	case aws.StringValue(c.Name) == "":
		return clientError("Container.name should not be null or empty.")
	case !ecsName.MatchString(*c.Name):
		return clientError("Container.name contains invalid characters.")
	case strings.TrimSpace(aws.StringValue(c.Image)) == "":
		return clientError("Container.image should not be null or empty.")
	case !imageText.MatchString(*c.Image):
		return clientError("Container.image contains invalid characters.")
	case in.Memory == nil && c.Memory == nil && c.MemoryReservation == nil:
		return clientError("Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", *c.Name)
	case c.Memory != nil && (*c.Memory < 6 || aws.Int64Value(c.MemoryReservation) > *c.Memory):
		return clientError("Invalid setting for container '%s'. 'memory' must be at least 6 and no less than 'memoryReservation'.", *c.Name)
	}
	return firstError(checkPorts(in, c), checkLogs(in, c), checkContainerSecrets(in, c), checkEnvironment(c), checkRanges(in, c))
}

// imageText is what ECS documents that an image may be made of.
var imageText = regexp.MustCompile(`^[A-Za-z0-9._:/#@-]+$`)

// checkEnvironment refuses variables without a name.
func checkEnvironment(c *ecs.ContainerDefinition) error {
	for _, e := range c.Environment {
		if strings.TrimSpace(aws.StringValue(e.Name)) == "" {
			return clientError("Invalid environment variable for container '%s': the name should not be null or empty.", *c.Name)
		}
	}
	return nil
}

// checkRanges refuses numbers that are out of the ranges which ECS documents.
func checkRanges(in *ecs.RegisterTaskDefinitionInput, c *ecs.ContainerDefinition) error {
	health, restart := c.HealthCheck, c.RestartPolicy
	if health == nil {
		health = &ecs.HealthCheck{}
	}
	if restart == nil {
		restart = &ecs.ContainerRestartPolicy{}
	}
	for _, r := range []struct {
		field       string
		value       *int64
		least, most int64
		fargate     bool // only there
	}{
		{"startTimeout", c.StartTimeout, 2, 120, true}, {"stopTimeout", c.StopTimeout, 0, 120, true}, {"stopTimeout", c.StopTimeout, 0, math.MaxInt32, false},
		{"healthCheck.interval", health.Interval, 5, 300, false}, {"healthCheck.timeout", health.Timeout, 2, 60, false},
		{"healthCheck.retries", health.Retries, 1, 10, false}, {"healthCheck.startPeriod", health.StartPeriod, 0, 300, false},
		{"restartPolicy.restartAttemptPeriod", restart.RestartAttemptPeriod, 60, 1800, false},
	} {
		if r.value != nil && (fargate(in) || !r.fargate) && (*r.value < r.least || *r.value > r.most) {
			return clientError("Invalid setting for container '%s'. '%s' must be between %d and %d.", *c.Name, r.field, r.least, r.most)
		}
	}
	if len(restart.IgnoredExitCodes) > 50 {
		return clientError("Invalid setting for container '%s'. 'restartPolicy.ignoredExitCodes' can have at most 50 items.", *c.Name)
	}
	return nil
}

func checkPorts(in *ecs.RegisterTaskDefinitionInput, c *ecs.ContainerDefinition) error {
	for _, p := range c.PortMappings {
		container, host := aws.Int64Value(p.ContainerPort), aws.Int64Value(p.HostPort)
		switch {
		case p.ContainerPortRange != nil:
			continue
		case container < 1 || container > 65535 || host < 0 || host > 65535:
			return clientError("Invalid port mapping for container '%s': ports must be between 1 and 65535.", *c.Name)
		case aws.StringValue(in.NetworkMode) == ecs.NetworkModeAwsvpc && host != 0 && host != container:
			return clientError("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
		}
		if err := oneOf("protocol", p.Protocol, ecs.TransportProtocol_Values()); err != nil {
			return err
		}
	}
	return nil
}

func checkLogs(in *ecs.RegisterTaskDefinitionInput, c *ecs.ContainerDefinition) error {
	l := c.LogConfiguration
	if l == nil {
		return nil
	}
	if err := oneOf("logDriver", l.LogDriver, ecs.LogDriver_Values()); err != nil {
		return err
	}
	if aws.StringValue(l.LogDriver) == ecs.LogDriverAwslogs {
		for _, option := range []string{"awslogs-group", "awslogs-region"} {
			if aws.StringValue(l.Options[option]) == "" {
				return clientError("Log driver awslogs requires options: awslogs-region, awslogs-group.")
			}
		}
	}
	if !fargate(in) {
		return nil
	}
	switch driver := aws.StringValue(l.LogDriver); {
	case !slices.Contains([]string{"awslogs", "splunk", "awsfirelens"}, driver):
		return clientError("Fargate does not support the log driver '%s'.", driver)
	case driver == ecs.LogDriverAwslogs && in.ExecutionRoleArn == nil:
		return clientError("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
	case driver == ecs.LogDriverAwslogs && aws.StringValue(l.Options["awslogs-stream-prefix"]) == "":
		return clientError("Log driver awslogs requires option 'awslogs-stream-prefix' on Fargate.")
	}
	return nil
}

func checkContainerSecrets(in *ecs.RegisterTaskDefinitionInput, c *ecs.ContainerDefinition) error {
	names := map[string]bool{}
	for _, e := range c.Environment {
		names[aws.StringValue(e.Name)] = true
	}
	for _, s := range c.Secrets {
		name := aws.StringValue(s.Name)
		switch {
		case in.ExecutionRoleArn == nil:
			return clientError("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
		case name == "" || aws.StringValue(s.ValueFrom) == "":
			return clientError("The secrets of container '%s' need a name and a valueFrom.", *c.Name)
		case names[name]:
			return clientError("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", name)
		}
		names[name] = true
	}
	if c.RepositoryCredentials != nil {
		switch {
		case in.ExecutionRoleArn == nil:
			return clientError("When you are specifying container repositoryCredentials, you must also specify a value for 'executionRoleArn'.")
		case aws.StringValue(c.RepositoryCredentials.CredentialsParameter) == "":
			return clientError("The repositoryCredentials of container '%s' need a credentialsParameter.", *c.Name)
		}
	}
	return nil
}

// containersWithDefaults returns the containers as ECS returns them.
func containersWithDefaults(in *ecs.RegisterTaskDefinitionInput) []*ecs.ContainerDefinition {
	var out []*ecs.ContainerDefinition
	for _, given := range in.ContainerDefinitions {
		c := *given
		if c.Cpu == nil {
			c.Cpu = aws.Int64(0)
		}
		if c.Essential == nil {
			c.Essential = aws.Bool(true)
		}
		c.Environment, c.MountPoints, c.VolumesFrom = orEmpty(c.Environment), orEmpty(c.MountPoints), orEmpty(c.VolumesFrom)
		c.PortMappings = []*ecs.PortMapping{}
		for _, p := range given.PortMappings {
			mapping := *p
			if mapping.Protocol == nil {
				mapping.Protocol = aws.String(ecs.TransportProtocolTcp)
			}
			if aws.StringValue(in.NetworkMode) == ecs.NetworkModeAwsvpc {
				mapping.HostPort = mapping.ContainerPort
			}
			c.PortMappings = append(c.PortMappings, &mapping)
		}
		out = append(out, &c)
	}
	return out
}

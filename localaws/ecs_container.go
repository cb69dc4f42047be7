package localaws

import (
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// ecsContainer is one container of a task.
type ecsContainer struct {
	definition *ecs.ContainerDefinition
	image      image
	does       program
	scripted   bool       // its command is one that the simulator runs, instead of the image's own program
	health     string     // empty without a health check
	stopped    bool       // by itself
	code       *int64     // how it ended
	reason     string     // why it did, or did not start
	log        *logTarget // nil without awslogs
	out        ecs.Container
}

// newContainer returns a container of a task, before it is started.
func newContainer(c *ecs.ContainerDefinition, overrides *ecs.TaskOverride, out ecs.Container) *ecsContainer {
	part := &ecsContainer{definition: c, image: parseImage(*c.Image), out: out}
	part.load(overrides, nil)
	if h := c.HealthCheck; h != nil && len(h.Command) > 0 && aws.StringValue(h.Command[0]) != "NONE" {
		part.health = ecs.HealthStatusUnknown
	}
	return part
}

// load decides what the container does, given the values of its secrets, by the names of their variables.
func (part *ecsContainer) load(overrides *ecs.TaskOverride, secrets map[string]string) {
	c := part.definition
	command, environment := effective(c, overrides)
	maps.Copy(environment, secrets)
	if part.does, part.scripted = parseCommand(append(aws.StringValueSlice(c.EntryPoint), command...), environment); !part.scripted {
		part.does = part.image.runs(c)
	}
}

// effective returns the command and the environment that a container gets.
func effective(c *ecs.ContainerDefinition, overrides *ecs.TaskOverride) (command []string, environment map[string]string) {
	command, environment = aws.StringValueSlice(c.Command), map[string]string{}
	variables := c.Environment
	if overrides != nil {
		for _, o := range overrides.ContainerOverrides {
			if aws.StringValue(o.Name) != *c.Name {
				continue
			}
			if o.Command != nil {
				command = aws.StringValueSlice(o.Command)
			}
			variables = append(variables[:len(variables):len(variables)], o.Environment...)
		}
	}
	for _, v := range variables {
		environment[aws.StringValue(v.Name)] = aws.StringValue(v.Value)
	}
	return command, environment
}

// healthy reports whether the container's health check succeeds: that of the image unhealthy does not, nor does one whose command is
// known to fail, such as "exit 1".
func (part *ecsContainer) healthy() bool {
	if part.image.fault == faultUnhealthy {
		return false
	}
	command := aws.StringValueSlice(part.definition.HealthCheck.Command)
	switch command[0] {
	case "CMD":
		command = command[1:]
	case "CMD-SHELL":
		command = append([]string{"sh", "-c"}, command[1:]...)
	}
	_, environment := effective(part.definition, nil)
	p, known := parseCommand(command, environment)
	return !known || p.code == 0
}

// end notes how the container ended.
func (part *ecsContainer) end(code int64, reason string) {
	part.stopped, part.code = true, &code
	if reason != "" {
		part.reason = reason
	}
}

// maxReason is the longest reason of a container.
const maxReason = 1024

// show returns the container of a task with the status as ECS returns it.
func (part *ecsContainer) show(status string, pulled bool) *ecs.Container {
	out := part.out
	out.LastStatus, out.ExitCode = aws.String(status), part.code
	if part.stopped {
		out.LastStatus = aws.String(taskStopped)
	}
	out.HealthStatus = aws.String(ecs.HealthStatusUnknown)
	if part.health != "" {
		out.HealthStatus = aws.String(part.health)
	}
	if part.reason != "" {
		out.Reason = aws.String(part.reason[:min(len(part.reason), maxReason)])
	}
	if pulled {
		out.ImageDigest = imageDigest(*part.definition.Image)
		out.RuntimeId = aws.String(lettersOf(*out.ContainerArn, 32, "0123456789abcdef") + "-" + lettersOf(*out.ContainerArn+"x", 10, "0123456789"))
	}
	return &out
}

// noExecutable is what ECS says of a program that is not in the image.
func (part *ecsContainer) noExecutable() string {
	name := *part.definition.Name
	if command := append(aws.StringValueSlice(part.definition.EntryPoint), aws.StringValueSlice(part.definition.Command)...); len(command) > 0 {
		name = command[0]
	}
	return fmt.Sprintf("CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: %q: executable file not found in $PATH: unknown", name)
}

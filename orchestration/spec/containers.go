package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// CheckContainers refuses containers that do not go together. At is the path of the task definition, with a dot behind it if it is not empty.
func CheckContainers(p *common.Problems, at string, containers []*awsecs.ContainerDefinition) {
	optional := func(c *awsecs.ContainerDefinition) bool { return c.Essential != nil && !*c.Essential }
	if len(containers) > 0 && !slices.ContainsFunc(containers, func(c *awsecs.ContainerDefinition) bool { return !optional(c) }) {
		p.Add(at+"containerdefinitions[0].essential", "is false, as that of every container: a task needs one that is essential")
	}
	for i, c := range containers {
		at := fmt.Sprintf("%scontainerdefinitions[%d].", at, i)
		if c.Memory != nil && aws.Int64Value(c.MemoryReservation) > *c.Memory {
			p.Add(at+"memory", "is %d MiB, less than the memoryReservation of %d", *c.Memory, *c.MemoryReservation)
		}
		checkDependencies(p, at, c, containers)
	}
}

// checkDependencies refuses a container that waits for one that is no other of its task.
func checkDependencies(p *common.Problems, at string, c *awsecs.ContainerDefinition, containers []*awsecs.ContainerDefinition) {
	for i, d := range c.DependsOn {
		name := aws.StringValue(d.ContainerName)
		if name != "" && (name == aws.StringValue(c.Name) || !HasContainer(containers, name)) {
			p.Add(fmt.Sprintf("%sdependson[%d].containername", at, i), "must name another container of the task")
		}
	}
}

func checkPlatform(p *common.Problems, at string, platform *awsecs.RuntimePlatform) {
	if platform == nil || platform.CpuArchitecture == nil {
		return
	}
	if all := awsecs.CPUArchitecture_Values(); !slices.Contains(all, *platform.CpuArchitecture) {
		p.Add(at+"runtimeplatform.cpuarchitecture", "must be one of %s", strings.Join(all, ", "))
	}
}

package localaws

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// fargateMemory is how much memory (MiB) Fargate gives to how many CPU units: from, to, in steps of.
var fargateMemory = map[int]struct{ from, to, step int }{
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

// fargateMemories are the sizes of memory (MiB) that go with CPU units for which there is no rule.
var fargateMemories = map[int][]int{
	256:   {512, 1024, 2048},
	32768: {61440, 122880, 249856},
}

// Windows tasks have from 1 to 4 vCPU.
const minWindowsCPU, maxWindowsCPU = 1024, 4096

func windowsFamily(p *ecs.RuntimePlatform) bool {
	return p != nil && strings.HasPrefix(aws.StringValue(p.OperatingSystemFamily), "WINDOWS")
}

// fits reports whether Fargate has tasks of this size.
func fits(cpu, memory int, windows bool) bool {
	if windows && (cpu < minWindowsCPU || cpu > maxWindowsCPU) {
		return false
	}
	if sizes, ok := fargateMemories[cpu]; ok {
		return slices.Contains(sizes, memory)
	}
	m, ok := fargateMemory[cpu]
	return ok && memory >= m.from && memory <= m.to && (memory-m.from)%m.step == 0
}

func fargate(in *ecs.RegisterTaskDefinitionInput) bool {
	return slices.Contains(aws.StringValueSlice(in.RequiresCompatibilities), ecs.CompatibilityFargate)
}

// compatibilities says where tasks of the definition can run.
func compatibilities(in *ecs.RegisterTaskDefinitionInput) []*string {
	if aws.StringValue(in.NetworkMode) == ecs.NetworkModeAwsvpc && checkFargate(in) == nil {
		return aws.StringSlice([]string{ecs.CompatibilityEc2, ecs.CompatibilityFargate})
	}
	return aws.StringSlice([]string{ecs.CompatibilityEc2})
}

// checkFargate refuses what Fargate cannot run.
func checkFargate(in *ecs.RegisterTaskDefinitionInput) error {
	switch {
	case aws.StringValue(in.NetworkMode) != ecs.NetworkModeAwsvpc:
		return clientError("Fargate only supports network mode 'awsvpc'.")
	case aws.StringValue(in.Cpu) == "":
		return clientError("Fargate requires that 'cpu' be defined at the task level.")
	case aws.StringValue(in.Memory) == "":
		return clientError("Fargate requires that 'memory' be defined at the task level.")
	}
	cpu, okCPU := size(*in.Cpu, cpuUnits)
	memory, okMemory := size(*in.Memory, memoryUnits)
	switch {
	case !okCPU:
		return clientError("Invalid 'cpu' setting for task.")
	case !okMemory:
		return clientError("Invalid 'memory' setting for task.")
	case !fits(cpu, memory, windowsFamily(in.RuntimePlatform)):
		return clientError("No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	if e := in.EphemeralStorage; e != nil && (aws.Int64Value(e.SizeInGiB) < 21 || aws.Int64Value(e.SizeInGiB) > 200) {
		return clientError("EphemeralStorage size must be between 21 GiB and 200 GiB.")
	}
	return firstError(checkFargateTask(in), checkFargateContainers(in, cpu, memory))
}

// checkFargateTask refuses what Fargate gives no task: a part of its host.
func checkFargateTask(in *ecs.RegisterTaskDefinitionInput) error {
	for _, v := range in.Volumes {
		switch {
		case v.Host != nil && aws.StringValue(v.Host.SourcePath) != "":
			return clientError("Fargate compatible task definitions do not support sourcePath.")
		case v.DockerVolumeConfiguration != nil:
			return clientError("Fargate compatible task definitions do not support dockerVolumeConfiguration.")
		case v.FsxWindowsFileServerVolumeConfiguration != nil:
			return clientError("Fargate compatible task definitions do not support fsxWindowsFileServerVolumeConfiguration.")
		}
	}
	switch {
	case len(in.PlacementConstraints) > 0:
		return clientError("Fargate compatible task definitions do not support placementConstraints.")
	case len(in.InferenceAccelerators) > 0:
		return clientError("Fargate compatible task definitions do not support inferenceAccelerators.")
	case in.IpcMode != nil:
		return clientError("Fargate compatible task definitions do not support ipcMode.")
	case aws.StringValue(in.PidMode) == ecs.PidModeHost:
		return clientError("Fargate compatible task definitions do not support pidMode host.")
	}
	return nil
}

func checkFargateContainers(in *ecs.RegisterTaskDefinitionInput, cpu, memory int) error {
	var cpus, reserved int64
	for _, c := range in.ContainerDefinitions {
		if field := unsupportedOnFargate(c); field != "" {
			return clientError("Fargate compatible task definitions do not support %s.", field)
		}
		cpus += aws.Int64Value(c.Cpu)
		if c.MemoryReservation != nil {
			reserved += *c.MemoryReservation
		} else {
			reserved += aws.Int64Value(c.Memory)
		}
		switch {
		case aws.BoolValue(c.Privileged):
			return clientError("Fargate does not support privileged containers.")
		case len(c.Links) > 0:
			return clientError("Links are not supported when networkMode=awsvpc.")
		case aws.Int64Value(c.Memory) > int64(memory):
			return clientError("Invalid setting for container '%s'. The container's memory is more than the task's %d.", aws.StringValue(c.Name), memory)
		case needsECR(c) && in.ExecutionRoleArn == nil:
			return clientError("Fargate requires task definition to have execution role ARN to support ECR images.")
		}
	}
	switch {
	case cpus > int64(cpu):
		return clientError("The containers' cpu, %d in all, is more than the task's %d.", cpus, cpu)
	case reserved > int64(memory):
		return clientError("The containers' memory, %d in all, is more than the task's %d.", reserved, memory)
	}
	return nil
}

// unsupportedOnFargate returns what a container wants that Fargate has not, or nothing.
func unsupportedOnFargate(c *ecs.ContainerDefinition) string {
	l := c.LinuxParameters
	switch {
	case len(c.DnsServers) > 0:
		return "dnsServers"
	case len(c.DnsSearchDomains) > 0:
		return "dnsSearchDomains"
	case len(c.ExtraHosts) > 0:
		return "extraHosts"
	case len(c.DockerSecurityOptions) > 0:
		return "dockerSecurityOptions"
	case aws.StringValue(c.Hostname) != "":
		return "hostname"
	case aws.BoolValue(c.DisableNetworking):
		return "disableNetworking"
	case slices.ContainsFunc(c.ResourceRequirements, func(r *ecs.ResourceRequirement) bool { return aws.StringValue(r.Type) == ecs.ResourceTypeGpu }):
		return "GPU resourceRequirements"
	case l == nil:
		return ""
	case len(l.Devices) > 0:
		return "devices"
	case l.SharedMemorySize != nil:
		return "sharedMemorySize"
	case l.MaxSwap != nil || l.Swappiness != nil:
		return "swap"
	case l.Capabilities != nil && slices.ContainsFunc(aws.StringValueSlice(l.Capabilities.Add), func(c string) bool { return c != "SYS_PTRACE" }):
		return "added capabilities other than SYS_PTRACE"
	}
	return ""
}

// privateECR matches images in a private ECR registry.
var privateECR = regexp.MustCompile(`^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/`)

func needsECR(c *ecs.ContainerDefinition) bool {
	return privateECR.MatchString(aws.StringValue(c.Image))
}

// Units that task sizes can be written in, and how many CPU units or MiB one is.
var (
	cpuUnits    = map[string]float64{"": 1, "vcpu": 1024}
	memoryUnits = map[string]float64{"": 1, "mb": 1, "gb": 1024}
)

var sizeText = regexp.MustCompile(`^(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)$`)

// size reads a task's size, such as "256", "1 vCPU" or "1GB".
func size(text string, units map[string]float64) (int, bool) {
	m := sizeText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(m[1], 64)
	unit, ok := units[m[2]]
	n := int(number * unit)
	return n, err == nil && ok && n > 0 && float64(n) == number*unit
}

// normalSize writes a task's size as ECS returns it: a plain number.
func normalSize(text *string, units map[string]float64) *string {
	if text == nil {
		return nil
	}
	n, ok := size(*text, units)
	if !ok {
		return text
	}
	return aws.String(strconv.Itoa(n))
}

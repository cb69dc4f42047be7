package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// What AWS documents that ECS refuses, as values that are out of range. A dry run responds as the request does that way, and each wrong field is named at once.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html and the pages that it links to
const (
	maxPort       = 65535
	maxExitCodes  = 50
	maxTasks      = 5000 // of a service: a quota that AWS does not raise
	leastStorage  = 21   // GiB
	mostStorage   = 200
	fieldDriver   = "logconfiguration.logdriver"
	fieldExitCode = "restartpolicy.ignoredexitcodes"
)

// fargateDrivers are the log drivers that Fargate has.
var fargateDrivers = []string{awsecs.LogDriverAwslogs, awsecs.LogDriverSplunk, awsecs.LogDriverAwsfirelens}

// CheckCount refuses a service's count that ECS refuses.
func CheckCount(p *common.Problems, field string, count *int64) {
	switch n := aws.Int64Value(count); {
	case n < 0:
		p.Add(field, "must not be negative")
	case n > maxTasks:
		p.Add(field, "must be at most %d: ECS runs no more tasks of a service", maxTasks)
	}
}

// CheckContainer refuses values of a container that ECS refuses on Fargate. At is its path, with a dot behind it.
func CheckContainer(p *common.Problems, at string, c *awsecs.ContainerDefinition) {
	for i, e := range c.Environment {
		if strings.TrimSpace(aws.StringValue(e.Name)) == "" {
			p.Add(fmt.Sprintf("%senvironment[%d].name", at, i), "is required")
		}
	}
	checkPorts(p, at, c.PortMappings)
	within := func(field string, value *int64, least, most int64) {
		if value != nil && (*value < least || *value > most) {
			p.Add(at+field, "must be %d to %d", least, most)
		}
	}
	health, restart := orZero(c.HealthCheck), orZero(c.RestartPolicy)
	within("starttimeout", c.StartTimeout, 2, 120)
	within("stoptimeout", c.StopTimeout, 0, 120)
	within("healthcheck.interval", health.Interval, 5, 300)
	within("healthcheck.timeout", health.Timeout, 2, 60)
	within("healthcheck.retries", health.Retries, 1, 10)
	within("healthcheck.startperiod", health.StartPeriod, 0, 300)
	within("restartpolicy.restartattemptperiod", restart.RestartAttemptPeriod, 60, 1800)
	if n := len(restart.IgnoredExitCodes); n > maxExitCodes {
		p.Add(at+fieldExitCode, "has %d codes; ECS allows %d", n, maxExitCodes)
	}
	if l := c.LogConfiguration; l != nil && l.LogDriver != nil && !slices.Contains(fargateDrivers, *l.LogDriver) {
		p.Add(at+fieldDriver, "must be one of %s: Fargate has no other", strings.Join(fargateDrivers, ", "))
	}
}

// orZero returns what p points to, or a zero value where it is nil.
func orZero[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

func checkPorts(p *common.Problems, at string, ports []*awsecs.PortMapping) {
	for i, m := range ports {
		at := fmt.Sprintf("%sportmappings[%d].", at, i)
		switch container, host := aws.Int64Value(m.ContainerPort), aws.Int64Value(m.HostPort); {
		case m.ContainerPortRange != nil:
		case m.ContainerPort == nil:
			p.Add(at+"containerport", "is required")
		case container < 1 || container > maxPort:
			p.Add(at+"containerport", "must be 1 to %d", maxPort)
		case host != 0 && host != container:
			p.Add(at+"hostport", "must be the containerport, or left out: each task has an address of its own")
		}
		if m.Protocol != nil && !slices.Contains(awsecs.TransportProtocol_Values(), *m.Protocol) {
			p.Add(at+"protocol", "must be one of %s", strings.Join(awsecs.TransportProtocol_Values(), ", "))
		}
	}
}

// CheckSizes refuses a task whose size Fargate certainly has not, and containers that do not fit into it. At is the path of the task definition, with
// a dot behind it if it is not empty.
func CheckSizes(p *common.Problems, at string, in *awsecs.RegisterTaskDefinitionInput) {
	cpu, memory := aws.StringValue(in.Cpu), aws.StringValue(in.Memory)
	for _, wrong := range WrongSize(cpu, memory) {
		p.Add(at+wrong.Field, "%s", wrong.Detail)
	}
	if s := in.EphemeralStorage; s != nil && s.SizeInGiB != nil && (*s.SizeInGiB < leastStorage || *s.SizeInGiB > mostStorage) {
		p.Add(at+"ephemeralstorage.sizeingib", "must be %d to %d", leastStorage, mostStorage)
	}
	if units, mib, ok := Units(cpu, memory); ok {
		checkFits(p, at, in.ContainerDefinitions, units, mib)
	}
}

// checkFits refuses containers that do not fit into a task of the size.
func checkFits(p *common.Problems, at string, containers []*awsecs.ContainerDefinition, units, mib int64) {
	var cpus, reserved int64
	for i, c := range containers {
		cpus += aws.Int64Value(c.Cpu)
		wanted := aws.Int64Value(c.Memory)
		if wanted > mib {
			p.Add(fmt.Sprintf("%scontainerdefinitions[%d].memory", at, i), "is %d MiB, more than the task's %d", wanted, mib)
			return
		}
		if c.MemoryReservation != nil {
			wanted = *c.MemoryReservation
		}
		reserved += wanted
	}
	if cpus > units {
		p.Add(at+fieldCPU, "is %d units, less than its containers' %d together", units, cpus)
	}
	if reserved > mib {
		p.Add(at+fieldMemory, "is %d MiB, less than its containers' %d together", mib, reserved)
	}
}

// A Warning is about something that AWS will probably refuse: what Fargate has changes, so that AWS decides.
type Warning struct{ Code, Field, Detail string }

// The codes of warnings.
const (
	FargateSize        = "FargateSize"
	FargateUnsupported = "FargateUnsupported"
)

// Warnings returns what of a request's task definition AWS will probably refuse on Fargate, with its path in the request, as CheckSizes has it, renamed
// by field if that is not nil.
func Warnings(in *awsecs.RegisterTaskDefinitionInput, field func(path string) string) []Warning {
	var all []Warning
	at := "taskdefinition."
	units, mib, ok := Units(aws.StringValue(in.Cpu), aws.StringValue(in.Memory))
	if ok && !known(units, mib) {
		all = append(all, Warning{FargateSize, at + fieldCPU, fmt.Sprintf("Fargate is not known to offer %d CPU units with %d MiB: AWS will refuse the task definition unless that is new", units, mib)})
	}
	unsupported := func(field string, given bool) {
		if given {
			all = append(all, Warning{FargateUnsupported, at + field, "Fargate is not known to support this: AWS will refuse the task definition unless that is new"})
		}
	}
	unsupported("ipcmode", in.IpcMode != nil)
	unsupported("pidmode", aws.StringValue(in.PidMode) == awsecs.PidModeHost)
	for i, c := range in.ContainerDefinitions {
		for _, wrong := range notOnFargate(c) {
			unsupported(fmt.Sprintf("containerdefinitions[%d].%s", i, wrong), true)
		}
	}
	for i := range all {
		if field != nil {
			all[i].Field = field(all[i].Field)
		}
	}
	return all
}

// The largest size, since 2026, comes with three amounts of memory, in MiB.
const largestUnits = 32768

var largestMemory = []int64{61440, 122880, 249856}

// known reports whether Fargate is known to have tasks of the size.
func known(units, mib int64) bool {
	if units == largestUnits {
		return slices.Contains(largestMemory, mib)
	}
	s, ok := sizes[int(units)]
	return ok && mib <= int64(s.most)
}

// notOnFargate returns the fields of a container that AWS documents as not supported on Fargate, or with awsvpc networks.
func notOnFargate(c *awsecs.ContainerDefinition) []string {
	l := c.LinuxParameters
	if l == nil {
		l = &awsecs.LinuxParameters{}
	}
	added := l.Capabilities != nil && slices.ContainsFunc(aws.StringValueSlice(l.Capabilities.Add), func(name string) bool { return name != "SYS_PTRACE" })
	gpu := slices.ContainsFunc(c.ResourceRequirements, func(r *awsecs.ResourceRequirement) bool { return aws.StringValue(r.Type) == awsecs.ResourceTypeGpu })
	var all []string
	for _, f := range []struct {
		field string
		given bool
	}{
		{"links", len(c.Links) > 0}, {"privileged", aws.BoolValue(c.Privileged)}, {"dnsservers", len(c.DnsServers) > 0}, {"dnssearchdomains",
			len(c.DnsSearchDomains) > 0},
		{"extrahosts", len(c.ExtraHosts) > 0}, {"dockersecurityoptions", len(c.DockerSecurityOptions) > 0}, {"hostname", aws.StringValue(c.Hostname) != ""},
		{"disablenetworking", aws.BoolValue(c.DisableNetworking)}, {"resourcerequirements", gpu}, {"linuxparameters.capabilities.add", added},
		{"linuxparameters.devices", len(l.Devices) > 0}, {"linuxparameters.sharedmemorysize", l.SharedMemorySize != nil},
		{"linuxparameters.maxswap", l.MaxSwap != nil}, {"linuxparameters.swappiness", l.Swappiness != nil},
	} {
		if f.given {
			all = append(all, f.field)
		}
	}
	return all
}

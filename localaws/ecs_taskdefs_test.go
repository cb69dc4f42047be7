package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestTaskDefinitionsAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	const client = "ClientException"
	type in = *ecs.RegisterTaskDefinitionInput
	depending := func(condition string, change func(db *ecs.ContainerDefinition)) func(in) {
		return func(d in) {
			db := *d.ContainerDefinitions[0]
			db.Name, db.PortMappings = aws.String("db"), nil
			change(&db)
			d.ContainerDefinitions[0].DependsOn = []*ecs.ContainerDependency{{ContainerName: db.Name, Condition: &condition}}
			d.ContainerDefinitions = append(d.ContainerDefinitions, &db)
		}
	}
	mounting := func(volume *ecs.Volume) func(in) {
		return func(d in) {
			if volume != nil {
				d.Volumes = []*ecs.Volume{volume}
			}
			d.ContainerDefinitions[0].MountPoints = []*ecs.MountPoint{{SourceVolume: aws.String("data"), ContainerPath: aws.String("/data")}}
		}
	}
	platform := func(family, cpu string) *ecs.RuntimePlatform {
		return &ecs.RuntimePlatform{OperatingSystemFamily: &family, CpuArchitecture: &cpu}
	}
	for _, test := range []struct {
		name   string
		change func(in)
		code   string
		says   string
	}{
		{"nothing wrong", func(in) {}, "", ""},
		{"a family with a slash", func(d in) { d.Family = aws.String("a/b") }, client, "Family contains invalid characters."},
		{"no containers", func(d in) { d.ContainerDefinitions = []*ecs.ContainerDefinition{} }, client, "Container list cannot be empty."},
		{"11 containers", func(d in) {
			for i := range 10 {
				c := *d.ContainerDefinitions[0]
				c.Name = aws.String(fmt.Sprint("c", i))
				d.ContainerDefinitions = append(d.ContainerDefinitions, &c)
			}
		}, client, "at most 10"},
		{"two containers of one name", func(d in) {
			d.ContainerDefinitions = append(d.ContainerDefinitions, d.ContainerDefinitions[0])
		}, client, "duplicates"},
		{"a container without name", func(d in) { d.ContainerDefinitions[0].Name = nil }, client, "Container.name should not be null or empty."},
		{"a container without image", func(d in) { d.ContainerDefinitions[0].Image = nil }, client, "Container.image should not be null or empty."},
		{"no essential container", func(d in) { d.ContainerDefinitions[0].Essential = aws.Bool(false) }, client, "essential"},
		{"a dependency on nobody", func(d in) {
			d.ContainerDefinitions[0].DependsOn = []*ecs.ContainerDependency{{ContainerName: aws.String("db"), Condition: aws.String("START")}}
		}, client, "dependsOn"},
		{"a dependency on a health check that is not there", depending("HEALTHY", func(_ *ecs.ContainerDefinition) {}), client, "health check"},
		{"a dependency on a health check", depending("HEALTHY", func(db *ecs.ContainerDefinition) {
			db.HealthCheck = &ecs.HealthCheck{Command: aws.StringSlice([]string{"CMD-SHELL", "true"})}
		}), "", ""},
		{"a dependency on an end that is the task's", depending("SUCCESS", func(_ *ecs.ContainerDefinition) {}), client, "essential"},
		{"a dependency on an end", depending("COMPLETE", func(db *ecs.ContainerDefinition) { db.Essential = aws.Bool(false) }), "", ""},
		{"a condition that nobody knows", depending("STARTED", func(_ *ecs.ContainerDefinition) {}), client, "unknown condition"},
		{"dependencies in a circle", depending("START", func(db *ecs.ContainerDefinition) {
			db.DependsOn = []*ecs.ContainerDependency{{ContainerName: aws.String("webserver"), Condition: aws.String("START")}}
		}), client, "cycle"},
		{"a mount of an unknown volume", mounting(nil), client, "Unknown volume 'data'."},
		{"a mount of the task's own storage", mounting(&ecs.Volume{Name: aws.String("data")}), "", ""},
		{"a mount of an empty host", mounting(&ecs.Volume{Name: aws.String("data"), Host: &ecs.HostVolumeProperties{}}), "", ""},
		{"a mount of the host's directory", mounting(&ecs.Volume{Name: aws.String("data"), Host: &ecs.HostVolumeProperties{SourcePath: aws.String("/srv")}}), client, "do not support sourcePath"},
		{"a mount of a Docker volume", mounting(&ecs.Volume{Name: aws.String("data"), DockerVolumeConfiguration: &ecs.DockerVolumeConfiguration{}}), client, "dockerVolumeConfiguration"},
		{"two volumes of one name", func(d in) { d.Volumes = []*ecs.Volume{{Name: aws.String("data")}, {Name: aws.String("data")}} }, client, "duplicates"},
		{"volumes of a container that is not there", func(d in) {
			d.ContainerDefinitions[0].VolumesFrom = []*ecs.VolumeFrom{{SourceContainer: aws.String("db")}}
		}, client, "volumesFrom"},
		{"32 vCPU", func(d in) { d.Cpu, d.Memory = aws.String("32768"), aws.String("61440") }, "", ""},
		{"32 vCPU with 120 GB", func(d in) { d.Cpu, d.Memory = aws.String("32 vCPU"), aws.String("120 GB") }, "", ""},
		{"32 vCPU with the most memory", func(d in) { d.Cpu, d.Memory = aws.String("32768"), aws.String("249856") }, "", ""},
		{"32 vCPU with another amount", func(d in) { d.Cpu, d.Memory = aws.String("32768"), aws.String("65536") }, client, "No Fargate configuration"},
		{"a quarter of a CPU for Windows", func(d in) { d.RuntimePlatform = platform("WINDOWS_SERVER_2022_CORE", "X86_64") }, client, "No Fargate configuration"},
		{"one CPU for Windows", func(d in) {
			d.Cpu, d.Memory, d.RuntimePlatform = aws.String("1024"), aws.String("2048"), platform("WINDOWS_SERVER_2022_CORE", "X86_64")
		}, "", ""},
		{"eight CPUs for Windows", func(d in) {
			d.Cpu, d.Memory, d.RuntimePlatform = aws.String("8192"), aws.String("16384"), platform("WINDOWS_SERVER_2022_CORE", "X86_64")
		}, client, "No Fargate configuration"},
		{"Windows on ARM", func(d in) {
			d.Cpu, d.Memory, d.RuntimePlatform = aws.String("1024"), aws.String("2048"), platform("WINDOWS_SERVER_2022_CORE", "ARM64")
		}, client, "ARM64"},
		{"Linux on ARM", func(d in) { d.RuntimePlatform = platform("LINUX", "ARM64") }, "", ""},
		{"a system that nobody knows", func(d in) { d.RuntimePlatform = platform("PLAN9", "X86_64") }, "InvalidParameterException", "operatingSystemFamily"},
		{"a placement constraint", func(d in) {
			d.PlacementConstraints = []*ecs.TaskDefinitionPlacementConstraint{{Type: aws.String("memberOf"), Expression: aws.String("x")}}
		}, client, "placementConstraints"},
		{"a device", func(d in) {
			d.ContainerDefinitions[0].LinuxParameters = &ecs.LinuxParameters{Devices: []*ecs.Device{{HostPath: aws.String("/dev/x")}}}
		}, client, "devices"},
		{"ptrace", func(d in) {
			d.ContainerDefinitions[0].LinuxParameters = &ecs.LinuxParameters{Capabilities: &ecs.KernelCapabilities{Add: aws.StringSlice([]string{"SYS_PTRACE"})}}
		}, "", ""},
		{"another capability", func(d in) {
			d.ContainerDefinitions[0].LinuxParameters = &ecs.LinuxParameters{Capabilities: &ecs.KernelCapabilities{Add: aws.StringSlice([]string{"NET_ADMIN"})}}
		}, client, "SYS_PTRACE"},
		{"a host name", func(d in) { d.ContainerDefinitions[0].Hostname = aws.String("x") }, client, "hostname"},
		{"another network mode", func(d in) { d.NetworkMode = aws.String("bridge") }, client, "Fargate only supports network mode 'awsvpc'."},
		{"no cpu", func(d in) { d.Cpu = nil }, client, "'cpu' be defined"},
		{"no memory", func(d in) { d.Memory = nil }, client, "'memory' be defined"},
		{"cpu that is no number", func(d in) { d.Cpu = aws.String("lots") }, client, "Invalid 'cpu' setting for task."},
		{"a size that Fargate does not have", func(d in) { d.Memory = aws.String("4096") }, client, "No Fargate configuration exists for given values"},
		{"the largest size", func(d in) { d.Cpu, d.Memory = aws.String("16 vCPU"), aws.String("120 GB") }, "", ""},
		{"more than the largest size", func(d in) { d.Cpu, d.Memory = aws.String("16 vCPU"), aws.String("128 GB") }, client, "No Fargate configuration"},
		{"a size between the steps", func(d in) { d.Cpu, d.Memory = aws.String("8192"), aws.String("18432") }, client, "No Fargate configuration"},
		{"a container larger than the task", func(d in) { d.ContainerDefinitions[0].Memory = aws.Int64(1024) }, client, "memory"},
		{"20 GiB of storage, which is the default", func(d in) { d.EphemeralStorage = &ecs.EphemeralStorage{SizeInGiB: aws.Int64(20)} }, client, "EphemeralStorage"},
		{"a host port of its own", func(d in) { d.ContainerDefinitions[0].PortMappings[0].HostPort = aws.Int64(8080) }, client, "must match"},
		{"more than an integer of AWS holds", func(d in) { d.ContainerDefinitions[0].StopTimeout = aws.Int64(1 << 31) }, "SerializationException", "StopTimeout: 2147483648"},
		{"less than an integer of AWS holds", func(d in) {
			d.ContainerDefinitions[0].Ulimits = []*ecs.Ulimit{{Name: aws.String("nofile"), HardLimit: aws.Int64(1), SoftLimit: aws.Int64(-1<<31 - 1)}}
		}, "SerializationException", "SoftLimit: -2147483649"},
		{"a port out of range", func(d in) { d.ContainerDefinitions[0].PortMappings[0].ContainerPort = aws.Int64(70000) }, client, "ports must be"},
		{"logs without an execution role", func(d in) { d.ExecutionRoleArn = nil }, client, "to support log driver awslogs"},
		{"logs without a prefix", func(d in) { delete(d.ContainerDefinitions[0].LogConfiguration.Options, "awslogs-stream-prefix") }, client, "awslogs-stream-prefix"},
		{"logs without a region", func(d in) { delete(d.ContainerDefinitions[0].LogConfiguration.Options, "awslogs-region") }, client, "awslogs-region"},
		{"a log driver that Fargate lacks", func(d in) { d.ContainerDefinitions[0].LogConfiguration.LogDriver = aws.String("syslog") }, client, "syslog"},
		{"an ECR image without an execution role", func(d in) {
			d.ExecutionRoleArn, d.ContainerDefinitions[0].LogConfiguration = nil, nil
			d.ContainerDefinitions[0].Image = aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/www:1")
		}, client, "to support ECR images"},
		{"secrets without an execution role", func(d in) {
			d.ExecutionRoleArn, d.ContainerDefinitions[0].LogConfiguration = nil, nil
			d.ContainerDefinitions[0].Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("a")}}
		}, client, "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."},
		{"credentials without an execution role", func(d in) {
			d.ExecutionRoleArn, d.ContainerDefinitions[0].LogConfiguration = nil, nil
			d.ContainerDefinitions[0].RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: aws.String("a")}
		}, client, "executionRoleArn"},
		{"a secret called like a variable", func(d in) {
			d.ContainerDefinitions[0].Environment = []*ecs.KeyValuePair{{Name: aws.String("A"), Value: aws.String("1")}}
			d.ContainerDefinitions[0].Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("a")}}
		}, client, "must be unique"},
		{"a role that is no ARN", func(d in) { d.ExecutionRoleArn = aws.String("exec") }, client, "Role is not valid"},
		{"an execution role that does not exist", func(d in) { d.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/nope") }, "AccessDeniedException", "iam:PassRole on resource: arn:aws:iam::123456789012:role/nope"},
		{"a task role that does not exist", func(d in) { d.TaskRoleArn = aws.String("arn:aws:iam::123456789012:role/nope") }, "AccessDeniedException", "iam:PassRole"},
		{"an empty list of tags", func(d in) { d.Tags = []*ecs.Tag{} }, client, "Tags can not be empty."},
		{"51 tags", func(d in) { d.Tags = manyTags(51) }, client, "at most 50"},
		{"more than 64 KiB", func(d in) {
			d.ContainerDefinitions[0].Environment = []*ecs.KeyValuePair{{Name: aws.String("A"), Value: aws.String(strings.Repeat("x", 65536))}}
		}, client, "Max allowed length is '65536' bytes."},
		{"an unknown compatibility", func(d in) { d.RequiresCompatibilities = aws.StringSlice([]string{"MOON"}) }, "InvalidParameterException", "MOON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := w.definition("refused")
			test.change(d)
			err := failing(w.RegisterTaskDefinition(d))
			if codeOf(err) != test.code || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %s %q", err, test.code, test.says)
			}
		})
	}
}

func TestATaskDefinitionIsReturnedAsECSReadsIt(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.definition("big")
	in.Cpu, in.Memory = aws.String("1 vCPU"), aws.String("2GB")
	out := must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(in))
	d := out.TaskDefinition
	port := d.ContainerDefinitions[0].PortMappings[0]
	got := []any{*d.Cpu, *d.Memory, *d.Revision, *d.Status, aws.StringValueSlice(d.Compatibilities), *port.HostPort, *port.Protocol, *d.ContainerDefinitions[0].Essential, *out.Tags[0].Key}
	want := []any{"1024", "2048", int64(1), "ACTIVE", []string{"EC2", "FARGATE"}, int64(80), "tcp", true, "kind"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func (w *ecsWorld) register(family string) (revision string) {
	w.t.Helper()
	out := must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(w.definition(family)))
	return fmt.Sprintf("%s:%d", family, *out.TaskDefinition.Revision)
}

func (w *ecsWorld) deregister(revision string) {
	w.t.Helper()
	must[*ecs.DeregisterTaskDefinitionOutput](w.t)(w.DeregisterTaskDefinition(&ecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision}))
}

// delete deletes revisions and returns the reasons of those it could not.
func (w *ecsWorld) delete(revisions ...string) []string {
	w.t.Helper()
	out := must[*ecs.DeleteTaskDefinitionsOutput](w.t)(w.DeleteTaskDefinitions(&ecs.DeleteTaskDefinitionsInput{TaskDefinitions: aws.StringSlice(revisions)}))
	var reasons []string
	for _, f := range out.Failures {
		reasons = append(reasons, *f.Reason)
	}
	return reasons
}

// status returns a revision's status, or the error code of describing it.
func (w *ecsWorld) status(revision string) string {
	w.t.Helper()
	out, err := w.DescribeTaskDefinition(&ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		return codeOf(err)
	}
	return lastOf(*out.TaskDefinition.TaskDefinitionArn) + " " + *out.TaskDefinition.Status
}

func lastOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func (w *ecsWorld) definitions(in ecs.ListTaskDefinitionsInput) []string {
	w.t.Helper()
	var got []string
	err := w.ListTaskDefinitionsPages(&in, func(page *ecs.ListTaskDefinitionsOutput, _ bool) bool {
		for _, arn := range aws.StringValueSlice(page.TaskDefinitionArns) {
			got = append(got, lastOf(arn))
		}
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func TestRevisionsAreListedByFamilyThenByNumber(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	for range 10 {
		w.register("fam")
	}
	w.register("fam-2")
	w.register("fam_2")
	want := []string{"fam:1", "fam:2", "fam:3", "fam:4", "fam:5", "fam:6", "fam:7", "fam:8", "fam:9", "fam:10", "fam-2:1", "fam_2:1", "web:1"}
	if diff := cmp.Diff(want, w.definitions(ecs.ListTaskDefinitionsInput{MaxResults: aws.Int64(3)})); diff != "" {
		t.Error(diff)
	}
	slices.Reverse(want)
	if diff := cmp.Diff(want, w.definitions(ecs.ListTaskDefinitionsInput{MaxResults: aws.Int64(3), Sort: aws.String(ecs.SortOrderDesc)})); diff != "" {
		t.Error(diff)
	}
}

func TestRevisionsComeAndGoButTheirNumbersDoNotComeAgain(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	for range 3 {
		w.register("fam")
	}
	w.register("family")
	if got := w.status("fam"); got != "fam:3 ACTIVE" {
		t.Errorf("the family means %s", got)
	}
	w.deregister("fam:3")
	w.deregister("arn:aws:ecs:us-east-1:123456789012:task-definition/fam:3")
	if got := []string{w.status("fam"), w.status("fam:3"), w.status("fam:4"), w.status("nope")}; !cmp.Equal(got, []string{"fam:2 ACTIVE", "fam:3 INACTIVE", "ClientException", "ClientException"}) {
		t.Errorf("statuses %v", got)
	}
	if got := w.definitions(ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("fam"), MaxResults: aws.Int64(1)}); !cmp.Equal(got, []string{"fam:1", "fam:2"}) {
		t.Errorf("listed %v", got)
	}
	if got := w.definitions(ecs.ListTaskDefinitionsInput{Sort: aws.String("DESC"), MaxResults: aws.Int64(2)}); !cmp.Equal(got, []string{"web:1", "family:1", "fam:2", "fam:1"}) {
		t.Errorf("listed backward %v", got)
	}
	if got := w.definitions(ecs.ListTaskDefinitionsInput{Status: aws.String("INACTIVE")}); !cmp.Equal(got, []string{"fam:3"}) {
		t.Errorf("listed INACTIVE %v", got)
	}
	if got := w.delete("fam:2", "fam:3", "fam:9"); len(got) != 2 || !strings.Contains(got[0], "still in ACTIVE status") || !strings.Contains(got[1], "does not exist") {
		t.Errorf("failures %v", got)
	}
	if got := w.status("fam:3"); got != "ClientException" {
		t.Errorf("a deleted revision is %s", got)
	}
	w.deregister("fam:1")
	w.deregister("fam:2")
	w.delete("fam:1", "fam:2")
	if got := w.register("fam"); got != "fam:4" {
		t.Errorf("the next revision is %s", got)
	}
	families := must[*ecs.ListTaskDefinitionFamiliesOutput](t)(w.ListTaskDefinitionFamilies(&ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: aws.String("fam")})).Families
	if got := aws.StringValueSlice(families); !cmp.Equal(got, []string{"fam", "family"}) {
		t.Errorf("families %v", got)
	}
	testRefusals(t, []refusal{
		{"11 at once", func() error {
			return failing(w.DeleteTaskDefinitions(&ecs.DeleteTaskDefinitionsInput{TaskDefinitions: aws.StringSlice(make([]string, 11))}))
		}, "InvalidParameterException"},
		{"deregistering a family", func() error {
			return failing(w.DeregisterTaskDefinition(&ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("fam")}))
		}, "ClientException"},
		{"deregistering what is not there", func() error {
			return failing(w.DeregisterTaskDefinition(&ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("fam:1")}))
		}, "ClientException"},
	})
}

func TestARevisionInUseIsDeletedLater(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	w.create(w.input("www"))
	w.deregister("web:1")
	w.delete("web:1")
	w.clock.Advance(time.Minute)
	if got := w.status("web:1"); got != "web:1 DELETE_IN_PROGRESS" {
		t.Errorf("while the service lives it is %s", got)
	}
	if err := failing(w.CreateService(w.input("other"))); codeOf(err) != "ClientException" {
		t.Errorf("a service of it: %v", err)
	}
	must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), Force: aws.Bool(true)}))
	w.clock.Advance(slowly.Drain)
	if got := w.status("web:1"); got != "ClientException" {
		t.Errorf("afterwards it is %s", got)
	}
}

func TestANewRoleCannotBePassedAtOnce(t *testing.T) {
	t.Parallel()
	const lag = 10 * time.Second
	w := newECSWorld(t, localaws.WithLags(localaws.Lags{Role: lag}))
	d := w.definition("new")
	d.ExecutionRoleArn = aws.String(w.addRole("young"))
	if err := failing(w.RegisterTaskDefinition(d)); codeOf(err) != "AccessDeniedException" {
		t.Errorf("at once: %v", err)
	}
	w.clock.Advance(lag)
	if err := failing(w.RegisterTaskDefinition(d)); err != nil {
		t.Errorf("later: %v", err)
	}
}

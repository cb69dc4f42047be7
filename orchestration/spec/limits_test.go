package spec

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// definitionOf reads a task definition of 256 CPU units and 512 MiB whose container web has more members.
func definitionOf(t *testing.T, task, container string) *awsecs.RegisterTaskDefinitionInput {
	t.Helper()
	in := &awsecs.RegisterTaskDefinitionInput{}
	if err := json.Unmarshal([]byte(`{"family":"f","cpu":"256","memory":"512"`+task+`,"containerDefinitions":[{"name":"web","image":"app:1"`+container+`}]}`), in); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestValuesThatAWSRefusesAreRefused(t *testing.T) {
	const web = "containerdefinitions[0]."
	for name, tt := range map[string]struct {
		task, container string
		wrong           []common.FieldError
	}{
		"ports": {"", `,"portMappings":[{"containerPort":99999},{"containerPort":0},{},{"containerPort":80,"hostPort":81},{"containerPort":80,"hostPort":80,"protocol":"icmp"},{"containerPort":65535},{"containerPortRange":"80-90"}]`, []common.FieldError{
			{Field: web + "portmappings[0].containerport", Detail: "must be 1 to 65535"}, {Field: web + "portmappings[1].containerport", Detail: "must be 1 to 65535"}, {Field: web + "portmappings[2].containerport", Detail: "is required"},
			{Field: web + "portmappings[3].hostport", Detail: "must be the containerport, or left out: each task has an address of its own"}, {Field: web + "portmappings[4].protocol", Detail: "must be one of tcp, udp"},
		}},
		"variables without a name": {"", `,"environment":[{"name":"","value":"x"},{"value":"x"},{"name":" "},{"name":"A"}]`, []common.FieldError{
			{Field: web + "environment[0].name", Detail: "is required"}, {Field: web + "environment[1].name", Detail: "is required"}, {Field: web + "environment[2].name", Detail: "is required"},
		}},
		"times that are out of range": {"", `,"stopTimeout":-5,"startTimeout":1,"healthCheck":{"command":["CMD","x"],"interval":4,"timeout":61,"retries":11,"startPeriod":301},"restartPolicy":{"enabled":true,"restartAttemptPeriod":59}`, []common.FieldError{
			{Field: web + "starttimeout", Detail: "must be 2 to 120"}, {Field: web + "stoptimeout", Detail: "must be 0 to 120"}, {Field: web + "healthcheck.interval", Detail: "must be 5 to 300"}, {Field: web + "healthcheck.timeout", Detail: "must be 2 to 60"},
			{Field: web + "healthcheck.retries", Detail: "must be 1 to 10"}, {Field: web + "healthcheck.startperiod", Detail: "must be 0 to 300"}, {Field: web + "restartpolicy.restartattemptperiod", Detail: "must be 60 to 1800"},
		}},
		"times at the end of the range": {"", `,"stopTimeout":120,"startTimeout":2,"healthCheck":{"command":["CMD","x"],"interval":5,"timeout":60,"retries":10,"startPeriod":0},"restartPolicy":{"enabled":true,"restartAttemptPeriod":1800}`, nil},
		"a log driver that Fargate has not": {"", `,"logConfiguration":{"logDriver":"awslog"}`, []common.FieldError{
			{Field: web + "logconfiguration.logdriver", Detail: "must be one of awslogs, splunk, awsfirelens: Fargate has no other"},
		}},
		"a log driver that it has":              {"", `,"logConfiguration":{"logDriver":"awsfirelens"}`, nil},
		"storage":                               {`,"ephemeralStorage":{"sizeInGiB":20}`, "", []common.FieldError{{Field: "ephemeralstorage.sizeingib", Detail: "must be 21 to 200"}}},
		"a container that needs more CPU":       {"", `,"cpu":257`, []common.FieldError{{Field: "cpu", Detail: "is 256 units, less than its containers' 257 together"}}},
		"a container with more memory":          {"", `,"memory":513`, []common.FieldError{{Field: web + "memory", Detail: "is 513 MiB, more than the task's 512"}}},
		"a container that reserves more memory": {"", `,"memoryReservation":513`, []common.FieldError{{Field: "memory", Detail: "is 512 MiB, less than its containers' 513 together"}}},
		"a container as large as the task":      {"", `,"cpu":256,"memory":512`, nil},
		"no container that is essential":        {"", `,"essential":false`, []common.FieldError{{Field: web + "essential", Detail: "is false, as that of every container: a task needs one that is essential"}}},
		"less memory than is reserved":          {"", `,"memory":100,"memoryReservation":101`, []common.FieldError{{Field: web + "memory", Detail: "is 100 MiB, less than the memoryReservation of 101"}}},
		"as much memory as is reserved":         {"", `,"memory":100,"memoryReservation":100`, nil},
		"a container that waits for none of the task": {"", `,"dependsOn":[{"containerName":"web","condition":"START"},{"containerName":"db","condition":"START"}]`, []common.FieldError{
			{Field: web + "dependson[0].containername", Detail: "must name another container of the task"}, {Field: web + "dependson[1].containername", Detail: "must name another container of the task"},
		}},
		"an architecture that is none":                 {`,"runtimePlatform":{"cpuArchitecture":"AMD64"}`, "", []common.FieldError{{Field: "runtimeplatform.cpuarchitecture", Detail: "must be one of X86_64, ARM64"}}},
		"an architecture":                              {`,"runtimePlatform":{"cpuArchitecture":"ARM64"}`, "", nil},
		"a size of another form is one error, not two": {`,"cpu":"many"`, `,"cpu":257`, []common.FieldError{{Field: "cpu", Detail: `must be CPU units such as "256", or "0.25 vCPU"`}}},
	} {
		wrong := CheckTaskDefinition(account.Settings{}, "", definitionOf(t, tt.task, tt.container))
		if diff := cmp.Diff(common.Problems(tt.wrong), wrong); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for count, want := range map[int64]string{-1: "count must not be negative", 0: "", 5000: "", 5001: "count must be at most 5000: ECS runs no more tasks of a service"} {
		var p common.Problems
		CheckCount(&p, "count", &count)
		got := ""
		for _, f := range p {
			got += f.Field + " " + f.Detail
		}
		if got != want {
			t.Errorf("%d: %q, want %q", count, got, want)
		}
	}
}

func TestWarningsAreOfWhatFargateIsNotKnownToHave(t *testing.T) {
	for name, tt := range map[string]struct {
		task, container string
		fields          []string
	}{
		"nothing":                        {"", "", nil},
		"a size between two":             {`,"cpu":"300"`, "", []string{"FargateSize taskdefinition.cpu"}},
		"more memory than is known":      {`,"cpu":"16384","memory":"249856"`, "", []string{"FargateSize taskdefinition.cpu"}},
		"the largest":                    {`,"cpu":"32768","memory":"249856"`, "", nil},
		"the largest, with other memory": {`,"cpu":"32768","memory":"65536"`, "", []string{"FargateSize taskdefinition.cpu"}},
		"parts of a host": {"", `,"privileged":true,"links":["a"],"linuxParameters":{"sharedMemorySize":64,"capabilities":{"add":["SYS_PTRACE","NET_ADMIN"]}}`, []string{
			"FargateUnsupported taskdefinition.containerdefinitions[0].links", "FargateUnsupported taskdefinition.containerdefinitions[0].privileged",
			"FargateUnsupported taskdefinition.containerdefinitions[0].linuxparameters.capabilities.add", "FargateUnsupported taskdefinition.containerdefinitions[0].linuxparameters.sharedmemorysize",
		}},
		"parts of a host of the task": {`,"ipcMode":"task","pidMode":"host"`, "", []string{"FargateUnsupported taskdefinition.ipcmode", "FargateUnsupported taskdefinition.pidmode"}},
		"what Fargate has":            {`,"pidMode":"task"`, `,"privileged":false,"linuxParameters":{"tmpfs":[{"containerPath":"/run","size":64}],"initProcessEnabled":true,"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]}}`, nil},
	} {
		var fields []string
		for _, d := range Warnings(definitionOf(t, tt.task, tt.container), nil) {
			fields = append(fields, d.Code+" "+d.Field)
		}
		if diff := cmp.Diff(tt.fields, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

package api

import (
	"strings"
	"testing"

	"ecs-api/common"
	"ecs-api/ecs"
	"ecs-api/localaws"
)

// tasksHarness is a server with clusters, definitions, a service and tasks of tagsOurs, of nobody's and of another org's.
func tasksHarness(t *testing.T, opts ...localaws.Option) *harness {
	h := adhocHarness(t, opts...)
	for name, tags := range map[string]common.Tags{"mine": tagsOurs, "bare": tagsNone, "theirs": tagsOthers} {
		h.addCluster(t, name, tags)
		h.addDefinition(t, name, tags)
	}
	h.addRole(t, "app", tagsNone)
	return h
}

func TestRunningTasks(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	h.addDefinition(t, "old", tagsOurs)
	if _, err := h.sdk().ECS.DeregisterTaskDefinition(t.Context(), "old:1"); err != nil {
		t.Fatal(err)
	}
	h.addDefinition(t, "old", tagsOurs)
	run := func(body string) (method, target, sent string) { return "POST", "/clusters/mine/tasks", body }
	row := func(name, body string, status int, want map[string]any) asked {
		method, target, sent := run(body)
		return asked{name, method, target, sent, status, want}
	}
	ask(t, h, []asked{
		row("a task has Fargate, the account's network, and tags", `{"taskDefinition":"mine","tags":[{"key":"Application","value":"myapp"}]}`, 200, map[string]any{
			"Tasks.#": 1, "Failures.#": 0, "Tasks.0.LaunchType": "FARGATE", "Tasks.0.ClusterArn": arnECS + "cluster/mine",
			"Tasks.0.TaskDefinitionArn": arnECS + "task-definition/mine:1", "Tasks.0.Attachments.0.Details.0.Value": localaws.SubnetA,
		}),
		row("as many as are asked for", `{"taskDefinition":"mine:1","count":3}`, 200, map[string]any{"Tasks.#": 3}),
		row("a strategy takes the place of the launch type", `{"taskDefinition":"mine","capacityProviderStrategy":[{"capacityProvider":"FARGATE_SPOT","weight":1}]}`, 200, map[string]any{
			"Tasks.0.CapacityProviderName": "FARGATE_SPOT",
		}),
		row("the path's cluster may be repeated, by its ARN too", `{"taskDefinition":"`+arnECS+`task-definition/mine:1","cluster":"`+arnECS+`cluster/mine"}`, 200, nil),
		row("nobody's definition can be run", `{"taskDefinition":"bare"}`, 200, nil),
		row("a role that the account allows", `{"taskDefinition":"mine","overrides":{"taskRoleArn":"`+arnIAM+`role/app"}}`, 200, map[string]any{
			"Tasks.0.Overrides.TaskRoleArn": arnIAM + "role/app",
		}),
		row("a revision that is not ACTIVE", `{"taskDefinition":"old:1"}`, 409, nil),
		row("an unknown definition", `{"taskDefinition":"nope"}`, 404, nil),
		row("another org's definition", `{"taskDefinition":"theirs"}`, 404, map[string]any{"detail": "there is no task definition theirs"}),
		row("another org's definition by its ARN", `{"taskDefinition":"`+arnECS+`task-definition/theirs:1"}`, 404, nil),
		row("a definition of another account", `{"taskDefinition":"arn:aws:ecs:us-east-1:210987654321:task-definition/mine:1"}`, 404, nil),
		row("an odd definition", `{"taskDefinition":"a/b"}`, 400, wrong("taskDefinition")),
		row("all that is wrong is reported at once", `{"cluster":"bare","count":11,"launchType":"EC2","propagateTags":"SERVICE",
			"capacityProviderStrategy":[{"capacityProvider":"FARGATE"}],
			"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"],"assignPublicIp":"ENABLED"}},
			"overrides":{"executionRoleArn":"`+arnIAM+`role/admin","taskRoleArn":"`+arnIAM+`role/admin"},
			"volumeConfigurations":[{"name":"v","managedEBSVolume":{"roleArn":"`+arnIAM+`role/admin"}}],
			"tags":[{"key":"spinup:org","value":"localdev2"}]}`, 400,
			wrong("cluster", "taskdefinition", "count", "launchType", "launchType", "propagateTags", "networkConfiguration.awsvpcConfiguration.assignPublicIp",
				"overrides.executionRoleArn", "overrides.taskRoleArn", "volumeConfigurations[0].managedEBSVolume.roleArn", "tags[0].value")),
		row("none at all", `{"taskDefinition":"mine","count":0}`, 400, wrong("count")),
		row("what AWS refuses", `{"taskDefinition":"mine","platformVersion":"9"}`, 400, nil),
		row("a count that is no number", `{"taskDefinition":"mine","count":"two"}`, 400, wrong("count")),
		{"in nobody's cluster", "POST", "/clusters/bare/tasks", `{"taskDefinition":"mine"}`, 200, nil},
		{"in another org's", "POST", "/clusters/theirs/tasks", `{"taskDefinition":"mine"}`, 404, nil},
		{"in none", "POST", "/clusters/nope/tasks", `{"taskDefinition":"mine"}`, 404, nil},
		{"in what is no cluster's name", "POST", "/clusters/a%20b/tasks", `{"taskDefinition":"mine"}`, 400, wrong("cluster")},
	})
	out, err := h.sdk().ECS.ListTasks(t.Context(), taskFilter("theirs"))
	if err != nil || len(out) > 0 {
		t.Errorf("in the other org's cluster: %v, %v", out, err)
	}
}

func TestATaskCarriesTags(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	ask(t, h, []asked{{"run", "POST", "/clusters/mine/tasks", `{"taskDefinition":"bare","tags":[{"key":"Application","value":"myapp"}]}`, 200, nil}})
	arns, err := h.sdk().ECS.ListTasks(t.Context(), taskFilter("mine"))
	if err != nil || len(arns) != 1 {
		t.Fatal(arns, err)
	}
	out, err := h.sdk().ECS.DescribeTasks(t.Context(), "mine", arns)
	if err != nil || len(out.Tasks) != 1 {
		t.Fatal(out, err)
	}
	tags := ecs.ToTags(out.Tasks[0].Tags)
	for key, want := range map[string]string{"Application": "myapp", "spinup:org": "localdev", "aws:ecs:clusterName": "mine"} {
		if got, _ := tags.Get(key); got != want {
			t.Errorf("tag %s is %q, want %q", key, got, want)
		}
	}
}

func TestTasksThatFindNoPlace(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t, localaws.FargateCapacity(2))
	body := `{"taskDefinition":"mine","count":3}`
	ask(t, h, []asked{
		{"some are started, and the others reported", "POST", "/clusters/mine/tasks", body, 200, map[string]any{"Tasks.#": 2, "Failures.#": 1}},
		{"none is started", "POST", "/clusters/mine/tasks", body, 409, map[string]any{
			"detail": "no task was started: Capacity is unavailable at this time. Please try again later or in a different availability zone",
		}},
	})
}

func TestTasksAreStartedOnce(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	h.aws.Inject(localaws.Fault{Operation: "RunTask", Effect: localaws.Lose})
	ask(t, h, []asked{
		{"although the response is lost", "POST", "/clusters/mine/tasks", `{"taskDefinition":"mine"}`, 200, map[string]any{"Tasks.#": 1}},
		{"there is one", "GET", "/clusters/mine/tasks", "", 200, map[string]any{"#": 1}},
		{"with the caller's own token", "POST", "/clusters/bare/tasks", `{"taskDefinition":"mine","clientToken":"my-token"}`, 200, map[string]any{"Tasks.#": 1}},
		{"sent again", "POST", "/clusters/bare/tasks", `{"taskDefinition":"mine","clientToken":"my-token"}`, 200, map[string]any{"Tasks.#": 1}},
		{"it is the same task", "GET", "/clusters/bare/tasks", "", 200, map[string]any{"#": 1}},
		{"for something else it is refused", "POST", "/clusters/bare/tasks", `{"taskDefinition":"mine","count":2,"clientToken":"my-token"}`, 409, map[string]any{"code": "ConflictException"}},
	})
}

func TestShowingAndStoppingTasks(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	task, bare := h.addTask(t, "mine", "mine", tagsOurs), h.addTask(t, "bare", "bare", tagsNone)
	theirs, inOurs := h.addTask(t, "theirs", "theirs", tagsOthers), h.addTask(t, "mine", "mine", tagsOthers)
	unknown := strings.Repeat("0", 32)
	rows := func(method string) []asked {
		return []asked{
			{"an unknown task", method, "/clusters/mine/tasks/" + unknown, "", 404, nil},
			{"what can be no task's id", method, "/clusters/mine/tasks/nope", "", 404, map[string]any{"detail": "there is no task nope"}},
			{"a task of another cluster", method, "/clusters/mine/tasks/" + bare, "", 404, nil},
			{"a task of another cluster by its ARN", method, "/clusters/mine/tasks/" + escaped(arnECS+"task/bare/"+bare), "", 404, nil},
			{"another org's task", method, "/clusters/theirs/tasks/" + theirs, "", 404, nil},
			{"another org's task in our cluster", method, "/clusters/mine/tasks/" + inOurs, "", 404, nil},
			{"a task of no cluster", method, "/clusters/nope/tasks/" + task, "", 404, nil},
			{"slashes", method, "/clusters/mine/tasks/" + escaped("mine/a/b"), "", 400, wrong("task")},
			{"of another cluster", method, "/clusters/mine/tasks/" + escaped("a/b"), "", 404, map[string]any{"detail": "there is no task b in cluster mine"}},
			{"an ARN of something else", method, "/clusters/mine/tasks/" + escaped(arnECS+"cluster/mine"), "", 400, wrong("task")},
			{"what leads elsewhere", method, "/clusters/mine/tasks/" + escaped("../"+task), "", 400, wrong("task")},
		}
	}
	ask(t, h, append(rows("GET"), rows("DELETE")...))
	ask(t, h, []asked{
		{"a task by its id", "GET", "/clusters/mine/tasks/" + task, "", 200, map[string]any{
			"Tasks.#": 1, "Failures.#": 0, "Tasks.0.TaskArn": arnECS + "task/mine/" + task, "Tasks.0.DesiredStatus": "RUNNING", "Tasks.0.Tags.0.Key": "spinup:org",
		}},
		{"a task by its ARN, as its cluster", "GET", "/clusters/" + escaped(arnECS+"cluster/mine") + "/tasks/" + escaped(arnECS+"task/mine/"+task), "", 200, nil},
		{"a task by the ARN that tasks had until 2018", "GET", "/clusters/mine/tasks/" + escaped(arnECS+"task/"+task), "", 200, nil},
		{"nobody's task", "GET", "/clusters/bare/tasks/" + bare, "", 200, nil},
		{"a reason that is too long for ECS", "DELETE", "/clusters/mine/tasks/" + task + "?reason=" + strings.Repeat("x", 1500), "", 400, nil},
		{"a reason of two lines", "DELETE", "/clusters/mine/tasks/" + task + "?reason=a%0Ab", "", 400, wrong("reason")},
		{"a task is stopped, for a reason", "DELETE", "/clusters/mine/tasks/" + task + "?reason=not+needed", "", 200, map[string]any{
			"Task.TaskArn": arnECS + "task/mine/" + task, "Task.DesiredStatus": "STOPPED", "Task.StoppedReason": "not needed", "Task.StopCode": "UserInitiated",
		}},
		{"and says so when it is shown", "GET", "/clusters/mine/tasks/" + task, "", 200, map[string]any{
			"Tasks.0.LastStatus": "STOPPED", "Tasks.0.StopCode": "UserInitiated", "Tasks.0.StoppedReason": "not needed", "Tasks.0.Containers.0.ExitCode": 0,
		}},
		{"a stopped one may be stopped", "DELETE", "/clusters/mine/tasks/" + task, "", 200, nil},
		{"nobody's task is stopped when it is named", "DELETE", "/clusters/bare/tasks/" + bare, "", 200, nil},
	})
}

func TestListingTasks(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	h.addDefinition(t, "web", tagsOurs)
	h.addService(t, "mine", "www", "web", tagsOurs)
	h.addService(t, "mine", "foreign", "web", tagsOthers)
	h.addTask(t, "mine", "mine", tagsOurs)
	stopped := h.addTask(t, "mine", "mine", tagsOurs)
	if _, err := h.sdk().ECS.StopTask(t.Context(), "mine", stopped, ""); err != nil {
		t.Fatal(err)
	}
	ask(t, h, []asked{
		{"running ones unless told otherwise", "GET", "/clusters/mine/tasks", "", 200, map[string]any{"#": 3}},
		{"stopped ones", "GET", "/clusters/mine/tasks?status=STOPPED", "", 200, map[string]any{"#": 1, "0": arnECS + "task/mine/" + stopped}},
		{"a status in lower case", "GET", "/clusters/mine/tasks?status=stopped", "", 200, map[string]any{"#": 1}},
		{"no task is meant to be PENDING", "GET", "/clusters/mine/tasks?status=PENDING", "", 200, map[string]any{"#": 0}},
		{"a service's", "GET", "/clusters/mine/tasks?service=www", "", 200, map[string]any{"#": 1}},
		{"a service's by its ARN", "GET", "/clusters/mine/tasks?service=" + escaped(arnECS+"service/mine/www"), "", 200, map[string]any{"#": 1}},
		{"a family's", "GET", "/clusters/mine/tasks?family=mine", "", 200, map[string]any{"#": 1}},
		{"an unknown family has none", "GET", "/clusters/mine/tasks?family=nope", "", 200, map[string]any{"#": 0}},
		{"a cluster by its ARN", "GET", "/clusters/" + escaped(arnECS+"cluster/mine") + "/tasks?family=mine", "", 200, map[string]any{"#": 1}},
		{"an empty cluster has none", "GET", "/clusters/bare/tasks", "", 200, map[string]any{"#": 0}},
		{"an unknown service", "GET", "/clusters/mine/tasks?service=nope", "", 404, nil},
		{"another org's service", "GET", "/clusters/mine/tasks?service=foreign", "", 404, map[string]any{"detail": "there is no service foreign"}},
		{"an unknown cluster", "GET", "/clusters/nope/tasks", "", 404, nil},
		{"another org's cluster", "GET", "/clusters/theirs/tasks", "", 404, nil},
		{"an odd status", "GET", "/clusters/mine/tasks?status=DONE", "", 400, wrong("status")},
		{"odd names", "GET", "/clusters/mine/tasks?service=a%20b&family=c%20d", "", 400, wrong("service", "family")},
	})
}

func TestTasksAreListedByPages(t *testing.T) {
	t.Parallel()
	h := tasksHarness(t)
	for range 105 {
		h.addTask(t, "mine", "mine", tagsOurs)
	}
	ask(t, h, []asked{{"all of them", "GET", "/clusters/mine/tasks", "", 200, map[string]any{"#": 105}}})
}

package api

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestRegisteringTaskDefinitions(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	h.addDefinition(t, "theirs", tagsOthers)
	h.addDefinition(t, "bare", tagsNone)
	h.addRole(t, "mine-ecsTaskExecution", tagsOurs)
	h.addRole(t, "bare-ecsTaskExecution", tagsNone)
	h.addRole(t, "theirs-ecsTaskExecution", tagsOthers)
	h.addRole(t, "app", tagsNone)
	h.addRole(t, "admin", tagsOurs)

	const containers = `"cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx:alpine"}]`
	row := func(name, body string, status int, want map[string]any) asked {
		return asked{name, "POST", "/taskdefs", body, status, want}
	}
	refused := func(name, role string) asked {
		return row(name, `{"family":"web",`+containers+`,"executionRoleArn":"`+role+`"}`, 400, wrong("executionRoleArn"))
	}
	ask(t, h, []asked{
		row("a definition is for Fargate, and our org's", `{"family":"web",`+containers+`,"tags":[{"key":"Application","value":"myapp"}]}`, 200, map[string]any{
			"TaskDefinition.TaskDefinitionArn": arnECS + "task-definition/web:1", "TaskDefinition.Status": "ACTIVE", "TaskDefinition.NetworkMode": "awsvpc",
			"TaskDefinition.RequiresCompatibilities.0": "FARGATE", "TaskDefinition.ExecutionRoleArn": nil, "TaskDefinition.ContainerDefinitions.0.LogConfiguration": nil,
			"Tags.0.Key": "Application", "Tags.0.Value": "myapp", "Tags.1.Key": "spinup:org", "Tags.1.Value": "localdev",
		}),
		row("each request makes a revision", `{"family":"web",`+containers+`}`, 200, map[string]any{"TaskDefinition.Revision": 2}),
		row("in nobody's family too", `{"family":"bare",`+containers+`,"requiresCompatibilities":["EC2","FARGATE"]}`, 200, map[string]any{
			"TaskDefinition.Revision": 2, "TaskDefinition.RequiresCompatibilities.#": 2,
		}),
		row("not in another org's", `{"family":"theirs",`+containers+`}`, 404, map[string]any{"detail": "the name theirs is taken by a task definition of another org; choose another"}),
		row("with the execution role of a cluster of ours", `{"family":"web",`+containers+`,"executionRoleArn":"`+arnIAM+`role/mine-ecsTaskExecution"}`, 200, map[string]any{
			"TaskDefinition.ExecutionRoleArn": arnIAM + "role/mine-ecsTaskExecution",
		}),
		row("by its name", `{"family":"web",`+containers+`,"executionRoleArn":"mine-ecsTaskExecution"}`, 200, map[string]any{
			"TaskDefinition.ExecutionRoleArn": arnIAM + "role/mine-ecsTaskExecution",
		}),
		refused("another org's execution role", arnIAM+"role/theirs-ecsTaskExecution"),
		refused("nobody's", arnIAM+"role/bare-ecsTaskExecution"),
		refused("one that is not there", arnIAM+"role/nope-ecsTaskExecution"),
		refused("one of another account", "arn:aws:iam::210987654321:role/mine-ecsTaskExecution"),
		refused("one below a path", arnIAM+"role/x/mine-ecsTaskExecution"),
		refused("a role of ours for something else", arnIAM+"role/admin"),
		refused("what is no role", arnIAM+"user/mine-ecsTaskExecution"),
		row("a task role that the account allows", `{"family":"web",`+containers+`,"taskRoleArn":"`+arnIAM+`role/app"}`, 200, nil),
		row("a task role that it does not", `{"family":"web",`+containers+`,"taskRoleArn":"`+arnIAM+`role/admin"}`, 400, wrong("taskRoleArn")),
		row("all that is wrong is reported at once", `{"family":"a b","cpu":"257","memory":"512","networkMode":"bridge","requiresCompatibilities":["EC2"],
			"containerDefinitions":[{"name":"web"}],"tags":[{"key":"spinup:org","value":"localdev2"}]}`, 400,
			wrong("family", "containerDefinitions[0].image", "networkMode", "requiresCompatibilities", "tags[0].value")),
		row("an empty one", `{}`, 400, wrong("family", "containerdefinitions", "cpu", "memory")),
		row("what AWS refuses", `{"family":"web","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx","privileged":true}]}`, 400, map[string]any{"code": "ClientException"}),
		row("secrets need an execution role", `{"family":"web","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx","secrets":[{"name":"A","valueFrom":"b"}]}]}`, 400, nil),
	})
}

// What a task definition's execution role cannot read, AWS says only when a task starts.
func TestWhatTheExecutionRoleCannotReadIsRefused(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	h.addCluster(t, "mine", tagsOurs)
	h.addRole(t, "mine-ecsTaskExecution", tagsOurs)
	h.addRole(t, "other", tagsNone)
	const (
		ours    = "arn:aws:secretsmanager:us-east-1:" + localaws.DefaultAccount + ":secret:"
		params  = "arn:aws:ssm:us-east-1:" + localaws.DefaultAccount + ":parameter/"
		outside = ours + "other-AbCdEf"
	)
	definition := func(valueFrom string) string {
		return `{"family":"web","cpu":"256","memory":"512","executionRoleArn":"mine-ecsTaskExecution","containerDefinitions":[{"name":"a","image":"nginx"},{"name":"web","image":"nginx",
			"repositoryCredentials":{"credentialsParameter":"` + ours + `spinup/localdev/mine/cred-AbCdEf"},
			"secrets":[{"name":"A","valueFrom":"/localdev/mine/a"},{"name":"B","valueFrom":"` + valueFrom + `"}]}]}`
	}
	row := func(name, valueFrom string, status int, want map[string]any) asked {
		return asked{name, "POST", "/taskdefs", definition(valueFrom), status, want}
	}
	refused := wrong("containerDefinitions[1].secrets[1].valueFrom")
	ask(t, h, []asked{
		row("a secret of the cluster's", ours+"spinup/localdev/mine/db-AbCdEf:password::", 200, nil),
		row("a parameter of the cluster's", params+"localdev/mine/db", 200, nil),
		row("another secret", outside, 400, refused),
		row("another cluster's secret", ours+"spinup/localdev/mine2/db-AbCdEf", 400, refused),
		row("another cluster's parameter", "/localdev/mine2/db", 400, refused),
		row("another account's", "arn:aws:secretsmanager:us-east-1:210987654321:secret:spinup/localdev/mine/db-AbCdEf", 400, refused),
	})

	register := func(family, role, valueFrom string) {
		t.Helper()
		_, err := h.sdk().ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
			Family: &family, Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), Tags: ecs.FromTags(tagsOurs),
			RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), ExecutionRoleArn: aws.String(arnIAM + "role/" + role),
			ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx"), Secrets: []*awsecs.Secret{{Name: aws.String("A"), ValueFrom: &valueFrom}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	register("outside", "mine-ecsTaskExecution", outside)
	register("inside", "mine-ecsTaskExecution", "/localdev/mine/a")
	register("byhand", "other", outside)
	ask(t, h, []asked{
		{"a task that could not start", "POST", "/clusters/mine/tasks", `{"taskDefinition":"outside"}`, 400, wrong("taskDefinition.containerdefinitions[0].secrets[0].valuefrom")},
		{"one that can", "POST", "/clusters/mine/tasks", `{"taskDefinition":"inside"}`, 200, nil},
		{"one with a role that is not ours to judge", "POST", "/clusters/mine/tasks", `{"taskDefinition":"byhand"}`, 200, nil},
	})
}

func TestARevisionIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	const body = `{"family":"web","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx:alpine"}]}`
	t.Run("although the response is lost", func(t *testing.T) {
		h := adhocHarness(t, localaws.WithFaults(localaws.Fault{Operation: "RegisterTaskDefinition", Effect: localaws.Lose}))
		ask(t, h, []asked{
			{"it is found", "POST", "/taskdefs", body, 200, map[string]any{"TaskDefinition.Revision": 1, "Tags.0.Key": "spinup:org"}},
			{"there is one", "GET", "/taskdefs", "", 200, map[string]any{"#": 1}},
		})
	})
	t.Run("or not at all", func(t *testing.T) {
		h := adhocHarness(t)
		h.aws.Inject(localaws.Fault{Operation: "RegisterTaskDefinition", Effect: localaws.Lose, Func: func() {
			h.aws.Inject(localaws.Fault{Operation: "ListTaskDefinitions", Effect: localaws.Down, Times: 2}) // a look, tried twice
		}})
		ask(t, h, []asked{{"AWS does not tell", "POST", "/taskdefs", body, 503, nil}})
		if left := h.aws.Inventory(); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	})
	t.Run("with a role that ECS does not know yet", func(t *testing.T) {
		h := adhocHarness(t)
		h.addRole(t, "mine-ecsTaskExecution", tagsOurs)
		h.aws.Inject(localaws.Fault{Operation: "RegisterTaskDefinition", Effect: localaws.Refuse, Code: "AccessDeniedException", Message: "not authorized to perform: iam:PassRole on resource"})
		ask(t, h, []asked{{"the same request again", "POST", "/taskdefs", body[:len(body)-1] + `,"executionRoleArn":"mine-ecsTaskExecution"}`, 200, nil}})
	})
}

func TestTaskDefinitions(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	for range 3 {
		h.addDefinition(t, "web", tagsOurs)
	}
	h.addDefinition(t, "web-admin", tagsOurs)
	h.addDefinition(t, "bare", tagsNone)
	h.addDefinition(t, "web-theirs", tagsOthers)
	arn := func(revision string) string { return arnECS + "task-definition/" + revision }
	odd := func(method string) []asked {
		return []asked{
			{"another org's", method, "/taskdefs/web-theirs", "", 404, map[string]any{"detail": "there is no task definition web-theirs"}},
			{"another org's revision", method, "/taskdefs/web-theirs:1", "", 404, nil},
			{"another org's by its ARN", method, "/taskdefs/" + escaped(arn("web-theirs:1")), "", 404, nil},
			{"an unknown family", method, "/taskdefs/nope", "", 404, nil},
			{"an unknown revision", method, "/taskdefs/web:9", "", 404, nil},
			{"a revision of another account", method, "/taskdefs/" + escaped("arn:aws:ecs:us-east-1:210987654321:task-definition/web:1"), "", 404, nil},
			{"no number", method, "/taskdefs/web:latest", "", 400, wrong("taskdefinition")},
			{"slashes", method, "/taskdefs/" + escaped("a/b"), "", 400, wrong("taskdefinition")},
			{"an ARN of something else", method, "/taskdefs/" + escaped(arnECS+"cluster/web"), "", 400, wrong("taskdefinition")},
			{"what leads elsewhere", method, "/taskdefs/" + escaped("../web"), "", 400, wrong("taskdef")},
		}
	}
	ask(t, h, append(odd("GET"), odd("DELETE")...))
	ask(t, h, []asked{
		{"a family is its latest revision", "GET", "/taskdefs/web", "", 200, map[string]any{
			"TaskDefinition.TaskDefinitionArn": arn("web:3"), "TaskDefinition.ContainerDefinitions.0.Image": "nginx", "Tags.#": 1, "Tags.0.Key": "spinup:org",
		}},
		{"a revision", "GET", "/taskdefs/web:1", "", 200, map[string]any{"TaskDefinition.TaskDefinitionArn": arn("web:1")}},
		{"an escaped one", "GET", "/taskdefs/web%3A1", "", 200, map[string]any{"TaskDefinition.Revision": 1}},
		{"an ARN", "GET", "/taskdefs/" + escaped(arn("web:2")), "", 200, map[string]any{"TaskDefinition.Revision": 2}},
		{"nobody's has no tags", "GET", "/taskdefs/bare", "", 200, map[string]any{"Tags.#": 0}},

		{"all families, the newest first in each", "GET", "/taskdefs", "", 200, map[string]any{
			"#": 5, "0": arn("web-admin:1"), "1": arn("web:3"), "2": arn("web:2"), "3": arn("web:1"), "4": arn("bare:1"),
		}},
		{"families by the beginning of their names", "GET", "/taskdefs?prefix=we", "", 200, map[string]any{"#": 4, "0": arn("web-admin:1"), "1": arn("web:3"), "3": arn("web:1")}},
		{"a beginning that no name has", "GET", "/taskdefs?prefix=nope", "", 200, map[string]any{"#": 0}},
		{"a beginning that only another org's has", "GET", "/taskdefs?prefix=web-t", "", 200, map[string]any{"#": 0}},
		{"nothing is INACTIVE yet", "GET", "/taskdefs?status=INACTIVE", "", 200, map[string]any{"#": 0}},
		{"an odd status", "GET", "/taskdefs?status=GONE", "", 400, wrong("status")},
		{"an odd prefix", "GET", "/taskdefs?prefix=a%2Fb", "", 400, wrong("prefix")},

		{"a revision is deregistered", "DELETE", "/taskdefs/web:1", "", 200, map[string]any{"TaskDefinition.TaskDefinitionArn": arn("web:1"), "TaskDefinition.Status": "INACTIVE"}},
		{"of a family, the latest", "DELETE", "/taskdefs/web", "", 200, map[string]any{"TaskDefinition.TaskDefinitionArn": arn("web:3"), "TaskDefinition.Status": "INACTIVE"}},
		{"by its ARN", "DELETE", "/taskdefs/" + escaped(arn("web-admin:1")), "", 200, map[string]any{"TaskDefinition.Status": "INACTIVE"}},
		{"what is INACTIVE stays so", "DELETE", "/taskdefs/web:1", "", 200, map[string]any{"TaskDefinition.Status": "INACTIVE"}},
		{"and is shown", "GET", "/taskdefs/web:1", "", 200, map[string]any{"TaskDefinition.Status": "INACTIVE"}},
		{"a family without an ACTIVE revision is not there", "GET", "/taskdefs/web-admin", "", 404, nil},
		{"nor has it a latest one to deregister", "DELETE", "/taskdefs/web-admin", "", 404, nil},
		{"the INACTIVE ones", "GET", "/taskdefs?status=inactive", "", 200, map[string]any{"#": 3, "0": arn("web-admin:1"), "1": arn("web:3"), "2": arn("web:1")}},
		{"the INACTIVE ones by their beginning", "GET", "/taskdefs?status=INACTIVE&prefix=web", "", 200, map[string]any{"#": 3, "0": arn("web-admin:1"), "1": arn("web:3"), "2": arn("web:1")}},
		{"the ACTIVE one", "GET", "/taskdefs?status=ACTIVE&prefix=web", "", 200, map[string]any{"#": 1, "0": arn("web:2")}},
	})
}

// However many revisions and families there are, pages of a hundred are what they cost.
func TestTaskDefinitionsAreListedByPages(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	for i := range 120 {
		h.addDefinition(t, fmt.Sprintf("f%03d", i), tagsOurs)
	}
	for _, tt := range []struct {
		name, query string
		found       int
		calls       int
	}{
		{"all", "", 120, 2 + 2},
		{"a few families", "?prefix=f00", 10, 1 + 10 + 2},
		{"many families", "?prefix=f", 120, 2 + 2 + 2},
	} {
		h.aws.ResetCalls()
		ask(t, h, []asked{{tt.name, "GET", "/taskdefs" + tt.query, "", 200, map[string]any{"#": tt.found}}})
		if got := len(h.aws.Calls()); got != tt.calls {
			t.Errorf("%s: %d calls, want %d", tt.name, got, tt.calls)
		}
	}
}

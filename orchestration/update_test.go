package orchestration

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/show"
	"ecs-api/orchestration/spec"
	"ecs-api/racetest"
)

// updates are requests that each change something else about the service that wholeService makes.
var updates = map[string]string{
	"tags":               `{"Tags": [{"Key": "MyKey", "Value": "MyValue"}, {"Key": "Owner", "Value": "you"}]}`,
	"tags and redeploy":  `{"ForceNewDeployment": true, "Tags": [{"Key": "MyKey", "Value": "MyValue"}]}`,
	"redeploy":           `{"ForceRedeploy": true}`,
	"count and strategy": `{"Service": {"DesiredCount": 3, "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]}}`,
	"subnets":            `{"Service": {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["` + localaws.SubnetA + `"]}}}}`,
	"task definition": `{"TaskDefinition": {"family": "www-task", "cpu": "512", "memory": "1024",
		"containerdefinitions": [{"name": "webserver", "image": "nginx:2", "repositoryCredentials": {"credentialsParameter": "SECRET"}}]}}`,
	"task definition without credentials": `{"TaskDefinition": {"family": "www-task", "cpu": "512", "memory": "1024",
		"containerdefinitions": [{"name": "webserver", "image": "nginx:2"}]}, "Tags": [{"Key": "MyKey", "Value": "MyValue"}]}`,
	"changed credentials": `{"Credentials": {"webserver": {"SecretString": "{\"username\": \"u\", \"password\": \"new\"}"}}}`,
	"new credentials":     `{"Credentials": {"webserver": {"Name": "another", "SecretString": "{\"username\": \"u\", \"password\": \"new\"}"}}}`,
	"another family": `{"TaskDefinition": {"family": "other-task", "cpu": "512", "memory": "1024",
		"containerdefinitions": [{"name": "webserver", "image": "nginx:2"}, {"name": "sidecar", "image": "envoy:1"}]},
		"Credentials": {"sidecar": {"Name": "sidecar", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}},
		"Service": {"DesiredCount": 2}, "Tags": [{"Key": "MyKey", "Value": "MyValue"}]}`,
}

// updateInput reads a request of updates for the service that out describes.
func updateInput(t testing.TB, body string, out *CreateOutput) *UpdateInput {
	t.Helper()
	var in UpdateInput
	body = strings.ReplaceAll(body, "SECRET", aws.StringValue(out.Credentials["webserver"].ARN))
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	return &in
}

// TestAFailedUpdateChangesNothing breaks each AWS call of each kind of update in turn, in each way.
func TestAFailedUpdateChangesNothing(t *testing.T) {
	if racetest.Plainly(t) {
		return
	}
	for name, body := range updates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			awstest.BreakEach(t, awstest.Breaks{Least: 3}, func(t *testing.T, a *awstest.Attempt) error {
				sim := localaws.New()
				w := newWorld(t, sim)
				created := w.create(t, wholeService(t, "myclu", "www"))
				before := durable(sim)
				a.Begin(sim)
				_, err := w.Update(t.Context(), "myclu", "www", updateInput(t, body, created))
				a.End()
				w.wait() // what AWS did not let us roll back at once is rolled back now
				after := durable(sim)
				if err == nil {
					if name != "redeploy" && before == after {
						t.Errorf("call %d: the update succeeded, and nothing has changed", a.N)
					}
					return nil
				}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("call %d: %v\nnot as before (-before +after):\n%s", a.N, err, diff)
				}
				if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, body, created)); err != nil {
					t.Errorf("repeated after call %d failed: %v", a.N, err)
				}
				return err
			})
		})
	}
}

// durable returns what callers can see of the state, without what AWS itself does not revert: it keeps a secret's versions.
func durable(sim *localaws.AWS) string {
	var lasting strings.Builder
	for line := range strings.Lines(sim.Snapshot()) {
		if !strings.Contains(line, "AWSPREVIOUS") {
			lasting.WriteString(line)
		}
	}
	return lasting.String()
}

func TestUpdateReturnsTheServiceAsItIsAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	out, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates["another family"], made))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := show.New(w.account).ShowAll(t.Context(), "myclu", "www", false)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := aws.StringValue(shown.TaskDefinition.Family), "other-task"; got != want {
		t.Errorf("the service runs %s, want %s", got, want)
	}
	if got := aws.Int64Value(shown.DesiredCount); got != 2 {
		t.Errorf("desired count %d, want 2", got)
	}
	if diff := cmp.Diff(tagMap(shown.Tags), tagMap(out.Tags)); diff != "" {
		t.Errorf("tags shown and returned differ:\n%s", diff)
	}
	if tagMap(out.Tags)["MyKey"] != "MyValue" || tagMap(out.Tags)["spinup:org"] != "localdev" {
		t.Errorf("tags %v lack some", tagMap(out.Tags))
	}
	if diff := cmp.Diff([]string{"myclu"}, out.CloudwatchLogGroups); diff != "" {
		t.Errorf("log groups:\n%s", diff)
	}
	var sidecar *awsecs.ContainerDefinition
	for _, c := range shown.TaskDefinition.ContainerDefinitions {
		if aws.StringValue(c.Name) == "sidecar" {
			sidecar = c
		}
	}
	if sidecar == nil || sidecar.RepositoryCredentials == nil || aws.StringValue(sidecar.RepositoryCredentials.CredentialsParameter) != aws.StringValue(out.Credentials["sidecar"].ARN) {
		t.Errorf("the sidecar does not use its new credentials: %v", sidecar)
	}
	// The webserver keeps its credentials, though the request leaves them out.
	if got, want := spec.RepositoryCredentials(shown.TaskDefinition.ContainerDefinitions, "webserver"), aws.StringValue(made.Credentials["webserver"].ARN); got != want {
		t.Errorf("the webserver's credentials are %q, want %q", got, want)
	}
}

func TestUpdateRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	if _, err := w.account.ECS.DeregisterTaskDefinition(t.Context(), aws.StringValue(made.TaskDefinition.TaskDefinitionArn)); err != nil {
		t.Fatal(err)
	}
	before := w.aws.Snapshot()
	for name, test := range map[string]struct {
		service, body string
		kind          common.Kind
	}{
		"nothing":                              {"www", `{}`, common.BadRequest},
		"another service in the body":          {"www", `{"ServiceName": "api", "ForceRedeploy": true}`, common.BadRequest},
		"another service in one of two places": {"www", `{"ServiceName": "api", "Service": {"Service": "www"}, "ForceRedeploy": true}`, common.BadRequest},
		"another cluster's service":            {"www", `{"ServiceName": "arn:aws:ecs:us-east-1:123456789012:service/other/www", "ForceRedeploy": true}`, common.NotFound},
		"a public address":                     {"www", `{"Service": {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}}}`, common.BadRequest},
		"another org's tag":                    {"www", `{"Tags": [{"Key": "spinup:org", "Value": "theirs"}]}`, common.BadRequest},
		"credentials for no container":         {"www", `{"Credentials": {"nobody": {"Name": "x", "SecretString": "{}"}}}`, common.BadRequest},
		"a role that is not allowed":           {"www", `{"TaskDefinition": {"family": "f", "cpu": "256", "memory": "512", "taskRoleArn": "arn:aws:iam::123456789012:role/admin", "containerdefinitions": [{"name": "a", "image": "b"}]}}`, common.BadRequest},
		"a size that Fargate does not have":    {"www", `{"TaskDefinition": {"family": "f", "cpu": "256", "memory": "8192", "containerdefinitions": [{"name": "a", "image": "b"}]}}`, common.BadRequest},
		"a subnet that is not there":           {"www", `{"Service": {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-0000000000000000f"]}}}}`, common.BadRequest},
		"a task definition that is not there":  {"www", `{"Service": {"TaskDefinition": "nothing:1"}}`, common.NotFound},
		"a task definition that is INACTIVE":   {"www", `{"Service": {"TaskDefinition": "www-task:1"}}`, common.Conflict},
		"a service that is not there":          {"nothing", `{"ForceRedeploy": true}`, common.NotFound},
	} {
		_, err := w.Update(t.Context(), "myclu", test.service, updateInput(t, test.body, made))
		if !common.Is(err, test.kind) {
			t.Errorf("%s: %v, want %v", name, err, test.kind)
		}
	}
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("something has changed:\n%s", diff)
	}
}

func tagMap(tags []*awsecs.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.StringValue(tag.Key)] = aws.StringValue(tag.Value)
	}
	return m
}

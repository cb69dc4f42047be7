package orchestration

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/observe"
	"ecs-api/racetest"
)

// changed are requests that change a service in place, in front of a service that has had two revisions.
var changed = map[string]struct {
	prepare, change func(t *testing.T, w *world) (*UpdateOutput, error)
	same            bool // nothing lasting changes but the deployment
}{
	"patch": {change: func(t *testing.T, w *world) (*UpdateOutput, error) {
		return w.Patch(t.Context(), "myclu", "www", patchOf(t, `{"DesiredCount": 2, "Tags": {"Owner": "you", "More": "x"},
			"Containers": {"webserver": {"Image": "nginx:3", "Environment": {"A": "b"}, "Secrets": null}}}`))
	}},
	"rollback": {change: func(t *testing.T, w *world) (*UpdateOutput, error) {
		return w.Rollback(t.Context(), "myclu", "www", &RollbackInput{Reason: aws.String("it fails")})
	}},
	"stop": {change: func(t *testing.T, w *world) (*UpdateOutput, error) {
		return w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("stop")})
	}},
	"start": {
		prepare: func(t *testing.T, w *world) (*UpdateOutput, error) {
			return w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("stop")})
		},
		change: func(t *testing.T, w *world) (*UpdateOutput, error) {
			return w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("start")})
		},
	},
	"restart": {same: true, change: func(t *testing.T, w *world) (*UpdateOutput, error) {
		return w.Restart(t.Context(), "myclu", "www")
	}},
}

func patchOf(t testing.TB, body string) *PatchInput {
	t.Helper()
	var in PatchInput
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	return &in
}

// TestAFailedChangeChangesNothing breaks each AWS call of each kind of change in turn, in each way.
func TestAFailedChangeChangesNothing(t *testing.T) {
	if racetest.Plainly(t) {
		return
	}
	for name, test := range changed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			awstest.BreakEach(t, awstest.Breaks{Least: 3}, func(t *testing.T, a *awstest.Attempt) error {
				sim := localaws.New()
				w := newWorld(t, sim)
				w.create(t, wholeService(t, "myclu", "www"))
				if _, err := w.Patch(t.Context(), "myclu", "www", patchOf(t, `{"Containers": {"webserver": {"Image": "nginx:2"}}}`)); err != nil {
					t.Fatal(err)
				}
				if test.prepare != nil {
					if _, err := test.prepare(t, w); err != nil {
						t.Fatal(err)
					}
				}
				before := durable(sim)
				a.Begin(sim)
				_, err := test.change(t, w)
				a.End()
				w.wait() // what AWS did not let us roll back at once is rolled back now
				after := durable(sim)
				if err == nil {
					if !test.same && before == after {
						t.Errorf("call %d: the change succeeded, and nothing has changed", a.N)
					}
					return nil
				}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("call %d: %v\nnot as before (-before +after):\n%s", a.N, err, diff)
				}
				if _, err := test.change(t, newWorld(t, sim)); err != nil { // another server: one that AWS refused its deployments does not retry for a while
					t.Errorf("repeated after call %d failed: %v", a.N, err)
				}
				return err
			})
		})
	}
}

func TestChooseTarget(t *testing.T) {
	t.Parallel()
	arn := func(revision string) *string {
		return aws.String("arn:aws:ecs:us-east-1:123456789012:task-definition/" + revision)
	}
	deployment := func(state observe.DeploymentState, revision string, outcome observe.Outcome) observe.Deployment {
		d := observe.Deployment{State: state}
		if revision != "" {
			d.TaskDefinition = arn(revision)
		}
		if outcome != "" {
			d.Outcome = &outcome
		}
		return d
	}
	strategic := func(d observe.Deployment, strategy string) observe.Deployment {
		d.Strategy = &strategy
		return d
	}
	succeeded := deployment(observe.Completed, "web:1", observe.OutcomeSuperseded)
	up := deployment(observe.Completed, "web:2", observe.OutcomeSucceeded)
	going := deployment(observe.InProgress, "web:2", "")
	type all = []observe.Deployment
	for name, test := range map[string]struct {
		runs        string
		deployments all
		to          string
		definition  string // short, as is
		stop        bool
		code        common.Code
	}{
		"the last that succeeded":                  {"web:2", all{up, succeeded}, "", *arn("web:1"), false, ""},
		"over one that failed":                     {"web:3", all{deployment(observe.InProgress, "web:3", ""), deployment(observe.Failed, "web:2", observe.OutcomeFailed), succeeded}, "", *arn("web:1"), false, ""},
		"of one in progress":                       {"web:2", all{going, succeeded}, "", *arn("web:1"), false, ""},
		"of one that is blue/green":                {"web:2", all{strategic(going, awsecs.DeploymentStrategyBlueGreen), succeeded}, "", *arn("web:1"), true, ""},
		"of one that is canary, to another":        {"web:2", all{strategic(going, awsecs.DeploymentStrategyCanary), succeeded}, "1", "web:1", true, ""},
		"of one that rolls":                        {"web:2", all{strategic(going, awsecs.DeploymentStrategyRolling), succeeded}, "", *arn("web:1"), false, ""},
		"of one that has ended, blue/green":        {"web:2", all{strategic(up, awsecs.DeploymentStrategyBlueGreen), succeeded}, "", *arn("web:1"), false, ""},
		"over one whose task definition is gone":   {"web:3", all{up, deployment(observe.Completed, "", observe.OutcomeSuperseded), succeeded}, "", *arn("web:1"), false, ""},
		"nothing before":                           {"web:2", all{up}, "", "", false, common.CodeNothingToRollBackTo},
		"no deployments":                           {"web:2", nil, "", "", false, common.CodeNothingToRollBackTo},
		"only failures before":                     {"web:2", all{up, deployment(observe.Failed, "web:1", observe.OutcomeFailed)}, "", "", false, common.CodeNothingToRollBackTo},
		"what it runs":                             {"web:2", all{up, deployment(observe.Completed, "web:2", observe.OutcomeSuperseded)}, "", "", false, common.CodeNothingToRollBackTo},
		"of one that was restarted":                {"web:2", all{up, deployment(observe.Completed, "web:2", observe.OutcomeSuperseded), succeeded}, "", *arn("web:1"), false, ""},
		"of one that is being restarted":           {"web:2", all{going, deployment(observe.Completed, "web:2", observe.OutcomeSuperseded), succeeded}, "", *arn("web:1"), false, ""},
		"of the only one, being restarted":         {"web:2", all{going, deployment(observe.Completed, "web:2", observe.OutcomeSuperseded)}, "", "", false, common.CodeNothingToRollBackTo},
		"after ECS has rolled back":                {"web:2", all{deployment(observe.Failed, "web:3", observe.OutcomeRolledBack), deployment(observe.Completed, "web:2", observe.OutcomeSuperseded), succeeded}, "", "", false, common.CodeNothingToRollBackTo},
		"that is repeated on its way back":         {"web:2", all{going, deployment(observe.Stopped, "web:3", observe.OutcomeSuperseded), up, succeeded}, "", *arn("web:2"), false, ""},
		"that is repeated, of one that succeeded":  {"web:2", all{going, deployment(observe.Completed, "web:3", observe.OutcomeSuperseded), up, succeeded}, "", *arn("web:2"), false, ""},
		"of a restart on its way back":             {"web:2", all{going, deployment(observe.Stopped, "web:2", observe.OutcomeSuperseded), deployment(observe.Stopped, "web:3", observe.OutcomeSuperseded), up, succeeded}, "", *arn("web:2"), false, ""},
		"of one that is being restarted twice":     {"web:2", all{going, deployment(observe.Stopped, "web:2", observe.OutcomeSuperseded), up, succeeded}, "", *arn("web:1"), false, ""},
		"of a restart after ECS has rolled back":   {"web:2", all{going, deployment(observe.RolledBack, "web:3", observe.OutcomeRolledBack), up, succeeded}, "", *arn("web:1"), false, ""},
		"what it is being changed to":              {"web:2", all{going}, "2", "web:2", false, ""},
		"a number":                                 {"web:2", all{up, succeeded}, "1", "web:1", false, ""},
		"the number that runs":                     {"web:2", all{up, succeeded}, "2", "", false, common.CodeNothingToRollBackTo},
		"family and revision":                      {"web:2", all{up}, "web:7", "web:7", false, ""},
		"an ARN":                                   {"web:2", all{up}, *arn("web:7"), *arn("web:7"), false, ""},
		"the ARN that runs":                        {"web:2", all{up}, *arn("web:2"), "", false, common.CodeNothingToRollBackTo},
		"another family":                           {"web:2", all{up}, "other:1", "", false, common.CodeInvalidRequest},
		"another family that it has run":           {"web:2", all{up, deployment(observe.Completed, "other:1", observe.OutcomeSuperseded)}, "other:1", "other:1", false, ""},
		"another family's ARN that it has run":     {"web:2", all{up, deployment(observe.Failed, "other:1", observe.OutcomeFailed)}, *arn("other:1"), *arn("other:1"), false, ""},
		"another revision of a family that it ran": {"web:2", all{up, deployment(observe.Completed, "other:1", observe.OutcomeSuperseded)}, "other:2", "", false, common.CodeInvalidRequest},
	} {
		service := &awsecs.Service{ServiceName: aws.String("www"), TaskDefinition: arn(test.runs), CurrentServiceDeployment: aws.String("running")}
		got, err := chooseTarget(service, test.deployments, test.to)
		switch {
		case test.code != "":
			if err == nil || common.ResponseCode(err) != test.code {
				t.Errorf("%s: %+v %v, want %s", name, got, err, test.code)
			}
		case err != nil || got.definition != test.definition || (got.stop == "running") != test.stop:
			t.Errorf("%s: %+v %v, want %s", name, got, err, test.definition)
		}
	}
}

// TestPatchMerges merges as RFC 7396 says: what is named changes, null removes, the rest stays.
func TestPatchMerges(t *testing.T) {
	t.Parallel()
	const before = `{"family": "web", "cpu": "256", "memory": "512", "containerDefinitions": [
		{"name": "web", "image": "registry.example:5000/team/app:1", "cpu": 10, "user": "me", "command": ["a", "b"],
		 "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "secrets": [{"name": "S", "valueFrom": "s"}], "dockerLabels": {"l": "1", "m": "2"}},
		{"name": "side", "image": "side:1"}]}`
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	web := func(members string) string { return `{"Containers": {"web": ` + members + `}}` }
	for name, test := range map[string]struct {
		patch string
		nulls []string
		check func(def *awsecs.RegisterTaskDefinitionInput, web *awsecs.ContainerDefinition) any
		want  any
	}{
		"a tag":               {web(`{"Image": "registry.example:5000/team/app:2"}`), nil, image, "registry.example:5000/team/app:2"},
		"a port without tag":  {web(`{"Image": "registry.example:5000/team/app"}`), nil, image, "registry.example:5000/team/app"},
		"a digest":            {web(`{"Image": "registry.example:5000/app` + digest + `"}`), nil, image, "registry.example:5000/app" + digest},
		"a tag and a digest":  {web(`{"Image": "registry:5000/app:1` + digest + `"}`), nil, image, "registry:5000/app:1" + digest},
		"nothing of an image": {web(`{"User": "you"}`), nil, image, "registry.example:5000/team/app:1"},
		"the other container": {web(`{"Image": "x"}`), nil, func(def *awsecs.RegisterTaskDefinitionInput, _ *awsecs.ContainerDefinition) any {
			return *def.ContainerDefinitions[1].Image
		}, "side:1"},
		"a variable":                 {web(`{"Environment": {"B": "3", "C": "4"}}`), nil, environment, map[string]string{"A": "1", "B": "3", "C": "4"}},
		"a variable less":            {web(`{"Environment": {"A": null, "Z": null}}`), nil, environment, map[string]string{"B": "2"}},
		"an empty one":               {web(`{"Environment": {"A": ""}}`), nil, environment, map[string]string{"A": "", "B": "2"}},
		"all variables":              {web(`{"Environment": null}`), []string{"containers.web.environment"}, environment, map[string]string{}},
		"no variable":                {web(`{"Environment": {}, "User": "you"}`), nil, environment, map[string]string{"A": "1", "B": "2"}},
		"a secret":                   {web(`{"Secrets": {"S": "t"}}`), nil, secrets, map[string]string{"S": "t"}},
		"a secret less, and another": {web(`{"Secrets": {"S": null, "T": "u"}}`), nil, secrets, map[string]string{"T": "u"}},
		"a label less": {web(`{"DockerLabels": {"l": null, "n": "3"}}`), nil, func(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any {
			return aws.StringValueMap(c.DockerLabels)
		}, map[string]string{"m": "2", "n": "3"}},
		"a list is replaced": {web(`{"Command": ["c"]}`), nil, command, []string{"c"}},
		"an empty list":      {web(`{"Command": []}`), nil, command, []string{}},
		"no list":            {web(`{"Command": null}`), []string{"containers.web.command"}, command, []string{}},
		"a field less": {web(`{"User": null, "Cpu": "20"}`), []string{"containers.web.user"}, func(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any {
			return []any{c.User == nil, *c.Cpu}
		}, []any{true, int64(20)}},
		"the task's size": {`{"Cpu": 512, "Memory": "1024"}`, nil, func(def *awsecs.RegisterTaskDefinitionInput, _ *awsecs.ContainerDefinition) any {
			return []string{*def.Cpu, *def.Memory}
		}, []string{"512", "1024"}},
	} {
		t.Run(name, func(t *testing.T) {
			var present awsecs.TaskDefinition
			if err := json.Unmarshal([]byte(before), &present); err != nil {
				t.Fatal(err)
			}
			in := patchOf(t, test.patch)
			in.SetNulls(test.nulls)
			var p common.Problems
			in.Check(&p)
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			got, err := in.Define(&present)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.check(got.Input, got.Input.ContainerDefinitions[0])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var unchanged awsecs.TaskDefinition
			if err := json.Unmarshal([]byte(before), &unchanged); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(unchanged, present) {
				t.Errorf("the present revision was written to: %v", present)
			}
		})
	}
}

func image(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any { return *c.Image }

func command(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any {
	return aws.StringValueSlice(c.Command)
}

func environment(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any {
	all := map[string]string{}
	for _, e := range c.Environment {
		all[*e.Name] = *e.Value
	}
	return all
}

func secrets(_ *awsecs.RegisterTaskDefinitionInput, c *awsecs.ContainerDefinition) any {
	all := map[string]string{}
	for _, s := range c.Secrets {
		all[*s.Name] = *s.ValueFrom
	}
	return all
}

func TestWhatAPatchCannotRemove(t *testing.T) {
	t.Parallel()
	for path, field := range map[string]string{
		"containers": "containers", "containers.web": "containers.web", "containers.web.image": "containers.web.image", "tags": "tags", "cpu": "cpu", "desiredcount": "desiredcount",
	} {
		in := &PatchInput{}
		in.SetNulls([]string{path})
		var p common.Problems
		in.Check(&p)
		if len(p) != 1 || p[0].Field != field {
			t.Errorf("%s: %v", path, p)
		}
	}
}

package taskdefs

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
)

// planned plans, and fails the test if that changes something or shows a secret's value. It returns the preview and its changes as lines, without those that
// keep or adopt something.
func planned(t *testing.T, w *world, plan func(context.Context) (*resource.Preview, error)) (*resource.Preview, []string) {
	t.Helper()
	before := w.aws.Snapshot()
	w.aws.ResetCalls()
	preview, err := plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range w.aws.Calls() {
		if !regexp.MustCompile(`^(Describe|List|Get)`).MatchString(call.Operation) {
			t.Errorf("the dry run made the call %s", call.Operation)
		}
	}
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("the dry run changed something:\n%s", diff)
	}
	text, err := json.Marshal(preview)
	if err != nil || strings.Contains(string(text), "password") {
		t.Errorf("%v; the plan shows a secret: %s", err, text)
	}
	lines := []string{}
	for _, c := range preview.Changes {
		if c.Action != resource.ActionKeep && c.Action != resource.ActionAdopt {
			lines = append(lines, string(c.Action)+" "+string(c.Resource)+" "+c.Name)
		}
	}
	slices.Sort(lines)
	return preview, lines
}

func TestADryRunOfACreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	planIt := func(ctx context.Context) (*resource.Preview, error) {
		return w.PlanCreate(ctx, whole(t, "myclu", "reports"))
	}
	preview, lines := planned(t, w, planIt)
	want := []string{
		"create cluster myclu", "create credential spinup/localdev/myclu/reports-cred", "create logGroup myclu", "create role myclu-ecsTaskExecution",
		"create rolePolicy myclu-ecsTaskExecution", "create taskDefinition reports", "update logGroup myclu",
	}
	if diff := cmp.Diff(want, lines); diff != "" || preview.ETag != nil || len(preview.Images) != 2 {
		t.Errorf("%+v (-want +got):\n%s", preview, diff)
	}
	w.create(t, "myclu", "reports")
	if _, lines := planned(t, w, planIt); len(lines) > 0 {
		t.Errorf("the plan of the same again: %v", lines)
	}
	other := whole(t, "myclu", "reports")
	other.TaskDefinition.Memory = aws.String("1024")
	if _, err := w.PlanCreate(t.Context(), other); common.ResponseCode(err) != common.CodeAlreadyExists {
		t.Errorf("the plan of another one: %v", err)
	}
}

// TestADryRunOfAChangeIsWhatTheChangeDoes plans each change, does it, and plans it again.
func TestADryRunOfAChangeIsWhatTheChangeDoes(t *testing.T) {
	t.Parallel()
	const changed, value = `{"taskdefinition": {"cpu": "256", "memory": "1024", "containerdefinitions": [{"name": "report", "image": "nginx:2"}]}}`, `{"credentials": {"report": {"SecretString": "{\"username\": \"u\", \"password\": \"other\"}"}}}`
	update := func(body string) func(*world) (*Write, error) {
		return func(w *world) (*Write, error) { return w.Update("myclu", "reports", decode[UpdateInput](t, body)) }
	}
	patch := func(body string, nulls ...string) func(*world) (*Write, error) {
		return func(w *world) (*Write, error) {
			in := decode[PatchInput](t, body)
			in.SetNulls(nulls)
			return w.Patch("myclu", "reports", in)
		}
	}
	tags := []string{"update tags cluster myclu", "update tags secret spinup/localdev/myclu/reports-cred", "update tags log group myclu", "update tags role myclu-ecsTaskExecution"}
	for name, tt := range map[string]struct {
		write func(*world) (*Write, error)
		want  []string
		again bool // it does something each time
		check func(*Output) bool
	}{
		"task definition": {update(changed), []string{"create taskDefinition reports"}, false, func(out *Output) bool { return *out.TaskDefinition.Memory == "1024" }},
		"value":           {update(value), []string{"update credential spinup/localdev/myclu/reports-cred"}, true, func(out *Output) bool { return len(out.Credentials) == 1 }},
		"tags":            {update(`{"tags": [{"Key": "Owner", "Value": "you"}]}`), append([]string{"update tags task definition reports:1"}, tags...), false, nil},
		"patched image": {patch(`{"Containers": {"report": {"Image": "nginx:2"}}}`), []string{"create taskDefinition reports"}, false, func(out *Output) bool {
			c := out.TaskDefinition.ContainerDefinitions[0]
			return *c.Image == "nginx:2" && c.RepositoryCredentials != nil && *out.TaskDefinition.Revision == 2
		}},
		"patched environment and tags": {patch(`{"Cpu": 512, "Memory": "1024", "Containers": {"sidecar": {"Environment": {"A": "1"}}}, "Tags": {"Owner": null, "New": "tag"}}`, "tags.owner"),
			append([]string{"create taskDefinition reports"}, tags...), false, func(out *Output) bool {
				return *out.TaskDefinition.Cpu == "512" && *out.TaskDefinition.ContainerDefinitions[1].Environment[0].Value == "1"
			}},
		"patched tags": {patch(`{"Tags": {"Owner": null}}`, "tags.owner"), append([]string{"update tags task definition reports:1"}, tags...), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			first := w.create(t, "myclu", "reports")
			planIt := func(ctx context.Context) (*resource.Preview, error) {
				write, err := tt.write(w)
				if err != nil {
					return nil, err
				}
				return write.Plan(ctx)
			}
			preview, lines := planned(t, w, planIt)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, lines); diff != "" || *preview.ETag != etag.TaskDefinition(first.TaskDefinition, first.Tags) {
				t.Errorf("ETag %s (-want +got):\n%s", *preview.ETag, diff)
			}
			write, err := tt.write(w)
			if err != nil {
				t.Fatal(err)
			}
			out, err := write.IfMatch(etag.Condition{Tags: []string{*preview.ETag}}).Apply(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tt.check != nil && !tt.check(out) {
				t.Errorf("%+v", out)
			}
			now, lines := planned(t, w, planIt)
			if !tt.again && len(lines) > 0 {
				t.Errorf("afterwards, the plan still has %v", lines)
			}
			if got := etag.TaskDefinition(out.TaskDefinition, out.Tags); *now.ETag != got || (*now.ETag == *preview.ETag) != (name == "value") {
				t.Errorf("the ETag was %s, the response's is %s, and it is %s now", *preview.ETag, got, *now.ETag)
			}
		})
	}
}

// TestAChangeOfWhatSomebodyHasChanged sends changes with an ETag that does not hold, or not any more once the first call changes something.
func TestAChangeOfWhatSomebodyHasChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	before := w.aws.Snapshot()
	write, err := w.Update("myclu", "reports", decode[UpdateInput](t, `{"tags": [{"Key": "Owner", "Value": "you"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	write.IfMatch(etag.Condition{Tags: []string{`"other"`}})
	if _, err := write.Plan(t.Context()); common.ResponseCode(err) != common.CodeETagMismatch {
		t.Errorf("planned: %v", err)
	}
	if _, err := write.Apply(t.Context()); common.ResponseCode(err) != common.CodeETagMismatch {
		t.Errorf("applied: %v", err)
	}
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("it changed something:\n%s", diff)
	}
	view, err := w.Show(t.Context(), "myclu", "reports")
	if err != nil {
		t.Fatal(err)
	}
	other := newWorldOf(t, w.aws, "localdev") // another server
	w.aws.Inject(localaws.Fault{Service: "secretsmanager", Operation: "DescribeSecret", Effect: localaws.Hook, Func: func() {
		if _, err := other.update(t.Context(), "myclu", "reports", decode[UpdateInput](t, `{"tags": [{"Key": "Owner", "Value": "somebody"}]}`)); err != nil {
			t.Error(err)
		}
	}})
	write, err = w.Update("myclu", "reports", decode[UpdateInput](t, `{"tags": [{"Key": "Owner", "Value": "you"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.IfMatch(etag.Condition{Tags: []string{etag.TaskDefinition(view.TaskDefinition, view.Tags)}}).Apply(t.Context()); common.ResponseCode(err) != common.CodeETagMismatch {
		t.Errorf("changed meanwhile: %v", err)
	}
}

func TestWhatAPatchMustNotSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	for name, tt := range map[string]struct {
		body  string
		nulls []string
		field string
	}{
		"nothing":            {`{}`, nil, "Containers"},
		"no such container":  {`{"Containers": {"nobody": {"Image": "x"}}}`, nil, "Containers.nobody"},
		"a null that stays":  {`{"Cpu": null, "Tags": {"a": "b"}}`, []string{"cpu"}, "cpu"},
		"our tag":            {`{"Tags": {"spinup:org": null}}`, []string{"tags.spinup:org"}, "Tags.spinup:org"},
		"a secret elsewhere": {`{"Containers": {"report": {"Secrets": {"X": "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-abcdef"}}}}`, nil, "Containers.report.Secrets.X"},
	} {
		in := decode[PatchInput](t, tt.body)
		in.SetNulls(tt.nulls)
		write, err := w.Patch("myclu", "reports", in)
		if err == nil {
			_, err = write.Apply(t.Context())
		}
		if fields := common.Fields(err); !common.Is(err, common.BadRequest) || len(fields) != 1 || !strings.EqualFold(fields[0].Field, tt.field) {
			t.Errorf("%s: %v %v", name, err, fields)
		}
	}
}

// TestADryRunOfADeleteIsWhatTheDeleteDoes plans deletes, does them and compares what is gone.
func TestADryRunOfADeleteIsWhatTheDeleteDoes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		recursive, force, others bool
		want                     []string
	}{
		"alone":           {false, false, false, []string{"delete taskDefinition reports:1"}},
		"all":             {true, false, false, []string{"delete cluster myclu", "delete credential spinup/localdev/myclu/reports-cred", "delete role myclu-ecsTaskExecution", "delete taskDefinition reports:1"}},
		"beside another":  {true, false, true, []string{"delete credential spinup/localdev/myclu/reports-cred", "delete taskDefinition reports:1"}},
		"with its tasks":  {true, true, false, []string{"delete cluster myclu", "delete credential spinup/localdev/myclu/reports-cred", "delete role myclu-ecsTaskExecution", "delete task", "delete taskDefinition reports:1"}},
		"tasks of others": {true, true, true, []string{"delete credential spinup/localdev/myclu/reports-cred", "delete task", "delete taskDefinition reports:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			w.create(t, "myclu", "reports")
			if tt.others {
				w.create(t, "myclu", "mails")
				w.run(t, "mails", "me", 1)
			}
			if tt.force {
				w.run(t, "reports", "me", 1)
			}
			before := inventory(w.aws)
			plan := func(ctx context.Context) (*resource.Preview, error) {
				return w.PlanDelete(ctx, "myclu", "reports", tt.recursive, tt.force, etag.Condition{})
			}
			preview, lines := planned(t, w, plan)
			for i, line := range lines {
				if strings.HasPrefix(line, "delete task ") {
					lines[i] = "delete task" // its id is random
				}
			}
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("planned (-want +got):\n%s", diff)
			}
			match := etag.Condition{Tags: []string{*preview.ETag}}
			if _, _, err := w.Delete(t.Context(), "myclu", "reports", tt.recursive, tt.force, match); err != nil {
				t.Fatal(err)
			}
			w.group.Wait()
			kinds := map[string]string{"cluster": "ecs:cluster ", "role": "iam:role ", "taskDefinition": "ecs:task-definition ", "credential": "secretsmanager:secret "}
			gone := []string{}
			for _, c := range preview.Changes {
				if c.Resource != resource.KindTask {
					gone = append(gone, kinds[string(c.Resource)]+strings.TrimSuffix(c.Name, ":1"))
				}
			}
			slices.Sort(gone)
			left := inventory(w.aws)
			if diff := cmp.Diff(gone, slices.DeleteFunc(minus(before, left), func(line string) bool { return strings.HasPrefix(line, "ecs:task ") })); diff != "" {
				t.Errorf("planned and done (-planned +done):\n%s", diff)
			}
			if _, err := plan(t.Context()); !common.Is(err, common.NotFound) {
				t.Errorf("planned again: %v", err)
			}
		})
	}
}

func TestADeleteOfWhatSomebodyHasChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	w.run(t, "reports", "me", 1)
	if _, err := w.PlanDelete(t.Context(), "myclu", "reports", true, false, etag.Condition{}); common.ResponseCode(err) != common.CodeInUse {
		t.Errorf("planned while a task runs: %v", err)
	}
	before := w.aws.Snapshot()
	if _, _, err := w.Delete(t.Context(), "myclu", "reports", true, true, etag.Condition{Tags: []string{`"other"`}}); common.ResponseCode(err) != common.CodeETagMismatch {
		t.Errorf("deleted: %v", err)
	}
	w.group.Wait()
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("it changed something:\n%s", diff)
	}
}

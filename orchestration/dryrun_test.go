package orchestration

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/teardown"
)

// reading matches the operations that change nothing.
var reading = regexp.MustCompile(`^(Describe|List|Get|Search)`)

// changing returns the calls since the last reset that change something, by operation.
func changing(sim *localaws.AWS) []string {
	var all []string
	for _, c := range sim.Calls() {
		if !reading.MatchString(c.Operation) {
			all = append(all, c.Operation)
		}
	}
	slices.Sort(all)
	return all
}

// reads plans, and fails the test if that changes something or shows a secret's value.
func reads(t *testing.T, sim *localaws.AWS, plan func(context.Context) (*resource.Preview, error)) *resource.Preview {
	t.Helper()
	before := sim.Snapshot()
	sim.ResetCalls()
	preview, err := plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if calls := changing(sim); len(calls) > 0 {
		t.Errorf("the dry run made the calls %v", calls)
	}
	if diff := cmp.Diff(before, sim.Snapshot()); diff != "" {
		t.Errorf("the dry run changed something:\n%s", diff)
	}
	text, err := json.Marshal(preview)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "password") {
		t.Errorf("the plan shows a secret: %s", text)
	}
	return preview
}

// steps returns the plan's changes as lines, without those that keep or adopt something.
func steps(p *resource.Preview) []string {
	all := []string{}
	for _, c := range p.Changes {
		if c.Action != resource.ActionKeep && c.Action != resource.ActionAdopt {
			all = append(all, string(c.Action)+" "+string(c.Resource)+" "+c.Name)
		}
	}
	return all
}

// promised returns the calls that the plan's changes take, by operation; those of tags are all called Tag.
func promised(p *resource.Preview) []string {
	operations := map[string]string{
		"update service": "UpdateService", "create service": "CreateService", "delete service": "DeleteService", "create cluster": "CreateCluster",
		"create taskDefinition": "RegisterTaskDefinition", "create credential": "CreateSecret", "update credential": "PutSecretValue", "update tags": "Tag",
		"create role": "CreateRole", "create rolePolicy": "PutRolePolicy", "update rolePolicy": "PutRolePolicy", "create logGroup": "CreateLogGroup",
		"create cloudMapService": "CreateService", "update logGroup": "PutRetentionPolicy",
	}
	all := []string{}
	for _, c := range p.Changes {
		switch {
		case c.Action == resource.ActionAdopt:
			all = append(all, "Tag") // that of the request that owns it
			if c.Resource == resource.KindCredential {
				all = append(all, "PutSecretValue")
			}
		case c.Action != resource.ActionKeep:
			all = append(all, operations[string(c.Action)+" "+string(c.Resource)])
		}
	}
	slices.Sort(all)
	return all
}

// made returns the changing calls as promised names them.
func made(sim *localaws.AWS) []string {
	all := []string{}
	for _, operation := range changing(sim) {
		if strings.HasPrefix(operation, "Tag") {
			operation = "Tag"
		}
		all = append(all, operation)
	}
	slices.Sort(all)
	return all
}

func TestADryRunOfACreateIsWhatTheCreateDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
		return w.PlanCreate(ctx, wholeService(t, "myclu", "www"))
	})
	if plan.ETag != nil || !plan.DryRun {
		t.Errorf("the plan of a create: %+v", plan)
	}
	w.aws.ResetCalls()
	w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(promised(plan), made(w.aws)); diff != "" {
		t.Errorf("planned and done (-planned +done):\n%s\nplan: %v", diff, steps(plan))
	}
	if _, err := w.PlanCreate(t.Context(), wholeService(t, "myclu", "www")); common.ResponseCode(err) != common.CodeServiceExists {
		t.Errorf("the plan of the same again: %v, want ServiceExists", err)
	}
}

// creates are creates of www in myclu after something else has happened there.
var creates = map[string]struct {
	before func(*testing.T, *world)
	in     func(*testing.T) *CreateInput
}{
	"beside another service": {func(t *testing.T, w *world) { w.create(t, wholeService(t, "myclu", "other")) }, nil},
	"a service that was deleted": {func(t *testing.T, w *world) {
		w.create(t, wholeService(t, "myclu", "www"))
		if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
			t.Fatal(err)
		}
		w.wait()
	}, nil},
	"what another one runs": {func(t *testing.T, w *world) { w.create(t, wholeService(t, "myclu", "other")) }, func(t *testing.T) *CreateInput {
		in := wholeService(t, "myclu", "www")
		in.TaskDefinition, in.Credentials, in.ServiceRegistry = nil, nil, nil
		in.Service.TaskDefinition = aws.String("other-task")
		return in
	}},
}

func TestADryRunOfACreateInASpaceThatIsThereIsWhatItDoes(t *testing.T) {
	for name, tc := range creates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, localaws.New())
			tc.before(t, w)
			in := func() *CreateInput { return wholeService(t, "myclu", "www") }
			if tc.in != nil {
				in = func() *CreateInput { return tc.in(t) }
			}
			plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) { return w.PlanCreate(ctx, in()) })
			w.aws.ResetCalls()
			w.create(t, in())
			if diff := cmp.Diff(promised(plan), made(w.aws), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("planned and done (-planned +done):\n%s\nplan: %+v", diff, plan.Changes)
			}
		})
	}
}

func TestADryRunOfARollbackIsWhatItDoes(t *testing.T) {
	for name, to := range map[string]string{"the one before": "", "a revision": "www-task:1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, localaws.New())
			w.create(t, wholeService(t, "myclu", "www"))
			w.changeImage(t, "app:2")
			back := func() (*Write, error) {
				in, to := &RollbackInput{}, spec.Quantity(to)
				if to != "" {
					in.To = &to
				}
				return w.Orchestrator.Rollback("myclu", "www", in)
			}
			plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
				one, err := back()
				if err != nil {
					return nil, err
				}
				return one.Plan(ctx)
			})
			w.aws.ResetCalls()
			one, err := back()
			out, err := apply(t.Context(), one, err)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(promised(plan), made(w.aws)); diff != "" {
				t.Errorf("planned and done (-planned +done):\n%s\nplan: %v", diff, steps(plan))
			}
			if runs := account.NameOf(aws.StringValue(out.Service.TaskDefinition)); runs != "www-task:1" {
				t.Errorf("the service runs %s", runs)
			}
		})
	}
}

// patches are requests as updates has them, for Patch.
var patches = map[string]string{
	"count":       `{"DesiredCount": 3}`,
	"tags":        `{"Tags": {"MyKey": "MyValue", "Owner": "you"}}`,
	"image":       `{"Containers": {"webserver": {"Image": "nginx:2"}}}`,
	"environment": `{"Containers": {"webserver": {"Environment": {"A": "1", "B": "2"}}}, "Tags": {"MyKey": "MyValue"}}`,
	"size":        `{"Cpu": 512, "Memory": 1024}`,
}

// repeats are the updates that do something each time, and what: nobody reads the value of a secret to compare it, and a redeployment is one each time.
var repeats = map[string][]string{
	"redeploy": {"update service www"}, "tags and redeploy": {"update service www"},
	"changed credentials": {"update credential spinup/localdev/myclu/www-cred"}, "another family": {"update credential spinup/localdev/myclu/sidecar"},
	"new credentials": {"update credential spinup/localdev/myclu/another"}, "restart": {"update service www"},
}

func TestADryRunOfAnUpdateIsWhatTheUpdateDoes(t *testing.T) {
	writes := map[string]func(*world, *CreateOutput) (*Write, error){}
	for name, body := range updates {
		writes[name] = func(w *world, out *CreateOutput) (*Write, error) {
			return w.Orchestrator.Update("myclu", "www", updateInput(t, body, out))
		}
	}
	for name, body := range patches {
		writes["patch "+name] = func(w *world, _ *CreateOutput) (*Write, error) {
			var in PatchInput
			if err := json.Unmarshal([]byte(body), &in); err != nil {
				t.Fatal(err)
			}
			return w.Orchestrator.Patch("myclu", "www", &in)
		}
	}
	writes["restart"] = func(w *world, _ *CreateOutput) (*Write, error) { return w.Orchestrator.Restart("myclu", "www") }
	writes["power"] = func(w *world, _ *CreateOutput) (*Write, error) {
		state := "stop"
		return w.Orchestrator.Power("myclu", "www", &PowerInput{State: &state})
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, localaws.New())
			out := w.create(t, wholeService(t, "myclu", "www"))
			planOf := func(ctx context.Context) (*resource.Preview, error) {
				one, err := write(w, out)
				if err != nil {
					return nil, err
				}
				return one.Plan(ctx)
			}
			plan := reads(t, w.aws, planOf)
			if len(steps(plan)) == 0 {
				t.Errorf("the plan has no changes: %+v", plan.Changes)
			}
			w.aws.ResetCalls()
			one, err := write(w, out)
			changed, err := apply(t.Context(), one, err)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(promised(plan), made(w.aws)); diff != "" {
				t.Errorf("planned and done (-planned +done):\n%s\nplan: %v", diff, steps(plan))
			}
			again := reads(t, w.aws, planOf)
			if diff := cmp.Diff(repeats[name], steps(again), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("after the update its plan still has (-want +got)\n%s", diff)
			}
			if !slices.ContainsFunc(again.Changes, func(c resource.Change) bool { return c.Resource == resource.KindService }) {
				t.Errorf("the plan does not say what becomes of the service: %v", again.Changes)
			}
			one, err = write(w, out)
			if _, err := apply(t.Context(), one, err); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(promised(again), made(w.aws), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("planned and done once more (-planned +done):\n%s", diff)
			}
			if got := etag.Service(changed.Service); *again.ETag != got {
				t.Errorf("the update returns a service with the ETag %s, and it is %s afterwards", got, *again.ETag)
			}
			if stays := name == "redeploy" || name == "restart" || name == "changed credentials"; stays != (*plan.ETag == *again.ETag) {
				t.Errorf("the ETag was %s and is %s", *plan.ETag, *again.ETag)
			}
		})
	}
}

func TestADryRunOfADeleteIsWhatTheDeleteDoes(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"the last service": false, "one of two": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			if others {
				w.create(t, wholeService(t, "myclu", "other"))
			}
			w.create(t, wholeService(t, "myclu", "www"))
			before := inventory(w.aws)
			plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
				return w.PlanDelete(ctx, "myclu", "www", teardown.Scope{Recursive: true}, etag.Condition{})
			})
			if _, _, err := w.Delete(t.Context(), "myclu", "www", true); err != nil {
				t.Fatal(err)
			}
			w.wait()
			gone := minus(before, inventory(w.aws))
			kinds := map[string]string{
				"service": "ecs:service myclu/", "cluster": "ecs:cluster ", "role": "iam:role ", "taskDefinition": "ecs:task-definition ", "credential": "secretsmanager:secret ", "cloudMapService": "servicediscovery:service ",
			}
			var planned []string
			for _, c := range plan.Changes {
				if c.Resource == resource.KindCloudMapService { // its name is an id
					c.Name = "www-myclu"
				}
				id, _, _ := strings.Cut(c.Name, ":")
				planned = append(planned, kinds[string(c.Resource)]+id)
			}
			slices.Sort(planned)
			if diff := cmp.Diff(planned, gone); diff != "" {
				t.Errorf("planned and done (-planned +done):\n%s", diff)
			}
			if _, err := w.PlanDelete(t.Context(), "myclu", "www", teardown.Scope{Recursive: true}, etag.Condition{}); !common.Is(err, common.NotFound) {
				t.Errorf("the plan of the same again: %v, want NotFound", err)
			}
		})
	}
}

// TestADryRunOfACreateIsOneRound holds each call of a dry run until all of them are there: were there one that waits for another, they would never be.
func TestADryRunOfACreateIsOneRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "other", "api")) // the server knows who it is by then
	plan := func(ctx context.Context) error {
		_, err := w.PlanCreate(ctx, wholeService(t, "myclu", "www"))
		return err
	}
	w.aws.ResetCalls()
	if err := plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls := int64(len(w.aws.Calls()))
	if calls < 8 {
		t.Errorf("only %d calls: %v", calls, w.aws.Calls())
	}
	var arrived atomic.Int64
	all := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w.aws.Inject(localaws.Fault{Effect: localaws.Hook, Times: -1, Func: func() {
		if arrived.Add(1) == calls {
			close(all)
		}
		select {
		case <-all:
		case <-ctx.Done():
		}
	}})
	if err := plan(ctx); err != nil {
		t.Errorf("of %d calls only %d are made at the same time: %v", calls, arrived.Load(), err)
	}
}

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

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
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
		if c.Action != resource.Keep && c.Action != resource.Adopt {
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
		"adopt role": "Tag", "adopt logGroup": "Tag", // that of the request that owns it
	}
	all := []string{}
	for _, c := range p.Changes {
		if c.Action != resource.Keep {
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

// patches are requests as updates has them, for Patch.
var patches = map[string]string{
	"count":       `{"DesiredCount": 3}`,
	"tags":        `{"Tags": {"MyKey": "MyValue", "Owner": "you"}}`,
	"image":       `{"Containers": {"webserver": {"Image": "nginx:2"}}}`,
	"environment": `{"Containers": {"webserver": {"Environment": {"A": "1", "B": "2"}}}, "Tags": {"MyKey": "MyValue"}}`,
	"size":        `{"Cpu": 512, "Memory": 1024}`,
}

// repeats are the updates that do something each time: what they replace has no state that could be compared.
var repeats = map[string]bool{
	"redeploy": true, "tags and redeploy": true, "task definition": true, "task definition without credentials": true, "changed credentials": true, "another family": true, "new credentials": true,
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
			if left := steps(again); !repeats[name] && len(left) > 0 {
				t.Errorf("after the update its plan still has %v", left)
			}
			if got := etag.Service(changed.Service); *again.ETag != got {
				t.Errorf("the update returns a service with the ETag %s, and it is %s afterwards", got, *again.ETag)
			}
			if stays := name == "redeploy" || name == "changed credentials"; stays != (*plan.ETag == *again.ETag) {
				t.Errorf("the ETag was %s and is %s", *plan.ETag, *again.ETag)
			}
		})
	}
}

func TestADryRunOfADeleteIsWhatTheDeleteDoes(t *testing.T) {
	for name, others := range map[string]bool{"the last service": false, "one of two": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			if others {
				w.create(t, wholeService(t, "myclu", "other"))
			}
			w.create(t, wholeService(t, "myclu", "www"))
			before := inventory(w.aws)
			plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
				return w.PlanDelete(ctx, "myclu", "www", true, etag.Condition{})
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
			if _, err := w.PlanDelete(t.Context(), "myclu", "www", true, etag.Condition{}); !common.Is(err, common.NotFound) {
				t.Errorf("the plan of the same again: %v, want NotFound", err)
			}
		})
	}
}

// TestADryRunOfACreateIsOneRound holds each call of a dry run until all of them are there: were there one that waits for another, they would never be.
func TestADryRunOfACreateIsOneRound(t *testing.T) {
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

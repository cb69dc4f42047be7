package orchestration

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/teardown"
	"ecs-api/ssm"
)

// ours are the tags of a parameter that was created here.
var ours = common.Tags{{Key: common.TagOrg, Value: "localdev"}}

// everything is the scope of a delete that takes the parameters too.
var everything = teardown.Scope{Recursive: true, Params: true}

// putParam puts a parameter below the org's path.
func (w *world) putParam(t testing.TB, name string, tags common.Tags) {
	t.Helper()
	in := &awsssm.PutParameterInput{Name: aws.String("/localdev/" + name), Value: aws.String("hunter22"), Type: aws.String(awsssm.ParameterTypeSecureString), Tags: ssm.FromTags(tags)}
	if _, err := w.account.Params.Put(context.Background(), in); err != nil {
		t.Fatal(err)
	}
}

// deleteAll deletes service www of cluster myclu with everything.
func (w *world) deleteAll(ctx context.Context) (*teardown.Output, *operations.Operation, error) {
	return w.Orchestrator.Delete(ctx, "myclu", "www", everything, etag.Condition{})
}

// params are the names of the parameters that exist.
func (w *world) params() []string {
	names := []string{}
	for _, line := range inventory(w.aws) {
		if name, ok := strings.CutPrefix(line, "ssm:parameter "); ok {
			names = append(names, name)
		}
	}
	return names
}

// TestTheParametersGoWithTheirSpace deletes a service with the parameters of its space: those of other spaces and orgs, and those made by hand, stay.
func TestTheParametersGoWithTheirSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	for name, tags := range map[string]common.Tags{
		"myclu/a": ours, "myclu/nested/b": append(common.Tags{{Key: common.TagSpace, Value: "myclu"}}, ours...),
		"myclu/by-hand": nil, "myclu/theirs": {{Key: common.TagOrg, Value: "another"}},
		"myclu/elsewhere": append(common.Tags{{Key: common.TagSpace, Value: "elsewhere"}}, ours...), "myclu2/a": ours,
	} {
		w.putParam(t, name, tags)
	}
	stay := []string{"/localdev/myclu/by-hand", "/localdev/myclu/elsewhere", "/localdev/myclu/theirs", "/localdev/myclu2/a"}
	plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
		return w.PlanDelete(ctx, "myclu", "www", everything, etag.Condition{})
	})
	planned := []string{}
	for _, step := range steps(plan) {
		if name, ok := strings.CutPrefix(step, "delete params "); ok {
			planned = append(planned, name)
		}
	}
	if diff := cmp.Diff([]string{"/localdev/myclu/a", "/localdev/myclu/nested/b"}, planned); diff != "" {
		t.Errorf("the parameters in the plan (-want +got):\n%s", diff)
	}
	_, op, err := w.deleteAll(t.Context())
	if err != nil || op.Kind != teardown.KindDeleteParams {
		t.Fatalf("%+v, %v", op, err)
	}
	w.wait()
	if diff := cmp.Diff(stay, w.params()); diff != "" {
		t.Errorf("the parameters that are left (-want +got):\n%s", diff)
	}
	if _, _, err := w.deleteAll(t.Context()); !common.Is(err, common.NotFound) {
		t.Errorf("the same request when nothing is left: %v, want NotFound", err)
	}
}

// TestTheParametersStay while something is left in the cluster, and unless the request wants them deleted; repeated with params it deletes them.
func TestTheParametersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	w.create(t, wholeService(t, "myclu", "api"))
	w.putParam(t, "myclu/a", ours)
	all := w.params()
	if _, _, err := w.deleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wait()
	if diff := cmp.Diff(all, w.params()); diff != "" {
		t.Errorf("with another service in the cluster (-want +got):\n%s", diff)
	}
	w.tearDown(t, "myclu", "api")
	if diff := cmp.Diff(all, w.params()); diff != "" {
		t.Errorf("a delete without params (-want +got):\n%s", diff)
	}
	if _, _, err := w.deleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wait()
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestADeleteSparesParametersThatAreNewer puts a parameter, for a service that is to come, while the delete of the one before runs; and asks for the parameters
// while an operation works that leaves them.
func TestADeleteSparesParametersThatAreNewer(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	w.putParam(t, "myclu/old", ours)
	sim.Inject(localaws.Fault{Operation: "DeleteCluster", Effect: localaws.Hook, Func: func() { w.putParam(t, "myclu/new", ours) }})
	if _, _, err := w.deleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wait()
	if diff := cmp.Diff([]string{"/localdev/myclu/new"}, w.params()); diff != "" {
		t.Errorf("the parameters that are left (-want +got):\n%s", diff)
	}

	w.create(t, wholeService(t, "myclu", "www"))
	first, proceed := w.deleteHalfWay(t)
	if _, _, err := w.deleteAll(t.Context()); common.ResponseCode(err) != common.CodeServiceBusy || !strings.Contains(err.Error(), first.ID) {
		t.Errorf("with params during operation %s: %v; want %s", first.ID, err, common.CodeServiceBusy)
	}
	proceed()
	w.wait()
	if _, _, err := w.deleteAll(t.Context()); err != nil {
		t.Errorf("with params after it: %v", err)
	}
	w.wait()
	if diff := cmp.Diff(remains, inventory(sim)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

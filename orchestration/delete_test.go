package orchestration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
	"ecs-api/racetest"
)

// remains is what a recursive delete of all services leaves: logs outlive what they tell of.
var remains = []string{"logs:log-group myclu"}

func TestARecursiveDeleteLeavesOnlyTheLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	out, op, err := w.Delete(t.Context(), "myclu", "www", true)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.StringValue(out.Service.ServiceName); got != "www" {
		t.Errorf("the response is of service %q", got)
	}
	w.wait()
	done, err := w.group.Operation(t.Context(), "local", op.ID)
	if err != nil || done.State != saga.Succeeded || len(done.Steps) < 5 {
		t.Errorf("operation %+v, %v; want it succeeded with its steps", done, err)
	}
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "www", true); !common.Is(err, common.NotFound) {
		t.Errorf("the same request when nothing is left: %v, want NotFound", err)
	}
	w.create(t, wholeService(t, "myclu", "www")) // all names are free again
}

func TestADeleteThatIsNotRecursiveLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(minus(wholeInventory("myclu", "www"), []string{"ecs:service myclu/www"}), inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); !common.Is(err, common.NotFound) {
		t.Errorf("the second time: %v, want NotFound", err)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Errorf("recursive after that: %v; it should tear down what is left", err)
	}
	w.wait()
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left in the end (-want +got):\n%s", diff)
	}
}

// TestARecursiveDeleteDeletesWhatAnUpdateLeft tears down what the service was created with and does not use any more.
func TestARecursiveDeleteDeletesWhatAnUpdateLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	for _, body := range []string{updates["another family"], `{"Service": {"ServiceRegistries": []}}`} {
		if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, body, made)); err != nil {
			t.Fatal(err)
		}
	}
	w.tearDown(t, "myclu", "www")
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// deleteHalfWay begins a recursive delete, which waits before it deletes the task definitions until proceed is called.
func (w *world) deleteHalfWay(t *testing.T) (op *operations.Operation, proceed func()) {
	t.Helper()
	deleting, end := make(chan struct{}), make(chan struct{})
	w.aws.Inject(localaws.Fault{Operation: "DeleteTaskDefinitions", Effect: localaws.Hook, Func: func() { close(deleting); <-end }})
	_, op, err := w.Delete(t.Context(), "myclu", "www", true)
	if err != nil {
		t.Fatal(err)
	}
	<-deleting
	return op, func() { close(end) }
}

// TestADeleteThatIsUnderWayIsIdempotent repeats the request when ECS has forgotten the service and the rest is still being torn down.
func TestADeleteThatIsUnderWayIsIdempotent(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	first, proceed := w.deleteHalfWay(t)
	sim.Inject(localaws.Fault{Operation: "DescribeServices", Effect: localaws.Refuse, Code: "ServiceNotFoundException"})
	out, again, err := w.Delete(t.Context(), "myclu", "www", true)
	if err != nil || again.ID != first.ID || aws.StringValue(out.Service.ServiceName) != "www" {
		t.Errorf("the same request: %v, operation %+v, %v; want operation %s", out, again, err, first.ID)
	}
	proceed()
	w.wait()
	if diff := cmp.Diff(remains, inventory(sim)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestADeleteOfAnotherServiceOfTheNameIsNotTheOneUnderWay creates the service anew, through another server, while an operation still works on the one before,
// and deletes it: the operation is not about that one, and who gets it would believe that the new one is deleted.
func TestADeleteOfAnotherServiceOfTheNameIsNotTheOneUnderWay(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w, other := newWorld(t, sim), newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	first, proceed := w.deleteHalfWay(t)
	anew := wholeService(t, "myclu", "www")
	anew.TaskDefinition.Family = aws.String("another")
	anew.ServiceRegistry, anew.Credentials = nil, nil
	other.create(t, anew)
	if _, op, err := w.Delete(t.Context(), "myclu", "www", true); common.ResponseCode(err) != common.CodeServiceBusy || !strings.Contains(err.Error(), first.ID) {
		t.Errorf("operation %v, %v; want %s", op != nil, err, common.CodeServiceBusy)
	}
	proceed()
	w.wait()
	if _, _, err := w.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Errorf("after the operation: %v", err)
	}
	w.wait()
	if diff := cmp.Diff(remains, inventory(sim)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestARecursiveDeleteSparesWhatOthersUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	other := wholeService(t, "myclu", "api")
	other.TaskDefinition.Family = aws.String("www-task") // one family, two services
	w.create(t, other)
	if _, _, err := w.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Fatal(err)
	}
	w.wait()
	want := []string{
		"ecs:cluster myclu", "ecs:service myclu/api", "ecs:task-definition www-task", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu",
		"secretsmanager:secret spinup/localdev/myclu/api-cred", "servicediscovery:service api-myclu",
	}
	if diff := cmp.Diff(want, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestARecursiveDeleteContinuesAfterAFault breaks each AWS call of a recursive delete, of the parameters too, in turn, in each way, and repeats it.
func TestARecursiveDeleteContinuesAfterAFault(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	awstest.BreakEach(t, awstest.Breaks{Least: 20}, func(t *testing.T, a *awstest.Attempt) error {
		sim := localaws.New(localaws.WithLags(localaws.Lags{Drain: 2 * time.Millisecond, Register: 2 * time.Millisecond}))
		w := newWorld(t, sim)
		w.create(t, wholeService(t, "myclu", "www"))
		w.putParam(t, "myclu/key", ours)
		a.Begin(sim)
		_, op, failed := w.deleteAll(t.Context())
		w.wait() // the calls of the background work are broken as well
		a.End()
		if failed == nil && state(t, w, op) == saga.Failed {
			failed = errors.New("the operation failed")
		}
		_, _, err := w.deleteAll(t.Context())
		w.wait()
		if err != nil && !common.Is(err, common.NotFound) {
			t.Errorf("repeated after call %d failed: %v", a.N, err)
		}
		if diff := cmp.Diff(remains, inventory(sim)); diff != "" {
			t.Errorf("repeated after call %d (-want +got):\n%s", a.N, diff)
		}
		if _, _, err = w.deleteAll(t.Context()); !common.Is(err, common.NotFound) {
			t.Errorf("repeated when nothing is left: %v, want NotFound", err)
		}
		w.wait()
		return failed
	})
}

// state returns how an operation ended.
func state(t *testing.T, w *world, op *operations.Operation) saga.State {
	t.Helper()
	if op == nil {
		return saga.Failed
	}
	done, err := w.group.Operation(t.Context(), "local", op.ID)
	if err != nil {
		t.Fatal(err)
	}
	return done.State
}

func TestShutdownWaitsAndThenCancels(t *testing.T) {
	t.Parallel()
	g := operations.NewGroup(operations.Options{})
	started, end := make(chan struct{}), make(chan struct{})
	op, err := g.Start(t.Context(), operations.Operation{Kind: "k", Target: "t", Account: "a"}, time.Minute, func(ctx context.Context) error {
		close(started)
		select {
		case <-end:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	if n := g.Shutdown(expired); n != 1 {
		t.Errorf("%d operations cancelled, want 1", n)
	}
	if done, err := g.Operation(t.Context(), "a", op.ID); err != nil || done.State != saga.Interrupted {
		t.Errorf("operation %+v, %v; want it interrupted", done, err)
	}
	if _, err := g.Start(t.Context(), operations.Operation{}, time.Minute, nil, nil); !common.Is(err, common.Unavailable) {
		t.Errorf("work after shutdown: %v, want Unavailable", err)
	}
}

// TestManyDeletesAtOnceShareWhatTheyRead deletes services in clusters of their own. Each delete alone would look at all clusters.
func TestManyDeletesAtOnceShareWhatTheyRead(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	for _, name := range names {
		w.create(t, wholeService(t, name, name))
	}
	sim.ResetCalls()
	requested := make(chan struct{})
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "ListClusters", Effect: localaws.Hook, Func: func() { <-requested }}) // else the first may have ended by then
	for _, name := range names {
		if _, _, err := w.Delete(t.Context(), name, name, true); err != nil {
			t.Fatal(err)
		}
	}
	close(requested)
	w.wait()
	for _, o := range w.group.Operations(t.Context(), "local") {
		if o.State != saga.Succeeded {
			t.Errorf("%s: %s %s", o.Target, o.State, o.Error)
		}
	}
	lists := 0
	for _, call := range sim.Calls() {
		if call.Operation == "ListClusters" {
			lists++
		}
	}
	if lists >= len(names) {
		t.Errorf("the clusters were listed %d times by %d deletes, which could share the reading", lists, len(names))
	}
}

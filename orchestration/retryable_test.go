package orchestration

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/teardown"
	"ecs-api/racetest"
)

// TestWhatAWSRefusesForAWhileIsRetried plays each case of the table in common/retry.go: AWS refuses for a while what it will accept.
func TestWhatAWSRefusesForAWhileIsRetried(t *testing.T) {
	t.Parallel()
	refuse := func(service, operation, code, message string) localaws.Option {
		return localaws.WithFaults(localaws.Fault{Service: service, Operation: operation, Times: 3, Effect: localaws.Refuse, Code: code, Message: message})
	}
	const lag = 15 * time.Millisecond
	create := func(t *testing.T, w *world) { w.create(t, wholeService(t, "myclu", "www")) }
	createAndDelete := func(t *testing.T, w *world) {
		create(t, w)
		w.tearDown(t, "myclu", "www")
	}
	again := func(t *testing.T, w *world) { // the names are taken again at once
		create(t, w)
		w.tearDown(t, "myclu", "www")
		create(t, w)
	}
	tests := []struct {
		name  string
		aws   []localaws.Option
		work  func(*testing.T, *world)
		after []string
	}{
		{"the first use of ECS in an account", []localaws.Option{localaws.ServiceLinkedRoleLag(3)}, create, wholeInventory("myclu", "www")},
		{"a new role that cannot be passed yet", []localaws.Option{localaws.WithLags(localaws.Lags{Role: lag})}, create, wholeInventory("myclu", "www")},
		{"a new cluster that services cannot be made in yet", []localaws.Option{localaws.WithLags(localaws.Lags{Cluster: lag})}, create, wholeInventory("myclu", "www")},
		{"a cluster of the same name whose capacity providers are being torn down and set up", []localaws.Option{localaws.WithLags(localaws.Lags{Providers: lag})}, again, wholeInventory("myclu", "www")},
		{"a role that cannot be seen yet", []localaws.Option{refuse("iam", "PutRolePolicy", "NoSuchEntity", "The role with name x cannot be found.")}, create, wholeInventory("myclu", "www")},
		{"a log group that is being changed", []localaws.Option{refuse("logs", "PutRetentionPolicy", "OperationAbortedException", "A conflicting operation is currently in progress")}, create, wholeInventory("myclu", "www")},
		{"a log group that is being made", []localaws.Option{refuse("logs", "CreateLogGroup", "OperationAbortedException", "A conflicting operation is currently in progress")}, create, wholeInventory("myclu", "www")},
		{"a registry that ECS cannot see yet", []localaws.Option{refuse("ecs", "CreateService", "ClientException", `The service registry could not be validated. Route 53 error: "ServiceNotFound."`)}, create, wholeInventory("myclu", "www")},
		{"a service of the same name that is draining", []localaws.Option{localaws.WithLags(localaws.Lags{Drain: lag})}, func(t *testing.T, w *world) {
			create(t, w)
			if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
				t.Fatal(err)
			}
			create(t, w)
		}, wholeInventory("myclu", "www")},
		{"a secret of the same name that was just deleted", []localaws.Option{localaws.WithLags(localaws.Lags{Secret: lag})}, again, wholeInventory("myclu", "www")},
		{"a registry of the same name that was just deleted", nil, again, wholeInventory("myclu", "www")},
		{"instances that are still leaving", []localaws.Option{localaws.WithLags(localaws.Lags{Register: lag})}, createAndDelete, remains},
		{"a deleted service that ECS still shows as ACTIVE", []localaws.Option{localaws.WithLags(localaws.Lags{Deleted: lag})}, createAndDelete, remains},
		{"a deployment in progress", []localaws.Option{refuse("ecs", "DeleteService", "InvalidParameterException", "The service cannot be stopped while deployments are active.")}, createAndDelete, remains},
		{"a cluster that is being changed", []localaws.Option{refuse("ecs", "DeleteCluster", "UpdateInProgressException", "There is already a current Amazon ECS update in progress")}, createAndDelete, remains},
		{"a cluster whose tasks are not gone yet", []localaws.Option{refuse("ecs", "DeleteCluster", "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")}, createAndDelete, remains},
		{"a role whose policy is not gone yet", []localaws.Option{refuse("iam", "DeleteRole", "DeleteConflict", "Cannot delete entity, must delete policies first.")}, createAndDelete, remains},
		{"a role that another request is tagging", []localaws.Option{refuse("iam", "TagRole", "ConcurrentModification", "The request was rejected because multiple requests to change this object were submitted simultaneously.")}, func(t *testing.T, w *world) {
			create(t, w)
			if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
				t.Fatal(err)
			}
			create(t, w)
		}, wholeInventory("myclu", "www")},
		{"everything is seen late", []localaws.Option{localaws.WithLags(localaws.Lags{Visible: lag, Role: lag, Cluster: lag, Drain: lag, Register: lag, Secret: lag})}, create, wholeInventory("myclu", "www")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, localaws.New(tt.aws...))
			tt.work(t, w)
			if diff := cmp.Diff(tt.after, inventory(w.aws)); diff != "" {
				t.Errorf("what exists in the end (-want +got):\n%s", diff)
			}
		})
	}
}

// tearDown deletes a service with all that is its, and waits until that is done.
func (w *world) tearDown(t *testing.T, cluster, service string) {
	t.Helper()
	_, op, err := w.Delete(t.Context(), cluster, service, true)
	if err != nil {
		t.Fatal(err)
	}
	w.wait()
	if done, err := w.group.Operation(t.Context(), "local", op.ID); err != nil || done.State != saga.Succeeded {
		t.Fatalf("operation %+v, %v", done, err)
	}
}

// TestADeleteWithIfMatchThatECSShowsLateSucceeds lets the job of a recursive delete find the service ACTIVE, as it was before the request deleted it, and
// no more when the job looks again: nobody but the request has changed it.
func TestADeleteWithIfMatchThatECSShowsLateSucceeds(t *testing.T) {
	t.Parallel()
	var passed, reads atomic.Int64 // a request and its job may read at once
	clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	w := newWorld(t, localaws.New(localaws.Clock(clock), localaws.WithLags(localaws.Lags{Deleted: time.Hour})))
	w.create(t, wholeService(t, "myclu", "www"))
	service, err := w.account.ECS.Service(t.Context(), "myclu", "www")
	if err != nil {
		t.Fatal(err)
	}
	w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "DeleteService", Effect: localaws.Hook, Func: func() {
		w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "DescribeServices", Times: -1, Effect: localaws.Hook, Func: func() {
			if reads.Add(1) == 2 {
				passed.Add(int64(2 * time.Hour))
			}
		}})
	}})
	match := etag.Condition{Tags: []string{etag.Service(service)}}
	_, op, err := w.Orchestrator.Delete(t.Context(), "myclu", "www", teardown.Scope{Recursive: true}, match)
	if err != nil {
		t.Fatal(err)
	}
	w.wait()
	if done, err := w.group.Operation(t.Context(), "local", op.ID); err != nil || done.State != saga.Succeeded {
		t.Errorf("operation %+v, %v", done, err)
	}
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestASecretThatIsScheduledForDeletionIsRestoredWithItsNewValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	arn := aws.StringValue(made.Credentials["webserver"].ARN)
	w.tearDown(t, "myclu", "www")
	w.create(t, wholeService(t, "myclu", "www"))
	if _, err := w.account.Secrets.DeleteSecret(t.Context(), "spinup/localdev/myclu/www-cred", 7); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	again := w.create(t, wholeService(t, "myclu", "www"))
	if got := aws.StringValue(again.Credentials["webserver"].ARN); got == "" || got == arn {
		t.Errorf("the secret's ARN is %q; that of the first one was %q", got, arn)
	}
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(w.aws)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestTwoIdenticalCreatesAtOnce runs the same create on one server and on two: one creates, the others get a conflict.
func TestTwoIdenticalCreatesAtOnce(t *testing.T) {
	t.Parallel()
	rounds := 15 / racetest.Stride(3)
	if racetest.Plainly(t) {
		rounds = 3 // what is left to do is to look for data races
	}
	for name, servers := range map[string]int{"one server": 1, "two servers": 2, "four servers": 4} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				sim := localaws.New(localaws.Latency(500 * time.Microsecond))
				worlds := make([]*world, servers)
				for i := range worlds {
					worlds[i] = newWorld(t, sim)
				}
				const callers = 4
				errs := make([]error, callers)
				var wg sync.WaitGroup
				for i := range callers {
					wg.Go(func() { _, errs[i] = worlds[i%servers].Create(t.Context(), wholeService(t, "myclu", "www")) })
				}
				wg.Wait()
				built := 0
				for _, err := range errs {
					switch {
					case err == nil:
						built++
					case !common.Is(err, common.Conflict):
						t.Errorf("%v, want a conflict", err)
					}
				}
				if built > 1 {
					t.Errorf("%d of %d built it", built, callers)
				}
				for _, w := range worlds {
					w.wait()
				}
				if built == 0 { // each saw the other's half: allowed, if it can be asked for again
					worlds[0].create(t, wholeService(t, "myclu", "www"))
				}
				if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
					t.Fatalf("%v\nwhat exists (-want +got):\n%s", errs, diff)
				}
			}
		})
	}
}

// TestTwoServicesInANewSpaceAtOnce makes two services in one new cluster, of which one fails: it must not take the other's cluster away.
func TestTwoServicesInANewSpaceAtOnce(t *testing.T) {
	t.Parallel()
	step := racetest.Stride(3)
	if racetest.Plainly(t) {
		step = 5 // what is left to do is to look for data races
	}
	for name, servers := range map[string]int{"one server": 1, "two servers": 2} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= 45; n += step {
				sim := localaws.New(localaws.Latency(300 * time.Microsecond))
				worlds := make([]*world, servers)
				for i := range worlds {
					worlds[i] = newWorld(t, sim)
				}
				sim.Inject(localaws.Fault{N: n, Effect: localaws.Refuse})
				var bad, good error
				var wg sync.WaitGroup
				wg.Go(func() { _, bad = worlds[0].Create(t.Context(), wholeService(t, "myclu", "www")) })
				wg.Go(func() { _, good = worlds[servers-1].Create(t.Context(), wholeService(t, "myclu", "api")) })
				wg.Wait()
				for _, w := range worlds {
					w.wait()
				}
				var want []string
				for service, err := range map[string]error{"www": bad, "api": good} {
					if err == nil {
						want = append(want, wholeInventory("myclu", service)...)
					}
				}
				want = unique(want)
				got := inventory(sim)
				if bad != nil && good != nil {
					continue // both failed: what is left is adopted by the next request; see the test below
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("call %d refused: www: %v; api: %v\nwhat exists (-want +got):\n%s", n, bad, good, diff)
				}
			}
		})
	}
}

func TestAHungUpCallerDoesNotStopACreate(t *testing.T) {
	t.Parallel()
	ctx, hangUp := contextWithCancel(t)
	sim := localaws.New()
	w := newWorld(t, sim)
	sim.Inject(localaws.Fault{Operation: "CreateRole", Effect: localaws.Hook, Func: hangUp})
	if _, err := w.Create(ctx, wholeService(t, "myclu", "www")); err != nil {
		t.Errorf("create: %v", err)
	}
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

func TestARequestSaysWhichServiceItIsFor(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 255)
	for _, service := range []string{"www", long} {
		owner := resource.OwnerPrefix(service) + resource.NewID()
		tags := common.Tags{{Key: common.TagRequest, Value: owner}}
		if len(owner) > 256 || !resource.CreatedFor(tags, service) || resource.CreatedFor(tags, "other") {
			t.Errorf("the ownership tag %s of service %s", owner, service)
		}
	}
}

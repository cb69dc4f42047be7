package orchestration

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/resource"
)

// shownLate is a simulator that shows a deleted service as ACTIVE until the time is over, which the function ends.
func shownLate(lags localaws.Lags) (sim *localaws.AWS, pass func()) {
	var passed atomic.Int64
	lags.Deleted = time.Hour
	clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	return localaws.New(localaws.Clock(clock), localaws.WithLags(lags)), func() { passed.Store(int64(2 * time.Hour)) }
}

// looksLikeBefore fails the test unless ECS still shows the service as ACTIVE.
func (w *world) looksLikeBefore(t *testing.T, cluster, service string) {
	t.Helper()
	if found, err := w.account.ECS.Service(t.Context(), cluster, service); err != nil || aws.StringValue(found.Status) != resource.StatusActive {
		t.Fatalf("ECS shows %v, %v", found, err)
	}
}

// remove deletes the service alone.
func (w *world) remove(t *testing.T, cluster, service string) {
	t.Helper()
	if _, _, err := w.Delete(t.Context(), cluster, service, false); err != nil {
		t.Fatal(err)
	}
}

// TestACreateAfterADeleteThatECSShowsLate creates a service whose deletion has succeeded, and which ECS still shows as ACTIVE.
func TestACreateAfterADeleteThatECSShowsLate(t *testing.T) {
	t.Parallel()
	keyed := resource.WithKey(context.Background(), resource.NewKey("me", "0123456789abcdef", "POST", "www"))
	for name, work := range map[string]func(t *testing.T, one, other *world, pass func()) *CreateOutput{
		"on the same server": func(t *testing.T, one, _ *world, _ func()) *CreateOutput {
			one.create(t, wholeService(t, "myclu", "www"))
			one.remove(t, "myclu", "www")
			one.looksLikeBefore(t, "myclu", "www")
			return one.create(t, wholeService(t, "myclu", "www"))
		},
		"on another server": func(t *testing.T, one, other *world, pass func()) *CreateOutput {
			one.create(t, wholeService(t, "myclu", "www"))
			one.remove(t, "myclu", "www")
			one.looksLikeBefore(t, "myclu", "www")
			var looks atomic.Int64
			one.aws.Inject(localaws.Fault{Operation: "DescribeServices", Times: -1, Effect: localaws.Hook, Func: func() {
				if looks.Add(1) == 2 {
					pass()
				}
			}})
			return other.create(t, wholeService(t, "myclu", "www"))
		},
		"repeatedly": func(t *testing.T, one, _ *world, _ func()) *CreateOutput {
			one.create(t, wholeService(t, "myclu", "www"))
			one.remove(t, "myclu", "www")
			one.create(t, wholeService(t, "myclu", "www"))
			one.remove(t, "myclu", "www")
			one.looksLikeBefore(t, "myclu", "www")
			return one.create(t, wholeService(t, "myclu", "www"))
		},
		"after the rollback of a create": func(t *testing.T, one, _ *world, _ func()) *CreateOutput {
			one.create(t, wholeService(t, "myclu", "www"))
			one.remove(t, "myclu", "www")
			one.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
				if _, err := one.account.Secrets.DeleteSecret(context.Background(), "spinup/localdev/myclu/www-cred", 0); err != nil {
					t.Error(err)
				}
			}})
			if _, err := one.Create(t.Context(), wholeService(t, "myclu", "www")); !common.Is(err, common.Conflict) {
				t.Fatalf("got %v, want a conflict", err)
			}
			one.looksLikeBefore(t, "myclu", "www")
			return one.create(t, wholeService(t, "myclu", "www"))
		},
		"with the Idempotency-Key of the one that was deleted": func(t *testing.T, one, _ *world, _ func()) *CreateOutput {
			if _, err := one.Create(keyed, wholeService(t, "myclu", "www")); err != nil {
				t.Fatal(err)
			}
			one.remove(t, "myclu", "www")
			one.looksLikeBefore(t, "myclu", "www")
			out, err := one.Create(keyed, wholeService(t, "myclu", "www"))
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			sim, pass := shownLate(localaws.Lags{})
			one, other := newWorld(t, sim), newWorld(t, sim)
			out := work(t, one, other, pass)
			if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" || out.Replayed {
				t.Errorf("replayed: %v; what exists (-want +got):\n%s", out.Replayed, diff)
			}
			pass()
			now, err := one.account.ECS.Service(t.Context(), "myclu", "www")
			if err != nil || aws.StringValue(now.Status) != resource.StatusActive || !aws.TimeValue(now.CreatedAt).Equal(aws.TimeValue(out.Service.CreatedAt)) {
				t.Errorf("the service: %v, %v", now, err)
			}
		})
	}
}

// TestACreateOfWhatIsThereIsRefused creates a service that is there: on the server that has deleted one of that name before, too, and after a second look.
func TestACreateOfWhatIsThereIsRefused(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	one, other := newWorld(t, sim), newWorld(t, sim)
	one.create(t, wholeService(t, "myclu", "www"))
	one.remove(t, "myclu", "www")
	other.create(t, wholeService(t, "myclu", "www"))
	before := sim.Snapshot()
	for _, w := range []*world{one, other} {
		sim.ResetCalls()
		if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); common.ResponseCode(err) != common.CodeServiceExists {
			t.Errorf("got %v", err)
		}
		looks := 0
		for _, call := range sim.Calls() {
			if call.Operation == "DescribeServices" {
				looks++
			}
			if slices.Contains([]string{"CreateService", "TagResource", "PutSecretValue", "TagRole"}, call.Operation) {
				t.Errorf("%s was called", call.Operation)
			}
		}
		if looks < 2 {
			t.Errorf("it looked %d times", looks)
		}
	}
	if diff := cmp.Diff(before, sim.Snapshot()); diff != "" {
		t.Errorf("it changed something (-before +after):\n%s", diff)
	}
}

// TestAnUpdateAfterADeleteThatECSShowsLate changes a service whose deletion has succeeded, and which ECS still shows as ACTIVE, on both servers.
func TestAnUpdateAfterADeleteThatECSShowsLate(t *testing.T) {
	t.Parallel()
	for name, drain := range map[string]time.Duration{"while it drains": 30 * time.Minute, "once it is INACTIVE": 0} {
		for _, change := range []string{"tags and redeploy", "task definition", "another family"} {
			t.Run(name+", "+change, func(t *testing.T) {
				sim, _ := shownLate(localaws.Lags{Drain: drain})
				one, other := newWorld(t, sim), newWorld(t, sim)
				made := one.create(t, wholeService(t, "myclu", "www"))
				one.remove(t, "myclu", "www")
				one.looksLikeBefore(t, "myclu", "www")
				before := inventory(sim)
				for _, w := range []*world{one, other} {
					_, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates[change], made))
					if common.ResponseCode(err) != common.CodeServiceDraining {
						t.Errorf("got %v, want %s", err, common.CodeServiceDraining)
					}
					if e, ok := err.(*common.Error); ok && len(e.LeftBehind) > 0 {
						t.Errorf("leftover: %v", e.LeftBehind)
					}
					w.wait()
				}
				if diff := cmp.Diff(before, inventory(sim)); diff != "" {
					t.Errorf("what exists (-before +after):\n%s", diff)
				}
				one.remove(t, "myclu", "www") // again: it is deleted already
			})
		}
	}
}

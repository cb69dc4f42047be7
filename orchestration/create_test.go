package orchestration

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/racetest"
)

func TestCreateCreatesAWholeService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	out := w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(w.aws)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
	if out.Cluster == nil || out.Service == nil || out.TaskDefinition == nil || out.ServiceDiscoveryService == nil || out.Credentials["webserver"] == nil {
		t.Errorf("the response lacks a part: %+v", out)
	}
	_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
	if !common.Is(err, common.Conflict) {
		t.Errorf("the same again: %v, want a conflict", err)
	}
}

// TestAFailedCreateLeavesNothing breaks each AWS call of a create in turn, in each way.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	awstest.BreakEach(t, awstest.Breaks{Least: 15}, func(t *testing.T, a *awstest.Attempt) error {
		sim := localaws.New()
		w := newWorld(t, sim)
		w.create(t, wholeService(t, "other", "old")) // what was there before is never touched
		before, snapshot := inventory(sim), sim.Snapshot()
		a.Begin(sim)
		_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
		a.End()
		w.wait()
		if err != nil {
			if diff := cmp.Diff(before, inventory(sim)); diff != "" {
				t.Errorf("call %d: %v\nleft (-before +after):\n%s", a.N, err, diff)
			}
			if diff := cmp.Diff(snapshot, sim.Snapshot()); diff != "" {
				t.Errorf("call %d: %v\nchanged what was there (-before +after):\n%s", a.N, err, diff)
			}
			if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); err != nil {
				t.Errorf("repeated after call %d failed: %v", a.N, err)
			}
		}
		if diff := cmp.Diff(wholeInventory("myclu", "www"), minus(inventory(sim), before)); diff != "" {
			t.Errorf("call %d: the service in the end (-want +got):\n%s", a.N, diff)
		}
		return err
	})
}

// TestAFailedCreateLeavesNothingThatIsSeenLate refuses each call of a create in turn where AWS does not show yet what it has made a moment ago,
// when that is to be rolled back: not to be found does not mean to be gone.
func TestAFailedCreateLeavesNothingThatIsSeenLate(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	failed := 0
	for n := 1; n < 25; n++ {
		sim := localaws.New(localaws.WithLags(localaws.Lags{Visible: 60 * time.Millisecond}))
		w := newWorld(t, sim)
		sim.Inject(localaws.Fault{N: n, Effect: localaws.Refuse})
		_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
		w.wait()
		if err == nil {
			continue
		}
		failed++
		if left := inventory(sim); len(left) > 0 {
			t.Errorf("call %d: %v\nleftover: %v", n, err, left)
		}
	}
	if failed < 15 {
		t.Errorf("only %d creates failed", failed)
	}
}

// TestAClusterHasTheProvidersThatItsRequestNames makes a service in a new cluster that does not have the provider of the default strategy.
func TestAClusterHasTheProvidersThatItsRequestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	in := wholeService(t, "myclu", "www")
	in.Cluster.CapacityProviders = aws.StringSlice([]string{"FARGATE_SPOT"})
	out := w.create(t, in)
	if diff := cmp.Diff([]string{"FARGATE_SPOT"}, aws.StringValueSlice(out.Cluster.CapacityProviders)); diff != "" {
		t.Errorf("the cluster's providers (-want +got):\n%s", diff)
	}
	if len(out.Service.CapacityProviderStrategy) > 0 || aws.StringValue(out.Service.LaunchType) != awsecs.LaunchTypeFargate {
		t.Errorf("the service runs with %v and strategy %v, want FARGATE and none", aws.StringValue(out.Service.LaunchType), out.Service.CapacityProviderStrategy)
	}
}

// TestALogGroupThatIsNobodysKeepsItsLogs makes a service in a space whose log group somebody made by hand, to keep what it holds for ever.
func TestALogGroupThatIsNobodysKeepsItsLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	if err := w.account.Logs.CreateGroup(t.Context(), "myclu", nil); err != nil {
		t.Fatal(err)
	}
	w.create(t, wholeService(t, "myclu", "www"))
	if group, err := w.account.Logs.Group(t.Context(), "myclu"); err != nil || group.RetentionInDays != nil {
		t.Errorf("the log group: %v, %v; want no retention", group, err)
	}
}

func TestAnEmptyLaunchTypeIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	in := wholeService(t, "myclu", "www")
	in.Service.LaunchType = aws.String("")
	if out := w.create(t, in); len(out.Service.CapacityProviderStrategy) == 0 {
		t.Errorf("the service has not the cluster's strategy: %v", out.Service)
	}
}

// minus returns the lines of all that are not in some.
func minus(all, some []string) []string {
	there := map[string]bool{}
	for _, line := range some {
		there[line] = true
	}
	rest := []string{}
	for _, line := range all {
		if !there[line] {
			rest = append(rest, line)
		}
	}
	return rest
}

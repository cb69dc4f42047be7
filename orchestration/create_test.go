package orchestration

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestCreateMakesAWholeService(t *testing.T) {
	w := newWorld(t, localaws.New())
	out := w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(w.aws)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
	if out.Cluster == nil || out.Service == nil || out.TaskDefinition == nil || out.ServiceDiscoveryService == nil || out.Credentials["webserver"] == nil {
		t.Errorf("the answer lacks a part: %+v", out)
	}
	_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
	if !common.Is(err, common.Conflict) {
		t.Errorf("the same again: %v, want a conflict", err)
	}
}

// TestAFailedCreateLeavesNothing breaks each AWS call of a create in turn, in each way.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	for name, fault := range map[string]localaws.Fault{
		"refused":         {Effect: localaws.Refuse},
		"throttled twice": {Effect: localaws.Throttle, Times: 2},
		"answer lost":     {Effect: localaws.Lose},
		"down for good":   {Effect: localaws.Down, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			failed, calls := 0, 0
			for n := 1; ; n++ {
				aws := localaws.New()
				w := newWorld(t, aws)
				w.create(t, wholeService(t, "other", "old")) // what was there before is never touched
				before, snapshot := inventory(aws), aws.Snapshot()
				aws.ResetCalls()
				fault.N = n
				aws.Inject(fault)
				_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
				broken := len(aws.Calls()) >= n
				aws.Heal()
				w.wait()
				if err != nil {
					failed++
					if diff := cmp.Diff(before, inventory(aws)); diff != "" {
						t.Errorf("call %d: %v\nleft behind (-before +after):\n%s", n, err, diff)
					}
					if diff := cmp.Diff(snapshot, aws.Snapshot()); diff != "" {
						t.Errorf("call %d: %v\nchanged what was there (-before +after):\n%s", n, err, diff)
					}
					if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); err != nil {
						t.Errorf("the same request after call %d failed: %v", n, err)
					}
				} else if fault.Effect == localaws.Refuse && broken && n < calls-1 {
					t.Errorf("call %d was refused and nobody noticed", n)
				}
				if diff := cmp.Diff(wholeInventory("myclu", "www"), minus(inventory(aws), before)); diff != "" {
					t.Errorf("call %d: the service in the end (-want +got):\n%s", n, diff)
				}
				if !broken {
					break
				}
				calls = n
			}
			t.Logf("%d calls broken, %d creates failed, nothing left behind", calls, failed)
			if calls < 15 {
				t.Errorf("only %d calls were broken: the loop does not reach all", calls)
			}
			rides := fault.Effect == localaws.Throttle || fault.Effect == localaws.Lose
			if rides && failed > 0 {
				t.Errorf("%d creates failed; throttled calls and lost answers are to be ridden out", failed)
			}
		})
	}
}

// TestAFailedCreateLeavesNothingThatIsSeenLate refuses each call of a create in turn where AWS does not show yet what it has made a moment ago,
// when that is to be rolled back: not to be found does not mean to be gone.
func TestAFailedCreateLeavesNothingThatIsSeenLate(t *testing.T) {
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
			t.Errorf("call %d: %v\nleft behind: %v", n, err, left)
		}
	}
	if failed < 15 {
		t.Errorf("only %d creates failed", failed)
	}
}

// TestAClusterHasTheProvidersThatItsRequestNames makes a service in a new cluster that does not have the provider of the default strategy.
func TestAClusterHasTheProvidersThatItsRequestNames(t *testing.T) {
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

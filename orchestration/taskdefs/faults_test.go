package taskdefs

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/saga"
	"ecs-api/racetest"
)

// breaks are how the calls of managed task definitions are broken. AWS is down for so many calls; -1 stands for good.
func breaks(least, down int) awstest.Breaks {
	faults := awstest.Faults()
	faults["lost for good"] = localaws.Fault{Effect: localaws.Lose, Times: -1}
	faults["down for good"] = localaws.Fault{Effect: localaws.Down, Times: down}
	return awstest.Breaks{Least: least, Faults: faults}
}

// attempt is one of breakEach's: which call was broken, what the attempt returned, and what there was before it.
type attempt struct {
	n         int
	err       error
	inventory []string
	snapshot  any
}

// breakEach runs do with each of its calls broken in a world of its own, which prepare fills. After checks what that led to.
func breakEach(t *testing.T, how awstest.Breaks, prepare func(*world), do func(*world) error, after func(*world, attempt)) {
	t.Helper()
	awstest.BreakEach(t, how, func(t *testing.T, a *awstest.Attempt) error {
		w := newWorld(t, localaws.New())
		prepare(w)
		made := attempt{n: a.N, inventory: inventory(w.aws), snapshot: w.aws.Snapshot()}
		a.Begin(w.aws)
		made.err = do(w)
		a.End()
		w.group.Wait()
		after(w, made)
		return made.err
	})
}

// TestAFailedCreateLeavesNothing breaks each AWS call of a create in turn, in each way.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	breakEach(t, breaks(12, -1),
		func(w *world) { w.create(t, "other", "old") }, // what was there before is never touched
		func(w *world) error {
			_, err := w.Create(t.Context(), whole(t, "myclu", "reports"))
			return err
		},
		func(w *world, a attempt) {
			if a.err != nil {
				if diff := cmp.Diff(a.snapshot, any(w.aws.Snapshot())); diff != "" {
					t.Errorf("call %d: %v\nchanged (-before +after):\n%s", a.n, a.err, diff)
				}
				w.create(t, "myclu", "reports")
			}
			if diff := cmp.Diff(wholeInventory("myclu", "reports"), minus(inventory(w.aws), a.inventory)); diff != "" {
				t.Errorf("call %d: in the end (-want +got):\n%s", a.n, diff)
			}
		})
}

// TestAFailedUpdateChangesNothing breaks each AWS call of updates in turn, in each way.
func TestAFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	for name, body := range map[string]string{
		"everything": `{
			"taskdefinition": {"cpu": "256", "memory": "1024", "containerdefinitions": [{"name": "report", "image": "nginx:alpine"}, {"name": "sidecar", "image": "nginx:alpine"}]},
			"credentials": {
				"report": {"SecretString": "{\"username\": \"u\", \"password\": \"other\"}"},
				"sidecar": {"Name": "sidecar-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}
			},
			"tags": [{"Key": "Owner", "Value": "you"}]
		}`,
		"credentials": `{"credentials": {"sidecar": {"Name": "sidecar-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}}`,
		"tags":        `{"tags": [{"Key": "Owner", "Value": "you"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			breakEach(t, breaks(5, -1),
				func(w *world) { w.create(t, "myclu", "reports") },
				func(w *world) error {
					_, err := w.update(t.Context(), "myclu", "reports", decode[UpdateInput](t, body))
					return err
				},
				func(w *world, a attempt) {
					if a.err == nil {
						return
					}
					if diff := cmp.Diff(a.snapshot, any(w.aws.Snapshot())); diff != "" {
						t.Errorf("call %d: %v\nchanged (-before +after):\n%s", a.n, a.err, diff)
					}
				})
		})
	}
}

// TestADeleteContinuesUntilNothingIsLeft breaks each AWS call of a recursive delete in turn, in each way, and repeats it until it is NotFound.
func TestADeleteContinuesUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	breakEach(t, breaks(15, 2*(awstest.HurriedRetry.Failed+1)),
		func(w *world) { w.create(t, "myclu", "reports") },
		func(w *world) error {
			_, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{})
			w.group.Wait() // the calls of the background work are broken as well
			return err
		},
		func(w *world, a attempt) {
			for try := 0; ; try++ {
				_, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{})
				w.group.Wait()
				if common.Is(err, common.NotFound) {
					break
				}
				if err != nil || try > 3 {
					t.Errorf("call %d: deleted again: %v", a.n, err)
					return
				}
			}
			if diff := cmp.Diff([]string{"logs:log-group myclu"}, inventory(w.aws)); diff != "" {
				t.Errorf("call %d: %v; left (-want +got):\n%s", a.n, a.err, diff)
			}
		})
}

// TestAPanicLeavesNoLock panics outside a step of the plan.
func TestAPanicLeavesNoLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	c, err := w.newCreation(whole(t, "myclu", "reports"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.apply(t.Context(), c.space, "create", func(context.Context) (*Output, saga.Rollback, error) { panic("a fault of ours") })
	if !common.Is(err, common.Internal) || strings.Contains(common.Public(err), "a fault of ours") {
		t.Errorf("%v, want an internal error that does not say which", err)
	}
	w.create(t, "myclu", "reports")
}

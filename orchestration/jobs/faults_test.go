package jobs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/etag"
)

// faults are the ways in which calls are broken.
var faults = map[string]localaws.Fault{
	"refused":         {Effect: localaws.Refuse},
	"throttled twice": {Effect: localaws.Throttle, Times: 2},
	"response lost":   {Effect: localaws.Lose},
	"lost for good":   {Effect: localaws.Lose, Times: -1},
	"down":            {Effect: localaws.Down},
}

// rides reports whether the requests must ride the fault out.
func rides(f localaws.Fault) bool {
	return f.Effect == localaws.Throttle || f.Effect == localaws.Lose && f.Times == 0
}

// breakEach runs do with the n-th of its calls broken, for each n, until do makes fewer calls than n. AWS is down for so many calls; -1 stands for good. Each has a world of its own, which prepare fills.
func breakEach(t *testing.T, least, down int, prepare func(*world), do func(*world) error, after func(w *world, n int, err error)) {
	for name, fault := range faults {
		if fault.Effect == localaws.Down {
			fault.Times = down
		}
		t.Run(name, func(t *testing.T) {
			failed, calls := 0, 0
			for n := 1; ; n++ {
				w := newWorld(t, localaws.New())
				prepare(w)
				w.aws.ResetCalls()
				fault.N = n
				w.aws.Inject(fault)
				err := do(w)
				broken := len(w.aws.Calls()) >= n
				w.aws.Heal()
				w.group.Wait()
				if err != nil {
					failed++
				}
				after(w, n, err)
				if !broken {
					break
				}
				calls = n
			}
			if calls < least {
				t.Errorf("only %d calls were broken: the loop does not reach all", calls)
			}
			if rides(fault) && failed > 0 {
				t.Errorf("%d requests failed; throttled calls and lost responses are to be ridden out", failed)
			}
			if !rides(fault) && failed == 0 {
				t.Error("no request failed")
			}
		})
	}
}

// TestAFailedCreateLeavesNothing breaks each AWS call of a create in turn, in each way.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	var before []string
	var snapshot any
	breakEach(t, 12, -1,
		func(w *world) {
			w.create(t, "other", "old") // what was there before is never touched
			before, snapshot = inventory(w.aws), w.aws.Snapshot()
		},
		func(w *world) error {
			_, err := w.Create(t.Context(), whole(t, "myclu", "reports"))
			return err
		},
		func(w *world, n int, err error) {
			if err != nil {
				if diff := cmp.Diff(snapshot, any(w.aws.Snapshot())); diff != "" {
					t.Errorf("call %d: %v\nchanged (-before +after):\n%s", n, err, diff)
				}
				w.create(t, "myclu", "reports")
			}
			if diff := cmp.Diff(wholeInventory("myclu", "reports"), minus(inventory(w.aws), before)); diff != "" {
				t.Errorf("call %d: in the end (-want +got):\n%s", n, diff)
			}
		})
}

// TestAFailedUpdateChangesNothing breaks each AWS call of updates in turn, in each way.
func TestAFailedUpdateChangesNothing(t *testing.T) {
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
			var snapshot any
			breakEach(t, 5, -1,
				func(w *world) {
					w.create(t, "myclu", "reports")
					snapshot = w.aws.Snapshot()
				},
				func(w *world) error {
					_, err := w.update(t.Context(), "myclu", "reports", decode[UpdateInput](t, body))
					return err
				},
				func(w *world, n int, err error) {
					if err == nil {
						return
					}
					if diff := cmp.Diff(snapshot, any(w.aws.Snapshot())); diff != "" {
						t.Errorf("call %d: %v\nchanged (-before +after):\n%s", n, err, diff)
					}
				})
		})
	}
}

// TestADeleteGoesOnUntilNothingIsLeft breaks each AWS call of a recursive delete in turn, in each way, and repeats it until it is NotFound.
func TestADeleteGoesOnUntilNothingIsLeft(t *testing.T) {
	breakEach(t, 15, 2*(hurriedRetry.Failed+1),
		func(w *world) { w.create(t, "myclu", "reports") },
		func(w *world) error {
			_, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{})
			w.group.Wait() // the calls of the background work are broken as well
			return err
		},
		func(w *world, n int, err error) {
			for try := 0; ; try++ {
				_, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{})
				w.group.Wait()
				if common.Is(err, common.NotFound) {
					break
				}
				if err != nil || try > 3 {
					t.Fatalf("call %d: deleted again: %v", n, err)
				}
			}
			if diff := cmp.Diff([]string{"logs:log-group myclu"}, inventory(w.aws)); diff != "" {
				t.Errorf("call %d: %v; left (-want +got):\n%s", n, err, diff)
			}
		})
}

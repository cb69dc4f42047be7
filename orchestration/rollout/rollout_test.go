package rollout

import (
	"testing"

	"ecs-api/common"
	"ecs-api/orchestration/observe"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestTheHookThatADeploymentWaitsAt(t *testing.T) {
	hook := func(id, status string) observe.LifecycleHook { return observe.LifecycleHook{Id: &id, Status: &status} }
	done, a, b := hook("done", "SUCCEEDED"), hook("a", "AWAITING_ACTION"), hook("b", "AWAITING_ACTION")
	for _, tt := range []struct {
		name, named string
		hooks       []observe.LifecycleHook
		want        string
		kind        common.Kind
	}{
		{"the only one that waits", "", []observe.LifecycleHook{done, a}, "a", 0},
		{"the one that is named", "b", []observe.LifecycleHook{a, b}, "b", 0},
		{"one of several", "", []observe.LifecycleHook{a, b}, "", common.BadRequest},
		{"one that has ended", "done", []observe.LifecycleHook{done, a}, "", common.Conflict},
		{"none", "", []observe.LifecycleHook{done}, "", common.Conflict},
		{"one by name, where there is none", "a", nil, "", common.Conflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := waitingHook(&observe.Deployment{Id: "ecs-svc/1", LifecycleHooks: tt.hooks}, tt.named)
			if got != tt.want || (err == nil) != (tt.kind == 0) || err != nil && !common.Is(err, tt.kind) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

package observe

import (
	"context"
	"testing"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/resource"
)

// TestADeletedServiceThatIsStillShownAsActiveIsNoNewOne waits for a service whose deletion ECS shows late: its tasks still run then.
func TestADeletedServiceThatIsStillShownAsActiveIsNoNewOne(t *testing.T) {
	t.Parallel()
	late := lags
	late.Deleted, late.Drain = 10*time.Second, 30*time.Second
	w := newWorld(t, localaws.WithLags(late))
	w.steady()
	deleted, err := w.account.ECS.DeleteService(t.Context(), "clu", "www")
	w.must(deleted, err)
	if got := w.Deleted(t.Context(), "clu", deleted); common.Value(got.Status) != resource.StatusDraining {
		t.Errorf("right after the delete it is %v", common.Value(got.Status))
	}
	began := w.clock.Now()
	var after *awsecs.Service
	w.meanwhile(func(ctx context.Context) error {
		after = w.AfterDelete(ctx, "clu", deleted, time.Hour)
		return nil
	})
	if took := w.clock.Now().Sub(began); common.Value(after.Status) != resource.StatusInactive || took < late.Drain {
		t.Errorf("after %v it is %v, with %d tasks", took, common.Value(after.Status), common.Value(after.RunningCount))
	}
}

// TestAServiceThatIsCreatedAgainEndsTheWaitForTheDeletedOne returns the deleted one, not the new one.
func TestAServiceThatIsCreatedAgainEndsTheWaitForTheDeletedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	definition, _ := w.steady()
	deleted, err := w.account.ECS.DeleteService(t.Context(), "clu", "www")
	w.must(deleted, err)
	w.clock.Advance(lags.Drain)
	w.create(input(definition))
	for name, got := range map[string]*awsecs.Service{
		"at once": w.Deleted(t.Context(), "clu", deleted),
		"waiting": w.AfterDelete(t.Context(), "clu", deleted, time.Hour),
	} {
		if common.Value(got.Status) != resource.StatusInactive || !common.Value(got.CreatedAt).Equal(common.Value(deleted.CreatedAt)) || common.Value(got.RunningCount) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

package operations

import (
	"fmt"
	"testing"
	"time"

	"ecs-api/common"
)

func TestTheMemoryForgetsWhatEndedLongAgoAndTheOldestOfTooMany(t *testing.T) {
	m := NewMemory()
	now := time.Now()
	save := func(n int, ended *time.Time) {
		_ = m.Save(t.Context(), Operation{ID: fmt.Sprint(n), Account: "a", StartedAt: now, EndedAt: ended})
	}
	old := now.Add(-KeepFor)
	save(0, nil) // it runs: it is never forgotten
	save(1, &old)
	if _, err := m.Find(t.Context(), "a", "1"); !common.Is(err, common.NotFound) {
		t.Errorf("what ended a day ago: %v", err)
	}
	for n := 2; n < Keep+10; n++ {
		save(n, &now)
	}
	all := m.List(t.Context(), "a")
	if len(all) != Keep || all[0].ID != fmt.Sprint(Keep+9) || all[len(all)-1].ID != "0" {
		t.Errorf("%d are kept, from %s to %s", len(all), all[0].ID, all[len(all)-1].ID)
	}
	save(0, &now)
	if o, err := m.Find(t.Context(), "a", "0"); err != nil || !o.Ended() {
		t.Errorf("saved once more: %+v, %v", o, err)
	}
	if all := m.List(t.Context(), "b"); all == nil || len(all) != 0 {
		t.Errorf("in another account: %v", all)
	}
}

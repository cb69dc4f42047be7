package localaws

import (
	"slices"
	"testing"
	"time"
)

func TestEventsHappenInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var l timeline
	var got []string
	plan := func(name string, after time.Duration) {
		l.at(start.Add(after), func(*request) { got = append(got, name) })
	}
	plan("third", 2*time.Second)
	plan("first", time.Second)
	plan("second", time.Second)
	plan("never", time.Hour)
	for e := l.due(start.Add(time.Minute)); e != nil; e = l.due(start.Add(time.Minute)) {
		e.do(nil)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlySoMuchIsRememberedOfWhatIsGone(t *testing.T) {
	t.Parallel()
	r := &request{region: &region{}, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	forgotten := 0
	for range maxRemembered + 3 {
		r.remember(func() { forgotten++ })
	}
	m := &r.region.ecs.memory
	if m.fade(r.now); forgotten != 3 {
		t.Errorf("%d forgotten at once, want the 3 that are too many", forgotten)
	}
	if m.fade(r.now.Add(remembered)); forgotten != maxRemembered+3 {
		t.Errorf("%d forgotten after %v, want all", forgotten, remembered)
	}
}

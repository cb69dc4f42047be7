package observe

import (
	"errors"
	"testing"
	"time"
)

func TestWhatNearlyNeverChangesIsReadOnceAMinute(t *testing.T) {
	at := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	r, reads := newRecent[int](), 0
	read := func() (int, error) { reads++; return reads, nil }
	get := func(want int) {
		t.Helper()
		if got, err := r.get(now, "arn", read); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	get(1)
	at = at.Add(recentTime - 1)
	get(1)
	at = at.Add(1)
	get(2)
	r.forget() // a write of ours
	get(3)
	r.forget()
	if got, _ := r.get(now, "arn", func() (int, error) { r.forget(); return 9, nil }); got != 9 { // a write ends while it is read
		t.Errorf("got %d", got)
	}
	get(4)
	r.forget()
	if _, err := r.get(now, "arn", func() (int, error) { return 0, errors.New("failed") }); err == nil {
		t.Error("an error is no value")
	}
	get(5)
}

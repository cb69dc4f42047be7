package show

import (
	"errors"
	"testing"
	"time"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestWhatNearlyNeverChangesIsReadRarely(t *testing.T) {
	at := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	r, reads := newRecent[int](), 0
	key := keyOf(target{"clu", "www"}, "arn:aws:servicediscovery:us-east-1:1:service/srv-1")
	forget := func(cluster, service string) {
		r.forget(func(key string) bool { return isOf(key, cluster, service) })
	}
	read := func() (int, error) { reads++; return reads, nil }
	get := func(want int) {
		t.Helper()
		if got, err := r.get(now, key, read); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	get(1)
	at = at.Add(recentTime - 1)
	get(1)
	at = at.Add(recentTime + 1)
	get(2)
	forget("clu", "other")
	forget("other", "")
	get(2)
	forget("clu", "www") // a write of ours
	get(3)
	forget("clu", "")
	get(4)
	forget("", "")
	if got, _ := r.get(now, key, func() (int, error) { forget("clu", "www"); return 9, nil }); got != 9 { // a write ends while it is read
		t.Errorf("got %d", got)
	}
	get(5)
	forget("", "")
	if _, err := r.get(now, key, func() (int, error) { return 0, errors.New("failed") }); err == nil {
		t.Error("an error is no value")
	}
	get(6)
}

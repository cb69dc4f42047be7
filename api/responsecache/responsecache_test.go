package responsecache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestHowOldAResponseACallerAccepts(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"":                             0,
		"max-age=5":                    5 * time.Second,
		"Max-Age=60":                   time.Minute,
		"max-age=61":                   time.Minute,
		"max-age=99999999999999999999": time.Minute,
		"max-age=0":                    0,
		"max-age":                      0,
		"max-age=":                     0,
		"max-age=-1":                   0,
		"max-age=+5":                   0,
		"max-age=1.5":                  0,
		`max-age="5"`:                  0,
		"max-age=five":                 0,
		"max-age=20, max-age=3":        3 * time.Second,
		"max-age=20, max-age=x":        0,
		"private , max-age=7":          7 * time.Second,
		"max-age=5, no-cache":          0,
		"no-store,max-age=5":           0,
		"s-maxage=5":                   0,
		"max-stale=5":                  0,
	} {
		h := http.Header{}
		if line != "" {
			h.Set("Cache-Control", line)
		}
		if got := Accepted(h); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
		if got, want := Demanded(h), strings.Contains(line, "no-"); got != want {
			t.Errorf("%q: a new response is demanded: %v", line, got)
		}
	}
	if got := Accepted(http.Header{"Cache-Control": {"max-age=9", "max-age=4"}}); got != 4*time.Second {
		t.Errorf("two lines: got %v", got)
	}
}

// began is when the tests begin.
var began = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)

// at returns the time so many seconds later.
func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

var www = Key{"local", "/www"}

func TestAResponseIsNeverOlderThanAccepted(t *testing.T) {
	s := New[string](DefaultLimits)
	s.Put(www, s.Begin("local", at(0)), "first", 5)
	for _, tt := range []struct {
		key      Key
		accepted float64
		now      float64
		found    bool
	}{
		{www, 5, 0, true}, {www, 5, 5, true}, {www, 5, 5.1, false}, {www, 60, 5.1, true}, {www, 0, 1, false},
		{Key{"local", "/other"}, 5, 1, false}, {Key{"prod", "/www"}, 5, 1, false},
		{www, 100, 60.1, false}, {www, 100, 1, false}, // it is gone
	} {
		got, age, ok := s.Get(tt.key, time.Duration(tt.accepted*float64(time.Second)), at(tt.now))
		if ok != tt.found || ok && (got != "first" || age != at(tt.now).Sub(began)) {
			t.Errorf("%v after %v s, %v accepted: got %q, %v, %v", tt.key, tt.now, tt.accepted, got, age, ok)
		}
	}
	if s.Hits() != 3 || s.Bytes() != 0 {
		t.Errorf("%d hits, and %d bytes are kept of nothing", s.Hits(), s.Bytes())
	}
}

func TestAResponseIsNeverFromBeforeAWrite(t *testing.T) {
	s := New[string](DefaultLimits)
	prod := Key{"prod", "/www"}
	before := s.Begin("local", at(0))
	s.Put(www, before, "before", 6)
	s.Put(prod, s.Begin("prod", at(0)), "before", 6)
	s.Written("local")
	if got, _, ok := s.Get(www, Longest, at(1)); ok {
		t.Errorf("got %q after the write", got)
	}
	s.Put(www, before, "begun before", 12) // and ended after it
	if got, _, ok := s.Get(www, Longest, at(1)); ok {
		t.Errorf("got %q after the write", got)
	}
	if got, _, ok := s.Get(prod, Longest, at(1)); !ok {
		t.Errorf("got %q, %v of the account that was not written", got, ok)
	}
	s.Put(www, s.Begin("local", at(2)), "after", 5)
	if got, _, ok := s.Get(www, Longest, at(3)); got != "after" {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestNothingIsUsedWhileOtherServersCannotBeReceived(t *testing.T) {
	s := New[string](DefaultLimits)
	before := s.Begin("local", at(0))
	s.Put(www, before, "before", 6)
	s.SetDisconnected(true)
	disconnected := s.Begin("local", at(1))
	s.Put(www, disconnected, "disconnected", 4)
	if got, _, ok := s.Get(www, Longest, at(1)); ok || s.Bytes() != 0 {
		t.Errorf("got %q while disconnected; %d bytes are kept", got, s.Bytes())
	}
	s.SetDisconnected(false)
	s.Put(www, before, "begun before", 12)
	s.Put(www, disconnected, "begun while disconnected", 12)
	if got, _, ok := s.Get(www, Longest, at(2)); ok {
		t.Errorf("got %q afterwards", got)
	}
	s.Put(www, s.Begin("local", at(2)), "after", 5)
	if got, _, ok := s.Get(www, Longest, at(3)); got != "after" {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	limits := Limits{Total: 100 << 10, Each: 40 << 10}
	s := New[int](limits)
	put := func(n, bytes int) { s.Put(Key{"local", fmt.Sprint(n)}, s.Begin("local", at(0)), n, bytes) }
	for n := range 1000 {
		put(n, n%200*100)
		if s.Bytes() > limits.Total {
			t.Fatalf("%d bytes are kept after %d responses", s.Bytes(), n)
		}
	}
	if got, _, ok := s.Get(Key{"local", "999"}, Longest, at(0)); got != 999 {
		t.Errorf("the last one: %v, %v", got, ok)
	}
	if _, _, ok := s.Get(Key{"local", "0"}, Longest, at(0)); ok {
		t.Error("the first one is still there")
	}
	put(1000, limits.Each)
	if _, _, ok := s.Get(Key{"local", "1000"}, Longest, at(0)); ok {
		t.Error("one that is too long is kept")
	}
	before := s.Bytes()
	put(999, 999%200*100) // in place of itself
	if s.Bytes() != before {
		t.Errorf("%d bytes, before %d", s.Bytes(), before)
	}
}

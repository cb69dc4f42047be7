package idempotency

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
)

func TestKeysAreVisibleASCII(t *testing.T) {
	t.Parallel()
	for key, ok := range map[string]bool{
		"a": true, "9f0c-17": true, strings.Repeat("k", 255): true, "!~": true,
		"": false, " ": false, "a b": false, "a\tb": false, "ä": false, strings.Repeat("k", 256): false, "\x7f": false,
	} {
		if err := CheckKey(key); (err == nil) != ok || err != nil && !common.Is(err, common.BadRequest) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestTheFirstResponseIsReplayedToTheSameRequestOfTheSameCaller(t *testing.T) {
	t.Parallel()
	k, key := NewKeeper(NewMemory(Limits{}), nil), Key{"ui", "1"}
	begin := func(key Key, method, target, body string) (*Response, error) {
		t.Helper()
		return k.Begin(t.Context(), key, method, target, []byte(body))
	}
	if got, err := begin(key, "POST", "/a", "x"); got != nil || err != nil {
		t.Fatal(got, err)
	}
	if _, err := begin(key, "POST", "/a", "x"); common.ResponseCode(err) != common.CodeIdempotencyKeyInUse || common.RetryAfter(err) == 0 {
		t.Errorf("while it runs: %v", err)
	}
	if got, err := begin(Key{"other", "1"}, "POST", "/a", "x"); got != nil || err != nil {
		t.Errorf("another caller's: %v, %v", got, err)
	}
	want := &Response{Status: 200, Header: http.Header{"Location": {"/here"}}, Body: []byte("made")}
	k.Finish(t.Context(), key, want)
	k.Finish(t.Context(), key, nil) // too late: it has been finished
	got, err := begin(key, "POST", "/a", "x")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, other := range [][3]string{{"PUT", "/a", "x"}, {"POST", "/b", "x"}, {"POST", "/a", "y"}, {"POST", "/ax", ""}} {
		if _, err := begin(key, other[0], other[1], other[2]); common.ResponseCode(err) != common.CodeIdempotencyKeyReused {
			t.Errorf("%v: %v", other, err)
		}
	}
}

func TestAKeyIsFreeAfterAResponseThatDoesNotLast(t *testing.T) {
	t.Parallel()
	k, key := NewKeeper(NewMemory(Limits{}), nil), Key{"ui", "1"}
	for range 3 {
		if got, err := k.Begin(t.Context(), key, "POST", "/a", nil); got != nil || err != nil {
			t.Fatal(got, err)
		}
		k.Finish(t.Context(), key, nil)
	}
}

func TestOneOfManyRuns(t *testing.T) {
	t.Parallel()
	k := NewKeeper(NewMemory(Limits{}), nil)
	var ran atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if got, err := k.Begin(t.Context(), Key{"ui", "1"}, "POST", "/", nil); got == nil && err == nil {
				ran.Add(1)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 1 {
		t.Errorf("%d ran", ran.Load())
	}
}

func TestWhatIsStoredCannotBeRead(t *testing.T) {
	t.Parallel()
	m := NewMemory(Limits{})
	k, key := NewKeeper(m, nil), Key{"ui", "1"}
	if _, err := k.Begin(t.Context(), key, "POST", "/", []byte("hunter2")); err != nil {
		t.Fatal(err)
	}
	k.Finish(t.Context(), key, &Response{Status: 200, Body: []byte("hunter2")})
	stored := m.keys[key].Value.(*entry).sealed
	if len(stored) == 0 || bytes.Contains(stored, []byte("hunter2")) || bytes.Contains(stored, []byte("aHVudGVyMg")) {
		t.Errorf("stored: %q", stored)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := NewMemory(Limits{Number: 3, Bytes: 100, Now: func() time.Time { return now }})
	begin := func(n int) ([]byte, error) { return m.Begin(t.Context(), Key{"ui", fmt.Sprint(n)}, Fingerprint{}) }
	finish := func(n, size int) { m.Finish(t.Context(), Key{"ui", fmt.Sprint(n)}, make([]byte, size)) }
	for n := range 3 {
		if _, err := begin(n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := begin(3); !common.Is(err, common.Unavailable) {
		t.Errorf("a fourth while three run: %v", err)
	}
	finish(1, 60)
	if _, err := begin(3); err != nil {
		t.Errorf("in place of one that has ended: %v", err)
	}
	finish(0, 60)
	finish(2, 60) // over the bytes: 0, the oldest, goes
	if len(m.keys) != 2 || m.bytes != 60 || m.keys[Key{"ui", "0"}] != nil {
		t.Errorf("%d keys, %d bytes", len(m.keys), m.bytes)
	}
	finish(3, 101) // never fits
	if len(m.keys) != 1 || m.bytes != 60 {
		t.Errorf("%d keys, %d bytes", len(m.keys), m.bytes)
	}
	if got, err := begin(2); len(got) != 60 || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	now = now.Add(Keep)
	if got, err := begin(2); got != nil || err != nil {
		t.Errorf("after a day: %d bytes, %v", len(got), err)
	}
	finish(2, 1)
	if len(m.keys) != 1 || m.bytes != 1 {
		t.Errorf("%d keys, %d bytes", len(m.keys), m.bytes)
	}
}

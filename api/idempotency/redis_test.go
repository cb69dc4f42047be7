package idempotency

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
	"ecs-api/state/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is one of several servers that share a Redis and a caller's token.
type server struct {
	*Keeper
	store  *Redis
	shared *statetest.Server
}

func newServer(t *testing.T, redis *miniredis.Miniredis, token string) *server {
	t.Helper()
	s := &server{shared: statetest.Open(t, redis.Addr())}
	s.store = NewRedis(s.shared.Redis)
	s.Keeper = NewKeeper(s.store, func(string) []byte { return []byte(token) })
	t.Cleanup(s.store.Close)
	return s
}

// begin begins a request with the key, and returns the response it gets instead of being run: nothing, a code, or the body of the first response.
func (s *server) begin(t *testing.T, key, body string) string {
	t.Helper()
	r, err := s.Begin(t.Context(), Key{"ui", key}, "POST", "/a", []byte(body))
	switch {
	case err != nil:
		return string(common.ResponseCode(err))
	case r != nil:
		return string(r.Body)
	}
	return ""
}

func (s *server) finish(t *testing.T, key, body string) {
	t.Helper()
	s.Finish(t.Context(), Key{"ui", key}, &Response{Status: 200, Body: []byte(body)})
}

// want fails the test unless what was got is what is wanted.
func want(t *testing.T, when, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

func TestServersReplayEachOthersResponses(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "secret"), newServer(t, redis, "secret")
	want(t, "the first", a.begin(t, "1", "hunter2"), "")
	want(t, "while it runs, here", a.begin(t, "1", "hunter2"), "IdempotencyKeyInUse")
	want(t, "while it runs, there", b.begin(t, "1", "hunter2"), "IdempotencyKeyInUse")
	want(t, "another request", b.begin(t, "1", "other"), "IdempotencyKeyReused")
	a.finish(t, "1", "made hunter2")
	a.Finish(t.Context(), Key{"ui", "1"}, nil) // too late
	want(t, "here", a.begin(t, "1", "hunter2"), "made hunter2")
	want(t, "there", b.begin(t, "1", "hunter2"), "made hunter2")
	want(t, "another request", b.begin(t, "1", "other"), "IdempotencyKeyReused")
	r, err := b.Begin(t.Context(), Key{"other", "1"}, "POST", "/a", []byte("hunter2"))
	if r != nil || err != nil {
		t.Errorf("another caller's: %v, %v", r, err)
	}
	want(t, "one that fails", a.begin(t, "2", ""), "")
	a.Finish(t.Context(), Key{"ui", "2"}, nil)
	want(t, "after it", b.begin(t, "2", ""), "")
	for _, key := range redis.Keys() {
		if redis.TTL(key) == 0 {
			t.Errorf("%s stays for ever", key)
		}
	}
	if dump := redis.Dump(); strings.Contains(dump, "hunter2") || strings.Contains(dump, "secret") || strings.Contains(dump, "aHVudGVyMg") {
		t.Errorf("in clear: %s", dump)
	}
}

// It is not parallel, as each of its 64 has to reach Redis in time, or Redis counts as down.
func TestOneOfManyRunsOnAllServers(t *testing.T) {
	redis := miniredis.RunT(t)
	servers := []*server{newServer(t, redis, "secret"), newServer(t, redis, "secret"), newServer(t, redis, "secret")}
	var ran atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			switch got := servers[i%3].begin(t, "1", ""); got {
			case "":
				ran.Add(1)
			case "IdempotencyKeyInUse":
			default:
				t.Error(got)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 1 {
		t.Errorf("%d ran", ran.Load())
	}
}

func TestAKeyWhoseServerDiedIsFreeWithinAMinute(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "secret"), newServer(t, redis, "secret")
	want(t, "the first", a.begin(t, "1", ""), "")
	for range 4 {
		redis.FastForward(40 * time.Second)
		a.store.renewAll(t.Context())
	}
	want(t, "while it runs", b.begin(t, "1", ""), "IdempotencyKeyInUse")
	redis.FastForward(time.Minute)
	want(t, "a minute after it died", b.begin(t, "1", ""), "")
	a.finish(t, "1", "late") // it was not dead, and its key is another request's by now
	b.finish(t, "1", "made")
	want(t, "then", a.begin(t, "1", ""), "made")
	redis.FastForward(Keep)
	want(t, "a day later", a.begin(t, "1", ""), "")
}

func TestRedisThatIsRestartedEmptyLearnsWhatRuns(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "secret"), newServer(t, redis, "secret")
	want(t, "the first", a.begin(t, "1", ""), "")
	redis.FlushAll()
	want(t, "here, before anything is renewed", a.begin(t, "1", ""), "IdempotencyKeyInUse")
	a.store.renewAll(t.Context())
	want(t, "there", b.begin(t, "1", ""), "IdempotencyKeyInUse")
	redis.FlushAll()
	a.finish(t, "1", "made")
	want(t, "after it", b.begin(t, "1", ""), "made")
}

func TestWithoutRedisARequestWithAKeyIsRefused(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "secret"), newServer(t, redis, "secret")
	want(t, "the first", a.begin(t, "1", ""), "")
	redis.Close()
	_, err := b.Begin(t.Context(), Key{"ui", "2"}, "POST", "/a", nil)
	if !common.Is(err, common.Unavailable) || common.RetryAfter(err) == 0 || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("without Redis: %v", err)
	}
	a.shared.Await(t, false)
	b.shared.Await(t, false)
	a.finish(t, "1", "made")
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	a.shared.Await(t, true)
	b.shared.Await(t, true)
	for a.store.count() != 0 || b.store.count() != 0 { // what ended while Redis was down is sent with the first renewal
		if common.Sleep(t.Context(), time.Millisecond) != nil {
			t.Fatal("the test is over")
		}
	}
	want(t, "what ended meanwhile", b.begin(t, "1", ""), "made")
	want(t, "what was refused", b.begin(t, "2", ""), "")
}

func (r *Redis) count() int {
	r.renewAll(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

func TestATokenThatIsReplacedMakesResponsesUnreadable(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	before, after := newServer(t, redis, "secret"), newServer(t, redis, "new secret")
	want(t, "the first", before.begin(t, "1", ""), "")
	for _, when := range []string{"while it runs", "after it"} {
		_, err := after.Begin(t.Context(), Key{"ui", "1"}, "POST", "/a", nil)
		if common.ResponseCode(err) != common.CodeIdempotencyKeyReused || !strings.Contains(err.Error(), "token was replaced") {
			t.Errorf("%s: %v", when, err)
		}
		before.finish(t, "1", "made")
	}
}

func TestRedisIsBounded(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a := newServer(t, redis, "secret")
	a.store.most = 3
	now := time.Now()
	a.store.now = func() time.Time { return now }
	for n := range 5 {
		key := fmt.Sprint(n)
		want(t, key, a.begin(t, key, ""), "")
		a.finish(t, key, "made "+key)
		now = now.Add(time.Millisecond)
	}
	got := map[string]string{}
	for n := range 5 {
		key := fmt.Sprint(n)
		got[key] = a.begin(t, key, "")
	}
	if diff := cmp.Diff(map[string]string{"0": "", "1": "", "2": "made 2", "3": "made 3", "4": "made 4"}, got); diff != "" {
		t.Error(diff)
	}
	want(t, "a large one", a.begin(t, "large", ""), "")
	a.finish(t, "large", string(bytes.Repeat([]byte("x"), maxSealed)))
	want(t, "after it", a.begin(t, "large", ""), "")
}

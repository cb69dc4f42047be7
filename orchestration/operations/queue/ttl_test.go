package queue

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"ecs-api/orchestration/operations"
	"ecs-api/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newQueue returns the queue of a server that shares the Redis. It has not started.
func newQueue(t *testing.T, redis *miniredis.Miniredis, retried func(operations.Job)) *Queue {
	t.Helper()
	shared, err := state.Open(t.Context(), state.Options{URL: "redis://" + redis.Addr(), Org: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.Close)
	log := logrus.New()
	log.SetOutput(io.Discard)
	q, err := New(Options{
		Redis: shared, Accounts: []string{"local", "other"}, Grace: time.Second, Log: log, Retried: retried,
		Times: Times{Check: 10 * time.Millisecond, Forward: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		q.Shutdown(ctx)
	})
	return q
}

func job(target string) operations.Job {
	return operations.Job{Kind: "delete service", Account: "local", Target: target, Operation: "op-" + target, Began: time.Now(), Limit: time.Minute}
}

// stay returns the keys that have no TTL.
func stay(redis *miniredis.Miniredis) (keys []string) {
	for _, key := range redis.Keys() {
		if redis.TTL(key) == 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestNothingOfAQueueStaysThatNoServerWorksOn(t *testing.T) {
	redis := miniredis.RunT(t)
	tried := make(chan operations.Job, 100)
	q := newQueue(t, redis, func(j operations.Job) { tried <- j })
	if existing, err := q.Announce(t.Context(), job("c/announced")); err != nil || existing != nil {
		t.Fatalf("%v, %v", existing, err)
	}
	if err := q.Submit(t.Context(), job("c/fails")); err != nil {
		t.Fatal(err)
	}
	if _, err := redis.ZAdd("asynq:servers", 1, "asynq:servers:{killed:1:1}"); err != nil {
		t.Fatal(err)
	}
	if got := stay(redis); len(got) < 5 {
		t.Fatalf("asynq has learnt to give keys a TTL? %q", got)
	}
	if err := q.Start(func(context.Context, operations.Job) error {
		return &operations.Later{Failed: true, After: time.Hour, Err: io.ErrUnexpectedEOF}
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-tried:
	case <-time.After(20 * time.Second):
		t.Fatal("the job is not tried")
	}
	for deadline := time.Now().Add(20 * time.Second); ; { // a job that failed is to be retried in a moment
		if depth, err := q.Depth("local"); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %v", depth, err)
		} else if depth["retrying"] == 1 {
			break
		}
	}
	q.renew(t.Context())
	if diff := cmp.Diff([]string{"asynq:queues"}, stay(redis)); diff != "" {
		t.Errorf("keys without a TTL: %s", diff)
	}
	if members, err := redis.ZMembers("asynq:servers"); err != nil || slices.Contains(members, "asynq:servers:{killed:1:1}") {
		t.Errorf("a server that was killed is still listed: %v, %v", members, err)
	}
	q.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	q.Shutdown(ctx)
	if diff := cmp.Diff([]string{"asynq:queues"}, stay(redis)); diff != "" {
		t.Errorf("keys without a TTL after the end: %s", diff)
	}
	redis.FastForward(91 * 24 * time.Hour) // asynq keeps what it counts by day for 90
	if diff := cmp.Diff([]string{"asynq:queues"}, slices.DeleteFunc(redis.Keys(), func(key string) bool { return key == "ecs-api:v1:acme:probe" })); diff != "" {
		t.Errorf("left after that: %s", diff)
	}
}

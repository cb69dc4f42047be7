package queue

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"ecs-api/orchestration/operations"
	_ "ecs-api/racetest" // for what it does to a process of tests
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
	looks := time.NewTicker(time.Millisecond)
	defer looks.Stop()
	over := time.After(20 * time.Second)
	for depth := map[string]int{}; depth["retrying"] != 1; { // a job that failed is to be retried in a moment
		select {
		case <-looks.C:
		case <-over:
			t.Fatalf("%v", depth)
		}
		var err error
		if depth, err = q.Depth("local"); err != nil {
			t.Fatal(err)
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

// TestALongQueueIsRenewedInParts: one use of Redis must not get longer with the queue, or Redis would count as down.
func TestALongQueueIsRenewedInParts(t *testing.T) {
	server := miniredis.RunT(t)
	q := newQueue(t, server, nil)
	const tasks = 2*perUse + 1
	prefix := "asynq:{" + q.name("local") + "}:"
	for n := range tasks {
		id := strconv.Itoa(n)
		if _, err := server.Push(prefix+"pending", id); err != nil {
			t.Fatal(err)
		}
		server.HSet(prefix+"t:"+id, "state", "pending")
	}
	sizes := &sizes{}
	q.o.Redis.Client().AddHook(sizes)
	q.renew(t.Context())
	if got := stay(server); len(got) > 0 {
		t.Errorf("%d keys without a TTL: %.200q", len(got), got)
	}
	if sizes.most > perUse || sizes.uses < tasks/perUse {
		t.Errorf("%d uses, of up to %d commands", sizes.uses, sizes.most)
	}
}

// sizes counts the pipelines that a client sends, and how many commands the longest has.
type sizes struct{ uses, most int }

func (s *sizes) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (s *sizes) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (s *sizes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.uses, s.most = s.uses+1, max(s.most, len(cmds))
		return next(ctx, cmds)
	}
}

// TestAQueueThatCannotBeRenewedKeepsNoOtherFromIt gives a key of the first account a type that asynq's has not.
func TestAQueueThatCannotBeRenewedKeepsNoOtherFromIt(t *testing.T) {
	server := miniredis.RunT(t)
	q := newQueue(t, server, nil)
	if err := server.Set("asynq:{"+q.name("local")+"}:pending", "no list"); err != nil {
		t.Fatal(err)
	}
	other := "asynq:{" + q.name("other") + "}:pending"
	if _, err := server.Push(other, "task"); err != nil {
		t.Fatal(err)
	}
	q.renew(t.Context())
	if server.TTL(other) == 0 {
		t.Error("the queue of the other account is not renewed")
	}
}

// TestOnlyTheQueueThatChangedIsRenewedAtOnce leaves the rest to the next renewal of all.
func TestOnlyTheQueueThatChangedIsRenewedAtOnce(t *testing.T) {
	server := miniredis.RunT(t)
	q := newQueue(t, server, nil)
	local, other := "asynq:{"+q.name("local")+"}:t:c/s", "asynq:{"+q.name("other")+"}:pending"
	if _, err := server.Push(other, "task"); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Announce(t.Context(), job("c/s")); err != nil {
		t.Fatal(err)
	}
	q.renewChanged(t.Context())
	if server.TTL(local) == 0 || server.TTL(other) != 0 {
		t.Errorf("the TTL of the queue that changed is %v, that of the other %v", server.TTL(local), server.TTL(other))
	}
	if rest := q.changed.take(); len(rest) > 0 {
		t.Errorf("%q are renewed again", rest)
	}
}

// TestARedisThatGoesDownBetweenTwoUsesHasNoIDs: a renewal is several uses, and Redis can go down before any of them.
func TestARedisThatGoesDownBetweenTwoUsesHasNoIDs(t *testing.T) {
	server := miniredis.RunT(t)
	q := newQueue(t, server, nil)
	prefix := "asynq:{" + q.name("local") + "}:"
	server.Close()
	for q.o.Redis.Up() { // until the server has noticed
		if _, err := q.ids(t.Context(), prefix); err == nil {
			t.Fatal("a Redis that is closed has ids")
		}
	}
	if ids, err := q.ids(t.Context(), prefix); !errors.Is(err, state.ErrDown) || len(ids) > 0 {
		t.Errorf("ids %q, error %v", ids, err)
	}
}

package redisstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	peers "github.com/alicebob/miniredis/v2/server"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
	"ecs-api/state/statetest/proxy"
)

// waiting returns the operation of a job that waits in the queue.
func waiting(job operations.Job) operations.Operation {
	return operations.Operation{ID: job.Operation, Kind: job.Kind, Target: job.Target, State: saga.Running, StartedAt: job.Began, Account: job.Account, Queued: true}
}

// leave has Redis refuse everything, or respond again, and waits until the server knows.
func leave(t *testing.T, redis *miniredis.Miniredis, s *server) (back func()) {
	t.Helper()
	redis.SetError("LOADING")
	eventually(t, "the server knows that Redis is away", func() bool {
		_ = s.Job(t.Context(), "a", "c/s")
		return !s.redis.Up()
	})
	return func() {
		redis.SetError("")
		eventually(t, "the server knows that Redis is back", s.redis.Up)
	}
}

// TestWhatAServerHandedBackIsNotRestoredOnceAnotherHasDoneIt has another job wait for the target when Redis was away for a moment.
func TestWhatAServerHandedBackIsNotRestoredOnceAnotherHasDoneIt(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	a := newServer(t, redis, "a", func(context.Context, operations.Job) (json.RawMessage, error) {
		return nil, common.Errorf(common.Unavailable, "AWS is down")
	})
	b := newServer(t, redis, "b", succeed)
	old, next := newJob(t, "c/s"), newJob(t, "c/s")
	if err := b.record.Save(t.Context(), waiting(old)); err != nil {
		t.Fatal(err)
	}
	if err := a.Work(t.Context(), old); err == nil {
		t.Fatal("it is not handed back")
	}
	if err := b.Work(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	a.record.Run(a.Group)
	time.Sleep(20 * hurried.Sweep)
	redis.FastForward(operations.KeepFor + time.Hour)
	if _, err := b.Submit(t.Context(), next, nil, func() {}); err != nil {
		t.Fatal(err)
	}
	leave(t, redis, a)()
	eventually(t, "the other server has Redis, too", b.redis.Up)
	for end := time.Now().Add(2 * hurried.Grace); time.Now().Before(end); time.Sleep(hurried.Sweep) {
		if id := b.Job(t.Context(), "a", "c/s"); id != next.Operation {
			t.Fatalf("the target has job %q, want that which waits in the queue, %s, and not %s", id, next.Operation, old.Operation)
		}
	}
}

// TestAnOlderStateNeverOverwritesTheEnd has operations end while they are saved again as they were before.
func TestAnOlderStateNeverOverwritesTheEnd(t *testing.T) {
	redis := miniredis.RunT(t)
	s := newServer(t, redis, "s", succeed)
	back := leave(t, redis, s)
	var all []operations.Operation
	for i := range 40 {
		o := waiting(newJob(t, fmt.Sprint("c/s", i)))
		all = append(all, o)
		if s.record.Save(t.Context(), o) == nil {
			t.Fatal("Redis is away, and has it")
		}
	}
	back()
	var saves atomic.Int64
	redis.Server().SetPreHook(func(_ *peers.Peer, command string, _ ...string) bool {
		if strings.EqualFold(command, "zadd") && saves.Add(1) <= 8 {
			time.Sleep(200 * time.Millisecond)
		}
		return false
	})
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		s.record.Run(s.Group)
	}()
	eventually(t, "they are saved again", func() bool { return saves.Load() >= 8 })
	now := time.Now()
	for _, o := range all {
		o.EndedAt, o.State, o.Server = &now, saga.Succeeded, "s"
		if err := s.record.Save(t.Context(), o); err != nil {
			t.Error(err)
		}
	}
	<-ran
	other := newServer(t, redis, "other", succeed)
	for _, o := range all {
		if found, err := other.Operation(t.Context(), "a", o.ID); err != nil || found.State != saga.Succeeded {
			t.Errorf("%+v, %v", found, err)
		}
	}
}

// TestAJobThatEndedHereIsNotDoneAgainWhenRedisLostItsEnd has a Redis that failed over to a replica which lags.
func TestAJobThatEndedHereIsNotDoneAgainWhenRedisLostItsEnd(t *testing.T) {
	redis := miniredis.RunT(t)
	s := newServer(t, redis, "s", succeed)
	job := newJob(t, "c/s")
	if err := s.record.Save(t.Context(), waiting(job)); err != nil {
		t.Fatal(err)
	}
	key := "ecs-api:v1:acme:op:a:" + job.Operation
	before, err := redis.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Work(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if err := redis.Set(key, before); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.runs.Load(); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// TestAServerThatEndsWaitsForNoRedisThatStandsStill has asynq wait for a task that Redis does not send.
func TestAServerThatEndsWaitsForNoRedisThatStandsStill(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	var still, stopped atomic.Bool
	may := make(chan struct{})
	address := proxy.Start(t, redis.Addr(), func([]byte) bool { return true }, func([]byte) bool {
		if still.Load() {
			<-may
		}
		return true
	})
	s := newServerAt(t, address, "s", succeed).works(t)
	still.Store(true)
	time.Sleep(50 * time.Millisecond) // asynq looks for tasks meanwhile
	go func() {
		s.queue.Stop()
		stopped.Store(true)
	}()
	for end := time.Now().Add(4 * time.Second); !stopped.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if !stopped.Load() {
		t.Error("it waits for Redis")
	}
	close(may)
}

// TestAServerThatEndsWithdrawsOnlyForAWhile has Redis respond late, and many requests that were refused while it was away.
func TestAServerThatEndsWithdrawsOnlyForAWhile(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	var slow atomic.Bool
	var sent atomic.Int64
	address := proxy.Start(t, redis.Addr(), func([]byte) bool { return true }, func([]byte) bool {
		if slow.Load() {
			sent.Add(1)
			time.Sleep(100 * time.Millisecond)
		}
		return true
	})
	s := newServerAt(t, address, "s", succeed)
	back := leave(t, redis, s)
	const many = 400
	for i := range many {
		job := newJob(t, fmt.Sprint("c/s", i))
		s.Announce(t.Context(), job)
		s.Withdraw(t.Context(), job)
	}
	back()
	slow.Store(true)
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	s.Shutdown(expired)
	slow.Store(false)
	if n := sent.Load(); n == 0 || n > many*3/4 {
		t.Errorf("%d responses waited for", n)
	}
}

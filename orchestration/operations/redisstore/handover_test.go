package redisstore_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	peers "github.com/alicebob/miniredis/v2/server"

	"ecs-api/orchestration/saga"
	"ecs-api/state/statetest/proxy"
)

// TestAJobThatTheQueueDidNotTakeIsContinuedByAnotherServer has no Redis when the job comes, and has it again while the job runs.
func TestAJobThatTheQueueDidNotTakeIsContinuedByAnotherServer(t *testing.T) {
	redis := miniredis.RunT(t)
	begun := make(chan struct{}, 1)
	first, second := newServer(t, redis, "first", inSteps(begun, nil)).works(t), newServer(t, redis, "second", succeed)
	redis.Close()
	eventually(t, "the server knows", func() bool { return !first.redis.Up() })
	job := newJob(t, "c/s")
	var released atomic.Bool
	if _, err := first.Submit(t.Context(), job, json.RawMessage(`{"a":1}`), func() { released.Store(true) }); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queue has given it to the server that works on it", func() bool {
		depth, err := second.queue.Depth("a")
		return err == nil && depth["running"] == 1
	})
	eventually(t, "other servers know what has the target", func() bool { return second.Job(t.Context(), "a", "c/s") == job.Operation })
	if released.Load() {
		t.Error("the target is not locked while the job runs")
	}
	first.end(t.Context())
	second.works(t)
	done := ended(t, second, job.Operation)
	if done.State != saga.Succeeded || string(done.Result) != `{"a":1}` || first.runs.Load() != 1 || second.runs.Load() != 1 || !released.Load() {
		t.Errorf("%+v after %d and %d runs; released: %v", done, first.runs.Load(), second.runs.Load(), released.Load())
	}
	if id := second.Job(t.Context(), "a", "c/s"); id != "" {
		t.Errorf("the target still has job %q", id)
	}
}

// TestATargetIsReleasedOnlyOnceTheQueueAndTheRecordHaveItsJob has Redis refuse the operation.
func TestATargetIsReleasedOnlyOnceTheQueueAndTheRecordHaveItsJob(t *testing.T) {
	redis := miniredis.RunT(t)
	begun, may := make(chan struct{}, 1), make(chan struct{})
	s := newServer(t, redis, "s", inSteps(begun, may))
	queued := newJob(t, "c/queued")
	if _, err := s.Submit(t.Context(), queued, nil, func() {
		if has, err := s.queue.Has("a", "c/queued", queued.Operation); !has || err != nil || s.Job(t.Context(), "a", "c/queued") != queued.Operation {
			t.Errorf("released before the queue has the job: %v, %v", has, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	var refuses atomic.Bool
	refuses.Store(true)
	redis.Server().SetPreHook(func(c *peers.Peer, _ string, args ...string) bool {
		if !refuses.Load() || !slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, ":op:") }) {
			return false
		}
		c.WriteError("ERR no")
		return true
	})
	job := newJob(t, "c/s")
	var released atomic.Bool
	if _, err := s.Submit(t.Context(), job, nil, func() { released.Store(true) }); err != nil {
		t.Fatal(err)
	}
	<-begun // here
	if released.Load() {
		t.Error("released while nobody else knows of the job")
	}
	refuses.Store(false)
	close(may)
	if done := ended(t, s, job.Operation); done.State != saga.Succeeded || !released.Load() {
		t.Errorf("%+v; released: %v", done, released.Load())
	}
}

// TestAJobThatIsWithdrawnWhileRedisIsAwayIsNotDone was announced before.
func TestAJobThatIsWithdrawnWhileRedisIsAwayIsNotDone(t *testing.T) {
	redis := miniredis.RunT(t)
	s := newServer(t, redis, "s", succeed).works(t)
	job := newJob(t, "c/s")
	s.Announce(t.Context(), job)
	redis.Close()
	eventually(t, "the server knows", func() bool { return !s.redis.Up() })
	s.Withdraw(t.Context(), job)
	if err := s.Work(t.Context(), job); err != nil || s.runs.Load() != 0 { // as if its time had come
		t.Errorf("%v after %d runs", err, s.runs.Load())
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queue has it no more", func() bool {
		has, err := s.queue.Has("a", "c/s", job.Operation)
		return !has && err == nil
	})
}

// TestAJobOfTheQueueIsFoundThoughItsOperationIsNot has Redis lose the operation.
func TestAJobOfTheQueueIsFoundThoughItsOperationIsNot(t *testing.T) {
	redis := miniredis.RunT(t)
	s, other := newServer(t, redis, "s", succeed), newServer(t, redis, "other", succeed)
	o := submit(t, s, "c/s")
	redis.Del("ecs-api:v1:acme:op:a:" + o.ID)
	if running := other.Announce(t.Context(), newJob(t, "c/s")); running == nil || running.ID != o.ID || running.Ended() {
		t.Errorf("%+v, want operation %s", running, o.ID)
	}
}

// TestAJobThatEndedWhileItsTargetWasLockedIsNotDoneAgain gives a job to a second server while the first one does it, as a queue does whose response was lost.
func TestAJobThatEndedWhileItsTargetWasLockedIsNotDoneAgain(t *testing.T) {
	redis := miniredis.RunT(t)
	first, second := newServer(t, redis, "first", succeed), newServer(t, redis, "second", succeed)
	job := newJob(t, "c/s")
	second.lock = func() { // the first one has it until it has done the job
		if err := first.Work(t.Context(), job); err != nil {
			t.Error(err)
		}
	}
	if err := second.Work(t.Context(), job); err != nil || first.runs.Load() != 1 || second.runs.Load() != 0 {
		t.Errorf("%v after %d and %d runs", err, first.runs.Load(), second.runs.Load())
	}
	if o, err := second.Operation(t.Context(), "a", job.Operation); err != nil || o.State != saga.Succeeded {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestARedisThatWasRestartedEmptyGetsTheJobsThatWait has a job that no server has taken yet.
func TestARedisThatWasRestartedEmptyGetsTheJobsThatWait(t *testing.T) {
	redis := miniredis.RunT(t)
	s, other := newServer(t, redis, "s", succeed), newServer(t, redis, "other", succeed)
	s.record.Run(s.Group) // it takes no job
	o := submit(t, s, "c/s")
	redis.Close()
	eventually(t, "the servers know", func() bool {
		_, _ = other.Job(t.Context(), "a", "c/s"), s.Job(t.Context(), "a", "c/s")
		return !s.redis.Up() && !other.redis.Up()
	})
	redis.FlushAll()
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "other servers know what has the target", func() bool { return other.Job(t.Context(), "a", "c/s") == o.ID })
	if shown, err := other.Operation(t.Context(), "a", o.ID); err != nil || shown.Ended() {
		t.Errorf("%+v, %v", shown, err)
	}
}

// TestAnOperationEndsThoughTheSweepThatFoundItWasCutOff has one server left, whose first look at the operation of a dead one has no response in time.
func TestAnOperationEndsThoughTheSweepThatFoundItWasCutOff(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	o, die, end := mortal(t, redis, true)
	eventually(t, "it is saved", func() bool { return redis.HGet("ecs-api:v1:acme:running", "a/"+o.ID) == "dead" })
	time.Sleep(2 * hurried.Save) // its step, too
	var until atomic.Int64
	address := proxy.Start(t, redis.Addr(), func(sent []byte) bool {
		reserves := bytes.Contains(sent, []byte(":sweep:")) || bytes.Contains(sent, []byte("hdel")) && !bytes.Contains(sent, []byte("zadd"))
		if reserves {
			until.CompareAndSwap(0, time.Now().Add(900*time.Millisecond).UnixNano())
		}
		return true
	}, func([]byte) bool {
		time.Sleep(time.Until(time.Unix(0, until.Load())))
		return true
	})
	one := newServerAt(t, address, "one", succeed).works(t)
	die()
	go func() { // miniredis's TTLs do not run by themselves
		for t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
			redis.FastForward(10 * time.Millisecond)
		}
	}()
	if done := ended(t, one, o.ID); done.State != saga.Interrupted || one.Job(t.Context(), "a", "c/s") != "" {
		t.Errorf("%+v; the target has job %q", done, one.Job(t.Context(), "a", "c/s"))
	}
	end()
}

// TestAServerThatEndsWhileTheQueueIsOutOfReachLeavesItsJob does a job that the queue has though it did not learn so.
func TestAServerThatEndsWhileTheQueueIsOutOfReachLeavesItsJob(t *testing.T) {
	redis := miniredis.RunT(t)
	begun := make(chan struct{}, 1)
	var refuses atomic.Bool
	redis.Server().SetPreHook(func(c *peers.Peer, _ string, args ...string) bool {
		if !refuses.Load() || !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "asynq:{") }) {
			return false
		}
		c.WriteError("ERR no")
		return true
	})
	first, second := newServer(t, redis, "first", inSteps(begun, nil)), newServer(t, redis, "second", succeed)
	job := newJob(t, "c/s")
	first.Announce(t.Context(), job)
	refuses.Store(true)
	if _, err := first.Submit(t.Context(), job, nil, func() {}); err != nil {
		t.Fatal(err)
	}
	<-begun // here
	first.end(t.Context())
	refuses.Store(false)
	if err := second.Work(t.Context(), job); err != nil { // as the queue does when the time of what was announced has come
		t.Fatal(err)
	}
	if o, err := second.Operation(t.Context(), "a", job.Operation); err != nil || o.State != saga.Succeeded || second.runs.Load() != 1 {
		t.Errorf("%+v, %v after %d runs", o, err, second.runs.Load())
	}
}

// TestAServerLearnsTheEndOfWhatItSubmitted has another server do the jobs.
func TestAServerLearnsTheEndOfWhatItSubmitted(t *testing.T) {
	redis := miniredis.RunT(t)
	newServer(t, redis, "worker", succeed).works(t)
	s := newServer(t, redis, "s", succeed)
	s.record.Run(s.Group) // it takes no job
	for _, target := range []string{"c/one", "c/two"} {
		ended(t, s, submit(t, s, target).ID)
	}
	back := leave(t, redis, s)
	for _, o := range s.Operations(t.Context(), "a") { // its own
		if !o.Ended() {
			t.Errorf("while Redis is down: %+v", o)
		}
	}
	back()
}

// TestAnOperationThatIsSavedLateIsSavedAgain has the beginning of an operation reach Redis after its end, on a connection that stood still.
func TestAnOperationThatIsSavedLateIsSavedAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	var stalled, through atomic.Bool
	address := proxy.Start(t, redis.Addr(), func(sent []byte) bool {
		if bytes.Contains(sent, []byte("zadd")) && stalled.CompareAndSwap(false, true) {
			time.Sleep(1200 * time.Millisecond)
			through.Store(true)
		}
		return true
	}, func([]byte) bool { return true })
	a, b := newServerAt(t, address, "a", succeed), newServer(t, redis, "b", succeed)
	a.record.Run(a.Group)
	job := newJob(t, "c/s")
	if _, err := a.Submit(t.Context(), job, nil, func() {}); err != nil {
		t.Fatal(err)
	}
	ended(t, a, job.Operation)
	eventually(t, "what stood still arrives", through.Load)
	time.Sleep(10 * time.Millisecond)
	eventually(t, "the operation has ended for other servers", func() bool {
		o, err := b.Operation(t.Context(), "a", job.Operation)
		return err == nil && o.Ended() && b.Job(t.Context(), "a", "c/s") == ""
	})
}

// TestAServerThatEndsWithdrawsWhatWasRefused has Redis back right before the server ends.
func TestAServerThatEndsWithdrawsWhatWasRefused(t *testing.T) {
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "a", succeed), newServer(t, redis, "b", succeed)
	job := newJob(t, "c/s")
	a.Announce(t.Context(), job)
	back := leave(t, redis, a)
	a.Withdraw(t.Context(), job)
	back()
	a.end(t.Context())
	if has, err := b.queue.Has("a", "c/s", job.Operation); has || err != nil {
		t.Errorf("the queue has it: %v, %v", has, err)
	}
}

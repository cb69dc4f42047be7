package redisstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/operations/queue"
	"ecs-api/orchestration/operations/redisstore"
	"ecs-api/orchestration/saga"
	_ "ecs-api/racetest" // for what it does to a process of tests
	"ecs-api/state"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/hibiken/asynq.(*processor).shutdown.func1"))
}

// hurried makes what takes its time so short that tests need none. Servers are gone at once: the tests say which.
var hurried = redisstore.Times{Beat: 20 * time.Millisecond, Life: time.Hour, Sweep: 10 * time.Millisecond, Grace: 500 * time.Millisecond, Poll: 5 * time.Millisecond, Save: time.Millisecond}

// server is a group whose record and queue others share.
type server struct {
	*operations.Group
	record      *redisstore.Record
	queue       *queue.Queue
	redis       *state.Redis
	id          string
	interrupted atomic.Int64
	begun, left atomic.Int64
	runs        atomic.Int64
	lock        func() // is called when a job locks its target; nil is fine
	stopped     bool
}

// newServer returns a server of account a, whose jobs of kind k are done by do.
func newServer(t *testing.T, redis *miniredis.Miniredis, id string, do func(context.Context, operations.Job) (json.RawMessage, error)) *server {
	t.Helper()
	return newServerAt(t, redis.Addr(), id, do)
}

// newServerAt is newServer for the address of a Redis.
func newServerAt(t *testing.T, address, id string, do func(context.Context, operations.Job) (json.RawMessage, error)) *server {
	t.Helper()
	shares, err := state.Open(t.Context(), state.Options{URL: "redis://" + address, Org: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	seal, err := state.NewSeal("operations", "token")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{id: id, redis: shares}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s.queue, err = queue.New(queue.Options{
		Redis: shares, Accounts: []string{"a"}, Grace: time.Minute, Log: log,
		Times: queue.Times{Announced: time.Hour, Check: 5 * time.Millisecond, Forward: 5 * time.Millisecond, Backoff: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.record = redisstore.New(redisstore.Options{
		Redis: shares, Seal: seal, Server: id, Times: hurried, Queued: s.queue.Has,
		Interrupted: func(operations.Operation) { s.interrupted.Add(1) },
	})
	s.Group = operations.NewGroup(operations.Options{Record: s.record, Queue: s.queue, Server: id, Observe: func(o operations.Operation) {
		switch {
		case o.Ended(), o.Server == "":
			s.left.Add(1)
		default:
			s.begun.Add(1)
		}
	}})
	s.Handle("a", "k", operations.Handler{
		Run: func(ctx context.Context, job operations.Job) (json.RawMessage, error) {
			s.runs.Add(1)
			return do(ctx, job)
		},
		Lock: func(context.Context, operations.Job) (func(), error) {
			if s.lock != nil {
				s.lock()
			}
			return func() {}, nil
		},
	})
	t.Cleanup(func() { s.end(t.Context()) })
	return s
}

// works has the server take jobs.
func (s *server) works(t *testing.T) *server {
	t.Helper()
	s.record.Run(s.Group)
	if err := s.queue.Start(s.Work); err != nil {
		t.Fatal(err)
	}
	return s
}

// end ends the server as SIGTERM does, with no time left.
func (s *server) end(ctx context.Context) {
	if s.stopped {
		return
	}
	s.stopped = true
	s.Stop()
	s.queue.Stop()
	expired, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	s.Shutdown(expired)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	s.queue.Shutdown(last)
	s.record.Close()
	s.redis.Close()
}

// submit gives a job to the queue.
func submit(t *testing.T, s *server, target string) operations.Operation {
	t.Helper()
	job, err := operations.NewJob(operations.WithRequest(t.Context(), operations.Request{ID: "r", Caller: "ui"}), "a", "k", target, time.Minute, map[string]string{"cluster": "c"})
	if err != nil {
		t.Fatal(err)
	}
	if running := s.Announce(t.Context(), job); running != nil {
		t.Fatalf("announced already: %+v", running)
	}
	o, err := s.Submit(t.Context(), job, json.RawMessage(`{"secret":"hunter2"}`), func() {})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// ended waits until an operation has ended, as a server sees it.
func ended(t *testing.T, s *server, id string) operations.Operation {
	t.Helper()
	var last operations.Operation
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Watch(ctx, "a", id, func(o operations.Operation) error { last = o; return nil }); err != nil {
		t.Fatalf("%v; last seen: %+v", err, last)
	}
	return last
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to pass: ", what)
		}
	}
}

func succeed(context.Context, operations.Job) (json.RawMessage, error) { return nil, nil }

// inSteps returns work whose first step waits.
func inSteps(begun chan<- struct{}, may <-chan struct{}) func(context.Context, operations.Job) (json.RawMessage, error) {
	return func(ctx context.Context, _ operations.Job) (json.RawMessage, error) {
		_, err := saga.Named("first", saga.NoRollback(func(ctx context.Context) error {
			begun <- struct{}{}
			select {
			case <-may:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))(ctx)
		return nil, err
	}
}

func TestAJobIsSeenFromEveryServer(t *testing.T) {
	redis := miniredis.RunT(t)
	begun, may := make(chan struct{}, 1), make(chan struct{})
	worker, other := newServer(t, redis, "worker", inSteps(begun, may)).works(t), newServer(t, redis, "other", succeed)
	o := submit(t, other, "c/s")
	<-begun
	var seen []saga.State
	result := make(chan error, 1)
	go func() {
		result <- other.Watch(t.Context(), "a", o.ID, func(o operations.Operation) error {
			for _, step := range o.Steps {
				seen = append(seen, step.State)
			}
			return nil
		})
	}()
	eventually(t, "the other server shows the step", func() bool {
		shown, err := other.Operation(t.Context(), "a", o.ID)
		return err == nil && len(shown.Steps) == 1 && shown.Steps[0].State == saga.Running && shown.Server == "worker" && len(shown.Result) == 0
	})
	if id := other.Job(t.Context(), "a", "c/s"); id != o.ID {
		t.Errorf("the job of the target is %q", id)
	}
	if running, err := other.Operation(t.Context(), "a", other.Job(t.Context(), "a", "c/s")); err != nil || running.ID != o.ID || running.Kind != "k" || running.Ended() {
		t.Errorf("what works on the target: %+v, %v", running, err)
	}
	for _, key := range redis.Keys() {
		if dump, err := redis.Get(key); err == nil && strings.Contains(dump, "hunter2") {
			t.Errorf("%s shows %s", key, dump)
		}
	}
	close(may)
	if err := <-result; err != nil || len(seen) == 0 || seen[len(seen)-1] != saga.Succeeded {
		t.Errorf("watched: %v, %v", seen, err)
	}
	done := ended(t, other, o.ID)
	if done.State != saga.Succeeded || string(done.Result) != `{"secret":"hunter2"}` || done.RequestID != "r" || done.Caller != "ui" {
		t.Errorf("in the end: %+v", done)
	}
	commands := redis.CommandCount()
	found := other.FindAll(t.Context(), []string{"a", "b"}, []string{"none", o.ID})
	if len(found) != 1 || found[o.ID].State != saga.Succeeded {
		t.Errorf("found by ids: %+v", found)
	}
	if len(other.FindAll(t.Context(), []string{"b"}, []string{o.ID})) > 0 {
		t.Error("another account has the operation")
	}
	if n := redis.CommandCount() - commands; n < 5 { // four keys, and one
		t.Errorf("%d commands: Redis was not read", n)
	}
	redis.SetError("down")
	if found := worker.FindAll(t.Context(), []string{"a"}, []string{o.ID}); len(found) != 1 {
		t.Errorf("found by the server that knows the operation while Redis is down: %+v", found)
	}
	redis.SetError("")
	if id := other.Job(t.Context(), "a", "c/s"); id != "" {
		t.Errorf("the target still has job %q", id)
	}
	eventually(t, "the worker has left it", func() bool { // Redis knew first
		o, err := worker.Operation(t.Context(), "a", o.ID)
		return err == nil && o.Ended()
	})
	if diff := cmp.Diff(worker.Operations(t.Context(), "a"), other.Operations(t.Context(), "a"), cmpopts.IgnoreFields(operations.Operation{}, "Err"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the servers list (-worker +other):\n%s", diff)
	}
	if worker.runs.Load() != 1 || worker.begun.Load() != 1 || worker.left.Load() != 1 || other.begun.Load() != 0 {
		t.Errorf("%d runs, %d begun, %d left; %d begun by the other one", worker.runs.Load(), worker.begun.Load(), worker.left.Load(), other.begun.Load())
	}
	for _, key := range redis.Keys() {
		if strings.HasPrefix(key, "ecs-api:") && redis.TTL(key) == 0 {
			t.Errorf("%s stays for ever", key)
		}
	}
}

func TestAServerThatEndsHandsItsJobOver(t *testing.T) {
	redis := miniredis.RunT(t)
	begun := make(chan struct{}, 1)
	first := newServer(t, redis, "first", inSteps(begun, nil)).works(t)
	o := submit(t, first, "c/s")
	<-begun
	second := newServer(t, redis, "second", succeed).works(t)
	first.end(t.Context())
	done := ended(t, second, o.ID)
	if done.State != saga.Succeeded || len(done.Steps) != 1 || done.Steps[0].State != saga.Interrupted || second.runs.Load() != 1 {
		t.Errorf("%+v after %d runs of the second one", done, second.runs.Load())
	}
	if first.begun.Load() != 1 || first.left.Load() != 1 {
		t.Errorf("the first one has begun %d and left %d", first.begun.Load(), first.left.Load())
	}
}

func TestAJobIsRetriedWhileAWSFails(t *testing.T) {
	var tries atomic.Int64
	down := common.Errorf(common.Unavailable, "AWS is down")
	s := newServer(t, miniredis.RunT(t), "s", func(context.Context, operations.Job) (json.RawMessage, error) {
		if tries.Add(1) < 4 {
			return nil, down
		}
		return nil, nil
	}).works(t)
	if done := ended(t, s, submit(t, s, "c/s").ID); done.State != saga.Succeeded || tries.Load() != 4 {
		t.Errorf("%+v after %d tries", done, tries.Load())
	}
	counts, err := s.queue.Depth("a")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queue is empty", func() bool {
		counts, err = s.queue.Depth("a")
		return err == nil && counts["waiting"]+counts["running"]+counts["retrying"] == 0
	})
}

func TestAJobThatCannotBeDoneFailsAndFreesItsTarget(t *testing.T) {
	s := newServer(t, miniredis.RunT(t), "s", func(context.Context, operations.Job) (json.RawMessage, error) {
		return nil, common.WithLeftBehind(common.Coded(common.CodeConcurrentChange, "service s was created again meanwhile"), "secret x")
	}).works(t)
	for range 3 {
		o := submit(t, s, "c/s")
		done := ended(t, s, o.ID)
		var e *common.Error
		if done.State != saga.Failed || !errors.As(done.Err, &e) || e.Kind != common.Conflict || e.Code != common.CodeConcurrentChange || len(e.LeftBehind) != 1 || len(done.Result) != 0 {
			t.Errorf("%+v, %v", done, done.Err)
		}
	}
	if s.runs.Load() != 3 {
		t.Errorf("%d runs, want 3", s.runs.Load())
	}
}

// TestTheRecordOfAnErrorIsReadByAnotherServer keeps of an error what callers may read.
func TestTheRecordOfAnErrorIsReadByAnotherServer(t *testing.T) {
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis, "a", succeed), newServer(t, redis, "b", succeed)
	o, err := a.Start(t.Context(), operations.Operation{Kind: "roll back", Target: "c/s", Account: "a"}, time.Minute, func(context.Context) error {
		return common.Invalid(common.FieldError{Field: "cpu", Detail: "is no number"})
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	done := ended(t, b, o.ID)
	if fields := common.Fields(done.Err); done.State != saga.Failed || !common.Is(done.Err, common.BadRequest) || len(fields) != 1 || fields[0].Field != "cpu" || done.Error == "" {
		t.Errorf("%+v, %v", done, done.Err)
	}
}

// mortal starts a server that works on an operation and is known to live. Die has others find that it does not, and end ends the work.
func mortal(t *testing.T, redis *miniredis.Miniredis, queued bool) (o operations.Operation, die, end func()) {
	t.Helper()
	const alive = "ecs-api:v1:acme:server:dead"
	begun, may := make(chan struct{}, 1), make(chan struct{})
	dead := newServer(t, redis, "dead", succeed) // it says that it lives by the key that the test sets
	if err := redis.Set(alive, "1"); err != nil {
		t.Fatal(err)
	}
	o, err := dead.Start(t.Context(), operations.Operation{Kind: "roll back", Target: "c/s", Account: "a", Queued: queued}, time.Minute, func(ctx context.Context) error {
		_, err := inSteps(begun, may)(ctx, operations.Job{})
		return err
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	return o, func() { redis.Del(alive) }, func() {
		close(may)
		dead.Wait()
	}
}

// TestWhatCannotBeQueuedEndsInterruptedWhenItsServerDies has the server live no longer than Redis says.
func TestWhatCannotBeQueuedEndsInterruptedWhenItsServerDies(t *testing.T) {
	redis := miniredis.RunT(t)
	o, die, end := mortal(t, redis, false)
	one, two := newServer(t, redis, "one", succeed).works(t), newServer(t, redis, "two", succeed).works(t)
	eventually(t, "the step is saved", func() bool {
		shown, err := one.Operation(t.Context(), "a", o.ID)
		return err == nil && len(shown.Steps) == 1
	})
	if shown, err := one.Operation(t.Context(), "a", o.ID); err != nil || shown.Ended() {
		t.Errorf("while its server lives: %+v, %v", shown, err)
	}
	die()
	done := ended(t, one, o.ID)
	if done.State != saga.Interrupted || !common.Is(done.Err, common.Unavailable) || len(done.Steps) != 1 || done.Steps[0].State != saga.Interrupted {
		t.Errorf("%+v, %v", done, done.Err)
	}
	eventually(t, "one of them was called", func() bool { return one.interrupted.Load()+two.interrupted.Load() == 1 })
	end()
}

// TestAJobWhoseQueueIsLostIsSubmittedAgain restarts Redis empty while a job waits.
func TestAJobWhoseQueueIsLostIsSubmittedAgain(t *testing.T) {
	redis := miniredis.RunT(t)
	s := newServer(t, redis, "s", succeed)
	o := submit(t, s, "c/s")
	redis.FlushAll()
	s.works(t)
	if done := ended(t, s, o.ID); done.State != saga.Succeeded || s.runs.Load() != 1 {
		t.Errorf("%+v after %d runs", done, s.runs.Load())
	}
}

// TestADeleteThatComesWhileRedisIsDownRunsAtOnce has no Redis when the job comes.
func TestADeleteThatComesWhileRedisIsDownRunsAtOnce(t *testing.T) {
	redis := miniredis.RunT(t)
	s := newServer(t, redis, "s", succeed).works(t)
	redis.Close()
	eventually(t, "the server knows", func() bool { return !s.redis.Up() })
	o := submit(t, s, "c/s")
	if done := ended(t, s, o.ID); done.State != saga.Succeeded || s.runs.Load() != 1 {
		t.Errorf("%+v after %d runs", done, s.runs.Load())
	}
	if list := s.Operations(t.Context(), "a"); len(list) != 1 {
		t.Errorf("listed: %+v", list)
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	other := newServer(t, redis, "other", succeed)
	eventually(t, "the other server learns of it", func() bool {
		shown, err := other.Operation(t.Context(), "a", o.ID)
		return err == nil && shown.State == saga.Succeeded
	})
}

// TestAnotherServersJobIsLeftToItWhileItLives gives a job to a second server, as a queue does that was out of reach for half a minute.
func TestAnotherServersJobIsLeftToItWhileItLives(t *testing.T) {
	redis := miniredis.RunT(t)
	begun, may := make(chan struct{}, 1), make(chan struct{})
	first := newServer(t, redis, "first", inSteps(begun, may)).works(t)
	job := newJob(t, "c/s")
	if _, err := first.Submit(t.Context(), job, nil, func() {}); err != nil {
		t.Fatal(err)
	}
	<-begun
	second := newServer(t, redis, "second", succeed)
	var later *operations.Later
	if err := second.Work(t.Context(), job); !errors.As(err, &later) || later.Failed || later.After == 0 || second.runs.Load() != 0 {
		t.Errorf("the second server: %v, %d runs", err, second.runs.Load())
	}
	again := make(chan error, 1)
	go func() { again <- first.Work(t.Context(), job) }() // the first one waits for what it does already
	close(may)
	if err := <-again; !errors.As(err, &later) && err != nil || first.runs.Load() != 1 {
		t.Errorf("the first server: %v, %d runs", err, first.runs.Load())
	}
	if done := ended(t, second, job.Operation); done.State != saga.Succeeded {
		t.Errorf("%+v", done)
	}
	if err := second.Work(t.Context(), job); err != nil || second.runs.Load() != 0 {
		t.Errorf("when it has ended: %v, %d runs", err, second.runs.Load())
	}
}

// TestAnAnnouncedJobIsDoneWhenItsServerDies is never submitted.
func TestAnAnnouncedJobIsDoneWhenItsServerDies(t *testing.T) {
	redis := miniredis.RunT(t)
	dead, s := newServer(t, redis, "dead", succeed), newServer(t, redis, "s", succeed)
	jobs := map[string]operations.Job{}
	for _, target := range []string{"c/dead", "c/refused", "c/again"} {
		job := newJob(t, target)
		dead.Announce(t.Context(), job)
		jobs[target] = job
	}
	dead.Withdraw(t.Context(), jobs["c/refused"])
	again := newJob(t, "c/again")
	s.Announce(t.Context(), again) // the request is repeated
	for target, want := range map[string]string{"c/dead": jobs["c/dead"].Operation, "c/again": again.Operation} {
		if has, err := s.queue.Has("a", target, want); !has || err != nil {
			t.Errorf("%s is not announced: %v", target, err)
		}
	}
	for target, gone := range map[string]string{"c/refused": jobs["c/refused"].Operation, "c/again": jobs["c/again"].Operation} {
		if has, err := s.queue.Has("a", target, gone); has || err != nil {
			t.Errorf("%s is still announced: %v", target, err)
		}
	}
	if err := s.Work(t.Context(), jobs["c/dead"]); err != nil { // as the queue does when its time has come
		t.Fatal(err)
	}
	if o, err := s.Operation(t.Context(), "a", jobs["c/dead"].Operation); err != nil || o.State != saga.Succeeded {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestWhatRedisLostOfOperationsIsWrittenAnew has Redis come back empty, and with an operation that runs in it though it has ended: other servers learn how it ended.
func TestWhatRedisLostOfOperationsIsWrittenAnew(t *testing.T) {
	const running = "ecs-api:v1:acme:running"
	redis := miniredis.RunT(t)
	begun, may := make(chan struct{}, 1), make(chan struct{})
	s, other := newServer(t, redis, "s", inSteps(begun, may)).works(t), newServer(t, redis, "other", succeed)
	id := submit(t, s, "c/s").ID
	<-begun
	key, field := "ecs-api:v1:acme:op:a:"+id, "a/"+id
	eventually(t, "the server is known to work on it", func() bool { return redis.HGet(running, field) == "s" })
	before, err := redis.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	close(may)
	ended(t, s, id)
	knows := func() bool {
		o, err := other.Operation(t.Context(), "a", id)
		return err == nil && o.State == saga.Succeeded
	}
	eventually(t, "the other server knows", knows)
	for what, fill := range map[string]func() error{
		"an empty Redis": func() error { return nil },
		"one that has lost the end": func() error {
			redis.HSet(running, field, "s")
			return redis.Set(key, before)
		},
	} {
		redis.Close()
		eventually(t, "the servers know that Redis is down", func() bool {
			_ = knows() // who uses it learns of it
			return !s.redis.Up() && !other.redis.Up()
		})
		redis.FlushAll()
		if err := fill(); err != nil {
			t.Fatal(err)
		}
		if err := redis.Restart(); err != nil {
			t.Fatal(err)
		}
		eventually(t, what+" learns of it", knows)
	}
}

// newJob returns a job for the target.
func newJob(t *testing.T, target string) operations.Job {
	t.Helper()
	job, err := operations.NewJob(t.Context(), "a", "k", target, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// slowWorker takes long to save what it works on, but for the first time.
type slowWorker struct {
	saves atomic.Int64
	until chan struct{}
}

func (w *slowWorker) SaveAll(context.Context) {
	if w.saves.Add(1) > 1 {
		<-w.until
	}
}

func (*slowWorker) Resubmit(context.Context) {}

// TestAServerThatIsBusySavingLives has more operations than it can save in time.
func TestAServerThatIsBusySavingLives(t *testing.T) {
	const alive = "ecs-api:v1:acme:server:s"
	redis := miniredis.RunT(t)
	s, worker := newServer(t, redis, "s", succeed), &slowWorker{until: make(chan struct{})}
	s.record.Run(worker)
	eventually(t, "it saves", func() bool { return worker.saves.Load() > 1 })
	for range 3 {
		redis.Del(alive)
		eventually(t, "it says that it lives", func() bool { return redis.Exists(alive) })
	}
	close(worker.until)
}

// Package queue gives jobs to the servers that share a Redis, by asynq. It owns one rule: a job that was accepted is done by one server, and by
// another one when that dies; so a job leaves the queue only when its operation has ended.
//
// Each account has a queue of its own, which the servers that have the account in their config work on. The id of a task is the job's target: there
// is one at a time. asynq notices within 126 seconds that a server has died: a lease of 30 s, 30 s more for clocks that differ, a look every 60 s,
// and 6 s until the task is taken. The keys are asynq's own, asynq:{queue}:…, and hold no secrets. What asynq would leave for ever gets a TTL from
// the servers that work on the queue.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/sirupsen/logrus"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/state"
)

// Options is what a Queue is made of.
type Options struct {
	Redis    *state.Redis
	Accounts []string      // that this server works for
	Grace    time.Duration // how long running jobs may continue when the server ends
	Log      *logrus.Logger
	// Retried is called with each job that this server tried, and that is to be retried because it failed. Nil is fine.
	Retried func(operations.Job)
	Times   Times
}

// Times of a queue. The zero value of each is its default.
type Times struct {
	Announced time.Duration // when a job is done whose server has died before it was submitted: a request is over by then; 130 s
	Check     time.Duration // how often the queues are looked at for new jobs; 500 ms
	Forward   time.Duration // how often for those that are to be retried; 5 s
	Backoff   time.Duration // how long a job that failed for the first time waits; 5 s, doubled each time up to a minute
}

// Queue gives jobs to servers, and takes some of them.
type Queue struct {
	o       Options
	inspect *asynq.Inspector
	patient redis.UniversalClient
	server  *asynq.Server
	started atomic.Pointer[renewals] // nil before Start
	changed changed
}

// renewals keep the keys of the queues alive: all of them every so often, and at once those of a queue that has changed.
type renewals struct{ all, changed *state.Renewal }

var _ operations.Queue = (*Queue)(nil)

const (
	// concurrency is how many jobs a server does at once. They wait for AWS nearly all the time, and the rate buckets bound what they ask of it.
	concurrency = 100
	// taskType is asynq's type of our tasks; the job says of what kind it is.
	taskType = "job"
	// retries are more than a job can have: it ends by itself, and a task that asynq gives up stays for three months.
	retries = 1 << 20
	// taskTime is longer than any job takes, and no limit of its own.
	taskTime = 24 * time.Hour
	// mostBackoff is how long a job that fails again and again waits.
	mostBackoff = time.Minute
)

// New returns a queue. It takes no job before Start.
func New(o Options) (*Queue, error) {
	for d, otherwise := range map[*time.Duration]time.Duration{
		&o.Times.Announced: 130 * time.Second, &o.Times.Check: 500 * time.Millisecond, &o.Times.Forward: 5 * time.Second, &o.Times.Backoff: 5 * time.Second,
	} {
		if *d == 0 {
			*d = otherwise
		}
	}
	if o.Retried == nil {
		o.Retried = func(operations.Job) {}
	}
	patient, err := o.Redis.Patient()
	if err != nil {
		return nil, err
	}
	q := &Queue{o: o, inspect: asynq.NewInspectorFromRedisClient(o.Redis.Client()), patient: patient}
	queues := map[string]int{}
	for _, account := range o.Accounts {
		queues[q.name(account)] = 1 // no account starves another one
	}
	q.server = asynq.NewServerFromRedisClient(patient, asynq.Config{
		Concurrency: concurrency, Queues: queues, ShutdownTimeout: o.Grace, TaskCheckInterval: o.Times.Check, DelayedTaskCheckInterval: o.Times.Forward,
		RetryDelayFunc: q.delay, IsFailure: failed, Logger: logger{o.Log.WithField("part", "queue"), o.Redis}, LogLevel: asynq.InfoLevel,
	})
	return q, nil
}

// name returns the name of an account's queue.
func (q *Queue) name(account string) string { return q.o.Redis.Key("jobs", account) }

// Start takes jobs and does them with work, until Stop.
func (q *Queue) Start(work func(context.Context, operations.Job) error) error {
	err := q.server.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		name, _ := asynq.GetQueueName(ctx)
		q.renewSoon(name) // the task is in another list now
		var job operations.Job
		if err := json.Unmarshal(task.Payload(), &job); err != nil { // a newer server may understand it
			return &operations.Later{After: mostBackoff, Err: common.Errorf(common.Internal, "read a job: %w", err)}
		}
		err := work(ctx, job)
		if failed(err) {
			q.o.Retried(job)
		}
		return err
	}))
	if err != nil {
		return common.Errorf(common.Internal, "start the queue: %v", err)
	}
	started := &renewals{q.o.Redis.Renew(renewEvery, q.renew), q.o.Redis.Renew(renewEvery, q.renewChanged)}
	q.started.Store(started)
	started.all.Wake() // servers that were killed may have left something
	return nil
}

// renewSoon has what is new of a queue get a TTL.
func (q *Queue) renewSoon(name string) {
	q.changed.add(name)
	if started := q.started.Load(); started != nil {
		started.changed.Wake()
	}
}

// stopTime is how long Stop waits for asynq: it takes from the time that running jobs have.
const stopTime = time.Second

// Stop takes no more jobs.
func (q *Queue) Stop() {
	stopped := make(chan struct{})
	go func() { // ends when asynq has the response to its latest command, which a Redis that stands still delays by seconds
		defer close(stopped)
		q.server.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(stopTime):
	}
}

// Shutdown waits until Redis knows what has become of the jobs, or ctx ends. Call it when none runs any more.
func (q *Queue) Shutdown(ctx context.Context) {
	done := make(chan struct{})
	go func() { // ends when asynq does; Redis may be down, which it waits for
		defer close(done)
		q.server.Shutdown()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	_ = q.patient.Close() // there is nothing left to do about it
	if started := q.started.Load(); started != nil {
		started.all.Close()
		started.changed.Close()
		q.renew(ctx) // what has been created since
	}
}

// delay returns how long a task waits that is to be retried for the n-th time.
func (q *Queue) delay(n int, err error, _ *asynq.Task) time.Duration {
	if errors.Is(err, asynq.ErrLeaseExpired) {
		return 0 // its server has died
	}
	if later, ok := errors.AsType[*operations.Later](err); ok && !later.Failed {
		return later.After
	}
	return min(q.o.Times.Backoff<<min(n, 10), mostBackoff)
}

// failed reports whether a task was tried and failed.
func failed(err error) bool {
	later, ok := errors.AsType[*operations.Later](err)
	return err != nil && !errors.Is(err, asynq.ErrLeaseExpired) && (!ok || later.Failed)
}

// Announce implements operations.Queue: the job is done after a while, unless it is submitted or withdrawn before.
func (q *Queue) Announce(ctx context.Context, job operations.Job) (*operations.Job, error) {
	for range 2 {
		err := q.enqueue(ctx, job, asynq.ProcessIn(q.o.Times.Announced))
		if err == nil || !errors.Is(err, asynq.ErrTaskIDConflict) {
			return nil, err
		}
		existing, state, err := q.find(ctx, job)
		switch {
		case err != nil:
			return nil, err
		case existing == nil: // gone meanwhile
		case over(state):
			_ = q.inspect.DeleteTask(q.name(job.Account), job.Target) // of a request whose server has died: this one begins anew
		default:
			return existing, nil
		}
	}
	return nil, common.Errorf(common.Unavailable, "announce the job: others come and go")
}

// over reports whether a task in the state may be replaced by the job of a request that has locked its target.
func over(s asynq.TaskState) bool {
	return s == asynq.TaskStateScheduled || s == asynq.TaskStateArchived || s == asynq.TaskStateCompleted
}

// How long Submit waits for the task of an earlier job, whose operation has ended, to leave the queue: by the clock, as each look at a slow Redis
// takes its time too.
const (
	leaving     = time.Second
	leavingPoll = 50 * time.Millisecond
)

// Submit implements operations.Queue. A job that the queue has already is not taken twice.
func (q *Queue) Submit(ctx context.Context, job operations.Job) error {
	for begun := time.Now(); time.Since(begun) < leaving; {
		existing, state, err := q.find(ctx, job)
		switch {
		case err != nil:
			return err
		case existing == nil:
			if err = q.enqueue(ctx, job); !errors.Is(err, asynq.ErrTaskIDConflict) {
				return err
			}
			continue
		case existing.Operation == job.Operation && state == asynq.TaskStateScheduled:
			if err = q.inspect.RunTask(q.name(job.Account), job.Target); err == nil {
				return nil
			}
		case existing.Operation == job.Operation && !over(state):
			return nil
		case over(state):
			_ = q.inspect.DeleteTask(q.name(job.Account), job.Target)
			continue
		}
		if err := common.Sleep(ctx, leavingPoll); err != nil {
			return err
		}
	}
	return common.Errorf(common.Unavailable, "the queue has another job for %s", job.Target)
}

// Withdraw implements operations.Queue. It does so whatever the request's budget: else the job would be done.
func (q *Queue) Withdraw(ctx context.Context, job operations.Job) error {
	existing, found, err := q.find(state.WithoutBudget(ctx), job)
	if err != nil || existing == nil || existing.Operation != job.Operation || found != asynq.TaskStateScheduled {
		return err
	}
	err = q.inspect.DeleteTask(q.name(job.Account), job.Target)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return nil // gone meanwhile
	}
	return err
}

// Has reports whether the queue has the job of the operation for the target.
func (q *Queue) Has(account, target, operation string) (bool, error) {
	existing, _, err := q.find(context.Background(), operations.Job{Account: account, Target: target})
	return existing != nil && existing.Operation == operation, err
}

// enqueue adds the job. A client of its own makes sure that the queue is listed, even if Redis has been restarted empty.
func (q *Queue) enqueue(ctx context.Context, job operations.Job, opts ...asynq.Option) error {
	payload, err := json.Marshal(job)
	if err != nil {
		return common.Errorf(common.Internal, "encode the job: %w", err)
	}
	opts = append(opts, asynq.Queue(q.name(job.Account)), asynq.TaskID(job.Target), asynq.MaxRetry(retries), asynq.Timeout(taskTime))
	_, err = asynq.NewClientFromRedisClient(q.o.Redis.Client()).EnqueueContext(ctx, asynq.NewTask(taskType, payload), opts...)
	q.renewSoon(q.name(job.Account))
	return err
}

// find returns the job that the queue has for the target of job, and its state; nil if it has none.
func (q *Queue) find(ctx context.Context, job operations.Job) (*operations.Job, asynq.TaskState, error) {
	var info *asynq.TaskInfo
	err := q.o.Redis.Spend(ctx, func() (err error) {
		info, err = q.inspect.GetTaskInfo(q.name(job.Account), job.Target)
		return err
	})
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	var existing operations.Job
	if err := json.Unmarshal(info.Payload, &existing); err != nil {
		return nil, 0, common.Errorf(common.Internal, "read a job: %w", err)
	}
	return &existing, info.State, nil
}

// Depth returns how many jobs of the account wait, run, and are to be retried. It fails while Redis is down.
func (q *Queue) Depth(account string) (map[string]int, error) {
	info, err := q.inspect.GetQueueInfo(q.name(account))
	switch {
	case errors.Is(err, asynq.ErrQueueNotFound):
		return map[string]int{"waiting": 0, "running": 0, "retrying": 0}, nil
	case err != nil:
		return nil, err
	}
	return map[string]int{"waiting": info.Pending, "running": info.Active, "retrying": info.Retry}, nil
}

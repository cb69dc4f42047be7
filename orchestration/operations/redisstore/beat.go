package redisstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/state"
)

// Worker is who works on operations: a group.
type Worker interface {
	// SaveAll saves what this server works on.
	SaveAll(ctx context.Context)
	// Resubmit tells the queue what it may have missed or lost of what this server has submitted and withdrawn.
	Resubmit(ctx context.Context)
}

// Run has this server say that it lives, save what it works on, and look for operations whose servers have died, until Close.
func (r *Record) Run(worker Worker) {
	r.beat(r.ctx, worker)                                                              // before it takes the first job
	r.workers.Go(func() { r.every(r.o.Times.Beat, func() { _ = r.sayAlive(r.ctx) }) }) // however long the rest takes
	r.workers.Go(func() { r.every(r.o.Times.Beat, func() { r.saveAll(r.ctx, worker) }) })
	r.workers.Go(func() { r.every(r.o.Times.Sweep, func() { r.sweep(r.ctx) }) })
	back := make(chan struct{}, 1)
	r.o.Redis.OnRecovery(func() {
		select {
		case back <- struct{}{}: // Redis may have been restarted empty
		default:
		}
	})
	r.workers.Go(func() {
		for {
			select {
			case <-back:
			case <-r.ctx.Done():
				return
			}
			r.forgetMissing()
			r.every(r.o.Times.Save, func() { r.beat(r.ctx, worker) }, r.knownAlive) // OnRecovery is called right before Redis can be used
		}
	})
}

// every calls f at the interval until the record is closed, or done says so.
func (r *Record) every(interval time.Duration, f func(), done ...func() bool) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			f()
		case <-r.ctx.Done():
			return
		}
		if slices.ContainsFunc(done, func(done func() bool) bool { return done() }) {
			return
		}
	}
}

// knownAlive reports whether Redis knows that this server lives.
func (r *Record) knownAlive() bool {
	return r.o.Redis.Up() && r.Alive(r.ctx, r.o.Server)
}

// beat says that this server lives, and saves everything.
func (r *Record) beat(ctx context.Context, worker Worker) {
	if r.sayAlive(ctx) == nil {
		r.restore(ctx) // before the queue gets the jobs: whoever takes one finds its operation
		r.saveAll(ctx, worker)
	}
}

// sayAlive says that this server lives.
func (r *Record) sayAlive(ctx context.Context) error {
	return r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return client.Set(ctx, r.o.Redis.Key("server", r.o.Server), "1", r.o.Times.Life).Err()
	})
}

// saveAll saves what this server works on and what Redis does not know yet. With hundreds of operations and a slow Redis it takes longer than Life.
func (r *Record) saveAll(ctx context.Context, worker Worker) {
	r.mu.Lock()
	unsaved := slices.Collect(maps.Values(r.unsaved))
	r.mu.Unlock()
	state.Each(unsaved, func(o operations.Operation) { r.saveAgain(ctx, o) })
	worker.SaveAll(ctx)
	worker.Resubmit(ctx)
}

// forgetMissing begins to count anew how long servers have been gone: while Redis is down nobody can say that they live.
func (r *Record) forgetMissing() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.missing)
}

// restore saves what ended on this server, or waits for one, and Redis has lost: one that comes back may be empty. What this server works on is saved with each beat.
func (r *Record) restore(ctx context.Context) {
	all := r.own.All()
	there := make([]*redis.IntCmd, len(all))
	err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, o := range all {
				there[i] = p.Exists(ctx, r.key(o.Account, o.ID))
			}
			return nil
		})
		return err
	})
	if err != nil {
		return // Redis is down once more, and comes back once more
	}
	var lost []operations.Operation
	for i, o := range all {
		if waits := o.Queued && o.Server == ""; (o.Ended() || waits) && there[i].Val() == 0 {
			lost = append(lost, o)
		}
	}
	state.Each(lost, func(o operations.Operation) { r.saveAgain(ctx, o) })
}

// saveEnded saves operations that Redis has as running on this server, and that have ended: a Redis that was killed, or failed over, may have lost
// its latest second.
func (r *Record) saveEnded(ctx context.Context, running map[string]string) {
	for name, server := range running {
		if server != r.o.Server && server != "" { // without a server it is saved as it is handed over, which may arrive late
			continue
		}
		account, id := operationOf(name)
		if o, err := r.own.Find(ctx, account, id); err == nil && o.Ended() {
			_ = r.Save(ctx, o) // else with the next beat
		}
	}
}

// sweep ends the operations whose servers have died, and which no queue has.
func (r *Record) sweep(ctx context.Context) {
	r.learn(ctx)
	gone, err := r.gone(ctx)
	if err != nil {
		r.forgetMissing()
		return
	}
	for _, name := range gone {
		account, id := operationOf(name)
		r.interrupt(ctx, account, id)
	}
}

// learn finds out what has become of what this server has left to others: it would keep it for ever, and restore it.
func (r *Record) learn(ctx context.Context) {
	var left []operations.Operation
	for _, o := range r.own.All() {
		if o.Queued && o.Server == "" && !o.Ended() {
			left = append(left, o)
		}
	}
	state.Each(left, func(o operations.Operation) { _, _ = r.Find(ctx, o.Account, o.ID) })
}

// gone returns the operations that run, by field, and that have had no living server for long enough.
func (r *Record) gone(ctx context.Context) (gone []string, err error) {
	running, err := r.running(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]*redis.IntCmd{}
	for _, server := range running {
		there[server] = nil
	}
	err = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for server := range there {
				there[server] = p.Exists(ctx, r.o.Redis.Key("server", server))
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	r.saveEnded(ctx, running)
	r.mu.Lock()
	defer r.mu.Unlock()
	missing := map[string]time.Time{}
	for name, server := range running {
		if server == r.o.Server || there[server].Val() > 0 {
			continue
		}
		since, known := r.missing[name]
		if !known {
			since = time.Now()
		}
		missing[name] = since
		if time.Since(since) >= r.o.Times.Grace {
			gone = append(gone, name)
		}
	}
	r.missing = missing
	return gone, nil
}

// running returns the operations that have not ended, by field, and their servers.
func (r *Record) running(ctx context.Context) (running map[string]string, err error) {
	err = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		running, err = client.HGetAll(ctx, r.o.Redis.Key("running")).Result()
		return err
	})
	return running, err
}

// interrupt ends an operation whose server has died, unless the queue has its job.
func (r *Record) interrupt(ctx context.Context, account, id string) {
	if !r.reserve(ctx, account, id) {
		return
	}
	o, err := r.find(ctx, account, id)
	switch {
	case common.Is(err, common.NotFound), err == nil && o.Ended():
		r.forget(ctx, account, id)
		return
	case err != nil:
		return
	case o.Queued && r.o.Queued != nil:
		if known, err := r.o.Queued(account, o.Target, id); known || err != nil {
			return
		}
	}
	ended := o.Interrupt()
	_ = r.Save(ctx, ended) // else with the next beat
	r.o.Interrupted(ended)
}

// reserve reserves the look at an operation whose server has died, and reports whether this server has it. It expires: should this server end meanwhile, or not learn
// that it has it, another one looks.
func (r *Record) reserve(ctx context.Context, account, id string) (mine bool) {
	err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		mine, err = client.SetNX(ctx, r.o.Redis.Key("sweep", account, id), r.o.Server, r.o.Times.Grace).Result()
		return err
	})
	return err == nil && mine
}

// forget takes an operation out of those that run. Where that fails, the next sweep does it.
func (r *Record) forget(ctx context.Context, account, id string) {
	_ = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return client.HDel(ctx, r.o.Redis.Key("running"), field(account, id)).Err()
	})
}

func isNil(err error) bool { return errors.Is(err, redis.Nil) }

package fleet

import (
	"context"
	"maps"
	"slices"
	"time"

	"ecs-api/api/telemetry"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/operations/queue"
	"ecs-api/orchestration/operations/redisstore"
	"ecs-api/state"
)

// share has the options use the state: then all servers know the operations, and continue the jobs of a server that dies.
func (f *Fleet) share(o *operations.Options) error {
	c, metrics := f.options.Config, f.options.Metrics
	var tokens []string
	for _, caller := range c.Callers() {
		tokens = append(tokens, caller.Token.Reveal())
	}
	seal, err := state.NewSeal("operations", tokens...)
	if err != nil {
		return err
	}
	accounts := slices.Sorted(maps.Keys(c.Accounts))
	retried := metrics.WatchQueue(accounts, func(account string) (map[string]int, error) { return f.queue.Depth(account) })
	f.queue, err = queue.New(queue.Options{
		Redis: f.state, Accounts: accounts, Grace: time.Duration(c.ShutdownGrace), Log: f.options.Log,
		Retried: func(job operations.Job) { retried(job.Account, job.Kind) },
	})
	if err != nil {
		return err
	}
	f.record = redisstore.New(redisstore.Options{Redis: f.state, Seal: seal, Server: f.id, Interrupted: f.observeInterrupted, Queued: f.queue.Has})
	o.Record, o.Queue = f.record, f.queue
	return nil
}

// Work does jobs of the queue that servers share, if there is one, until Shutdown.
func (f *Fleet) Work() error {
	if f.queue == nil {
		return nil
	}
	f.record.Run(f.Background)
	return f.queue.Start(f.Background.Work)
}

// observe counts background work, and writes the one line that each piece of it gets, when it has ended. Nobody sees its end before.
func (f *Fleet) observe(o operations.Operation) {
	metrics := f.options.Metrics
	switch {
	case o.Ended():
	case o.Queued && o.Server == "": // another server continues it
		metrics.OperationLeft(o.Account, o.Kind)
		return
	default:
		metrics.OperationBegan(o.Account, o.Kind)
		return
	}
	f.options.Forget(o.Account) // whoever sees that it has ended shall see what it did
	f.Publish(context.Background(), Change{Account: o.Account})
	took := o.EndedAt.Sub(o.StartedAt)
	if o.Server == f.id {
		metrics.OperationLeft(o.Account, o.Kind)
	} // else this server has found that its own one has died
	metrics.OperationEnded(o.Account, o.Kind, string(o.State), took)
	telemetry.LogOperation(f.options.Log, o, took)
}

// observeInterrupted counts an operation whose server has died. Nobody watches the one-off tasks any more that it watched.
func (f *Fleet) observeInterrupted(o operations.Operation) {
	f.observe(o)
	if o.Kind == oneoff.KindRun {
		select {
		case f.died <- struct{}{}:
		default:
		}
	}
}

// ForEachDeath calls do whenever a server that shares the state has died while it watched a one-off task, until ctx ends.
func (f *Fleet) ForEachDeath(ctx context.Context, do func(context.Context)) {
	for {
		select {
		case <-f.died:
			do(ctx)
		case <-ctx.Done():
			return
		}
	}
}

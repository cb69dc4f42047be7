package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecs-api/api/idempotency"
	"ecs-api/common"
	"ecs-api/orchestration/leases"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/operations/queue"
	"ecs-api/orchestration/operations/shared"
	"ecs-api/state"
)

// openState connects to the Redis that the config names, if it names one. That it is down stops nothing: requests go on without it.
func (s *Server) openState() error {
	url := s.config.State.Redis.Reveal()
	if url == "" {
		return nil
	}
	shared, err := state.Open(context.Background(), state.Options{URL: url, Org: s.config.Org, Observe: s.observeState})
	if err != nil {
		return common.Wrapf(err, "state.redis")
	}
	s.state, s.leases, s.keys = shared, leases.New(shared), idempotency.NewRedis(shared)
	s.idempotency = idempotency.NewKeeper(s.keys, s.callers.Token)
	s.metrics.WatchState(shared.Up)
	return nil
}

// observeState logs that the state has gone, and that it is back.
func (s *Server) observeState(up bool, why error) {
	if up {
		s.log.Info("the state is back: Redis can be used again")
		return
	}
	s.log.WithError(why).Warn("the state is down: Redis cannot be used, and requests go on without it, but for those with an Idempotency-Key")
}

// CheckState asks the Redis of the config whether it can be used, and returns why not. Configured is false if the config names none.
func (s *Server) CheckState(ctx context.Context) (configured bool, err error) {
	if s.state == nil {
		return false, nil
	}
	return true, s.state.Ping(ctx)
}

// openBackground makes the owner of what goes on after a response: with a state, all servers know it, and go on with the jobs of one that dies.
func (s *Server) openBackground() error {
	s.id, s.died = uuid.NewString(), make(chan struct{}, 1)
	o := operations.Options{Observe: s.observeOperation, Server: s.id}
	if s.state != nil {
		if err := s.share(&o); err != nil {
			return err
		}
	}
	s.background = operations.NewGroup(o)
	return nil
}

// share has the options use the state.
func (s *Server) share(o *operations.Options) error {
	var tokens []string
	for _, caller := range s.config.Callers() {
		tokens = append(tokens, caller.Token.Reveal())
	}
	seal, err := state.NewSeal("operations", tokens...)
	if err != nil {
		return err
	}
	accounts := slices.Sorted(maps.Keys(s.config.Accounts))
	retried := s.metrics.WatchQueue(accounts, func(account string) (map[string]int, error) { return s.queue.Depth(account) })
	s.queue, err = queue.New(queue.Options{
		Redis: s.state, Accounts: accounts, Grace: time.Duration(s.config.ShutdownGrace), Log: s.log,
		Retried: func(job operations.Job) { retried(job.Account, job.Kind) },
	})
	if err != nil {
		return err
	}
	s.record = shared.New(shared.Options{Redis: s.state, Seal: seal, Server: s.id, Interrupted: s.observeInterrupted, Queued: s.queue.Has})
	o.Record, o.Queue = s.record, s.queue
	return nil
}

// Work does jobs of the queue that servers share, if there is one, until Shutdown.
func (s *Server) Work() error {
	if s.queue == nil {
		return nil
	}
	s.record.Run(s.background)
	return s.queue.Start(s.background.Work)
}

// observeInterrupted counts an operation whose server has died. Nobody watches the one-off tasks any more that it watched.
func (s *Server) observeInterrupted(o operations.Operation) {
	s.observeOperation(o)
	if o.Kind == oneoff.KindRun {
		select {
		case s.died <- struct{}{}:
		default:
		}
	}
}

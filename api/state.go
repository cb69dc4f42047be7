package api

import (
	"context"

	"ecs-api/api/idempotency"
	"ecs-api/common"
	"ecs-api/orchestration/leases"
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

package orchestration

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// survey is every live service of the account, by the name of its cluster. Those who share one only read it.
type survey map[string][]*awsecs.Service

// surveys are shared by the background work that wants one at the same time: one takes two calls for each cluster of the account, and of
// many deletes at once each would take its own. Nobody gets one that began before it was asked for. The zero value is ready.
type surveys struct {
	mu    sync.Mutex
	next  *surveying // which has not begun; nil until somebody asks
	taken sync.Mutex // held while one is taken: others gather for the next
}

// surveying is one survey on its way.
type surveying struct {
	waiting int // guarded by the surveys' lock
	done    chan struct{}
	found   survey
	err     error
}

// join returns what take returned, called by whoever asked first. That it failed is that one's alone: the others take another.
func (s *surveys) join(ctx context.Context, take func(context.Context) (survey, error)) (survey, error) {
	s.mu.Lock()
	one := s.next
	if one == nil {
		one = &surveying{done: make(chan struct{})}
		s.next = one
		s.mu.Unlock()
		s.lead(ctx, one, take)
		return one.found, one.err
	}
	one.waiting++
	s.mu.Unlock()
	select {
	case <-one.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if one.err != nil {
		return s.join(ctx, take)
	}
	return one.found, nil
}

// lead takes the survey when the one before is done; nobody joins it any more once it begins.
func (s *surveys) lead(ctx context.Context, one *surveying, take func(context.Context) (survey, error)) {
	s.taken.Lock()
	defer s.taken.Unlock()
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	defer close(one.done)
	one.err = common.Safely(func() (err error) {
		one.found, err = take(ctx)
		return err
	})
}

// survey returns all live services. Background work shares it.
func (o *Orchestrator) survey(ctx context.Context) (survey, error) {
	if common.InBackground(ctx) {
		return o.surveys.join(ctx, o.takeSurvey)
	}
	return o.takeSurvey(ctx)
}

// maxReaders is how many clusters are looked at at the same time.
const maxReaders = 8

func (o *Orchestrator) takeSurvey(ctx context.Context) (survey, error) {
	clusters, err := o.ecs.ListClusters(ctx)
	if err != nil {
		return nil, err
	}
	found := survey{}
	var mu sync.Mutex
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for _, arn := range clusters {
		common.Go(readers, func() error {
			services, err := o.liveServices(ctx, nameOf(arn))
			mu.Lock()
			defer mu.Unlock()
			found[nameOf(arn)] = services
			return err
		})
	}
	return found, readers.Wait()
}

package orchestration

import (
	"context"
	"sync"
)

// spaces keep the requests of this server that build in one cluster from taking it away under each other. A cluster, its role and its log
// group are shared by the services in it: when the request that made them fails while another one builds on them, unmaking them is
// left to whoever is last, and dropped when anybody succeeds.
type spaces struct {
	mu   sync.Mutex
	held map[string]*space
}

func newSpaces() *spaces { return &spaces{held: map[string]*space{}} }

// space is a cluster that requests are building in, or that is being taken down.
type space struct {
	builders  int
	undos     []undo        // left by builders that failed; the last builder runs them
	exclusive chan struct{} // closed when whoever takes the space down is done; nil if nobody does
}

// enter joins the builders in a cluster. It waits while the cluster is being taken down.
func (s *spaces) enter(ctx context.Context, cluster string) error {
	for {
		s.mu.Lock()
		sp := s.held[cluster]
		if sp == nil {
			sp = &space{}
			s.held[cluster] = sp
		}
		if sp.exclusive == nil {
			sp.builders++
			s.mu.Unlock()
			return nil
		}
		wait := sp.exclusive
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave ends what enter began. A builder that failed passes how to unmake what it made of the shared parts. What comes back is for the
// caller to run, and then to call done: the undos of all builders that failed, if this one was the last and nobody succeeded.
func (s *spaces) leave(cluster string, succeeded bool, shared undo) (back undo, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := s.held[cluster]
	sp.builders--
	if succeeded {
		sp.undos = nil
	} else if shared != nil {
		sp.undos = append(sp.undos, shared)
	}
	switch {
	case sp.builders > 0:
		return nil, func() {}
	case len(sp.undos) == 0:
		delete(s.held, cluster)
		return nil, func() {}
	}
	back = latestFirst(sp.undos)
	sp.undos = nil
	return back, s.seal(cluster, sp)
}

// alone takes the cluster for itself, if nobody is building in it: nobody will until release is called.
func (s *spaces) alone(cluster string) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[cluster] != nil {
		return nil, false
	}
	sp := &space{}
	s.held[cluster] = sp
	return s.seal(cluster, sp), true
}

// seal keeps builders out of the space until the returned function is called. The lock must be held.
func (s *spaces) seal(cluster string, sp *space) (release func()) {
	done := make(chan struct{})
	sp.exclusive = done
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.held, cluster)
		close(done)
	}
}

package observe

import (
	"context"
	"sync"
	"time"

	"ecs-api/common"
)

// pollers are the services that are waited for or watched. One poller serves all who wait for or watch a service.
type pollers struct {
	mu      sync.Mutex
	all     map[target]*poller
	waiting int
	running sync.WaitGroup
	closed  bool
}

// poller polls one service while anybody waits for it.
type poller struct {
	waiting int // guarded by the pollers' lock
	cancel  context.CancelFunc
	poke    chan struct{} // holds one: poll at once

	mu      sync.Mutex
	polls   int       // how many have ended
	stale   time.Time // what began to be read before this must not be shown: a write has ended then
	found   *found
	err     error
	ended   bool
	changed chan struct{} // closed when any of these changes
}

// view is what a poll has found.
type view struct {
	found *found
	err   error
	polls int
	ended bool            // no newer one comes
	next  <-chan struct{} // closed when there is a newer one
}

// Written tells that a write of ours to the service has ended: what was read before is not shown to anybody any more, and who waits need not
// wait for the next poll. An empty service stands for all of the cluster's, an empty cluster for all.
func (o *Observer) Written(cluster, service string) {
	now := o.now()
	o.pollers.mu.Lock()
	defer o.pollers.mu.Unlock()
	for at, p := range o.pollers.all {
		if (cluster == "" || at.cluster == cluster) && (service == "" || at.service == service) {
			p.mu.Lock()
			p.stale = now
			p.mu.Unlock()
			p.wake()
		}
	}
}

// Close ends all waiting: waiters return with what is known. No new ones are taken.
func (o *Observer) Close() {
	o.pollers.mu.Lock()
	o.pollers.closed = true
	for _, p := range o.pollers.all {
		p.cancel()
	}
	o.pollers.mu.Unlock()
	o.pollers.running.Wait()
	o.account.RevisionCache.Close()
}

// wake makes the poller poll at once.
func (p *poller) wake() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// subscription is one caller's use of a poller.
type subscription struct {
	*poller
	before int // how many polls had ended when it began; 0 for the caller who starts the poller, however fast the first poll is
	leave  func()
}

// subscribe begins to wait for a service; leave must be called.
func (o *Observer) subscribe(ctx context.Context, at target) (*subscription, error) {
	ps := &o.pollers
	ps.mu.Lock()
	defer ps.mu.Unlock()
	switch {
	case ps.closed:
		return nil, common.Errorf(common.Unavailable, "the server is shutting down; retry")
	case ps.waiting >= o.limits.Waiting:
		return nil, common.Errorf(common.Unavailable, "%d requests wait for services or watch them, and the server takes no more; retry later", ps.waiting)
	case ps.all[at] == nil && len(ps.all) >= o.limits.Services:
		return nil, common.Errorf(common.Unavailable, "%d services are waited for or watched, and the server takes no more; retry later", len(ps.all))
	}
	p, before := ps.all[at], 0
	if p != nil {
		before = p.latest().polls
	} else {
		polling, cancel := context.WithCancel(common.Polling(context.WithoutCancel(ctx)))
		p = &poller{cancel: cancel, poke: make(chan struct{}, 1), changed: make(chan struct{})}
		ps.all[at] = p
		ps.running.Go(func() { o.poll(polling, at, p) }) // ends when the last one leaves, or with Close
	}
	p.waiting++
	ps.waiting++
	return &subscription{poller: p, before: before, leave: func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		ps.waiting--
		if p.waiting--; p.waiting == 0 {
			p.cancel()
			delete(ps.all, at)
		}
	}}, nil
}

// pollTime is how long one poll may take.
const pollTime = 30 * time.Second

// poll reads the service again and again.
func (o *Observer) poll(ctx context.Context, at target, p *poller) {
	ticks := o.interval
	if ticks == nil {
		ticker := time.NewTicker(o.limits.Interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	defer p.end()
	for going := ""; ; {
		reading, cancel := context.WithTimeout(ctx, pollTime)
		var f *found
		err := common.Safely(func() (err error) {
			f, err = o.look(reading, at)
			return err
		})
		cancel()
		if ctx.Err() != nil {
			return
		}
		p.show(f, err)
		if err == nil {
			going = o.count(f, going)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		case <-p.poke:
		}
	}
}

// count counts the outcome of the deployment that was in progress at the poll before, if it has one now. It returns the one that is in progress now.
func (o *Observer) count(f *found, going string) string {
	all := f.deployments()
	if d := withID(all, going); d != nil && d.Outcome != nil {
		o.ended(string(*d.Outcome))
	}
	if len(all) > 0 && all[0].Outcome == nil {
		return all[0].Id
	}
	return ""
}

// Waiting returns how many wait for services or watch them.
func (o *Observer) Waiting() int {
	o.pollers.mu.Lock()
	defer o.pollers.mu.Unlock()
	return o.pollers.waiting
}

// show gives what a poll has found to all who wait. What began before a write of ours had ended is not shown, but read again.
func (p *poller) show(f *found, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && f.at.Before(p.stale) {
		p.wake()
		return
	}
	p.found, p.err = f, err
	p.polls++
	p.tell()
}

// tell wakes all who wait. The lock must be held.
func (p *poller) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// end lets all who wait know that nothing comes any more.
func (p *poller) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.tell()
}

// latest returns what the latest poll has found; nothing before the first one has ended.
func (p *poller) latest() view {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := view{found: p.found, err: p.err, polls: p.polls, ended: p.ended, next: p.changed}
	if p.found != nil && p.found.at.Before(p.stale) {
		v.found = nil
	}
	return v
}

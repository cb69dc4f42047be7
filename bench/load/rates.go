package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// What the program has to do while AWS enforces the rates it publishes.
const (
	leastPolls  = 200      // good reads a second of services that callers poll
	leastCached = 5000     // the same of callers who take responses up to 5 s old
	mostCreate  = 2        // times as long as alone may a create take while others poll
	mostFleet   = 5 * pace // the p95 of the polls of a fleet, in seconds
	pace        = time.Second
)

// fleet is what is polled: services in clusters.
type fleet struct{ clusters, services int }

var (
	oneCluster = fleet{1, 40}
	manyOnes   = fleet{100, 500}
)

// path returns where the n-th service is.
func (f fleet) path(n int) string {
	n %= f.services
	return servicePath(clusterName(n%f.clusters), serviceName(n))
}

func clusterName(n int) string { return fmt.Sprintf("fleet-%d", n) }
func serviceName(n int) string { return fmt.Sprintf("www-%d", n) }

// measurement is something measured at AWS's rates, which fails if its bar is missed.
type measurement struct {
	name string
	run  func(ctx context.Context, s *server, duration time.Duration, callers int) error
	of   fleet
}

var measurements = []measurement{
	{"poll", measurePolls, oneCluster},
	{"fleet", measureFleet("", 0), manyOnes},
	{"fleet-all", measureFleet("?all=true", warmUp), manyOnes},
	{"cached", measureCached, oneCluster},
	{"create", measureCreates, oneCluster},
}

// measureRates runs one of the measurements, or all.
func measureRates(ctx context.Context, binary, name string, duration time.Duration, callers int) error {
	var found []error
	known := false
	for _, m := range measurements {
		if name != "all" && name != m.name {
			continue
		}
		known = true
		if err := m.measure(ctx, binary, duration, callers); err != nil {
			found = append(found, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	if !known {
		return fmt.Errorf("-rates %s: there is no such measurement", name)
	}
	return errors.Join(found...)
}

func (m measurement) measure(ctx context.Context, binary string, duration time.Duration, callers int) error {
	s, err := launchLimited(binary, 0, map[string]any{})
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.populate(ctx, m.of); err != nil {
		return err
	}
	s.aws.SetLatency(round)
	s.aws.EnforceRates(true)
	return m.run(ctx, s, duration, callers)
}

// measurePolls has callers poll the services of a cluster, each as fast as it can.
func measurePolls(ctx context.Context, s *server, duration time.Duration, callers int) error {
	return s.measureLoad(ctx, "poll", pollsOf(oneCluster), callers, duration, leastPolls)
}

// measureCached has callers poll the services of a cluster, content with responses up to 5 s old.
func measureCached(ctx context.Context, s *server, duration time.Duration, callers int) error {
	polls := pollsOf(oneCluster)
	polls.header = []string{"Cache-Control", "max-age=5"}
	return s.measureLoad(ctx, "cached", polls, callers, duration, leastCached)
}

func pollsOf(f fleet) workload {
	return workload{name: "poll", request: func(caller, n int) (string, string, string) {
		return http.MethodGet, f.path(caller*7 + n), ""
	}}
}

// measureLoad puts the load on the program, and compares the good reads a second with what they have to be.
func (s *server) measureLoad(ctx context.Context, name string, w workload, callers int, duration time.Duration, least float64) error {
	c, err := s.load(ctx, w, callers, duration)
	if err != nil {
		return err
	}
	good := float64(len(c.took)-c.wrong.total()) / c.wall.Seconds()
	fmt.Printf("%-10s %d callers, %.0f good reads a second (at least %.0f), %d failed, p50 %v, p95 %v, %.3f calls to AWS per request\n",
		name, callers, good, least, c.wrong.total(), c.at(.5).Round(time.Millisecond), c.at(.95).Round(time.Millisecond), c.callsEach())
	c.wrong.print()
	switch {
	case c.wrong.total() > 0:
		return fmt.Errorf("%d requests failed", c.wrong.total())
	case good < least:
		return fmt.Errorf("%.0f good reads a second, want %.0f", good, least)
	}
	return nil
}

// every is how often a service of a fleet is polled.
const every = 5 * time.Second

// warmUp is how long a fleet is polled with all=true before the bar counts: the server knows no task definition at first, of which AWS describes 20 a second.
const warmUp = 40 * time.Second

// measureFleet has one caller for each service of a fleet, who polls it every 5 s, or as soon as the response to the poll before is there. The polls that begin
// during the warm-up are told apart: they must not fail, and the bar is for those after them.
func measureFleet(query string, warmUp time.Duration) func(context.Context, *server, time.Duration, int) error {
	return func(ctx context.Context, s *server, duration time.Duration, _ int) error {
		f := fleetPolls{server: s, query: query}
		ctx, cancel := context.WithTimeout(ctx, warmUp+duration)
		defer cancel()
		start, calls := time.Now(), s.calls.Load()
		var all sync.WaitGroup
		for n := range manyOnes.services {
			all.Go(func() {
				for due := start.Add(every * time.Duration(n) / time.Duration(manyOnes.services)); sleepUntil(ctx, due); due = later(due.Add(every)) {
					polls := &f.warm
					if time.Since(start) < warmUp {
						polls = &f.cold
					}
					f.poll(n, polls)
				}
			})
		}
		all.Wait()
		return f.report(s.calls.Load() - calls)
	}
}

// fleetPolls are the polls of a fleet.
type fleetPolls struct {
	server *server
	query  string

	mu         sync.Mutex
	cold, warm cell // during the warm-up and after it
}

// poll polls the n-th service, and counts that among the polls.
func (f *fleetPolls) poll(n int, polls *cell) {
	began := time.Now()
	a := f.server.ask(http.MethodGet, manyOnes.path(n)+f.query, "")
	took := time.Since(began)
	f.mu.Lock()
	defer f.mu.Unlock()
	polls.took = append(polls.took, took)
	if !a.ok() {
		kind, detail := a.problem()
		if polls.wrong == nil {
			polls.wrong = problems{}
		}
		polls.wrong.add(kind, detail, 1)
	}
}

// report prints what came of the polls, and returns an error if that misses the bar.
func (f *fleetPolls) report(calls int64) error {
	failed, reads := 0, 0
	fmt.Printf("%-10s %d services in %d clusters every %v%s\n", "fleet", manyOnes.services, manyOnes.clusters, every, f.query)
	for _, polls := range []struct {
		name string
		*cell
	}{{"during the warm-up", &f.cold}, {"after it", &f.warm}} {
		if len(polls.took) == 0 {
			continue
		}
		slices.Sort(polls.took)
		failed, reads = failed+polls.wrong.total(), reads+len(polls.took)
		fmt.Printf("%-10s %s: %d, %d failed, p50 %v, p95 %v, max %v\n", "", polls.name, len(polls.took), polls.wrong.total(),
			polls.at(.5).Round(time.Millisecond), polls.at(.95).Round(time.Millisecond), polls.at(1).Round(time.Millisecond))
		polls.wrong.print()
	}
	fmt.Printf("%-10s the p95 after the warm-up must be under %v; %.3f calls to AWS per request\n", "", mostFleet, float64(calls)/float64(max(reads, 1)))
	switch {
	case failed > 0:
		return fmt.Errorf("%d requests failed", failed)
	case len(f.warm.took) == 0:
		return errors.New("no service was polled after the warm-up")
	case f.warm.at(.95) >= mostFleet:
		return fmt.Errorf("a p95 of %v, want less than %v", f.warm.at(.95), mostFleet)
	}
	return nil
}

// later returns the time, or now if that has passed.
func later(at time.Time) time.Time {
	if now := time.Now(); at.Before(now) {
		return now
	}
	return at
}

// sleepUntil sleeps until then; false if ctx ends before.
func sleepUntil(ctx context.Context, at time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(at)):
		return ctx.Err() == nil
	}
}

// creates is how many services are created one after the other.
const creates = 7

// measureCreates creates services alone, and then while callers poll, each in a cluster of its own.
func measureCreates(ctx context.Context, s *server, duration time.Duration, callers int) error {
	alone, err := s.createSome("alone")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var polls cell
	var pollsErr error
	var polling sync.WaitGroup
	polling.Go(func() { polls, pollsErr = s.load(ctx, pollsOf(oneCluster), callers, duration) })
	sleepUntil(ctx, time.Now().Add(duration/2)) // until the buckets are empty
	beside, err := s.createSome("beside")
	cancel()
	polling.Wait()
	if err := errors.Join(err, pollsErr); err != nil {
		return err
	}
	ratio := float64(beside) / float64(alone)
	fmt.Printf("%-10s takes %v alone and %v beside %d callers who poll: %.1f times as long (at most %d); of %d polls %d failed\n", "create",
		alone.Round(time.Millisecond), beside.Round(time.Millisecond), callers, ratio, mostCreate, len(polls.took), polls.wrong.total())
	polls.wrong.print()
	if ratio > mostCreate {
		return fmt.Errorf("%.1f times as long as alone, want at most %d", ratio, mostCreate)
	}
	return nil
}

// createSome creates services and returns the median of the times that took.
func (s *server) createSome(name string) (time.Duration, error) {
	var took []time.Duration
	for n := range creates {
		began := time.Now()
		cluster := fmt.Sprintf("%s-%d", name, n)
		if err := s.ask(http.MethodPost, "/local/services", service(cluster, cluster)).failed("create " + cluster); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// The service that is read.
const bench = "bench"

// workload is what the callers of a cell do, again and again.
type workload struct {
	name    string
	writes  bool // each caller's own service
	request func(caller, n int) (method, path, body string)
	header  []string // of each request: names and values in turn
}

func get(path string) func(int, int) (string, string, string) {
	return func(int, int) (string, string, string) { return http.MethodGet, path, "" }
}

var (
	show      = workload{name: "show", request: get(servicePath(bench, bench))}
	workloads = []workload{
		{name: "ping", request: get("/ping")},
		show,
		{name: "show-all", request: get(servicePath(bench, bench) + "?all=true")},
		// Nine reads of one service, and a write of a service of the caller's own: two requests that change one service at the same time
		// are refused, as they should be. The callers do not all write at the same moment.
		{name: "mix", writes: true, request: func(caller, n int) (string, string, string) {
			if (n+caller)%10 == 9 {
				return http.MethodPut, servicePath(bench, own(caller)), fmt.Sprintf(`{"Tags": [{"Key": "n", "Value": "%d"}]}`, n)
			}
			return http.MethodGet, servicePath(bench, bench), ""
		}},
	}
)

// own is the service that a caller writes.
func own(caller int) string { return fmt.Sprintf("%s%d", bench, caller) }

// cell is what callers met.
type cell struct {
	took  []time.Duration // of each request, sorted
	wall  time.Duration
	cpu   time.Duration // of the program
	calls int64
	wrong problems
}

// problems are the requests that failed, by what was wrong.
type problems map[string]problem

type problem struct {
	count  int
	detail string // of one of them
}

func (p problems) add(kind, detail string, count int) {
	p[kind] = problem{p[kind].count + count, detail}
}

func (p problems) total() (n int) {
	for one := range maps.Values(p) {
		n += one.count
	}
	return n
}

func (p problems) print() {
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		fmt.Printf("    %d × %s, such as: %s\n", p[kind].count, kind, p[kind].detail)
	}
}

// load runs callers until the time is over or ctx ends.
func (s *server) load(ctx context.Context, w workload, callers int, duration time.Duration) (cell, error) {
	before, err := s.cpu()
	if err != nil {
		return cell{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	c := cell{wrong: problems{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	start, calls := time.Now(), s.calls.Load()
	for caller := range callers {
		all.Go(func() {
			var took []time.Duration
			wrong := problems{}
			for n := 0; ctx.Err() == nil; n++ {
				method, path, body := w.request(caller, n)
				began := time.Now()
				a := s.ask(method, path, body, w.header...)
				took = append(took, time.Since(began))
				if !a.ok() {
					kind, detail := a.problem()
					wrong.add(method+" "+kind, detail, 1)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			c.took = append(c.took, took...)
			for kind, p := range wrong {
				c.wrong.add(kind, p.detail, p.count)
			}
		})
	}
	all.Wait()
	c.wall, c.calls = time.Since(start), s.calls.Load()-calls
	slices.Sort(c.took)
	after, err := s.cpu()
	c.cpu = after - before
	return c, err
}

// at returns what the given share of the requests took at most.
func (c cell) at(share float64) time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	return c.took[int(share*float64(len(c.took)-1))]
}

func (c cell) perSecond() float64 { return float64(len(c.took)) / c.wall.Seconds() }

func (c cell) callsEach() float64 { return float64(c.calls) / float64(max(len(c.took), 1)) }

func (c cell) cpuEach() time.Duration { return c.cpu / time.Duration(max(len(c.took), 1)) }

const (
	cellHead = "   req/s        p50        p99    CPU/req  calls/req  failed"
	exact    = 10 * time.Microsecond
)

func (c cell) String() string {
	return fmt.Sprintf("%8.0f %10v %10v %10v %10.4f %7d", c.perSecond(), c.at(.5).Round(exact), c.at(.99).Round(exact), c.cpuEach().Round(time.Microsecond),
		c.callsEach(), c.wrong.total())
}

// plan is what the table is to be.
type plan struct {
	duration time.Duration // of each cell
	cells    *regexp.Regexp
	count    int
	out      string // a file; may be empty
}

// table measures each workload with each number of callers, and AWS near and far.
func table(ctx context.Context, binary string, p plan) error {
	out := io.Discard
	if p.out != "" {
		f, err := os.Create(p.out)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		out = f
	}
	if _, err := fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: ecs-api/bench/load\nUnit req/s better=higher\n", runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	fmt.Printf("%-32s%s   live heap, MB   goroutines at rest   resident, MB\n", "", cellHead)
	for range p.count {
		for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
			if err := p.rows(ctx, binary, latency, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// rows measures the cells of one latency.
func (p plan) rows(ctx context.Context, binary string, latency time.Duration, out io.Writer) error {
	s, err := launch(binary, latency)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.ask(http.MethodPost, "/local/services", service(bench, bench)).failed("create"); err != nil {
		return err
	}
	ready := 0 // callers that have a service of their own
	for _, w := range workloads {
		for _, callers := range []int{1, 16, 64, 256} {
			name := fmt.Sprintf("aws=%v/%s/callers=%d", latency, w.name, callers)
			if !p.cells.MatchString(name) {
				continue
			}
			if w.writes {
				if err := s.equip(ready, callers); err != nil {
					return err
				}
				ready = max(ready, callers)
			}
			if err := p.row(ctx, s, name, w, callers, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// equip makes a service for each of the callers from the first to the last.
func (s *server) equip(first, last int) error {
	var group errgroup.Group
	group.SetLimit(16)
	for caller := first; caller < last; caller++ {
		group.Go(func() error {
			return s.ask(http.MethodPost, "/local/services", service(bench, own(caller))).failed("create")
		})
	}
	return group.Wait()
}

// row measures one cell.
func (p plan) row(ctx context.Context, s *server, name string, w workload, callers int, out io.Writer) error {
	before, err := s.rest()
	if err != nil {
		return err
	}
	c, err := s.load(ctx, w, callers, p.duration)
	if err != nil {
		return err
	}
	after, err := s.rest()
	if err != nil {
		return err
	}
	fmt.Printf("%-32s%v   %5.1f → %5.1f   %8d → %7d   %4.0f → %4.0f\n", name, c, before.heap, after.heap, before.goroutines, after.goroutines, before.rss, after.rss)
	c.wrong.print()
	if _, err := fmt.Fprintf(out, "BenchmarkLoad/%s-%d %d %.1f req/s %d p50-ns %d p99-ns %d cpu-ns/op %.4f calls/req %d failed %.0f heap-B %d goroutines\n", name, runtime.GOMAXPROCS(0),
		len(c.took), c.perSecond(), c.at(.5).Nanoseconds(), c.at(.99).Nanoseconds(), c.cpuEach().Nanoseconds(), c.callsEach(), c.wrong.total(), after.heap*(1<<20), after.goroutines); err != nil {
		return err
	}
	return ctx.Err()
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// workload is what the callers of a cell do, again and again; n counts each caller's requests.
type workload struct {
	name    string
	request func(n int) (method, path, body string)
}

func get(path string) func(int) (string, string, string) {
	return func(int) (string, string, string) { return http.MethodGet, path, "" }
}

var workloads = []workload{
	{"ping", get("/ping")},
	{"show", get(servicePath("bench"))},
	{"show all=true", get(servicePath("bench") + "?all=true")},
	{"9 shows, 1 write", func(n int) (string, string, string) {
		if n%10 == 9 {
			return http.MethodPut, servicePath("bench"), fmt.Sprintf(`{"Tags": [{"Key": "n", "Value": "%d"}]}`, n)
		}
		return http.MethodGet, servicePath("bench"), ""
	}},
}

// cell is what callers met.
type cell struct {
	took   []time.Duration // of each request, sorted
	failed int
	wall   time.Duration
	calls  int64
}

// load runs callers until the time is over or ctx ends.
func (s *server) load(ctx context.Context, w workload, callers int, duration time.Duration) cell {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var c cell
	var mu sync.Mutex
	var all sync.WaitGroup
	start, calls := time.Now(), s.calls.Load()
	for range callers {
		all.Go(func() {
			var took []time.Duration
			failed := 0
			for n := 0; ctx.Err() == nil; n++ {
				method, path, body := w.request(n)
				began := time.Now()
				if status, _, _ := s.ask(method, path, body); status != http.StatusOK {
					failed++
				}
				took = append(took, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			c.took, c.failed = append(c.took, took...), c.failed+failed
		})
	}
	all.Wait()
	c.wall, c.calls = time.Since(start), s.calls.Load()-calls
	slices.Sort(c.took)
	return c
}

// at returns what the given share of the requests took at most.
func (c cell) at(share float64) time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	return c.took[int(share*float64(len(c.took)-1))].Round(10 * time.Microsecond)
}

func (c cell) String() string {
	n := max(len(c.took), 1)
	return fmt.Sprintf("%8.0f %10v %10v %10.3f %7d", float64(len(c.took))/c.wall.Seconds(), c.at(.5), c.at(.99), float64(c.calls)/float64(n), c.failed)
}

// table measures each workload with each number of callers, and AWS near and far.
func table(ctx context.Context, binary string, duration time.Duration) error {
	fmt.Printf("%-8s %-17s %7s %8s %10s %10s %10s %7s %12s %12s\n", "per call", "workload", "callers", "req/s", "p50", "p99", "calls/req", "failed", "MB", "goroutines")
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		if err := rows(ctx, binary, latency, duration); err != nil {
			return err
		}
	}
	return nil
}

func rows(ctx context.Context, binary string, latency, duration time.Duration) error {
	s, err := launch(binary, latency)
	if err != nil {
		return err
	}
	defer s.stop()
	if status, answer, _ := s.ask(http.MethodPost, "/local/services", service("bench")); status != http.StatusOK {
		return fmt.Errorf("create answered %d %s", status, answer)
	}
	for _, w := range workloads {
		for _, callers := range []int{1, 16, 64, 256} {
			before := s.use()
			c := s.load(ctx, w, callers, duration)
			s.client.CloseIdleConnections()
			after := s.use()
			fmt.Printf("%-8v %-17s %7d %v %5d → %4d %5d → %4d\n", latency, w.name, callers, c, before.megabytes, after.megabytes, before.goroutines, after.goroutines)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

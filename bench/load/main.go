// Command load builds ecs-api, runs it on loopback in front of a simulated AWS that is served by this process, and reports how it does
// under load.
//
// Without -soak it prints a table: throughput, p50, p99, processor time and calls to AWS per request, what failed, and what the program
// holds before and after, for each workload, with AWS responding at once and after 20 ms, and 1, 16, 64 and 256 callers. With -out the
// same figures are written as Go benchmarks are, so that benchstat compares them with those of another commit:
//
//	make bench BENCHFLAGS='-count 6 -out new.txt'
//	git stash && make bench BENCHFLAGS='-count 6 -out old.txt' && git stash pop
//	go run golang.org/x/perf/cmd/benchstat@latest old.txt new.txt
//
// With -soak it runs for minutes and fails if what it finds is not as it should be:
//
//   - read: callers read one service, 20 ms a call to AWS. At most 0.1 calls to AWS per request, a p99 under 3 rounds, memory flat.
//   - churn: callers create and delete services while 2 % of the calls to AWS fail. What exists at the end is what the responses said;
//     goroutines and connections are those of before, and memory does not grow with the number of services that came and went.
//   - servers: 12 callers create, change and delete eight services on three servers that share a Redis, while servers and Redis are killed, stopped and
//     restarted at random and 2 % of the calls to AWS fail. Every operation ends, what exists is what the responses said, nothing is orphaned. It needs a
//     redis-server.
//
// Our own limits on calls to AWS (config rateLimits) are set so wide there that they are not what is measured: see limit.
//
// With -rates the simulated AWS enforces the rates that AWS publishes, 20 ms a call, and the program keeps its own limits. It fails if a bar is missed:
//
//   - poll: 64 callers poll 40 services of a cluster. At least 200 good reads a second, none failed.
//   - fleet: each of 500 services in 100 clusters is polled every 5 s. A p95 under 5 s, none failed.
//   - fleet-all: the same with all=true.
//   - cached: 64 callers poll 40 services with Cache-Control: max-age=5. At least 5,000 good reads a second, none failed.
//   - create: creates while 64 callers poll take at most twice the time of creates alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// How long things take unless -duration says otherwise.
const (
	cellTime  = 3 * time.Second
	churnTime = 5 * time.Minute
	readTime  = 10 * time.Minute
	ratesTime = 30 * time.Second
)

func run(ctx context.Context) error {
	duration := flag.Duration("duration", 0, fmt.Sprintf("how long each cell of the table (default %v), a churn soak (%v), a read soak (%v) or a measurement at AWS's rates (%v) takes", cellTime, churnTime, readTime, ratesTime))
	soak := flag.String("soak", "", "instead of the table: `read` one service, churn: create and delete services while AWS fails, or servers: the same on several servers that share a Redis, while those fail too")
	rates := flag.String("rates", "", "instead of the table: all, or `one` of poll, fleet, fleet-all, cached, create, with AWS's published rates enforced")
	callers := flag.Int("callers", 64, "callers of a soak, and of poll, cached and create")
	only := flag.String("run", "", "measure only the cells of the table whose name, such as aws=20ms/show/callers=64, matches the `regexp`")
	out := flag.String("out", "", "write the table to `FILE` too, in the form that benchstat reads")
	count := flag.Int("count", 1, "measure the table this many times")
	flag.Parse()
	cells, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	takes := func(unless time.Duration) time.Duration {
		if *duration > 0 {
			return *duration
		}
		return unless
	}
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	fmt.Printf("%d processors, GOMAXPROCS %d, %s; the simulated AWS and the callers have their share of them\n", runtime.NumCPU(), runtime.GOMAXPROCS(0), runtime.Version())
	if *rates != "" {
		return measureRates(ctx, binary, *rates, takes(ratesTime), *callers)
	}
	switch *soak {
	case "":
		return table(ctx, binary, plan{takes(cellTime), cells, *count, *out})
	case "read":
		return soakRead(ctx, binary, takes(readTime), *callers)
	case "churn":
		return soakChurn(ctx, binary, takes(churnTime), *callers)
	case "servers":
		return soakServers(ctx, binary, takes(churnTime))
	}
	return fmt.Errorf("-soak %s: want read, churn or servers", *soak)
}

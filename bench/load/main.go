// Command load builds ecs-api, runs it on loopback in front of a simulated AWS that is served by this process, and reports how it does
// under load: throughput, latency, AWS calls per request, memory and goroutines.
//
// Our own limits on calls to AWS (config rateLimits) are lifted, since they would be all that is measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
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

func run(ctx context.Context) error {
	duration := flag.Duration("duration", 3*time.Second, "how long each cell of the table, or the soak, takes")
	soak := flag.String("soak", "", "instead of the table: `read` one service with 64 callers, or churn: create and delete services while AWS fails")
	callers := flag.Int("callers", 64, "callers of a soak")
	flag.Parse()
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	switch *soak {
	case "":
		return table(ctx, binary, *duration)
	case "read":
		return soakRead(ctx, binary, *duration, *callers)
	case "churn":
		return soakChurn(ctx, binary, *duration, *callers)
	}
	return fmt.Errorf("-soak %s: want read or churn", *soak)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ecs-api/api"
)

// check prints what was found out of each account and of the state, and fails if one of them cannot be used.
func check(ctx context.Context, server *api.Server, stdout io.Writer) error {
	failed := 0
	findings := server.Check(ctx)
	for _, f := range findings {
		verdict := "ok"
		if !f.OK() {
			verdict = "FAILED"
			failed++
		}
		if f.Err != nil {
			_, _ = fmt.Fprintf(stdout, "%s (%s): %s: %v\n", f.Account, f.Region, verdict, f.Err)
			continue
		}
		_, _ = fmt.Fprintf(stdout, "%s (%s): %s: account %s as %s\n", f.Account, f.Region, verdict, f.Identity.Account, f.Identity.ARN)
		for _, text := range f.Missing {
			_, _ = fmt.Fprintf(stdout, "  missing: %s\n", text)
		}
		for _, text := range f.Unknown {
			_, _ = fmt.Fprintf(stdout, "  could not check: %s\n", text)
		}
	}
	configured, down := server.CheckState(ctx)
	switch {
	case down != nil:
		_, _ = fmt.Fprintf(stdout, "state: FAILED: %v\n", down)
	case configured:
		_, _ = fmt.Fprintln(stdout, "state: ok: Redis can be written to")
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d accounts cannot be used, or not for everything", failed, len(findings))
	}
	if down != nil {
		return errors.New("the state cannot be used: Redis refuses, or cannot be reached")
	}
	return nil
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestCheckAndHealthLookAtTheState(t *testing.T) {
	t.Parallel() // a check waits for AWS's rates, beside the documents
	redis := miniredis.RunT(t)
	at := func(url string) func(string) string {
		return func(name string) string {
			if name == "ECS_API_STATE_REDIS" {
				return url
			}
			return ""
		}
	}
	for _, tt := range []struct {
		name, url, stdout, stderr string
		status                    int
	}{
		{"up", "redis://" + redis.Addr(), "state: ok: Redis can be written to\n", "", exitOK},
		{"down", "redis://:hunter2@127.0.0.1:1", "state: FAILED: dial: connect: connection refused\n", "the state cannot be used", exitFailure},
		{"not a Redis", "http://:hunter2@127.0.0.1:1", "", "ECS_API_STATE_REDIS must begin with redis://", exitFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), []string{"-local", "-check"}, at(tt.url), &stdout, &stderr); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if !strings.HasSuffix(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) || strings.Contains(stdout.String()+stderr.String(), "hunter2") {
				t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
			}
		})
	}
	for url, want := range map[string]string{"": "", "redis://" + redis.Addr(): "", "redis://127.0.0.1:1": "healthy, but the state is down: Redis cannot be used, and the server works without it\n"} {
		p := startLocalIn(t, at(url))
		address := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/v1/ecs")
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), []string{"-health", "-listen", address}, noEnv, &stdout, &stderr); got != exitOK || stdout.String() != want {
			t.Errorf("%q: exit status %d, %q, %q", url, got, stdout.String(), stderr.String())
		}
		p.stop()
	}
}

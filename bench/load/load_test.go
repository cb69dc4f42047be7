package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

// program is the program under test.
var program string

func TestMain(m *testing.M) {
	binary, remove, err := build(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = binary
	status := m.Run()
	remove()
	os.Exit(status)
}

func launchTest(t *testing.T) *server {
	t.Helper()
	s, err := launch(program, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func TestACellIsWrittenForBenchstat(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.txt")
	if err := table(t.Context(), program, plan{time.Second / 5, regexp.MustCompile(`^aws=0s/mix/callers=16$`), 2, out}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^BenchmarkLoad/aws=0s/mix/callers=16-\d+ [1-9]\d* [\d.]+ req/s \d+ p50-ns \d+ p99-ns \d+ cpu-ns/op [\d.]+ calls/req 0 failed [1-9]\d* heap-B [1-9]\d* goroutines$`)
	if got := len(line.FindAll(text, -1)); got != 2 || !strings.HasPrefix(string(text), "goos: ") {
		t.Errorf("%d cells were written, want 2, in\n%s", got, text)
	}
}

func TestAProblemIsReportedByItsKind(t *testing.T) {
	t.Parallel()
	s := launchTest(t)
	kind, detail := s.ask(http.MethodGet, servicePath("myclu", "www"), "").problem()
	if kind != "404 NotFound" || detail == "" {
		t.Errorf("got %q: %q", kind, detail)
	}
	s.stop()
	if kind, _ := s.ask(http.MethodGet, "/ping", "").problem(); kind != "no response" {
		t.Errorf("got %q of a program that has ended", kind)
	}
}

func TestAChurnIsJudgedByWhatExists(t *testing.T) {
	t.Parallel()
	s := launchTest(t)
	base, err := s.rest()
	if err != nil {
		t.Fatal(err)
	}
	c := &churn{s: s, fates: map[made]string{}, says: map[string]int{}}
	www, api := made{"myclu", "www"}, made{"myclu", "api"}
	if !c.create(www) || !c.create(api) || !c.remove(api) {
		t.Fatalf("a service cannot be made and deleted: %v", c.says)
	}
	if err := c.judge(); err != nil {
		t.Errorf("all is as it was said: %v", err)
	}
	if err := s.atRest(base); err != nil {
		t.Error(err)
	}
	for fate, one := range map[string]made{gone: www, failed: www, kept: api} {
		before := c.fates[one]
		c.fates[one] = fate
		if err := c.judge(); err == nil {
			t.Errorf("%s is %s, and nobody objects", one.name, fate)
		}
		c.fates[one] = before
	}
	c.fates[www] = owed
	if err := c.judge(); err != nil || len(s.aws.Inventory()) != 1 {
		t.Errorf("what was owed was not torn down: %v, %v", err, s.aws.Inventory())
	}
}

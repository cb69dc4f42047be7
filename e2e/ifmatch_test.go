package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ecs-api/localaws"
)

// pause is how long a client waits before it repeats what another request was in the way of: less than Retry-After says, and not as often as the machine can.
const pause = 5 * time.Millisecond

// duel sends two changes of the service at once, each on the condition that it is as both have read it, and repeats what another write was in the way of: exactly
// one wins, and the other learns that the service has changed.
func duel(t *testing.T, round int, writers [2]*server) {
	t.Helper()
	status, body, header := writers[0].ask(t, http.MethodGet, crashPath, "")
	tag := header.Get("ETag")
	if status != http.StatusOK || tag == "" {
		t.Fatalf("round %d: %d %s, ETag %q", round, status, body, tag)
	}
	var statuses [2]int
	var both sync.WaitGroup
	for i, s := range writers {
		both.Go(func() {
			change := fmt.Sprintf(`{"Tags": {"writer": "%d in round %d"}}`, i, round)
			for ; ; time.Sleep(pause) {
				status, body, header := s.ask(t, http.MethodPatch, crashPath, change, "If-Match: "+tag)
				if status == http.StatusConflict && strings.Contains(body, `"code":"ServiceBusy"`) && header.Get("Retry-After") != "" {
					continue
				}
				if statuses[i] = status; status != http.StatusOK && !strings.Contains(body, `"code":"ETagMismatch"`) {
					t.Errorf("round %d, writer %d: %d %s", round, i, status, body)
				}
				return
			}
		})
	}
	both.Wait()
	if slices.Sort(statuses[:]); statuses != [2]int{http.StatusOK, http.StatusPreconditionFailed} {
		t.Errorf("round %d: %v", round, statuses)
	}
}

// duels is how often two writers meet. Where a real Redis is, in make test-redis and in CI, it is as often as the issue wants, which takes a minute.
func duels() int {
	if onRealRedis() {
		return 200
	}
	return 50
}

// TestOfTwoWritersWithIfMatchOneWins has two callers of one server change a service that both have read.
func TestOfTwoWritersWithIfMatchOneWins(t *testing.T) {
	if backEndName() != "localaws" {
		t.Skip("runs on a simulated AWS of its own; it runs without " + endpointVariable)
	}
	t.Parallel()
	endpoint := httptest.NewServer(localaws.New(localaws.WithLags(crashLags)))
	defer endpoint.Close()
	s := launch(t, endpoint.URL)
	defer func() { _ = s.stop(t, syscall.SIGKILL) }()
	if status, body, _ := s.ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	for round := range duels() {
		duel(t, round, [2]*server{s, s})
	}
}

// TestFleetOfTwoWritersWithIfMatchOneWins has callers of two servers do so, and then two callers of one of them.
func TestFleetOfTwoWritersWithIfMatchOneWins(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	if status, body, _ := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	for round := range duels() {
		duel(t, round, [2]*server{f.servers[0], f.servers[1]})
	}
	if !onRealRedis() {
		return // TestOfTwoWritersWithIfMatchOneWins has two callers of one server
	}
	for round := range duels() {
		duel(t, round, [2]*server{f.servers[0], f.servers[0]})
	}
}

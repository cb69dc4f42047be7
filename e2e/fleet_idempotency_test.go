package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ecs-api/localaws"
)

// post creates a service on the i-th server with an Idempotency-Key.
func (f *fleet) post(i int, key, body string) (int, string, http.Header) {
	f.t.Helper()
	return f.servers[i].ask(f.t, http.MethodPost, "/local/services", body, "Idempotency-Key: "+key)
}

// created returns how many calls made a service.
func (f *fleet) created() int {
	n := 0
	for _, call := range f.aws.Calls() {
		if call.Service == "ecs" && call.Operation == "CreateService" {
			n++
		}
	}
	return n
}

// TestFleetCreatesOneServiceForOneKey sends 64 requests with one key at once to three servers, and each again until it has a response: they are all the same.
func TestFleetCreatesOneServiceForOneKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	var mu sync.Mutex
	bodies, replayed := map[string]int{}, 0
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			f.eventually("a request has its response", func() bool {
				status, body, header := f.post(n%3, "one", crashService)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == http.StatusOK:
					bodies[body]++
					if header.Get("Idempotent-Replayed") == "true" {
						replayed++
					}
					return true
				case status == http.StatusConflict && strings.Contains(body, "IdempotencyKeyInUse") && header.Get("Retry-After") != "":
				case status == http.StatusServiceUnavailable && header.Get("Retry-After") != "": // one that this machine was too slow for
				default:
					t.Errorf("%d %s", status, body)
					return true
				}
				return false
			})
		})
	}
	wg.Wait()
	if len(bodies) != 1 || replayed != 63 || f.created() != 1 {
		t.Errorf("%d different responses, %d replayed, %d calls of CreateService", len(bodies), replayed, f.created())
	}
	if status, body, _ := f.post(1, "one", strings.Replace(crashService, `"desiredcount": 1`, `"desiredcount": 2`, 1)); status != http.StatusUnprocessableEntity {
		t.Errorf("another request with the key: %d %s", status, body)
	}
	// Without Redis nobody can promise that: such a request is refused, and all others are served. Then it is replayed again, if Redis still has it.
	f.redis.hang()
	begun := time.Now()
	for i := range f.servers {
		if status, body, header := f.post(i, "one", crashService); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Errorf("while Redis hangs: %d %s", status, body)
		}
	}
	if took := time.Since(begun); took > 3*slack {
		t.Errorf("three of them took %v", took)
	}
	if status, body, _ := f.servers[0].ask(t, http.MethodPatch, crashPath, `{"Tags": {"a": "b"}}`); status != http.StatusOK {
		t.Errorf("a request without a key, while Redis hangs: %d %s", status, body)
	}
	f.redis.resume()
	f.all("up")
	status, body, header := f.post(2, "one", crashService)
	if status != http.StatusOK || header.Get("Idempotent-Replayed") != "true" || bodies[body] == 0 {
		t.Errorf("when Redis is back: %d %v %s", status, header, body)
	}
	if f.created() != 1 {
		t.Errorf("%d calls of CreateService", f.created())
	}
}

// TestFleetFreesTheKeyOfAServerThatDied kills a server in the middle of a create with a key, and repeats the request on another one: it is refused while the
// first may still run, and within a minute completes what that left.
func TestFleetFreesTheKeyOfAServerThatDied(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Lose, Func: func() { f.kill(0) }})
	if status, body, _ := f.post(0, "one", crashService); status != 0 {
		t.Fatalf("%d %s", status, body)
	}
	died := time.Now()
	if status, body, _ := f.post(1, "one", crashService); status != http.StatusConflict || !strings.Contains(body, "IdempotencyKeyInUse") {
		t.Errorf("at once: %d %s", status, body)
	}
	f.redis.pass(time.Minute)
	for {
		status, body, _ := f.post(1, "one", crashService)
		if status == http.StatusOK {
			break
		}
		if status != http.StatusConflict || time.Since(died) > 65*time.Second {
			t.Fatalf("after %v: %d %s", time.Since(died), status, body)
		}
		time.Sleep(500 * time.Millisecond)
	}
	if n := f.created(); n > 2 {
		t.Errorf("%d calls of CreateService", n)
	}
	if services := f.aws.Inventory(); slices.ContainsFunc(services, func(s string) bool { return strings.Contains(s, "ecs:service") && !strings.Contains(s, "www") }) {
		t.Errorf("there are %v", services)
	}
}

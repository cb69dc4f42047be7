package e2e

import (
	"net/http"
	"testing"
	"time"
)

// slack is how much longer than normal a request may take because Redis fails.
const slack = 2 * time.Second

// TestFleetWorksWithoutRedis starts servers while there is no Redis, and lets it come, be killed, come back, hang and recover: requests are served all the
// time, at most two seconds slower than normal, and the servers notice by themselves.
func TestFleetWorksWithoutRedis(t *testing.T) {
	t.Parallel()
	f := newFleetWithoutServers(t)
	f.redis.kill()
	f.add()
	f.add()
	f.all("down")
	begun := time.Now()
	if status, body, _ := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	normal := time.Since(begun)
	write := func(when string) {
		t.Helper()
		for _, s := range f.servers {
			begun := time.Now()
			if status, body, _ := s.ask(t, http.MethodPatch, crashPath, `{"Tags": {"when": "`+when+`"}}`); status != http.StatusOK {
				t.Errorf("%s: %d %s", when, status, body)
			}
			if took := time.Since(begun); took > normal+slack {
				t.Errorf("%s: a request took %v; a create took %v", when, took, normal)
			}
			if status, body, _ := s.ask(t, http.MethodGet, crashPath, ""); status != http.StatusOK {
				t.Errorf("%s: %d %s", when, status, body)
			}
		}
	}
	write("down")
	f.redis.start()
	f.all("up")
	write("up")
	f.redis.kill()
	write("killed")
	f.all("down")
	f.redis.start()
	f.all("up")
	f.redis.hang()
	write("hung")
	f.all("down")
	write("still hung")
	f.redis.resume()
	f.all("up")
	write("up again")
}

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ecs-api/localaws"
)

// busy fails the test unless a write of the service on the i-th server is refused, with a Retry-After and the operation that has the lock; empty for a request.
func (f *fleet) busy(i int, operation string) {
	f.t.Helper()
	status, body, header := f.servers[i].ask(f.t, http.MethodPatch, crashPath, `{"DesiredCount": 2}`)
	if status != http.StatusConflict || !strings.Contains(body, `"code":"ServiceBusy"`) || header.Get("Retry-After") == "" || !strings.Contains(body, operation) {
		f.t.Errorf("server %d, while operation %q has the service: %d %s, Retry-After %q", i, operation, status, body, header.Get("Retry-After"))
	}
}

// TestFleetLocksAServiceForARequest sends writes of one service to three servers while one of them is in the middle of a write, and kills that one: its lock ends.
func TestFleetLocksAServiceForARequest(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	if status, body, _ := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	within := func(do func()) localaws.Fault {
		return localaws.Fault{Service: "ecs", Operation: "UpdateService", Effect: localaws.Hook, Func: do}
	}
	write := func(i int) (int, string) {
		t.Helper()
		status, body, _ := f.servers[i].ask(t, http.MethodPatch, crashPath, `{"Containers": {"webserver": {"Image": "nginx:`+time.Now().Format("150405.000")+`"}}}`)
		return status, body
	}
	f.aws.Inject(within(func() {
		f.busy(1, "")
		f.busy(2, "")
	}))
	if status, body := write(0); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := write(1); status != http.StatusOK {
		t.Errorf("after it: %d %s", status, body)
	}
	f.aws.Inject(within(func() { f.kill(0) }))
	if status, body := write(0); status != 0 {
		t.Fatalf("%d %s", status, body)
	}
	f.busy(1, "")
	killed := time.Now()
	f.eventually("the lock of a server that is dead is free", func() bool {
		status, _ := write(2)
		return status == http.StatusOK
	})
	if took := time.Since(killed); took > 30*time.Second {
		t.Errorf("that took %v", took)
	}
	// A Redis that loses the lock, or all of itself, in the middle of a write: the write is finished as on servers that share nothing.
	for _, lose := range []func(){f.redis.kill, f.redis.start, f.redis.hang, f.redis.resume} {
		f.aws.Inject(within(lose))
		if status, body := write(1); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	f.restart(0)
	f.all("up")
	if status, body := write(0); status != http.StatusOK {
		t.Errorf("at last: %d %s", status, body)
	}
}

// TestFleetLocksAServiceForItsTeardown deletes a service recursively on one server, and changes it on another one until the teardown has ended.
func TestFleetLocksAServiceForItsTeardown(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, localaws.WithLags(localaws.Lags{Drain: 2 * time.Second}))
	if status, body, _ := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	status, body, header := f.servers[0].ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
	if status != http.StatusOK {
		t.Fatalf("delete: %d %s", status, body)
	}
	location := header.Get("Operation-Location")
	f.busy(1, location[strings.LastIndex(location, "/")+1:])
	f.servers[0].settled(t, header)
	if status, body, _ := f.servers[1].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Errorf("create after it: %d %s", status, body)
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// threshold lets calls through to an AWS until the n-th one after it was armed: that one, and all that come later, get no response.
type threshold struct {
	http.Handler
	n     atomic.Int64 // 0: lets all through
	calls atomic.Int64
	after bool          // the n-th call takes effect
	end   chan struct{} // closed when nobody waits any more
}

func (h *threshold) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := h.n.Load()
	if n == 0 {
		h.Handler.ServeHTTP(w, r)
		return
	}
	call := h.calls.Add(1)
	if call < n {
		h.Handler.ServeHTTP(w, r)
		return
	}
	if call == n && h.after {
		h.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	select {
	case <-r.Context().Done():
	case <-h.end:
	}
	panic(http.ErrAbortHandler)
}

func (h *threshold) reached() bool { return h.calls.Load() >= h.n.Load() }

// doomed is a victim whose server is killed along with all others of that server.
type doomed struct {
	*victim
	thing     crashThing
	threshold *threshold
}

// newDoomed returns an account and what the server that will be killed reaches its AWS through.
func newDoomed(t *testing.T, kind string, n int, after bool) *doomed {
	t.Helper()
	v := newVictim(t, n, after)
	v.account = strings.ReplaceAll(kind, " ", "-") + "-" + v.account
	v.kind = map[string]string{"service": "delete service", "managed task definition": "delete task definition"}[kind]
	return &doomed{victim: v, thing: crashThings[kind], threshold: &threshold{Handler: v.aws, after: after, end: make(chan struct{})}}
}

// TestFleetCompletesDeletesBesideWhoDied kills a server in the middle of recursive deletes of services and of managed task definitions, each at another call, while a server
// runs beside it that knows all the accounts, and that nobody asks: it completes each, once; a request that
// had only looked has no effect.
func TestFleetCompletesDeletesBesideWhoDied(t *testing.T) {
	if !onRealRedis() {
		t.Skip("takes two minutes; make test-redis runs it")
	}
	t.Parallel()
	f := newFleetWithoutServers(t)
	var all []*doomed
	dying, living := map[string]any{}, map[string]any{}
	for kind := range crashThings {
		for n := 2; n <= 20; n += 3 {
			d := newDoomed(t, kind, n, n%2 == 0)
			front := httptest.NewServer(d.threshold)
			t.Cleanup(front.Close)
			t.Cleanup(func() { close(d.threshold.end) })
			living[d.account] = d.config(t)
			d.front = front.URL
			dying[d.account] = d.config(t)
			all = append(all, d)
		}
	}
	state := f.more["state"]
	f.more = map[string]any{"state": state, "accounts": living}
	survivor := f.add()
	f.more = map[string]any{"state": state, "accounts": dying}
	dies := f.add()
	for _, d := range all {
		if status, body, _ := dies.ask(t, http.MethodPost, d.path(d.thing.create), d.thing.body); status != http.StatusOK {
			t.Fatalf("%s: create: %d %s", d.account, status, body)
		}
	}
	intact := map[*doomed][]string{}
	for _, d := range all {
		if d.looks() {
			intact[d] = d.aws.Inventory()
		}
	}
	_ = survivor.cmd.Process.Signal(syscall.SIGSTOP) // so that it does not get the jobs
	for _, d := range all {
		d.threshold.n.Store(int64(d.n))
		go func() { _, _, _ = dies.ask(t, http.MethodDelete, d.path(d.thing.path)+"?recursive=true", "") }() // ends when the server dies
	}
	for _, d := range all {
		f.eventually(fmt.Sprintf("%s makes %d calls", d.account, d.n), d.threshold.reached)
	}
	_ = survivor.cmd.Process.Signal(syscall.SIGCONT)
	f.kill(1)
	killed := time.Now()
	var dead []*victim
	for _, d := range all {
		if d.killed = killed; !d.looks() {
			dead = append(dead, d.victim)
		}
	}
	f.completed(dead)
	for _, v := range dead {
		if took := v.done.Sub(v.killed); took > 3*time.Minute {
			t.Errorf("%s: it took %v", v.account, took)
		}
		f.once(survivor, v)
	}
	for d, before := range intact {
		if after := d.aws.Inventory(); !slices.Equal(before, after) {
			t.Errorf("%s had %v, and has %v", d.account, before, after)
		}
	}
}

// looks reports whether the request has neither changed anything nor announced its job when the server dies: whether a task definition may be deleted is found out first.
func (d *doomed) looks() bool { return d.kind == "delete task definition" && d.n <= 5 }

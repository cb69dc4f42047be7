package api

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"ecs-api/config"
	"ecs-api/localaws"
	"ecs-api/state/statetest/proxy"
)

// It is not parallel, as a Redis that responds late counts as down.
func TestTheStateIsShownAndItsURLIsNot(t *testing.T) {
	redis := miniredis.RunT(t)
	redis.RequireAuth("hunter2")
	aws := localaws.New()
	with := func(url config.Secret) *harness {
		c := testConfig(t, aws)
		c.State.Redis = url
		return newHarnessWith(t, aws, c)
	}
	up, down, none := with(config.Secret("redis://:hunter2@"+redis.Addr())), with("redis://:hunter2@127.0.0.1:1"), with("")
	for _, tt := range []struct {
		name  string
		h     *harness
		state string
		gauge string
		check bool // it says that there is a state
		ok    bool
	}{
		{"up", up, "up", "ecs_api_state_up 1\n", true, true},
		{"down", down, "down", "ecs_api_state_up 0\n", true, false},
		{"none", none, "", "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, body := tt.h.do(t, http.MethodGet, base+"/ping", "")
			if response.StatusCode != http.StatusOK || body != "pong" || response.Header.Get(HeaderState) != tt.state {
				t.Errorf("%d %q %v", response.StatusCode, body, response.Header)
			}
			_, metrics := tt.h.do(t, http.MethodGet, base+"/metrics", "")
			if has := strings.Contains(metrics, "ecs_api_state_up "); has != tt.check || !strings.Contains(metrics, tt.gauge) {
				t.Errorf("the metrics lack %q: %v", tt.gauge, has)
			}
			configured, err := tt.h.CheckState(t.Context())
			if configured != tt.check || (err == nil) != tt.ok {
				t.Errorf("%v, %v", configured, err)
			}
			if response, body := tt.h.do(t, http.MethodGet, base+"/local/clusters", ""); response.StatusCode != http.StatusOK {
				t.Errorf("a request: %d %s", response.StatusCode, body)
			}
			if log := tt.h.log.String(); strings.Contains(log+metrics, "hunter2") || strings.Contains(log, "the state is down") != (tt.state == "down") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestTheLogSaysWhenTheStateGoesAndComesBack(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	aws := localaws.New()
	c := testConfig(t, aws)
	c.State.Redis = config.Secret("redis://" + redis.Addr())
	h := newHarnessWith(t, aws, c)
	redis.SetError("LOADING")
	eventually(t, func() bool { return strings.Contains(h.log.String(), "the state is down") })
	redis.SetError("")
	eventually(t, func() bool { return strings.Contains(h.log.String(), "the state is back") })
}

// eventually waits until ok.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for !ok() {
		select {
		case <-ticks.C:
		case <-t.Context().Done():
			t.Fatal("it did not happen")
		case <-time.After(30 * time.Second):
			t.Fatal("it did not happen")
		}
	}
}

// slowRedis is in front of a Redis, and takes so long for each of its responses.
type slowRedis struct {
	delay    atomic.Int64
	commands atomic.Int64 // to the queue: requests alone send them here, as no server of the test works on it
}

func newSlowRedis(t *testing.T, to string) (address string, s *slowRedis) {
	t.Helper()
	s = &slowRedis{}
	address = proxy.Start(t, to, func(sent []byte) bool {
		if bytes.Contains(sent, []byte("asynq:")) {
			s.commands.Add(1)
		}
		return true
	}, func([]byte) bool {
		time.Sleep(time.Duration(s.delay.Load()))
		return true
	})
	return address, s
}

func createIn(name string) string {
	return `{"cluster": {"clustername": "` + name + `"}, "taskdefinition": {"family": "` + name + `", "cpu": "256", "memory": "512",
		"containerdefinitions": [{"name": "web", "image": "nginx"}]}, "service": {"servicename": "` + name + `", "desiredcount": 1}}`
}

// tooSlow reports whether this machine is so slow that a slow Redis takes longer than a probe: then it counts as down.
func tooSlow(h *harness) bool { return strings.Contains(h.log.String(), "the state is down") }

// A recursive delete locks its service, announces a job, and submits it: most of that is left out where Redis is slow.
func TestARequestSpendsLittleTimeOnASlowRedis(t *testing.T) {
	aws := localaws.New()
	address, slow := newSlowRedis(t, miniredis.RunT(t).Addr())
	c := testConfig(t, aws)
	c.State.Redis = config.Secret("redis://" + address)
	h := newHarnessWith(t, aws, c)
	uses := func(name string, delay time.Duration) int64 {
		t.Helper()
		if response, body := h.do(t, http.MethodPost, base+"/local/services", createIn(name)); response.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
		before := slow.commands.Load()
		slow.delay.Store(int64(delay))
		defer slow.delay.Store(0)
		if response, body := h.do(t, http.MethodDelete, base+"/local/clusters/"+name+"/services/"+name+"?recursive=true", ""); response.StatusCode != http.StatusOK {
			t.Errorf("with a Redis that takes %v: %d %s", delay, response.StatusCode, body)
		}
		return slow.commands.Load() - before
	}
	fast, slowly := uses("fast", 0), uses("slow", 200*time.Millisecond)
	if fast < 6 || slowly >= fast { // four are paid for, two of them before
		t.Errorf("%d commands to the queue of a fast Redis, %d to that of a slow one", fast, slowly)
	}
	if tooSlow(h) {
		return
	}
	_, metrics := h.do(t, http.MethodGet, base+"/metrics", "")
	if strings.Contains(metrics, "ecs_api_state_slow_requests_total 0\n") || !strings.Contains(h.log.String(), "the state is slow") {
		t.Errorf("neither a metric nor a log line says so: %s", h.log.String())
	}
}

// A request whose time for Redis is used up does its job itself: other servers know its operation all the same.
func TestOtherServersKnowTheOperationOfARequestOnASlowRedis(t *testing.T) {
	aws := localaws.New(localaws.WithLags(localaws.Lags{Drain: time.Minute}))
	address, slow := newSlowRedis(t, miniredis.RunT(t).Addr())
	c := testConfig(t, aws)
	c.State.Redis = config.Secret("redis://" + address)
	a, b := newHarnessWith(t, aws, c), newHarnessWith(t, aws, c)
	if response, body := a.do(t, http.MethodPost, base+"/local/services", createIn("www")); response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	const remove = base + "/local/clusters/www/services/www?recursive=true"
	slow.delay.Store(int64(200 * time.Millisecond))
	response, body := a.do(t, http.MethodDelete, remove, "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	slow.delay.Store(0)
	if tooSlow(a) || tooSlow(b) {
		return // what a server did without Redis, no other one knows
	}
	operation := response.Header.Get("Operation-Location")
	for name, server := range map[string]*harness{"the same server": a, "another server": b} {
		if response, body := server.do(t, http.MethodDelete, remove, ""); response.StatusCode != http.StatusOK || response.Header.Get("Operation-Location") != operation {
			t.Errorf("%s, the same request: %d %v %s, want operation %s", name, response.StatusCode, response.Header, body, operation)
		}
		response, body := server.do(t, http.MethodPost, base+"/local/services", createIn("www"))
		if p := problemOf(t, response, body); p.Code != "ServiceBusy" || !strings.Contains(p.Detail, operation[strings.LastIndex(operation, "/")+1:]) {
			t.Errorf("%s, a create: %d %s", name, response.StatusCode, body)
		}
	}
}

// The queue stalls for one server while its request hands the job over: other servers, whose Redis is fine, find the service locked all the time.
func TestAServiceStaysLockedWhenTheQueueStalls(t *testing.T) {
	aws := localaws.New(localaws.WithLags(localaws.Lags{Drain: time.Minute}))
	redis := miniredis.RunT(t)
	var armed, saved, stalled atomic.Bool
	var until atomic.Int64
	address := proxy.Start(t, redis.Addr(), func(sent []byte) bool {
		switch {
		case !armed.Load():
		case bytes.Contains(sent, []byte(":op:")):
			saved.Store(true)
		case saved.Load() && bytes.Contains(sent, []byte("asynq:")) && stalled.CompareAndSwap(false, true):
			until.Store(time.Now().Add(900 * time.Millisecond).UnixNano())
		}
		time.Sleep(time.Until(time.Unix(0, until.Load()))) // nothing gets through meanwhile
		return true
	}, func([]byte) bool { return true })
	open := func(address string) *harness {
		c := testConfig(t, aws)
		c.State.Redis = config.Secret("redis://" + address)
		return newHarnessWith(t, aws, c)
	}
	a, b := open(address), open(redis.Addr())
	if response, body := a.do(t, http.MethodPost, base+"/local/services", createIn("www")); response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	armed.Store(true)
	response, body := a.do(t, http.MethodDelete, base+"/local/clusters/www/services/www?recursive=true", "")
	if response.StatusCode != http.StatusOK || !stalled.Load() {
		t.Fatalf("%d %s; the queue stalled: %v", response.StatusCode, body, stalled.Load())
	}
	location := response.Header.Get("Operation-Location")
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		response, body := b.do(t, http.MethodPost, base+"/local/services", createIn("www"))
		if response.StatusCode != http.StatusConflict || !strings.Contains(body, location[strings.LastIndex(location, "/")+1:]) {
			t.Fatalf("a create beside the delete: %d %.300s", response.StatusCode, body)
		}
	}
}

package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"ecs-api/config"
	"ecs-api/localaws"
)

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

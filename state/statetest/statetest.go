// Package statetest opens states of a Redis for tests, as several servers that share it do. It is for tests only.
package statetest

import (
	"testing"
	"time"

	"ecs-api/state"
)

// Server is the state of one of several servers that share a Redis.
type Server struct {
	*state.Redis
	changes chan bool // whether the state is up, each time that changes
}

// Open opens the state at the address. The test closes it at its end, after what it has registered later.
func Open(t testing.TB, address string) *Server {
	t.Helper()
	s := &Server{changes: make(chan bool, 100)}
	var err error
	s.Redis, err = state.Open(t.Context(), state.Options{URL: "redis://" + address, Org: "acme", Observe: func(up bool, _ error) { s.changes <- up }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Redis.Close)
	return s
}

// Await waits until the state is up, or down.
func (s *Server) Await(t testing.TB, up bool) {
	t.Helper()
	for {
		select {
		case got := <-s.changes:
			if got == up {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the state does not become %v", up)
		}
	}
}

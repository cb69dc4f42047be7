package api

import (
	"net/http"

	"ecs-api/api/respond"
)

// HeaderState says in responses to ping how the state is that servers share: up or down. Without one it is not there.
const HeaderState = "X-State"

// ping responds to whoever asks whether the server is there. It is text: a load balancer compares it.
// A state that is down makes no server unhealthy, since a restart would not help: X-State says it to -health, and to people.
func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	if configured, up := s.fleet.State(); configured {
		w.Header().Set(HeaderState, map[bool]string{true: "up", false: "down"}[up])
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	respond.Write(w, http.StatusOK, []byte("pong"))
}

func showVersion(c call, _ none) (Version, error) { return c.server.version, nil }

package api

import (
	"net/http"

	"ecs-api/api/respond"
)

// ping answers whoever asks whether the server is there. It is text: a load balancer compares it.
func ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	respond.Write(w, http.StatusOK, []byte("pong"))
}

func showVersion(c call, _ none) (Version, error) { return c.server.version, nil }

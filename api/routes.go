package api

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"ecs-api/api/openapi"
	"ecs-api/api/respond"
	"ecs-api/api/urlparams"
)

// routes is the table of everything that is served. The success status of an endpoint stands here.
func (s *Server) routes() {
	v1 := s.router.PathPrefix(base).Subrouter()

	// Public.
	s.open(v1, "/ping", http.HandlerFunc(s.ping))
	s.open(v1, "/version", handle(s, http.StatusOK, showVersion))
	s.open(v1, "/metrics", s.metrics.Handler())
	for path, file := range openapi.Files() {
		s.open(v1, path, file)
	}

	v1.Handle("/accounts", handle(s, http.StatusOK, listAccounts)).Methods(http.MethodGet)
	s.serviceRoutes(v1)
	s.operationRoutes(v1)
	s.observeRoutes(v1)
	s.logRoutes(v1)
	s.clusterRoutes(v1)
	s.taskRoutes(v1)
	s.taskDefinitionRoutes(v1)
	s.managedTaskDefinitionRoutes(v1)
	s.cloudMapRoutes(v1)
	s.loadBalancerRoutes(v1)
	s.secretRoutes(v1)
	s.parameterRoutes(v1)
	s.imageRoutes(v1)
}

// open adds a route that takes GET and needs no token.
func (s *Server) open(v1 *mux.Router, path string, h http.Handler) {
	s.public[base+path] = true
	if _, ok := h.(*endpoint); !ok && !strings.HasPrefix(path, "/docs") {
		h = withoutQuery(h)
	}
	v1.Handle(path, h).Methods(http.MethodGet)
}

// withoutQuery refuses query parameters, as endpoints refuse those that they do not declare.
func withoutQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := new(urlparams.Set).Parse(nil, r.URL.RawQuery); err != nil {
			respond.Error(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

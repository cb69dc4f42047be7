package api

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"ecs-api/api/openapi"
	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/api/urlparams"
	"ecs-api/common"
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
	s.jobRoutes(v1)
	s.cloudMapRoutes(v1)
	s.loadBalancerRoutes(v1)
	s.secretRoutes(v1)
	s.parameterRoutes(v1)
	s.imageRoutes(v1)
}

// open adds a route that answers GET and needs no token.
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

// dispatch hands the request to its route. If none has its path it says so, and if none has its method, which ones there are.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	match, ok := s.match(r, r.Method)
	if !ok && r.Method == http.MethodHead {
		match, ok = s.match(r, http.MethodGet) // what answers GET answers HEAD; the server leaves the body out
	}
	if !ok {
		s.refuse(w, r)
		return
	}
	if template, err := match.Route.GetPathTemplate(); err == nil {
		recordOf(r).Route = template
	}
	if err := permitMethod(r); err != nil {
		respond.Error(w, r, err)
		return
	}
	match.Handler.ServeHTTP(w, mux.SetURLVars(r, match.Vars))
}

// refuse sends the error for a request that no route takes.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range telemetry.Methods {
		_, ok := s.match(r, method)
		if !ok && method == http.MethodHead {
			_, ok = s.match(r, http.MethodGet)
		}
		if ok {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		respond.Error(w, r, common.Errorf(common.NotFound, "there is nothing at this path; the API is below %s", base))
		return
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	respond.Error(w, r, common.Errorf(common.MethodNotAllowed, "this path takes %s", strings.Join(allowed, ", ")))
}

// match returns the route that would take r if it came with the method.
func (s *Server) match(r *http.Request, method string) (mux.RouteMatch, bool) {
	if r.Method != method {
		r = r.WithContext(r.Context())
		r.Method = method
	}
	var match mux.RouteMatch
	ok := s.router.Match(r, &match)
	return match, ok && match.MatchErr == nil
}

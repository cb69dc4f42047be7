package api

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"ecs-api/common"
)

// routes is the table of everything that is served. The success status of an endpoint stands here.
func (s *Server) routes() {
	v1 := s.router.PathPrefix(base).Subrouter()
	v1.Use(recordRoute)

	// Public.
	s.open(v1, "/ping", http.HandlerFunc(ping))
	s.open(v1, "/version", handle(s, http.StatusOK, showVersion))
	s.open(v1, "/metrics", s.metrics.handler())
}

// open adds a route that answers GET and needs no token.
func (s *Server) open(v1 *mux.Router, path string, h http.Handler) {
	s.public[base+path] = true
	v1.Handle(path, h).Methods(http.MethodGet)
}

// recordRoute notes which route serves the request. Its template is what the log and the metrics call it by.
func recordRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if template, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
			recordOf(r).route = template
		}
		next.ServeHTTP(w, r)
	})
}

// dispatch hands the request to its route; if none has its method, to say which methods there are; if none has its path, to say so.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead && !s.matches(r, http.MethodHead) {
		r = withMethod(r, http.MethodGet) // what answers GET answers HEAD; the server leaves the body out
	}
	if s.matches(r, r.Method) {
		s.router.ServeHTTP(w, r)
		return
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if s.matches(r, method) || method == http.MethodHead && s.matches(r, http.MethodGet) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeError(w, r, common.Errorf(common.NotFound, "there is nothing at this path; the API is below %s", base))
		return
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	writeProblem(w, r, problem{Status: http.StatusMethodNotAllowed, Detail: "this path takes " + strings.Join(allowed, ", ")})
}

// matches reports whether a route would take r if it came with the method.
func (s *Server) matches(r *http.Request, method string) bool {
	return s.router.Match(withMethod(r, method), &mux.RouteMatch{})
}

func withMethod(r *http.Request, method string) *http.Request {
	if r.Method == method {
		return r
	}
	r = r.WithContext(r.Context())
	r.Method = method
	return r
}

// Package router finds the route of a request. It owns one rule: a request that no route takes is a problem that says what there is instead.
package router

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/common"
)

// Router is a table of routes, to which they are added as to mux's.
type Router struct {
	*mux.Router
	base   string
	permit func(*http.Request) error
}

// New returns a router without routes. Its problems say that the API begins at base; permit says what is wrong with a request that has a route, before
// anything of it is read.
func New(base string, permit func(*http.Request) error) *Router {
	return &Router{Router: mux.NewRouter().UseEncodedPath().SkipClean(true), base: base, permit: permit}
}

// ServeHTTP hands the request to its route. If none has its path it says so, and if none has its method, which ones there are.
func (t *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match, ok := t.match(r, r.Method)
	if !ok && r.Method == http.MethodHead {
		match, ok = t.match(r, http.MethodGet) // what serves GET serves HEAD; the server leaves the body out
	}
	if !ok {
		t.refuse(w, r)
		return
	}
	if template, err := match.Route.GetPathTemplate(); err == nil {
		telemetry.Of(r).Route = template
	}
	if err := t.permit(r); err != nil {
		respond.Error(w, r, err)
		return
	}
	match.Handler.ServeHTTP(w, mux.SetURLVars(r, match.Vars))
}

// refuse sends the error for a request that no route takes.
func (t *Router) refuse(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range telemetry.Methods {
		_, ok := t.match(r, method)
		if !ok && method == http.MethodHead {
			_, ok = t.match(r, http.MethodGet)
		}
		if ok {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		respond.Error(w, r, common.Errorf(common.NotFound, "there is nothing at this path; %s", t.instead(r, "the API is below "+t.base)))
		return
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	takes := "this path takes " + strings.Join(allowed, ", ")
	if hint := t.instead(r, ""); hint != "" {
		takes += "; " + hint
	}
	respond.Error(w, r, common.Errorf(common.MethodNotAllowed, "%s", takes))
}

// match returns the route that would take r if it came with the method.
func (t *Router) match(r *http.Request, method string) (mux.RouteMatch, bool) {
	if r.Method != method {
		r = r.WithContext(r.Context())
		r.Method = method
	}
	var match mux.RouteMatch
	ok := t.Router.Match(r, &match)
	return match, ok && match.MatchErr == nil
}

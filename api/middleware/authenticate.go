package middleware

import (
	"net/http"

	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/api/tokens"
	"ecs-api/common"
)

// Authenticate lets requests below base pass that carry a token of a caller, or that go to a public path, which needs none. It keeps in the request's
// record who sends it, and what the token permits.
func Authenticate(base string, public map[string]bool, callers *tokens.Callers) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if Below(base, r) && !public[r.URL.Path] {
				rec := telemetry.Of(r)
				g, err := callers.Grant(r.Context(), r.Header.Get(tokens.Header))
				if err == nil {
					rec.Grant, rec.Caller.Name = g, g.Caller
					rec.Caller.OnBehalfOf, err = tokens.OnBehalfOf(r.Header)
				}
				if err != nil {
					w.Header().Set("Connection", "close") // else the server would first read the body of who knows whom
					respond.Error(w, r, err)
					return
				}
				caller := rec.Caller
				caller.RequestID = rec.ID
				r = r.WithContext(common.WithCaller(r.Context(), caller))
			}
			next.ServeHTTP(w, r)
		})
	}
}

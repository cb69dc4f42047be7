package middleware

import (
	"net/http"
	"strings"

	"ecs-api/api/respond"
)

// exposed are the headers of responses that pages may read.
const exposed = "X-Request-Id, Location, Operation-Location, X-Flywheel-Task, Idempotent-Replayed, Age, Retry-After, Server-Timing, X-Ignored-Fields, Preference-Applied, ETag"

// CORS lets pages of any origin send requests to base and what is below it, with the headers allowed, and responds to what browsers ask before they do.
func CORS(base string, allowed ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !Below(base, r) {
				next.ServeHTTP(w, r)
				return
			}
			h := w.Header()
			showToPages(h)
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
				h.Set("Access-Control-Allow-Headers", strings.Join(allowed, ", "))
				h.Set("Access-Control-Max-Age", "600")
				respond.Write(w, http.StatusOK, nil)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// showToPages lets pages of any origin read a response.
func showToPages(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", exposed)
}

// Below reports whether r is for base or what is below it.
func Below(base string, r *http.Request) bool {
	return r.URL.Path == base || strings.HasPrefix(r.URL.Path, base+"/")
}

// Package middleware is what every request goes through whatever it asks for: headers for browsers and proxies, and one spelling of a path.
package middleware

import (
	"net/http"
	"net/url"
	"strings"

	"ecs-api/api/respond"
	"ecs-api/common"
)

// Secure sets the headers that keep browsers and proxies from doing more with a response than to show it.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// CleanPath reads doubled slashes as one and ignores a trailing one, and refuses paths with . and .. in them, escaped or not: nobody means
// those. An endpoint for which an empty name is a danger reads the path as it was written: see deletesByMistake.
func CleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		for strings.Contains(escaped, "//") {
			escaped = strings.ReplaceAll(escaped, "//", "/")
		}
		if escaped != "/" {
			escaped = strings.TrimSuffix(escaped, "/")
		}
		for segment := range strings.SplitSeq(escaped, "/") {
			if plain, err := url.PathUnescape(segment); err != nil || plain == "." || plain == ".." {
				showToPages(w.Header())
				respond.Error(w, r, common.Errorf(common.BadRequest, "the path must not hold . or .. as a segment"))
				return
			}
		}
		if escaped != r.URL.EscapedPath() {
			plain, err := url.PathUnescape(escaped)
			if err != nil { // its segments could be unescaped
				respond.Error(w, r, common.Errorf(common.BadRequest, "the path is badly escaped"))
				return
			}
			clean := *r.URL
			clean.Path, clean.RawPath = plain, escaped
			r = r.WithContext(r.Context())
			r.URL = &clean
		}
		next.ServeHTTP(w, r)
	})
}

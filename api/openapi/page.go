package openapi

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// pageFiles are the documentation page: Swagger UI as its makers packed it, below vendor, and what is ours. See docs/update.
//
//go:embed docs/index.html docs/guide.css docs/page.css docs/page.js docs/icon.svg docs/vendor/*.gz
var pageFiles embed.FS

// pagePolicy lets the page load what is served here and call this server, and nothing else. Swagger UI sets styles in attributes of what
// it draws, which is why styles may stand in the page itself.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// addPage adds the documentation page and its files, by their paths.
func addPage(all map[string]http.Handler) {
	for _, pattern := range []string{"docs", "docs/vendor"} {
		files, err := pageFiles.ReadDir(pattern)
		if err != nil {
			panic(fmt.Sprintf("the documentation page: %v", err)) // it is part of the program
		}
		for _, entry := range files {
			if entry.IsDir() {
				continue
			}
			from := pattern + "/" + entry.Name()
			all[pageName(from)] = withoutSlash(lazily(func() *file { return pageFile(from) }))
		}
	}
}

// withoutSlash sends browsers that ask for a page with a trailing slash to where it is: its links begin there.
func withoutSlash(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasSuffix(asked, "/") {
			w.Header().Set("Location", "../"+path.Base(asked))
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// pageTypes are the media types of the page's files, by extension.
var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// pageName returns the path that a file of the page is served at.
func pageName(file string) string {
	if name := path.Base(strings.TrimSuffix(file, ".gz")); name != "index.html" {
		return "/docs/" + name
	}
	return "/docs"
}

// pageFile returns a file of the page.
func pageFile(from string) *file {
	content, err := pageFiles.ReadFile(from)
	if err != nil {
		panic(fmt.Sprintf("the documentation page: %v", err)) // it is part of the program
	}
	media := pageTypes[path.Ext(strings.TrimSuffix(from, ".gz"))]
	f := newFile
	if path.Ext(from) == ".gz" {
		f = packedFile
	}
	page := f(media, content)
	page.policy = pagePolicy
	return page
}

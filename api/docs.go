package api

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// docsFiles are the documentation page: Swagger UI as its makers packed it, below vendor, and what is ours. See docs/update.
//
//go:embed docs/index.html docs/page.css docs/page.js docs/icon.svg docs/vendor/*.gz
var docsFiles embed.FS

// docsPolicy lets the page load what is served here and call this server, and nothing else. Swagger UI sets styles in attributes of what
// it draws, which is why styles may stand in the page itself.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// addDocs adds the documentation page and its files, by their paths.
func addDocs(all map[string]*document) {
	for _, pattern := range []string{"docs", "docs/vendor"} {
		files, err := docsFiles.ReadDir(pattern)
		if err != nil {
			panic(fmt.Sprintf("the documentation page: %v", err)) // it is part of the program
		}
		for _, file := range files {
			if file.IsDir() {
				continue
			}
			name, d := docsFile(pattern + "/" + file.Name())
			d.policy = docsPolicy
			all[name] = d
		}
	}
}

// docsTypes are the media types of the page's files, by extension.
var docsTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// docsFile returns a file of the page and the path it is served at.
func docsFile(file string) (name string, d *document) {
	content, err := docsFiles.ReadFile(file)
	if err != nil {
		panic(fmt.Sprintf("the documentation page: %v", err)) // it is part of the program
	}
	name = "/docs/" + path.Base(strings.TrimSuffix(file, ".gz"))
	media := docsTypes[path.Ext(name)]
	if path.Ext(file) == ".gz" {
		d = packedDocument(media, content)
	} else {
		d = newDocument(media, content)
	}
	if name == "/docs/index.html" {
		name = "/docs"
	}
	return name, d
}

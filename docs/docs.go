// Package docs holds the guides as part of the program, which serves them. It imports nothing of ours.
package docs

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed *.md
var files embed.FS

// Guide is one of the guides.
type Guide struct {
	Name     string // of its file, without .md
	Title    string
	Markdown []byte
}

// order is that in which one would read them.
var order = []string{"first-deploy", "callers", "after-the-change", "errors", "failures", "migration", "configuration", "operations", "orchestration", "dependencies", "development"}

// Guides returns all guides: first those for who uses the server, then those for who runs it and who works on it.
func Guides() []Guide {
	var all []Guide
	for _, name := range order {
		text, err := files.ReadFile(name + ".md")
		if err != nil {
			panic(fmt.Sprintf("the guide %s: %v", name, err)) // it is part of the program
		}
		title, _, _ := strings.Cut(string(text), "\n")
		all = append(all, Guide{Name: name, Title: strings.TrimPrefix(title, "# "), Markdown: text})
	}
	return all
}

// Linked returns the path at which the server serves what a guide links to, from where it serves the guides; "" for what is in the repository alone.
// The fragment stays.
func Linked(target string) string {
	file, fragment, _ := strings.Cut(target, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	switch {
	case file == "" || strings.Contains(file, "://"):
		return target
	case file == "../api/openapi/openapi.yaml":
		return "../openapi.yaml" + fragment
	case path.Dir(file) == "." && strings.HasSuffix(file, ".md"):
		return strings.TrimSuffix(file, ".md") + ".html" + fragment
	}
	return ""
}

package docs_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"ecs-api/docs"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestEveryGuideIsServed(t *testing.T) {
	var served []string
	for _, g := range docs.Guides() {
		served = append(served, g.Name+".md")
		if g.Title == "" || strings.HasPrefix(g.Title, "#") {
			t.Errorf("%s has no title", g.Name)
		}
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".md") && !slices.Contains(served, file.Name()) {
			t.Errorf("%s is not served: add it to order", file.Name())
		}
	}
}

func TestWhereLinksLead(t *testing.T) {
	for target, want := range map[string]string{
		"#logs": "#logs", "https://example.com/a.md": "https://example.com/a.md", "callers.md": "callers.html", "callers.md#logs": "callers.html#logs",
		"../api/openapi/openapi.yaml": "../openapi.yaml", "../README.md": "", "decisions": "", "decisions/one.md": "", "../deploy/README.md#iam": "",
	} {
		if got := docs.Linked(target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

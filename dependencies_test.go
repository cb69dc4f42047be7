package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheDependenciesAreListed compares docs/dependencies.md with what is linked in, and with go.mod's direct requirements beside that.
func TestTheDependenciesAreListed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	linked, rest, _ := strings.Cut(string(page), "## For tests")
	forTests, _, _ := strings.Cut(rest, "\n## ")

	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if module, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			want[module] = version
		}
	}
	if diff := cmp.Diff(want, listed(t, linked)); diff != "" || len(want) == 0 {
		t.Errorf("what is linked in (-) and listed (+): %s", diff)
	}

	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) (v\S+)$`).FindAllStringSubmatch(string(mod), -1) {
		if want[m[1]] == "" {
			others[m[1]] = m[2]
		}
	}
	if diff := cmp.Diff(others, listed(t, forTests)); diff != "" {
		t.Errorf("what go.mod requires beside that (-) and what is listed for tests (+): %s", diff)
	}
}

// listed returns the modules of a table with their versions. Each must have a reason.
func listed(t *testing.T, text string) map[string]string {
	t.Helper()
	modules := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\S+\.\S+/\S+) \| (v\S+) \|(.*)\|$`).FindAllStringSubmatch(text, -1) {
		if modules[row[1]] != "" || strings.TrimSpace(row[3]) == "" {
			t.Errorf("%s is listed twice, or for no reason", row[1])
		}
		modules[row[1]] = row[2]
	}
	return modules
}

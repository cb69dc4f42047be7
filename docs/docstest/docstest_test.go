package docstest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

// document writes a document of the given text.
func document(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBlocks(t *testing.T) {
	got := Blocks(t, document(t, "# A\n```sh\necho a\n```\n\n<!-- not run: needs docker -->\n```sh\ndocker ps\n```\n```json\n{}\n\n{}\n```\n"))
	want := []Block{{2, "sh", "echo a\n", ""}, {7, "sh", "docker ps\n", "needs docker"}, {10, "json", "{}\n\n{}\n", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	got := Table(t, document(t, "# A\n| x |\n|---|\n| 1 |\n## B c\ntext\n\n| x | y | z |\n|---|---|---|\n| `1` | 2, 3 | x |\n| 4 | | y |\n\n| z |\n|---|\n"), "B c")
	if diff := cmp.Diff([][]string{{"`1`", "2, 3", "x"}, {"4", "", "y"}}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b c"}, Code("`a` or `b c`")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDeadLinks(t *testing.T) {
	file := document(t, "# What it is, and `why`\n[a](a.md) [b](#what-it-is-and-why) [c](https://example.com/x) `[d](e)`\n[f](g.md) [h](a.md#i)\n")
	want := []string{file + ":3: g.md: there is no such file", file + ":3: a.md#i: there is no such heading"}
	if diff := cmp.Diff(want, DeadLinks(t, file)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

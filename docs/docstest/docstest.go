// Package docstest reads the project's documents, for tests that hold them to the code. It owns one convention, which is visible in the
// documents' source:
//
//   - what stands in ```sh is pasted into a shell, in order, one shell a document;
//   - what follows in ```json, ```http or ```text is what the last ```sh before it prints, with … for what is left out (see Compare);
//   - a comment <!-- not run: why --> right above a block says that a test cannot run it.
//
// Blocks of other languages are neither run nor compared.
package docstest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Files returns the project's documents, by their path below root: the README, the guides and what explains the deployment.
func Files(t testing.TB, root string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "deploy/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
	}
	return files
}

// Block is a fenced block of a document.
type Block struct {
	Line     int    // of the fence, from 1
	Language string // "sh", "json", …
	Text     string
	NotRun   string // why a test cannot run it; empty if it can
}

// IsOutput reports whether the block is what a command prints.
func (b Block) IsOutput() bool { return slices.Contains([]string{"json", "http", "text"}, b.Language) }

var notRun = regexp.MustCompile(`^<!-- not run: (.+) -->$`)

// Blocks returns the document's fenced blocks in order.
func Blocks(t testing.TB, file string) []Block {
	t.Helper()
	var all []Block
	var open *Block
	above := "" // the last line that is not blank
	for i, line := range lines(t, file) {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &Block{Line: i + 1, Language: language}
			if m := notRun.FindStringSubmatch(above); m != nil {
				open.NotRun = m[1]
			}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		}
		if strings.TrimSpace(line) != "" {
			above = line
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block has no end", file, open.Line)
	}
	return all
}

// Table returns the rows of the first table below a heading, without its head, a cell a string.
func Table(t testing.TB, file, heading string) [][]string {
	t.Helper()
	var rows [][]string
	found := false
	for _, line := range lines(t, file) {
		if strings.HasPrefix(line, "#") {
			if found {
				break
			}
			found = strings.TrimLeft(line, "# ") == heading
			continue
		}
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		if found {
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s has no table below %q", file, heading)
	}
	return rows[2:]
}

var code = regexp.MustCompile("`([^`]+)`")

// Code returns what stands between backquotes in a text.
func Code(text string) []string {
	var all []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ +(.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// DeadLinks returns the document's links into the project that lead nowhere, each with its line.
func DeadLinks(t testing.TB, file string) []string {
	t.Helper()
	var dead []string
	for i, line := range lines(t, file) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				dead = append(dead, fmt.Sprintf("%s:%d: %s: there is no such file", file, i+1, m[1]))
			} else if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
				dead = append(dead, fmt.Sprintf("%s:%d: %s: there is no such heading", file, i+1, m[1]))
			}
		}
	}
	return dead
}

// anchors returns what the document's headings are linked by, as GitHub makes it.
func anchors(t testing.TB, file string) []string {
	t.Helper()
	var all []string
	for _, line := range lines(t, file) {
		if m := heading.FindStringSubmatch(line); m != nil {
			all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
		}
	}
	return all
}

func lines(t testing.TB, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

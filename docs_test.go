package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"ecs-api/config"
	"ecs-api/docs/docstest"
	"ecs-api/localaws"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// asProgram makes the test's binary be the program, for documents that start it.
const asProgram = "ECS_API_TEST_AS_PROGRAM"

// documentPace is that of the -local beside a document: six times as fast as what readers see, who do not mind to wait.
const documentPace = "500ms"

// mostDocuments is how many documents are read at once, whatever the number of processors: they wait for most of their time.
const mostDocuments = "16"

// lifeline is the file descriptor that such a program reads from until the test closes it, or is killed: then it ends as well.
const lifeline = 3

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.NewFile(lifeline, "lifeline"))
			os.Exit(exitFailure)
		}()
		main()
	}
	flag.Parse()
	if err := flag.Set("test.parallel", mostDocuments); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// checkProgramIsBuilt checks that a document says where the program comes from before it starts it: the tests have it at hand, a reader does not.
func checkProgramIsBuilt(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, starts := strings.Cut(string(text), "\n./ecs-api ")
	if starts && !strings.Contains(before, "make build") {
		t.Errorf("%s starts ./ecs-api, and does not say before that make build makes it", file)
	}
}

// TestTheDocumentsCommandsWork pastes the commands of each document, in order, into a shell beside a server that -local started, and compares
// what they print with what the document shows. See package docstest for the documents' convention.
func TestTheDocumentsCommandsWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine to paste them for")
	}
	const mostNotRun = 20
	notRun, ran := 0, 0
	for _, file := range docstest.Files(t, ".") {
		blocks := docstest.Blocks(t, file)
		for _, b := range blocks {
			switch {
			case b.NotRun != "":
				notRun++
			case b.Language == "sh":
				ran++
			case b.Language == "":
				t.Errorf("%s:%d: the block has no language: nobody can tell whether it is to be run", file, b.Line)
			}
		}
		checkProgramIsBuilt(t, file)
		if !slices.ContainsFunc(blocks, func(b docstest.Block) bool { return b.Language == "sh" && b.NotRun == "" }) {
			continue
		}
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			runDocument(t, file, blocks)
		})
	}
	t.Logf("%d blocks are run, %d cannot be", ran, notRun)
	if ran < 30 || notRun > mostNotRun {
		t.Errorf("%d blocks are run and %d cannot be: want at least 30 and at most %d", ran, notRun, mostNotRun)
	}
}

// shown is a command block and what it is to print.
type shown struct {
	docstest.Block
	output *docstest.Block // nil if the document does not show it
}

// runDocument runs the blocks of one document.
func runDocument(t *testing.T, file string, blocks []docstest.Block) {
	var commands []shown
	for i, b := range blocks {
		switch {
		case b.Language == "sh" && b.NotRun == "":
			commands = append(commands, shown{Block: b})
		case b.IsOutput() && b.NotRun == "":
			if i == 0 || blocks[i-1].Language != "sh" {
				t.Fatalf("%s:%d: no command stands right before this", file, b.Line)
			}
			if blocks[i-1].NotRun == "" {
				commands[len(commands)-1].output = &blocks[i]
			}
		}
	}
	dir := workspace(t)
	script := exec.CommandContext(t.Context(), "sh", "-c", scriptOf(commands, addresses(t, startLocal(t, "-local-pace", documentPace))))
	script.Dir = dir
	ends, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ends.Close(), end.Close() })
	script.ExtraFiles = []*os.File{ends} // the first one is lifeline
	script.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ECS_API_") })
	failed := script.Run()
	for i, c := range commands {
		printed, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.out", i)))
		if err != nil {
			t.Fatalf("%s:%d: the shell has ended before this: %v", file, c.Line, failed)
		}
		if last := !exists(filepath.Join(dir, fmt.Sprintf("%d.out", i+1))); last && failed != nil {
			errors, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.err", i))) // made together with the other
			t.Fatalf("%s:%d: %v\n%s\n%s\n%s", file, c.Line, failed, c.Text, printed, errors)
		}
		if c.output != nil {
			if err := docstest.Compare(c.output.Language, c.output.Text, string(printed)); err != nil {
				t.Errorf("%s:%d: not as shown: %v\n%s", file, c.output.Line, err, printed)
			}
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// workspace returns a folder that looks like the project's to the documents' commands: with the built program, and with copies of what they
// read and write.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"config", "deploy/iam"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, self)
	if err := os.WriteFile(filepath.Join(dir, "ecs-api"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// address is a server's in a document.
var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// nextPort is a port below those that the system gives to whoever asks for any.
var nextPort atomic.Int64

func init() { nextPort.Store(int64(10_000 + os.Getpid()%10_000)) }

// addresses returns what stands for the documents' addresses here: the -local server's for 127.0.0.1:8080, and free ones for others, on which
// a document may start servers of its own.
func addresses(t *testing.T, p program) func(string) string {
	t.Helper()
	known := map[string]string{"127.0.0.1:8080": address.FindString(p.url)}
	return func(text string) string {
		text = address.ReplaceAllStringFunc(text, func(wanted string) string {
			for known[wanted] == "" {
				free := fmt.Sprintf("127.0.0.1:%d", nextPort.Add(1))
				l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", free)
				if err != nil {
					continue
				}
				_ = l.Close()
				known[wanted] = free
			}
			return known[wanted]
		})
		return strings.ReplaceAll(text, "image=nginx:alpine", "image=localhost/nginx:alpine") // a test asks no one outside
	}
}

// scriptOf returns the script with which a shell runs all commands, each with its output in a file. A curl fails if the response is an error, unless
// the document shows the response's head.
func scriptOf(commands []shown, here func(string) string) string {
	var b strings.Builder
	b.WriteString("set -eu\ncurl() { command curl $fail --max-time 60 \"$@\"; }\n")
	for i, c := range commands {
		fail := "--fail-with-body"
		if c.output != nil && c.output.Language == "http" {
			fail = ""
		}
		fmt.Fprintf(&b, "exec >%d.out 2>%d.err\nfail=%s\n%s\n", i, i, fail, here(c.Text))
	}
	return b.String()
}

func TestTheDocumentsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, file := range docstest.Files(t, ".") {
		for _, dead := range docstest.DeadLinks(t, file) {
			t.Error(dead)
		}
	}
}

func TestEveryGuideIsLinkedInTheReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range docstest.Files(t, ".") {
		if filepath.Dir(file) == "docs" && !bytes.Contains(readme, []byte("]("+file+")")) {
			t.Errorf("README.md does not link %s", file)
		}
	}
}

// named returns all that stands in code in the table's column.
func named(rows [][]string, column int) []string {
	var all []string
	for _, row := range rows {
		all = append(all, docstest.Code(row[column])...)
	}
	return all
}

// sameNames compares what is documented with what there is.
func sameNames(t *testing.T, what string, documented, there []string) {
	t.Helper()
	for _, name := range there {
		if !slices.Contains(documented, name) {
			t.Errorf("%s %s is not documented", what, name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(there, name) {
			t.Errorf("%s %s is documented, and there is none", what, name)
		}
	}
}

func TestEveryConfigKeyIsExplained(t *testing.T) {
	t.Parallel()
	for heading, part := range map[string]reflect.Type{"The server": reflect.TypeFor[config.Config](), "An account": reflect.TypeFor[config.Account]()} {
		var keys []string
		for field := range part.Fields() {
			keys = append(keys, field.Tag.Get("json"))
		}
		sameNames(t, "key", named(docstest.Table(t, "docs/configuration.md", heading), 0), keys)
	}
}

func TestEveryFlagIsExplained(t *testing.T) {
	t.Parallel()
	var usage bytes.Buffer
	if _, err := parse([]string{"-help"}, &usage); err == nil {
		t.Fatal("-help is no error")
	}
	var flags []string
	for _, m := range regexp.MustCompile(`(?m)^  (-[a-z-]+)( [A-Z]+)?`).FindAllStringSubmatch(usage.String(), -1) {
		flags = append(flags, m[1]+m[2])
	}
	rows := docstest.Table(t, "docs/configuration.md", "Command line")
	sameNames(t, "flag", named(rows, 0), flags)
}

func TestEveryFailingImageIsExplained(t *testing.T) {
	t.Parallel()
	rows := docstest.Table(t, "docs/failures.md", "Images that fail")
	sameNames(t, "tag", named(rows, 0), append(localaws.ImageFaults(), "exit-N"))
}

func TestEveryAlertIsExplained(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, m := range regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllSubmatch(rules, -1) {
		alerts = append(alerts, string(m[1]))
	}
	sameNames(t, "alert", named(docstest.Table(t, "docs/operations.md", "Alerts"), 0), alerts)
}

func TestWhatDevelopersRunIsThere(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):.*##`).FindAllSubmatch(makefile, -1) {
		targets = append(targets, "make "+string(m[1]))
	}
	sameNames(t, "target", named(docstest.Table(t, "docs/development.md", "Commands"), 0), targets)
	ci, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile(`(?m)^steps=\((.*)\)$`).FindSubmatch(ci)
	if steps == nil {
		t.Fatal(".ci/run names no steps")
	}
	sameNames(t, "step", named(docstest.Table(t, "docs/development.md", "What CI runs"), 0), strings.Fields(string(steps[1])))
}

package main

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"ecs-api/config"
)

// shellBlock is a block of README.md that is to be pasted into a shell.
var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestTheReadmesCurlsWork pastes them, in order, into a shell beside a server that -local started. A curl fails as one would wish of it: if
// the answer is an error.
func TestTheReadmesCurlsWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine to paste them for")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	p := startLocal(t)
	here := strings.NewReplacer(
		"http://127.0.0.1:8080/v1/ecs", p.url,
		"image=nginx:alpine", "image=localhost/nginx:alpine", // a test asks no one outside
	)
	const failing = "set -e\ncurl() { command curl --fail-with-body --max-time 60 \"$@\"; }\n"
	pasted := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(readme), -1) {
		if !strings.Contains(block[1], "curl ") {
			continue
		}
		pasted++
		if strings.Contains(block[1], "127.0.0.1:8080") && !strings.Contains(block[1], "http://127.0.0.1:8080/v1/ecs") {
			t.Errorf("an address that the test does not know, in\n%s", block[1])
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", failing+here.Replace(block[1]))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, block[1], out)
		}
	}
	if pasted < 12 {
		t.Errorf("README.md has %d blocks with a curl: one for each group of endpoints is wanted", pasted)
	}
}

func TestTheReadmeExplainsEveryConfigKey(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, part := range []reflect.Type{reflect.TypeFor[config.Config](), reflect.TypeFor[config.Account]()} {
		for field := range part.Fields() {
			keys = append(keys, field.Tag.Get("json"))
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (`+"`.*`"+`) \| [a-z]+ \|.*\|.*\|$`).FindAllStringSubmatch(string(readme), -1)
	var explained string
	for _, row := range rows {
		explained += row[1]
	}
	for _, key := range keys {
		if key == "" || !strings.Contains(explained, "`"+key+"`") {
			t.Errorf("the config table says nothing of %q", key)
		}
	}
}

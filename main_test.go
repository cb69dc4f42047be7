package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noEnv is an environment with nothing in it.
func noEnv(string) string { return "" }

// program is a run of the program that lasts while the test talks to it.
type program struct {
	url    string // of the API
	token  string
	greets string // all that -local printed
	stop   func() (status int, stderr string)
}

// startLocal runs the program with -local on any port, and waits until it has said what to try.
func startLocal(t *testing.T, args ...string) program {
	t.Helper()
	return startLocalIn(t, noEnv, args...)
}

// startLocalIn is startLocal in an environment of the test's own.
func startLocalIn(t *testing.T, env func(string) string, args ...string) program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, toStdout := io.Pipe()
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"-local", "-listen", "127.0.0.1:0"}, args...), env, toStdout, &stderr)
		_ = toStdout.Close()
	}()
	p := program{stop: func() (int, string) {
		cancel()
		code := <-status
		return code, stderr.String()
	}}
	t.Cleanup(cancel)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		p.greets += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "curl -sS -X DELETE") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }() // ends when the program does
	p.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/v1/ecs`).FindString(p.greets)
	if m := regexp.MustCompile(`(?m)^X-Auth-Token: (.+)$`).FindStringSubmatch(p.greets); m != nil {
		p.token = m[1]
	}
	if p.url == "" || p.token == "" {
		code, text := p.stop()
		t.Fatalf("no address or token in %q; exit status %d, %s", p.greets, code, text)
	}
	return p
}

func TestLocalServesUntilSIGTERM(t *testing.T) {
	t.Parallel()
	p := startLocal(t)
	resp, err := http.Get(p.url + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "pong" {
		t.Errorf("ping returned %q, %v", body, err)
	}
	_ = resp.Body.Close()
	status, log := p.stop()
	if status != exitOK || !strings.Contains(log, " INFO  stopped") {
		t.Errorf("exit status %d, log %s", status, log)
	}
	if _, err := http.Get(p.url + "/ping"); err == nil {
		t.Error("it still responds after it ended")
	}
}

func TestTheProgramSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(broken, []byte(`{"listenAddress": "nowhere", "tokn": "x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	taken := startLocal(t)
	address := strings.TrimSuffix(strings.TrimPrefix(taken.url, "http://"), "/v1/ecs")
	listenAnywhere := func(name string) string {
		if name == "ECS_API_LISTEN_ADDRESS" {
			return ":0"
		}
		return ""
	}
	tests := []struct {
		name   string
		args   []string
		env    func(string) string
		status int
		stdout string
		stderr []string
	}{
		{"no config names both ways on", []string{"-config", filepath.Join(t.TempDir(), "none.json")}, noEnv, exitFailure, "", []string{"config.example.json", "-local"}},
		{"a broken config tells everything at once", []string{"-config", broken}, noEnv, exitFailure, "", []string{"listenAddress", "tokn", "accounts"}},
		{"an unknown flag shows the flags", []string{"-colour"}, noEnv, exitUsage, "", []string{"-colour", "-local"}},
		{"an argument", []string{"serve"}, noEnv, exitUsage, "", []string{`"serve"`}},
		{"help", []string{"-help"}, noEnv, exitOK, "", []string{"-check"}},
		{"the version", []string{"-version"}, noEnv, exitOK, "ecs-api dev (", nil},
		{"-local takes no config", []string{"-local", "-config", broken}, noEnv, exitUsage, "", []string{"-config"}},
		{"a latency without -local", []string{"-local-latency", "1s"}, noEnv, exitUsage, "", []string{"use them with -local"}},
		{"a pace without -local", []string{"-check", "-local-pace", "1s"}, noEnv, exitUsage, "", []string{"use them with -local"}},
		{"a negative latency", []string{"-local", "-local-latency", "-1s"}, noEnv, exitUsage, "", []string{"between 0s and 1h"}},
		{"a pace that nobody waits for", []string{"-local", "-local-pace", "2h"}, noEnv, exitUsage, "", []string{"between 0s and 1h"}},
		{"a latency without unit", []string{"-local", "-local-latency", "200"}, noEnv, exitUsage, "", []string{"200", "-local-latency DURATION"}},
		{"the environment cannot expose -local", []string{"-local"}, listenAnywhere, exitFailure, "", []string{"-listen :0"}},
		{"an address in use", []string{"-local", "-listen", address}, noEnv, exitFailure, "", []string{address, "-listen"}},
		{"the local account checks out", []string{"-local", "-check"}, noEnv, exitOK, "local (us-east-1): ok: account 123456789012", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), tt.args, tt.env, &stdout, &stderr); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if !strings.Contains(stdout.String(), tt.stdout) {
				t.Errorf("stdout %q lacks %q", stdout.String(), tt.stdout)
			}
			for _, want := range tt.stderr {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr %q lacks %q", stderr.String(), want)
				}
			}
		})
	}
}

func TestCheckFailsForAnAccountThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.json")
	text := `{"token": "tttttttttttttttttt", "org": "o", "accounts": {"broken": {"region": "us-east-1", "akid": "AKIDEXAMPLE", "secret": "the-secret-key",
		"endpoint": "http://127.0.0.1:1", "defaultSgs": ["sg-0123456789abcdef0"], "defaultSubnets": ["subnet-0123456789abcdef0"]}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if got := run(t.Context(), []string{"-config", file, "-check"}, noEnv, &stdout, &stderr); got != exitFailure {
		t.Errorf("exit status %d, want %d", got, exitFailure)
	}
	if !strings.HasPrefix(stdout.String(), "broken (us-east-1): FAILED: AWS cannot be reached for sts:GetCallerIdentity") {
		t.Errorf("stdout %q", stdout.String())
	}
	if want := "ecs-api: 1 of 1 accounts cannot be used, or not for everything\n"; stderr.String() != want {
		t.Errorf("stderr %s", cmp.Diff(want, stderr.String()))
	}
	if strings.Contains(stdout.String()+stderr.String(), "the-secret-key") {
		t.Error("the secret key is shown")
	}
}

func TestQuotedTextIsOneWordOfTheShell(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"plain", "a b", "'a b'"},
		{"with a quote", "it's", `'it'\''s'`},
		{"with what sh would expand", "$HOME `x` \\", "'$HOME `x` \\'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quote(tt.text); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTheRequestsItPrintsWork(t *testing.T) {
	t.Parallel()
	p := startLocal(t)
	var commands []string
	for paragraph := range strings.SplitSeq(p.greets, "\n\n") {
		if strings.HasPrefix(paragraph, "curl ") {
			commands = append(commands, paragraph)
		}
	}
	wants := [][]string{
		{`"ServiceName":"www"`},
		{"deploying webservers:1", `"Status":"DRAINING"`, `"kind":"delete service"`}, // the report of the status, then what the DELETE responds
	}
	if len(commands) != len(wants) {
		t.Fatalf("printed %q", commands)
	}
	for i, command := range commands {
		printed, err := exec.CommandContext(t.Context(), "sh", "-e", "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v: %s", command, err, printed)
		}
		for _, want := range wants[i] {
			if !strings.Contains(string(printed), want) {
				t.Errorf("%s\nprinted %s\nwant %s", command, printed, want)
			}
		}
	}
}

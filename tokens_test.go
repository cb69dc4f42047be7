package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"ecs-api/api"
	"ecs-api/config"
)

// reloading is a server's tokens, and the file they come from.
type reloading struct {
	t        *testing.T
	file     string
	server   *api.Server
	reloader *tokenReloader
	log      *bytes.Buffer
}

func configWith(tokens string) string {
	return `{"org": "localdev", "tokens": {` + tokens + `}, "accounts": {"local": {"region": "us-east-1", "akid": "x", "secret": "y"}}}`
}

func startReloading(t *testing.T, tokens string) *reloading {
	t.Helper()
	r := &reloading{t: t, file: filepath.Join(t.TempDir(), "config.json"), log: &bytes.Buffer{}}
	r.write(configWith(tokens))
	c, err := config.Load(r.file, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	log := newLogger(c, r.log)
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	if r.server, err = api.New(api.Options{Config: c, Log: quiet}); err != nil {
		t.Fatal(err)
	}
	r.reloader = &tokenReloader{path: r.file, env: noEnv, callers: r.server.Callers(), log: log}
	r.reloader.look()
	return r
}

func (r *reloading) write(content string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// hangUp does what a hang-up signal makes the reloader do.
func (r *reloading) hangUp() {
	ctx, cancel := context.WithCancel(r.t.Context())
	hangUps, ended := make(chan os.Signal), make(chan struct{})
	go func() { defer close(ended); r.reloader.run(ctx, hangUps, nil) }()
	hangUps <- nil
	cancel()
	<-ended
}

// logged returns the last line of the log.
func (r *reloading) logged() map[string]any {
	r.t.Helper()
	lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	line := map[string]any{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		r.t.Fatalf("%v in %q", err, r.log)
	}
	return line
}

func str(v any) string { return fmt.Sprint(v) }

// open reports whether the token opens the API.
func (r *reloading) open(token string) bool {
	r.t.Helper()
	w := httptest.NewRecorder()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "/v1/ecs/accounts", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	r.server.Handler().ServeHTTP(w, req)
	return w.Code == http.StatusOK
}

func TestTokensAreReloadedFromAChangedFile(t *testing.T) {
	t.Parallel()
	r := startReloading(t, `"a": "token-a", "b": "token-b"`)
	if !r.open("token-a") || !r.open("token-b") || r.log.Len() > 0 {
		t.Fatalf("before any change; log %s", r.log)
	}
	r.write(configWith(`"b": {"token": "token-b", "readOnly": true}, "c": "token-c"`))
	if r.open("token-c") {
		t.Error("the new token is valid before anybody looked")
	}
	r.reloader.look()
	if r.open("token-a") || !r.open("token-b") || !r.open("token-c") {
		t.Error("the tokens are not those of the file")
	}
	line := r.logged()
	if line["msg"] != "tokens reloaded" || str(line["added"]) != "[c]" || str(line["removed"]) != "[a]" || str(line["changed"]) != "[b]" {
		t.Errorf("logged %v", line)
	}
	if strings.Contains(r.log.String(), "token-") {
		t.Errorf("a token is in the log: %s", r.log)
	}
}

func TestABadFileKeepsTheTokens(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no JSON": `{"tok`, "no tokens": configWith(""), "an empty file": "", "something else wrong": strings.Replace(configWith(`"b": "token-b"`), "us-east-1", "nowhere", 1),
	} {
		t.Run(name, func(t *testing.T) {
			r := startReloading(t, `"a": "token-a"`)
			r.write(content)
			r.reloader.look()
			if line := r.logged(); !r.open("token-a") || r.open("token-b") || line["level"] != "error" || !strings.HasPrefix(str(line["msg"]), "tokens not reloaded") || line["error"] == nil {
				t.Errorf("logged %v", line)
			}
			if got := strings.Count(r.log.String(), "\n"); got != 1 {
				t.Errorf("%d lines: a file that stays bad is reported once", got)
			}
			r.write(configWith(`"b": "token-b"`))
			r.reloader.look()
			if r.open("token-a") || !r.open("token-b") {
				t.Error("the corrected file is not read")
			}
		})
	}
}

func TestAHangUpReloadsAndSaysSo(t *testing.T) {
	t.Parallel()
	r := startReloading(t, `"a": "token-a"`)
	r.hangUp()
	if line := r.logged(); line["msg"] != "tokens reloaded" || line["added"] != nil {
		t.Errorf("logged %v", line)
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	r.reloader.look()
	r.hangUp()
	if line := r.logged(); line["level"] != "error" || !r.open("token-a") {
		t.Errorf("without a file it logged %v", line)
	}
}

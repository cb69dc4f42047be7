package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHealthAsksTheServerThatIsConfigured(t *testing.T) {
	t.Parallel()
	p := startLocal(t)
	address := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/v1/ecs")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome") }))
	defer other.Close()
	env := func(name string) string {
		if name == "ECS_API_LISTEN_ADDRESS" {
			return address
		}
		return ""
	}
	file := filepath.Join(t.TempDir(), "config.json")
	text := `{"listenAddress": "` + address + `", "token": "tttttttttttttttttt", "org": "o", "accounts": {"a": {"region": "us-east-1"}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	type test struct {
		name   string
		args   []string
		env    func(string) string
		status int
		stderr string
	}
	check := func(tests ...test) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				if got := run(t.Context(), append([]string{"-health"}, tt.args...), tt.env, &stdout, &stderr); got != tt.status {
					t.Errorf("exit status %d, want %d", got, tt.status)
				}
				if stdout.Len() > 0 || !strings.Contains(stderr.String(), tt.stderr) || strings.Count(stderr.String(), "\n") > 1 || (tt.status == exitOK) != (stderr.Len() == 0) {
					t.Errorf("stdout %q, stderr %q, want %q", stdout.String(), stderr.String(), tt.stderr)
				}
			})
		}
	}
	check(
		test{"by the command line", []string{"-listen", address}, noEnv, exitOK, ""},
		test{"by the environment", nil, env, exitOK, ""},
		test{"on every address", []string{"-listen", ":" + port}, noEnv, exitOK, ""},
		test{"on every IPv4 address", []string{"-listen", "0.0.0.0:" + port}, noEnv, exitOK, ""},
		test{"by the config", []string{"-config", file}, noEnv, exitOK, ""},
		test{"no config", []string{"-config", file + "none"}, noEnv, exitFailure, "there is no config file"},
		test{"on any port", []string{"-listen", "127.0.0.1:0"}, noEnv, exitFailure, "cannot tell where to ask: 127.0.0.1:0"},
		test{"another server", []string{"-listen", strings.TrimPrefix(other.URL, "http://")}, noEnv, exitFailure, `responded with 200 OK, "welcome"`},
	)
	p.stop()
	check(test{"a server that has ended", []string{"-listen", address}, noEnv, exitFailure, "not healthy: "})
}

func TestHealthAsksWhereLocalServes(t *testing.T) {
	t.Parallel()
	if address, err := listenAddress(options{local: true}, noEnv); err != nil || address != "127.0.0.1:8080" {
		t.Errorf("got %q, %v", address, err)
	}
}

func TestAnAddressToListenOnIsReachable(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, address, want string }{
		{"every address", ":8080", "127.0.0.1:8080"},
		{"every IPv4 address", "0.0.0.0:8080", "127.0.0.1:8080"},
		{"every IPv6 address", "[::]:8080", "[::1]:8080"},
		{"one address", "10.1.2.3:8080", "10.1.2.3:8080"},
		{"a name", "localhost:8080", "localhost:8080"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reachable(tt.address); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/config"
)

// startServing serves h until stop is called, which returns what serve returned.
func startServing(t *testing.T, h http.Handler, grace time.Duration) (address, debug string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, err := listen(ctx, &config.Config{ListenAddress: "127.0.0.1:0", DebugAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, h, func() {}, func(context.Context) {}, grace, log) }()
	t.Cleanup(l.close)
	t.Cleanup(cancel)
	return l.api.Addr().String(), l.debug.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

func TestStoppingFinishesWhatWasBegun(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	address, _, stop := startServing(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-finish
		if r.Context().Err() != nil {
			t.Error("the request was cancelled")
		}
		_, _ = io.WriteString(w, "done")
	}), time.Hour)
	response := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + address)
		if err != nil {
			response <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		response <- string(body)
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // new connections are refused from the moment it stops
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(finish)
	if got := <-response; got != "done" {
		t.Errorf("the request that was begun got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("serve returned %v", err)
	}
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	address, _, stop := startServing(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done() // ends when the connection is closed
	}), time.Millisecond)
	go func() {
		if resp, err := http.Get("http://" + address); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-begun
	if err := stop(); err != nil { // it has done its work
		t.Errorf("serve returned %v", err)
	}
}

func TestProfilesAreServedApart(t *testing.T) {
	t.Parallel()
	address, debug, stop := startServing(t, http.NotFoundHandler(), time.Hour)
	for target, want := range map[string]int{"http://" + debug + "/debug/pprof/cmdline": 200, "http://" + address + "/debug/pprof/cmdline": 404} {
		resp, err := http.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s returned %d, want %d", target, resp.StatusCode, want)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("serve returned %v", err)
	}
}

func TestRawRequestsOfAttackers(t *testing.T) {
	t.Parallel()
	p := startLocal(t)
	address := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/v1/ecs")
	token := "X-Auth-Token: " + p.token + "\r\n"
	request := func(line, headers, body string) string {
		return line + "\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" + body
	}
	tests := []struct {
		name, request string
		status        int
	}{
		{"no HTTP", "hello\r\n\r\n", 400},
		{"headers without end", request("GET /v1/ecs/ping HTTP/1.1", "X-A: "+strings.Repeat("a", 100<<10)+"\r\n", ""), 431},
		{"a header in the request id", request("GET /v1/ecs/ping HTTP/1.1", "X-Request-Id: a\x00b\r\n", ""), 400},
		{"a body of unknown length and none", request("POST /v1/ecs/ping HTTP/1.1", "Content-Length: -1\r\n", ""), 400},
		{"two lengths", request("POST /v1/ecs/ping HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), 400},
		{"a length and chunks: the length is dropped", request("POST /v1/ecs/ping HTTP/1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 405},
		{"a badly escaped path", request("GET /v1/ecs/%zz HTTP/1.1", token, ""), 400},
		{"dots", request("GET /v1/ecs/../../etc/passwd HTTP/1.1", token, ""), 400},
		{"escaped dots", request("GET /v1/ecs/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", token, ""), 400},
		{"an absolute address", request("GET http://169.254.169.254/v1/ecs/ping HTTP/1.1", "", ""), 200},
		{"a proxy's CONNECT", request("CONNECT 169.254.169.254:80 HTTP/1.1", token, ""), 404},
		{"OPTIONS for everything", request("OPTIONS * HTTP/1.1", "", ""), 200},
		{"no token", request("GET /v1/ecs/local/clusters HTTP/1.1", "", ""), 403},
		{"two tokens, the first one wrong", request("GET /v1/ecs/local/nothing HTTP/1.1", "X-Auth-Token: x\r\n"+token, ""), 403},
		{"a hash of cost 31", request("GET /v1/ecs/local/nothing HTTP/1.1", "X-Auth-Token: $2a$31$"+strings.Repeat("a", 53)+"\r\n", ""), 403},
		{"HTTP/1.0", "GET /v1/ecs/ping HTTP/1.0\r\n\r\n", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, tt.request) }() // the server may respond and close before it has read all
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("got %s, want %d", resp.Status, tt.status)
			}
		})
	}
	if status, log := p.stop(); status != exitOK || strings.Contains(log, "panic") {
		t.Errorf("exit status %d, log %s", status, fmt.Sprint(log))
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
)

const token = "the-token-of-the-load-program"

// build makes the program under test in a directory of its own.
func build(ctx context.Context) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "ecs-api-load-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	binary = filepath.Join(dir, "ecs-api")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "ecs-api").CombinedOutput(); err != nil { //nolint:gosec // a program for developers, which builds this module
		remove()
		return "", nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, remove, nil
}

// server is the program under test and its AWS.
type server struct {
	aws    *localaws.AWS
	calls  atomic.Int64 // to AWS
	conns  atomic.Int64 // to AWS, open now
	cloud  *http.Server
	cmd    *exec.Cmd
	url    string
	client *http.Client
}

// launch starts the program in front of a new AWS.
func launch(binary string, latency time.Duration) (*server, error) {
	s := &server{aws: localaws.New(localaws.Latency(latency)), client: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 512, MaxIdleConns: 512},
	}}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.cloud = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		s.aws.ServeHTTP(w, r)
	}), ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.conns.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}}
	go func() { _ = s.cloud.Serve(l) }() // ends with stop
	if err := s.start(binary, "http://"+l.Addr().String()); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

var serving = regexp.MustCompile(`"address":"([^"]+)".*"msg":"serving"`)

func (s *server) start(binary, endpoint string) error {
	limits := map[string]any{}
	for _, bucket := range common.Buckets() {
		limits[bucket] = map[string]any{"burst": 100_000, "perSecond": 100_000}
	}
	config, err := json.Marshal(map[string]any{
		"listenAddress": "127.0.0.1:0", "token": token, "org": "localdev", "logLevel": "info", "rateLimits": limits,
		"accounts": map[string]any{"local": map[string]any{
			"region": "us-east-1", "akid": "AKIALOAD", "secret": "of-the-load-program", "endpoint": endpoint,
			"defaultSgs": []string{localaws.SecurityGroup}, "defaultSubnets": []string{localaws.SubnetA}, "defaultKmsKeyId": localaws.KMSKey,
		}},
	})
	if err != nil {
		return err
	}
	file := filepath.Join(filepath.Dir(binary), "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	s.cmd = exec.CommandContext(context.Background(), binary, "-config", file) //nolint:gosec // the binary it has just built
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(log)
	for s.url == "" {
		line, err := lines.ReadString('\n')
		if m := serving.FindStringSubmatch(line); m != nil {
			s.url = "http://" + m[1] + "/v1/ecs"
		} else if err != nil {
			return fmt.Errorf("the program ended: %s", line)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the program
	return nil
}

// stop ends the program and its AWS.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
	_ = s.cloud.Close()
}

// ask makes a request; status 0 is a request that got no answer.
func (s *server) ask(method, path, body string) (status int, answer []byte, header http.Header) {
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, []byte(err.Error()), nil
	}
	r.Header.Set("X-Auth-Token", token)
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, []byte(err.Error()), nil
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, []byte(err.Error()), nil
	}
	return resp.StatusCode, answer, resp.Header
}

// use is what the program holds.
type use struct {
	goroutines, megabytes, conns int
}

func (u use) String() string {
	return fmt.Sprintf("%d goroutines, %d MB, %d connections to AWS", u.goroutines, u.megabytes, u.conns)
}

// use reads it from the program's metrics.
func (s *server) use() use {
	_, text, _ := s.ask(http.MethodGet, "/metrics", "")
	u := use{conns: int(s.conns.Load())}
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "go_goroutines":
			u.goroutines = int(number)
		case "process_resident_memory_bytes":
			u.megabytes = int(number) >> 20
		}
	}
	return u
}

// service returns the request for a service that uses everything, all of it called name.
func service(name string) string {
	return strings.ReplaceAll(`{
	"cluster": {"clustername": "NAME"},
	"taskdefinition": {"family": "NAME", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx:alpine"}]},
	"service": {"desiredcount": 1, "servicename": "NAME"},
	"serviceregistry": {"name": "NAME", "dnsconfig": {"namespaceid": "`+localaws.Namespace+`", "dnsrecords": [{"ttl": 30, "type": "A"}]}},
	"credentials": {"web": {"Name": "NAME", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}
}`, "NAME", name)
}

func servicePath(name string) string { return "/local/clusters/" + name + "/services/" + name }

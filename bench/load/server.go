package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
)

const token = "the-token-of-the-load-program"

// limit is that of every rate bucket. Its burst is small for its rate: background work waits until half of a bucket that AWS has refused
// a call for is full again, and that is to take no time here.
var limit = map[string]any{"burst": 1000, "perSecond": 100_000}

// build builds the program under test in a directory of its own.
func build(ctx context.Context) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "ecs-api-load-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	binary = filepath.Join(dir, "ecs-api")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "-tags", "grpcnotrace", "-ldflags", "-s -w", "ecs-api").CombinedOutput(); err != nil { //nolint:gosec // as make build does, for developers
		remove()
		return "", nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, remove, nil
}

// server is the program under test and its AWS.
type server struct {
	aws    *localaws.AWS
	calls  atomic.Int64 // to AWS
	cloud  *http.Server
	cmd    *exec.Cmd
	url    string
	debug  string // where its profiles are
	client *http.Client
	more   map[string]any // of the config

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState // to AWS, open now
}

// launch starts the program in front of a new AWS that has no rates.
func launch(binary string, latency time.Duration) (*server, error) {
	return launchLimited(binary, latency, noLimits())
}

// noLimits returns limits, by bucket, that are so wide that they are not what is measured.
func noLimits() map[string]any {
	limits := map[string]any{}
	for _, bucket := range common.Buckets() {
		limits[bucket] = limit
	}
	return limits
}

// launchLimited starts the program with limits on its calls, by bucket, in front of a new AWS.
func launchLimited(binary string, latency time.Duration, limits map[string]any) (*server, error) {
	s := &server{aws: localaws.New(localaws.Latency(latency)), conns: map[net.Conn]http.ConnState{}, client: &http.Client{
		Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 512, MaxIdleConns: 512},
	}}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.cloud = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		s.aws.ServeHTTP(w, r)
	}), ConnState: s.track}
	go func() { _ = s.cloud.Serve(l) }() // ends with stop
	if err := s.start(binary, "http://"+l.Addr().String(), limits); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// track counts the connections to AWS.
func (s *server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive, http.StateIdle:
		s.conns[conn] = state
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, conn)
	}
}

// hangUp closes the connections to AWS that nobody uses. It returns how many there were of all.
func (s *server) hangUp() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, state := range s.conns {
		if state != http.StateActive {
			_ = conn.Close() // and the program's end of it closes by itself
		}
	}
	return len(s.conns)
}

// serving matches the lines that say where the program serves its API and its profiles.
var serving = regexp.MustCompile(`"address":"([^"]+)".*"msg":"serving( pprof)?"`)

func (s *server) start(binary, endpoint string, limits map[string]any) error {
	settings := map[string]any{
		"listenAddress": "127.0.0.1:0", "debugAddress": "127.0.0.1:0", "token": token, "org": "localdev", "logLevel": "info", "rateLimits": limits,
		"accounts": map[string]any{"local": map[string]any{
			"region": "us-east-1", "akid": "AKIALOAD", "secret": "of-the-load-program", "endpoint": endpoint,
			"defaultSgs": []string{localaws.SecurityGroup}, "defaultSubnets": []string{localaws.SubnetA}, "defaultKmsKeyId": localaws.KMSKey,
		}},
	}
	maps.Copy(settings, s.more)
	config, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(binary), "config-*.json") // its own: others may start at the same time
	if err != nil {
		return err
	}
	_, err = file.Write(config)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	s.cmd = exec.CommandContext(context.Background(), binary, "-config", file.Name()) //nolint:gosec // the binary it has just built
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	return s.listen(log)
}

// listen reads from the program's log where it serves; the rest of the log is dropped.
func (s *server) listen(log io.Reader) error {
	lines := bufio.NewReader(log)
	for s.url == "" || s.debug == "" {
		line, err := lines.ReadString('\n')
		switch m := serving.FindStringSubmatch(line); {
		case m != nil && m[2] == "":
			s.url = "http://" + m[1] + "/v1/ecs"
		case m != nil:
			s.debug = "http://" + m[1] + "/debug/pprof"
		case err != nil:
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

// response is what a request got.
type response struct {
	status int
	header http.Header
	body   []byte
	err    error // why there is no response
}

func (s *server) ask(method, path, body string, header ...string) response {
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		return response{err: err}
	}
	r.Header.Set("X-Auth-Token", token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return response{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{err: err}
	}
	return response{status: resp.StatusCode, header: resp.Header, body: text}
}

// ok reports whether the request did what it was to do.
func (a response) ok() bool { return a.status == http.StatusOK }

// problem says what went wrong: its kind, which is one of few, and the detail.
func (a response) problem() (kind, detail string) {
	if a.err != nil {
		return "no response", a.err.Error()
	}
	var p struct{ Detail, Code string }
	if json.Unmarshal(a.body, &p) != nil {
		return fmt.Sprint(a.status), string(a.body)
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", p.Code)), p.Detail
}

// failed returns the problem as an error; nil if there is none.
func (a response) failed(what string) error {
	if a.ok() {
		return nil
	}
	kind, detail := a.problem()
	return fmt.Errorf("%s: %s: %s", what, kind, detail)
}

// service returns the request for a service that uses everything, in a cluster, all else of it called name.
func service(cluster, name string) string {
	return strings.NewReplacer("CLUSTER", cluster, "NAMESPACE", localaws.Namespace, "NAME", name).Replace(`{
	"cluster": {"clustername": "CLUSTER"},
	"taskdefinition": {"family": "NAME", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx:alpine"}]},
	"service": {"desiredcount": 1, "servicename": "NAME"},
	"serviceregistry": {"name": "NAME", "dnsconfig": {"namespaceid": "NAMESPACE", "dnsrecords": [{"ttl": 30, "type": "A"}]}},
	"credentials": {"web": {"Name": "NAME", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}
}`)
}

func servicePath(cluster, name string) string {
	return "/local/clusters/" + cluster + "/services/" + name
}

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"ecs-api/localaws"
)

// The multi-server suite: tests whose names begin with TestFleet start several servers in front of one localaws and one Redis. How to add one:
//
//	func TestFleetDoesSomething(t *testing.T) {
//		f := newFleet(t, 3)                 // three servers, one Redis, one simulated AWS
//		f.servers[0].ask(t, "POST", …)      // a request to one of them
//		f.redis.kill(); f.redis.start()     // kill -9, and empty again; f.redis.hang() and f.redis.resume() are SIGSTOP and SIGCONT
//		f.kill(1); f.restart(1)             // kill -9 of a server, and another in its place
//		f.eventually("…", func() bool { … }) // waits for what takes its time
//	}
//
// At its end a test's servers must end well on SIGTERM, no log may tell a secret, and every key of ours must have a TTL. `go test ./e2e -run TestFleet`
// runs the suite on miniredis, in the test's process; `make test-redis` on a redis-server, which is really killed and stopped.

// redisVariable names the redis-server that the multi-server suite runs; without it, it runs on miniredis.
const redisVariable = "ECS_API_E2E_REDIS"

// redisPassword must not be seen in a log: it is one of secrets.
const redisPassword = "TOPSEKRET"

// sharedRedis is a Redis that can fail.
type sharedRedis interface {
	address() string
	kill()   // at once
	start()  // empty, on the same address
	hang()   // it takes connections and commands, and does not respond
	resume() // after hang
	// pass has the time pass for what is kept, where that can be had for nothing; a redis-server takes the time it takes.
	pass(d time.Duration)
}

// newRedis starts a Redis that ends with the test.
func newRedis(t *testing.T) sharedRedis {
	t.Helper()
	if binary := os.Getenv(redisVariable); binary != "" {
		r := &realRedis{t: t, binary: binary, dir: t.TempDir(), port: freePort(t)}
		r.start()
		t.Cleanup(r.kill)
		return r
	}
	r := &miniRedis{t: t, server: miniredis.NewMiniRedis()}
	r.server.RequireAuth(redisPassword)
	if err := r.server.Start(); err != nil {
		t.Fatal(err)
	}
	r.upstream = r.server.Addr()
	r.listen()
	return r
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l := must(new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"))(t)
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// realRedis is a redis-server that keeps nothing on disk.
type realRedis struct {
	t                 *testing.T
	binary, dir, port string
	cmd               *exec.Cmd
	output            bytes.Buffer
}

func (r *realRedis) address() string { return "127.0.0.1:" + r.port }

func (r *realRedis) start() {
	r.t.Helper()
	r.cmd = exec.CommandContext(context.Background(), r.binary, "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--appendonly", "no",
		"--dir", r.dir, "--requirepass", redisPassword)
	r.cmd.Stdout = &r.output
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", r.address(), time.Second); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("redis-server does not start:\n%s", r.output.String())
		}
	}
}

func (r *realRedis) kill() {
	_ = r.cmd.Process.Kill() // it may have been killed by the test
	_ = r.cmd.Wait()
}

func (r *realRedis) hang()            { _ = r.cmd.Process.Signal(syscall.SIGSTOP) }
func (*realRedis) pass(time.Duration) {}

func (r *realRedis) resume() { _ = r.cmd.Process.Signal(syscall.SIGCONT) }

// miniRedis is a Redis in the test's process, behind a proxy that can hold up what it says.
type miniRedis struct {
	t        *testing.T
	server   *miniredis.Miniredis
	upstream string
	proxy    string
	gate     sync.RWMutex // locked while it hangs
	ticking  sync.Mutex   // held while miniredis is used
	hung     bool
}

func (r *miniRedis) address() string { return r.proxy }

func (r *miniRedis) listen() {
	l := must(new(net.ListenConfig).Listen(r.t.Context(), "tcp", "127.0.0.1:0"))(r.t)
	r.proxy = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	go r.age(ctx)
	r.t.Cleanup(func() {
		cancel()
		_ = l.Close()
		r.resume()
		r.kill()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
}

// serve passes on what a connection carries.
func (r *miniRedis) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	server, err := net.DialTimeout("tcp", r.upstream, time.Second)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		r.gate.RLock()
		_, err = conn.Write(buffer[:n])
		r.gate.RUnlock()
		if err != nil {
			return
		}
	}
}

// age lets time pass in miniredis, which has none of its own.
func (r *miniRedis) age(ctx context.Context) {
	const tick = 100 * time.Millisecond
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			r.ticking.Lock()
			r.server.FastForward(tick)
			r.ticking.Unlock()
		}
	}
}

func (r *miniRedis) kill() {
	r.ticking.Lock()
	defer r.ticking.Unlock()
	r.server.Close()
}

func (r *miniRedis) start() {
	r.ticking.Lock()
	defer r.ticking.Unlock()
	r.server.FlushAll()
	if err := r.server.StartAddr(r.upstream); err != nil {
		r.t.Fatal(err)
	}
}

func (r *miniRedis) hang() {
	r.gate.Lock()
	r.hung = true
}

func (r *miniRedis) pass(d time.Duration) {
	r.ticking.Lock()
	defer r.ticking.Unlock()
	r.server.FastForward(d)
}

func (r *miniRedis) resume() {
	if r.hung {
		r.hung = false
		r.gate.Unlock()
	}
}

// fleet is several servers in front of one Redis and one simulated AWS.
type fleet struct {
	t       *testing.T
	aws     *localaws.AWS
	redis   sharedRedis
	servers []*server
	more    map[string]any // of the config, for servers that are started from now on
	logs    []*logBuffer
	killed  map[*server]bool
	front   string   // where the AWS is
	env     []string // of servers that are started from now on
}

// newFleet starts n servers.
func newFleet(t *testing.T, n int, opts ...localaws.Option) *fleet {
	t.Helper()
	f := newFleetWithoutServers(t, opts...)
	for range n {
		f.add()
	}
	return f
}

// newFleetWithoutServers starts a Redis and an AWS; add starts servers.
func newFleetWithoutServers(t *testing.T, opts ...localaws.Option) *fleet {
	t.Helper()
	f := &fleet{t: t, killed: map[*server]bool{}, aws: localaws.New(opts...), redis: newRedis(t)}
	front := httptest.NewServer(f.aws)
	t.Cleanup(front.Close)
	f.front = front.URL
	f.more = map[string]any{"state": map[string]any{"redis": "redis://:" + redisPassword + "@" + f.redis.address()}}
	t.Cleanup(f.end)
	return f
}

// add starts one more server.
func (f *fleet) add() *server {
	f.t.Helper()
	s := f.launch()
	f.servers = append(f.servers, s)
	return s
}

// launch starts a server, which must end well unless the test kills it.
func (f *fleet) launch() *server {
	f.t.Helper()
	s := launchIn(f.t, f.front, f.more, f.env)
	f.logs = append(f.logs, s.log)
	f.t.Cleanup(func() {
		if f.killed[s] {
			return
		}
		if err := s.stop(f.t, syscall.SIGTERM); err != nil {
			f.t.Errorf("a server ended with %v\n%s", err, s.log)
		}
	})
	return s
}

// kill kills the i-th server as kill -9 does.
func (f *fleet) kill(i int) {
	f.t.Helper()
	f.killed[f.servers[i]] = true
	_ = f.servers[i].stop(f.t, syscall.SIGKILL) // how it ended is no news
}

// restart starts a server in the place of the i-th one, which has ended.
func (f *fleet) restart(i int) {
	f.t.Helper()
	f.servers[i] = f.launch()
}

// end sees that the servers, which have ended, have left their logs and their Redis as they should be.
func (f *fleet) end() {
	for _, log := range f.logs {
		(&world{t: f.t, log: log}).checkLog()
	}
	f.checkTTLs()
}

// queueNames is asynq's set of all queues of a Redis, which belongs to others as well.
const queueNames = "asynq:queues"

// client returns a client of the Redis, for looking.
func (f *fleet) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: f.redis.address(), Password: redisPassword})
}

// checkTTLs fails the test if a key of ours would stay for ever. A Redis that the test has left down keeps nothing.
func (f *fleet) checkTTLs() {
	client := f.client()
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil {
		return
	}
	for _, key := range keys {
		queue, ofQueue := strings.CutPrefix(key, "asynq:")
		switch {
		case key == queueNames:
			continue
		case strings.HasPrefix(queue, "servers"), strings.HasPrefix(queue, "workers"): // what asynq's servers say of themselves
		case ofQueue && !strings.HasPrefix(queue, "{ecs-api:v1:"+org+":jobs:"), !ofQueue && !strings.HasPrefix(key, "ecs-api:v1:"+org+":"):
			f.t.Errorf("the key %s has not the prefix of ours", key)
		}
		if ttl, err := client.TTL(ctx, key).Result(); err == nil && ttl == -1 {
			f.t.Errorf("the key %s stays for ever", key)
		}
	}
}

// eventually waits until ok, for a minute at most.
func (f *fleet) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("it does not come to pass: %s", what)
		}
	}
}

// state returns what the i-th server says of the Redis: up or down.
func (f *fleet) state(i int) string {
	f.t.Helper()
	status, body, header := f.servers[i].ask(f.t, "GET", "/ping", "")
	if status != 200 || body != "pong" {
		f.t.Fatalf("ping of server %d: %d %s", i, status, body)
	}
	return header.Get("X-State")
}

// all waits until every server says that of the Redis.
func (f *fleet) all(state string) {
	f.t.Helper()
	for i := range f.servers {
		f.eventually(fmt.Sprintf("server %d says that the state is %s", i, state), func() bool { return f.state(i) == state })
	}
}

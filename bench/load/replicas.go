package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"ecs-api/localaws"
)

// The soak of several servers: what happens to them and to their Redis.
const (
	numServers = 3
	// betweenTrouble is how long nothing happens at most.
	betweenTrouble = 8 * time.Second
	// longestOutage is how long a server or Redis stays away at most.
	longestOutage = 4 * time.Second
	// unsynced is what a Redis that is killed may have lost, if its disk is slow.
	unsynced = 2 * time.Second
	// noticed is how soon the servers have noticed that Redis is back, and have written what they had for it.
	noticed = 2 * time.Second
)

// redisServer is a redis-server that keeps what it holds in a directory of its own: killed, it comes back with all that it has responded to, or, where its disk
// was slow, without the last two seconds.
type redisServer struct {
	dir, port string
	cmd       *exec.Cmd
}

func newRedisServer() (*redisServer, error) {
	dir, err := os.MkdirTemp("", "ecs-api-redis-")
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	r := &redisServer{dir: dir, port: port}
	return r, errors.Join(l.Close(), r.start())
}

func (r *redisServer) start() error {
	r.cmd = exec.CommandContext(context.Background(), "redis-server", "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", r.dir) //nolint:gosec // a port and a directory of ours
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("this soak needs a redis-server: %w", err)
	}
	return nil
}

func (r *redisServer) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *redisServer) stop() {
	r.kill()
	_ = os.RemoveAll(r.dir)
}

// replicas are several servers that share a Redis and an AWS.
type replicas struct {
	binary, endpoint string
	aws              *localaws.AWS
	cloud            *http.Server
	redis            *redisServer

	mu      sync.Mutex
	servers []*server   // nil while one is away
	kills   []time.Time // of servers
	outages []outage
	trouble map[string]int
}

// outage is when Redis did not respond, with the moment before that it may have lost, and the moment after in which servers write what it has missed.
type outage struct{ from, to time.Time }

func (o outage) has(at time.Time) bool { return at.After(o.from) && at.Before(o.to) }

// unrecorded reports whether an operation that began then may be unknown: Redis did not respond, and a server was killed before Redis had what it missed.
func (r *replicas) unrecorded(began time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.outages, func(o outage) bool { return o.has(began) && slices.ContainsFunc(r.kills, o.has) })
}

// launchReplicas starts the servers in front of a new AWS.
func launchReplicas(binary string) (*replicas, error) {
	lags := localaws.Lags{Provision: 50 * time.Millisecond, Drain: 300 * time.Millisecond, Register: 100 * time.Millisecond}
	r := &replicas{binary: binary, aws: localaws.New(localaws.WithLags(lags), localaws.Latency(2*time.Millisecond)), servers: make([]*server, numServers), trouble: map[string]int{}}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r.endpoint = "http://" + l.Addr().String()
	r.cloud = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: r.aws}
	go func() { _ = r.cloud.Serve(l) }() // ends with stop
	if r.redis, err = newRedisServer(); err != nil {
		return nil, err
	}
	for i := range r.servers {
		if err := r.startServer(i); err != nil {
			r.stop()
			return nil, err
		}
	}
	return r, nil
}

func (r *replicas) startServer(i int) error {
	s := &server{client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.more = map[string]any{"state": map[string]any{"redis": "redis://127.0.0.1:" + r.redis.port}, "shutdownGrace": "10s"}
	if err := s.start(r.binary, r.endpoint, noLimits()); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers[i] = s
	return nil
}

// stop ends all of it.
func (r *replicas) stop() {
	for _, s := range r.servers {
		if s != nil {
			s.signal(syscall.SIGTERM)
		}
	}
	_ = r.cloud.Close()
	r.redis.stop()
}

// signal ends a server and waits until it has ended.
func (s *server) signal(signal os.Signal) {
	_ = s.cmd.Process.Signal(signal)
	_ = s.cmd.Wait()
}

// any returns one of the servers that are there.
func (r *replicas) any() *server {
	for {
		r.mu.Lock()
		s := r.servers[rand.IntN(numServers)]
		r.mu.Unlock()
		if s != nil {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// disturb kills, ends, stops and restarts servers and Redis at random until ctx ends; then all of them are there again.
func (r *replicas) disturb(ctx context.Context) error {
	for {
		if !pause(ctx, rand.N(betweenTrouble)) {
			return nil
		}
		if err := r.disturbOnce(); err != nil {
			return err
		}
	}
}

func (r *replicas) disturbOnce() error {
	away := rand.N(longestOutage)
	happened := func(what string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.trouble[what]++
	}
	switch rand.IntN(5) {
	case 0, 1:
		happened("server killed")
		return r.endServer(syscall.SIGKILL, away)
	case 2:
		happened("server stopped with SIGTERM")
		return r.endServer(syscall.SIGTERM, away)
	case 3:
		happened("Redis killed")
		from := time.Now().Add(-unsynced)
		r.redis.kill()
		time.Sleep(away)
		err := r.redis.start()
		r.wasOut(from)
		return err
	default:
		happened("Redis hung")
		from := time.Now()
		_ = r.redis.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(away)
		err := r.redis.cmd.Process.Signal(syscall.SIGCONT)
		r.wasOut(from)
		return err
	}
}

// wasOut notes that Redis was away and is back.
func (r *replicas) wasOut(from time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outages = append(r.outages, outage{from, time.Now().Add(noticed)})
}

// endServer ends one of the servers, and starts another in its place a while later.
func (r *replicas) endServer(signal os.Signal, away time.Duration) error {
	i := rand.IntN(numServers)
	r.mu.Lock()
	s := r.servers[i]
	r.servers[i] = nil
	if signal == syscall.SIGKILL {
		r.kills = append(r.kills, time.Now())
	}
	r.mu.Unlock()
	s.signal(signal)
	time.Sleep(away)
	return r.startServer(i)
}

// pause waits for d, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

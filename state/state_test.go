package state

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
	"ecs-api/state/statetest/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// change is what a Redis that is watched has reported.
type change struct {
	up  bool
	why error
}

// open returns the state at the URL, and what it tells.
func open(t *testing.T, url string) (*Redis, chan change) {
	t.Helper()
	changes := make(chan change, 100)
	r, err := Open(t.Context(), Options{URL: url, Org: "acme", Observe: func(up bool, why error) { changes <- change{up, why} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, changes
}

// next returns the next change, which must come.
func next(t *testing.T, changes chan change) change {
	t.Helper()
	select {
	case c := <-changes:
		return c
	case <-t.Context().Done():
	case <-time.After(20 * time.Second):
	}
	t.Fatal("nothing was reported")
	return change{}
}

func set(r *Redis) error {
	return r.Do(context.Background(), func(ctx context.Context, c redis.UniversalClient) error {
		return c.Set(ctx, r.Key("a", "b"), "1", time.Minute).Err()
	})
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"redis://localhost": true, "redis://:pw@host:6380/3": true, "rediss://user:p%2Fw@host": true, "unix:///tmp/sock?db=2": true,
		"redis://:pw@a:26379?master_name=m&addr=b:26379": true, "rediss://a:6379?addr=b:6379": true, "redis://h?read_timeout=1s": true,
		"":                              false,
		"host:6379":                     false,
		"http://host":                   false,
		"redis://:hunter2/x@host":       false,
		"redis://host/hunter2":          false,
		"redis://host?hunter2=1":        false,
		"redis://host?db=hunter2":       false,
		"redis://a?master_name=m&x=1":   false,
		"redis://a?addr=b&read_only=no": false,
	} {
		err := CheckURL(url)
		if (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || !common.Is(err, common.BadRequest)) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestKeysHaveTheLayoutAndTheOrg(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	r, _ := open(t, "redis://"+server.Addr())
	if err := set(r); err != nil || !r.Up() {
		t.Fatal(err)
	}
	if got, err := server.Get("ecs-api:v1:acme:a:b"); got != "1" {
		t.Errorf("%q, %v: %v", got, err, server.Keys())
	}
	for _, key := range server.Keys() {
		if server.TTL(key) == 0 {
			t.Errorf("%s stays for ever", key)
		}
	}
}

func TestItNoticesThatRedisIsGoneAndBack(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.SetError("WRONGPASS invalid username-password pair or user is disabled.")
	address := server.Addr()
	r, changes := open(t, "redis://"+address)
	if c := next(t, changes); c.up || !strings.Contains(c.why.Error(), "WRONGPASS") {
		t.Fatal(c)
	}
	if err := set(r); !errors.Is(err, ErrDown) {
		t.Error(err)
	}
	server.SetError("")
	if c := next(t, changes); !c.up {
		t.Error(c)
	}
	var mu sync.Mutex
	dropped := 0
	r.OnRecovery(func() {
		mu.Lock()
		defer mu.Unlock()
		if dropped++; r.Up() {
			t.Error("it can be used before what was missed has been dropped")
		}
	})
	r.AfterRecovery(func() {
		if err := set(r); err != nil {
			t.Errorf("after it is back: %v", err)
		}
	})
	for _, outage := range []struct {
		begin, end func()
	}{
		{server.Close, func() { _ = server.Restart() }},
		{func() { server.SetError("LOADING Redis is loading the dataset in memory") }, func() { server.SetError("") }},
		{func() { server.SetError("READONLY You can't write against a read only replica.") }, func() { server.SetError("") }},
		{func() { server.SetError("OOM command not allowed when used memory > 'maxmemory'.") }, func() { server.SetError("") }},
	} {
		mu.Lock()
		before := dropped
		mu.Unlock()
		outage.begin()
		if err := set(r); !errors.Is(err, ErrDown) || !common.Is(err, common.Unavailable) {
			t.Error(err)
		}
		if c := next(t, changes); c.up || c.why == nil || strings.Contains(c.why.Error(), address) {
			t.Error(c)
		}
		outage.end()
		if c := next(t, changes); !c.up {
			t.Error(c)
		}
		mu.Lock()
		if dropped != before+1 {
			t.Errorf("%d callbacks", dropped-before)
		}
		mu.Unlock()
		if err := set(r); err != nil {
			t.Error(err)
		}
	}
}

func TestItNoticesByItselfThatRedisIsGone(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	r, changes := open(t, "redis://"+server.Addr())
	server.Close()
	if c := next(t, changes); c.up || r.Up() {
		t.Error(c)
	}
}

// hangs accepts connections and says nothing.
func hangs(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestARedisThatHangsIsDown(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"one": "redis://" + hangs(t), "with patience": "redis://:pw@" + hangs(t) + "?read_timeout=1h&max_retries=9",
		"a sentinel": "redis://" + hangs(t) + "?master_name=m", "a cluster": "redis://" + hangs(t) + "?addr=" + hangs(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, changes := open(t, url)
			if c := next(t, changes); c.up {
				t.Error(c)
			}
			// What comes after is refused without a wait: the context, which has ended, would be the error of any use.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := r.Client().Ping(ctx).Err(); !errors.Is(err, ErrDown) {
				t.Error(err)
			}
			if _, err := r.Client().Pipelined(ctx, func(p redis.Pipeliner) error { return p.Ping(ctx).Err() }); !errors.Is(err, ErrDown) {
				t.Error(err)
			}
		})
	}
}

func TestACommandThatIsWrongOrWhoseCallerLeftTakesNothingDown(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	r, _ := open(t, "redis://"+server.Addr())
	if err := set(r); err != nil {
		t.Fatal(err)
	}
	err := r.Do(t.Context(), func(ctx context.Context, c redis.UniversalClient) error {
		return c.LPush(ctx, r.Key("a", "b"), "x").Err()
	})
	if err == nil || errors.Is(err, ErrDown) {
		t.Error(err)
	}
	err = r.Do(t.Context(), func(ctx context.Context, c redis.UniversalClient) error { return c.Get(ctx, r.Key("none")).Err() })
	if !errors.Is(err, redis.Nil) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = r.Do(ctx, func(ctx context.Context, c redis.UniversalClient) error { return c.Ping(ctx).Err() })
	if !errors.Is(err, context.Canceled) || !r.Up() {
		t.Error(err, r.Up())
	}
}

func TestAStepThatTakesTooLongMeansThatRedisIsDown(t *testing.T) {
	t.Parallel() // it waits more than it works
	server := miniredis.RunT(t)
	r, changes := open(t, "redis://"+server.Addr())
	err := r.Do(t.Context(), func(ctx context.Context, _ redis.UniversalClient) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, ErrDown) {
		t.Error(err)
	}
	if c := next(t, changes); c.up {
		t.Error(c)
	}
	if c := next(t, changes); !c.up {
		t.Error(c)
	}
}

// A probe may find all connections in use: a new one costs it the time of a command more. Here connections that nobody uses are closed.
func TestARedisWhoseNewConnectionsAreSlowIsUp(t *testing.T) {
	t.Parallel() // it waits more than it works
	var slow atomic.Bool
	address := proxy.Start(t, miniredis.RunT(t).Addr(), func([]byte) bool { return true }, func([]byte) bool {
		if slow.Load() {
			time.Sleep(170 * time.Millisecond)
		}
		return true
	})
	r, _ := open(t, "redis://"+address+"?conn_max_idle_time=300ms")
	slow.Store(true)
	time.Sleep(500 * time.Millisecond)
	if err := r.look(t.Context(), true); err != nil {
		t.Errorf("it counts as down: %v", err)
	}
}

// asynq takes tasks with a patient client: were the command cut off as Redis stalls, nobody would know who has the task.
func TestACommandOfAPatientClientOutlivesAStall(t *testing.T) {
	t.Parallel() // it waits more than it works
	var stalled atomic.Bool
	address := proxy.Start(t, miniredis.RunT(t).Addr(), func(sent []byte) bool {
		if bytes.Contains(sent, []byte("a-key")) && stalled.CompareAndSwap(true, false) {
			time.Sleep(useTime + useTime/3)
		}
		return true
	}, func([]byte) bool { return true })
	r, _ := open(t, "redis://"+address)
	client, err := r.Patient()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Set(t.Context(), "a-key", "1", time.Minute).Err(); err != nil { // it has a connection
		t.Fatal(err)
	}
	stalled.Store(true)
	if err := client.Set(t.Context(), "a-key", "2", time.Minute).Err(); err != nil || stalled.Load() {
		t.Errorf("%v; it stalled: %v", err, !stalled.Load())
	}
}

// One connection of asynq's stands still, and all others are fine.
func TestACommandOfAPatientClientThatIsLostDoesNotMeanThatRedisIsDown(t *testing.T) {
	t.Parallel() // it waits more than it works
	ended := make(chan struct{})
	address := proxy.Start(t, miniredis.RunT(t).Addr(), func(sent []byte) bool {
		if bytes.Contains(sent, []byte("a-key")) {
			<-ended
		}
		return true
	}, func([]byte) bool { return true })
	r, changes := open(t, "redis://"+address)
	err := guard{r, useTime + time.Millisecond}.run(t.Context(), func(ctx context.Context) error {
		return r.client.Set(context.WithValue(ctx, probing{}, true), "a-key", "1", time.Minute).Err()
	})
	close(ended)
	if err == nil || !r.Up() {
		t.Errorf("%v; up: %v", err, r.Up())
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case c := <-changes:
		t.Errorf("%+v", c)
	default:
	}
}

package leases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	peers "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"ecs-api/common"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/transaction"
	"ecs-api/state"
	"ecs-api/state/statetest"
	"ecs-api/state/statetest/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is one of several servers that share a Redis.
type server struct {
	*Leases
	shared *statetest.Server
	losses atomic.Int64
}

func newServer(t *testing.T, redis *miniredis.Miniredis) *server {
	t.Helper()
	return newServerAt(t, redis.Addr())
}

// newServerAt is newServer for the address of a Redis.
func newServerAt(t *testing.T, address string) *server {
	t.Helper()
	s := &server{shared: statetest.Open(t, address)}
	s.Leases = New(s.shared.Redis, func(target string) {
		if target != "c/s" {
			t.Errorf("%s is lost", target)
		}
		s.losses.Add(1)
	})
	t.Cleanup(s.Close)
	return s
}

// missRedis uses Redis, which is down, and returns when the server knows: a probe would find out later.
func (s *server) missRedis(t *testing.T) {
	t.Helper()
	_ = s.shared.Do(t.Context(), func(ctx context.Context, client redis.UniversalClient) error { return client.Get(ctx, key).Err() })
	s.shared.Await(t, false)
}

func hold(t *testing.T, s *server) transaction.Lease {
	t.Helper()
	lease, err := s.Acquire(t.Context(), "local", "c/s", "")
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// busy fails the test unless another server has the lock, for the operation.
func busy(t *testing.T, s *server, operation string) {
	t.Helper()
	_, err := s.Acquire(t.Context(), "local", "c/s", "")
	if !isHeldBy(err, operation) {
		t.Errorf("%v, want it held by %q", err, operation)
	}
}

func isHeldBy(err error, operation string) bool {
	held, ok := errors.AsType[*transaction.LockedElsewhere](err)
	return ok && held.Operation == operation
}

const key = "ecs-api:v1:acme:lock:local:c/s"

func TestOneOfManyServersHoldsTheLock(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	var servers []*server
	for range 12 {
		servers = append(servers, newServer(t, redis))
	}
	var mu sync.Mutex
	var won []transaction.Lease
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			lease, err := s.Acquire(t.Context(), "local", "c/s", "")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, lease)
			} else if _, ok := errors.AsType[*transaction.LockedElsewhere](err); !ok {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d hold it", len(won))
	}
	if ttl := redis.TTL(key); ttl <= 0 || ttl > Life {
		t.Errorf("its life is %v", ttl)
	}
	if lease, err := servers[0].Acquire(t.Context(), "other", "c/s", ""); err != nil {
		t.Errorf("another account's: %v", err)
	} else {
		lease.Release()
	}
	other := newServer(t, redis)
	busy(t, other, "")
	won[0].Operation(t.Context(), "op-1")
	busy(t, other, "op-1")
	won[0].Release()
	hold(t, other).Release()
	if keys := redis.Keys(); len(keys) != 1 { // that of the probe
		t.Errorf("left: %v", keys)
	}
}

func TestALeaseIsRenewedAndEndsWithItsServer(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease := hold(t, a)
	for range 5 {
		redis.FastForward(Life - time.Second)
		a.renewAll(t.Context())
	}
	busy(t, b, "")
	lease.Operation(t.Context(), "op-1")
	a.Close() // as dead: nobody renews it
	redis.FastForward(Life - time.Second)
	busy(t, b, "op-1")
	redis.FastForward(2 * time.Second)
	hold(t, b)
}

func TestALeaseThatIsLostIsNotTakenFromItsNewHolder(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lost := hold(t, a)
	redis.FlushAll()
	kept := hold(t, b)
	a.renewAll(t.Context())
	lost.Operation(t.Context(), "op-1")
	busy(t, a, "")
	lost.Release()
	busy(t, a, "")
	kept.Release()
	hold(t, a).Release()
}

func TestARedisThatWasRestartedEmptyGetsTheLocksAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	before := hold(t, a)
	redis.Close()
	meanwhile, err := b.Acquire(t.Context(), "local", "c/t", "")
	if err != nil {
		t.Fatalf("while Redis is down: %v", err)
	}
	released, err := b.Acquire(t.Context(), "local", "c/u", "")
	if err != nil {
		t.Fatal(err)
	}
	released.Release()
	a.missRedis(t)
	b.missRedis(t)
	redis.FlushAll()
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	a.shared.Await(t, true)
	b.shared.Await(t, true)
	for a.count() != 1 || b.count() != 1 { // what was released while Redis was down is forgotten with the first renewal
		if common.Sleep(t.Context(), time.Millisecond) != nil {
			t.Fatal("the test is over")
		}
	}
	busy(t, b, "")
	if _, err := a.Acquire(t.Context(), "local", "c/t", ""); err == nil {
		t.Error("what was locked while Redis was down is free when it is back")
	}
	if lease, err := a.Acquire(t.Context(), "local", "c/u", ""); err != nil {
		t.Error(err)
	} else {
		lease.Release()
	}
	before.Release()
	meanwhile.Release()
}

func (l *Leases) count() int {
	l.renewAll(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

func TestWhetherRedisHasTheLockDoesNotDependOnWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a := newServer(t, redis)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lease, err := a.Acquire(ctx, "local", "c/s", "")
	if err != nil {
		t.Fatal(err)
	}
	if !redis.Exists(key) {
		t.Error("whether Redis has it depends on when the caller leaves")
	}
	lease.Release()
}

func TestALockWhoseResponseWasLostIsReleasedWithoutBeingObtained(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a := newServer(t, redis)
	redis.Close()
	unknown := hold(t, a) // whether Redis has it
	unknown.Release()
	a.shared.Await(t, false)
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	a.shared.Await(t, true)
	b := newServer(t, redis)
	var kept transaction.Lease
	for n := range 200 { // while it is released, and after that
		a.renewAll(t.Context())
		lease, err := b.Acquire(t.Context(), "local", "c/s", "")
		if err != nil {
			t.Fatalf("attempt %d: %v", n, err)
		}
		a.renewAll(t.Context())
		if kept = lease; n < 199 {
			lease.Release()
		}
	}
	busy(t, a, "")
	kept.Release()
}

// freeAtTheSecondLook has Redis lose the lock right before the second script that comes from now on.
func freeAtTheSecondLook(redis *miniredis.Miniredis) {
	var looks atomic.Int64
	redis.Server().SetPreHook(func(_ *peers.Peer, command string, _ ...string) bool {
		if command == "EVALSHA" && looks.Add(1) == 2 {
			redis.Del(key)
		}
		return false
	})
}

// TestALockThatASlowRedisGaveAfterItsRequestHadEnded is what a Redis that stood still does when it runs again: it locks the service for a request that has ended
// without it, then finds it locked for the next request, then releases it.
func TestALockThatASlowRedisGaveAfterItsRequestHadEnded(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	abandoned := hold(t, a)
	freeAtTheSecondLook(redis)
	hold(t, b).Release()
	abandoned.Release()
	kept := hold(t, a)
	busy(t, b, "") // as the request works that has it
	kept.Release()
}

func TestAReleaseFreesWhatRedisHasThoughItsResponseWasLost(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease := hold(t, a)
	value, err := redis.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	if err := redis.Set(key, value+"op-1"); err != nil { // as if a command that was lost had arrived
		t.Fatal(err)
	}
	busy(t, b, "op-1")
	lease.Release()
	hold(t, b).Release()
}

// usedUp returns the context of a request whose budget for Redis is used up.
func usedUp(t *testing.T, s *server) context.Context {
	t.Helper()
	clock := awstest.NewClock()
	ctx := state.WithClock(t.Context(), clock.Now)
	if err := s.shared.Spend(ctx, func() error { clock.Advance(2 * time.Second); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.shared.Spend(ctx, func() error { return nil }); !errors.Is(err, state.ErrDown) {
		t.Fatalf("the budget is not used up: %v", err)
	}
	return ctx
}

func TestARequestWithoutTimeForRedisLocksItsServiceAllTheSame(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	ctx := usedUp(t, a)
	lease, err := a.Acquire(ctx, "local", "c/s", "")
	if err != nil {
		t.Fatal(err)
	}
	busy(t, b, "")
	lease.Operation(ctx, "op-1") // at once: a renewal that it wakes would be too late for a request that comes now
	if _, err := b.Acquire(usedUp(t, b), "local", "c/s", ""); !isHeldBy(err, "op-1") {
		t.Errorf("%v, want it held by op-1", err)
	}
	lease.Release() // at once: else the job that the request hands over would find the lock, of its own operation, and begin without one
	again, err := a.Acquire(ctx, "local", "c/s", "op-1")
	if err != nil {
		t.Fatal(err)
	}
	busy(t, b, "op-1")
	again.Release()
}

func TestALockNamesTheOperationThatTookItFromTheBeginning(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease, err := a.Acquire(t.Context(), "local", "c/s", "op-1")
	if err != nil {
		t.Fatal(err)
	}
	busy(t, b, "op-1")
	lease.Release()
}

// One after another, renewals of many locks on a slow Redis would take longer than a lock lasts.
func TestManyLocksAreRenewedAtTheSameTime(t *testing.T) {
	t.Parallel()
	const many = 20
	var together atomic.Bool // responses wait until several commands have been sent
	var waiting atomic.Int64
	several := make(chan struct{})
	sent := sync.OnceFunc(func() { close(several) })
	address := proxy.Start(t, miniredis.RunT(t).Addr(), func([]byte) bool {
		if together.Load() && waiting.Add(1) == 4 {
			sent()
		}
		return true
	}, func([]byte) bool {
		if together.Load() {
			<-several
		}
		return true
	})
	s := newServerAt(t, address)
	for i := range many {
		if _, err := s.Acquire(t.Context(), "local", fmt.Sprint("c/s", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	together.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.renewAll(t.Context())
	}()
	select {
	case <-several:
	case <-done:
	case <-t.Context().Done():
	}
	select {
	case <-several:
	default:
		sent()
		t.Error("each renewal waits for the one before")
	}
	<-done
}

// A lock that could not be released while Redis was away is still there when Redis is back: it must not keep out the next lock of its own server.
func TestALockThatWasTakenAgainWhileRedisWasAwayStaysLocked(t *testing.T) {
	t.Parallel() // it waits more than it works
	for n := range 4 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			redis := miniredis.RunT(t)
			a, b := newServer(t, redis), newServer(t, redis)
			first := hold(t, a)
			redis.SetError("LOADING")
			first.Release()
			again, err := a.Acquire(t.Context(), "local", "c/s", "op-2")
			if err != nil {
				t.Fatal(err)
			}
			a.shared.Await(t, false)
			redis.SetError("")
			a.shared.Await(t, true)
			for !b.shared.Up() { // it may have seen Redis down, too
				if common.Sleep(t.Context(), time.Millisecond) != nil {
					t.Fatal("the test is over")
				}
			}
			for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
				if _, err := b.Acquire(t.Context(), "local", "c/s", ""); !isHeldBy(err, "op-2") {
					t.Fatalf("%v, want it held by op-2", err)
				}
			}
			again.Release()
			hold(t, b).Release()
		})
	}
}

// Redis is back and empty. A server that sees it first must not lock what the others still have to lock again.
func TestALockWaitsUntilAllServersHaveSeenARedisThatWasRestartedEmpty(t *testing.T) {
	t.Parallel() // it waits more than it works
	for n := range 3 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			redis := miniredis.RunT(t)
			a, b := newServer(t, redis), newServer(t, redis)
			lease := hold(t, a)
			redis.Close()
			a.missRedis(t)
			b.missRedis(t)
			redis.FlushAll()
			if err := redis.Restart(); err != nil {
				t.Fatal(err)
			}
			b.shared.Await(t, true)
			busy(t, b, "")
			lease.Release()
		})
	}
}

func TestALockThatIsLostIsReportedOnce(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease := hold(t, a)
	a.renewAll(t.Context())
	if a.losses.Load() != 0 {
		t.Error("a lock is reported lost that is not")
	}
	redis.FlushAll()
	other := hold(t, b)
	for range 3 {
		a.renewAll(t.Context())
	}
	if n := a.losses.Load(); n != 1 {
		t.Errorf("reported %d times", n)
	}
	other.Release()
	a.renewAll(t.Context()) // it is free again
	busy(t, b, "")
	redis.FlushAll()
	other = hold(t, b)
	a.renewAll(t.Context())
	if n := a.losses.Load(); n != 2 {
		t.Errorf("reported %d times, want once for each loss", n)
	}
	other.Release()
	lease.Release()
}

// A request locks a service for a moment, before it looks whether a job has it: that is no reason to be without a lock until the next renewal.
func TestARenewalLooksAgainWhereARequestHasTheLockForAMoment(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease := hold(t, a)
	redis.FlushAll()
	moment := hold(t, b)
	freeAtTheSecondLook(redis)
	a.renewAll(t.Context())
	busy(t, b, "")
	if a.losses.Load() != 0 {
		t.Error("it is reported lost")
	}
	moment.Release()
	busy(t, b, "")
	lease.Release()
}

func TestALockThatWasTakenAgainAndReleasedWhileRedisWasAwayIsFree(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	first := hold(t, a)
	redis.SetError("LOADING")
	first.Release()
	for range 3 {
		hold(t, a).Release()
	}
	if other, err := a.Acquire(t.Context(), "local", "c/t", ""); err != nil {
		t.Error(err)
	} else {
		other.Release()
	}
	a.mu.Lock()
	for held := range a.held { // what Redis has never had leaves nothing to release
		if held.target != "c/s" || len(held.before) != 1 {
			t.Errorf("%s is to be released, with %d others", held.target, len(held.before))
		}
	}
	a.mu.Unlock()
	a.shared.Await(t, false)
	redis.SetError("")
	a.shared.Await(t, true)
	for b.shared.Up() && redis.Exists(key) { // until the first renewal
		if common.Sleep(t.Context(), time.Millisecond) != nil {
			t.Fatal("the lock stays")
		}
	}
	if n := a.count(); n != 0 {
		t.Errorf("%d leases are still renewed", n)
	}
	hold(t, b).Release()
}

// Redis says that another server has the lock, and goes before it says for which operation.
func TestARequestThatKnowsOfALockDoesNotGoOnWithoutIt(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := newServer(t, redis), newServer(t, redis)
	lease := hold(t, a)
	lease.Operation(t.Context(), "op-1")
	var away atomic.Bool
	redis.Server().SetPreHook(func(c *peers.Peer, command string, args ...string) bool {
		if strings.EqualFold(command, "get") && slices.Contains(args, key) {
			away.Store(true)
		}
		if away.Load() {
			c.WriteError("LOADING")
		}
		return away.Load()
	})
	busy(t, b, "")
	away.Store(false)
}

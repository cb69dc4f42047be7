package state

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// clock is the time of a test, which passes when the test says so.
type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func (c *clock) time() time.Time      { return c.now }

// slow is a Redis whose every response takes so long by the clock, and none by the test's.
type slow struct {
	clock    *clock
	each     time.Duration
	commands int
}

func (s *slow) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *slow) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if ctx.Value(probing{}) == nil {
			s.commands++
			s.clock.pass(s.each)
		}
		return next(ctx, cmd)
	}
}

func (s *slow) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.commands++
		s.clock.pass(s.each)
		return next(ctx, cmds)
	}
}

// openSlow returns a state on a Redis that takes so long for each command.
func openSlow(t *testing.T, each time.Duration) (*Redis, *slow) {
	t.Helper()
	r, _ := open(t, "redis://"+miniredis.RunT(t).Addr())
	s := &slow{clock: &clock{time.Unix(0, 0)}, each: each}
	r.client.AddHook(s) // after the guard: below it
	return r, s
}

func setAs(ctx context.Context, r *Redis) error {
	return r.Do(ctx, func(ctx context.Context, c redis.UniversalClient) error {
		return c.Set(ctx, r.Key("a", "b"), "1", time.Minute).Err()
	})
}

// It is not parallel, as commands have what is left of the budget, by the real clock.
func TestARequestWaitsForASlowRedisOnlySoLongInAll(t *testing.T) {
	for each, most := range map[time.Duration]int{
		time.Millisecond: 100, 50 * time.Millisecond: 16, 200 * time.Millisecond: 4, 300 * time.Millisecond: 3, 700 * time.Millisecond: 2,
	} {
		r, s := openSlow(t, each)
		ctx := WithClock(t.Context(), s.clock.time)
		var err error
		for n := 0; n < 100 && err == nil; n++ {
			if n%2 == 0 {
				err = setAs(ctx, r)
			} else {
				err = r.Spend(ctx, func() error { return r.Client().Set(context.Background(), r.Key("a", "b"), "1", time.Minute).Err() })
			}
		}
		if s.commands != most || (most < 100) != errors.Is(err, ErrDown) {
			t.Errorf("%v each: %d commands, want %d: %v", each, s.commands, most, err)
		}
		if !r.Up() {
			t.Errorf("%v each: it counts as down", each)
		}
		before := s.commands
		for what, other := range map[string]context.Context{"another request": WithClock(t.Context(), s.clock.time), "background work": WithoutBudget(ctx), "what is no request's": t.Context()} {
			if err := setAs(other, r); err != nil {
				t.Errorf("%v each: %s: %v", each, what, err)
			}
		}
		if s.commands != before+3 {
			t.Errorf("%v each: %d commands of others, want 3", each, s.commands-before)
		}
	}
}

func TestARequestThatTakesLongMayUseRedisAllTheTime(t *testing.T) {
	t.Parallel()
	r, s := openSlow(t, 100*time.Millisecond)
	ctx := WithClock(t.Context(), s.clock.time)
	for n := range 1000 {
		if err := setAs(ctx, r); err != nil {
			t.Fatalf("command %d: %v", n, err)
		}
		s.clock.pass(time.Second)
	}
}

func TestACommandGetsWhatIsLeftOfTheBudget(t *testing.T) {
	t.Parallel()
	r, s := openSlow(t, 0)
	slow := 0
	r.slow = func() { slow++ }
	ctx := WithClock(t.Context(), s.clock.time)
	s.each = 500 * time.Millisecond
	if err := setAs(ctx, r); err != nil {
		t.Fatal(err)
	}
	err := r.Do(ctx, func(ctx context.Context, _ redis.UniversalClient) error {
		return guard{r, useTime}.run(ctx, func(ctx context.Context) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > useTime/2 { // which a machine that stands still only makes less
				t.Errorf("it has %v", time.Until(deadline))
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
	if !errors.Is(err, ErrDown) || !r.Up() {
		t.Errorf("%v, and it is up: %v", err, r.Up())
	}
	if slow != 1 {
		t.Errorf("it was reported %d times that the request's time for Redis was not enough", slow)
	}
	if err := setAs(t.Context(), r); err != nil {
		t.Errorf("another request: %v", err)
	}
}

func TestARenewalCanBeWoken(t *testing.T) {
	t.Parallel()
	r, _ := openSlow(t, 0)
	renewed := make(chan struct{}, 10)
	n := r.Renew(time.Hour, func(context.Context) { renewed <- struct{}{} })
	defer n.Close()
	n.Wake()
	select {
	case <-renewed:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is renewed")
	}
}

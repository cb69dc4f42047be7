package common

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bucketOf returns a full bucket.
func bucketOf(limit Limit) *limiter {
	return newLimiters(map[string]Limit{"ecs-service-read": limit}, nil)[operation{"ecs", "DescribeServices"}]
}

// drain takes all tokens of the bucket.
func drain(l *limiter) {
	for l.turn(PriorityChange).Ready() {
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.queues[PriorityChange].Front(); e != nil; e = l.queues[PriorityChange].Front() {
		l.remove(e.Value.(*Turn))
	}
}

// queue lets callers of the priorities wait, in that order, and returns in which order they had their turns, by their numbers.
func queue(t *testing.T, l *limiter, priorities ...Priority) func() []int {
	t.Helper()
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	for i, p := range priorities {
		turn := l.turn(p)
		if turn.Ready() {
			t.Fatalf("caller %d need not wait", i)
		}
		all.Go(func() {
			if err := turn.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, i)
		})
	}
	return func() []int {
		all.Wait()
		return order
	}
}

func TestChangesGoBeforePollsAndBackgroundWorkComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 4})
		drain(l)
		order := queue(t, l, PriorityBackground, PriorityPoll, PriorityBackground, PriorityChange, PriorityPoll, PriorityChange)()
		if want := []int{3, 5, 1, 4, 0, 2}; !slices.Equal(order, want) {
			t.Errorf("turns came in the order %v, want %v", order, want)
		}
	})
}

func TestARaisedTurnComesWithThoseOfItsNewPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 4})
		drain(l)
		first := l.turn(PriorityChange)
		raised := l.turn(PriorityPoll)
		last := l.turn(PriorityChange)
		raised.Raise(PriorityBackground) // a lower one changes nothing
		raised.Raise(PriorityChange)
		start := time.Now()
		for i, turn := range []*Turn{first, last, raised} {
			if err := turn.Wait(t.Context()); err != nil || time.Since(start) != time.Duration(i+1)*time.Second/4 {
				t.Errorf("turn %d came after %v: %v", i, time.Since(start), err)
			}
		}
		raised.Raise(PriorityChange) // it has been; nothing happens
	})
}

func TestTurnsThatAreLeftCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := bucketOf(Limit{1, 1}), time.Now()
		drain(l)
		ctx, hangUp := context.WithCancel(t.Context())
		var left sync.WaitGroup
		for range 100 {
			left.Go(func() {
				if err := l.turn(PriorityChange).Wait(ctx); !Is(FromAWS(err, "wait"), Canceled) {
					t.Errorf("hung up: %v", err)
				}
			})
		}
		synctest.Wait()
		last := l.turn(PriorityPoll)
		hangUp()
		left.Wait()
		if err := last.Wait(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("the next turn came after %v: %v", time.Since(start), err)
		}
		if n := l.ahead(PriorityBackground); n != 0 {
			t.Errorf("%d turns are left over", n)
		}
	})
}

func TestPollsLeaveChangesAQuarterOfABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{21, 1})
		polls := 0
		for {
			turn := l.turn(PriorityPoll)
			if !turn.Ready() {
				turn.Leave()
				break
			}
			polls++
		}
		changes := 0
		for {
			turn := l.turn(PriorityChange)
			if !turn.Ready() {
				turn.Leave()
				break
			}
			changes++
		}
		if polls != 16 || changes != 5 {
			t.Errorf("%d polls and then %d changes had a token at once", polls, changes)
		}
	})
}

func TestPollsGetOnWhileChangesTakeAllThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{4, 4})
		ctx, stop := context.WithCancel(t.Context())
		var changes sync.WaitGroup
		for range 8 {
			changes.Go(func() {
				for ctx.Err() == nil {
					_ = l.turn(PriorityChange).Wait(ctx) // the last ends with ctx
				}
			})
		}
		time.Sleep(time.Minute)
		start := time.Now()
		var polls sync.WaitGroup
		for range 10 {
			polls.Go(func() {
				if err := l.turn(PriorityPoll).Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		polls.Wait()
		if took, patience := time.Since(start), patienceOf(4)[PriorityPoll]; took < 9*patience || took > 12*patience {
			t.Errorf("ten polls took %v: a tenth of the four tokens a second is theirs", took)
		}
		stop()
		changes.Wait()
	})
}

func TestWhoIsOvertakenUntilTheirDeadlineIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 1})
		drain(l)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		poll := l.turn(PriorityPoll)
		var changes []*Turn
		for range 5 {
			changes = append(changes, l.turn(PriorityChange))
		}
		poll.bucket.served[PriorityPoll] = time.Now().Add(time.Hour) // its patience has no end
		if err := poll.Wait(ctx); !Is(err, Throttled) {
			t.Errorf("got %v", err)
		}
		for _, turn := range changes {
			turn.Leave()
		}
	})
}

func TestACallUsesTheTurnThatWasWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 1})
		turn := l.turn(PriorityPoll)
		if !turn.Ready() {
			t.Fatal("the bucket is not full")
		}
		ctx := turn.Use(t.Context())
		if bucketOf(Limit{1, 1}).takesTurn(ctx) || !l.takesTurn(ctx) || l.takesTurn(ctx) {
			t.Error("the context's first call has a token, of this bucket alone")
		}
	})
}

func TestPriorityOfAContext(t *testing.T) {
	ctx := t.Context()
	for want, got := range map[Priority]Priority{
		PriorityChange:     PriorityOf(ctx),
		PriorityPoll:       PriorityOf(Polling(ctx)),
		PriorityBackground: PriorityOf(Polling(Background(Polling(ctx)))),
	} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			if got != want {
				t.Errorf("got %d", got)
			}
		})
	}
}

func TestARetryGoesBeforeThoseWhoHaveNotHadATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 1})
		drain(l)
		first, second, retry, change := l.turn(PriorityPoll), l.turn(PriorityPoll), l.again(PriorityPoll), l.again(PriorityChange)
		if retry.Ready() || change.Ready() {
			t.Fatal("there is no token")
		}
		for i, turn := range []*Turn{change, retry, first, second} {
			start := time.Now()
			if err := turn.Wait(t.Context()); err != nil || time.Since(start) != time.Second {
				t.Errorf("turn %d came after %s, %v", i, time.Since(start), err)
			}
		}
		time.Sleep(time.Second)
		if !l.again(PriorityPoll).Ready() {
			t.Error("a retry waits although there is a token")
		}
	})
}

func TestALateTurnIsBetterThanARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bucketOf(Limit{1, 1})
		drain(l)
		l.mu.Lock()
		l.setShare(time.Now(), 0.5) // AWS has refused a call: one token in two seconds, for a while
		l.mu.Unlock()
		ahead := l.turn(PriorityPoll)
		defer ahead.Leave()
		turn := l.turn(PriorityPoll)
		defer turn.Leave()
		for timeout, want := range map[time.Duration]bool{1900 * time.Millisecond: false, 2100 * time.Millisecond: true} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			if err := turn.Check(ctx); (err == nil) != want || err != nil && !Is(err, Throttled) {
				t.Errorf("with %s left: %v", timeout, err)
			}
			cancel()
		}
	})
}

package state

import (
	"context"
	"sync"
	"time"
)

const (
	// budgetShare is by which part of the time that a request takes its budget grows, a tenth: one that runs for minutes, or a stream, uses Redis all the time.
	budgetShare = 10
	// leastUse is the least that a command gets: one with less time would be cut off where Redis is fine, and leave open what it has done.
	leastUse = 50 * time.Millisecond
)

// Budget is what one request may wait for Redis in all: useTime, and a tenth of the time that it takes. A Redis that is slow but not down would else hold it up
// with each of its commands. Commands that a request sends at the same time are each paid for. Once the budget is used up, the request continues as if Redis were
// down. Nil has no limit.
type Budget struct {
	now   func() time.Time
	began time.Time

	mu    sync.Mutex
	spent time.Duration
	used  bool // a command was refused, or cut off
}

type budgetKey struct{}

// WithBudget returns a context of a request that begins, with a budget of its own. Background work has none: see WithoutBudget.
func WithBudget(ctx context.Context) context.Context { return WithClock(ctx, time.Now) }

// WithClock is WithBudget with a clock.
func WithClock(ctx context.Context, now func() time.Time) context.Context {
	return (&Budget{now: now, began: now()}).In(ctx)
}

// WithoutBudget returns a context for what nobody waits for, or what must reach Redis whatever that takes.
func WithoutBudget(ctx context.Context) context.Context { return (*Budget)(nil).In(ctx) }

// BudgetOf returns the budget of the request that ctx is of; nil if it is of none.
func BudgetOf(ctx context.Context) *Budget {
	b, _ := ctx.Value(budgetKey{}).(*Budget)
	return b
}

// In returns a context whose commands the budget pays for.
func (b *Budget) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

// left returns how long the next command may take, the limit at most; false if the budget is used up, which slow reports once.
func (b *Budget) left(limit time.Duration, slow func()) (time.Duration, bool) {
	if b == nil {
		return limit, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := min(useTime+b.now().Sub(b.began)/budgetShare-b.spent, limit)
	if left >= leastUse {
		return left, true
	}
	b.report(slow)
	return 0, false
}

// overrun notes that a command was cut off as the budget had less for it than Redis took, which slow reports once.
func (b *Budget) overrun(slow func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report(slow)
}

// report has slow report, if it has not yet, that the budget was not enough. The caller holds mu.
func (b *Budget) report(slow func()) {
	if !b.used {
		b.used = true
		slow()
	}
}

// pay returns a function to call when the command has ended that begins now.
func (b *Budget) pay() func() {
	if b == nil {
		return func() {}
	}
	began := b.now()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.spent += b.now().Sub(began)
	}
}

package operations

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

type acceptanceKey struct{}

// acceptance is the moment at which work becomes an operation.
type acceptance struct {
	once  sync.Once
	made  atomic.Bool
	id    string // of the operation
	begin func(target string)

	mu   sync.Mutex
	then []func(id string)
	done bool // then has been called
}

func (a *acceptance) accept(target string) {
	a.once.Do(func() {
		a.made.Store(true)
		a.begin(target)
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, f := range a.then {
			f(a.id)
		}
		a.done = true
	})
}

// WasAccepted reports whether the request of ctx was accepted.
func WasAccepted(ctx context.Context) bool {
	a, ok := ctx.Value(acceptanceKey{}).(*acceptance)
	return ok && a.made.Load()
}

// AcceptNow accepts the request of ctx, which has decided what it changes and is about to begin with it: it becomes an operation. A caller who does
// not want to wait gets the 202 with the operation now, and the lock of what the request works on names the operation from now on (OnAccepted). The
// target is what it changes, such as "myclu/www". It does nothing in a request whose caller waits.
func AcceptNow(ctx context.Context, target string) {
	if a, ok := ctx.Value(acceptanceKey{}).(*acceptance); ok {
		a.accept(target)
	}
}

// OnAccepted has f called with the operation's id once the request of ctx was accepted, at once if it has: never in a request whose caller waits.
func OnAccepted(ctx context.Context, f func(id string)) {
	if a, ok := ctx.Value(acceptanceKey{}).(*acceptance); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.done {
			f(a.id)
			return
		}
		a.then = append(a.then, f)
	}
}

// Attempt runs work, which has until deadline, and returns as soon as it was accepted: with the operation that it is from then on. Work that ends before has
// never been an operation: the operation is nil then, and the error is work's. Work returns what its request would have returned, as JSON. Attempt fails when
// the group is shutting down.
func (g *Group) Attempt(ctx context.Context, o Operation, deadline time.Duration, work func(context.Context) (json.RawMessage, error)) (*Operation, error) {
	if err := g.enter(); err != nil {
		return nil, err
	}
	op := g.newOperation(ctx, &o)
	decided, ended := make(chan Operation, 1), make(chan error, 1)
	moment := &acceptance{id: op.report.ID, begin: func(target string) {
		op.report.Target = target // nobody knows it yet
		decided <- g.begin(ctx, op)
	}}
	g.run(ctx, op, deadline, func(ctx context.Context) (json.RawMessage, error) {
		return work(context.WithValue(ctx, acceptanceKey{}, moment))
	}, func(result json.RawMessage, err error) {
		if moment.made.Load() {
			g.end(op, result, err)
			return
		}
		ended <- err
	})
	select {
	case o := <-decided:
		return &o, nil
	case err := <-ended:
		return nil, err
	}
}

package operations

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

type decidedKey struct{}

// decision is the moment at which work becomes an operation.
type decision struct {
	once  sync.Once
	made  atomic.Bool
	id    string // of the operation
	begin func(target string)

	mu   sync.Mutex
	then []func(id string)
	told bool
}

func (d *decision) decide(target string) {
	d.once.Do(func() {
		d.made.Store(true)
		d.begin(target)
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, f := range d.then {
			f(d.id)
		}
		d.told = true
	})
}

// HasDecided reports whether the request of ctx has Decided.
func HasDecided(ctx context.Context) bool {
	d, ok := ctx.Value(decidedKey{}).(*decision)
	return ok && d.made.Load()
}

// Decided says that the request of ctx has decided what it changes, and is about to begin with it: a caller who does not want to wait gets the operation then.
// The target is what it changes, such as "myclu/www". It does nothing in a request whose caller waits.
func Decided(ctx context.Context, target string) {
	if d, ok := ctx.Value(decidedKey{}).(*decision); ok {
		d.decide(target)
	}
}

// OnDecided has f called with the operation's id once the request of ctx has Decided, at once if it has: never in a request whose caller waits.
func OnDecided(ctx context.Context, f func(id string)) {
	if d, ok := ctx.Value(decidedKey{}).(*decision); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.told {
			f(d.id)
			return
		}
		d.then = append(d.then, f)
	}
}

// Attempt runs work, which has until deadline, and returns as soon as it has Decided: with the operation that it is from then on. Work that ends before has
// never been an operation: the operation is nil then, and the error is work's. Work returns what its request would have returned, as JSON. Attempt fails when
// the group is shutting down.
func (g *Group) Attempt(ctx context.Context, o Operation, deadline time.Duration, work func(context.Context) (json.RawMessage, error)) (*Operation, error) {
	if err := g.enter(); err != nil {
		return nil, err
	}
	op := g.newOperation(ctx, &o)
	decided, ended := make(chan Operation, 1), make(chan error, 1)
	moment := &decision{id: op.report.ID, begin: func(target string) {
		op.report.Target = target // nobody knows it yet
		decided <- g.begin(ctx, op)
	}}
	g.run(ctx, op, deadline, func(ctx context.Context) (json.RawMessage, error) {
		return work(context.WithValue(ctx, decidedKey{}, moment))
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

package operations

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

type decidedKey struct{}

// decision is the moment at which work becomes an operation.
type decision struct {
	once  sync.Once
	made  atomic.Bool
	begin func(target string)
}

func (d *decision) decide(target string) {
	d.once.Do(func() {
		d.made.Store(true)
		d.begin(target)
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

// Attempt runs work, which has until deadline, and returns as soon as it has Decided: with the operation that it is from then on. Work that ends before has
// never been an operation: the operation is nil then, and the error is work's. Work returns what its request would have returned, as JSON. Attempt fails when
// the group is shutting down.
func (g *Group) Attempt(ctx context.Context, o Operation, deadline time.Duration, work func(context.Context) (json.RawMessage, error)) (*Operation, error) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil, common.Errorf(common.Unavailable, "the server is shutting down; repeat the request")
	}
	op := newOperation(ctx, &o)
	g.running.Add(1)
	g.mu.Unlock()

	decided, ended := make(chan Operation, 1), make(chan error, 1)
	moment := &decision{begin: func(target string) { decided <- g.begin(op, target) }}
	ctx, cancel := g.within(ctx, deadline)
	go func() { // ends with its deadline or the group
		defer g.running.Done()
		defer cancel()
		ctx, endSpan := saga.Traced(ctx, o.Kind, attribute.String("ecs_api.operation", o.ID))
		ctx = context.WithValue(saga.WithProgress(ctx, op.progress), decidedKey{}, moment)
		var result json.RawMessage
		err := common.Safely(func() (err error) {
			result, err = work(ctx)
			return err
		})
		endSpan(err)
		if moment.made.Load() {
			g.end(op, result, g.interrupted(err))
			return
		}
		ended <- err
	}()
	select {
	case o := <-decided:
		return &o, nil
	case err := <-ended:
		return nil, err
	}
}

// begin makes an operation of work that has decided.
func (g *Group) begin(op *operation, target string) Operation {
	g.mu.Lock()
	op.report.Target = target
	g.all = append(g.all, op)
	g.forget()
	o := op.view()
	g.mu.Unlock()
	g.observe(o)
	return o
}

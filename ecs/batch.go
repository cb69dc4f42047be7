package ecs

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// queue is where calls wait for AWS's rates; common.Session is one.
type queue interface {
	Turn(ctx context.Context, service, operation string) *common.Turn
	Batched(operation string, reads int)
}

// found is what a call that describes things says of them.
type found[T any] struct {
	things   []*T
	failures []*ecs.Failure
}

// batcher lets reads share calls that describe many things. A read is added to the call of another only while that waits for its turn in the rate bucket:
// a read with a token at hand is never delayed, and one that begins after a write never gets a result from before it.
type batcher[T any] struct {
	operation string
	thing     string // "service"
	most      int    // things that one call describes
	queue     queue
	nameOf    func(*T) *string // or its ARN
	describe  func(ctx context.Context, cluster string, names []string) (found[T], error)

	mu      sync.Mutex
	waiting map[string][]*batch[T] // calls that have not been sent, by what they have in common
}

// batch is one call for several reads.
type batch[T any] struct {
	key    string // what its reads have in common
	turn   *common.Turn
	cancel context.CancelFunc
	done   chan struct{} // closed when found and err are there

	// Guarded by the batcher's lock until the call is sent, and not written to afterwards, but for reads.
	names  []string
	wanted map[string]int // by how many reads, by name
	reads  int            // that wait for it

	shared int // reads when the call was sent
	found  found[T]
	err    error
}

// batchTime bounds a call that several reads share: each of them has a deadline of its own.
const batchTime = time.Minute

// Names and ARNs that ECS takes for sure: one that it refuses would fail the whole call.
var (
	plainName = common.NewPattern(255, `^[A-Za-z0-9_-]+$`)
	plainARN  = common.NewPattern(255, `^arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:[a-z-]+/(?:([A-Za-z0-9_-]+)/)?([A-Za-z0-9_-]+)$`)
)

// keyOf returns what reads of a cluster have in common that can share a call; false if they share none. Names and ARNs do not meet in one call: the
// same thing would be asked for twice.
func keyOf(cluster string, names []string) (string, bool) {
	for kind, form := range map[string]common.Pattern{"name": plainName, "arn": plainARN} {
		if !slices.ContainsFunc(names, func(name string) bool { return !form.MatchString(name) }) {
			return kind + " " + cluster, true
		}
	}
	return "", false
}

// read describes the things of a cluster with the names: at most as many as one call describes.
func (b *batcher[T]) read(ctx context.Context, cluster string, names []string) (found[T], error) {
	key, ok := keyOf(cluster, names)
	if b.queue == nil || !ok || len(names) >= b.most {
		return b.describe(ctx, cluster, names)
	}
	one, turn, err := b.add(ctx, key, cluster, names)
	switch {
	case err != nil:
		return found[T]{}, b.fail(err, names)
	case one != nil:
		return b.await(ctx, one, cluster, names)
	case turn != nil:
		_ = turn.Wait(ctx) // it is there; this counts that there was no wait
		ctx = turn.Use(ctx)
	}
	return b.describe(ctx, cluster, names)
}

// readNow is read for who does without rather than wait for AWS's rates: false if there is no token at once.
func (b *batcher[T]) readNow(ctx context.Context, cluster string, names []string) (found[T], bool, error) {
	if b.queue != nil {
		if turn := b.queue.Turn(ctx, ecs.ServiceName, b.operation); turn != nil {
			if !turn.Ready() {
				turn.Leave()
				return found[T]{}, false, nil
			}
			_ = turn.Wait(ctx) // it is there; this counts that there was no wait
			ctx = turn.Use(ctx)
		}
	}
	described, err := b.describe(ctx, cluster, names)
	return described, true, err
}

// add adds the names to a call that waits, or begins one that waits; or it returns the turn, if that is there at once.
func (b *batcher[T]) add(ctx context.Context, key, cluster string, names []string) (*batch[T], *common.Turn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.waiting[key] {
		if one.fits(names, b.most) {
			if err := one.turn.Check(ctx); err != nil {
				return nil, nil, err
			}
			one.add(names)
			one.turn.Raise(common.PriorityOf(ctx))
			return one, nil, nil
		}
	}
	turn := b.queue.Turn(ctx, ecs.ServiceName, b.operation)
	if turn == nil || turn.Ready() {
		return nil, turn, nil
	}
	if err := turn.Check(ctx); err != nil {
		turn.Leave()
		return nil, nil, err
	}
	one := &batch[T]{key: key, turn: turn, done: make(chan struct{}), wanted: map[string]int{}}
	one.add(names)
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTime) //nolint:gosec // run cancels it, and who leaves as the last one
	one.cancel = cancel
	if b.waiting == nil {
		b.waiting = map[string][]*batch[T]{}
	}
	b.waiting[key] = append(b.waiting[key], one)
	go b.run(detached, cluster, one) // ends with batchTime, or when nobody waits any more
	return one, nil, nil
}

// fail says what the reads of the names failed at.
func (b *batcher[T]) fail(err error, names []string) error {
	return common.FromAWS(err, "describe %s", things(b.thing, names))
}

// fits reports whether there is room for the names.
func (one *batch[T]) fits(names []string, most int) bool {
	n := len(one.names)
	for _, name := range names {
		if one.wanted[name] == 0 {
			n++
		}
	}
	return n <= most
}

// add adds a read of the names.
func (one *batch[T]) add(names []string) {
	one.reads++
	for _, name := range names {
		if one.wanted[name]++; one.wanted[name] == 1 {
			one.names = append(one.names, name)
		}
	}
}

// run waits for the turn and makes the call.
func (b *batcher[T]) run(ctx context.Context, cluster string, one *batch[T]) {
	defer one.cancel()
	defer close(one.done)
	err := one.turn.Wait(ctx)
	b.mu.Lock()
	one.shared = one.reads
	b.forget(one)
	b.mu.Unlock()
	if err != nil {
		one.err = b.fail(err, one.names)
		return
	}
	if one.shared > 1 {
		b.queue.Batched(b.operation, one.shared)
	}
	one.err = common.Safely(func() (err error) {
		one.found, err = b.describe(one.turn.Use(ctx), cluster, one.names)
		return err
	})
}

// forget adds no more reads to the call. The lock must be held.
func (b *batcher[T]) forget(one *batch[T]) {
	others := slices.DeleteFunc(b.waiting[one.key], func(other *batch[T]) bool { return other == one })
	if len(others) == 0 {
		delete(b.waiting, one.key)
		return
	}
	b.waiting[one.key] = others
}

// await waits for the call and returns what it says of the names.
func (b *batcher[T]) await(ctx context.Context, one *batch[T], cluster string, names []string) (found[T], error) {
	select {
	case <-one.done:
	case <-ctx.Done():
		return found[T]{}, b.fail(b.leave(ctx, one), names)
	}
	switch {
	case common.Is(one.err, common.BadRequest) && one.shared > 1: // because of one name: the others are fine
		return b.describe(ctx, cluster, names)
	case one.err != nil:
		return found[T]{}, one.err
	}
	return b.share(one, names), nil
}

// leave takes one read away, whose ctx has ended, and returns its error. The call continues while another waits for it.
func (b *batcher[T]) leave(ctx context.Context, one *batch[T]) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := one.turn.Missed(ctx)
	if one.shared > 0 { // it was sent
		err = common.Errorf(common.KindOf(ctx.Err()), "AWS did not respond in time: %w", ctx.Err())
	}
	if one.reads--; one.reads == 0 {
		b.forget(one)
		one.cancel()
	}
	return err
}

// share returns what is said of the names, as copies where another read wants the same thing.
func (b *batcher[T]) share(one *batch[T], names []string) found[T] {
	var mine found[T]
	for _, name := range names {
		for _, thing := range one.found.things {
			if thing == nil || !sameName(name, b.nameOf(thing)) {
				continue
			}
			if one.wanted[name] > 1 {
				thing, _ = awsutil.CopyOf(thing).(*T)
			}
			mine.things = append(mine.things, thing)
			break
		}
	}
	for _, failure := range one.found.failures {
		if failure != nil && slices.ContainsFunc(names, func(name string) bool { return sameName(name, failure.Arn) }) {
			failure, _ = awsutil.CopyOf(failure).(*ecs.Failure)
			mine.failures = append(mine.failures, failure)
		}
	}
	return mine
}

// sameName reports whether two names or ARNs, of things of one kind in one cluster, mean the same thing.
func sameName(a string, b *string) bool { return lastOf(a) == lastOf(aws.StringValue(b)) }

func lastOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// describeAll describes things in as many calls as it takes, several at once.
func (b *batcher[T]) describeAll(ctx context.Context, cluster string, names []string) (found[T], error) {
	responses, err := batched(ctx, names, b.most, func(ctx context.Context, names []string) (found[T], error) { return b.read(ctx, cluster, names) })
	var all found[T]
	if err != nil {
		return all, err
	}
	for _, one := range responses {
		all.things = append(all.things, one.things...)
		all.failures = append(all.failures, one.failures...)
	}
	return all, nil
}

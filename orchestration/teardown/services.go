package teardown

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// services are all live services of the account, by the name of the cluster. Several teardowns share this value, so nobody changes it.
type services map[string][]*awsecs.Service

// readings lets teardowns that run at the same time share one reading of all services of the account, which takes two calls for each cluster. A teardown never gets a
// reading that began before the teardown asked for it; singleflight does not guarantee that. The zero value is ready.
type readings struct {
	mu      sync.Mutex
	next    *reading   // which has not begun; nil until somebody asks
	running sync.Mutex // held while one is read: others gather for the next
}

// reading is one reading of all services.
type reading struct {
	waiting int // guarded by the readings' lock
	done    chan struct{}
	found   services
	err     error
}

// read returns the result of do, which the first caller calls for all. If do fails, only that caller gets the error; the others read again.
func (b *readings) read(ctx context.Context, do func(context.Context) (services, error)) (services, error) {
	b.mu.Lock()
	one := b.next
	if one == nil {
		one = &reading{done: make(chan struct{})}
		b.next = one
		b.mu.Unlock()
		b.lead(ctx, one, do)
		return one.found, one.err
	}
	one.waiting++
	b.mu.Unlock()
	select {
	case <-one.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if one.err != nil {
		return b.read(ctx, do)
	}
	return one.found, nil
}

// lead waits until the previous reading is done, and then reads. When it begins, no more callers can join.
func (b *readings) lead(ctx context.Context, one *reading, do func(context.Context) (services, error)) {
	b.running.Lock()
	defer b.running.Unlock()
	b.mu.Lock()
	b.next = nil
	b.mu.Unlock()
	defer close(one.done)
	one.err = common.Safely(func() (err error) {
		one.found, err = do(ctx)
		return err
	})
}

// allServices returns all live services of the account. Teardowns that run at the same time share the reading.
func (d *Deleter) allServices(ctx context.Context) (services, error) {
	if common.InBackground(ctx) {
		return d.readings.read(ctx, d.readServices)
	}
	return d.readServices(ctx)
}

// maxReaders is how many clusters, or revisions, are read at the same time.
const maxReaders = 8

func (d *Deleter) readServices(ctx context.Context) (services, error) {
	clusters, err := d.transactions.Account.ECS.ListClusters(ctx)
	if err != nil {
		return nil, err
	}
	found := services{}
	var mu sync.Mutex
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for _, arn := range clusters {
		common.Go(readers, func() error {
			live, err := resource.LiveServices(ctx, d.transactions.Account, account.NameOf(arn))
			mu.Lock()
			defer mu.Unlock()
			found[account.NameOf(arn)] = live
			return err
		})
	}
	return found, readers.Wait()
}

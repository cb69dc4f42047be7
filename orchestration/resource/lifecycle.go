package resource

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Request is one request that creates, adopts and rolls back things.
type Request struct {
	Org, Cluster, Service string
	Owner                 string // the ownership tag of what it creates and adopts; see owner.go
	Key                   Key    // by which a repetition of the request finds what this one creates
	Backoff               common.Backoff
	Ledger                *Ledger
	// Settled: a service runs in the cluster, so that nobody deletes what its services share.
	Settled bool
	// ConcurrentCreator is set when another server turns out to create the same service now.
	ConcurrentCreator atomic.Bool
	// Waited is set when the request had to wait for a service of the same name to drain: a teardown may have deleted what was found.
	Waited atomic.Bool

	mu     sync.Mutex
	shared map[string]saga.Rollback // the shared things it uses, with the rollback of those it created
	spared []string                 // those that it turns out not to need
}

// HasTagged reports whether tags carry the ownership tag of the request: they are those of something that this request created or adopted, and nobody adopted since.
func (r *Request) HasTagged(tags common.Tags) bool { return hasOwner(tags, r.Owner) }

// ownerOf returns the value of the ownership tag that the request gives an item. A task definition has one of its own, which tells what it was made of.
func (r *Request) ownerOf(it *Item) string {
	if owner, ok := it.Tags.Get(common.TagRequest); ok {
		return owner
	}
	return r.Owner
}

// tagged reports whether tags are those of an item that this request created or adopted, and nobody adopted since.
func (r *Request) tagged(it *Item, tags common.Tags) bool { return hasOwner(tags, r.ownerOf(it)) }

func hasOwner(tags common.Tags, owner string) bool {
	value, _ := tags.Get(common.TagRequest)
	return value == owner
}

// Use counts the request among the users of shared things, before it looks at them. Leave ends that.
func (r *Request) Use(ctx context.Context, things ...Thing) error {
	for _, t := range things {
		key := ledgerKey(t)
		if err := r.Ledger.Enter(ctx, key); err != nil {
			return common.Wrapf(err, "wait until %s %s is deleted", t.Kind().Word(), t.Name())
		}
		r.mu.Lock()
		if r.shared == nil {
			r.shared = map[string]saga.Rollback{}
		}
		r.shared[key] = nil
		r.mu.Unlock()
	}
	return nil
}

// Spare says that the request turns out not to need shared things: that it succeeds is no reason for them to stay.
func (r *Request) Spare(things ...Thing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range things {
		r.spared = append(r.spared, ledgerKey(t))
	}
}

func ledgerKey(t Thing) string { return string(t.Kind()) + "/" + t.Name() }

// Leave ends the use of shared things. It returns the rollback of those that the request was the last to use, and that none succeeded with which needs
// them, and what keeps others out of them until each is released.
func (r *Request) Leave(succeeded bool) (saga.Rollback, []*Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var backs []saga.Rollback
	var holds []*Hold
	for key, created := range r.shared {
		back, hold := r.Ledger.Leave(key, succeeded && !slices.Contains(r.spared, key), created)
		if hold != nil {
			backs, holds = append(backs, back), append(holds, hold)
		}
	}
	r.shared = nil
	return saga.Concurrent(backs...), holds
}

// Check returns why what was found cannot be adopted for the item: it belongs to another org, or to something else of ours.
func (r *Request) Check(it *Item, s *State) error {
	traits := it.Traits()
	switch space, tagged := s.Tags.Get(common.TagSpace); {
	case !s.Tags.VisibleTo(r.Org):
		return nameTaken(it)
	case traits.Shared && tagged && space != r.Cluster:
		return common.Coded(common.CodeNameTaken, "%s %s exists and is of space %s; choose another name for the cluster", it.Kind().Word(), it.Name(), space)
	case !traits.Shared && (!s.Tags.TaggedFor(r.Org) || !CreatedFor(s.Tags, r.Service)):
		return common.Coded(common.CodeNameTaken, "%s %s exists and is not %s; %s", it.Kind().Word(), it.Name(), whose(r.Service), traits.TakenHint)
	}
	return nil
}

func nameTaken(it *Item) error {
	return common.Errorf(common.NotFound, "the name %s is taken by a %s of another org; choose another", it.Name(), it.Kind().Word())
}

// Ensure returns the step that creates the item if it was not found, and adopts it otherwise.
func (r *Request) Ensure(it *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if it.Found == nil {
			return r.create(ctx, it)
		}
		back, err := r.adopt(ctx, it, it.Found)
		if DeletedMeanwhile(err) {
			return r.create(ctx, it)
		}
		return back, err
	}
}

// DeletedMeanwhile reports whether AWS says that something which was found is not there any more.
func DeletedMeanwhile(err error) bool {
	return common.Is(err, common.NotFound) && common.CodeOf(err) != ""
}

// maxTries is how often something is created that AWS creates once per call, when responses are lost.
const maxTries = 3

// create creates the item. What turns out to be there is this request's, by an attempt whose response was lost, or is adopted.
func (r *Request) create(ctx context.Context, it *Item) (saga.Rollback, error) {
	it.adopted = false
	traits := it.Traits()
	c := &creation{r: r, it: it}
	for try := 1; ; try++ {
		err := r.Backoff.Retry(ctx, func() (err error) {
			it.Now, err = it.Create(ctx, it.Tags)
			return err
		}, traits.RetryCreate...)
		if err == nil {
			c.confirmed.Store(true)
			return r.keepRollback(it, c.rollback), nil
		}
		it.Now = nil
		exists := common.Is(err, common.Conflict)
		if !exists && !common.Ambiguous(err) {
			return nil, err
		}
		found, lookErr := r.findCreated(ctx, it, exists)
		if lookErr == nil && found != nil {
			return r.creator(ctx, it, found, c, err)
		}
		if NotIdempotent(err) { // ECS does not show yet what it says is there
			r.ConcurrentCreator.Store(true)
		}
		if exists || !traits.OncePerCall || lookErr != nil || try == maxTries { // where we cannot look, another try could create a second one
			return r.keepRollback(it, c.rollback), err
		}
	}
}

// findCreated looks for what an attempt to create the item may have created. AWS may show late what it says is there.
func (r *Request) findCreated(ctx context.Context, it *Item, exists bool) (*State, error) {
	if exists && it.Traits().Shared {
		return r.await(ctx, it)
	}
	return it.Find(ctx)
}

// creator decides who created what was found when an attempt failed with err.
func (r *Request) creator(ctx context.Context, it *Item, found *State, c *creation, err error) (saga.Rollback, error) {
	if r.tagged(it, found.Tags) {
		it.Now = found
		c.confirmed.Store(true)
		return r.keepRollback(it, c.rollback), nil
	}
	if checkErr := r.Check(it, found); checkErr != nil {
		return nil, checkErr
	}
	if !it.Traits().Shared && it.Kind() != KindCredential { // a second one cannot be adopted: it is another request's this very moment
		r.ConcurrentCreator.Store(true)
		return nil, common.Wrapf(err, "%s %s was created by another request meanwhile", it.Kind().Word(), it.Name())
	}
	return r.adopt(ctx, it, found)
}

// Confirm returns the step that finds out who created a thing whose creation succeeds for one that is there, and adopts it if another request did.
func (r *Request) Confirm(it *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if it.Found != nil || !it.Traits().CreatesOver {
			return nil, nil
		}
		found, err := it.Find(ctx)
		if err != nil || found == nil || r.tagged(it, found.Tags) {
			return nil, nil // it is there all the same; only a request at the same moment that fails could delete it
		}
		if err := r.Check(it, found); err != nil {
			return nil, err
		}
		r.keepRollback(it, nil)
		return r.adopt(ctx, it, found)
	}
}

// adopt makes the found thing the item, and puts the request's ownership tag on it where another request might roll it back.
func (r *Request) adopt(ctx context.Context, it *Item, found *State) (saga.Rollback, error) {
	it.Now, it.adopted = found, true
	var backs []saga.Rollback
	if a, ok := it.Thing.(Adopter); ok {
		back, err := a.Adopt(ctx, found)
		if back != nil {
			backs = append(backs, back)
		}
		if err != nil {
			return saga.Reverse(backs...), err
		}
	}
	back, err := r.takeOver(ctx, it, found)
	return saga.Reverse(append(backs, back)...), err
}

// takeOver puts the ownership tag on a thing that was found: on one of the service's own with all its tags, on a shared one alone. The rollback gives
// the old tag back, unless another request has adopted the thing since, or has created the service that this one wanted to.
func (r *Request) takeOver(ctx context.Context, it *Item, found *State) (saga.Rollback, error) {
	set := it.Tags
	if it.Traits().Shared {
		set = common.Tags{{Key: common.TagRequest, Value: r.ownerOf(it)}}
	}
	before, marked := found.Tags.Get(common.TagRequest)
	switch {
	case r.tagged(it, found.Tags), !found.Tags.TaggedFor(r.Org):
		return nil, nil
	case it.Traits().Shared && (!marked || r.Settled && !MayBeRolledBack(found.Tags, time.Now())):
		return nil, nil
	}
	back := func(ctx context.Context) error {
		now, err := it.Find(ctx)
		if err == nil && now != nil && r.tagged(it, now.Tags) && !r.ConcurrentCreator.Load() && marked {
			err = it.SetTags(ctx, now, common.Tags{{Key: common.TagRequest, Value: before}}, nil)
		}
		return common.Wrapf(IgnoreNotFound(err), "the tag %s of %s %s", common.TagRequest, it.Kind().Word(), it.Name())
	}
	return back, it.SetTags(ctx, found, set, nil)
}

// keepRollback returns the rollback of a thing of the service's own. That of a shared one is kept for the end of the request: another request may use
// the thing by then.
func (r *Request) keepRollback(it *Item, back saga.Rollback) saga.Rollback {
	if !it.Traits().Shared {
		return back
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared[ledgerKey(it)] = back
	return nil
}

// creation is the attempt to create one item.
type creation struct {
	r         *Request
	it        *Item
	confirmed atomic.Bool // AWS's response said that it is created
}

// rollback deletes the item if the request created it and nobody adopted it since. One that AWS confirmed and does not show yet is waited for.
func (c *creation) rollback(ctx context.Context) error {
	it := c.it
	find := it.Find
	if c.confirmed.Load() {
		find = func(ctx context.Context) (*State, error) { return c.r.await(ctx, it) }
	}
	err := c.r.Backoff.Retry(ctx, func() error {
		found, err := find(ctx)
		if err != nil || found == nil || !c.r.tagged(it, found.Tags) {
			return err
		}
		return ignoreInUse(it.Delete(ctx, found))
	}, it.Traits().RetryDelete...)
	err = IgnoreNotFound(err)
	if err == nil {
		c.confirmed.Store(false) // so that a retry of other rollbacks does not wait for it
	}
	return common.Wrapf(err, "%s %s", it.Kind().Word(), it.Name())
}

// ignoreInUse returns err unless it says that something is used, and so stays.
func ignoreInUse(err error) error {
	if err != nil && common.ResponseCode(err) == common.CodeInUse {
		return nil
	}
	return err
}

// await finds the item, for which AWS has confirmed that it is there: where it does not show it yet, it is looked for up to half a minute.
func (r *Request) await(ctx context.Context, it Thing) (found *State, err error) {
	err = r.Backoff.Retry(ctx, func() error {
		found, err = it.Find(ctx)
		if err == nil && found == nil {
			err = common.Errorf(common.NotFound, "there is no %s %s", it.Kind().Word(), it.Name())
		}
		return err
	}, common.NotVisible)
	return found, IgnoreNotFound(err)
}

// Verify returns the step that looks once more, at the end, whether a thing that the request adopted is still there: the request that created it may
// have rolled it back, as no tag can be compared and swapped. A request that had to wait for a service to drain verifies all that it needs. A shared
// thing is created again; without one of the service's own the request fails.
func (r *Request) Verify(it *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if !r.Waited.Load() && (!it.adopted || it.Traits().Shared && r.Settled) {
			return nil, nil
		}
		return saga.Named("verify "+it.Kind().Word(), func(ctx context.Context) (saga.Rollback, error) {
			find := it.Find
			if !it.adopted {
				find = func(ctx context.Context) (*State, error) { return r.await(ctx, it) }
			}
			switch found, err := find(ctx); {
			case err != nil && common.Transient(err):
				return nil, nil // what AWS does not let us see for the moment is taken to be there
			case err != nil || found != nil:
				return nil, err
			case !it.Traits().Shared:
				return nil, Deleted(it)
			}
			back, err := r.create(ctx, it)
			if err != nil || it.Completes == nil {
				return back, err
			}
			completed, err := it.Completes(ctx)
			return saga.Reverse(back, completed), err
		})(ctx)
	}
}

// Deleted is the Conflict for something that the request adopted and another one deleted.
func Deleted(t Thing) error {
	return common.Coded(common.CodeConcurrentChange, "%s %s was deleted by another request meanwhile; repeat the request", t.Kind().Word(), t.Name())
}

// ChangeTags returns the step that gives a thing the wanted tags, and takes away those with the given keys. The rollback restores those it had.
func ChangeTags(t Thing, found *State, wanted common.Tags, remove []string) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		changed, removed := TagDifference(found.Tags, wanted, remove)
		if len(changed) == 0 && len(removed) == 0 {
			return nil, nil
		}
		restored, added := common.Tags{}, []string{}
		for _, key := range append(changed.Keys(), removed...) {
			if value, ok := found.Tags.Get(key); ok {
				restored = append(restored, common.Tag{Key: key, Value: value})
			} else {
				added = append(added, key)
			}
		}
		back := func(ctx context.Context) error {
			return common.Wrapf(IgnoreNotFound(t.SetTags(ctx, found, restored, added)), "the tags of %s %s", t.Kind().Word(), t.Name())
		}
		return back, t.SetTags(ctx, found, changed, removed)
	}
}

// TagDifference returns the wanted tags that are missing or have another value, and those of the keys to remove that are there.
func TagDifference(have, wanted common.Tags, remove []string) (changed common.Tags, removed []string) {
	for _, key := range remove {
		if _, ok := have.Get(key); ok {
			removed = append(removed, key)
		}
	}
	return have.Changed(wanted), removed
}

// TearDown deletes a thing as long as it may be deleted: its tags, and whatever else allowed checks, are looked at again right before each attempt. It
// reports whether the thing is gone.
func TearDown(ctx context.Context, backoff common.Backoff, t Thing, allowed func(context.Context, *State) (bool, error)) (gone bool, err error) {
	err = backoff.Retry(ctx, func() error {
		found, err := t.Find(ctx)
		if gone = err == nil && found == nil; gone || err != nil {
			return err
		}
		if ok, err := allowed(ctx, found); err != nil || !ok {
			return err
		}
		err = t.Delete(ctx, found)
		gone = IgnoreNotFound(err) == nil
		return ignoreInUse(err)
	}, t.Traits().RetryDelete...)
	err = IgnoreNotFound(err)
	return gone, common.Wrapf(err, "%s %s", t.Kind().Word(), t.Name())
}

// String names the item in messages.
func (it *Item) String() string { return fmt.Sprintf("%s %s", it.Kind().Word(), it.Name()) }

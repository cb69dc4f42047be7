package resource

import (
	"context"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
)

// This file adopts: a request uses what an earlier one or a concurrent creator created, and puts its own ownership tag on it.

// Check returns why what was found cannot be adopted for the item: it belongs to another org, or to something else of ours.
func (r *Request) Check(it *Item, s *State) error {
	traits := it.Traits()
	switch space, tagged := s.Tags.Get(common.TagSpace); {
	case !s.Tags.VisibleTo(r.Org):
		return account.NameTaken(it.Kind().Word(), it.Name())
	case traits.Shared && tagged && space != r.Cluster:
		return common.Coded(common.CodeNameTaken, "%s %s exists and is of space %s; choose another name for the cluster", it.Kind().Word(), it.Name(), space)
	case !traits.Shared && (!s.Tags.TaggedFor(r.Org) || !CreatedFor(s.Tags, r.Service)):
		return common.Coded(common.CodeNameTaken, "%s %s exists and is not %s; %s", it.Kind().Word(), it.Name(), whose(r.Service), traits.TakenHint)
	}
	return nil
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
	if traits := it.Traits(); !traits.Shared && !traits.AdoptConcurrent { // it is another request's this very moment
		r.ConcurrentCreator.Store(true)
		return nil, common.Wrapf(err, "%s %s was created by another request meanwhile", it.Kind().Word(), it.Name())
	}
	return r.adopt(ctx, it, found)
}

// Confirm returns the step that finds out who created a thing whose creation succeeds for one that is there, and adopts it if another request did.
func (r *Request) Confirm(it *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if it.Found != nil || !it.Traits().CreateReturnsExisting {
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
	case it.Traits().Shared && (!marked || r.HasServices && !MayBeRolledBack(found.Tags, time.Now())):
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

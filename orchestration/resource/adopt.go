package resource

import (
	"context"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
)

// This file adopts: a request uses what an earlier request or a concurrent creator created, and puts its own ownership tag on it.

// Check returns an error if the request may not adopt what was found: it belongs to another org, or to another service or space.
func (r *Request) Check(item *Item, s *State) error {
	traits := item.Traits()
	switch space, tagged := s.Tags.Get(common.TagSpace); {
	case !s.Tags.VisibleTo(r.Org):
		return account.NameTaken(item.Kind().Word(), item.Name())
	case traits.Shared && tagged && space != r.Cluster:
		return common.Coded(common.CodeNameTaken, "%s %s exists and is of space %s; choose another name for the cluster", item.Kind().Word(), item.Name(), space)
	case !traits.Shared && (!s.Tags.TaggedFor(r.Org) || !CreatedFor(s.Tags, r.Service)):
		return common.Coded(common.CodeNameTaken, "%s %s exists and is not %s; %s", item.Kind().Word(), item.Name(), whose(r.Service), traits.TakenHint)
	}
	return nil
}

// creator finds out which request created what was found after an attempt failed with err: this one, or another one.
func (r *Request) creator(ctx context.Context, item *Item, found *State, c *attempt, err error) (saga.Rollback, error) {
	if r.tagged(item, found.Tags) {
		item.Now = found
		c.confirmed.Store(true)
		return r.keepRollback(item, c.rollback), nil
	}
	if checkErr := r.Check(item, found); checkErr != nil {
		return nil, checkErr
	}
	if traits := item.Traits(); !traits.Shared && !traits.AdoptConcurrent { // another request is creating it at this moment
		r.ConcurrentCreator.Store(true)
		return nil, common.Wrapf(err, "%s %s was created by another request meanwhile", item.Kind().Word(), item.Name())
	}
	return r.adopt(ctx, item, found)
}

// Confirm returns the step for things whose create also succeeds if they exist: it finds out which request created the thing, and adopts it if that was another
// request.
func (r *Request) Confirm(item *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if item.Found != nil || !item.Traits().CreateReturnsExisting {
			return nil, nil
		}
		found, err := item.Find(ctx)
		if err != nil || found == nil || r.tagged(item, found.Tags) {
			return nil, nil // it exists in any case; only a concurrent request that fails could delete it
		}
		if err := r.Check(item, found); err != nil {
			return nil, err
		}
		r.keepRollback(item, nil)
		return r.adopt(ctx, item, found)
	}
}

// adopt makes the found thing the item, and puts the request's ownership tag on it if another request might delete it.
func (r *Request) adopt(ctx context.Context, item *Item, found *State) (saga.Rollback, error) {
	item.Now, item.adopted = found, true
	if _, marked := found.Tags.Get(common.TagDeleting); marked {
		return r.adoptMarked(ctx, item, found)
	}
	var rollbacks []saga.Rollback
	if a, ok := item.Thing.(Adopter); ok {
		rollback, err := a.Adopt(ctx, found)
		if rollback != nil {
			rollbacks = append(rollbacks, rollback)
		}
		if err != nil {
			return saga.Reverse(rollbacks...), err
		}
	}
	rollback, err := r.takeOver(ctx, item, found)
	return saga.Reverse(append(rollbacks, rollback)...), err
}

// adoptMarked adopts a thing that another request is about to delete. The ownership tag stops that request. If it was too late for that, adoptMarked creates the
// item.
func (r *Request) adoptMarked(ctx context.Context, item *Item, found *State) (saga.Rollback, error) {
	tagged, err := r.takeOver(ctx, item, found)
	if err != nil {
		return tagged, err
	}
	now, err := r.awaitDeletion(ctx, item, found)
	switch {
	case err != nil:
		return tagged, err
	case now == nil:
		return r.create(ctx, item)
	}
	now.Tags = now.Tags.Without(common.TagDeleting)
	rollback, err := r.adopt(ctx, item, now)
	item.contested = true
	return saga.Reverse(tagged, rollback), err
}

// takeOver puts the ownership tag on a thing that was found; a thing of the service's own gets all tags of the item too. The rollback restores the old ownership
// tag, unless another request has adopted the thing since, or has created the service that this one wanted to create.
func (r *Request) takeOver(ctx context.Context, item *Item, found *State) (saga.Rollback, error) {
	set := item.Tags
	if item.Traits().Shared {
		set = common.Tags{{Key: common.TagRequest, Value: r.ownerOf(item)}}
	}
	before, marked := found.Tags.Get(common.TagRequest)
	switch {
	case r.tagged(item, found.Tags), !found.Tags.TaggedFor(r.Org):
		return nil, nil
	case item.Traits().Shared && markOn(found) == "" && (!marked || r.HasServices && !MayBeRolledBack(found.Tags, time.Now())):
		return nil, nil
	}
	rollback := func(ctx context.Context) error {
		now, err := item.Find(ctx)
		if err == nil && now != nil && r.tagged(item, now.Tags) && !r.ConcurrentCreator.Load() && marked {
			err = item.SetTags(ctx, now, common.Tags{{Key: common.TagRequest, Value: before}}, nil)
		}
		return common.Wrapf(IgnoreNotFound(err), "the tag %s of %s %s", common.TagRequest, item.Kind().Word(), item.Name())
	}
	err := item.SetTags(ctx, found, set, nil)
	item.replaced = before
	item.contested = time.Since(r.began) > r.Backoff.Scaled(adoptTime)
	return rollback, err
}

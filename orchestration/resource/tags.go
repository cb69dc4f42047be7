package resource

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
)

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
		rollback := func(ctx context.Context) error {
			return common.Wrapf(IgnoreNotFound(t.SetTags(ctx, found, restored, added)), "the tags of %s %s", t.Kind().Word(), t.Name())
		}
		return rollback, t.SetTags(ctx, found, changed, removed)
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

func setECSTags(ctx context.Context, a *account.Account, s *State, set common.Tags, remove []string) error {
	return setTags(ctx, s.ID, set, remove, a.ECS.Tag, a.ECS.Untag)
}

// setTags sets and removes tags with the two calls of an AWS service.
func setTags(ctx context.Context, id string, set common.Tags, remove []string, tag func(context.Context, string, common.Tags) error,
	untag func(context.Context, string, []string) error) error {
	if len(set) > 0 {
		if err := tag(ctx, id, set); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	return untag(ctx, id, remove)
}

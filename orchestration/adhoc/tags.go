package adhoc

import (
	"context"
	"errors"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/account"
)

// rollbackTime is how long the rollback of a change may take. It does not count towards the request's deadline, which may be why the change failed.
const rollbackTime = 15 * time.Second

// tagger is a client of things that have tags.
type tagger interface {
	Tag(ctx context.Context, id string, tags common.Tags) error
	Untag(ctx context.Context, id string, keys []string) error
}

// tagged is something whose tags a change sets.
type tagged struct {
	client tagger
	id     string
	what   string // its name for whoever reads an error
	before common.Tags
}

// change sets the caller's tags, but for those that say which request created the thing, and whose, and makes the rest of a change. If that fails, it
// rolls the tags back.
func (t tagged) change(ctx context.Context, a *account.Account, tags common.Tags, rest func() error) error {
	tags = common.Tags(nil).With(tags...).Without(common.TagRequest, common.TagDeleting, common.TagCaller, common.TagRequestID)
	err := a.Backoff.Retry(ctx, func() error { return t.client.Tag(ctx, t.id, tags) }, common.ParameterBusy)
	if err == nil {
		err = rest()
	} else if !common.Ambiguous(err) {
		return err
	}
	if err == nil || len(tags) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	old, added := restore(t.before, tags)
	if rollback := errors.Join(t.client.Tag(ctx, t.id, old), t.client.Untag(ctx, t.id, added)); rollback != nil {
		return common.WithLeftBehind(err, "the new tags of "+t.what)
	}
	return err
}

// restore returns what rolls a change of tags back: the tags to set, and the keys to remove.
func restore(before, tags common.Tags) (old common.Tags, added []string) {
	for _, tag := range before.Changed(tags) {
		if value, ok := before.Get(tag.Key); ok {
			old = append(old, common.Tag{Key: tag.Key, Value: value})
		} else {
			added = append(added, tag.Key)
		}
	}
	return old, added
}

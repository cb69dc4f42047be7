package api

import (
	"context"
	"errors"
	"time"

	"ecs-api/common"
)

// undoTime is how long taking back half a change may take. It does not count towards the request's deadline, which may be why it failed.
const undoTime = 15 * time.Second

// tagger is a client of things that have tags.
type tagger interface {
	Tag(ctx context.Context, id string, tags common.Tags) error
	Untag(ctx context.Context, id string, keys []string) error
}

// withTags lays the caller's tags over those that the thing has, but for the one that is of requests, and makes the rest of a change. If that fails, the tags become what they were before.
// What is the thing's name for who reads the error.
func (c call) withTags(client tagger, id, what string, before, tags common.Tags, rest func() error) error {
	tags = common.Tags(nil).With(tags...).Without(common.TagRequest)
	err := c.retry(func() error { return client.Tag(c.ctx, id, tags) }, common.ParameterBusy)
	if err == nil {
		err = rest()
	} else if !common.Ambiguous(err) {
		return err
	}
	if err == nil || len(tags) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), undoTime)
	defer cancel()
	old, added := restore(before, tags)
	back := errors.Join(client.Tag(ctx, id, old), client.Untag(ctx, id, added))
	if back != nil {
		return common.WithLeft(err, "the new tags of "+what)
	}
	return err
}

// restore returns what takes the change of tags back: the tags to set, and the keys to take away.
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

// retry calls do again while AWS refuses only for now.
func (c call) retry(do func() error, races ...common.Race) error {
	return c.server.pace.Retry(c.ctx, do, races...)
}

// org owns all that is made here.
func (c call) org() string { return c.server.config.Org }

// orgTag is the tag of all that is made here.
func (c call) orgTag() common.Tag { return common.Tag{Key: common.TagOrg, Value: c.org()} }

package resource

import (
	"context"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
)

// This file deletes what another server may adopt at the same moment. AWS cannot compare and swap a tag; two tags and the order of the calls do instead
// (as in Dekker's algorithm). Whoever deletes a thing marks it, by the tag spinup:deleting, and then reads the ownership tag; whoever adopts it sets the
// ownership tag, and then reads whether there is a mark. So one of the two sees the other one: the deletion gives up and removes its mark, or the
// adopter waits until the thing, or the mark, is gone.

const (
	// settleTime is how long the deletion of a role or a log group waits between its mark and its last look. Whoever looked before there was a mark has set the
	// ownership tag by then.
	settleTime = 1500 * time.Millisecond
	// lateTime is how much longer it waits where AWS does not show the mark at the first look: it shows the ownership tag as late.
	lateTime = 2 * time.Second
	// adoptTime is how long after the beginning of its look a request adopts a thing that it need not verify: it saw no mark, and a deletion that began
	// since sees the ownership tag. The rest of settleTime is for AWS to show the two tags.
	adoptTime = time.Second
	// markTime is how long others heed a mark: who set it has ended since, or sets another one. It relies on its mark for half of that time.
	markTime = time.Minute
	// markPoll is how often a deletion looks whether its mark is there. AWS may show it late.
	markPoll = time.Second
)

// deletion deletes a thing that is there, as long as it is allowed.
type deletion struct {
	thing   Thing
	backoff common.Backoff
	find    func(context.Context) (*State, error)
	allowed func(context.Context, *State) (bool, error) // by the tags of the thing, read again before each attempt

	found   *State // latest
	mark    string // on the thing; empty before there is one
	until   time.Time
	refused bool // AWS does not let us mark it
	late    bool // AWS did not show the mark when it was looked for
}

// run deletes the thing, and reports whether it is gone. What AWS refuses temporarily is retried.
func (d *deletion) run(ctx context.Context) (gone bool, err error) {
	err = d.backoff.Retry(ctx, func() (err error) {
		gone, err = d.attempt(ctx)
		return err
	}, d.thing.Traits().RetryDelete...)
	if IgnoreNotFound(err) != nil && !common.Transient(err) {
		_ = d.unmark(ctx) // a mark that stays is heeded for a minute
	}
	return gone, IgnoreNotFound(err)
}

func (d *deletion) attempt(ctx context.Context) (gone bool, err error) {
	for {
		if d.found, err = d.find(ctx); err != nil || d.found == nil {
			return err == nil, err
		}
		if ok, err := d.allowed(ctx, d.found); err != nil || !ok {
			return false, common.MostTelling(err, d.unmark(ctx))
		}
		ready, err := d.ready(ctx)
		if err != nil {
			return false, err
		}
		if !ready {
			continue
		}
		gone, expired, err := d.delete(ctx)
		if !expired {
			return gone, err
		}
	}
}

// ready reports whether the thing may be deleted, as it was found: with the mark on it. If there is none, it is set.
func (d *deletion) ready(ctx context.Context) (bool, error) {
	traits := d.thing.Traits()
	settles := traits.Shared && !traits.UseGuarded
	switch {
	case traits.NeverAdopted, d.found.TagsUnread, d.refused:
		return true, nil
	case d.mark != "" && time.Now().Before(d.until):
		seen, late := hasMark(d.found, d.mark), d.late
		d.late = !seen && settles
		switch {
		case seen && late:
			return false, common.Pause(ctx, d.backoff.Scaled(lateTime))
		case seen:
			return true, nil
		}
		return false, common.Sleep(ctx, d.backoff.Scaled(markPoll)) // AWS does not show the mark yet, or another one deletes the thing
	}
	d.mark, d.until = NewID(), time.Now().Add(budgeted(d.backoff, markTime/2))
	err := d.thing.SetTags(ctx, d.found, common.Tags{{Key: common.TagDeleting, Value: d.mark}}, nil)
	switch {
	case err != nil && (common.Transient(err) || ctx.Err() != nil):
		d.mark = ""
		return false, err
	case err != nil: // as where the thing has all the tags that AWS allows: what was read a moment ago must do
		d.mark, d.refused = "", true
		return true, nil
	case settles:
		err = common.Pause(ctx, d.backoff.Scaled(settleTime))
	}
	return false, err
}

// delete deletes the thing while others heed the mark. Expired reports that this time is over.
func (d *deletion) delete(ctx context.Context) (gone, expired bool, err error) {
	limited, cancel := ctx, func() {}
	if d.mark != "" && !d.found.TagsUnread { // without its tags we could not renew the mark
		limited, cancel = context.WithDeadline(ctx, d.until.Add(budgeted(d.backoff, markTime/4)))
	}
	defer cancel()
	err = d.thing.Delete(limited, d.found)
	switch {
	case IgnoreNotFound(err) == nil:
		return true, false, err // NotFound may be temporary: RetryDelete says so
	case ignoreInUse(err) == nil:
		return false, false, d.unmark(ctx)
	}
	return false, limited.Err() != nil && ctx.Err() == nil, err
}

// unmark removes the deletion's mark from the thing, which stays. AWS may not show the mark yet. One of another deletion stays.
func (d *deletion) unmark(ctx context.Context) error {
	if d.mark == "" || d.found == nil {
		return nil
	}
	if shown, ok := d.found.tag(common.TagDeleting); ok && shown != d.mark {
		return nil
	}
	err := IgnoreNotFound(d.thing.SetTags(ctx, d.found, nil, []string{common.TagDeleting}))
	if err == nil {
		d.mark = "" // a retry must not wait for it
	}
	return err
}

// budgeted returns t as the backoff's budgets have it.
func budgeted(backoff common.Backoff, t time.Duration) time.Duration {
	return time.Duration(float64(t) * backoff.BudgetFactor())
}

// markOn returns the mark that is on a thing; empty for none, and for one that is so old that nobody relies on it.
func markOn(s *State) string {
	mark, _ := s.tag(common.TagDeleting)
	id, err := uuid.Parse(mark)
	if err != nil || id.Version() != 7 {
		return ""
	}
	if seconds, nanos := id.Time().UnixTime(); time.Since(time.Unix(seconds, nanos)) > markTime+clockSkew {
		return ""
	}
	return mark
}

func hasMark(s *State, mark string) bool {
	value, _ := s.tag(common.TagDeleting)
	return value == mark
}

// awaitDeletion waits while another request is about to delete what was found, and returns what there is then: nil if it was deleted. A mark that stays
// as it is was left by a request that is no more; it is removed. It also waits until AWS shows the ownership tag that the request has put on the item, up
// to half a minute: only then does it show every mark that was set before.
func (r *Request) awaitDeletion(ctx context.Context, item *Item, found *State) (*State, error) {
	var seen string
	var since time.Time
	err := r.Backoff.Until(ctx, func() (bool, error) {
		waits, limit := markOn(found), markTime
		if waits == "" && item.isStale(found) {
			waits, limit = item.replaced, markTime/2
		}
		switch {
		case waits == "":
			return true, nil
		case waits != seen:
			seen, since = waits, time.Now()
		case time.Since(since) > budgeted(r.Backoff, limit):
			return true, nil
		}
		now, err := item.Find(ctx)
		if err != nil && common.Transient(err) {
			return false, nil
		}
		found = now
		return found == nil, err
	})
	if err != nil || found == nil {
		return nil, err
	}
	if _, marked := found.Tags.Get(common.TagDeleting); marked {
		err = item.SetTags(ctx, found, nil, []string{common.TagDeleting})
		if common.Transient(err) {
			err = nil // nobody relies on the mark any more: the next request removes it
		}
	}
	return found, err
}

// isStale reports whether AWS still shows the ownership tag that the item had before the request adopted it.
func (item *Item) isStale(found *State) bool {
	owner, _ := found.tag(common.TagRequest)
	return item.replaced != "" && owner == item.replaced
}

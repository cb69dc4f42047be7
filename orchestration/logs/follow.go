package logs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ecs-api/common"
)

// What following costs. CloudWatch Logs takes five FilterLogEvents a second of an account: the more follow, the longer each waits between polls.
const (
	maxFollowing  = 50
	shortestPoll  = 2 * time.Second
	pollShare     = 300 * time.Millisecond // of the time between two polls, for each who follows
	lateness      = 30 * time.Second       // how late CloudWatch Logs may show a line
	sourcesExpire = 15 * time.Second
	followLimit   = 1000 // lines of one poll
)

// ID returns where a stream is after the line: what Follow takes to continue from there.
func (e Event) ID() string { return fmt.Sprintf("%d-%s", e.Timestamp.UnixMilli(), e.id) }

// parseID reads what ID wrote.
func parseID(id string) (mark, error) {
	at, event, ok := strings.Cut(id, "-")
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || ms < 0 || len(id) > 200 {
		return mark{}, common.Invalid(common.FieldError{Field: "Last-Event-ID", Detail: "is not the id of an event of this stream"})
	}
	return mark{ms, event}, nil
}

// Following is a stream of lines that is about to begin.
type Following struct {
	r     *Reader
	from  Source
	q     Query
	floor mark             // nothing up to here is sent
	sent  mark             // the latest that has been sent
	seen  map[string]int64 // ids of the lines of the last while, and their times
	look  time.Time        // when the sources were looked for
	parts []source
}

// Follow prepares to send lines as they come: from the query's Since on (from now on without), or after the line with the id. What cannot work
// fails here.
func (r *Reader) Follow(ctx context.Context, from Source, q Query, after string) (*Following, error) {
	f := &Following{r: r, from: from, q: q, seen: map[string]int64{}, floor: mark{at: r.now().UnixMilli()}}
	if !q.Since.IsZero() {
		f.floor = mark{at: q.Since.UnixMilli()}
	}
	if after != "" {
		var err error
		if f.floor, err = parseID(after); err != nil {
			return nil, err
		}
	}
	f.sent = f.floor
	return f, f.refresh(ctx)
}

// refresh looks for the sources again if that was a while ago.
func (f *Following) refresh(ctx context.Context) (err error) {
	if f.parts != nil && f.r.now().Sub(f.look) < sourcesExpire {
		return nil
	}
	f.look = f.r.now()
	f.parts, err = f.from(ctx)
	return err
}

// Run sends lines until ctx ends or send fails. Calls that AWS fails are retried, unless the request is at fault.
func (f *Following) Run(ctx context.Context, send func(Event) error) error {
	leave, err := f.r.enter()
	if err != nil {
		return err
	}
	defer leave()
	ctx = common.Background(ctx)
	for {
		err := f.poll(ctx, send)
		switch common.KindOf(err) {
		case common.Throttled, common.Unavailable, common.Timeout:
			err = nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if f.r.wait(ctx, f.r.between()) != nil {
			return nil
		}
	}
}

// enter takes a place among those who follow.
func (r *Reader) enter() (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.following >= maxFollowing {
		return nil, common.Errorf(common.Unavailable, "%d requests follow logs in this account, and the server takes no more; retry later", r.following)
	}
	r.following++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.following--
	}, nil
}

// between returns how long to wait between polls.
func (r *Reader) between() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(shortestPoll, time.Duration(r.following)*pollShare)
}

// poll sends the lines that have come. It looks back a while, as lines of different tasks come out of order, and leaves out what it has sent.
func (f *Following) poll(ctx context.Context, send func(Event) error) error {
	if err := f.refresh(ctx); err != nil {
		return err
	}
	since := max(f.sent.at-lateness.Milliseconds(), f.floor.at)
	q := f.q
	q.Limit, q.Since, q.Until = followLimit, time.UnixMilli(since), f.r.now().Add(lateness)
	for {
		page, err := f.r.Read(ctx, "", func(context.Context) ([]source, error) { return f.parts, nil }, q)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := f.send(e, send); err != nil {
				return err
			}
		}
		if page.Next == nil {
			f.forget()
			return nil
		}
		q.Next = *page.Next
	}
}

// send sends a line unless it has been sent.
func (f *Following) send(e Event, send func(Event) error) error {
	if _, sent := f.seen[e.id]; sent || f.floor.before(e) {
		return nil
	}
	f.seen[e.id] = e.Timestamp.UnixMilli()
	if m := (mark{e.Timestamp.UnixMilli(), e.id}); !f.sent.before(e) {
		f.sent = m
	}
	return send(e)
}

// forget forgets the lines that are too old to be read again.
func (f *Following) forget() {
	for _, id := range slices.Collect(keysBefore(f.seen, f.sent.at-lateness.Milliseconds())) {
		delete(f.seen, id)
	}
}

// keysBefore ranges over the ids of lines that are from before a time.
func keysBefore(seen map[string]int64, at int64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for id, t := range seen {
			if t < at && !yield(id) {
				return
			}
		}
	}
}

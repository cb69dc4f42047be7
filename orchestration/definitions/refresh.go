package definitions

import (
	"context"
	"time"

	"ecs-api/common"
)

// refreshLater has the status of a revision read anew in the background if it is old enough. The lock must be held.
func (d *Definitions) refreshLater(arn string, e entry) {
	if d.closed || d.queued[arn] || len(d.waiting) >= maxWaiting || time.Since(e.at) < refreshAfter+e.jitter {
		return
	}
	d.queued[arn] = true
	d.waiting = append(d.waiting, arn)
	if len(d.queued) == 1 {
		d.running.Go(d.refresh) // ends when nothing waits, or with Close
	}
}

// refresh reads anew what waits for it, one after the other, after all calls that somebody waits for. What cannot be read is left as it is: the next who
// reads it queues it again.
func (d *Definitions) refresh() {
	for arn, ok := d.next(""); ok; arn, ok = d.next(arn) {
		_ = common.Safely(func() error {
			ctx, cancel := context.WithTimeout(d.ctx, refreshTime)
			defer cancel()
			_, err := d.fetch(ctx, arn)
			return err
		})
	}
}

// next returns what is to be refreshed next; not ok if nothing waits. Done is what was refreshed.
func (d *Definitions) next(done string) (arn string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.queued, done)
	if d.closed || len(d.waiting) == 0 {
		clear(d.queued)
		d.waiting = nil
		return "", false
	}
	arn, d.waiting = d.waiting[0], d.waiting[1:]
	return arn, true
}

// Close ends refreshing. What is remembered can still be read.
func (d *Definitions) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.running.Wait()
}

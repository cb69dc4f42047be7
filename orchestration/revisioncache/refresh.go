package revisioncache

import (
	"context"
	"time"

	"ecs-api/common"
)

// refreshLater has the status of a revision read anew in the background if it is old enough. The lock must be held.
func (c *Cache) refreshLater(arn string, e entry) {
	if c.closed || c.queued[arn] || len(c.waiting) >= maxWaiting || time.Since(e.at) < refreshAfter+e.jitter {
		return
	}
	c.queued[arn] = true
	c.waiting = append(c.waiting, arn)
	if len(c.queued) == 1 {
		c.running.Go(c.refresh) // ends when nothing waits, or with Close
	}
}

// refresh reads anew what waits for it, one after the other, after all calls that somebody waits for. What cannot be read is left as it is: the next who
// reads it queues it again.
func (c *Cache) refresh() {
	for arn, ok := c.next(""); ok; arn, ok = c.next(arn) {
		_ = common.Safely(func() error {
			ctx, cancel := context.WithTimeout(c.ctx, refreshTime)
			defer cancel()
			_, err := c.fetch(ctx, arn)
			return err
		})
	}
}

// next returns what is to be refreshed next; not ok if nothing waits. Done is what was refreshed.
func (c *Cache) next(done string) (arn string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.queued, done)
	if c.closed || len(c.waiting) == 0 {
		clear(c.queued)
		c.waiting = nil
		return "", false
	}
	arn, c.waiting = c.waiting[0], c.waiting[1:]
	return arn, true
}

// Close ends refreshing. What is remembered can still be read.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.running.Wait()
}

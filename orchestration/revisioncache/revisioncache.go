// Package revisioncache remembers the revisions of task definitions that were read or registered. It owns one rule: the body of a revision never changes, so
// it is read once; only its status does, which is never older than freshFor where AWS lets us read, nor from before a write of ours.
package revisioncache

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

const (
	// freshFor is how old the status of a revision may be; an older one is read anew before it is shown.
	freshFor = 15 * time.Minute
	// freshDisconnected is the same while other servers of our state cannot send us what they change.
	freshDisconnected = time.Minute
	// refreshAfter is the age from which a status that somebody reads is read anew in the background. Each revision adds up to the same again, so that
	// those that were read together are not refreshed together.
	refreshAfter = 5 * time.Minute
	// refreshTime is how long a refresh may wait for its turn.
	refreshTime = time.Minute
	// statusTime is how long a reader waits for the status of a revision whose body is known.
	statusTime = 10 * time.Second
	// maxWaiting is how many revisions wait for a refresh.
	maxWaiting = 1000
)

// Limits bound what is remembered.
type Limits struct {
	Number int
	Bytes  int // of JSON
}

// DefaultLimits are those of New. AWS allows 64 KiB for a revision; most have 2 KiB.
var DefaultLimits = Limits{Number: 5000, Bytes: 16 << 20}

// Reader reads a revision from AWS.
type Reader func(ctx context.Context, arn string) (*awsecs.DescribeTaskDefinitionOutput, error)

// Revision is what is remembered of a revision. It is shared: nobody may write to it.
type Revision = awsecs.DescribeTaskDefinitionOutput

// Cache remembers revisions by ARN.
type Cache struct {
	read   Reader
	limits Limits

	mu           sync.Mutex
	entries      *simplelru.LRU[string, entry]
	bytes        int
	writes       int  // of ours to any revision
	disconnected bool // other servers cannot send us their writes
	waiting      []string
	queued       map[string]bool // those of waiting, and the one that is being refreshed
	changed      func(arn, status string)

	running sync.WaitGroup
	ctx     context.Context // of refreshes
	stop    context.CancelFunc
	closed  bool
}

// entry is a revision as it was at some time.
type entry struct {
	revision *Revision
	size     int
	at       time.Time     // when its status was known
	jitter   time.Duration // added to refreshAfter
	stale    bool          // a write of ours came after
}

// New returns an empty Cache that reads with read.
func New(read Reader) *Cache { return WithLimits(read, DefaultLimits) }

// WithLimits is New with other limits.
func WithLimits(read Reader, limits Limits) *Cache {
	c := &Cache{read: read, limits: limits, queued: map[string]bool{}, changed: func(string, string) {}}
	c.ctx, c.stop = context.WithCancel(common.Background(context.Background()))
	c.entries, _ = simplelru.NewLRU(limits.Number, func(_ string, e entry) { c.bytes -= e.size }) // it fails for a size of 0 alone
	return c
}

// OnChange makes each change of a status by this server call changed, which publishes it to the other servers. Call it before anything else.
func (c *Cache) OnChange(changed func(arn, status string)) { c.changed = changed }

// Body returns the revision with the ARN for what never changes: its status may be of any time. Any other reference, as a family, is read.
func (c *Cache) Body(ctx context.Context, arn string) (*Revision, error) {
	c.mu.Lock()
	e, ok := c.entries.Get(arn)
	c.mu.Unlock()
	if ok {
		return e.revision, nil
	}
	return c.fetch(ctx, arn)
}

// Revision returns the revision with the ARN, its status included. If AWS throttles us, the status is the one last known.
func (c *Cache) Revision(ctx context.Context, arn string) (*Revision, error) {
	c.mu.Lock()
	e, ok := c.entries.Get(arn)
	fresh := c.fresh(e, time.Now())
	if ok && fresh {
		c.refreshLater(arn, e)
	}
	c.mu.Unlock()
	switch {
	case !ok:
		return c.fetch(ctx, arn)
	case fresh:
		return e.revision, nil
	}
	reading, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	now, err := c.fetch(reading, arn)
	switch common.KindOf(err) {
	case common.Throttled, common.Unavailable, common.Timeout, common.Canceled:
		if ctx.Err() == nil {
			return e.revision, nil
		}
	}
	return now, err
}

// fresh reports whether the status of an entry may be shown. The lock must be held.
func (c *Cache) fresh(e entry, now time.Time) bool {
	most := freshFor
	if c.disconnected {
		most = freshDisconnected
	}
	return !e.stale && now.Sub(e.at) < most
}

// fetch reads a revision, and remembers it.
func (c *Cache) fetch(ctx context.Context, arn string) (*Revision, error) {
	c.mu.Lock()
	writes, began := c.writes, time.Now()
	c.mu.Unlock()
	out, err := c.read(ctx, arn)
	switch {
	case common.Is(err, common.NotFound):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.entries.Remove(arn)
		return nil, err
	case err != nil:
		return nil, err
	case out.TaskDefinition == nil:
		return nil, common.Errorf(common.Internal, "ECS describes no task definition %s", arn)
	}
	if aws.StringValue(out.TaskDefinition.TaskDefinitionArn) == arn { // else it is a family, whose newest revision changes
		c.keep(out, began, writes)
	}
	return out, nil
}

// keep remembers a revision that was read when writes of ours had been made.
func (c *Cache) keep(out *Revision, at time.Time, writes int) {
	text, err := json.Marshal(out.TaskDefinition)
	if err != nil || len(text) > c.limits.Bytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	arn := aws.StringValue(out.TaskDefinition.TaskDefinitionArn)
	stale := c.writes != writes
	if known, ok := c.entries.Peek(arn); ok && (known.stale && stale || known.at.After(at)) {
		return // what is known may be newer
	}
	c.entries.Remove(arn) // and its size
	c.entries.Add(arn, entry{revision: out, size: len(text), at: at, jitter: rand.N(refreshAfter), stale: stale})
	for c.bytes += len(text); c.bytes > c.limits.Bytes; {
		c.entries.RemoveOldest()
	}
}

// Registered remembers a revision that we have registered: its first reader need not wait for AWS.
func (c *Cache) Registered(out *awsecs.RegisterTaskDefinitionOutput) {
	if out == nil || out.TaskDefinition == nil || aws.StringValue(out.TaskDefinition.TaskDefinitionArn) == "" {
		return
	}
	c.mu.Lock()
	writes := c.writes
	c.mu.Unlock()
	c.keep(&Revision{TaskDefinition: out.TaskDefinition, Tags: out.Tags}, time.Now(), writes)
}

// Changed says that this server may have changed the status of a revision to what it says, or to something unknown if that is empty.
func (c *Cache) Changed(arn, status string) {
	c.Invalidate(arn, status)
	c.changed(arn, status)
}

// Invalidate is Changed, where another server did it.
func (c *Cache) Invalidate(arn, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	e, ok := c.entries.Peek(arn)
	if !ok {
		return
	}
	if status != "" {
		definition := *e.revision.TaskDefinition
		definition.Status = &status
		e.revision = &Revision{TaskDefinition: &definition, Tags: e.revision.Tags}
	}
	e.stale = true
	c.entries.Add(arn, e) // an update, which evicts nothing
}

// InvalidateAll says that other servers may have changed the status of any revision.
func (c *Cache) InvalidateAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	for _, arn := range c.entries.Keys() {
		e, _ := c.entries.Peek(arn)
		e.stale = true
		c.entries.Add(arn, e) // an update, which evicts nothing
	}
}

// SetDisconnected tells whether other servers cannot send us their writes. When they can again, every status is read anew.
func (c *Cache) SetDisconnected(disconnected bool) {
	c.mu.Lock()
	c.disconnected = disconnected
	c.mu.Unlock()
	if !disconnected {
		c.InvalidateAll()
	}
}

// Package definitions remembers the revisions of task definitions that were read or registered. It owns one rule: the body of a revision never changes, so
// it is read once; only its status does, which is never older than freshFor where AWS lets us read, nor from before a write of ours.
package definitions

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
	// freshAlone is the same while other servers of our state cannot tell us what they change.
	freshAlone = time.Minute
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

// Definitions remembers revisions by ARN.
type Definitions struct {
	read   Reader
	limits Limits

	mu      sync.Mutex
	kept    *simplelru.LRU[string, entry]
	bytes   int
	writes  int  // of ours to any revision
	alone   bool // other servers cannot tell us of their writes
	waiting []string
	queued  map[string]bool // those of waiting, and the one that is being refreshed
	changed func(arn, status string)

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

// New returns an empty Definitions that reads with read.
func New(read Reader) *Definitions { return WithLimits(read, DefaultLimits) }

// WithLimits is New with other limits.
func WithLimits(read Reader, limits Limits) *Definitions {
	d := &Definitions{read: read, limits: limits, queued: map[string]bool{}, changed: func(string, string) {}}
	d.ctx, d.stop = context.WithCancel(common.Background(context.Background()))
	d.kept, _ = simplelru.NewLRU(limits.Number, func(_ string, e entry) { d.bytes -= e.size }) // it fails for a size of 0 alone
	return d
}

// OnChange makes each change of a status by this server call changed, which tells the other servers. Call it before anything else.
func (d *Definitions) OnChange(changed func(arn, status string)) { d.changed = changed }

// Body returns the revision with the ARN for what never changes: its status may be of any time. Any other reference, as a family, is read.
func (d *Definitions) Body(ctx context.Context, arn string) (*Revision, error) {
	d.mu.Lock()
	e, ok := d.kept.Get(arn)
	d.mu.Unlock()
	if ok {
		return e.revision, nil
	}
	return d.fetch(ctx, arn)
}

// Revision returns the revision with the ARN, its status included. If AWS throttles us, the status is the one last known.
func (d *Definitions) Revision(ctx context.Context, arn string) (*Revision, error) {
	d.mu.Lock()
	e, ok := d.kept.Get(arn)
	fresh := d.fresh(e, time.Now())
	if ok && fresh {
		d.refreshLater(arn, e)
	}
	d.mu.Unlock()
	switch {
	case !ok:
		return d.fetch(ctx, arn)
	case fresh:
		return e.revision, nil
	}
	reading, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	now, err := d.fetch(reading, arn)
	switch common.KindOf(err) {
	case common.Throttled, common.Unavailable, common.Timeout, common.Canceled:
		if ctx.Err() == nil {
			return e.revision, nil
		}
	}
	return now, err
}

// fresh reports whether the status of an entry may be shown. The lock must be held.
func (d *Definitions) fresh(e entry, now time.Time) bool {
	most := freshFor
	if d.alone {
		most = freshAlone
	}
	return !e.stale && now.Sub(e.at) < most
}

// fetch reads a revision, and remembers it.
func (d *Definitions) fetch(ctx context.Context, arn string) (*Revision, error) {
	d.mu.Lock()
	writes, began := d.writes, time.Now()
	d.mu.Unlock()
	out, err := d.read(ctx, arn)
	switch {
	case common.Is(err, common.NotFound):
		d.mu.Lock()
		defer d.mu.Unlock()
		d.kept.Remove(arn)
		return nil, err
	case err != nil:
		return nil, err
	case out.TaskDefinition == nil:
		return nil, common.Errorf(common.Internal, "ECS describes no task definition %s", arn)
	}
	if aws.StringValue(out.TaskDefinition.TaskDefinitionArn) == arn { // else it is a family, whose newest revision changes
		d.keep(out, began, writes)
	}
	return out, nil
}

// keep remembers a revision that was read when writes of ours had been made.
func (d *Definitions) keep(out *Revision, at time.Time, writes int) {
	text, err := json.Marshal(out.TaskDefinition)
	if err != nil || len(text) > d.limits.Bytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	arn := aws.StringValue(out.TaskDefinition.TaskDefinitionArn)
	stale := d.writes != writes
	if known, ok := d.kept.Peek(arn); ok && (known.stale && stale || known.at.After(at)) {
		return // what is known may be newer
	}
	d.kept.Remove(arn) // and its size
	d.kept.Add(arn, entry{revision: out, size: len(text), at: at, jitter: rand.N(refreshAfter), stale: stale})
	for d.bytes += len(text); d.bytes > d.limits.Bytes; {
		d.kept.RemoveOldest()
	}
}

// Registered remembers a revision that we have registered: its first reader need not wait for AWS.
func (d *Definitions) Registered(out *awsecs.RegisterTaskDefinitionOutput) {
	if out == nil || out.TaskDefinition == nil || aws.StringValue(out.TaskDefinition.TaskDefinitionArn) == "" {
		return
	}
	d.mu.Lock()
	writes := d.writes
	d.mu.Unlock()
	d.keep(&Revision{TaskDefinition: out.TaskDefinition, Tags: out.Tags}, time.Now(), writes)
}

// Changed tells that this server may have changed the status of a revision to what it says, or to something unknown if that is empty.
func (d *Definitions) Changed(arn, status string) {
	d.Heard(arn, status)
	d.changed(arn, status)
}

// Heard is Changed, by another server.
func (d *Definitions) Heard(arn, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	e, ok := d.kept.Peek(arn)
	if !ok {
		return
	}
	if status != "" {
		definition := *e.revision.TaskDefinition
		definition.Status = &status
		e.revision = &Revision{TaskDefinition: &definition, Tags: e.revision.Tags}
	}
	e.stale = true
	d.kept.Add(arn, e) // an update, which evicts nothing
}

// HeardAll tells that other servers may have changed the status of any revision.
func (d *Definitions) HeardAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	for _, arn := range d.kept.Keys() {
		e, _ := d.kept.Peek(arn)
		e.stale = true
		d.kept.Add(arn, e) // an update, which evicts nothing
	}
}

// Deafen tells whether other servers cannot tell us of their writes. When they can again, every status is read anew.
func (d *Definitions) Deafen(deaf bool) {
	d.mu.Lock()
	d.alone = deaf
	d.mu.Unlock()
	if !deaf {
		d.HeardAll()
	}
}

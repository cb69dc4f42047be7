package logs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
)

// How many calls one page may take, and how many lines one call may bring. AWS searches large logs a part at a time, and returns empty pages
// where nothing matches: a page of ours that has cost so much ends early, with Next.
const (
	maxCalls = 20
	maxLines = 10_000
	spare    = 100 // lines more than are wanted: those of the last moment wait for the page that shows that there are no more of it
)

// mark is how far lines have been returned: up to the one with this time and id. AWS promises the order of times alone; of one moment ids decide.
type mark struct {
	at int64 // milliseconds since 1970
	id string
}

// before reports whether the line has been returned.
func (m mark) before(e Event) bool {
	return cmp.Or(cmp.Compare(e.Timestamp.UnixMilli(), m.at), cmp.Compare(e.id, m.id)) <= 0
}

// byMark sorts lines.
func byMark(a, b Event) int {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.id, b.id))
}

// position is what Page.Next hides: the query, as it was at the first page, and how far it is.
type position struct {
	Query string            `json:"q"` // a digest of what must not change between pages
	Since int64             `json:"s"`
	Until int64             `json:"u"`
	At    int64             `json:"t"`
	ID    string            `json:"i"`
	Pages map[string]string `json:"p"` // by source: AWS's token of the page that has the first line not returned yet, "" for the first page; absent once all are returned
}

// key names a source between pages.
func (s source) key() string { return s.group + "|" + s.streams() + s.task }

// digest is what must be the same in the queries of all pages.
func (q Query) digest(of string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %t", of, q.Container, q.Filter, q.Previous))
	return hex.EncodeToString(sum[:8])
}

// start returns where a query begins: at its first page, or where the page before ended. Of is what is read, such as a service's name.
func (q Query) start(of string, now time.Time) (position, error) {
	if q.Next == "" {
		p := position{Query: q.digest(of), Since: q.Since.UnixMilli(), Until: now.UnixMilli()}
		if !q.Until.IsZero() {
			p.Until = q.Until.UnixMilli()
		}
		return p, nil
	}
	var p position
	text, err := base64.RawURLEncoding.DecodeString(q.Next)
	if err != nil || json.Unmarshal(text, &p) != nil || p.Query != q.digest(of) || p.Pages == nil {
		return p, common.Invalid(common.FieldError{Field: "next", Detail: "is not the Next of an earlier page of the same query"})
	}
	return p, nil
}

// String returns what start reads.
func (p position) String() string {
	text, err := json.Marshal(p)
	if err != nil { // strings and numbers always marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// Read returns a page of lines, the oldest first. Of is what is read, such as a service's name: Next is good for nothing else.
func (r *Reader) Read(ctx context.Context, of string, from Source, q Query) (*Page, error) {
	p, err := q.start(of, r.now())
	if err != nil {
		return nil, err
	}
	sources, err := from(ctx)
	if err != nil {
		return nil, err
	}
	m := &merge{r: r, q: q, since: p.Since, until: p.Until, sent: mark{p.At, p.ID}}
	for _, s := range sources {
		token, begun := p.Pages[s.key()]
		if q.Next != "" && !begun {
			continue // all of it is returned, or it is new since the first page
		}
		ours, err := r.readable(ctx, s.group)
		if err != nil {
			return nil, err
		}
		if ours {
			m.readers = append(m.readers, &reader{source: s, token: token})
		}
	}
	events, err := m.page(ctx, q.Limit)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(sources)
	for i := range events {
		events[i].label = labels[events[i].Container]
	}
	page := &Page{Events: events}
	if len(events) > 0 {
		last := events[len(events)-1]
		p.At, p.ID = last.Timestamp.UnixMilli(), last.id
	}
	if p.Pages = m.rest(); len(p.Pages) > 0 {
		page.Next = new(p.String())
	}
	return page, nil
}

// labelsOf returns what stands in front of the lines of each container in a text, all of one width; nothing where one container writes.
func labelsOf(sources []source) map[string]string {
	width, labels := 0, map[string]string{}
	for _, s := range sources {
		width, labels[s.container] = max(width, len(s.container)), ""
	}
	if len(labels) > 1 {
		for container := range labels {
			labels[container] = fmt.Sprintf("%-*s | ", width, container)
		}
	}
	return labels
}

// reader reads one source, a page of AWS's at a time.
type reader struct {
	source
	token    string  // of the page to read next
	buffer   []Event // not returned yet, sorted
	pages    []page  // that have been read, the oldest first
	frontier int64   // all before this time has been read
	done     bool    // there is no page to read next
}

// page is a page of AWS's.
type page struct {
	token    string
	frontier int64 // no line up to its end is from later
}

// merge reads several sources as one.
type merge struct {
	r            *Reader
	q            Query
	since, until int64
	sent         mark
	readers      []*reader
	calls        int
}

// page returns the next lines of all sources, in order: limit of them, or fewer if there are no more or the page has cost enough.
func (m *merge) page(ctx context.Context, limit int) ([]Event, error) {
	for {
		behind := m.behind()
		if behind == nil {
			return m.take(nil, limit), nil
		}
		safe := m.safe(behind.frontier)
		if safe >= limit || m.calls >= maxCalls && (safe > 0 || len(behind.buffer) == 0) { // else the next page would begin where this one did
			return m.take(behind, limit), nil
		}
		if err := m.read(ctx, behind, limit); err != nil {
			return nil, err
		}
	}
}

// behind returns the source that has been read least far; nil if all have been read to their ends.
func (m *merge) behind() *reader {
	var least *reader
	for _, r := range m.readers {
		if !r.done && (least == nil || r.frontier < least.frontier) {
			least = r
		}
	}
	return least
}

// safe returns how many lines come before a time up to which everything has been read.
func (m *merge) safe(frontier int64) int {
	n := 0
	for _, r := range m.readers {
		for _, e := range r.buffer {
			if e.Timestamp.UnixMilli() < frontier {
				n++
			}
		}
	}
	return n
}

// take takes the first lines out of the buffers: of those that nothing unread can come before.
func (m *merge) take(behind *reader, limit int) []Event {
	all := []Event{}
	for _, r := range m.readers {
		for _, e := range r.buffer {
			if behind == nil || e.Timestamp.UnixMilli() < behind.frontier {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, byMark)
	all = all[:min(len(all), limit)]
	if len(all) == 0 {
		return all
	}
	last := all[len(all)-1]
	m.sent = mark{last.Timestamp.UnixMilli(), last.id}
	for _, r := range m.readers {
		r.buffer = slices.DeleteFunc(r.buffer, m.sent.before)
	}
	return all
}

// rest returns where each source that has more is to be read on.
func (m *merge) rest() map[string]string {
	rest := map[string]string{}
	for _, r := range m.readers {
		if len(r.buffer) > 0 {
			rest[r.key()] = r.pageOf(r.buffer[0])
		} else if !r.done {
			rest[r.key()] = r.token
		}
	}
	return rest
}

// pageOf returns the token of the earliest page that may have lines from the given one on.
func (r *reader) pageOf(e Event) string {
	for _, p := range r.pages {
		if p.frontier >= e.Timestamp.UnixMilli() {
			return p.token
		}
	}
	return r.token
}

// read reads the next page of a source.
func (m *merge) read(ctx context.Context, r *reader, limit int) error {
	m.calls++
	in := &awslogs.FilterLogEventsInput{
		LogGroupName: aws.String(r.group), LogStreamNamePrefix: aws.String(r.streams() + r.source.task), StartTime: aws.Int64(m.since), EndTime: aws.Int64(m.until),
		Limit: aws.Int64(int64(min(limit+spare, maxLines))),
	}
	if m.q.Filter != "" {
		in.FilterPattern = aws.String(m.q.Filter)
	}
	if r.token != "" {
		in.NextToken = aws.String(r.token)
	}
	out, err := m.r.account.Logs.Filter(ctx, in)
	if common.Is(err, common.NotFound) { // nothing has logged yet
		r.done = true
		return nil
	}
	if err != nil {
		return err
	}
	token := r.token
	for _, raw := range out.Events {
		e := Event{Timestamp: time.UnixMilli(common.Value(raw.Timestamp)).UTC(), Message: strings.TrimSuffix(common.Value(raw.Message), "\n"), id: common.Value(raw.EventId)}
		r.frontier = max(r.frontier, common.Value(raw.Timestamp))
		task, ok := r.of(common.Value(raw.LogStreamName))
		if e.Task, e.Container = task, r.container; !ok || m.sent.before(e) {
			continue
		}
		r.buffer = append(r.buffer, e)
	}
	r.pages = append(r.pages, page{token, r.frontier})
	slices.SortFunc(r.buffer, byMark)
	r.token = common.Value(out.NextToken)
	r.done = r.token == ""
	return nil
}

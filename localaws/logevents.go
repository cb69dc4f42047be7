package localaws

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
)

// maxReadSize is how many bytes of events one response holds.
const maxReadSize = 1 << 20

// between returns the positions of the stream's events from start (inclusive) to end (exclusive); nil means without limit.
func (st *logStream) between(start, end *int64) (first, last int) {
	at := func(t int64) int {
		return sort.Search(len(st.events), func(i int) bool { return st.events[i].timestamp >= t })
	}
	first, last = 0, len(st.events)
	if start != nil {
		first = at(*start)
	}
	if end != nil {
		last = max(first, at(*end))
	}
	return first, last
}

// eventToken is a place in a stream and the direction to read on. Read from the end of a stream it is returned again, as AWS does.
type eventToken struct {
	forward  bool
	position int
}

func (t eventToken) String() string {
	direction := "b"
	if t.forward {
		direction = "f"
	}
	return fmt.Sprintf("%s/%056d/s", direction, t.position)
}

// parseEventToken reads what String wrote.
func parseEventToken(s string) (eventToken, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || parts[0] != "f" && parts[0] != "b" || parts[2] != "s" {
		return eventToken{}, errToken
	}
	position, err := strconv.Atoi(parts[1])
	if err != nil || position < 0 {
		return eventToken{}, errToken
	}
	return eventToken{forward: parts[0] == "f", position: position}, nil
}

func getLogEvents(r *request, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	limit, ok := pageLimit(in.Limit, maxEvents, maxEvents)
	if !ok {
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *in.Limit, maxEvents)
	}
	st, err := r.logStream(in.LogGroupName, in.LogGroupIdentifier, in.LogStreamName)
	if err != nil {
		return nil, err
	}
	first, last := st.between(in.StartTime, in.EndTime)
	token := eventToken{forward: aws.BoolValue(in.StartFromHead), position: last}
	if token.forward {
		token.position = first
	}
	if in.NextToken != nil {
		if token, err = parseEventToken(*in.NextToken); err != nil {
			return nil, logsToken(err)
		}
	}
	from, to := st.window(token, first, last, limit)
	out := &cloudwatchlogs.GetLogEventsOutput{
		Events:            []*cloudwatchlogs.OutputLogEvent{},
		NextForwardToken:  aws.String(eventToken{true, to}.String()),
		NextBackwardToken: aws.String(eventToken{false, from}.String()),
	}
	for _, e := range st.events[from:to] {
		out.Events = append(out.Events, &cloudwatchlogs.OutputLogEvent{
			IngestionTime: aws.Int64(e.ingested), Message: aws.String(e.message), Timestamp: aws.Int64(e.timestamp),
		})
	}
	return out, nil
}

// window returns which of the events from first to last a response holds: no more than limit, nor than maxReadSize bytes. Where there
// is nothing left, from and to are the token's own position.
func (st *logStream) window(token eventToken, first, last, limit int) (from, to int) {
	size := 0
	fits := func(i int) bool {
		size += len(st.events[i].message) + eventTax
		return size <= maxReadSize
	}
	if token.forward {
		from = min(max(token.position, first), len(st.events))
		for to = from; to < last && to-from < limit && fits(to); {
			to++
		}
		return from, to
	}
	to = min(token.position, last)
	for from = to; from > first && to-from < limit && fits(from-1); {
		from--
	}
	return from, to
}

func filterLogEvents(r *request, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	limit, ok := pageLimit(in.Limit, maxEvents, maxEvents)
	switch {
	case !ok:
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *in.Limit, maxEvents)
	case in.LogStreamNamePrefix != nil && len(in.LogStreamNames) > 0:
		return nil, logsInvalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
	}
	matches, err := parsePattern(aws.StringValue(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	g, err := r.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	for _, name := range aws.StringValueSlice(in.LogStreamNames) {
		if _, ok := g.streams.get(name); !ok {
			return nil, refuse(cloudwatchlogs.ErrCodeResourceNotFoundException, "The specified log stream does not exist.")
		}
	}
	var found []candidate
	for name, st := range g.streams.all() {
		if len(in.LogStreamNames) > 0 && !slices.Contains(aws.StringValueSlice(in.LogStreamNames), name) || !strings.HasPrefix(name, aws.StringValue(in.LogStreamNamePrefix)) {
			continue
		}
		first, last := st.between(in.StartTime, in.EndTime)
		for _, e := range st.events[first:last] {
			found = append(found, candidate{name, e})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.timestamp, b.timestamp) })
	return searchPage(found, in.NextToken, limit, matches)
}

// candidate is an event that a search may find, and the stream it is in.
type candidate struct {
	stream string
	logEvent
}

// maxSearched is how many events one page of a search looks at. AWS says only that it searches a part at a time, and that a page may be empty
// and another follow.
const maxSearched = 5000

// searchPage returns the page of a search that a token names: no more than limit events, nor than maxReadSize bytes of them, of maxSearched.
func searchPage(all []candidate, token *string, limit int, matches func(string) bool) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	part, next, err := pageOf(all, token, maxSearched)
	if err != nil {
		return nil, logsToken(err)
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: []*cloudwatchlogs.FilteredLogEvent{}, NextToken: next, SearchedLogStreams: []*cloudwatchlogs.SearchedLogStream{}}
	start, size := len(all)-len(part), 0
	if next != nil {
		position, err := readToken(next)
		if err != nil {
			return nil, logsToken(err)
		}
		if start, err = strconv.Atoi(position); err != nil {
			return nil, logsToken(err)
		}
		start -= len(part)
	}
	for i, e := range part {
		if !matches(e.message) {
			continue
		}
		if size += len(e.message) + eventTax; len(out.Events) == limit || size > maxReadSize {
			out.NextToken = writeToken(strconv.Itoa(start + i))
			break
		}
		out.Events = append(out.Events, &cloudwatchlogs.FilteredLogEvent{
			EventId: aws.String(fmt.Sprintf("%056d", e.id)), IngestionTime: aws.Int64(e.ingested), LogStreamName: aws.String(e.stream),
			Message: aws.String(e.message), Timestamp: aws.Int64(e.timestamp),
		})
	}
	return out, nil
}

// patternTerm is a word or a quoted phrase of a filter pattern, behind "?" or "-" or neither.
type patternTerm struct {
	mark byte
	text string
}

// parsePattern returns whether a message has the terms of a pattern: all of them, at least one of those behind "?", none of those
// behind "-". Patterns that look into JSON or columns are not known here.
func parsePattern(pattern string) (func(string) bool, error) {
	rest := strings.TrimSpace(pattern)
	if rest != "" && strings.ContainsAny(rest[:1], "{[%") {
		return nil, logsInvalid("localaws knows filter patterns of terms only, not %q.", pattern)
	}
	var terms []patternTerm
	for rest != "" {
		var t patternTerm
		if rest[0] == '?' || rest[0] == '-' {
			t.mark, rest = rest[0], rest[1:]
		}
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			if t.text, rest, ok = strings.Cut(quoted, `"`); !ok {
				return nil, logsInvalid("Invalid character(s) in term %q", pattern)
			}
		} else {
			t.text, rest, _ = strings.Cut(rest, " ")
		}
		terms, rest = append(terms, t), strings.TrimSpace(rest)
	}
	return func(message string) bool {
		optional, found := false, false
		for _, t := range terms {
			has := strings.Contains(message, t.text)
			switch {
			case t.mark == '?':
				optional, found = true, found || has
			case has == (t.mark == '-'):
				return false
			}
		}
		return found || !optional
	}, nil
}

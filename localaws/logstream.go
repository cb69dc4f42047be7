package localaws

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
)

var logStreamName = atMost(512, `^[^:*]+$`)

func (r *request) logStream(group, identifier, stream *string) (*logStream, error) {
	g, err := r.logGroup(group, identifier)
	if err != nil {
		return nil, err
	}
	if st, ok := g.streams.get(aws.StringValue(stream)); ok {
		return st, nil
	}
	return nil, refuse(cloudwatchlogs.ErrCodeResourceNotFoundException, "The specified log stream does not exist.")
}

func createLogStream(r *request, in *cloudwatchlogs.CreateLogStreamInput) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	name := aws.StringValue(in.LogStreamName)
	if !logStreamName.MatchString(name) {
		return nil, logsInvalid("1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", name)
	}
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	if _, ok := g.streams.get(name); ok {
		return nil, refuse(cloudwatchlogs.ErrCodeResourceAlreadyExistsException, "The specified log stream already exists")
	}
	g.addStream(name, r.now)
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

func deleteLogStream(r *request, in *cloudwatchlogs.DeleteLogStreamInput) (*cloudwatchlogs.DeleteLogStreamOutput, error) {
	st, err := r.logStream(in.LogGroupName, nil, in.LogStreamName)
	if err != nil {
		return nil, err
	}
	g, _ := r.region.logs.groups.get(*in.LogGroupName)
	g.streams.delete(st.name)
	return &cloudwatchlogs.DeleteLogStreamOutput{}, nil
}

func describeLogStreams(r *request, in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	limit, ok := pageLimit(in.Limit, maxLogPage, maxLogPage)
	if !ok {
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *in.Limit, maxLogPage)
	}
	byTime := aws.StringValue(in.OrderBy) == cloudwatchlogs.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, logsInvalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	g, err := r.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var streams []*logStream
	for name, st := range g.streams.all() {
		if strings.HasPrefix(name, aws.StringValue(in.LogStreamNamePrefix)) {
			streams = append(streams, st)
		}
	}
	if byTime {
		slices.SortStableFunc(streams, func(a, b *logStream) int { return cmp.Compare(a.last().timestamp, b.last().timestamp) })
	}
	if aws.BoolValue(in.Descending) {
		slices.Reverse(streams)
	}
	page, next, err := pageOf(streams, in.NextToken, limit)
	if err != nil {
		return nil, logsToken(err)
	}
	out := &cloudwatchlogs.DescribeLogStreamsOutput{NextToken: next, LogStreams: []*cloudwatchlogs.LogStream{}}
	for _, st := range page {
		out.LogStreams = append(out.LogStreams, st.describe())
	}
	return out, nil
}

// last returns the newest event, or none.
func (st *logStream) last() logEvent {
	if len(st.events) == 0 {
		return logEvent{}
	}
	return st.events[len(st.events)-1]
}

func (st *logStream) describe() *cloudwatchlogs.LogStream {
	out := &cloudwatchlogs.LogStream{
		Arn: aws.String(st.arn), CreationTime: aws.Int64(st.created.UnixMilli()), LogStreamName: aws.String(st.name), StoredBytes: aws.Int64(0),
	}
	if len(st.events) > 0 {
		last := st.last()
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = aws.Int64(st.events[0].timestamp), aws.Int64(last.timestamp), aws.Int64(last.ingested)
	}
	return out
}

// Limits of PutLogEvents.
const (
	maxEvents    = 10000
	maxEventSize = 256 << 10
	maxBatchSize = 1 << 20
	eventTax     = 26 // bytes that each event counts beside its message
	tooNew       = 2 * time.Hour
	tooOld       = 14 * 24 * time.Hour
)

func putLogEvents(r *request, in *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
	st, err := r.logStream(in.LogGroupName, nil, in.LogStreamName)
	if err != nil {
		return nil, err
	}
	if err := checkEvents(in.LogEvents); err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.PutLogEventsOutput{NextSequenceToken: aws.String(r.aws.letters(56, "0123456789"))}
	now := r.now.UnixMilli()
	rejected := &cloudwatchlogs.RejectedLogEventsInfo{}
	for i, e := range in.LogEvents {
		switch timestamp := aws.Int64Value(e.Timestamp); {
		case timestamp > now+tooNew.Milliseconds():
			if rejected.TooNewLogEventStartIndex == nil {
				rejected.TooNewLogEventStartIndex = aws.Int64(int64(i))
			}
			out.RejectedLogEventsInfo = rejected
		case timestamp < now-tooOld.Milliseconds():
			rejected.TooOldLogEventEndIndex = aws.Int64(int64(i + 1))
			out.RejectedLogEventsInfo = rejected
		default:
			r.region.logs.append(st, timestamp, now, aws.StringValue(e.Message))
		}
	}
	return out, nil
}

func checkEvents(events []*cloudwatchlogs.InputLogEvent) error {
	if len(events) < 1 || len(events) > maxEvents {
		return logsInvalid("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d", maxEvents)
	}
	size := 0
	for i, e := range events {
		n := len(aws.StringValue(e.Message)) + eventTax
		size += n
		switch {
		case e.Timestamp == nil || aws.StringValue(e.Message) == "":
			return logsInvalid("1 validation error detected: Value at 'logEvents.%d.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1", i+1)
		case n > maxEventSize:
			return logsInvalid("Log event too large: %d bytes exceeds limit of %d", n, maxEventSize)
		case size > maxBatchSize:
			return logsInvalid("Upload too large: exceeds limit of %d bytes", maxBatchSize)
		case i > 0 && *e.Timestamp < *events[i-1].Timestamp:
			return logsInvalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	return nil
}

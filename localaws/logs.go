package localaws

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
)

// logsState is a region's log groups by name.
type logsState struct {
	groups ordered[*logGroup]
	ids    int
}

// logGroup is a log group.
type logGroup struct {
	name, arn, keyID, class string // the ARN without ":*"
	created                 time.Time
	retention               int64 // days; 0 for ever
	tags                    tagList
	streams                 ordered[*logStream]
}

// logStream is a log stream. Its events are sorted by their time.
type logStream struct {
	name, arn string
	created   time.Time
	events    []logEvent
	bytes     int64 // of all messages
}

// logEvent is one line of a stream; times are in milliseconds since 1970.
type logEvent struct {
	id                  int
	timestamp, ingested int64
	message             string
}

func newLogsState() logsState { return logsState{} }

func (s *logsState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range s.groups.all() {
			if !yield("log-group " + name) {
				return
			}
		}
	}
}

// tagged ranges over the groups that the tagging API finds.
func (s *logsState) tagged() tagged {
	return func(yield func(string, tagList) bool) {
		for _, g := range s.groups.all() {
			if !yield(g.arn, g.tags) {
				return
			}
		}
	}
}

// write appends a line to a stream of a group, making the stream if need be. The line is lost if the group is gone.
func (s *logsState) write(group, stream, message string, now time.Time) {
	g, ok := s.groups.get(group)
	if !ok {
		return
	}
	st, ok := g.streams.get(stream)
	if !ok {
		st = g.addStream(stream, now)
	}
	s.append(st, now.UnixMilli(), now.UnixMilli(), message)
}

// append puts an event where its time belongs: behind those of the same time.
func (s *logsState) append(st *logStream, timestamp, ingested int64, message string) {
	s.ids++
	i := len(st.events)
	for i > 0 && st.events[i-1].timestamp > timestamp {
		i--
	}
	st.events = slices.Insert(st.events, i, logEvent{s.ids, timestamp, ingested, message})
	st.bytes += int64(len(message))
}

func (g *logGroup) addStream(name string, now time.Time) *logStream {
	st := &logStream{name: name, arn: g.arn + ":log-stream:" + name, created: now}
	g.streams.put(name, st)
	return st
}

func logsOperations() map[string]operation {
	return map[string]operation{
		"CreateLogGroup":        op(createLogGroup),
		"CreateLogStream":       op(createLogStream),
		"DeleteLogGroup":        op(deleteLogGroup),
		"DeleteLogStream":       op(deleteLogStream),
		"DeleteRetentionPolicy": op(deleteRetentionPolicy),
		"DescribeLogGroups":     op(describeLogGroups),
		"DescribeLogStreams":    op(describeLogStreams),
		"FilterLogEvents":       op(filterLogEvents),
		"GetLogEvents":          op(getLogEvents),
		"ListTagsForResource":   op(listTagsOfLogResource),
		"ListTagsLogGroup":      op(listTagsLogGroup),
		"PutLogEvents":          op(putLogEvents),
		"PutRetentionPolicy":    op(putRetentionPolicy),
		"TagLogGroup":           op(tagLogGroup),
		"TagResource":           op(tagLogResource),
		"UntagLogGroup":         op(untagLogGroup),
		"UntagResource":         op(untagLogResource),
	}
}

func logsInvalid(format string, args ...any) error {
	return refuse(cloudwatchlogs.ErrCodeInvalidParameterException, format, args...)
}

// logGroup returns the group that a name, or an identifier that may be an ARN, means.
func (r *request) logGroup(name, identifier *string) (*logGroup, error) {
	wanted := aws.StringValue(name)
	switch {
	case name != nil && identifier != nil:
		return nil, logsInvalid("LogGroup name and LogGroup ARN are mutually exclusive parameters")
	case name == nil && identifier == nil:
		return nil, logsInvalid("A log group must be given.")
	case identifier != nil:
		wanted = strings.TrimPrefix(*identifier, r.arn("logs", "log-group:"))
	}
	if g, ok := r.region.logs.groups.get(wanted); ok {
		return g, nil
	}
	return nil, refuse(cloudwatchlogs.ErrCodeResourceNotFoundException, "The specified log group does not exist.")
}

func logsToken(err error) error {
	if err == nil {
		return nil
	}
	return logsInvalid("The specified nextToken is invalid.")
}

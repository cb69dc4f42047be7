package localaws_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	logs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

const groupARN = "arn:aws:logs:us-east-1:123456789012:log-group:myclu"

func newGroup(name string) *logs.CreateLogGroupInput {
	return &logs.CreateLogGroupInput{LogGroupName: aws.String(name)}
}

func TestALogGroupFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	client := logs.New(newSession(t, sim))
	in := newGroup("myclu")
	in.Tags = aws.StringMap(map[string]string{"spinup:org": "localdev"})
	must[*logs.CreateLogGroupOutput](t)(client.CreateLogGroup(in))
	must[*logs.PutRetentionPolicyOutput](t)(client.PutRetentionPolicy(&logs.PutRetentionPolicyInput{LogGroupName: aws.String("myclu"), RetentionInDays: aws.Int64(365)}))
	must[*logs.CreateLogGroupOutput](t)(client.CreateLogGroup(newGroup("myclu2")))
	out := must[*logs.DescribeLogGroupsOutput](t)(client.DescribeLogGroups(&logs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("myclu")}))
	if len(out.LogGroups) != 2 {
		t.Fatalf("%d groups begin with myclu, want 2", len(out.LogGroups))
	}
	want := &logs.LogGroup{
		Arn: aws.String(groupARN + ":*"), CreationTime: aws.Int64(clock.Now().UnixMilli()), LogGroupArn: aws.String(groupARN), LogGroupClass: aws.String("STANDARD"),
		LogGroupName: aws.String("myclu"), MetricFilterCount: aws.Int64(0), RetentionInDays: aws.Int64(365), StoredBytes: aws.Int64(0),
	}
	if diff := cmp.Diff(want, out.LogGroups[0]); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	must[*logs.TagResourceOutput](t)(client.TagResource(&logs.TagResourceInput{ResourceArn: aws.String(groupARN), Tags: aws.StringMap(map[string]string{"a": "1", "b": "2"})}))
	must[*logs.UntagResourceOutput](t)(client.UntagResource(&logs.UntagResourceInput{ResourceArn: aws.String(groupARN), TagKeys: aws.StringSlice([]string{"a"})}))
	must[*logs.TagLogGroupOutput](t)(client.TagLogGroup(&logs.TagLogGroupInput{LogGroupName: aws.String("myclu"), Tags: aws.StringMap(map[string]string{"c": "3"})}))
	must[*logs.UntagLogGroupOutput](t)(client.UntagLogGroup(&logs.UntagLogGroupInput{LogGroupName: aws.String("myclu"), Tags: aws.StringSlice([]string{"b"})}))
	wantTags := map[string]string{"spinup:org": "localdev", "c": "3"}
	byARN := must[*logs.ListTagsForResourceOutput](t)(client.ListTagsForResource(&logs.ListTagsForResourceInput{ResourceArn: aws.String(groupARN)}))
	byName := must[*logs.ListTagsLogGroupOutput](t)(client.ListTagsLogGroup(&logs.ListTagsLogGroupInput{LogGroupName: aws.String("myclu")}))
	if diff := cmp.Diff([]map[string]string{wantTags, wantTags}, []map[string]string{aws.StringValueMap(byARN.Tags), aws.StringValueMap(byName.Tags)}); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	must[*logs.DeleteRetentionPolicyOutput](t)(client.DeleteRetentionPolicy(&logs.DeleteRetentionPolicyInput{LogGroupName: aws.String("myclu")}))
	out = must[*logs.DescribeLogGroupsOutput](t)(client.DescribeLogGroups(&logs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("CLU")}))
	if len(out.LogGroups) != 2 || out.LogGroups[0].RetentionInDays != nil {
		t.Errorf("groups %v", out.LogGroups)
	}
	must[*logs.DeleteLogGroupOutput](t)(client.DeleteLogGroup(&logs.DeleteLogGroupInput{LogGroupName: aws.String("myclu")}))
	if diff := cmp.Diff([]string{"logs:log-group myclu2"}, sim.Inventory()); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestCloudWatchLogsRefuses(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	group, stream := aws.String("there"), aws.String("s")
	must[*logs.CreateLogGroupOutput](t)(client.CreateLogGroup(newGroup("there")))
	must[*logs.CreateLogStreamOutput](t)(client.CreateLogStream(&logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}))
	create := func(name string, tags map[string]*string) func() error {
		return func() error {
			return failing(client.CreateLogGroup(&logs.CreateLogGroupInput{LogGroupName: aws.String(name), Tags: tags}))
		}
	}
	retain := func(name string, days int64) func() error {
		return func() error {
			return failing(client.PutRetentionPolicy(&logs.PutRetentionPolicyInput{LogGroupName: aws.String(name), RetentionInDays: aws.Int64(days)}))
		}
	}
	put := func(stream string, times ...time.Duration) func() error {
		events := []*logs.InputLogEvent{}
		for _, d := range times {
			events = append(events, &logs.InputLogEvent{Message: aws.String("m"), Timestamp: aws.Int64(clock.Now().Add(d).UnixMilli())})
		}
		return func() error {
			return failing(client.PutLogEvents(&logs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String(stream), LogEvents: events}))
		}
	}
	many := map[string]*string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = aws.String("v")
	}
	invalid, missing := logs.ErrCodeInvalidParameterException, logs.ErrCodeResourceNotFoundException
	testRefusals(t, []refusal{
		{"a group that is there", create("there", nil), logs.ErrCodeResourceAlreadyExistsException},
		{"a name with a space", create("a b", nil), invalid},
		{"a name of 513 characters", create(strings.Repeat("a", 513), nil), invalid},
		{"a name that begins with aws/", create("aws/x", nil), invalid},
		{"a name that begins with /aws/ is fine", create("/aws/x", nil), ""},
		{"51 tags", create("new", many), invalid},
		{"a reserved tag key", create("new", aws.StringMap(map[string]string{"aws:x": "v"})), invalid},
		{"366 days", retain("there", 366), invalid},
		{"365 days are fine", retain("there", 365), ""},
		{"days for nobody", retain("nobody", 365), missing},
		{"the deletion of nobody", func() error {
			return failing(client.DeleteLogGroup(&logs.DeleteLogGroupInput{LogGroupName: aws.String("nobody")}))
		}, missing},
		{"an ARN that ends in a star", func() error {
			return failing(client.ListTagsForResource(&logs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:there:*")}))
		}, invalid},
		{"an ARN of nobody", func() error {
			return failing(client.ListTagsForResource(&logs.ListTagsForResourceInput{ResourceArn: aws.String(groupARN)}))
		}, missing},
		{"a page of 51 groups", func() error {
			return failing(client.DescribeLogGroups(&logs.DescribeLogGroupsInput{Limit: aws.Int64(51)}))
		}, invalid},
		{"a token nobody made", func() error {
			return failing(client.DescribeLogGroups(&logs.DescribeLogGroupsInput{NextToken: aws.String("x")}))
		}, invalid},
		{"a stream that is there", func() error {
			return failing(client.CreateLogStream(&logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}))
		}, logs.ErrCodeResourceAlreadyExistsException},
		{"a stream with a colon", func() error {
			return failing(client.CreateLogStream(&logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: aws.String("a:b")}))
		}, invalid},
		{"streams by time and prefix", func() error {
			return failing(client.DescribeLogStreams(&logs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: aws.String("LastEventTime"), LogStreamNamePrefix: aws.String("s")}))
		}, invalid},
		{"events for a stream that is not there", put("nobody", 0), missing},
		{"events out of order", put("s", 0, -time.Second), invalid},
		{"events in order are fine", put("s", -time.Second, 0, 0), ""},
		{"events of a stream that is not there", func() error {
			return failing(client.GetLogEvents(&logs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("nobody")}))
		}, missing},
		{"10001 events", func() error {
			return failing(client.GetLogEvents(&logs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int64(10001)}))
		}, invalid},
		{"events from a token nobody made", func() error {
			return failing(client.GetLogEvents(&logs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, NextToken: aws.String("x")}))
		}, invalid},
		{"a pattern that looks into JSON", func() error {
			return failing(client.FilterLogEvents(&logs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("{ $.x = 1 }")}))
		}, invalid},
	})
}

// fill makes a group with a stream of n events, a second apart, and returns the first one's time.
func fill(t *testing.T, client *logs.CloudWatchLogs, clock *fakeClock, stream string, n int) int64 {
	t.Helper()
	if err := failing(client.CreateLogGroup(newGroup("myclu"))); err != nil && codeOf(err) != logs.ErrCodeResourceAlreadyExistsException {
		t.Fatal(err)
	}
	group := aws.String("myclu")
	must[*logs.CreateLogStreamOutput](t)(client.CreateLogStream(&logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: aws.String(stream)}))
	first := clock.Now().Add(-time.Hour).UnixMilli()
	var events []*logs.InputLogEvent
	for i := range n {
		events = append(events, &logs.InputLogEvent{Message: aws.String(fmt.Sprintf("%s %d", stream, i)), Timestamp: aws.Int64(first + int64(i)*1000)})
	}
	must[*logs.PutLogEventsOutput](t)(client.PutLogEvents(&logs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String(stream), LogEvents: events}))
	return first
}

func messages(events []*logs.OutputLogEvent) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, *e.Message)
	}
	return out
}

func TestLogEventsAreReadForwardAndBackward(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	first := fill(t, client, clock, "s", 5)
	read := func(change func(*logs.GetLogEventsInput)) *logs.GetLogEventsOutput {
		t.Helper()
		in := &logs.GetLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), Limit: aws.Int64(2)}
		change(in)
		return must[*logs.GetLogEventsOutput](t)(client.GetLogEvents(in))
	}
	expect := func(what string, out *logs.GetLogEventsOutput, want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), messages(out.Events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	head := func(token *string) func(*logs.GetLogEventsInput) {
		return func(in *logs.GetLogEventsInput) { in.StartFromHead, in.NextToken = aws.Bool(true), token }
	}
	one := read(head(nil))
	expect("from the head", one, "s 0", "s 1")
	two := read(head(one.NextForwardToken))
	expect("forward", two, "s 2", "s 3")
	expect("back again", read(head(two.NextBackwardToken)), "s 0", "s 1")
	three := read(head(two.NextForwardToken))
	expect("the rest", three, "s 4")
	end := read(head(three.NextForwardToken))
	expect("the end", end)
	if *end.NextForwardToken != *three.NextForwardToken {
		t.Errorf("at the end the token changes from %s to %s", *three.NextForwardToken, *end.NextForwardToken)
	}
	must[*logs.PutLogEventsOutput](t)(client.PutLogEvents(&logs.PutLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), LogEvents: []*logs.InputLogEvent{
		{Message: aws.String("new"), Timestamp: aws.Int64(clock.Now().UnixMilli())},
	}}))
	expect("what came since", read(head(end.NextForwardToken)), "new")

	tail := read(func(*logs.GetLogEventsInput) {})
	expect("from the tail", tail, "s 4", "new")
	older := read(func(in *logs.GetLogEventsInput) { in.NextToken = tail.NextBackwardToken })
	expect("older", older, "s 2", "s 3")
	expect("a second's events", read(func(in *logs.GetLogEventsInput) {
		in.StartTime, in.EndTime = aws.Int64(first+1000), aws.Int64(first+2000)
	}), "s 1")
	expect("before all events", read(func(in *logs.GetLogEventsInput) { in.EndTime = aws.Int64(first) }))

	var all []string
	err := client.GetLogEventsPages(&logs.GetLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true), Limit: aws.Int64(2)},
		func(page *logs.GetLogEventsOutput, _ bool) bool {
			all = append(all, messages(page.Events)...)
			return true
		})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"s 0", "s 1", "s 2", "s 3", "s 4", "new"}, all); diff != "" {
		t.Errorf("all pages (-want +got):\n%s", diff)
	}
}

func TestAResponseHoldsAMegabyteOfEvents(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	fill(t, client, clock, "s", 1)
	big := strings.Repeat("x", 200<<10)
	for range 6 {
		must[*logs.PutLogEventsOutput](t)(client.PutLogEvents(&logs.PutLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), LogEvents: []*logs.InputLogEvent{
			{Message: aws.String(big), Timestamp: aws.Int64(clock.Now().UnixMilli())},
		}}))
	}
	out := must[*logs.GetLogEventsOutput](t)(client.GetLogEvents(&logs.GetLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true)}))
	if len(out.Events) != 6 {
		t.Errorf("%d events, want the small one and 5 big ones", len(out.Events))
	}
}

func TestEventsAreFiltered(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	fill(t, client, clock, "a/1", 3)
	fill(t, client, clock, "b/1", 2)
	for name, c := range map[string]struct {
		in   logs.FilterLogEventsInput
		want []string
	}{
		"all streams by time":     {logs.FilterLogEventsInput{}, []string{"a/1 0", "b/1 0", "a/1 1", "b/1 1", "a/1 2"}},
		"streams by their prefix": {logs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("b/")}, []string{"b/1 0", "b/1 1"}},
		"streams by their names":  {logs.FilterLogEventsInput{LogStreamNames: aws.StringSlice([]string{"b/1"})}, []string{"b/1 0", "b/1 1"}},
		"all terms":               {logs.FilterLogEventsInput{FilterPattern: aws.String(`a/1 " 1"`)}, []string{"a/1 1"}},
		"one of the terms":        {logs.FilterLogEventsInput{FilterPattern: aws.String(`?" 2" ?"b/1 1"`)}, []string{"b/1 1", "a/1 2"}},
		"without a term":          {logs.FilterLogEventsInput{FilterPattern: aws.String(`-a/1`)}, []string{"b/1 0", "b/1 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.in
			in.LogGroupName, in.Limit = aws.String("myclu"), aws.Int64(2)
			var got []string
			err := client.FilterLogEventsPages(&in, func(page *logs.FilterLogEventsOutput, _ bool) bool {
				for _, e := range page.Events {
					got = append(got, *e.Message)
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamsAreOrdered(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	fill(t, client, clock, "b", 1)
	fill(t, client, clock, "a", 3)
	fill(t, client, clock, "ab", 2)
	for name, c := range map[string]struct {
		in   logs.DescribeLogStreamsInput
		want []string
	}{
		"by name":             {logs.DescribeLogStreamsInput{}, []string{"a", "ab", "b"}},
		"by prefix":           {logs.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("a")}, []string{"a", "ab"}},
		"latest events first": {logs.DescribeLogStreamsInput{OrderBy: aws.String("LastEventTime"), Descending: aws.Bool(true)}, []string{"a", "ab", "b"}},
		"latest events last":  {logs.DescribeLogStreamsInput{OrderBy: aws.String("LastEventTime")}, []string{"b", "ab", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.in
			in.LogGroupName, in.Limit = aws.String("myclu"), aws.Int64(2)
			var got []string
			err := client.DescribeLogStreamsPages(&in, func(page *logs.DescribeLogStreamsOutput, _ bool) bool {
				for _, s := range page.LogStreams {
					got = append(got, *s.LogStreamName)
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("streams (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventsOfTheWrongAgeAreRejected(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := logs.New(newSession(t, localaws.New(localaws.Clock(clock.Now))))
	fill(t, client, clock, "s", 1)
	var events []*logs.InputLogEvent
	for _, age := range []time.Duration{-15 * 24 * time.Hour, 0, 3 * time.Hour} {
		events = append(events, &logs.InputLogEvent{Message: aws.String("m"), Timestamp: aws.Int64(clock.Now().Add(age).UnixMilli())})
	}
	out := must[*logs.PutLogEventsOutput](t)(client.PutLogEvents(&logs.PutLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("s"), LogEvents: events}))
	want := &logs.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int64(1), TooNewLogEventStartIndex: aws.Int64(2)}
	if diff := cmp.Diff(want, out.RejectedLogEventsInfo); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

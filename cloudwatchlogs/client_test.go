package cloudwatchlogs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	sdk "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}, {Key: common.TagRequest, Value: "www/1"}}

// start returns a client of a simulated AWS, and the session that it belongs to.
func start(t *testing.T, opts ...localaws.Option) (*cloudwatchlogs.Client, *localaws.AWS, client.ConfigProvider) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return cloudwatchlogs.New(sess), simulator, sess
}

func create(t *testing.T, c *cloudwatchlogs.Client, name string) {
	t.Helper()
	if err := c.CreateGroup(t.Context(), name, tags); err != nil {
		t.Fatal(err)
	}
}

func TestAGroupIsFoundByItsWholeName(t *testing.T) {
	c, simulator, _ := start(t)
	create(t, c, "myclu")
	for n := range 60 { // more than a page of names that begin with the same letters
		create(t, c, fmt.Sprintf("myclu%02d", n))
	}
	if err := c.SetRetention(t.Context(), "myclu", 365); err != nil {
		t.Error(err)
	}
	if got := awstest.Must[*sdk.LogGroup](t, "describe")(c.Group(t.Context(), "myclu")); aws.Int64Value(got.RetentionInDays) != 365 {
		t.Errorf("got %v", got)
	}
	simulator.ResetCalls()
	_, err := c.Group(t.Context(), "myc")
	checkError(t, err, common.NotFound, `no log group "myc"`)
	if diff := cmp.Diff(map[string]int{"DescribeLogGroups": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestTagsTakeTheARNThatLogsWrites(t *testing.T) {
	c, simulator, _ := start(t)
	create(t, c, "myclu")
	arn := aws.StringValue(awstest.Must[*sdk.LogGroup](t, "describe")(c.Group(t.Context(), "myclu")).Arn)
	if !strings.HasSuffix(arn, ":*") {
		t.Errorf("the simulator's ARN is %s", arn)
	}
	for _, arn := range []string{arn, strings.TrimSuffix(arn, ":*")} {
		simulator.ResetCalls()
		for _, err := range []error{
			c.Tag(t.Context(), arn, common.Tags{{Key: "k", Value: "v"}}),
			c.Untag(t.Context(), arn, []string{common.TagRequest, "none"}),
			c.Tag(t.Context(), arn, nil),
			c.Untag(t.Context(), arn, nil),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		want := common.Tags{{Key: "k", Value: "v"}, {Key: "spinup:org", Value: "localdev"}}
		if diff := cmp.Diff(want, awstest.Must[common.Tags](t, "tags")(c.Tags(t.Context(), arn))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"TagResource": 1, "UntagResource": 1, "ListTagsForResource": 1}, awstest.Calls(simulator)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheEventsOfAStream(t *testing.T) {
	c, _, sess := start(t)
	create(t, c, "myclu")
	logs := sdk.New(sess)
	awstest.Must[*sdk.CreateLogStreamOutput](t, "create stream")(logs.CreateLogStreamWithContext(t.Context(), &sdk.CreateLogStreamInput{
		LogGroupName: aws.String("myclu"), LogStreamName: aws.String("www/web/07"),
	}))
	awstest.Must[*sdk.PutLogEventsOutput](t, "write")(logs.PutLogEventsWithContext(t.Context(), &sdk.PutLogEventsInput{
		LogGroupName: aws.String("myclu"), LogStreamName: aws.String("www/web/07"),
		LogEvents: []*sdk.InputLogEvent{{Message: aws.String("hello"), Timestamp: aws.Int64(time.Now().UnixMilli())}},
	}))
	page := awstest.Must[*sdk.GetLogEventsOutput](t, "read")(c.Events(t.Context(), &sdk.GetLogEventsInput{
		LogGroupName: aws.String("myclu"), LogStreamName: aws.String("www/web/07"), StartFromHead: aws.Bool(true),
	}))
	if len(page.Events) != 1 || aws.StringValue(page.Events[0].Message) != "hello" || page.NextForwardToken == nil {
		t.Errorf("got %v", page)
	}
}

func TestALostResponseIsNoFailure(t *testing.T) {
	c, simulator, _ := start(t)
	lose := func(operation string) { simulator.Inject(localaws.Fault{Operation: operation, Effect: localaws.Lose}) }
	lose("CreateLogGroup")
	create(t, c, "myclu")
	lose("DeleteLogGroup")
	if err := c.DeleteGroup(t.Context(), "myclu"); err != nil {
		t.Error(err)
	}
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestAGroupOfAnotherRequestIsNotTakenForOurs(t *testing.T) {
	c, simulator, _ := start(t)
	create(t, c, "myclu")
	simulator.Inject(localaws.Fault{Operation: "CreateLogGroup", Effect: localaws.Down, Times: 2})
	err := c.CreateGroup(t.Context(), "myclu", tags.With(common.Tag{Key: common.TagRequest, Value: "www/2"}))
	checkError(t, err, common.Conflict, `create log group "myclu": `)
}

func TestErrors(t *testing.T) {
	c, _, _ := start(t)
	ctx := t.Context()
	create(t, c, "myclu")
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"the group is there", c.CreateGroup(ctx, "myclu", nil), common.Conflict, `create log group "myclu": `},
		{"no group to delete", c.DeleteGroup(ctx, "none"), common.NotFound, `delete log group "none": `},
		{"no group to keep", c.SetRetention(ctx, "none", 365), common.NotFound, `set the retention of log group "none": `},
		{"a number of days that Logs does not know", c.SetRetention(ctx, "myclu", 366), common.BadRequest, `set the retention of log group "myclu": `},
		{"no group with streams", second(c.Events(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("none"), LogStreamName: aws.String("s")})), common.NotFound, `read log stream "s" of log group "none": `},
		{"no such stream", second(c.Events(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("myclu"), LogStreamName: aws.String("none")})), common.NotFound, `read log stream "none" of log group "myclu": `},
		{"no input", second(c.Events(ctx, nil)), common.BadRequest, `read log stream "" of log group "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

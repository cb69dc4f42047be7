package logs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	"github.com/google/go-cmp/cmp"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/racetest"
	"ecs-api/sts"
)

// The time at which the tests' lines were written, and an hour later, when they are read.
var (
	written = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	later   = written.Add(time.Hour)
)

// world is a reader in front of an AWS of its own.
type world struct {
	*Reader
	t   testing.TB
	aws *localaws.AWS
	sdk *awslogs.CloudWatchLogs
	iam *awsiam.IAM
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: later}
	sess, simulator := awstest.Session(t, localaws.Clock(func() time.Time { return w.now }))
	a := account.New(account.Settings{Name: "local", Region: "us-east-1", Org: "localdev"},
		account.Clients{ECS: ecs.New(sess), Logs: cloudwatchlogs.New(sess), STS: sts.New(sess)}, common.Backoff{})
	w.aws, w.sdk, w.iam = simulator, awslogs.New(sess), awsiam.New(sess)
	w.Reader = New(a, WithClock(func() time.Time { return w.now }, func(context.Context, time.Duration) error { return nil }))
	return w
}

// group creates a log group of an org; none if org is empty.
func (w *world) group(name, org string) {
	w.t.Helper()
	in := &awslogs.CreateLogGroupInput{LogGroupName: &name}
	if org != "" {
		in.Tags = aws.StringMap(map[string]string{"spinup:org": org})
	}
	_, err := w.sdk.CreateLogGroup(in)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// line is a line to be written, so many milliseconds after the start.
type line struct {
	ms   int
	text string
}

// write writes lines to a stream, which it creates if need be.
func (w *world) write(group, stream string, lines ...line) {
	w.t.Helper()
	_, err := w.sdk.CreateLogStream(&awslogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	if err != nil && !strings.Contains(err.Error(), awslogs.ErrCodeResourceAlreadyExistsException) {
		w.t.Fatal(err)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.ms - b.ms })
	for part := range slices.Chunk(lines, 5000) {
		in := &awslogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
		for _, l := range part {
			in.LogEvents = append(in.LogEvents, &awslogs.InputLogEvent{Timestamp: aws.Int64(written.UnixMilli() + int64(l.ms)), Message: aws.String(l.text)})
		}
		_, err := w.sdk.PutLogEvents(in)
		w.must(err)
	}
}

// at is a source of all tasks of a container.
func at(group, prefix, container string) source {
	return source{place: place{container, group, prefix}}
}

// from is a Source of fixed sources.
func from(sources ...source) Source {
	return func(context.Context) ([]source, error) { return sources, nil }
}

// read reads all pages of a query.
func (w *world) read(s Source, q Query) (texts []string, pages int) {
	w.t.Helper()
	last := Event{}
	for {
		page, err := w.Read(w.t.Context(), "test", s, q)
		w.must(err)
		pages++
		if len(page.Events) > q.Limit {
			w.t.Errorf("a page of %d lines, %d are wanted", len(page.Events), q.Limit)
		}
		for _, e := range page.Events {
			if e.Timestamp.Before(last.Timestamp) {
				w.t.Errorf("%v comes after %v", e, last)
			}
			last = e
			texts = append(texts, e.Message)
		}
		if page.Next == nil {
			return texts, pages
		}
		if q.Next = *page.Next; pages > 20_000 {
			w.t.Fatal("the pages have no end")
		}
	}
}

// TestNoLineIsMissedOrDoubled reads 10,000 lines, or a sample of them, of several streams in two groups, many of one moment, in pages of many sizes.
func TestNoLineIsMissedOrDoubled(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	w.group("clu", "localdev")
	w.group("other", "")
	count := 10_000 / racetest.Stride(4)
	var want []string
	streams := map[string][]line{}
	for n := range count {
		stream := []string{"clu www/web/a", "clu www/web/b", "clu www/proxy/a", "other custom/side/a"}[random.IntN(4)]
		ms := random.IntN(2_000)
		if n%3 == 0 {
			ms = 1_000 // thousands of one moment
		}
		text := strconv.Itoa(n)
		want = append(want, text)
		streams[stream] = append(streams[stream], line{ms, text})
	}
	for stream, lines := range streams {
		group, name, _ := strings.Cut(stream, " ")
		w.write(group, name, lines...)
	}
	w.write("clu", "www2/web/a", line{5, "another service's"})
	slices.Sort(want)
	s := from(at("clu", "www", "web"), at("clu", "www", "proxy"), at("other", "custom", "side"))
	for _, limit := range []int{100, 333, 1000, count - 1, count} {
		got, pages := w.read(s, Query{Limit: limit, Since: written})
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d: -written +read\n%s", limit, diff)
		}
		if least := (count + limit - 1) / limit; pages < least {
			t.Errorf("pages of %d: there are %d", limit, pages)
		}
	}
}

func TestASparseSearchComesInPagesThatMayBeEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group("clu", "localdev")
	var lines []line
	for n := range 12_000 {
		lines = append(lines, line{n, "line " + strconv.Itoa(n)})
	}
	lines[10], lines[11_990] = line{10, "ERROR first"}, line{11_990, "ERROR last"}
	w.write("clu", "www/web/a", lines...)
	got, _ := w.read(from(at("clu", "www", "web")), Query{Limit: 1, Since: written, Filter: "ERROR"})
	if diff := cmp.Diff([]string{"ERROR first", "ERROR last"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := w.Read(t.Context(), "test", from(at("clu", "www", "web")), Query{Limit: 1, Filter: `"open`}); !common.Is(err, common.BadRequest) {
		t.Errorf("a bad pattern: %v", err)
	}
}

func TestNextIsGoodForItsOwnQueryOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group("clu", "localdev")
	w.write("clu", "www/web/a", line{1, "1"}, line{2, "2"}, line{3, "3"})
	s := from(at("clu", "www", "web"))
	page, err := w.Read(t.Context(), "test", s, Query{Limit: 1, Since: written})
	w.must(err)
	for name, q := range map[string]Query{
		"another filter":    {Limit: 1, Filter: "x", Next: *page.Next},
		"another container": {Limit: 1, Container: "web", Next: *page.Next},
		"nonsense":          {Limit: 1, Next: "nonsense"},
		"nothing in it":     {Limit: 1, Next: "e30"},
	} {
		if _, err := w.Read(t.Context(), "test", s, q); !common.Is(err, common.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Read(t.Context(), "other", s, Query{Limit: 1, Next: *page.Next}); !common.Is(err, common.BadRequest) {
		t.Errorf("another service: %v", err)
	}
}

func TestAnotherOrgsGroupHasNoLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for group, org := range map[string]string{"ours": "localdev", "theirs": "other", "nobodys": ""} {
		w.group(group, org)
		w.write(group, "www/web/a", line{1, group})
	}
	got, _ := w.read(from(at("ours", "www", "web"), at("theirs", "www", "web"), at("nobodys", "www", "web"), at("none", "www", "web")), Query{Limit: 10, Since: written})
	slices.Sort(got)
	if diff := cmp.Diff([]string{"nobodys", "ours"}, got); diff != "" {
		t.Error(diff)
	}
}

// role creates an execution role that may write to all log groups.
func (w *world) role() *string {
	w.t.Helper()
	out, err := w.iam.CreateRole(&awsiam.CreateRoleInput{
		RoleName:                 aws.String("exec"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	w.must(err)
	_, err = w.iam.PutRolePolicy(&awsiam.PutRolePolicyInput{
		RoleName: aws.String("exec"), PolicyName: aws.String("logs"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`),
	})
	w.must(err)
	return out.Role.Arn
}

// definition registers a task definition whose container web logs to a group with a prefix, and returns its ARN.
func (w *world) definition(group, prefix string) string {
	w.t.Helper()
	options := map[string]string{"awslogs-group": group, "awslogs-stream-prefix": prefix, "awslogs-region": "us-east-1"}
	out, err := w.account.ECS.RegisterTaskDefinition(w.t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), ExecutionRoleArn: w.role(), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ContainerDefinitions: []*awsecs.ContainerDefinition{
			{Name: aws.String("web"), Image: aws.String("nginx"), LogConfiguration: &awsecs.LogConfiguration{LogDriver: aws.String("awslogs"), Options: aws.StringMap(options)}},
			{Name: aws.String("mute"), Image: aws.String("nginx"), Essential: aws.Bool(false)},
		},
	})
	w.must(err)
	return *out.TaskDefinition.TaskDefinitionArn
}

// service creates the service www in clu, and returns it with the id of its task.
func (w *world) service(definition string) (service *awsecs.Service, task string) {
	w.t.Helper()
	_, err := w.account.ECS.CreateCluster(w.t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu")})
	w.must(err)
	service, err = w.account.ECS.CreateService(w.t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String("clu"), ServiceName: aws.String("www"), TaskDefinition: &definition, DesiredCount: aws.Int64(1), LaunchType: aws.String("FARGATE"),
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetA})}},
	})
	w.must(err)
	arns, err := w.account.ECS.ListTasks(w.t.Context(), ecs.TaskFilter{Cluster: "clu", Service: "www"})
	w.must(err)
	return service, account.NameOf(arns[0])
}

func TestTheLinesOfAService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		group, prefix string
		forgotten     bool // lines of tasks that ECS does not know are the service's
	}{
		"by convention": {"clu", "www", true},
		"elsewhere":     {"clu", "ecs", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.group(c.group, "localdev")
			service, task := w.service(w.definition(c.group, c.prefix))
			w.write(c.group, c.prefix+"/web/"+task, line{1, "running"})
			w.write(c.group, c.prefix+"/web/0123456789abcdef0123456789abcdef", line{2, "forgotten"})
			w.write(c.group, c.prefix+"/web/api/"+task, line{2, "another prefix"})
			texts := func(container string, previous bool) (texts []string) {
				page, err := w.Read(t.Context(), "www", w.Service("clu", service, container, previous), Query{Limit: 10, Since: written, Until: written.Add(time.Second)})
				w.must(err)
				for _, e := range page.Events {
					texts = append(texts, e.Message)
					if e.Container != "web" {
						t.Errorf("%+v", e)
					}
				}
				return texts
			}
			want := []string{"running"}
			var previous []string
			if c.forgotten {
				want, previous = append(want, "forgotten"), []string{"forgotten"}
			}
			if diff := cmp.Diff([][]string{want, want, previous}, [][]string{texts("", false), texts("web", false), texts("", true)}); diff != "" {
				t.Error(diff)
			}
			for container, kind := range map[string]common.Kind{"mute": common.Conflict, "none": common.NotFound} {
				if _, err := w.Read(t.Context(), "www", w.Service("clu", service, container, false), Query{Limit: 1}); !common.Is(err, kind) {
					t.Errorf("%s: %v", container, err)
				}
			}
			out, err := w.account.ECS.DescribeTasks(t.Context(), "clu", []string{task})
			w.must(err)
			page, err := w.Read(t.Context(), task, w.Task(out.Tasks[0], ""), Query{Limit: 10, Since: written, Until: written.Add(time.Second)})
			w.must(err)
			if len(page.Events) != 1 || page.Events[0].Message != "running" || page.Events[0].Task != task || page.Events[0].Container != "web" {
				t.Errorf("the task's own: %+v", page.Events)
			}
		})
	}
}

var errEnough = errors.New("enough")

// TestAStreamOfLines: lines come late and out of order, the stream breaks, and nothing is missed or sent twice.
func TestAStreamOfLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group("clu", "localdev")
	s := from(at("clu", "www", "web"))
	w.now = written.Add(10 * time.Second)
	w.write("clu", "www/web/a", line{-1000, "from before"}, line{9_000, "1"}, line{9_000, "2"})
	var got, ids []string
	follow := func(after string, enough int, meanwhile func(n int)) {
		t.Helper()
		f, err := w.Follow(t.Context(), s, Query{Since: written}, after)
		w.must(err)
		polls := 0
		w.wait = func(context.Context, time.Duration) error {
			if polls++; polls > 10 {
				return errEnough
			}
			meanwhile(polls)
			return nil
		}
		err = f.Run(t.Context(), func(e Event) error {
			got, ids = append(got, e.Message), append(ids, e.ID())
			if len(got) == enough {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
	}
	follow("", 6, func(n int) {
		switch n {
		case 1:
			w.write("clu", "www/web/b", line{9_500, "4"})
		case 3:
			w.write("clu", "www/web/c", line{9_200, "3, late"}, line{9_900, "5"}, line{9_900, "6"}, line{9_900, "7"})
		}
	})
	follow(ids[len(ids)-1], -1, func(n int) {
		if n == 2 {
			w.write("clu", "www/web/b", line{9_950, "8"})
		}
	})
	if diff := cmp.Diff([]string{"1", "2", "4", "3, late", "5", "6", "7", "8"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := w.Follow(t.Context(), s, Query{}, "nonsense"); !common.Is(err, common.BadRequest) {
		t.Errorf("nonsense as an id: %v", err)
	}
}

func TestThoseWhoFollowAreBoundedAndShareTheRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group("clu", "localdev")
	var waits []time.Duration
	w.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return errEnough }
	w.following = maxFollowing - 1
	f, err := w.Follow(t.Context(), from(at("clu", "www", "web")), Query{}, "")
	w.must(err)
	w.must(f.Run(t.Context(), func(Event) error { return nil }))
	if diff := cmp.Diff([]time.Duration{maxFollowing * pollShare}, waits); diff != "" {
		t.Error(diff)
	}
	w.following = maxFollowing
	if err := f.Run(t.Context(), func(Event) error { return nil }); !common.Is(err, common.Unavailable) {
		t.Errorf("one too many: %v", err)
	}
}

func TestAStreamContinuesAfterAFaultOfAWS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group("clu", "localdev")
	w.write("clu", "www/web/a", line{0, "here"})
	w.aws.Inject(localaws.Fault{Operation: "FilterLogEvents", Times: 4, Effect: localaws.Down})
	f, err := w.Follow(t.Context(), from(at("clu", "www", "web")), Query{Since: written}, "")
	w.must(err)
	if err := f.Run(t.Context(), func(e Event) error { return fmt.Errorf("%s: %w", e.Message, errEnough) }); !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

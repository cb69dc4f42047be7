package ssm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/request"
	sdk "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/ssm"
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}}

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*ssm.Client, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return ssm.New(sess), simulator
}

// input asks for a new SecureString.
func input(name, value string) *sdk.PutParameterInput {
	return &sdk.PutParameterInput{Name: aws.String(name), Value: aws.String(value), Type: aws.String(sdk.ParameterTypeSecureString), Tags: ssm.FromTags(tags)}
}

func put(t *testing.T, c *ssm.Client, name string) {
	t.Helper()
	awstest.Must[*sdk.PutParameterOutput](t, "put "+name)(c.Put(t.Context(), input(name, "hunter22")))
}

func TestAParameterIsReadWithoutItsValue(t *testing.T) {
	c, _ := start(t)
	put(t, c, "/o/p/a")
	put(t, c, "/o/p/a/b")
	got := awstest.Must[*sdk.Parameter](t, "get")(c.Get(t.Context(), "/o/p/a"))
	if strings.Contains(aws.StringValue(got.Value), "hunter22") || aws.StringValue(got.Name) != "/o/p/a" {
		t.Errorf("got %v", got)
	}
	about := awstest.Must[*sdk.ParameterMetadata](t, "describe")(c.Metadata(t.Context(), "/o/p/a"))
	if aws.StringValue(about.Name) != "/o/p/a" || aws.Int64Value(about.Version) != 1 {
		t.Errorf("got %v", about)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  []localaws.Option
		calls int
	}{
		{"a full page and a bit", nil, 2},
		{"an empty page before them", []localaws.Option{localaws.EmptyPages()}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, simulator := start(t, test.opts...)
			var want []string
			put(t, c, "/o/p/deep/er")
			put(t, c, "/o/pq")
			for n := range 51 {
				name := fmt.Sprintf("/o/p/%02d", n)
				want = append(want, name)
				put(t, c, name)
			}
			simulator.ResetCalls()
			var got []string
			for _, p := range awstest.Must[[]*sdk.ParameterMetadata](t, "list")(c.Parameters(t.Context(), "/o/p")) {
				got = append(got, aws.StringValue(p.Name))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]int{"DescribeParameters": test.calls}, awstest.Calls(simulator)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParametersAreFoundByTheirTags(t *testing.T) {
	c, _ := start(t)
	for name, tags := range map[string]common.Tags{
		"/o/p/ours": {{Key: "spinup:org", Value: "localdev"}}, "/o/p/theirs": {{Key: "spinup:org", Value: "localdev2"}}, "/o/p/nobodys": nil,
	} {
		in := input(name, "hunter22")
		in.Tags = ssm.FromTags(tags)
		awstest.Must[*sdk.PutParameterOutput](t, "put "+name)(c.Put(t.Context(), in))
	}
	for _, test := range []struct {
		name string
		tags common.Tags
		want []string
	}{
		{"any tags", nil, []string{"/o/p/nobodys", "/o/p/ours", "/o/p/theirs"}},
		{"a key", common.Tags{{Key: "spinup:org"}}, []string{"/o/p/ours", "/o/p/theirs"}},
		{"a key and a value", tags, []string{"/o/p/ours"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range awstest.Must[[]*sdk.ParameterMetadata](t, "list")(c.Parameters(t.Context(), "/o/p", test.tags...)) {
				got = append(got, aws.StringValue(p.Name))
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeleteAllGoesByTens(t *testing.T) {
	for _, test := range []struct {
		name    string
		fault   localaws.Fault
		missing int // names without a parameter
		deleted int
		calls   int
		kind    common.Kind
	}{
		{name: "undisturbed", deleted: 25, calls: 3},
		{name: "some are not there", missing: 6, deleted: 25, calls: 4},
		{name: "a lost answer counts what it may have deleted", fault: localaws.Fault{Operation: "DeleteParameters", Effect: localaws.Lose, Times: 1}, deleted: 25, calls: 4},
		{name: "one batch is refused, the others are deleted", fault: localaws.Fault{Operation: "DeleteParameters", Times: 1}, deleted: 25, calls: 3, kind: common.Internal},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, simulator := start(t)
			var names []string
			for n := range 25 {
				names = append(names, fmt.Sprintf("/o/p/%02d", n))
				put(t, c, names[n])
			}
			for n := range test.missing {
				names = append(names, fmt.Sprintf("/o/none/%02d", n))
			}
			simulator.ResetCalls()
			refused := test.fault.Operation != "" && test.fault.Effect == localaws.Refuse
			if test.fault.Operation != "" {
				simulator.Inject(test.fault)
			}
			deleted, err := c.DeleteAll(t.Context(), names)
			left := len(simulator.Inventory())
			switch {
			case refused && (!common.Is(err, test.kind) || deleted != test.deleted-left || left == 0 || left > 10):
				t.Errorf("deleted %d, left %d: %v", deleted, left, err)
			case !refused && (err != nil || deleted != test.deleted || left != 0):
				t.Errorf("deleted %d, left %d: %v", deleted, left, err)
			}
			if diff := cmp.Diff(map[string]int{"DeleteParameters": test.calls}, awstest.Calls(simulator)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTags(t *testing.T) {
	c, simulator := start(t)
	put(t, c, "/o/p/a")
	simulator.ResetCalls()
	for _, err := range []error{
		c.Tag(t.Context(), "/o/p/a", common.Tags{{Key: "k", Value: "v"}}),
		c.Untag(t.Context(), "/o/p/a", []string{"spinup:org", "none"}),
		c.Tag(t.Context(), "/o/p/a", nil),
		c.Untag(t.Context(), "/o/p/a", nil),
		second(c.DeleteAll(t.Context(), nil)),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got := awstest.Must[common.Tags](t, "tags")(c.Tags(t.Context(), "/o/p/a"))
	if diff := cmp.Diff(common.Tags{{Key: "k", Value: "v"}}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"AddTagsToResource": 1, "RemoveTagsFromResource": 1, "ListTagsForResource": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestALostAnswerIsNoFailure(t *testing.T) {
	c, simulator := start(t)
	lose := func(operation string) { simulator.Inject(localaws.Fault{Operation: operation, Effect: localaws.Lose}) }
	lose("PutParameter")
	out := awstest.Must[*sdk.PutParameterOutput](t, "put")(c.Put(t.Context(), input("/o/p/a", "hunter22")))
	if diff := cmp.Diff(&sdk.PutParameterOutput{Version: aws.Int64(1), Tier: aws.String(sdk.ParameterTierStandard)}, out, cmp.AllowUnexported(sdk.PutParameterOutput{})); diff != "" {
		t.Error(diff)
	}
	lose("DeleteParameter")
	if err := c.Delete(t.Context(), "/o/p/a"); err != nil {
		t.Error(err)
	}
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestAParameterWithAnotherValueIsNotTakenForOurs(t *testing.T) {
	c, simulator := start(t)
	put(t, c, "/o/p/a")
	simulator.Inject(localaws.Fault{Operation: "PutParameter", Effect: localaws.Down})
	_, err := c.Put(t.Context(), input("/o/p/a", "another"))
	checkError(t, err, common.Conflict, `put parameter "/o/p/a": `)
}

func TestErrors(t *testing.T) {
	c, _ := start(t)
	ctx := t.Context()
	put(t, c, "/o/p/a")
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"no such parameter", second(c.Get(ctx, "/o/p/none")), common.NotFound, `get parameter "/o/p/none": `},
		{"a prefix is no parameter", second(c.Metadata(ctx, "/o/p")), common.NotFound, `no parameter "/o/p"`},
		{"nothing to delete", c.Delete(ctx, "/o/p/none"), common.NotFound, `delete parameter "/o/p/none": `},
		{"nothing to tag", c.Tag(ctx, "/o/p/none", tags), common.NotFound, `no parameter "/o/p/none"`},
		{"nothing to untag", c.Untag(ctx, "/o/p/none", []string{"k"}), common.NotFound, `no parameter "/o/p/none"`},
		{"nothing to list the tags of", second(c.Tags(ctx, "/o/p/none")), common.NotFound, `no parameter "/o/p/none"`},
		{"the name is taken", second(c.Put(ctx, input("/o/p/a", "hunter22"))), common.Conflict, `put parameter "/o/p/a": `},
		{"no input", second(c.Put(ctx, nil)), common.BadRequest, `put parameter "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func TestNoErrorHoldsTheValue(t *testing.T) {
	const value = "correct horse battery staple"
	c, _ := start(t, localaws.WithFaults(localaws.Fault{Code: "ValidationException", Message: "Value '" + value + "' at 'value' failed to satisfy constraint"}))
	_, err := c.Put(t.Context(), input("/o/p/a", value))
	if !common.Is(err, common.BadRequest) || strings.Contains(fmt.Sprintf("%+v", err), value) {
		t.Errorf("got %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

func TestAPanicInOneOfSeveralDeletesIsAnError(t *testing.T) {
	sess, _ := awstest.Session(t)
	sess.Handlers.Build.PushFront(func(*request.Request) { panic("a bug") })
	if _, err := ssm.New(sess).DeleteAll(t.Context(), []string{"/a"}); !common.Is(err, common.Internal) || !strings.Contains(err.Error(), "panic: a bug") {
		t.Errorf("got %v", err)
	}
}

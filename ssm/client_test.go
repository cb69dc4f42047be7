package ssm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	c, simulator := start(t)
	put(t, c, "/o/p/a")
	put(t, c, "/o/p/a/b")
	in := input("/o/p/a", "hunter23")
	in.Tags, in.Overwrite, in.Description = nil, aws.Bool(true), aws.String("text")
	awstest.Must[*sdk.PutParameterOutput](t, "put")(c.Put(t.Context(), in))
	simulator.ResetCalls()
	got := awstest.Must[ssm.Parameter](t, "describe")(c.Describe(t.Context(), "/o/p/a"))
	got.LastModifiedDate, got.LastModifiedUser = nil, nil
	want := ssm.Parameter{Tags: tags, ParameterMetadata: &sdk.ParameterMetadata{
		ARN: aws.String("arn:aws:ssm:us-east-1:" + localaws.DefaultAccount + ":parameter/o/p/a"), Name: aws.String("/o/p/a"), DataType: aws.String("text"),
		Description: aws.String("text"), KeyId: aws.String("alias/aws/ssm"), Policies: []*sdk.ParameterInlinePolicy{}, Tier: aws.String("Standard"),
		Type: aws.String("SecureString"), Version: aws.Int64(2),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"GetParameter": 1, "GetParameterHistory": 1, "ListTagsForResource": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestTheNewestOfManyVersionsIsDescribed(t *testing.T) {
	c, _ := start(t)
	put(t, c, "/o/p/a")
	for version := 2; version <= 60; version++ {
		in := input("/o/p/a", "hunter22")
		in.Tags, in.Overwrite, in.Description = nil, aws.Bool(true), aws.String(fmt.Sprint(version))
		awstest.Must[*sdk.PutParameterOutput](t, "put")(c.Put(t.Context(), in))
	}
	if got := awstest.Must[ssm.Parameter](t, "describe")(c.Describe(t.Context(), "/o/p/a")); *got.Version != 60 || *got.Description != "60" {
		t.Errorf("got %v", got)
	}
}

// seed puts n parameters below /o/p, one of them nested, and others beside them. It returns the names that Below is to return.
func seed(t *testing.T, c *ssm.Client, n int) (ours []string) {
	for i := range n {
		name := fmt.Sprintf("/o/p/%03d", i)
		if i == 1 {
			name = "/o/p/000/nested/deep"
		}
		ours = append(ours, name)
		put(t, c, name)
	}
	put(t, c, "/o/pq")
	for name, tags := range map[string]common.Tags{
		"/o/p/theirs": {{Key: "spinup:org", Value: "localdev2"}}, "/o/p/deep/theirs": {{Key: "spinup:org", Value: "localdev2"}}, "/o/p/nobodys": nil,
	} {
		in := input(name, "hunter22")
		in.Tags = ssm.FromTags(tags)
		awstest.Must[*sdk.PutParameterOutput](t, "put "+name)(c.Put(t.Context(), in))
	}
	ours = append(ours, "/o/p/nobodys")
	slices.Sort(ours)
	return ours
}

func TestWhatIsBelowAPathIsListed(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  []localaws.Option
		ours  int
		calls map[string]int // of the first list
		again map[string]int // of the second
	}{
		{"a small account, in one round", nil, 25, map[string]int{"DescribeParameters": 3}, map[string]int{"DescribeParameters": 3}},
		{
			"a large account, by path", nil, 60,
			map[string]int{"DescribeParameters": 3, "GetParametersByPath": 7, "ListTagsForResource": 63}, map[string]int{"GetParametersByPath": 7, "ListTagsForResource": 63},
		},
		{
			"empty pages", []localaws.Option{localaws.EmptyPages()}, 5,
			map[string]int{"DescribeParameters": 3, "GetParametersByPath": 2, "ListTagsForResource": 8}, map[string]int{"GetParametersByPath": 2, "ListTagsForResource": 8},
		},
		{
			"DescribeParameters is refused", []localaws.Option{localaws.WithFaults(localaws.Fault{Operation: "DescribeParameters", Times: -1})}, 5,
			map[string]int{"GetParametersByPath": 1, "ListTagsForResource": 8}, map[string]int{"GetParametersByPath": 1, "ListTagsForResource": 8},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, simulator := start(t, test.opts...)
			want := seed(t, c, test.ours)
			for _, calls := range []map[string]int{test.calls, test.again} {
				simulator.ResetCalls()
				got := awstest.Must[[]string](t, "list")(c.Below(t.Context(), "/o/p", "localdev"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				made := awstest.Calls(simulator)
				if calls["DescribeParameters"] == 0 {
					delete(made, "DescribeParameters") // refused: one of the three ends the others
				}
				if diff := cmp.Diff(calls, made); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestNothingBelowAPathIsNoError(t *testing.T) {
	c, _ := start(t)
	put(t, c, "/o/p")
	if got := awstest.Must[[]string](t, "list")(c.Below(t.Context(), "/o/p", "localdev")); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestAListFailsWhole(t *testing.T) {
	for _, operation := range []string{"GetParametersByPath", "ListTagsForResource"} {
		t.Run(operation, func(t *testing.T) {
			c, simulator := start(t)
			seed(t, c, 60)
			simulator.Inject(localaws.Fault{Operation: operation})
			if got, err := c.Below(t.Context(), "/o/p", "localdev"); !common.Is(err, common.Internal) || got != nil {
				t.Errorf("got %v, %v", got, err)
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
		{name: "a lost response counts what it may have deleted", fault: localaws.Fault{Operation: "DeleteParameters", Effect: localaws.Lose, Times: 1}, deleted: 25, calls: 4},
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

func TestALostResponseIsNoFailure(t *testing.T) {
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

func TestANameThatIsNotFreeYetIsRetryable(t *testing.T) {
	c, _ := start(t, localaws.WithLags(localaws.Lags{Parameter: time.Hour}))
	put(t, c, "/o/p/a")
	if err := c.Delete(t.Context(), "/o/p/a"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Put(t.Context(), input("/o/p/a", "hunter22"))
	checkError(t, err, common.Conflict, `parameter "/o/p/a" was deleted a moment ago`)
	if !common.ParameterDeleted.Is(err) {
		t.Errorf("%v is not retried", err)
	}
	put(t, c, "/o/p/b")
	if _, err := c.Put(t.Context(), input("/o/p/b", "hunter22")); !common.Is(err, common.Conflict) || common.ParameterDeleted.Is(err) {
		t.Errorf("a name that is taken: %v", err)
	}
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
		{"no such parameter", second(c.Describe(ctx, "/o/p/none")), common.NotFound, ``},
		{"a prefix is no parameter", second(c.Describe(ctx, "/o/p")), common.NotFound, ``},
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

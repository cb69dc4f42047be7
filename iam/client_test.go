package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	sdk "github.com/aws/aws-sdk-go/service/iam"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

const (
	trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:a+b%2F c*"}]}`
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}, {Key: common.TagRequest, Value: "www/1"}}

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*iam.Client, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return iam.New(sess), simulator
}

func createRole(t *testing.T, c *iam.Client) *sdk.Role {
	t.Helper()
	role, err := c.CreateRole(t.Context(), &sdk.CreateRoleInput{
		RoleName: aws.String("myclu"), Description: aws.String("a role"), AssumeRolePolicyDocument: aws.String(trust), Tags: iam.FromTags(tags),
	})
	if err != nil {
		t.Fatal(err)
	}
	return role
}

func TestARoleIsReadAsItWasCreated(t *testing.T) {
	c, _ := start(t)
	made := createRole(t, c)
	for _, err := range []error{
		c.TagRole(t.Context(), "myclu", common.Tags{{Key: "team", Value: "a"}}),
		c.UntagRole(t.Context(), "myclu", []string{common.TagRequest, "no such key"}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := c.Role(t.Context(), "myclu")
	if err != nil {
		t.Fatal(err)
	}
	type role struct {
		ARN, Description string
		Tags             common.Tags
	}
	want := role{aws.StringValue(made.Arn), "a role", common.Tags{{Key: "spinup:org", Value: "localdev"}, {Key: "team", Value: "a"}}}
	if diff := cmp.Diff(want, role{aws.StringValue(got.Arn), aws.StringValue(got.Description), iam.ToTags(got.Tags)}); diff != "" {
		t.Error(diff)
	}
}

func TestAPolicyIsReadAsItWasWritten(t *testing.T) {
	c, _ := start(t)
	createRole(t, c)
	if err := c.PutRolePolicy(t.Context(), "myclu", "p", document); err != nil {
		t.Fatal(err)
	}
	if got, err := c.RolePolicy(t.Context(), "myclu", "p"); err != nil || got != document {
		t.Errorf("got %q, %v, want %q", got, err, document)
	}
	if got, err := c.RolePolicies(t.Context(), "myclu"); err != nil || !slices.Equal(got, []string{"p"}) {
		t.Errorf("policies %q, %v", got, err)
	}
	if err := c.DeleteRole(t.Context(), "myclu"); !common.Is(err, common.Conflict) {
		t.Errorf("deleting a role that has a policy: %v", err)
	}
}

func TestErrors(t *testing.T) {
	c, _ := start(t)
	createRole(t, c)
	ctx := t.Context()
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"no such role", second(c.Role(ctx, "none")), common.NotFound, `describe role "none": `},
		{"no such policy", second(c.RolePolicy(ctx, "myclu", "none")), common.NotFound, `read policy "none" of role "myclu": `},
		{"no role to delete", c.DeleteRole(ctx, "none"), common.NotFound, `delete role "none": `},
		{"no policy to delete", c.DeleteRolePolicy(ctx, "myclu", "none"), common.NotFound, `delete policy "none" of role "myclu": `},
		{"the role is there", second(c.CreateRole(ctx, &sdk.CreateRoleInput{RoleName: aws.String("myclu"), AssumeRolePolicyDocument: aws.String(trust), Tags: iam.FromTags(tags)})), common.Conflict, `create role "myclu": `},
		{"no input", second(c.CreateRole(ctx, nil)), common.BadRequest, `create role "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func TestALostResponseIsNoFailure(t *testing.T) {
	c, simulator := start(t)
	lose := func(operation string) { simulator.Inject(localaws.Fault{Operation: operation, Effect: localaws.Lose}) }
	lose("CreateRole")
	if role := createRole(t, c); !cmp.Equal(iam.ToTags(role.Tags), tags) {
		t.Errorf("got %v", role)
	}
	if err := c.PutRolePolicy(t.Context(), "myclu", "p", document); err != nil {
		t.Fatal(err)
	}
	lose("DeleteRolePolicy")
	if err := c.DeleteRolePolicy(t.Context(), "myclu", "p"); err != nil {
		t.Error(err)
	}
	lose("DeleteRole")
	if err := c.DeleteRole(t.Context(), "myclu"); err != nil {
		t.Error(err)
	}
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestARoleOfAnotherRequestIsNotTakenForOurs(t *testing.T) {
	c, simulator := start(t)
	createRole(t, c)
	simulator.Inject(localaws.Fault{Operation: "CreateRole", Effect: localaws.Down})
	_, err := c.CreateRole(t.Context(), &sdk.CreateRoleInput{
		RoleName: aws.String("myclu"), AssumeRolePolicyDocument: aws.String(trust), Tags: iam.FromTags(tags.With(common.Tag{Key: common.TagRequest, Value: "www/2"})),
	})
	checkError(t, err, common.Conflict, `create role "myclu": `)
}

func TestNothingToDoMakesNoCall(t *testing.T) {
	c, simulator := start(t)
	if err := c.TagRole(t.Context(), "myclu", nil); err != nil {
		t.Error(err)
	}
	if err := c.UntagRole(t.Context(), "myclu", nil); err != nil {
		t.Error(err)
	}
	if n := len(simulator.Calls()); n > 0 {
		t.Errorf("%d calls", n)
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

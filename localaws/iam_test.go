package localaws_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

const (
	trustPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	inlinePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":"*"}]}`
	boundary     = "arn:aws:iam::123456789012:policy/boundary"
)

func newRole(name string) *iam.CreateRoleInput {
	return &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trustPolicy)}
}

func TestARoleFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	client := iam.New(newSession(t, sim))
	in := newRole("myclu-ecsTaskExecution")
	in.Path, in.Description, in.PermissionsBoundary = aws.String("/spinup/"), aws.String("of <myclu> & more"), aws.String(boundary)
	in.Tags = []*iam.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}}
	created := must[*iam.CreateRoleOutput](t)(client.CreateRole(in))

	got := must[*iam.GetRoleOutput](t)(client.GetRole(&iam.GetRoleInput{RoleName: aws.String("MYCLU-ecsTaskExecution")})).Role
	if diff := cmp.Diff(created.Role, got); diff != "" {
		t.Errorf("GetRole differs from what CreateRole returned (-created +got):\n%s", diff)
	}
	want := &iam.Role{
		Arn:                      aws.String("arn:aws:iam::123456789012:role/spinup/myclu-ecsTaskExecution"),
		AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(url.QueryEscape(trustPolicy), "+", "%20")),
		CreateDate:               aws.Time(clock.Now()),
		Description:              aws.String("of <myclu> & more"),
		MaxSessionDuration:       aws.Int64(3600),
		Path:                     aws.String("/spinup/"),
		PermissionsBoundary: &iam.AttachedPermissionsBoundary{
			PermissionsBoundaryArn: aws.String(boundary), PermissionsBoundaryType: aws.String("PermissionsBoundaryPolicy"),
		},
		RoleId:   got.RoleId,
		RoleName: aws.String("myclu-ecsTaskExecution"),
		Tags:     in.Tags,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the role is wrong (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(*got.RoleId, "AROA") {
		t.Errorf("role id %q", *got.RoleId)
	}

	name := in.RoleName
	must[*iam.PutRolePolicyOutput](t)(client.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(inlinePolicy)}))
	must[*iam.AttachRolePolicyOutput](t)(client.AttachRolePolicy(&iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	if diff := cmp.Diff([]string{"iam:role myclu-ecsTaskExecution"}, sim.Inventory()); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
	policy := must[*iam.GetRolePolicyOutput](t)(client.GetRolePolicy(&iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("p")}))
	if document, err := url.PathUnescape(*policy.PolicyDocument); err != nil || document != inlinePolicy {
		t.Errorf("inline policy %q, %v", document, err)
	}
	listed := must[*iam.ListRolePoliciesOutput](t)(client.ListRolePolicies(&iam.ListRolePoliciesInput{RoleName: name}))
	attached := must[*iam.ListAttachedRolePoliciesOutput](t)(client.ListAttachedRolePolicies(&iam.ListAttachedRolePoliciesInput{RoleName: name}))
	if len(listed.PolicyNames) != 1 || len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "ReadOnlyAccess" {
		t.Errorf("policies %v, attached %v", listed, attached)
	}

	remove := &iam.DeleteRoleInput{RoleName: name}
	if _, err := client.DeleteRole(remove); codeOf(err) != iam.ErrCodeDeleteConflictException {
		t.Errorf("a role with policies was deleted: %v", err)
	}
	must[*iam.DetachRolePolicyOutput](t)(client.DetachRolePolicy(&iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}))
	_, err := client.DeleteRole(remove)
	if e, ok := errors.AsType[awserr.RequestFailure](err); !ok || e.Code() != iam.ErrCodeDeleteConflictException || e.StatusCode() != http.StatusConflict {
		t.Errorf("a role with an inline policy was deleted: %v", err)
	}
	must[*iam.DeleteRolePolicyOutput](t)(client.DeleteRolePolicy(&iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("p")}))
	must[*iam.DeleteRoleOutput](t)(client.DeleteRole(remove))
	_, err = client.GetRole(&iam.GetRoleInput{RoleName: name})
	if e, ok := errors.AsType[awserr.RequestFailure](err); !ok || e.Code() != iam.ErrCodeNoSuchEntityException || e.StatusCode() != http.StatusNotFound {
		t.Errorf("the deleted role is still there: %v", err)
	}
}

func TestIAMRefuses(t *testing.T) {
	t.Parallel()
	client := iam.New(newSession(t, localaws.New()))
	must[*iam.CreateRoleOutput](t)(client.CreateRole(newRole("there")))
	linked := must[*iam.CreateServiceLinkedRoleOutput](t)(client.CreateServiceLinkedRole(&iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs.amazonaws.com")}))
	if got := *linked.Role.RoleName; got != "AWSServiceRoleForECS" {
		t.Errorf("service-linked role %q", got)
	}
	create := func(change func(*iam.CreateRoleInput)) func() error {
		in := newRole("new")
		change(in)
		return func() error { return failing(client.CreateRole(in)) }
	}
	put := func(role, policy, document string) func() error {
		return func() error {
			return failing(client.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(policy), PolicyDocument: aws.String(document)}))
		}
	}
	var many []*iam.Tag
	for i := range 51 {
		many = append(many, &iam.Tag{Key: aws.String(fmt.Sprint(i)), Value: aws.String("")})
	}
	testRefusals(t, []refusal{
		{"a role of the same name", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("there") }), iam.ErrCodeEntityAlreadyExistsException},
		{"a role of the same name in another case", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("THERE") }), iam.ErrCodeEntityAlreadyExistsException},
		{"a name with a slash", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("a/b") }), "ValidationError"},
		{"a name of 65 characters", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String(strings.Repeat("a", 65)) }), "ValidationError"},
		{"a name of 64 characters is fine", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String(strings.Repeat("a", 64)) }), ""},
		{"a path without a slash at its end", create(func(in *iam.CreateRoleInput) { in.Path = aws.String("/x") }), "ValidationError"},
		{"a trust policy that is not JSON", create(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String("nope") }), iam.ErrCodeMalformedPolicyDocumentException},
		{"a trust policy that trusts nobody", create(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String(inlinePolicy) }), iam.ErrCodeMalformedPolicyDocumentException},
		{"51 tags", create(func(in *iam.CreateRoleInput) { in.Tags = many }), "ValidationError"},
		{"tag keys that differ by case only", create(func(in *iam.CreateRoleInput) {
			in.Tags = []*iam.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("A"), Value: aws.String("2")}}
		}), iam.ErrCodeInvalidInputException},
		{"a reserved tag key", create(func(in *iam.CreateRoleInput) {
			in.Tags = []*iam.Tag{{Key: aws.String("aws:x"), Value: aws.String("1")}}
		}), "ValidationError"},
		{"a permissions boundary that is no policy", create(func(in *iam.CreateRoleInput) {
			in.PermissionsBoundary = aws.String("arn:aws:iam::123456789012:role/there")
		}), iam.ErrCodeInvalidInputException},
		{"a session of a day", create(func(in *iam.CreateRoleInput) { in.MaxSessionDuration = aws.Int64(86400) }), "ValidationError"},
		{"an inline policy for nobody", put("nobody", "p", inlinePolicy), iam.ErrCodeNoSuchEntityException},
		{"an inline policy with a principal", put("there", "p", trustPolicy), iam.ErrCodeMalformedPolicyDocumentException},
		{"an inline policy that is not JSON", put("there", "p", "{"), iam.ErrCodeMalformedPolicyDocumentException},
		{"an inline policy with a bad name", put("there", "a b", inlinePolicy), "ValidationError"},
		{"an inline policy that is too large", put("there", "p", strings.Replace(inlinePolicy, "*", strings.Repeat("x", 10240), 1)), iam.ErrCodeLimitExceededException},
		{"an inline policy put twice is fine", put("there", "p", inlinePolicy), ""},
		{"a change of a service-linked role", put("AWSServiceRoleForECS", "p", inlinePolicy), iam.ErrCodeUnmodifiableEntityException},
		{"a service-linked role made twice", func() error {
			return failing(client.CreateServiceLinkedRole(&iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs.amazonaws.com")}))
		}, iam.ErrCodeInvalidInputException},
		{"an inline policy that is not there", func() error {
			return failing(client.GetRolePolicy(&iam.GetRolePolicyInput{RoleName: aws.String("there"), PolicyName: aws.String("q")}))
		}, iam.ErrCodeNoSuchEntityException},
		{"tags for nobody", func() error {
			return failing(client.TagRole(&iam.TagRoleInput{RoleName: aws.String("nobody"), Tags: many[:1]}))
		}, iam.ErrCodeNoSuchEntityException},
		{"a simulation for a role's session", func() error {
			return failing(client.SimulatePrincipalPolicy(&iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: aws.String("arn:aws:sts::123456789012:assumed-role/x/y"), ActionNames: aws.StringSlice([]string{"ecs:RunTask"}),
			}))
		}, iam.ErrCodeInvalidInputException},
	})
}

func TestTagsOfARole(t *testing.T) {
	t.Parallel()
	client := iam.New(newSession(t, localaws.New()))
	must[*iam.CreateRoleOutput](t)(client.CreateRole(newRole("r")))
	tag := func(key, value string) {
		must[*iam.TagRoleOutput](t)(client.TagRole(&iam.TagRoleInput{RoleName: aws.String("r"), Tags: []*iam.Tag{{Key: aws.String(key), Value: aws.String(value)}}}))
	}
	tag("Team", "a")
	tag("Stage", "b")
	tag("team", "c") // the same key to IAM
	must[*iam.UntagRoleOutput](t)(client.UntagRole(&iam.UntagRoleInput{RoleName: aws.String("r"), TagKeys: aws.StringSlice([]string{"STAGE"})}))
	out := must[*iam.ListRoleTagsOutput](t)(client.ListRoleTags(&iam.ListRoleTagsInput{RoleName: aws.String("r")}))
	if diff := cmp.Diff([]*iam.Tag{{Key: aws.String("team"), Value: aws.String("c")}}, out.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestRolesAreListedInPages(t *testing.T) {
	t.Parallel()
	client := iam.New(newSession(t, localaws.New()))
	for i := range 7 {
		in := newRole(fmt.Sprintf("role-%d", i))
		in.Tags = []*iam.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
		must[*iam.CreateRoleOutput](t)(client.CreateRole(in))
	}
	var sizes []int
	var names []string
	err := client.ListRolesPages(&iam.ListRolesInput{MaxItems: aws.Int64(3)}, func(page *iam.ListRolesOutput, _ bool) bool {
		sizes = append(sizes, len(page.Roles))
		for _, ro := range page.Roles {
			names = append(names, *ro.RoleName)
			if len(ro.Tags) != 0 {
				t.Errorf("ListRoles shows tags of %s", *ro.RoleName)
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 3, 1}, sizes); diff != "" {
		t.Errorf("page sizes (-want +got):\n%s", diff)
	}
	if len(names) != 7 || names[0] != "role-0" || names[6] != "role-6" {
		t.Errorf("names %v", names)
	}
}

func TestANewRoleIsNotSeenAtOnce(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := iam.New(newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Visible: 5 * time.Second}))))
	must[*iam.CreateRoleOutput](t)(client.CreateRole(newRole("r")))
	get := func() error { return failing(client.GetRole(&iam.GetRoleInput{RoleName: aws.String("r")})) }
	if code := codeOf(get()); code != iam.ErrCodeNoSuchEntityException {
		t.Errorf("got %q right after the creation", code)
	}
	clock.Advance(5 * time.Second)
	if err := get(); err != nil {
		t.Error(err)
	}
}

func TestANewTagOfARoleIsNotSeenAtOnce(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := iam.New(newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{RoleTags: 5 * time.Second}))))
	must[*iam.CreateRoleOutput](t)(client.CreateRole(newRole("r")))
	first := len(must[*iam.GetRoleOutput](t)(client.GetRole(&iam.GetRoleInput{RoleName: aws.String("r")})).Role.Tags)
	tag := func(key string) {
		must[*iam.TagRoleOutput](t)(client.TagRole(&iam.TagRoleInput{RoleName: aws.String("r"), Tags: []*iam.Tag{{Key: aws.String(key), Value: aws.String("v")}}}))
	}
	tag("a")
	clock.Advance(3 * time.Second)
	tag("b")
	for i, more := range []int{0, 1, 2} {
		if got := len(must[*iam.GetRoleOutput](t)(client.GetRole(&iam.GetRoleInput{RoleName: aws.String("r")})).Role.Tags); got != first+more {
			t.Errorf("look %d: %d tags, want %d", i, got, first+more)
		}
		clock.Advance(3 * time.Second)
	}
}

func TestSimulatedPolicies(t *testing.T) {
	t.Parallel()
	client := iam.New(newSession(t, localaws.New(localaws.DenyActions("ecs:CreateCluster"))))
	out := must[*iam.SimulatePolicyResponse](t)(client.SimulatePrincipalPolicy(&iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/api"), ActionNames: aws.StringSlice([]string{"ecs:CreateCluster", "ecs:RunTask"}),
	}))
	got := map[string]string{}
	for _, r := range out.EvaluationResults {
		got[*r.EvalActionName] = *r.EvalDecision
	}
	if diff := cmp.Diff(map[string]string{"ecs:CreateCluster": "implicitDeny", "ecs:RunTask": "allowed"}, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestARoleIsChanged(t *testing.T) {
	t.Parallel()
	client := iam.New(newSession(t, localaws.New()))
	name := aws.String("r")
	must[*iam.CreateRoleOutput](t)(client.CreateRole(newRole("r")))
	newTrust := strings.Replace(trustPolicy, "ecs-tasks", "ecs", 1)
	must[*iam.UpdateAssumeRolePolicyOutput](t)(client.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(newTrust)}))
	must[*iam.UpdateRoleOutput](t)(client.UpdateRole(&iam.UpdateRoleInput{RoleName: name, Description: aws.String("first"), MaxSessionDuration: aws.Int64(7200)}))
	must[*iam.UpdateRoleDescriptionOutput](t)(client.UpdateRoleDescription(&iam.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("second")}))
	must[*iam.PutRolePermissionsBoundaryOutput](t)(client.PutRolePermissionsBoundary(&iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: aws.String(boundary)}))
	got := must[*iam.GetRoleOutput](t)(client.GetRole(&iam.GetRoleInput{RoleName: name})).Role
	trust, err := url.PathUnescape(*got.AssumeRolePolicyDocument)
	if err != nil || trust != newTrust || *got.Description != "second" || *got.MaxSessionDuration != 7200 || *got.PermissionsBoundary.PermissionsBoundaryArn != boundary {
		t.Errorf("the role is %v (%v)", got, err)
	}
	if code := codeOf(failing(client.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(`{"Statement":[]}`)}))); code != iam.ErrCodeMalformedPolicyDocumentException {
		t.Errorf("a trust policy without statements: %q", code)
	}
}

package secretsmanager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	sdk "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/secretsmanager"
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}}

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*secretsmanager.Client, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return secretsmanager.New(sess), simulator
}

// create makes a secret and returns its first version's id.
func create(t *testing.T, c *secretsmanager.Client, name string) string {
	t.Helper()
	out := awstest.Must[*sdk.CreateSecretOutput](t, "create")(c.CreateSecret(t.Context(), &sdk.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String("hunter22"), Tags: secretsmanager.FromTags(tags),
	}))
	return aws.StringValue(out.VersionId)
}

func put(t *testing.T, c *secretsmanager.Client, name, value string) string {
	t.Helper()
	out := awstest.Must[*sdk.PutSecretValueOutput](t, "put")(c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String(value)}))
	return aws.StringValue(out.VersionId)
}

// stages returns a secret's versions and their staging labels.
func stages(t *testing.T, c *secretsmanager.Client, name string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for version, labels := range awstest.Must[*sdk.DescribeSecretOutput](t, "describe")(c.Secret(t.Context(), name)).VersionIdsToStages {
		all[version] = aws.StringValueSlice(labels)
	}
	return all
}

func TestStagesMove(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []localaws.Fault
	}{
		{"undisturbed", nil},
		{"the response is lost", []localaws.Fault{{Operation: "UpdateSecretVersionStage", Effect: localaws.Lose}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := start(t, localaws.WithFaults(test.faults...))
			first := create(t, c, "a/b")
			second := put(t, c, "a/b", "hunter23")
			if err := c.MoveStage(t.Context(), "a/b", "AWSCURRENT", first, second); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(map[string][]string{first: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}}, stages(t, c, "a/b")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllPagesAreRead(t *testing.T) {
	c, simulator := start(t)
	for n := range 101 {
		create(t, c, fmt.Sprintf("a/%d", n))
	}
	simulator.ResetCalls()
	filter := []*sdk.Filter{{Key: aws.String(sdk.FilterNameStringTypeTagKey), Values: aws.StringSlice([]string{"spinup:org"})}}
	if all := awstest.Must[[]*sdk.SecretListEntry](t, "list")(c.ListSecrets(t.Context(), filter)); len(all) != 101 {
		t.Errorf("%d secrets", len(all))
	}
	if diff := cmp.Diff(map[string]int{"ListSecrets": 2}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestDeletedSecretsComeBackUnlessForced(t *testing.T) {
	c, simulator := start(t)
	create(t, c, "a/b")
	if out := awstest.Must[*sdk.DeleteSecretOutput](t, "delete")(c.DeleteSecret(t.Context(), "a/b", 7)); out.DeletionDate == nil {
		t.Errorf("got %v", out)
	}
	if secret := awstest.Must[*sdk.DescribeSecretOutput](t, "describe")(c.Secret(t.Context(), "a/b")); secret.DeletedDate == nil {
		t.Errorf("got %v", secret)
	}
	if err := c.RestoreSecret(t.Context(), "a/b"); err != nil {
		t.Error(err)
	}
	if secret := awstest.Must[*sdk.DescribeSecretOutput](t, "describe")(c.Secret(t.Context(), "a/b")); secret.DeletedDate != nil {
		t.Errorf("got %v", secret)
	}
	awstest.Must[*sdk.DeleteSecretOutput](t, "delete")(c.DeleteSecret(t.Context(), "a/b", 0))
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestTags(t *testing.T) {
	c, simulator := start(t)
	create(t, c, "a/b")
	simulator.ResetCalls()
	for _, err := range []error{
		c.Tag(t.Context(), "a/b", common.Tags{{Key: "k", Value: "v"}}),
		c.Untag(t.Context(), "a/b", []string{"spinup:org", "none"}),
		c.Tag(t.Context(), "a/b", nil),
		c.Untag(t.Context(), "a/b", nil),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"TagResource": 1, "UntagResource": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
	secret := awstest.Must[*sdk.DescribeSecretOutput](t, "describe")(c.Secret(t.Context(), "a/b"))
	if diff := cmp.Diff(common.Tags{{Key: "k", Value: "v"}}, secretsmanager.ToTags(secret.Tags)); diff != "" {
		t.Error(diff)
	}
}

func TestALostResponseIsNoFailure(t *testing.T) {
	c, simulator := start(t)
	lose := func(operation string) { simulator.Inject(localaws.Fault{Operation: operation, Effect: localaws.Lose}) }
	lose("CreateSecret")
	first := create(t, c, "a/b")
	lose("PutSecretValue")
	second := put(t, c, "a/b", "hunter23")
	lose("UpdateSecret")
	out := awstest.Must[*sdk.UpdateSecretOutput](t, "update")(c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("a/b"), SecretString: aws.String("hunter24")}))
	third := aws.StringValue(out.VersionId)
	versions := stages(t, c, "a/b")
	if diff := cmp.Diff([]string{"AWSCURRENT"}, versions[third]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"AWSPREVIOUS"}, versions[second]); diff != "" {
		t.Error(diff)
	}
	if first == second || second == third {
		t.Errorf("versions %s, %s, %s", first, second, third)
	}
	lose("DeleteSecret")
	deleted := awstest.Must[*sdk.DeleteSecretOutput](t, "delete")(c.DeleteSecret(t.Context(), "a/b", 7))
	if aws.StringValue(deleted.Name) != "a/b" || deleted.DeletionDate == nil {
		t.Errorf("got %v", deleted)
	}
}

func TestErrors(t *testing.T) {
	c, _ := start(t)
	ctx := t.Context()
	create(t, c, "a/b")
	create(t, c, "going")
	awstest.Must[*sdk.DeleteSecretOutput](t, "delete")(c.DeleteSecret(ctx, "going", 7))
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"no such secret", second(c.Secret(ctx, "none")), common.NotFound, `describe secret "none": `},
		{"the name is taken", second(c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("a/b"), SecretString: aws.String("x")})), common.Conflict, `create secret "a/b": `},
		{"the name is going", second(c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("going"), SecretString: aws.String("x")})), common.Conflict, `create secret "going": `},
		{"nothing to put a value into", second(c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: aws.String("none"), SecretString: aws.String("x")})), common.NotFound, `put a value into secret "none": `},
		{"nothing to update", second(c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: aws.String("none")})), common.NotFound, `update secret "none": `},
		{"nothing to restore", c.RestoreSecret(ctx, "none"), common.NotFound, `restore secret "none": `},
		{"nothing to tag", c.Tag(ctx, "none", tags), common.NotFound, `tag secret "none": `},
		{"the window is too short", second(c.DeleteSecret(ctx, "a/b", 3)), common.BadRequest, `delete secret "a/b": `},
		{"no such version", c.MoveStage(ctx, "a/b", "AWSCURRENT", strings.Repeat("0", 32), ""), common.NotFound, `move stage AWSCURRENT of secret "a/b": `},
		{"no input", second(c.CreateSecret(ctx, nil)), common.BadRequest, `create secret "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func TestNoErrorHoldsTheValue(t *testing.T) {
	const value = "correct horse battery staple"
	quote := localaws.Fault{Times: -1, Code: "ValidationException", Message: "1 validation error detected: Value '" + value + "' at 'secretString' failed"}
	c, _ := start(t, localaws.WithFaults(quote))
	for _, test := range []struct {
		name string
		err  error
	}{
		{"create", second(c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("a/b"), SecretString: aws.String(value)}))},
		{"put", second(c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("a/b"), SecretBinary: []byte(value)}))},
		{"update", second(c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("a/b"), SecretString: aws.String(value)}))},
		{"the SDK's own validation", second(c.CreateSecret(t.Context(), &sdk.CreateSecretInput{SecretString: aws.String(value)}))},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !common.Is(test.err, common.BadRequest) || strings.Contains(fmt.Sprintf("%+v %v", test.err, test.err), value) {
				t.Errorf("got %v", test.err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

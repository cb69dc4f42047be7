package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

const (
	token1 = "11111111-1111-4111-8111-111111111111"
	token2 = "22222222-2222-4222-8222-222222222222"
)

func newSecret(name, value string) *secretsmanager.CreateSecretInput {
	return &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(value), ClientRequestToken: aws.String(token1)}
}

func secretTags(pairs ...string) []*secretsmanager.Tag {
	var out []*secretsmanager.Tag
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &secretsmanager.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return out
}

func TestStagesMoveFromVersionToVersion(t *testing.T) {
	t.Parallel()
	client := secretsmanager.New(newSession(t, localaws.New()))
	created := must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("a/b", "one")))
	stages := func() map[string][]string {
		t.Helper()
		out := must[*secretsmanager.DescribeSecretOutput](t)(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: aws.String("a/b")}))
		got := map[string][]string{}
		for id, s := range out.VersionIdsToStages {
			got[id] = aws.StringValueSlice(s)
		}
		return got
	}
	if diff := cmp.Diff(map[string][]string{token1: {"AWSCURRENT"}}, stages()); diff != "" {
		t.Errorf("after the creation (-want +got):\n%s", diff)
	}
	put := must[*secretsmanager.PutSecretValueOutput](t)(client.PutSecretValue(&secretsmanager.PutSecretValueInput{
		SecretId: created.ARN, SecretString: aws.String("two"), ClientRequestToken: aws.String(token2),
	}))
	if *put.VersionId != token2 || *put.ARN != *created.ARN {
		t.Errorf("PutSecretValue returned %v", put)
	}
	if diff := cmp.Diff(map[string][]string{token1: {"AWSPREVIOUS"}, token2: {"AWSCURRENT"}}, stages()); diff != "" {
		t.Errorf("after a new value (-want +got):\n%s", diff)
	}
	must[*secretsmanager.UpdateSecretVersionStageOutput](t)(client.UpdateSecretVersionStage(&secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String("a/b"), VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: aws.String(token2), MoveToVersionId: aws.String(token1),
	}))
	if diff := cmp.Diff(map[string][]string{token1: {"AWSCURRENT"}, token2: {"AWSPREVIOUS"}}, stages()); diff != "" {
		t.Errorf("after going back (-want +got):\n%s", diff)
	}
	updated := must[*secretsmanager.UpdateSecretOutput](t)(client.UpdateSecret(&secretsmanager.UpdateSecretInput{SecretId: aws.String("a/b"), SecretBinary: []byte("three")}))
	if diff := cmp.Diff(map[string][]string{token1: {"AWSPREVIOUS"}, *updated.VersionId: {"AWSCURRENT"}}, stages()); diff != "" {
		t.Errorf("after an update (-want +got):\n%s", diff)
	}
	value := must[*secretsmanager.GetSecretValueOutput](t)(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: aws.String("a/b")}))
	if string(value.SecretBinary) != "three" || value.SecretString != nil {
		t.Errorf("current value %q %q", value.SecretBinary, aws.StringValue(value.SecretString))
	}
	value = must[*secretsmanager.GetSecretValueOutput](t)(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: aws.String("a/b"), VersionId: aws.String(token2)}))
	if *value.SecretString != "two" {
		t.Errorf("second value %q", *value.SecretString)
	}
	versions := must[*secretsmanager.ListSecretVersionIdsOutput](t)(client.ListSecretVersionIds(&secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String("a/b")}))
	all := must[*secretsmanager.ListSecretVersionIdsOutput](t)(client.ListSecretVersionIds(&secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String("a/b"), IncludeDeprecated: aws.Bool(true)}))
	if len(versions.Versions) != 2 || len(all.Versions) != 3 {
		t.Errorf("%d versions with stages, %d in all", len(versions.Versions), len(all.Versions))
	}
}

func TestSecretsManagerRefuses(t *testing.T) {
	t.Parallel()
	client := secretsmanager.New(newSession(t, localaws.New()))
	must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("there", "value")))
	create := func(change func(*secretsmanager.CreateSecretInput)) func() error {
		in := newSecret("new", "value")
		change(in)
		return func() error { return failing(client.CreateSecret(in)) }
	}
	put := func(token, value string) func() error {
		return func() error {
			return failing(client.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("there"), SecretString: aws.String(value), ClientRequestToken: aws.String(token)}))
		}
	}
	remove := func(id string, change func(*secretsmanager.DeleteSecretInput)) func() error {
		in := &secretsmanager.DeleteSecretInput{SecretId: aws.String(id)}
		change(in)
		return func() error { return failing(client.DeleteSecret(in)) }
	}
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint(i), "v")
	}
	testRefusals(t, []refusal{
		{"the same creation again is fine", create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String("there") }), ""},
		{"the same token with another value", create(func(in *secretsmanager.CreateSecretInput) {
			in.Name, in.SecretString = aws.String("there"), aws.String("other")
		}), secretsmanager.ErrCodeResourceExistsException},
		{"another token", create(func(in *secretsmanager.CreateSecretInput) {
			in.Name, in.ClientRequestToken = aws.String("there"), aws.String(token2)
		}), secretsmanager.ErrCodeResourceExistsException},
		{"a short token", put("short", "value"), "InvalidParameter"}, // the SDK's own check
		{"a name with a space", create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String("a b") }), secretsmanager.ErrCodeInvalidParameterException},
		{"a name of 513 characters", create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String(strings.Repeat("a", 513)) }), secretsmanager.ErrCodeInvalidParameterException},
		{"a value of 64 KiB and one byte", create(func(in *secretsmanager.CreateSecretInput) { in.SecretString = aws.String(strings.Repeat("a", 65537)) }), "ValidationException"},
		{"a text and bytes", create(func(in *secretsmanager.CreateSecretInput) { in.SecretBinary = []byte("x") }), secretsmanager.ErrCodeInvalidParameterException},
		{"a description of 2049 characters", create(func(in *secretsmanager.CreateSecretInput) { in.Description = aws.String(strings.Repeat("a", 2049)) }), "ValidationException"},
		{"a tag with a bracket", create(func(in *secretsmanager.CreateSecretInput) { in.Tags = secretTags("a<b", "1") }), secretsmanager.ErrCodeInvalidParameterException},
		{"51 tags", create(func(in *secretsmanager.CreateSecretInput) { in.Tags = secretTags(many...) }), secretsmanager.ErrCodeInvalidParameterException},
		{"a tag given twice", create(func(in *secretsmanager.CreateSecretInput) { in.Tags = secretTags("a", "1", "a", "2") }), secretsmanager.ErrCodeInvalidParameterException},
		{"a key that is not there", create(func(in *secretsmanager.CreateSecretInput) { in.KmsKeyId = aws.String("alias/nobody") }), secretsmanager.ErrCodeEncryptionFailure},
		{"the simulator's key is fine", create(func(in *secretsmanager.CreateSecretInput) { in.KmsKeyId = aws.String(localaws.KMSKey) }), ""},
		{"the value that is there already, under its token, is fine", put(token1, "value"), ""},
		{"another value under a used token", put(token1, "other"), secretsmanager.ErrCodeResourceExistsException},
		{"an update under a used token", func() error {
			return failing(client.UpdateSecret(&secretsmanager.UpdateSecretInput{SecretId: aws.String("there"), SecretString: aws.String("value"), ClientRequestToken: aws.String(token1)}))
		}, secretsmanager.ErrCodeResourceExistsException},
		{"no value", func() error {
			return failing(client.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("there")}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"AWSCURRENT removed", func() error {
			return failing(client.UpdateSecretVersionStage(&secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String("there"), VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: aws.String(token1)}))
		}, secretsmanager.ErrCodeInvalidParameterException},
		{"a secret that is not there", func() error {
			return failing(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: aws.String("nobody")}))
		}, secretsmanager.ErrCodeResourceNotFoundException},
		{"a stage that is not there", func() error {
			return failing(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: aws.String("there"), VersionStage: aws.String("AWSPREVIOUS")}))
		}, secretsmanager.ErrCodeResourceNotFoundException},
		{"a window of 6 days", remove("there", func(in *secretsmanager.DeleteSecretInput) { in.RecoveryWindowInDays = aws.Int64(6) }), secretsmanager.ErrCodeInvalidParameterException},
		{"a window of 31 days", remove("there", func(in *secretsmanager.DeleteSecretInput) { in.RecoveryWindowInDays = aws.Int64(31) }), secretsmanager.ErrCodeInvalidParameterException},
		{"a window and force", remove("there", func(in *secretsmanager.DeleteSecretInput) {
			in.RecoveryWindowInDays, in.ForceDeleteWithoutRecovery = aws.Int64(7), aws.Bool(true)
		}), secretsmanager.ErrCodeInvalidParameterException},
		{"the deletion of what is not there", remove("nobody", func(*secretsmanager.DeleteSecretInput) {}), secretsmanager.ErrCodeResourceNotFoundException},
		{"its forced deletion is fine", remove("nobody", func(in *secretsmanager.DeleteSecretInput) { in.ForceDeleteWithoutRecovery = aws.Bool(true) }), ""},
		{"a page of 101", func() error {
			return failing(client.ListSecrets(&secretsmanager.ListSecretsInput{MaxResults: aws.Int64(101)}))
		}, secretsmanager.ErrCodeInvalidParameterException},
		{"a token nobody made", func() error {
			return failing(client.ListSecrets(&secretsmanager.ListSecretsInput{NextToken: aws.String("x")}))
		}, secretsmanager.ErrCodeInvalidNextTokenException},
		{"a filter nobody knows", func() error {
			return failing(client.ListSecrets(&secretsmanager.ListSecretsInput{Filters: []*secretsmanager.Filter{{Key: aws.String("colour"), Values: aws.StringSlice([]string{"red"})}}}))
		}, "ValidationException"},
	})
}

func TestASecretScheduledForDeletion(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	client := secretsmanager.New(newSession(t, sim))
	must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("s", "v")))
	id := aws.String("s")
	deleted := must[*secretsmanager.DeleteSecretOutput](t)(client.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(7)}))
	if want := clock.Now().AddDate(0, 0, 7); !deleted.DeletionDate.Equal(want) {
		t.Errorf("deletion on %v, want %v", deleted.DeletionDate, want)
	}
	testRefusals(t, []refusal{
		{"a new secret of its name", func() error { return failing(client.CreateSecret(newSecret("s", "v"))) }, secretsmanager.ErrCodeInvalidRequestException},
		{"its value", func() error { return failing(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: id})) }, secretsmanager.ErrCodeInvalidRequestException},
		{"a new value", func() error {
			return failing(client.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String("w")}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"an update", func() error {
			return failing(client.UpdateSecret(&secretsmanager.UpdateSecretInput{SecretId: id, Description: aws.String("d")}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"tags", func() error {
			return failing(client.TagResource(&secretsmanager.TagResourceInput{SecretId: id, Tags: secretTags("k", "v")}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"taking tags off", func() error {
			return failing(client.UntagResource(&secretsmanager.UntagResourceInput{SecretId: id, TagKeys: aws.StringSlice([]string{"k"})}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"another deletion", func() error {
			return failing(client.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: id}))
		}, secretsmanager.ErrCodeInvalidRequestException},
		{"its versions are still shown", func() error {
			return failing(client.ListSecretVersionIds(&secretsmanager.ListSecretVersionIdsInput{SecretId: id}))
		}, ""},
	})
	shown := must[*secretsmanager.DescribeSecretOutput](t)(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: id}))
	if shown.DeletedDate == nil {
		t.Error("DescribeSecret shows no DeletedDate")
	}
	listed := must[*secretsmanager.ListSecretsOutput](t)(client.ListSecrets(&secretsmanager.ListSecretsInput{}))
	planned := must[*secretsmanager.ListSecretsOutput](t)(client.ListSecrets(&secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)}))
	if len(listed.SecretList) != 0 || len(planned.SecretList) != 1 || len(sim.Inventory()) != 0 {
		t.Errorf("listed %v, with planned deletions %v, inventory %v", listed.SecretList, planned.SecretList, sim.Inventory())
	}
	must[*secretsmanager.RestoreSecretOutput](t)(client.RestoreSecret(&secretsmanager.RestoreSecretInput{SecretId: id}))
	value := must[*secretsmanager.GetSecretValueOutput](t)(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: id}))
	if *value.SecretString != "v" {
		t.Errorf("restored value %q", *value.SecretString)
	}
	must[*secretsmanager.DeleteSecretOutput](t)(client.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: id}))
	clock.Advance(30 * 24 * time.Hour)
	if code := codeOf(failing(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: id}))); code != secretsmanager.ErrCodeResourceNotFoundException {
		t.Errorf("after the window: %q", code)
	}
}

func TestTheNameOfAForceDeletedSecret(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := secretsmanager.New(newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Secret: 10 * time.Second}))))
	first := must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("s", "v")))
	must[*secretsmanager.DeleteSecretOutput](t)(client.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: first.ARN, ForceDeleteWithoutRecovery: aws.Bool(true)}))
	if err := failing(client.CreateSecret(newSecret("s", "v"))); codeOf(err) != secretsmanager.ErrCodeInvalidRequestException || !strings.Contains(err.Error(), "scheduled for deletion") {
		t.Errorf("right after the deletion: %v", err)
	}
	clock.Advance(10 * time.Second)
	second := must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("s", "v")))
	if *first.ARN == *second.ARN {
		t.Error("the new secret has the old one's ARN")
	}
	if code := codeOf(failing(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: first.ARN}))); code != secretsmanager.ErrCodeResourceNotFoundException {
		t.Errorf("the old ARN: %q", code)
	}
	partial := aws.String((*second.ARN)[:len(*second.ARN)-7])
	if got := must[*secretsmanager.DescribeSecretOutput](t)(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: partial})); *got.ARN != *second.ARN {
		t.Errorf("the ARN without its end means %s", *got.ARN)
	}
}

func TestSecretsAreFilteredByPrefixes(t *testing.T) {
	t.Parallel()
	client := secretsmanager.New(newSession(t, localaws.New()))
	for name, tags := range map[string][]*secretsmanager.Tag{
		"ours":     secretTags("org", "o1", "team", "x"),
		"lookalik": secretTags("organ", "x", "z", "o1-prod"),
		"theirs":   secretTags("org", "o2"),
		"untagged": nil,
	} {
		in := newSecret(name, "v")
		in.Tags, in.Description = tags, aws.String("Of "+name)
		must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(in))
	}
	filter := func(key string, values ...string) *secretsmanager.Filter {
		return &secretsmanager.Filter{Key: aws.String(key), Values: aws.StringSlice(values)}
	}
	for name, c := range map[string]struct {
		filters []*secretsmanager.Filter
		want    []string
	}{
		"nothing": {nil, []string{"lookalik", "ours", "theirs", "untagged"}},
		"key and value know nothing of each other": {[]*secretsmanager.Filter{filter("tag-key", "org"), filter("tag-value", "o1")}, []string{"lookalik", "ours"}},
		"one of several values":                    {[]*secretsmanager.Filter{filter("tag-value", "o2", "x")}, []string{"lookalik", "ours", "theirs"}},
		"not":                                      {[]*secretsmanager.Filter{filter("tag-key", "!org")}, []string{"untagged"}},
		"names by their case":                      {[]*secretsmanager.Filter{filter("name", "OURS")}, nil},
		"names by their prefix":                    {[]*secretsmanager.Filter{filter("name", "the")}, []string{"theirs"}},
		"descriptions in any case":                 {[]*secretsmanager.Filter{filter("description", "of O")}, []string{"ours"}},
		"anything":                                 {[]*secretsmanager.Filter{filter("all", "TEAM")}, []string{"ours"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := must[*secretsmanager.ListSecretsOutput](t)(client.ListSecrets(&secretsmanager.ListSecretsInput{Filters: c.filters}))
			var got []string
			for _, s := range out.SecretList {
				got = append(got, *s.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsAreListedInPages(t *testing.T) {
	t.Parallel()
	client := secretsmanager.New(newSession(t, localaws.New()))
	var want []string
	for i := range 205 {
		name := fmt.Sprintf("s%03d", i)
		want = append(want, name)
		must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret(name, "v")))
	}
	for _, order := range []string{"asc", "desc"} {
		var sizes []int
		var got []string
		err := client.ListSecretsPages(&secretsmanager.ListSecretsInput{SortOrder: aws.String(order)}, func(page *secretsmanager.ListSecretsOutput, _ bool) bool {
			sizes = append(sizes, len(page.SecretList))
			for _, s := range page.SecretList {
				got = append(got, *s.Name)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{100, 100, 5}, sizes); diff != "" {
			t.Errorf("%s: page sizes (-want +got):\n%s", order, diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", order, diff)
		}
		slices.Reverse(want)
	}
}

func TestANewSecretIsNotSeenAtOnce(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := secretsmanager.New(newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Visible: 5 * time.Second}))))
	must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("s", "v")))
	describe := func() error {
		return failing(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: aws.String("s")}))
	}
	listed := must[*secretsmanager.ListSecretsOutput](t)(client.ListSecrets(&secretsmanager.ListSecretsInput{}))
	if code := codeOf(describe()); code != secretsmanager.ErrCodeResourceNotFoundException || len(listed.SecretList) != 0 {
		t.Errorf("right after the creation: %q, listed %v", code, listed.SecretList)
	}
	clock.Advance(5 * time.Second)
	if err := describe(); err != nil {
		t.Error(err)
	}
}

func TestASecretKeepsAHundredVersions(t *testing.T) {
	t.Parallel()
	client := secretsmanager.New(newSession(t, localaws.New()))
	id := aws.String("s")
	must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(newSecret("s", "first")))
	must[*secretsmanager.TagResourceOutput](t)(client.TagResource(&secretsmanager.TagResourceInput{SecretId: id, Tags: secretTags("a", "1", "b", "2")}))
	must[*secretsmanager.UntagResourceOutput](t)(client.UntagResource(&secretsmanager.UntagResourceInput{SecretId: id, TagKeys: aws.StringSlice([]string{"a", "c"})}))
	must[*secretsmanager.PutSecretValueOutput](t)(client.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String("kept"), VersionStages: aws.StringSlice([]string{"MINE"})}))
	for i := range 110 {
		must[*secretsmanager.PutSecretValueOutput](t)(client.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String(fmt.Sprint(i))}))
	}
	n := 0
	in := &secretsmanager.ListSecretVersionIdsInput{SecretId: id, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int64(30)}
	err := client.ListSecretVersionIdsPages(in, func(page *secretsmanager.ListSecretVersionIdsOutput, _ bool) bool {
		n += len(page.Versions)
		return true
	})
	if err != nil || n != 100 {
		t.Errorf("%d versions, %v", n, err)
	}
	mine := must[*secretsmanager.GetSecretValueOutput](t)(client.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: id, VersionStage: aws.String("MINE")}))
	if *mine.SecretString != "kept" {
		t.Errorf("the labelled version holds %q", *mine.SecretString)
	}
	shown := must[*secretsmanager.DescribeSecretOutput](t)(client.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: id}))
	if diff := cmp.Diff(secretTags("b", "2"), shown.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

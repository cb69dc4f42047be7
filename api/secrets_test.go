package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/localaws"
	"ecs-api/secretsmanager"
)

// addSecret makes a secret past the API and returns its ARN.
func (h *harness) addSecret(t testing.TB, name string, tags common.Tags) string {
	t.Helper()
	out, err := h.sdk().Secrets.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String("theirs"), Tags: secretsmanager.FromTags(tags),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.StringValue(out.ARN)
}

// secret returns what AWS knows of a secret.
func (h *harness) secret(t testing.TB, id string) *awssecrets.DescribeSecretOutput {
	t.Helper()
	out, err := h.sdk().Secrets.Secret(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// partial returns a secret's ARN without its random end.
func partial(arn string) string { return arn[:len(arn)-7] }

// foreignKey is a key of another account, which we may not use.
const foreignKey = "arn:aws:kms:us-east-1:999999999999:key/11111111-2222-4333-8444-555555555555"

func TestSecrets(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	other := h.addSecret(t, "other", tagsOthers)
	h.addSecret(t, "nobodys", tagsNone)
	h.addSecret(t, "spinup/localdev2/clu/cred", tagsOthers)
	ask(t, h, []asked{
		{"no secrets are an empty array", "GET", "/secrets", "", 200, map[string]any{"#": 0}},
		{"a new secret", "POST", "/secrets", `{"name":"sshhhhh","SecretString":"abc123","Tags":[{"key":"Application","value":"Foo"}]}`, 200, map[string]any{"Name": "sshhhhh"}},
		{"a new secret of bytes, below a path", "POST", "/secrets", `{"Name":"a/b","SecretBinary":"aGVsbG8=","KmsKeyId":"` + localaws.KMSKey + `"}`, 200, map[string]any{"Name": "a/b"}},
		{"a new secret where a space's are", "POST", "/secrets", `{"Name":"spinup/localdev/clu/x","SecretString":"x"}`, 200, map[string]any{"Name": "spinup/localdev/clu/x"}},
		{"a name that is taken", "POST", "/secrets", `{"Name":"sshhhhh","SecretString":"abc123"}`, 409, map[string]any{"code": "ResourceExistsException"}},
		{"a name that another org took", "POST", "/secrets", `{"Name":"other","SecretString":"abc123"}`, 409, nil},
		{"a secret without a name or a value", "POST", "/secrets", `{}`, 400, wrong("Name", "SecretString")},
		{"a secret with two values", "POST", "/secrets", `{"Name":"x","SecretString":"a","SecretBinary":"YQ=="}`, 400, wrong("SecretBinary")},
		{"a value that is no base64", "POST", "/secrets", `{"Name":"x","SecretBinary":"*"}`, 400, nil},
		{"a name with a space", "POST", "/secrets", `{"Name":"a b","SecretString":"x"}`, 400, wrong("Name")},
		{"a name that climbs", "POST", "/secrets", `{"Name":"spinup/localdev/../localdev2/x","SecretString":"x"}`, 400, wrong("Name")},
		{"a name below another org's path", "POST", "/secrets", `{"Name":"spinup/localdev2/clu/x","SecretString":"x"}`, 400, wrong("Name")},
		{"a name that is a path's beginning", "POST", "/secrets", `{"Name":"spinup/localdev","SecretString":"x"}`, 400, wrong("Name")},
		{"a new secret for another org", "POST", "/secrets", `{"Name":"x","SecretString":"x","Tags":[{"Key":"spinup:org","Value":"localdev2"}]}`, 400, wrong("Tags[0].Value")},
		{"a key that is none", "POST", "/secrets", `{"Name":"x","SecretString":"x","KmsKeyId":"nope"}`, 400, wrong("KmsKeyId")},
		{"a key of another account's", "POST", "/secrets", `{"Name":"x","SecretString":"x","KmsKeyId":"` + foreignKey + `"}`, 400, wrong("KmsKeyId")},
		{"a token that is too short", "POST", "/secrets", `{"Name":"x","SecretString":"x","ClientRequestToken":"short"}`, 400, nil},
		{"a value that is too long", "POST", "/secrets", `{"Name":"x","SecretString":"` + strings.Repeat("x", 65537) + `"}`, 400, nil},
	})
	simple, nested, space := *h.secret(t, "sshhhhh").ARN, *h.secret(t, "a/b").ARN, *h.secret(t, "spinup/localdev/clu/x").ARN
	ask(t, h, []asked{
		{"all of the org's", "GET", "/secrets", "", 200, map[string]any{"#": 3, "0": nested, "1": space, "2": simple}},
		{"those with a tag", "GET", "/secrets?Application=Foo&spinup%3Aorg=localdev", "", 200, map[string]any{"#": 1, "0": simple}},
		{"a tag's value is compared whole", "GET", "/secrets?Application=Fo", "", 200, map[string]any{"#": 0}},
		{"a tag's key is compared whole", "GET", "/secrets?App=Foo", "", 200, map[string]any{"#": 0}},
		{"a value belongs to its key", "GET", "/secrets?Application=localdev", "", 200, map[string]any{"#": 0}},
		{"another org's are nobody's", "GET", "/secrets?spinup:org=localdev2", "", 200, map[string]any{"#": 0}},
		{"what AWS would read as a negation", "GET", "/secrets?Application=!x", "", 200, map[string]any{"#": 0}},
		{"a key without a value", "GET", "/secrets?Application", "", 200, map[string]any{"#": 0}},
		{"more tags than AWS has filters", "GET", "/secrets?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1", "", 200, map[string]any{"#": 0}},
		{"more tags than a secret can have", "GET", "/secrets?a=1" + manyTags(50), "", 400, wrong("query")},
		{"a tag that is asked for twice", "GET", "/secrets?a=1&a=2", "", 400, wrong("a")},
		{"a tag without a key", "GET", "/secrets?=1", "", 400, wrong("query")},

		{"a secret's metadata", "GET", "/secrets/sshhhhh", "", 200, map[string]any{
			"ARN": simple, "Name": "sshhhhh", "Description": nil, "DeletedDate": nil, "KmsKeyId": localaws.KMSKey, "RotationEnabled": nil,
			"Tags.#": 4, "Tags.0.Key": "Application", "Tags.0.Value": "Foo", "Tags.1.Key": "spinup:org", "Tags.1.Value": "localdev",
			"VersionIdsToStages." + current(h.secret(t, simple)) + ".0": "AWSCURRENT",
		}},
		{"the other path", "GET", "/secret/sshhhhh", "", 200, map[string]any{"ARN": simple}},
		{"a name with a slash", "GET", "/secrets/a%2Fb", "", 200, map[string]any{"ARN": nested}},
		{"a name with an unescaped slash", "GET", "/secrets/a/b", "", 404, nil},
		{"an ARN", "GET", "/secrets/" + escaped(nested), "", 200, map[string]any{"Name": "a/b"}},
		{"no such secret", "GET", "/secrets/nothing", "", 404, map[string]any{"detail": `there is no secret "nothing"`}},
		{"another org's secret", "GET", "/secrets/other", "", 404, map[string]any{"detail": `there is no secret "other"`}},
		{"another org's secret by its ARN", "GET", "/secrets/" + escaped(other), "", 404, nil},
		{"another org's secret by a part of its ARN", "GET", "/secrets/" + escaped(partial(other)), "", 404, nil},
		{"nobody's secret", "GET", "/secret/nobodys", "", 404, nil},
		{"a name no secret can have", "GET", "/secrets/a%20b", "", 400, wrong("secret")},
		{"a name that climbs in the path", "GET", "/secrets/a%2F..%2Fb", "", 400, wrong("secret")},
		{"an ARN of something else", "GET", "/secrets/arn:aws:s3:::bucket", "", 400, wrong("secret")},

		{"a new value", "PUT", "/secrets/sshhhhh", `{"Secret":"TOPSEKRET"}`, 200, map[string]any{"ARN": simple, "Name": "sshhhhh"}},
		{"new tags", "PUT", "/secret/sshhhhh", `{"Tags":[{"key":"Application","value":"Bar"},{"Key":"spinup:org","Value":"localdev"}]}`, 200, nil},
		{"a new value and tags", "PUT", "/secrets/a%2Fb", `{"Secret":"TOPSEKRET","Tags":[{"key":"k","value":"v"}]}`, 200, map[string]any{"Name": "a/b"}},
		{"nothing to change", "PUT", "/secrets/sshhhhh", `{"Secret":"","Tags":[]}`, 400, wrong("Secret")},
		{"a tag of another org", "PUT", "/secrets/sshhhhh", `{"Secret":"x","Tags":[{"key":"spinup:org","value":"localdev2"}]}`, 400, wrong("Tags[0].value")},
		{"a tag of AWS's", "PUT", "/secrets/sshhhhh", `{"Tags":[{"key":"aws:x","value":"y"}]}`, 400, wrong("Tags[0].key")},
		{"a change of no secret", "PUT", "/secrets/nothing", `{"Secret":"x"}`, 404, nil},
		{"a change of another org's", "PUT", "/secrets/" + escaped(other), `{"Secret":"x","Tags":[{"key":"k","value":"v"}]}`, 404, nil},
		{"a change of nobody's", "PUT", "/secrets/nobodys", `{"Tags":[{"key":"spinup:org","value":"localdev"}]}`, 404, nil},
		{"the tags afterwards", "GET", "/secrets?Application=Bar", "", 200, map[string]any{"#": 1, "0": simple}},
		{"the other one's tags afterwards", "GET", "/secrets?k=v", "", 200, map[string]any{"#": 1, "0": nested}},

		{"a window that is too short", "DELETE", "/secrets/sshhhhh?window=6", "", 400, wrong("window")},
		{"a window that is too long", "DELETE", "/secrets/sshhhhh?window=31", "", 400, wrong("window")},
		{"a window that is no number", "DELETE", "/secrets/sshhhhh?window=week", "", 400, wrong("window")},
		{"a deletion of another org's", "DELETE", "/secret/other?window=0", "", 404, nil},
		{"a deletion of nobody's", "DELETE", "/secret/nobodys?window=0", "", 404, nil},
		{"a deletion of nothing", "DELETE", "/secret/nothing?window=0", "", 404, nil},
		{"a deletion", "DELETE", "/secrets/sshhhhh", "", 200, map[string]any{"ARN": simple, "Name": "sshhhhh"}},
		{"what is scheduled for deletion is shown", "GET", "/secrets/sshhhhh", "", 200, map[string]any{"ARN": simple}},
		{"what is scheduled for deletion is not listed", "GET", "/secrets?Application=Bar", "", 200, map[string]any{"#": 0}},
		{"a change of what is scheduled for deletion", "PUT", "/secrets/sshhhhh", `{"Secret":"x"}`, 409, map[string]any{
			"detail": `secret "sshhhhh" is scheduled for deletion: DELETE it with ?window=0 to remove it at once, or choose another name`,
		}},
		{"a second deletion", "DELETE", "/secrets/sshhhhh", "", 409, nil},
		{"the name of what is scheduled for deletion", "POST", "/secrets", `{"Name":"sshhhhh","SecretString":"x"}`, 409, map[string]any{
			"detail": `secret "sshhhhh" is scheduled for deletion: DELETE it with ?window=0 to remove it at once, or choose another name`,
		}},
		{"a deletion at once", "DELETE", "/secrets/sshhhhh?window=0", "", 200, map[string]any{"Name": "sshhhhh"}},
		{"nothing is left of it", "GET", "/secrets/sshhhhh", "", 404, nil},
		{"its name is free", "POST", "/secrets", `{"Name":"sshhhhh","SecretString":"x"}`, 200, map[string]any{"Name": "sshhhhh"}},
	})
	for _, name := range []string{"other", "nobodys", "spinup/localdev2/clu/cred"} {
		if s := h.secret(t, name); len(s.VersionIdsToStages) != 1 || len(s.Tags) > 1 || s.DeletedDate != nil {
			t.Errorf("%s was changed: %v", name, s)
		}
	}
	if log := h.log.String(); strings.Contains(log, "TOPSEKRET") || strings.Contains(log, "abc123") {
		t.Error("a value is in the log")
	}
}

// current returns the id of the version that is current.
func current(secret *awssecrets.DescribeSecretOutput) string {
	for id, stages := range secret.VersionIdsToStages {
		if slices.Contains(aws.StringValueSlice(stages), "AWSCURRENT") {
			return id
		}
	}
	return ""
}

func TestResponsesOfSecretsHaveTheSeedsForm(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, test := range []struct {
		name, method, target, body string
		keys                       []string
	}{
		{"a new secret", "POST", "/secrets", `{"Name":"s","SecretString":"x"}`, []string{"ARN", "Name", "VersionId"}},
		{"a new value", "PUT", "/secrets/s", `{"Secret":"x"}`, []string{"ARN", "Name", "VersionId"}},
		{"new tags", "PUT", "/secrets/s", `{"Tags":[{"key":"k","value":"v"}]}`, nil},
		{"a deletion", "DELETE", "/secrets/s", "", []string{"ARN", "DeletionDate", "Name"}},
	} {
		t.Run(test.name, func(t *testing.T) { checkKeys(t, h, test.method, test.target, test.body, test.keys) })
	}
}

// checkKeys sends a request that succeeds, and compares the keys of the response.
func checkKeys(t *testing.T, h *harness, method, target, body string, want []string) {
	t.Helper()
	resp, text := h.do(t, method, base+"/local"+target, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", resp.StatusCode, text)
	}
	if diff := cmp.Diff(want, keysOf(t, text)); diff != "" {
		t.Error(diff)
	}
}

// keysOf returns the keys of a JSON object that are not null, sorted; nil for an empty body.
func keysOf(t *testing.T, body string) []string {
	t.Helper()
	if body == "" {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	maps.DeleteFunc(object, func(_ string, v any) bool { return v == nil })
	return slices.Sorted(maps.Keys(object))
}

func TestAChangeOfASecretIsTheWholeOfIt(t *testing.T) {
	t.Parallel()
	const alias = "alias/aws/secretsmanager"
	token := strings.Repeat("0123456789abcdef", 2)
	value := func(value string) *awssecrets.GetSecretValueOutput {
		return &awssecrets.GetSecretValueOutput{SecretString: &value}
	}
	for _, test := range []struct {
		name, body  string
		want        *awssecrets.GetSecretValueOutput
		description string
		key         string
		responded   []string // the keys of the response
	}{
		{"the value by AWS's name", `{"SecretString":"new"}`, value("new"), "as it was", alias, []string{"ARN", "Name", "VersionId"}},
		{"the value by both names", `{"Secret":"new","SecretString":"new"}`, value("new"), "as it was", alias, []string{"ARN", "Name", "VersionId"}},
		{"AWS's name beside an empty one", `{"Secret":"","SecretString":"new"}`, value("new"), "as it was", alias, []string{"ARN", "Name", "VersionId"}},
		{"bytes", `{"SecretBinary":"bmV3"}`, &awssecrets.GetSecretValueOutput{SecretBinary: []byte("new")}, "as it was", alias, []string{"ARN", "Name", "VersionId"}},
		{"a token", `{"SecretString":"new","ClientRequestToken":"` + token + `"}`, value("new"), "as it was", alias, []string{"ARN", "Name", "VersionId"}},
		{"a description", `{"Description":"new"}`, value("old"), "new", alias, []string{"ARN", "Name"}},
		{"no description", `{"Description":""}`, value("old"), "", alias, []string{"ARN", "Name"}},
		{"a key", `{"KmsKeyId":"` + localaws.KMSKey + `"}`, value("old"), "as it was", localaws.KMSKey, []string{"ARN", "Name"}},
		{"the account's key", `{"KmsKeyId":""}`, value("old"), "as it was", localaws.KMSKey, []string{"ARN", "Name"}},
		{"the secret's own name", `{"Name":"s","SecretId":"s","Description":"new"}`, value("old"), "new", alias, []string{"ARN", "Name"}},
		{"all of it", `{"SecretString":"new","Description":"new","KmsKeyId":"` + localaws.KMSKey + `","Tags":[{"Key":"k","Value":"v"}]}`, value("new"), "new", localaws.KMSKey, []string{"ARN", "Name", "VersionId"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			in := &awssecrets.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("old"), Description: aws.String("as it was"), KmsKeyId: aws.String(alias), Tags: secretsmanager.FromTags(tagsOurs)}
			if _, err := h.sdk().Secrets.CreateSecret(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			resp, body := h.do(t, "PUT", base+"/local/secrets/s", test.body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			if diff := cmp.Diff(test.responded, keysOf(t, body)); diff != "" {
				t.Error(diff)
			}
			now := h.secret(t, "s")
			if aws.StringValue(now.Description) != test.description || aws.StringValue(now.KmsKeyId) != test.key {
				t.Errorf("description %q and key %q, want %q and %q", aws.StringValue(now.Description), aws.StringValue(now.KmsKeyId), test.description, test.key)
			}
			if version := at(t, body, "VersionId"); version != nil && version != current(now) {
				t.Errorf("the response has version %v, but %s is current", version, current(now))
			}
			if strings.Contains(test.body, token) && current(now) != token {
				t.Errorf("version %s, want the caller's token", current(now))
			}
			got := h.secretValue(t, "s")
			if aws.StringValue(got.SecretString) != aws.StringValue(test.want.SecretString) || string(got.SecretBinary) != string(test.want.SecretBinary) {
				t.Errorf("the value is %v", got)
			}
		})
	}
	h := newHarness(t, localaws.New())
	h.addSecret(t, "s", tagsOurs)
	ask(t, h, []asked{
		{"two values", "PUT", "/secrets/s", `{"Secret":"a","SecretString":"b"}`, 400, wrong("SecretString")},
		{"text and bytes", "PUT", "/secrets/s", `{"Secret":"a","SecretBinary":"YQ=="}`, 400, wrong("SecretBinary")},
		{"another name", "PUT", "/secrets/s", `{"Name":"t","Secret":"a"}`, 400, wrong("Name")},
		{"another secret", "PUT", "/secrets/s", `{"SecretId":"t","Secret":"a"}`, 400, wrong("SecretId")},
		{"a token without a value", "PUT", "/secrets/s", `{"Description":"d","ClientRequestToken":"` + token + `"}`, 400, wrong("ClientRequestToken")},
		{"a key that is none", "PUT", "/secrets/s", `{"KmsKeyId":"nope"}`, 400, wrong("KmsKeyId")},
		{"a key that we may not use", "PUT", "/secrets/s", `{"Secret":"a","KmsKeyId":"` + foreignKey + `","Tags":[{"Key":"k","Value":"v"}]}`, 400, wrong("KmsKeyId")},
		{"a description that is too long", "PUT", "/secrets/s", `{"Description":"` + strings.Repeat("x", 2049) + `"}`, 400, nil},
	})
	if now := h.secret(t, "s"); len(now.Tags) != 1 || len(now.VersionIdsToStages) != 1 || now.Description != nil {
		t.Errorf("what was refused has changed %v", now)
	}
}

// secretValue returns a secret's value, which no client of ours can.
func (h *harness) secretValue(t *testing.T, id string) *awssecrets.GetSecretValueOutput {
	t.Helper()
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: "http://localaws", Transport: h.aws.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	out, err := awssecrets.New(sess).GetSecretValueWithContext(t.Context(), &awssecrets.GetSecretValueInput{SecretId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeletionWindows(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for query, days := range map[string]int{"": 7, "?window=7": 7, "?window=30": 30, "?window=0": 0} {
		name := "s" + strings.Trim(query, "?")
		h.addSecret(t, name, tagsOurs)
		_, body := h.do(t, "DELETE", base+"/local/secrets/"+name+query, "")
		var out awssecrets.DeleteSecretOutput
		if err := json.Unmarshal([]byte(body), &out); err != nil || out.DeletionDate == nil {
			t.Fatalf("%v in %s", err, body)
		}
		if got := int((time.Until(*out.DeletionDate) + time.Hour).Hours() / 24); got != days {
			t.Errorf("%q deletes in %d days, want %d", query, got, days)
		}
	}
}

// The tags spinup:request, spinup:request-id and spinup:caller say which request of ours created a thing, and whose: rollback goes by the first, so callers set
// none of them.
func TestTheTagsOfRequestsAreNotForCallers(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const tags = `"Tags": [{"Key": "spinup:request", "Value": "www/x"}, {"Key": "spinup:caller", "Value": "eve"}, {"Key": "spinup:request-id", "Value": "two"}, {"Key": "a", "Value": "b"}]`
	for _, request := range []struct{ method, path, body string }{
		{"POST", "/secrets", `{"Name": "s", "SecretString": "x", ` + tags + `}`},
		{"PUT", "/secrets/s", `{` + tags + `}`},
		{"POST", "/params/app", `{"Name": "p", "Value": "x", ` + tags + `}`},
		{"PUT", "/params/app/p", `{` + tags + `}`},
	} {
		if resp, body := h.do(t, request.method, base+"/local"+request.path, request.body, headerRequestID+": one"); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s returned %d %s", request.method, request.path, resp.StatusCode, body)
		}
		have := secretsmanager.ToTags(h.secret(t, "s").Tags)
		if strings.Contains(request.path, "params") {
			_, have = h.about(t, "/"+h.config.Org+"/app/p")
		}
		if want := (common.Tags{{Key: "a", Value: "b"}}).ForOrg(h.config.Org, common.Caller{Name: config.DefaultCaller, RequestID: "one"}); len(have) != len(want) || len(have.Changed(want)) > 0 {
			t.Errorf("after %s %s it has %v, want %v", request.method, request.path, have, want)
		}
	}
}

// A name, and a part of an ARN, may mean another secret the next time AWS reads it. What is changed is what was looked at.
func TestASecretThatTakesTheNameIsKept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, operation, method, body string }{
		{"tags", "TagResource", "PUT", `{"Tags":[{"key":"k","value":"v"}]}`},
		{"a value", "UpdateSecret", "PUT", `{"Secret":"x"}`},
		{"a deletion", "DeleteSecret", "DELETE", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			arn := h.addSecret(t, "s", tagsOurs)
			h.aws.Inject(localaws.Fault{Operation: test.operation, Effect: localaws.Hook, Func: func() {
				if _, err := h.sdk().Secrets.DeleteSecret(context.Background(), arn, 0); err != nil {
					t.Error(err)
				}
				h.addSecret(t, "s", tagsOthers)
			}})
			resp, body := h.do(t, test.method, base+"/local/secrets/"+escaped(partial(arn)), test.body)
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("got %d %s, want 404", resp.StatusCode, body)
			}
			if s := h.secret(t, "s"); len(s.Tags) != 1 || len(s.VersionIdsToStages) != 1 || s.DeletedDate != nil {
				t.Errorf("another org's secret was changed: %v", s)
			}
		})
	}
}

func TestSecretsSurviveLostResponses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, operation, method, target, body string
		lost                                  int // of the two tries that the SDK makes here
		status                                int
	}{
		{"a new secret", "CreateSecret", "POST", "/secrets", `{"Name":"new","SecretString":"x"}`, 1, 200},
		{"a new secret of which nothing is heard", "CreateSecret", "POST", "/secrets", `{"Name":"new","SecretString":"x"}`, 2, 200},
		{"a new value", "UpdateSecret", "PUT", "/secrets/s", `{"Secret":"x"}`, 1, 200},
		{"a new value of which nothing is heard", "UpdateSecret", "PUT", "/secrets/s", `{"Secret":"x"}`, 2, 200},
		{"a new description of which nothing is heard", "UpdateSecret", "PUT", "/secrets/s", `{"Description":"x","KmsKeyId":"alias/aws/ssm"}`, 2, 200},
		{"new tags", "TagResource", "PUT", "/secrets/s", `{"Tags":[{"key":"k","value":"v"}]}`, 1, 200},
		{"new tags of which nothing is heard are rolled back", "TagResource", "PUT", "/secrets/s", `{"Tags":[{"key":"k","value":"v"}]}`, 2, 503},
		{"a deletion", "DeleteSecret", "DELETE", "/secrets/s", "", 1, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			h.addSecret(t, "s", tagsOurs)
			h.aws.Inject(localaws.Fault{Operation: test.operation, Effect: localaws.Lose, Times: test.lost})
			resp, body := h.do(t, test.method, base+"/local"+test.target, test.body)
			if resp.StatusCode != test.status {
				t.Errorf("got %d %s, want %d", resp.StatusCode, body, test.status)
			}
			if tags := h.secret(t, "s").Tags; resp.StatusCode >= http.StatusBadRequest && len(tags) != 1 {
				t.Errorf("left the tags %v", tags)
			}
		})
	}
}

// AWS may respond to a token that it has seen before as moto does: the name is taken.
func TestANewSecretIsKnownByItsToken(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.aws.Inject(
		localaws.Fault{Operation: "CreateSecret", Effect: localaws.Lose},
		localaws.Fault{Operation: "CreateSecret", Effect: localaws.Refuse, Code: "ResourceExistsException", Message: "A resource with the ID you requested already exists."},
	)
	resp, body := h.do(t, "POST", base+"/local/secrets", `{"Name":"new","SecretString":"x"}`)
	if resp.StatusCode != http.StatusOK || at(t, body, "VersionId") != current(h.secret(t, "new")) {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestTheNameOfWhatWasDeletedAtOnceIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(localaws.WithLags(localaws.Lags{Secret: 50 * time.Millisecond})))
	ask(t, h, []asked{
		{"a secret", "POST", "/secrets", `{"Name":"s","SecretString":"x"}`, 200, nil},
		{"its deletion", "DELETE", "/secrets/s?window=0", "", 200, nil},
		{"a secret of the same name", "POST", "/secrets", `{"Name":"s","SecretString":"x"}`, 200, nil},
	})
}

func TestAChangeOfASecretFailsWhole(t *testing.T) {
	t.Parallel()
	before := tagsOurs.With(common.Tag{Key: "old", Value: "1"}, common.Tag{Key: "same", Value: "1"})
	for _, test := range []struct {
		name   string
		faults []localaws.Fault
		left   any // leftBehind of the response
		tags   common.Tags
	}{
		{"the tags are refused", []localaws.Fault{{Operation: "TagResource"}}, nil, before},
		{"the value is refused", []localaws.Fault{{Operation: "UpdateSecret"}}, nil, before},
		{"the value is refused, and the tags cannot be rolled back", []localaws.Fault{{Operation: "UpdateSecret"}, {Operation: "UntagResource"}}, "the new tags of secret s",
			before.With(common.Tag{Key: "new", Value: "2"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			h.addSecret(t, "s", before)
			version := current(h.secret(t, "s"))
			h.aws.Inject(test.faults...)
			resp, body := h.do(t, "PUT", base+"/local/secrets/s", `{"Secret":"x","Tags":[{"key":"old","value":"2"},{"key":"new","value":"2"},{"key":"same","value":"1"}]}`)
			if resp.StatusCode != http.StatusInternalServerError || at(t, body, "leftBehind.0") != test.left {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			now := h.secret(t, "s")
			if current(now) != version {
				t.Error("the value was changed")
			}
			if diff := cmp.Diff(test.tags, secretsmanager.ToTags(now.Tags)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// manyTags returns a query for n tags, to be laid behind another.
func manyTags(n int) string {
	var query strings.Builder
	for i := range n {
		fmt.Fprintf(&query, "&tag%d=1", i)
	}
	return query.String()
}

package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/ssm"
)

// addParameter makes a parameter past the API.
func (h *harness) addParameter(t testing.TB, name string, tags common.Tags) {
	t.Helper()
	if _, err := h.sdk().Params.Put(t.Context(), &awsssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String("theirs"), Type: aws.String("SecureString"), Description: aws.String("as it was"), Tags: ssm.FromTags(tags),
	}); err != nil {
		t.Fatal(err)
	}
}

// about returns what AWS knows of a parameter.
func (h *harness) about(t testing.TB, name string) (*awsssm.ParameterMetadata, common.Tags) {
	t.Helper()
	found, err := h.sdk().Params.Describe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found.ParameterMetadata, found.Tags
}

const arnParameter = "arn:aws:ssm:us-east-1:" + localaws.DefaultAccount + ":parameter/"

func TestParameters(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.addParameter(t, "/localdev/p/theirs", tagsOthers)
	h.addParameter(t, "/localdev/p/bare", tagsNone)
	h.addParameter(t, "/localdev/p/deep/er", tagsOurs)
	h.addParameter(t, "/localdev/pq/x", tagsOurs)
	h.addParameter(t, "/localdev/theirs/x", tagsOthers)
	h.addParameter(t, "/localdev2/p/x", tagsOthers)
	ok := map[string]any{"Message": "OK"}
	ask(t, h, []asked{
		{"a new parameter", "POST", "/params/p", `{"Description":"a secret parameter","Name":"new","Value":"abc123","Tags":[{"key":"Application","value":"someprefix"}]}`, 200,
			map[string]any{"Tier": "Standard", "Version": 1, "VersionId": "1"}},
		{"a parameter of plain text", "POST", "/params/p", `{"name":"plain","value":"abc123","type":"String"}`, 200, map[string]any{"Version": 1}},
		{"a large parameter with a key of its own", "POST", "/params/p", `{"Name":"large","Value":"` + strings.Repeat("x", 5000) + `","Tier":"Advanced","KeyId":"alias/aws/ssm"}`, 200, map[string]any{"Tier": "Advanced"}},
		{"a name that is taken", "POST", "/params/p", `{"Name":"new","Value":"abc123"}`, 409, map[string]any{"code": "ParameterAlreadyExists", "detail": "there is a parameter /localdev/p/new already: PUT changes it"}},
		{"a name that another org took", "POST", "/params/p", `{"Name":"theirs","Value":"abc123"}`, 409, nil},
		{"nothing in it", "POST", "/params/p", `{}`, 400, wrong("Name", "Value")},
		{"no body", "POST", "/params/p", ``, 400, nil},
		{"a name with a slash", "POST", "/params/p", `{"Name":"a/b","Value":"x"}`, 400, wrong("Name")},
		{"a name that climbs", "POST", "/params/p", `{"Name":"..","Value":"x"}`, 400, wrong("Name")},
		{"a name that Parameter Store has no room for", "POST", "/params/p", `{"Name":"` + strings.Repeat("x", 1000) + `","Value":"x"}`, 400, map[string]any{"code": "ValidationException"}},
		{"a prefix with a space", "POST", "/params/a%20b", `{"Name":"x","Value":"x"}`, 400, wrong("prefix")},
		{"a prefix with a slash", "POST", "/params/a%2Fb", `{"Name":"x","Value":"x"}`, 400, wrong("prefix")},
		{"a prefix that climbs", "POST", "/params/%2e%2e", `{"Name":"x","Value":"x"}`, 400, nil},
		{"a value that is too long", "POST", "/params/p", `{"Name":"x","Value":"` + strings.Repeat("x", 4097) + `"}`, 400, map[string]any{"code": "ValidationException"}},
		{"a value that names another parameter", "POST", "/params/p", `{"Name":"x","Value":"{{ssm:y}}"}`, 400, nil},
		{"a type that there is not", "POST", "/params/p", `{"Name":"x","Value":"x","Type":"Number"}`, 400, wrong("Type")},
		{"a key for what is not encrypted", "POST", "/params/p", `{"Name":"x","Value":"x","Type":"String","KeyId":"alias/aws/ssm"}`, 400, wrong("KeyId")},
		{"a key that is none", "POST", "/params/p", `{"Name":"x","Value":"x","KeyId":"nope"}`, 400, map[string]any{"code": "InvalidKeyId"}},
		{"a key of another account's", "POST", "/params/p", `{"Name":"x","Value":"x","KeyId":"` + foreignKey + `"}`, 400, wrong("KeyId")},
		{"an overwriting", "POST", "/params/p", `{"Name":"new","Value":"x","Overwrite":true}`, 400, wrong("Overwrite")},
		{"a new parameter for another org", "POST", "/params/p", `{"Name":"x","Value":"x","Tags":[{"Key":"spinup:org","Value":"localdev2"}]}`, 400, wrong("Tags[0].Value")},

		{"a prefix's names", "GET", "/params/p", "", 200, map[string]any{"#": 5, "0": "bare", "1": "deep/er", "2": "large", "3": "new", "4": "plain"}},
		{"a prefix with nothing in it", "GET", "/params/empty", "", 404, map[string]any{"detail": `there are no parameters under prefix "empty"`}},
		{"a prefix with another org's only", "GET", "/params/theirs", "", 404, map[string]any{"detail": `there are no parameters under prefix "theirs"`}},
		{"a prefix that is none", "GET", "/params/a%20b", "", 400, wrong("prefix")},

		{"a parameter", "GET", "/params/p/new", "", 200, map[string]any{
			"ARN": arnParameter + "localdev/p/new", "Name": "new", "Description": "a secret parameter", "KeyId": localaws.KMSKey, "Type": "SecureString", "Version": 1,
			"Tags.#": 4, "Tags.0.Key": "Application", "Tags.0.Value": "someprefix", "Tags.1.Key": "spinup:org", "Tags.1.Value": "localdev", "Value": nil,
		}},
		{"a parameter of plain text has no key", "GET", "/params/p/plain", "", 200, map[string]any{"Type": "String", "KeyId": nil, "Value": nil}},
		{"the key of its own", "GET", "/params/p/large", "", 200, map[string]any{"KeyId": "alias/aws/ssm"}},
		{"nobody's parameter", "GET", "/params/p/bare", "", 200, map[string]any{"Name": "bare", "Tags.#": nil}},
		{"no such parameter", "GET", "/params/p/nothing", "", 404, map[string]any{"detail": `there is no parameter "nothing" under prefix "p"`}},
		{"another org's parameter", "GET", "/params/p/theirs", "", 404, map[string]any{"detail": `there is no parameter "theirs" under prefix "p"`}},
		{"a parameter's version", "GET", "/params/p/new:1", "", 400, wrong("param")},
		{"a nested parameter", "GET", "/params/p/deep%2Fer", "", 200, map[string]any{"Name": "deep/er", "ARN": arnParameter + "localdev/p/deep/er"}},
		{"a nested parameter that is not there", "GET", "/params/p/deep%2Fest", "", 404, map[string]any{"detail": `there is no parameter "deep/est" under prefix "p"`}},
		{"a nested name that climbs", "GET", "/params/p/deep%2F..%2F..%2Fpq%2Fx", "", 400, wrong("param")},
		{"a nested name with an empty level", "GET", "/params/p/deep%2F", "", 400, wrong("param")},
		{"a nested parameter changes", "PUT", "/params/p/deep%2Fer", `{"Value":"x"}`, 200, ok},
		{"a parameter that climbs", "GET", "/params/p/%2e%2e%2fx", "", 400, wrong("param")},

		{"a new value", "PUT", "/params/p/new", `{"Value":"TOPSEKRET"}`, 200, ok},
		{"new tags", "PUT", "/params/p/new", `{"Tags":[{"key":"Application","value":"other"},{"key":"k","value":"v"}]}`, 200, ok},
		{"a new value and tags", "PUT", "/params/p/plain", `{"Name":"plain","Value":"TOPSEKRET","Type":"String","Tags":[{"Key":"k","Value":"v"}]}`, 200, ok},
		{"a new value that needs its tier", "PUT", "/params/p/large", `{"Value":"` + strings.Repeat("y", 5000) + `","Description":"grown"}`, 200, ok},
		{"what changed", "GET", "/params/p/new", "", 200, map[string]any{
			"Version": 2, "Description": "a secret parameter", "KeyId": localaws.KMSKey, "Type": "SecureString", "Tags.#": 5, "Tags.0.Value": "other", "Tags.1.Value": "localdev", "Tags.2.Value": "default", "Tags.4.Value": "v",
		}},
		{"what changed of plain text", "GET", "/params/p/plain", "", 200, map[string]any{"Version": 2, "Type": "String", "KeyId": nil, "Tags.#": 4}},
		{"what changed of the large one", "GET", "/params/p/large", "", 200, map[string]any{"Version": 2, "Description": "grown", "KeyId": "alias/aws/ssm"}},
		{"nothing to change", "PUT", "/params/p/new", `{"Value":"","Tags":[]}`, 400, wrong("Value")},
		{"a description alone", "PUT", "/params/p/new", `{"Description":"x","Tags":[{"key":"k","value":"v"}]}`, 400, wrong("Value")},
		{"another name", "PUT", "/params/p/new", `{"Name":"old","Value":"x"}`, 400, wrong("Name")},
		{"another type", "PUT", "/params/p/new", `{"Type":"String","Value":"x"}`, 400, wrong("Type")},
		{"a key for what is not encrypted", "PUT", "/params/p/plain", `{"KeyId":"alias/aws/ssm","Value":"x"}`, 400, wrong("KeyId")},
		{"a key of another account's", "PUT", "/params/p/new", `{"KeyId":"` + foreignKey + `","Value":"x","Tags":[{"key":"k","value":"w"}]}`, 400, wrong("KeyId")},
		{"a tag of another org", "PUT", "/params/p/new", `{"Tags":[{"key":"spinup:org","value":"localdev2"}]}`, 400, wrong("Tags[0].value")},
		{"a value that is too long", "PUT", "/params/p/new", `{"Value":"` + strings.Repeat("x", 4097) + `","Tags":[{"key":"k","value":"w"}]}`, 400, nil},
		{"the tags are as before then", "GET", "/params/p/new", "", 200, map[string]any{"Version": 2, "Tags.#": 5, "Tags.4.Value": "v"}},
		{"a change of no parameter", "PUT", "/params/p/nothing", `{"Value":"x"}`, 404, nil},
		{"a change of another org's", "PUT", "/params/p/theirs", `{"Value":"x","Tags":[{"key":"spinup:org","value":"localdev"}]}`, 404, nil},
		{"a change of nobody's", "PUT", "/params/p/bare", `{"Value":"x"}`, 200, ok},

		{"a deletion", "DELETE", "/params/p/new", "", 200, ok},
		{"a second deletion", "DELETE", "/params/p/new", "", 404, map[string]any{"detail": `there is no parameter "new" under prefix "p"`}},
		{"a deletion of another org's", "DELETE", "/params/p/theirs", "", 404, nil},
		{"a deletion of what is no name", "DELETE", "/params/p/a%20b", "", 400, wrong("param")},
		{"a deletion of all", "DELETE", "/params/p", "", 200, map[string]any{"Message": "OK", "Deleted": 4}},
		{"nothing is left", "GET", "/params/p", "", 404, nil},
		{"nothing is left to delete", "DELETE", "/params/p", "", 404, nil},
		{"a prefix with another org's only has nothing to delete", "DELETE", "/params/theirs", "", 404, nil},
		{"a prefix that cannot be deleted", "DELETE", "/params/a%2Fb", "", 400, wrong("prefix")},
	})
	want := []string{"/localdev/p/theirs", "/localdev/pq/x", "/localdev/theirs/x", "/localdev2/p/x"}
	for i, name := range want {
		if about, _ := h.about(t, name); aws.Int64Value(about.Version) != 1 {
			t.Errorf("%s was changed: %v", name, about)
		}
		want[i] = "ssm:parameter " + name
	}
	if diff := cmp.Diff(want, h.aws.Inventory()); diff != "" {
		t.Error(diff)
	}
	if log := h.log.String(); strings.Contains(log, "TOPSEKRET") || strings.Contains(log, "abc123") {
		t.Error("a value is in the log")
	}
}

func TestAParametersDateKeepsItsForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2019, 10, 9, 17, 43, 44, 123, time.FixedZone("CEST", 7200))
	h := newHarness(t, localaws.New(localaws.Clock(func() time.Time { return now })))
	ask(t, h, []asked{
		{"a parameter", "POST", "/params/someprefix", `{"Name":"newsecret123","Value":"abc123"}`, 200, nil},
		{"its date", "GET", "/params/someprefix/newsecret123", "", 200, map[string]any{"LastModifiedDate": "2019-10-09 15:43:44 +0000 UTC"}},
	})
}

func TestResponsesOfParametersHaveTheSeedsForm(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, test := range []struct {
		name, method, target, body string
		keys                       []string
	}{
		{"a new parameter", "POST", "/params/p", `{"Name":"x","Value":"x","Description":"d"}`, []string{"Tier", "Version", "VersionId"}},
		{"a parameter", "GET", "/params/p/x", "", []string{"ARN", "Description", "KeyId", "LastModifiedDate", "Name", "Tags", "Type", "Version"}},
		{"a change", "PUT", "/params/p/x", `{"Value":"x"}`, []string{"Message"}},
		{"a deletion", "DELETE", "/params/p/x", "", []string{"Message"}},
		{"another new parameter", "POST", "/params/p", `{"Name":"x","Value":"x"}`, []string{"Tier", "Version", "VersionId"}},
		{"a deletion of all", "DELETE", "/params/p", "", []string{"Deleted", "Message"}},
	} {
		t.Run(test.name, func(t *testing.T) { checkKeys(t, h, test.method, test.target, test.body, test.keys) })
	}
}

func TestParametersSurviveWhatAWSDoes(t *testing.T) {
	t.Parallel()
	lost, busy := localaws.Fault{Effect: localaws.Lose}, localaws.Fault{Effect: localaws.Refuse, Code: "TooManyUpdates", Message: "There are concurrent updates for a resource that supports one update at a time."}
	for _, test := range []struct {
		name, operation, method, target, body string
	}{
		{"a new parameter", "PutParameter", "POST", "/params/p", `{"Name":"new","Value":"x"}`},
		{"a new value", "PutParameter", "PUT", "/params/p/x", `{"Value":"x"}`},
		{"new tags", "AddTagsToResource", "PUT", "/params/p/x", `{"Tags":[{"key":"k","value":"v"}]}`},
		{"a deletion", "DeleteParameter", "DELETE", "/params/p/x", ""},
		{"a deletion of all", "DeleteParameters", "DELETE", "/params/p", ""},
	} {
		for how, fault := range map[string]localaws.Fault{"its response lost": lost, "too many updates": busy} {
			if how == "too many updates" && test.method == "DELETE" { // AWS says that of updates
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", test.name, how), func(t *testing.T) {
				simulator := localaws.New()
				h := newHarnessOf(t, simulator, Options{
					Config: testConfig(t, simulator), Retry: common.RetryPolicy{Failed: 1, FailedWait: 1}, Backoff: common.Backoff{First: time.Millisecond, Most: time.Millisecond, Budget: 1},
				})
				h.addParameter(t, "/localdev/p/x", tagsOurs)
				fault.Operation = test.operation
				h.aws.Inject(fault)
				if resp, body := h.do(t, test.method, base+"/local"+test.target, test.body); resp.StatusCode != http.StatusOK {
					t.Errorf("got %d %s", resp.StatusCode, body)
				}
			})
		}
	}
}

func TestAChangeOfAParameterFailsWhole(t *testing.T) {
	t.Parallel()
	before := tagsOurs.With(common.Tag{Key: "old", Value: "1"})
	for _, operation := range []string{"AddTagsToResource", "PutParameter"} {
		t.Run(operation, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			h.addParameter(t, "/localdev/p/x", before)
			h.aws.Inject(localaws.Fault{Operation: operation})
			if resp, body := h.do(t, "PUT", base+"/local/params/p/x", `{"Value":"x","Tags":[{"key":"old","value":"2"},{"key":"new","value":"2"}]}`); resp.StatusCode != http.StatusInternalServerError {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			about, tags := h.about(t, "/localdev/p/x")
			if aws.Int64Value(about.Version) != 1 || aws.StringValue(about.Description) != "as it was" {
				t.Errorf("the parameter became %v", about)
			}
			if diff := cmp.Diff(before, tags); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// AWS's pages may be empty before the last.
func TestAPrefixIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New(localaws.EmptyPages()))
	for i := range 120 {
		h.addParameter(t, fmt.Sprintf("/localdev/p/%03d", i), tagsOurs)
	}
	ask(t, h, []asked{
		{"all names", "GET", "/params/p", "", 200, map[string]any{"#": 120, "0": "000", "119": "119"}},
		{"one of them", "GET", "/params/p/050", "", 200, map[string]any{"Name": "050", "Description": "as it was"}},
		{"all are deleted", "DELETE", "/params/p", "", 200, map[string]any{"Deleted": 120}},
	})
}

// TestAnEmptyNameDeletesNoPrefix: what a script sends whose variable is not set must not delete all the parameters of a service.
func TestAnEmptyNameDeletesNoPrefix(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.addParameter(t, "/localdev/p/one", tagsOurs)
	h.addParameter(t, "/localdev/p/two", tagsOurs)
	const path = base + "/local/params"
	for _, mistaken := range []string{"/p/", "/p//", "//p", "//p/", "/p/?x", "/p/?_=a/b"} {
		resp, body := h.do(t, http.MethodDelete, path+mistaken, "")
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("DELETE %s: %d %s", mistaken, resp.StatusCode, body)
		}
	}
	ask(t, h, []asked{
		{"nothing is deleted, and a slash after a name is ignored", "GET", "/params/p/two/", ``, 200, nil},
		{"both names are there, so a doubled slash is one", "DELETE", "/params/p//one", ``, 200, nil},
		{"the prefix itself", "DELETE", "/params/p", ``, 200, map[string]any{"Deleted": 1}},
	})
}

func TestAPrefixWithNestedParametersOnly(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.addParameter(t, "/localdev/t5/a/b", tagsOurs)
	h.addParameter(t, "/localdev/t5/a/theirs", tagsOthers)
	ask(t, h, []asked{
		{"it is listed", "GET", "/params/t5", "", 200, map[string]any{"#": 1, "0": "a/b"}},
		{"it is deleted", "DELETE", "/params/t5", "", 200, map[string]any{"Deleted": 1}},
		{"nothing is left", "GET", "/params/t5", "", 404, nil},
	})
	if diff := cmp.Diff([]string{"ssm:parameter /localdev/t5/a/theirs"}, h.aws.Inventory()); diff != "" {
		t.Error(diff)
	}
}

// harnessWithBackoff is newHarness with a backoff of its own.
func harnessWithBackoff(t *testing.T, simulator *localaws.AWS, backoff common.Backoff) *harness {
	return newHarnessOf(t, simulator, Options{Config: testConfig(t, simulator), Retry: common.RetryPolicy{Failed: 1, FailedWait: 1}, Backoff: backoff})
}

func TestANewParameterWaitsForADeletedOnesName(t *testing.T) {
	t.Parallel()
	h := harnessWithBackoff(t, localaws.New(localaws.WithLags(localaws.Lags{Parameter: 20 * time.Millisecond})), common.Backoff{First: 5 * time.Millisecond, Most: 5 * time.Millisecond, Budget: 1})
	ask(t, h, []asked{
		{"a parameter", "POST", "/params/p", `{"Name":"x","Value":"1"}`, 200, nil},
		{"its deletion", "DELETE", "/params/p/x", "", 200, nil},
		{"another of its name", "POST", "/params/p", `{"Name":"x","Value":"2"}`, 200, map[string]any{"Version": 1}},
		{"and one more", "POST", "/params/p", `{"Name":"x","Value":"3"}`, 409, map[string]any{"code": "ParameterAlreadyExists"}},
	})
}

// A busy name is not said to be taken: there is nothing that PUT could change.
func TestANameThatStaysBusyIsAConflictToRetry(t *testing.T) {
	t.Parallel()
	h := harnessWithBackoff(t, localaws.New(localaws.WithLags(localaws.Lags{Parameter: time.Hour})), common.Backoff{First: time.Millisecond, Most: time.Millisecond, Budget: 1e-6})
	ask(t, h, []asked{
		{"a parameter", "POST", "/params/p", `{"Name":"x","Value":"1"}`, 200, nil},
		{"its deletion", "DELETE", "/params/p/x", "", 200, nil},
		{"another of its name", "POST", "/params/p", `{"Name":"x","Value":"2"}`, 409, map[string]any{
			"code": "ParameterAlreadyExists", "detail": `parameter "/localdev/p/x" was deleted a moment ago, and its name is not free yet`,
		}},
	})
}

package adhoc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
)

func TestReferencesToSecrets(t *testing.T) {
	for id, want := range map[string]string{
		"s":                      "",
		"spinup/org/clu/x!":      "",
		strings.Repeat("x", 512): "",
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b-AbCdEf": "",
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b":        "",
		"":                       secretNameRule + ", or a secret's ARN",
		"a b":                    secretNameRule + ", or a secret's ARN",
		strings.Repeat("x", 513): secretNameRule + ", or a secret's ARN",
		"arn:aws:s3:::bucket":    secretNameRule + ", or a secret's ARN",
		"spinup/org/../other/x":  `must not hold ".." as a segment`,
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:a/./b": `must not hold "." as a segment`,
	} {
		got := ""
		if err := CheckSecretID(id); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestFiltersLeaveOutWhatSecretsManagerWouldMisread(t *testing.T) {
	org := common.Tag{Key: "spinup:org", Value: "localdev"}
	tags := common.Tags{{Key: "Application", Value: "!Foo"}, {Key: "ä", Value: ""}, org}
	for n := range 10 {
		tags = append(tags, common.Tag{Key: fmt.Sprint("k", n), Value: "v"})
	}
	var got []string
	for _, f := range secretFilters(org, tags) {
		got = append(got, aws.StringValue(f.Key)+"="+strings.Join(aws.StringValueSlice(f.Values), ","))
	}
	want := []string{
		"tag-key=spinup:org", "tag-value=localdev", "tag-key=Application", "tag-key=k0", "tag-value=v", "tag-key=k1", "tag-value=v",
		"tag-key=k2", "tag-value=v", "tag-key=k3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRestoredTagsAreThoseOfBefore(t *testing.T) {
	before := common.Tags{{Key: "same", Value: "1"}, {Key: "old", Value: "1"}, {Key: "other", Value: "1"}}
	old, added := restore(before, common.Tags{{Key: "same", Value: "1"}, {Key: "old", Value: "2"}, {Key: "new", Value: "2"}})
	if diff := cmp.Diff(common.Tags{{Key: "old", Value: "1"}}, old); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new"}, added); diff != "" {
		t.Error(diff)
	}
}

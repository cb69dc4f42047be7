package common

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// awsTag is a tag as the SDK has one in the package of each service.
type awsTag struct{ K, V *string }

func TestTagsAreTheSameAfterTheSDKsOwnType(t *testing.T) {
	list := func(key, value *string) *awsTag { return &awsTag{key, value} }
	read := func(tag *awsTag) (key, value *string) { return tag.K, tag.V }
	tags := Tags{{"spinup:org", "localdev"}, {"empty", ""}, {"spinup:org", "again"}}
	if diff := cmp.Diff(tags, ReadTags(ListTags(tags, list), read)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := ListTags(nil, list); got != nil {
		t.Errorf("no tags are listed as %v, and AWS refuses empty lists", got)
	}
	key := "k"
	if diff := cmp.Diff(Tags{{"k", ""}}, ReadTags([]*awsTag{nil, {K: &key}}, read)); diff != "" {
		t.Errorf("what AWS leaves out: -want +got\n%s", diff)
	}
}

package resource

import (
	"testing"

	"ecs-api/common"
)

func TestTheSameRevision(t *testing.T) {
	prefix := RevisionOwner("www", "digest")
	tags := func(owner string, more ...common.Tag) common.Tags {
		return common.Tags{{Key: common.TagOrg, Value: "localdev"}}.With(common.Tag{Key: common.TagRequest, Value: owner}).With(more...)
	}
	by := func(name string) common.Tag { return common.Caller{Name: name}.Tags()[0] }
	app := func(value string) common.Tag { return common.Tag{Key: "app", Value: value} }
	want := tags(prefix+"2", app("www"), by("jane"))
	for name, tt := range map[string]struct {
		have common.Tags
		same bool
	}{
		"the same caller's":       {tags(prefix+"1", app("www"), by("jane")), true},
		"another caller's":        {tags(prefix+"1", app("www"), by("john")), true},
		"of no known caller":      {tags(prefix+"1", app("www")), true},
		"of another digest":       {tags(RevisionOwner("www", "other")+"1", app("www"), by("jane")), false},
		"without ownership":       {common.Tags{app("www"), by("jane")}, false},
		"with another tag":        {tags(prefix+"1", app("api"), by("jane")), false},
		"with a tag too many":     {tags(prefix+"1", app("www"), by("jane"), common.Tag{Key: "b"}), false},
		"with a tag less":         {tags(prefix+"1", by("jane")), false},
		"a caller's tag for ours": {tags(prefix+"1", by("jane"), common.Tag{Key: "b"}), false},
	} {
		if got := IsSameRevision(tt.have, want, prefix); got != tt.same {
			t.Errorf("%s: %t, want %t", name, got, tt.same)
		}
	}
}

package common

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
)

// The tags that ecs-api itself sets.
const (
	TagOrg     = "spinup:org"     // whose it is: what carries another org's does not exist for our callers
	TagSpace   = "spinup:spaceid" // the name of the cluster it belongs to
	TagType    = "spinup:type"
	TagFlavor  = "spinup:flavor"
	TagRequest = "spinup:request" // which service it was created for, and by which request: "www/5f0c…". The ownership tag, by which a rollback knows what it may delete.
	// TagDeleting is on a thing that is about to be deleted: by which attempt. Whoever adopts the thing waits until that has deleted it, or has given up.
	TagDeleting = "spinup:deleting"
	TagCaller   = "spinup:caller" // who created it; see Caller.Tags
	// TagRequestID is the X-Request-Id of the request that created it.
	TagRequestID = "spinup:request-id"
)

// Tag is one tag.
type Tag struct{ Key, Value string }

// Tags are a resource's tags, each key once.
type Tags []Tag

// ListTags returns tags in a service's own type, which the SDK has for each service; nil for none, as some refuse an empty list.
func ListTags[T any](tags Tags, pair func(key, value *string) *T) []*T {
	var list []*T
	for _, t := range tags {
		list = append(list, pair(&t.Key, &t.Value))
	}
	return list
}

// ReadTags returns the tags of a service's own list.
func ReadTags[T any](list []*T, pair func(*T) (key, value *string)) Tags {
	var tags Tags
	for _, t := range list {
		if t != nil {
			key, value := pair(t)
			tags = append(tags, Tag{Key: aws.StringValue(key), Value: aws.StringValue(value)})
		}
	}
	return tags
}

// Get returns the value of the tag with the given key.
func (t Tags) Get(key string) (value string, ok bool) {
	for _, tag := range t {
		if tag.Key == key {
			return tag.Value, true
		}
	}
	return "", false
}

// With returns t with more laid over it: of two tags with one key, the later one stays, in the place of the first.
func (t Tags) With(more ...Tag) Tags {
	out := slices.Clone(t)
	for _, tag := range more {
		if i := slices.IndexFunc(out, func(o Tag) bool { return o.Key == tag.Key }); i >= 0 {
			out[i] = tag
		} else {
			out = append(out, tag)
		}
	}
	return out
}

// Without returns t without the tags that have the given keys.
func (t Tags) Without(keys ...string) Tags {
	return slices.DeleteFunc(slices.Clone(t), func(tag Tag) bool { return slices.Contains(keys, tag.Key) })
}

// ForOrg returns the tags of something that the caller creates for org: those of the request, t, but for those that are ours to set, the org's, and the
// caller's.
func (t Tags) ForOrg(org string, by Caller) Tags {
	return Tags(nil).With(t...).Without(TagOrg, TagRequest, TagDeleting, TagCaller, TagRequestID).With(Tag{TagOrg, org}).With(by.Tags()...)
}

// Changed returns the tags of want that t lacks or has with another value.
func (t Tags) Changed(want Tags) Tags {
	var changed Tags
	for _, tag := range want {
		if have, ok := t.Get(tag.Key); !ok || have != tag.Value {
			changed = append(changed, tag)
		}
	}
	return changed
}

// Keys returns the keys.
func (t Tags) Keys() []string {
	keys := make([]string, len(t))
	for i, tag := range t {
		keys[i] = tag.Key
	}
	return keys
}

// VisibleTo reports whether what carries these tags exists for the callers of org: it is org's, or nobody's.
func (t Tags) VisibleTo(org string) bool {
	have, ok := t.Get(TagOrg)
	return !ok || have == org
}

// TaggedFor reports whether what carries these tags is org's, and so may be deleted along with something else.
func (t Tags) TaggedFor(org string) bool {
	have, ok := t.Get(TagOrg)
	return ok && have == org
}

const (
	maxTags      = 50 // AWS's limit per resource
	reservedTags = 8  // are ours, that of a one-off task which says when it is stopped, or of a thing that it is about to be deleted, included
)

// TooMany reports whether t are more tags of callers than AWS allows beside ours.
func (t Tags) TooMany() bool { return len(t) > maxTags-reservedTags }

// tagText is what AWS allows in keys and values.
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

const tagCharacters = "may hold letters, digits, spaces and _ . : / = + - @"

// Validate returns what AWS would refuse about t, and a spinup:org other than org. Field is the name of the list in the request.
func (t Tags) Validate(field, org string) []FieldError {
	var wrong []FieldError
	if t.TooMany() {
		wrong = append(wrong, FieldError{field, fmt.Sprintf("has %d tags; AWS allows %d, and %d are ours", len(t), maxTags, reservedTags)})
	}
	for i, tag := range t {
		at := fmt.Sprintf("%s[%d]", field, i)
		if member, detail := tag.problem(org); detail != "" {
			wrong = append(wrong, FieldError{at + "." + member, detail})
		}
	}
	return wrong
}

// problem returns the member that is wrong, and why; nothing if none is.
func (t Tag) problem(org string) (member, detail string) {
	if detail := keyProblem(t.Key); detail != "" {
		return "Key", detail
	}
	switch {
	case len([]rune(t.Value)) > 256:
		return "Value", "must have at most 256 characters"
	case !tagText.MatchString(t.Value):
		return "Value", tagCharacters
	case t.Key == TagOrg && t.Value != org:
		return "Value", fmt.Sprintf("must be %q, the org of this server", org)
	}
	return "", ""
}

func keyProblem(key string) string {
	switch {
	case key == "" || len([]rune(key)) > 128:
		return "must have 1 to 128 characters"
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return "must not begin with aws:, which AWS keeps for itself"
	case !tagText.MatchString(key):
		return tagCharacters
	}
	return ""
}

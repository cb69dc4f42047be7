package localaws

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go/aws"
)

// maxTags is how many tags AWS allows on a resource of any service.
const maxTags = 50

// tagText is what keys and values of tags may be written with, in all services.
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// tagPair is one tag.
type tagPair struct{ key, value string }

// tagList is a resource's tags in the order in which they were first set. A list is never changed: with and without return new ones.
type tagList []tagPair

// tagged is a resource's ARN with its tags.
type tagged = iter.Seq2[string, tagList]

// readTags converts a service's own tags; pair takes one apart.
func readTags[T any](in []*T, pair func(*T) (key, value *string)) tagList {
	var out tagList
	for _, t := range in {
		if t != nil {
			key, value := pair(t)
			out = append(out, tagPair{aws.StringValue(key), aws.StringValue(value)})
		}
	}
	return out
}

// writeTags converts tags to a service's own; build makes one.
func writeTags[T any](l tagList, build func(key, value *string) *T) []*T {
	var out []*T
	for _, t := range l {
		out = append(out, build(aws.String(t.key), aws.String(t.value)))
	}
	return out
}

// tagsOfMap converts tags that are written as a map, as CloudWatch Logs does.
func tagsOfMap(m map[string]*string) tagList {
	var out tagList
	for key, value := range m {
		out = append(out, tagPair{key, aws.StringValue(value)})
	}
	slices.SortFunc(out, func(a, b tagPair) int { return strings.Compare(a.key, b.key) })
	return out
}

func (l tagList) asMap() map[string]*string {
	out := map[string]*string{}
	for _, t := range l {
		out[t.key] = aws.String(t.value)
	}
	return out
}

// with returns the list with others set on it.
func (l tagList) with(others tagList) tagList {
	out := slices.Clone(l)
	for _, t := range others {
		if i := out.index(t.key); i >= 0 {
			out[i] = t
		} else {
			out = append(out, t)
		}
	}
	return out
}

// without returns the list without the tags that have one of the keys.
func (l tagList) without(keys []*string) tagList {
	gone := aws.StringValueSlice(keys)
	return slices.DeleteFunc(slices.Clone(l), func(t tagPair) bool { return slices.Contains(gone, t.key) })
}

func (l tagList) index(key string) int {
	return slices.IndexFunc(l, func(t tagPair) bool { return t.key == key })
}

// matches reports whether the list has the key with one of the values, or with any value if there are none.
func (l tagList) matches(key string, values []*string) bool {
	i := l.index(key)
	return i >= 0 && (len(values) == 0 || slices.Contains(aws.StringValueSlice(values), l[i].value))
}

// problem says why AWS would refuse the tags of a request, or nothing. How many they may be is for the caller to see.
func (l tagList) problem() string {
	seen := map[string]bool{}
	for _, t := range l {
		switch {
		case t.key == "" || utf8.RuneCountInString(t.key) > 128:
			return "a tag key must have 1 to 128 characters"
		case utf8.RuneCountInString(t.value) > 256:
			return "the value of tag " + t.key + " must have no more than 256 characters"
		case !tagText.MatchString(t.key) || !tagText.MatchString(t.value):
			return "tag " + t.key + " has characters other than letters, numbers, spaces and _.:/=+-@"
		case strings.HasPrefix(strings.ToLower(t.key), "aws:"):
			return "tag keys that start with aws: are reserved for system use"
		case seen[t.key]:
			return "the tag key " + t.key + " is given twice"
		}
		seen[t.key] = true
	}
	return ""
}

func (l tagList) keys() []string {
	var out []string
	for _, t := range l {
		out = append(out, t.key)
	}
	return out
}

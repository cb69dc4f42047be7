package api

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
)

// maxSecretFilters is how many filters ListSecrets takes, and maxSecretTags how many tags a secret may have.
const maxSecretFilters, maxSecretTags = 10, 50

// filterText is what ListSecrets takes as the value of a filter. It reads a ! in front as a negation: tags cannot hold one.
var filterText = regexp.MustCompile(`^[a-zA-Z0-9 :_@/+=.-]{1,256}$`)

// tagsOf returns the query as the tags that are asked for, by key.
func tagsOf(c call) (common.Tags, error) {
	var tags common.Tags
	var wrong []common.FieldError
	if len(c.query()) > maxSecretTags {
		return nil, common.Invalid(common.FieldError{Field: "query", Detail: fmt.Sprintf("must name at most %d tags: no secret has more", maxSecretTags)})
	}
	for _, key := range slices.Sorted(maps.Keys(c.query())) {
		values := c.query()[key]
		switch {
		case key == "" || checkText(key) != nil:
			wrong = append(wrong, common.FieldError{Field: "query", Detail: "must be made of key=value, for tags that the secrets must have"})
		case len(values) > 1:
			wrong = append(wrong, common.FieldError{Field: key, Detail: "is given more than once"})
		case checkText(values[0]) != nil:
			wrong = append(wrong, common.FieldError{Field: key, Detail: checkText(values[0]).Error()})
		}
		tags = append(tags, common.Tag{Key: key, Value: values[0]})
	}
	return tags, common.Invalid(wrong...)
}

// secretFilters returns filters that leave out most of the secrets that lack one of the tags. They let others pass: AWS compares the
// beginnings of keys and values, and does not know which value belongs to which key.
func secretFilters(org common.Tag, tags common.Tags) []*awssecrets.Filter {
	var filters []*awssecrets.Filter
	add := func(name, value string) {
		if len(filters) < maxSecretFilters && filterText.MatchString(value) {
			filters = append(filters, &awssecrets.Filter{Key: aws.String(name), Values: aws.StringSlice([]string{value})})
		}
	}
	for _, tag := range append(common.Tags{org}, tags.Without(org.Key)...) {
		add(awssecrets.FilterNameStringTypeTagKey, tag.Key)
		add(awssecrets.FilterNameStringTypeTagValue, tag.Value)
	}
	return filters
}

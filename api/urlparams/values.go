package urlparams

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"ecs-api/common"
)

// Values are the checked values of a request's path and query.
type Values struct {
	all      map[string]any
	query    url.Values
	declared map[string]any // the query's parameters that are
}

// Get returns what the request says of name. Asking for what the route does not declare is a bug, and panics.
func Get[T any](v Values, name string) T {
	value, ok := Find[T](v, name)
	if !ok {
		panic(fmt.Sprintf("the route declares no %T %q", value, name))
	}
	return value
}

// Find is Get for what not every route declares.
func Find[T any](v Values, name string) (T, bool) {
	value, ok := v.all[name].(T)
	return value, ok
}

// Has reports whether the query has the parameter.
func (v Values) Has(name string) bool { return v.query.Has(name) }

// maxTags is how many tags a resource may have.
const maxTags = 50

// Tags returns what a query of any keys says beside what is declared, and beside what is for caches, as tags.
func (v Values) Tags() (common.Tags, error) {
	var tags common.Tags
	var wrong []common.FieldError
	query := maps.Clone(v.query)
	maps.DeleteFunc(query, func(key string, _ []string) bool { _, declared := v.declared[key]; return declared || forCaches(key) })
	if len(query) > maxTags {
		return nil, common.Invalid(common.FieldError{Field: "query", Detail: fmt.Sprintf("must name at most %d tags: nothing has more", maxTags)})
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		values := query[key]
		switch {
		case key == "" || CheckText(key) != nil:
			wrong = append(wrong, common.FieldError{Field: "query", Detail: "must be made of key=value, for tags to have"})
		case len(values) > 1:
			wrong = append(wrong, common.FieldError{Field: key, Detail: "is given more than once"})
		case CheckText(values[0]) != nil:
			wrong = append(wrong, common.FieldError{Field: key, Detail: CheckText(values[0]).Error()})
		}
		tags = append(tags, common.Tag{Key: key, Value: values[0]})
	}
	return tags, common.Invalid(wrong...)
}

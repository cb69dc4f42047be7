package urlparams

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

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

// Refuse returns an error, with that detail, for each of the parameters that the query has.
func (v Values) Refuse(detail string, names ...string) (wrong []common.FieldError) {
	for _, name := range names {
		if v.query.Has(name) {
			wrong = append(wrong, common.FieldError{Field: name, Detail: detail})
		}
	}
	return wrong
}

// WrongPeriod says what is wrong with two times, if they are a period.
func (v Values) WrongPeriod(from, to string) []common.FieldError {
	if start, end := Get[time.Time](v, from), Get[time.Time](v, to); !start.IsZero() && !end.IsZero() && end.Before(start) {
		return []common.FieldError{{Field: to, Detail: "is before " + from}}
	}
	return nil
}

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

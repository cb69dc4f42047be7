// Package urlparams declares and checks what a route takes from the path and the query of a URL. It owns one rule: all that a URL says has been
// checked before anybody uses it, and what no route declares is refused.
package urlparams

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"ecs-api/common"
)

// Set is what a route takes from the path and the query. Path variables that it says nothing of are names of one segment. The zero value takes no
// query.
type Set struct {
	params []Param
	anyKey bool           // the query may have any other parameter
	unless map[string]any // the values of query parameters that are not given
}

// Param is what a route takes under one name.
type Param struct {
	Name  string
	Query bool   // it is in the query, not in the path
	Kind  string // for the documentation: flag, number, text, texts, instant, choice, name
	parse func(string) (any, error)
	many  int // how often the query may have it, if that is more than once; the value is a list then, of texts that parse returns
}

// Option adds something to a Set.
type Option func(*Set)

// Add adds what the options say.
func (s *Set) Add(options ...Option) {
	for _, option := range options {
		option(s)
	}
}

// Params returns what has been declared.
func (s *Set) Params() []Param { return slices.Clone(s.params) }

// AnyKey lets the query have any parameters beside those that are declared.
func AnyKey(s *Set) { s.anyKey = true }

// Path takes the path variable name as parse reads it.
func Path(name string, parse func(string) (any, error)) Option {
	return func(s *Set) { s.params = append(s.params, Param{Name: name, Kind: "name", parse: parse}) }
}

// Query takes name from the query, once, as parse reads it; its value is unless if the query lacks it.
func Query(name, kind string, parse func(string) (any, error), unless any) Option {
	return func(s *Set) {
		s.params = append(s.params, Param{Name: name, Query: true, Kind: kind, parse: parse})
		if s.unless == nil {
			s.unless = map[string]any{}
		}
		s.unless[name] = unless
	}
}

// Parse checks the variables of a path, escaped, and a query. The error names everything that is wrong with them.
func (s *Set) Parse(vars map[string]string, rawQuery string) (Values, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Values{}, common.Errorf(common.BadRequest, "the query string is badly formed")
	}
	p := parsing{values: Values{all: maps.Clone(s.unless), query: query, declared: s.unless}, wrong: s.unknown(query), code: common.CodeInvalidRequest}
	if p.values.all == nil {
		p.values.all = map[string]any{}
	}
	if len(p.wrong) > 0 {
		p.code = common.CodeUnknownField
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		p.set(name, vars[name], s.path(name))
	}
	for _, param := range s.params {
		if param.Query && query.Has(param.Name) {
			p.set(param.Name, query.Get(param.Name), param.query(query[param.Name]))
		}
	}
	return p.values, common.InvalidOf(p.code, p.wrong, 0)
}

// parsing is a URL that is being read.
type parsing struct {
	values Values
	wrong  []common.FieldError
	code   common.Code
}

// set keeps the value of name, or what is wrong with it.
func (p *parsing) set(name, value string, parse func(string) (any, error)) {
	v, err := parse(value)
	if err != nil {
		p.wrong = append(p.wrong, common.FieldError{Field: name, Detail: err.Error()})
		p.code = common.CodeInvalidRequest
	}
	p.values.all[name] = v
}

// path returns what reads a path variable.
func (s *Set) path(name string) func(string) (any, error) {
	parse := func(text string) (any, error) { return text, CheckName(text) }
	if i := slices.IndexFunc(s.params, func(p Param) bool { return p.Name == name && !p.Query }); i >= 0 {
		parse = s.params[i].parse
	}
	return func(escaped string) (any, error) {
		text, err := url.PathUnescape(escaped)
		if err != nil {
			return nil, err
		}
		return parse(text)
	}
}

// query returns what reads a query parameter that has been given with these values.
func (p Param) query(values []string) func(string) (any, error) {
	switch {
	case p.many > 0:
		return func(string) (any, error) { return p.parseMany(values) }
	case len(values) > 1:
		return func(string) (any, error) { return nil, fmt.Errorf("is given more than once") }
	}
	return p.parse
}

// unknown returns what is wrong with the names of the query's parameters. A name that begins with _ is for caches and proxies on the way.
func (s *Set) unknown(query url.Values) []common.FieldError {
	if s.anyKey {
		return nil
	}
	var wrong []common.FieldError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		known := slices.ContainsFunc(s.params, func(p Param) bool { return p.Query && p.Name == name })
		if !known && !forCaches(name) {
			wrong = append(wrong, common.FieldError{Field: name, Detail: "is unknown; " + s.known()})
		}
	}
	return wrong
}

// forCaches reports whether a query parameter is none of ours.
func forCaches(name string) bool { return strings.HasPrefix(name, "_") }

// known says which query parameters there are.
func (s *Set) known() string {
	var known []string
	for _, p := range s.params {
		if p.Query {
			known = append(known, p.Name)
		}
	}
	if len(known) == 0 {
		return "this request takes no query parameters"
	}
	slices.Sort(known)
	return "the query parameters of this request are " + strings.Join(known, ", ")
}

package api

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ecs-api/common"
)

// maxName is longer than any name or ARN that AWS accepts.
const maxName = 2048

// param is what an endpoint takes from the path or the query. Path variables that no route says anything of are names of one segment.
type param struct {
	name  string
	query bool
	kind  string // for the documentation: flag, number, text, instant, choice, name
	parse func(string) (any, error)
	many  int // how often the query may have it, if that is more than once
}

// params are the checked values of a request's path and query.
type params struct {
	values map[string]any
	query  url.Values
}

// slashes lets path variables hold slashes, escaped: names of secrets, and ARNs.
func slashes(names ...string) setting {
	return func(e *endpoint) {
		for _, name := range names {
			e.params = append(e.params, param{name: name, kind: "name", parse: func(s string) (any, error) { return s, checkPath(s) }})
		}
	}
}

// flag takes true, false, 1 or 0 from the query; false unless given.
func flag(name string) setting { return queryParam(name, "flag", parseFlag, false) }

// number takes a whole number between least and most from the query; unless unless given.
func number(name string, least, most, unless int64) setting { //nolint:unparam // routes name the whole range
	return queryParam(name, "number", func(s string) (any, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		return n, nil
	}, unless)
}

// text takes a line of text from the query; empty unless given.
func text(name string) setting {
	return queryParam(name, "text", func(s string) (any, error) { return s, checkText(s) }, "")
}

// texts takes lines of text from the query, up to most of them; none unless given.
func texts(name string, most int) setting {
	return func(e *endpoint) {
		queryParam(name, "texts", nil, []string(nil))(e)
		e.params[len(e.params)-1].many = most
	}
}

// parseTexts checks the values of a query parameter that may be given many times.
func parseTexts(values []string, most int) ([]string, error) {
	if len(values) > most {
		return nil, fmt.Errorf("may be given %d times", most)
	}
	for _, s := range values {
		if err := checkText(s); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// choice takes one of the words from the query, in any case; empty unless given.
func choice(name string, words ...string) setting {
	return queryParam(name, "choice", func(s string) (any, error) {
		i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, s) })
		if i < 0 {
			return nil, fmt.Errorf("must be %s", strings.Join(words, " or "))
		}
		return words[i], nil
	}, "")
}

// instant takes a time from the query, in RFC 3339 or as milliseconds since 1970; the zero time unless given.
func instant(name string) setting {
	return queryParam(name, "instant", func(s string) (any, error) {
		t, err := parseInstant(s)
		if err != nil {
			return nil, fmt.Errorf("must be a time such as 2026-01-31T12:00:00Z, or milliseconds since 1970")
		}
		return t, nil
	}, time.Time{})
}

// parseInstant reads a time in RFC 3339 or in milliseconds since 1970.
func parseInstant(s string) (time.Time, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 {
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1)) // a + in a query reads as a space
	return t.UTC(), err
}

// queryParam takes name from the query, once.
func queryParam(name, kind string, parse func(string) (any, error), unless any) setting {
	return func(e *endpoint) {
		e.params = append(e.params, param{name: name, query: true, kind: kind, parse: parse})
		if e.unless == nil {
			e.unless = map[string]any{}
		}
		e.unless[name] = unless
	}
}

// parse checks all that the path and the query say, and reports everything that is wrong with them.
func (e *endpoint) parse(vars map[string]string, rawQuery string) (params, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return params{}, common.Errorf(common.BadRequest, "the query string is badly formed")
	}
	p := params{values: maps.Clone(e.unless), query: query}
	if p.values == nil {
		p.values = map[string]any{}
	}
	wrong := e.unknown(query)
	code := common.CodeInvalidRequest
	if len(wrong) > 0 {
		code = common.CodeUnknownField
	}
	set := func(name, value string, parse func(string) (any, error)) {
		v, err := parse(value)
		if err != nil {
			wrong = append(wrong, common.FieldError{Field: name, Detail: err.Error()})
			code = common.CodeInvalidRequest
		}
		p.values[name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		parse := func(s string) (any, error) { return s, checkName(s) }
		if i := slices.IndexFunc(e.params, func(p param) bool { return p.name == name && !p.query }); i >= 0 {
			parse = e.params[i].parse
		}
		value, err := url.PathUnescape(vars[name])
		if err != nil {
			parse = func(string) (any, error) { return nil, err }
		}
		set(name, value, parse)
	}
	for _, param := range e.params {
		if !param.query || !query.Has(param.name) {
			continue
		}
		parse := param.parse
		if param.many > 0 {
			v, err := parseTexts(query[param.name], param.many)
			set(param.name, "", func(string) (any, error) { return v, err })
			continue
		}
		if len(query[param.name]) > 1 {
			parse = func(string) (any, error) { return nil, fmt.Errorf("is given more than once") }
		}
		set(param.name, query.Get(param.name), parse)
	}
	return p, common.InvalidOf(code, wrong, 0)
}

// anyQuery lets the query have any parameters beside those that the route declares.
func anyQuery(e *endpoint) { e.anyKey = true }

// unknown returns what is wrong with the names of the query's parameters. A name that begins with _ is for caches and proxies on the way.
func (e *endpoint) unknown(query url.Values) []common.FieldError {
	if e.anyKey {
		return nil
	}
	var wrong []common.FieldError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		known := slices.ContainsFunc(e.params, func(p param) bool { return p.query && p.name == name })
		if !known && !strings.HasPrefix(name, "_") {
			wrong = append(wrong, common.FieldError{Field: name, Detail: "is unknown; " + e.knownQuery()})
		}
	}
	return wrong
}

// knownQuery says which query parameters there are.
func (e *endpoint) knownQuery() string {
	var known []string
	for _, p := range e.params {
		if p.query {
			known = append(known, p.name)
		}
	}
	if len(known) == 0 {
		return "this request takes no query parameters"
	}
	slices.Sort(known)
	return "the query parameters of this request are " + strings.Join(known, ", ")
}

func parseFlag(s string) (any, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return nil, fmt.Errorf("must be true, false, 1 or 0")
}

// checkName says what is wrong with a name that is one segment of a path, if anything.
func checkName(s string) error {
	if strings.Contains(s, "/") {
		return fmt.Errorf("must be a single name, without slashes")
	}
	return checkPath(s)
}

// checkPath says what is wrong with a name that may hold slashes, if anything.
func checkPath(s string) error {
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("must not be empty")
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("must not hold %q as a segment", segment)
		}
	}
	return checkText(s)
}

// checkText says what is wrong with text that is to be one line, if anything.
func checkText(s string) error {
	switch {
	case len(s) > maxName:
		return fmt.Errorf("must be at most %d bytes", maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("must be UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("must not hold control or invisible characters")
	}
	return nil
}

// name returns the path variable of that name.
func (c call) name(name string) string { return value[string](c, name) }

// flag returns the query's flag of that name.
func (c call) flag(name string) bool { return value[bool](c, name) }

// number returns the query's number of that name.
func (c call) number(name string) int64 { return value[int64](c, name) }

// text returns the query's text or choice of that name.
func (c call) text(name string) string { return value[string](c, name) }

// texts returns the query's texts of that name.
func (c call) texts(name string) []string { return value[[]string](c, name) }

// instant returns the query's time of that name, in UTC.
func (c call) instant(name string) time.Time { return value[time.Time](c, name) }

// query returns the whole query, for endpoints that take any key. Nothing in it has been checked.
func (c call) query() url.Values { return c.params.query }

// value returns what the request says of name. An endpoint that asks for what its route does not declare is a bug.
func value[T any](c call, name string) T {
	v, ok := c.params.values[name].(T)
	if !ok {
		panic(fmt.Sprintf("the route declares no %T %q", v, name))
	}
	return v
}

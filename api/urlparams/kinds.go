package urlparams

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxFilter is the longest filter pattern that CloudWatch Logs takes.
const maxFilter = 1024

// Slashes lets path variables hold slashes, escaped: names of secrets, and ARNs.
func Slashes(names ...string) Option {
	return func(s *Set) {
		for _, name := range names {
			Path(name, func(text string) (any, error) { return text, checkPath(text) })(s)
		}
	}
}

// Flag takes true, false, 1 or 0 from the query; false unless given.
func Flag(name string) Option {
	return Query(name, "flag", func(s string) (any, error) { return parseFlag(s) }, false)
}

// IsSet reports whether the query of a URL that has not been checked has the flag, once and true.
func IsSet(u *url.URL, flag string) bool {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(query[flag]) != 1 {
		return false
	}
	set, err := parseFlag(query.Get(flag))
	return err == nil && set
}

// parseFlag reads a flag.
func parseFlag(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("must be true, false, 1 or 0")
}

// Number takes a whole number between least and most from the query; unless unless given.
func Number(name string, least, most, unless int64) Option {
	return Query(name, "number", func(s string) (any, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		return n, nil
	}, unless)
}

// Text takes a line of text from the query; empty unless given.
func Text(name string) Option {
	return Query(name, "text", func(s string) (any, error) { return s, CheckText(s) }, "")
}

// Texts takes lines of text from the query, up to most of them; none unless given.
func Texts(name string, most int) Option { return repeated(Text(name), most) }

// Choices takes any of the words from the query, each in any case; none unless given.
func Choices(name string, words ...string) Option {
	return repeated(Choice(name, words...), len(words))
}

// repeated lets the query have a text or a choice more than once, up to most times.
func repeated(one Option, most int) Option {
	return func(s *Set) {
		one(s)
		p := &s.params[len(s.params)-1]
		p.Kind, p.many, s.unless[p.Name] = "texts", most, []string(nil)
	}
}

// parseMany reads the values of a query parameter that may be given many times.
func (p Param) parseMany(values []string) ([]string, error) {
	if len(values) > p.many {
		return nil, fmt.Errorf("may be given %d times", p.many)
	}
	var all []string
	for _, s := range values {
		v, err := p.parse(s)
		if err != nil {
			return nil, err
		}
		all = append(all, v.(string))
	}
	return all, nil
}

// Choice takes one of the words from the query, in any case; empty unless given.
func Choice(name string, words ...string) Option {
	return Query(name, "choice", func(s string) (any, error) {
		i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, s) })
		if i < 0 {
			return nil, fmt.Errorf("must be %s", strings.Join(words, " or "))
		}
		return words[i], nil
	}, "")
}

// Filter takes a filter pattern of CloudWatch Logs from the query; empty unless given.
func Filter(name string) Option {
	return Query(name, "text", func(s string) (any, error) {
		if len(s) > maxFilter {
			return nil, fmt.Errorf("must be at most %d bytes", maxFilter)
		}
		return s, CheckText(s)
	}, "")
}

// Instant takes a time from the query, in RFC 3339 or as milliseconds since 1970; the zero time unless given.
func Instant(name string) Option {
	return Query(name, "instant", func(s string) (any, error) {
		t, err := parseInstant(s)
		if err != nil {
			return nil, errors.New("must be a time such as 2026-01-31T12:00:00Z, or milliseconds since 1970")
		}
		return t, nil
	}, time.Time{})
}

// Moment takes a time from the query like Instant, or how long ago that is: 15m, 2h, 3d.
func Moment(name string) Option {
	return Query(name, "instant", func(s string) (any, error) {
		if d, ok := parseAgo(s); ok {
			return time.Now().Add(-d).UTC(), nil
		}
		t, err := parseInstant(s)
		if err != nil {
			return nil, errors.New("must be how long ago, such as 15m, 2h or 3d, a time such as 2026-01-31T12:00:00Z, or milliseconds since 1970")
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

// parseAgo reads how long ago something is.
func parseAgo(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && !isDigits(s)
}

// isDigits reports whether s is a number without a unit: milliseconds since 1970.
func isDigits(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

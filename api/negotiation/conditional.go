package negotiation

import (
	"net/http"
	"slices"
	"strings"

	"ecs-api/common"
	"ecs-api/orchestration/etag"
)

// Headers of conditional requests (RFC 9110, section 13).
const (
	HeaderETag        = "ETag"
	HeaderIfMatch     = "If-Match"
	HeaderIfNoneMatch = "If-None-Match"
)

// maxTags is how many entity tags a condition may name.
const maxTags = 100

// IfMatch returns the condition that a request with the header is sent on; anything is right without one. A badly formed one is a common.BadRequest.
func IfMatch(h http.Header) (etag.Condition, error) {
	text := strings.TrimSpace(strings.Join(h.Values(HeaderIfMatch), ","))
	switch {
	case text == "" && len(h.Values(HeaderIfMatch)) == 0:
		return etag.Condition{}, nil
	case text == "*":
		return etag.Condition{Any: true}, nil
	}
	tags, ok := entityTags(text)
	if !ok || len(tags) == 0 || len(tags) > maxTags {
		return etag.Condition{}, common.Invalid(common.FieldError{Field: HeaderIfMatch, Detail: `must be * or entity tags in quotes, as ETag has them: "abc", "def"`})
	}
	return etag.Condition{Tags: tags}, nil
}

// entityTags splits a list of entity tags, quotes included. Weak ones keep their W/, and so match no strong one.
func entityTags(text string) (tags []string, ok bool) {
	for rest := strings.TrimLeft(text, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		weak := ""
		if strings.HasPrefix(rest, "W/") {
			weak, rest = "W/", rest[2:]
		}
		if !strings.HasPrefix(rest, `"`) {
			return nil, false
		}
		opaque, after, closed := strings.Cut(rest[1:], `"`)
		if !closed {
			return nil, false
		}
		tags = append(tags, weak+`"`+opaque+`"`)
		rest = strings.TrimLeft(after, " \t")
		if rest != "" && rest[0] != ',' {
			return nil, false
		}
	}
	return tags, true
}

// NotModified reports whether the caller of the read r has the state with the entity tag already. If-None-Match compares weakly, as caches on the way may weaken tags.
func NotModified(r *http.Request, current string) bool {
	text := strings.TrimSpace(strings.Join(r.Header.Values(HeaderIfNoneMatch), ","))
	if current == "" || text == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	tags, ok := entityTags(text)
	return text == "*" || ok && slices.ContainsFunc(tags, func(tag string) bool { return strings.TrimPrefix(tag, "W/") == current })
}

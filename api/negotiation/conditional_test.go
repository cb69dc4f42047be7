package negotiation

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/orchestration/etag"
)

func TestConditions(t *testing.T) {
	for header, want := range map[string]*etag.Condition{
		`"a"`:          {Tags: []string{`"a"`}},
		`"a", W/"b,c"`: {Tags: []string{`"a"`, `W/"b,c"`}},
		` * `:          {Any: true},
		`a`:            nil,
		`"a`:           nil,
		`"a" "b"`:      nil,
		`, ,`:          nil,
		``:             nil,
	} {
		got, err := IfMatch(http.Header{HeaderIfMatch: {header}})
		if (err != nil) != (want == nil) {
			t.Errorf("If-Match: %s: %v", header, err)
		} else if want != nil && !cmp.Equal(got, *want) {
			t.Errorf("If-Match: %s: %+v", header, got)
		}
	}
	if got, err := IfMatch(http.Header{}); err != nil || !cmp.Equal(got, etag.Condition{}) {
		t.Errorf("without If-Match: %+v, %v", got, err)
	}
	for header, want := range map[string]bool{`"a"`: true, `W/"a"`: true, `"b", "a"`: true, `*`: true, `"b"`: false, `a`: false, ``: false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(HeaderIfNoneMatch, header)
		if NotModified(r, `"a"`) != want {
			t.Errorf("If-None-Match: %s: %v", header, !want)
		}
		r.Method = http.MethodPut
		if NotModified(r, `"a"`) {
			t.Errorf("If-None-Match: %s of a write counts", header)
		}
	}
}

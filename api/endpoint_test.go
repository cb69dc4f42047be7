package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestResponsesAreEncodedBeforeTheyAreWritten(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	tests := []struct {
		name   string
		out    any
		status int
		body   string
	}{
		{"nothing", none{}, 201, ""},
		{"a nil pointer is an empty body", (*awsecs.Cluster)(nil), 201, ""},
		{"a nil slice is an empty array", []string(nil), 201, "[]\n"},
		{"a list", []string{"<a&b>"}, 201, "[\"<a&b>\"]\n"},
		{"an SDK struct has its PascalCase names", awsecs.Deployment{DesiredCount: aws.Int64(1), CreatedAt: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}, 201, `"CreatedAt":"2026-01-02T03:04:05Z","DesiredCount":1,`},
		{"a time keeps its zone", time.Date(2026, 1, 2, 3, 4, 5, 0, zone), 201, "\"2026-01-02T03:04:05+01:00\"\n"},
		{"what cannot be encoded is our fault, not half a response", map[string]any{"a": 1, "f": func() {}}, 500, `"status":500`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			h.v1().Handle("/response", handle(h.Server, http.StatusCreated, func(c call, _ none) (any, error) {
				c.header.Set("Location", "/there")
				return tt.out, nil
			})).Methods(http.MethodGet)
			resp, body := h.do(t, http.MethodGet, "/v1/ecs/response", "")
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) || tt.body == "" && body != "" {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			if located := resp.Header.Get("Location") != ""; located != (tt.status < 300) {
				t.Errorf("Location %q with status %d", resp.Header.Get("Location"), resp.StatusCode)
			}
			if typed := resp.Header.Get("Content-Type") != ""; typed != (body != "") {
				t.Errorf("Content-Type %q for %q", resp.Header.Get("Content-Type"), body)
			}
		})
	}
}

func TestAWriteIsSeenThroughWhenItsCallerHangsUp(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]error{http.MethodGet: context.Canceled, http.MethodPut: nil, http.MethodPost: nil, http.MethodDelete: nil} {
		t.Run(method, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			ctx, hangUp := context.WithCancel(t.Context())
			var limit time.Duration
			h.v1().Handle("/wait", handle(h.Server, http.StatusOK, func(c call, _ none) (none, error) {
				hangUp()
				deadline, _ := c.Context().Deadline()
				limit = time.Until(deadline)
				return none{}, c.Context().Err()
			}, within(time.Hour))).Methods(method)
			r := httptest.NewRequest(method, "/v1/ecs/wait", nil).WithContext(ctx)
			r.Header.Set(headerToken, testToken)
			w := httptest.NewRecorder()
			h.Handler().ServeHTTP(w, r)
			if ended := w.Code != http.StatusOK; ended != (want != nil) {
				t.Errorf("got %d %s, want the endpoint's context to end with %v", w.Code, w.Body, want)
			}
			if limit < 59*time.Minute || limit > time.Hour {
				t.Errorf("the endpoint has %s, want what its route says", limit)
			}
			if logged := h.log.String(); (want != nil) != strings.Contains(logged, `"status":499`) {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

func TestReadsAndWritesHaveDeadlinesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	var limit time.Duration
	h.v1().Handle("/limit", handle(h.Server, http.StatusOK, func(c call, _ none) (none, error) {
		deadline, ok := c.Context().Deadline()
		if !ok {
			return none{}, errors.New("no deadline")
		}
		limit = time.Until(deadline)
		return none{}, nil
	}))
	for method, want := range map[string]time.Duration{http.MethodGet: readTime, http.MethodHead: readTime, http.MethodPost: writeTime, http.MethodDelete: writeTime} {
		resp, body := h.do(t, method, "/v1/ecs/limit", "")
		if resp.StatusCode != http.StatusOK || limit > want || limit < want-10*time.Second {
			t.Errorf("%s has %s, want %s; returned %d %s", method, limit, want, resp.StatusCode, body)
		}
	}
}

func TestAPanicIsAResponseAndALogLine(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.v1().Handle("/panic", handle(h.Server, http.StatusOK, func(call, none) (none, error) { panic("a bug\nforged line") })).Methods(http.MethodGet)
	h.v1().Handle("/undeclared", handle(h.Server, http.StatusOK, func(c call, _ none) (bool, error) { return c.flag("all"), nil })).Methods(http.MethodGet)
	for _, path := range []string{"/panic", "/undeclared"} {
		resp, body := h.do(t, http.MethodGet, "/v1/ecs"+path, "")
		if p := problemOf(t, resp, body); p.Status != http.StatusInternalServerError || strings.Contains(body, "a bug") {
			t.Errorf("%s returned %s", path, body)
		}
	}
	logged := h.log.String()
	if !strings.Contains(logged, "endpoint_test.go") || strings.Contains(logged, "\nforged") {
		t.Errorf("the log lacks the stack, or holds a line that is not ours: %s", logged)
	}
	if resp, _ := h.do(t, http.MethodGet, "/v1/ecs/ping", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("ping returned %d afterwards", resp.StatusCode)
	}
}

func TestWhatPathAndQuerySayIsCheckedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	type said struct {
		Account, Name, ARN, Task, Status string
		All                              bool
		Limit                            int64
		Start                            string
	}
	h.v1().Handle("/{account}/things/{thing}/{arn}", handle(h.Server, http.StatusOK, func(c call, _ none) (said, error) {
		return said{
			c.account.Name, c.name("thing"), c.name("arn"), c.text("task"), c.text("status"), c.flag("all"), c.number("limit"),
			c.instant("start").Format(time.RFC3339),
		}, nil
	}, slashes("arn"), flag("all"), number("limit", 1, 100, 7), text("task"), choice("status", "ACTIVE", "INACTIVE"), instant("start"))).Methods(http.MethodGet)

	long := strings.Repeat("a", 2049)
	tests := []struct {
		name, target string
		want         string   // the body, if there is a response
		fields       []string // what is refused
	}{
		{"defaults", "/local/things/a/b", `{"Account":"local","Name":"a","ARN":"b","Task":"","Status":"","All":false,"Limit":7,"Start":"0001-01-01T00:00:00Z"}`, nil},
		{
			"everything", "/local/things/a%20%C3%A9/arn:aws:x%2Fy%2Fz?all=TRUE&limit=100&task=t&status=inactive&start=1700000000000",
			`{"Account":"local","Name":"a é","ARN":"arn:aws:x/y/z","Task":"t","Status":"INACTIVE","All":true,"Limit":100,"Start":"2023-11-14T22:13:20Z"}`, nil,
		},
		{"a time with a zone, its + unescaped", "/local/things/a/b?start=2026-01-02T03:04:05+01:00&all=1", `{"Account":"local","Name":"a","ARN":"b","Task":"","Status":"","All":true,"Limit":7,"Start":"2026-01-02T02:04:05Z"}`, nil},
		{"names that begin with an underscore mean nothing here", "/local/things/a/b?_colour=blue&_=1&all=0", `{"Account":"local","Name":"a","ARN":"b","Task":"","Status":"","All":false,"Limit":7,"Start":"0001-01-01T00:00:00Z"}`, nil},
		{"unknown names, and known ones in another spelling", "/local/things/a/b?colour=blue&All=0&all=1", "", []string{"All", "colour"}},
		{"an unknown name beside a wrong value", "/local/things/a/b?colour=blue&all=maybe", "", []string{"all", "colour"}},
		{"a slash in a name of one segment", "/local/things/a%2Fb/c", "", []string{"thing"}},
		{"a slash in the account", "/local%2Fx/things/a/c", "", []string{"account"}},
		{"up and away in a name", "/local/things/..%2F..%2Fetc/c", "", []string{"thing"}},
		{"up and away in an ARN", "/local/things/a/b%2F..%2Fc", "", []string{"arn"}},
		{"a dot segment in an ARN", "/local/things/a/b%2F.%2Fc", "", []string{"arn"}},
		{"an empty name", "/local/things/%20/b", "", []string{"thing"}},
		{"NUL", "/local/things/a%00/b", "", []string{"thing"}},
		{"a line break", "/local/things/a/b%0D%0AX:%20y", "", []string{"arn"}},
		{"DEL and C1", "/local/things/a%7F/b%C2%85", "", []string{"arn", "thing"}},
		{"text that runs the other way", "/local/things/a%E2%80%AEb/c", "", []string{"thing"}},
		{"not UTF-8", "/local/things/a%FF/b", "", []string{"thing"}},
		{"too long", "/local/things/" + long + "/b", "", []string{"thing"}},
		{"flags and numbers that are none", "/local/things/a/b?all=yes&limit=0&status=GONE&start=noon", "", []string{"all", "limit", "start", "status"}},
		{"numbers too large", "/local/things/a/b?limit=99999999999999999999", "", []string{"limit"}},
		{"an empty flag", "/local/things/a/b?all", "", []string{"all"}},
		{"given twice", "/local/things/a/b?all=true&all=false", "", []string{"all"}},
		{"text with a line break", "/local/things/a/b?task=a%0Ab", "", []string{"task"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := h.do(t, http.MethodGet, "/v1/ecs"+tt.target, "")
			if tt.fields == nil {
				if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != tt.want {
					t.Errorf("got %d %s, want %s", resp.StatusCode, body, tt.want)
				}
				return
			}
			var fields []string
			for _, f := range problemOf(t, resp, body).Errors {
				fields = append(fields, f.Field)
			}
			if diff := cmp.Diff(tt.fields, slices.Sorted(slices.Values(fields))); resp.StatusCode != http.StatusBadRequest || diff != "" {
				t.Errorf("got %d %s: %s", resp.StatusCode, body, diff)
			}
		})
	}
	if n := len(h.aws.Calls()); n != 0 {
		t.Errorf("%d calls to AWS", n)
	}
}

func TestABadlyFormedQueryIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, query := range []string{"all=%zz", "a;b=c"} {
		resp, body := h.do(t, http.MethodGet, "/v1/ecs/version?"+query, "")
		if p := problemOf(t, resp, body); p.Status != http.StatusBadRequest {
			t.Errorf("%s returned %s", query, fmt.Sprint(p))
		}
	}
}

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// row is one request and the response it must get. Rows of a table are sent in order; texts may name variables: ${name}.
type row struct {
	name     string
	send     string   // method and path below /v1/ecs: "GET /local/clusters"
	body     string   // may be empty
	header   []string // "Name: value", beside the token
	status   int
	response string            // JSON that the response's body contains (see contains); if empty, it is not looked at
	wrong    []string          // the fields that a validation error names, all of them
	with     []string          // headers that the response has, "Name: value", or "Name: ~pattern"
	keep     map[string]string // variables to set, and where in the response their values are: "Tasks.0.TaskArn"
	follow   bool              // wait for the operation at Operation-Location to succeed before the next row
	// notOnMoto is why moto cannot play this.
	notOnMoto string
}

// run sends the rows.
func (w *world) run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		if !possible(t, r.name, r.notOnMoto) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			ran.Add(1)
			w.check(t, r)
		})
	}
}

// possible reports whether the back end can play a case, and counts those that it cannot.
func possible(t *testing.T, name, notOnMoto string) bool {
	t.Helper()
	if notOnMoto == "" || backEndName() != "moto" {
		return true
	}
	leftOut.Add(1)
	t.Logf("left out on moto: %s: %s", name, notOnMoto)
	return false
}

// check sends one request and compares the response.
func (w *world) check(t *testing.T, r row) {
	t.Helper()
	method, path, _ := strings.Cut(w.fill(t, r.send), " ")
	var header []string
	for _, h := range r.header {
		header = append(header, w.fill(t, h))
	}
	resp, body := w.do(t, method, path, w.fill(t, r.body), header...)
	if resp.StatusCode != r.status {
		t.Fatalf("%s %s returned %d, want %d: %s", method, path, resp.StatusCode, r.status, body)
	}
	if resp.StatusCode >= 400 && method != http.MethodHead {
		checkProblem(t, resp, body, r.wrong)
	}
	for _, wanted := range r.with {
		name, want, _ := strings.Cut(w.fill(t, wanted), ": ")
		for _, lack := range contains(resp.Header.Get(name), want, name) {
			t.Error(lack)
		}
	}
	if r.response != "" {
		for _, lack := range contains(decode(t, body), decode(t, w.fill(t, r.response)), "the response") {
			t.Errorf("%s\nin %s", lack, body)
		}
	}
	for name, at := range r.keep {
		value, ok := lookup(decode(t, body), at)
		text, isText := value.(string)
		if !ok || !isText {
			t.Fatalf("there is no text at %s in %s", at, body)
		}
		w.set(name, text)
	}
	if r.follow {
		w.follow(t, resp.Header.Get("Operation-Location"))
	}
}

// do sends a request with the token, and returns the response with its body.
func (w *world) do(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body)))(t)
	r.Header.Set("X-Auth-Token", token)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl --data does
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp := must(http.DefaultClient.Do(r))(t)
	defer func() { _ = resp.Body.Close() }()
	text := string(must(io.ReadAll(resp.Body))(t))
	checkDescribed(t, r, strings.TrimPrefix(body, "\ufeff"), resp, text) // a byte order mark is no JSON, and is accepted
	if resp.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %s: the response has no X-Request-Id", method, path)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s %s: the response tells %q", method, path, secret)
		}
	}
	return resp, text
}

// checkProblem checks the form of an error, and which fields it names.
func checkProblem(t *testing.T, resp *http.Response, body string, wrong []string) {
	t.Helper()
	var p struct {
		Type, Title, Detail, RequestID string
		Status                         int
		Errors                         []struct{ Field, Detail string }
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("an error has Content-Type %q", got)
	}
	if p.Status != resp.StatusCode || p.Title != http.StatusText(p.Status) || p.Type == "" || p.Detail == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
		t.Errorf("the error is not complete: %s", body)
	}
	fields := map[string]bool{}
	for _, e := range p.Errors {
		fields[e.Field] = true
		if e.Detail == "" {
			t.Errorf("nothing is said of %s: %s", e.Field, body)
		}
	}
	if wrong != nil {
		if diff := cmp.Diff(slices.Sorted(slices.Values(wrong)), slices.Sorted(maps.Keys(fields))); diff != "" {
			t.Errorf("fields (-want +got):\n%s\nin %s", diff, body)
		}
	}
}

// follow waits until an operation has succeeded.
func (w *world) follow(t *testing.T, location string) {
	t.Helper()
	path, ok := strings.CutPrefix(location, "/v1/ecs")
	if !ok {
		t.Fatalf("Operation-Location is %q", location)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		resp, body := w.do(t, http.MethodGet, path, "")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("the operation returned %d: %s", resp.StatusCode, body)
		}
		switch state, _ := lookup(decode(t, body), "state"); state {
		case "succeeded":
			return
		case "running":
		default:
			t.Fatalf("the operation is %v: %s", state, body)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("the operation does not end: %s", body)
		}
	}
}

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder stands between the program and an AWS, and remembers the calls.
type recorder struct {
	mu    sync.Mutex
	calls []string // operations
}

// recorded puts a recorder in front of the back end.
func recorded(t *testing.T, back backEnd) (backEnd, *recorder) {
	t.Helper()
	r, proxy := &recorder{}, httputil.NewSingleHostReverseProxy(must(url.Parse(back.endpoint))(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		r.record(req.Header, string(body))
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	back.endpoint = server.URL
	return back, r
}

// record remembers a call: of the JSON protocols by its header, of the query protocol by its form.
func (r *recorder) record(h http.Header, body string) {
	_, operation, ok := strings.Cut(h.Get("X-Amz-Target"), ".")
	if !ok {
		form, _ := url.ParseQuery(body)
		operation = form.Get("Action")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, operation)
}

// taken returns the calls since it was called last.
func (r *recorder) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

var reading = regexp.MustCompile(`^(Describe|List|Get|Search)`)

// changing returns those of the calls that change something.
func changing(calls []string) []string {
	return slices.DeleteFunc(slices.Clone(calls), reading.MatchString)
}

// dry runs one row, which must only read.
func (w *world) dry(t *testing.T, r *recorder, one row) {
	t.Helper()
	if !possible(t, one.name, one.notOnMoto) {
		return
	}
	t.Run(one.name, func(t *testing.T) {
		ran.Add(1)
		r.taken()
		w.check(t, one)
		calls := r.taken()
		if wrong := changing(calls); len(wrong) > 0 || len(calls) == 0 {
			t.Errorf("of the calls %v these change something: %v", calls, wrong)
		}
	})
}

// TestDryRunsOnlyRead records the program's calls to AWS: a dry run of each write of a service makes only such as read, and the write itself then does what the dry
// run said. A plan of what has been applied keeps everything.
func TestDryRunsOnlyRead(t *testing.T) {
	parallel(t)
	back, calls := recorded(t, newBackEnd(t))
	w := newWorldOn(t, back)
	w.run(t, []row{{name: "whose account it is", send: "GET /local/clusters", status: 200}})
	w.dry(t, calls, row{name: "a create", send: "POST /local/services?dryRun=true", body: seedCreate(t), status: 200,
		response: `{"DryRun": true, "ETag": null, "Changes": [{"Resource": "cluster", "Name": "myclu", "Action": "create"}, {"Resource": "role", "Action": "create"}, {"Resource": "logGroup", "Action": "create"},
			{"Resource": "credential", "Action": "create"}, {"Resource": "cloudMapService", "Action": "create"}, {"Resource": "taskDefinition", "Action": "create"}, {"Resource": "service", "Name": "www", "Action": "create"}]}`})
	w.run(t, []row{
		{name: "nothing was created", send: "GET /local/clusters/myclu", status: 404},
		{name: "the create", send: "POST /local/services", body: seedCreate(t), status: 200, keep: keepBuilt},
	})
	const image, count = `{"Containers": {"webserver": {"Image": "nginx:1.29"}}, "Tags": {"Team": "blue"}}`, `{"Service": {"DesiredCount": 2}}`
	const definition = `{"TaskDefinition": {"family": "webservers", "cpu": "512", "memory": "1024", "containerdefinitions": [{"name": "webserver", "image": "nginx:1.30"}]},
		"Credentials": {"webserver": {"SecretString": "{\"username\": \"supahman\", \"password\": \"changedmebro\"}"}}, "Tags": [{"Key": "Team", "Value": "red"}], "ForceNewDeployment": true}`
	keep := func(name, send, body string) row {
		return row{name: name, send: send, body: body, status: 200, response: `{"Changes": [{"Resource": "service", "Action": "keep"}]}`}
	}
	for _, write := range []struct {
		name, send, body string
		plan             string // the changes that the dry run must tell
		again            bool   // repeated, there is nothing left to do
	}{
		{"PUT", "PUT " + www, count, `{"Resource": "service", "Name": "www", "Action": "update"}`, true},
		{"PATCH", "PATCH " + www, image, `{"Resource": "taskDefinition", "Action": "create"}, {"Resource": "service", "Action": "update"}, {"Resource": "tags", "Action": "update"}`, true},
		{"PUT of all", "PUT " + www, definition, `{"Resource": "credential", "Action": "update"}, {"Resource": "taskDefinition", "Action": "create"}, {"Resource": "service", "Action": "update"}`, false},
		{"rollback", "POST " + www + "/rollback", `{"To": "webservers:1"}`, `{"Resource": "service", "Action": "update"}`, false},
		{"restart", "POST " + www + "/restart", "", `{"Resource": "service", "Action": "update"}`, false},
		{"power", "PUT " + www + "/power", `{"state": "stop"}`, `{"Resource": "service", "Action": "update"}`, true},
		{"DELETE", "DELETE " + www, "", `{"Resource": "service", "Name": "www", "Action": "delete"}`, false},
	} {
		before := w.etag(t)
		w.dry(t, calls, row{name: "dry run of " + write.name, send: write.send + "?dryRun=true", body: write.body, status: 200, response: `{"DryRun": true, "Changes": [` + write.plan + `]}`})
		if after := w.etag(t); after != before {
			t.Errorf("the dry run of %s changed the ETag from %s to %s", write.name, before, after)
		}
		if write.name == "DELETE" {
			break
		}
		w.run(t, []row{{name: write.name, send: write.send, body: write.body, status: 200}})
		if write.again {
			w.dry(t, calls, keep("dry run of what "+write.name+" has done", write.send+"?dryRun=true", write.body))
		}
	}
	w.dry(t, calls, row{name: "dry run of a recursive DELETE", send: "DELETE " + www + "?recursive=true&dryRun=true", status: 200,
		response: `{"Changes": [{"Resource": "service", "Action": "delete"}, {"Resource": "taskDefinition", "Action": "delete"}, {"Resource": "credential", "Action": "delete"}, {"Resource": "cluster", "Action": "delete"}, {"Resource": "role", "Action": "delete"}]}`})
}

// etag returns the service's.
func (w *world) etag(t *testing.T) string {
	t.Helper()
	resp, body := w.do(t, http.MethodGet, www, "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == "" {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	return resp.Header.Get("ETag")
}

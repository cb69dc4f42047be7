package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/api/openapi"
	"ecs-api/common"
	"ecs-api/localaws"
)

// decoded returns what a body says.
func decoded[T any](t *testing.T, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// restarted returns another server in front of the same AWS: one that knows nothing of what was sent before.
func (h *harness) restarted(t *testing.T) *harness {
	t.Helper()
	return newHarness(t, h.aws)
}

// membersOf returns the keys of an object and of the objects in it, as paths.
func membersOf(v any, at string) (keys []string) {
	if object, ok := v.(map[string]any); ok {
		for key, member := range object {
			keys = append(keys, at+key)
			if at == "" {
				keys = append(keys, membersOf(member, key+".")...)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// createdService is what the tests read of a create's response.
type createdService struct {
	Cluster                 struct{ ClusterArn string }
	Credentials             map[string]struct{ ARN, Name, VersionId string }
	TaskDefinition          struct{ TaskDefinitionArn string }
	Service                 struct{ ServiceArn, TaskDefinition string }
	ServiceDiscoveryService struct{ Arn string }
	Deployment              struct{ Id string }
}

func TestARepeatedCreateFindsItsServiceAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const key = "8e03978e-40d5-43e8-bc93-6894a57f9324"
	create := func(h *harness, body string, headers ...string) (*http.Response, string) {
		t.Helper()
		return h.do(t, http.MethodPost, base+"/local/services", body, headers...)
	}
	first, body := create(h, openapi.CreateExample, headerKey+": "+key)
	if first.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", first.StatusCode, body)
	}
	for line := range strings.Lines(h.aws.Snapshot()) {
		if strings.Contains(line, key) {
			t.Errorf("AWS has the key: %s", line)
		}
	}

	h = h.restarted(t)
	h.aws.ResetCalls()
	again, repeated := create(h, openapi.CreateExample, headerKey+": "+key)
	if again.StatusCode != http.StatusOK || again.Header.Get(headerReplayed) != "true" || again.Header.Get(headerETag) != first.Header.Get(headerETag) {
		t.Fatalf("%d %v %s", again.StatusCode, again.Header, repeated)
	}
	if calls := changingCalls(h.aws); len(calls) > 0 {
		t.Errorf("the repetition makes %v", calls)
	}
	if diff := cmp.Diff(decoded[createdService](t, body), decoded[createdService](t, repeated)); diff != "" {
		t.Errorf("the response (-first +repeated)\n%s", diff)
	}
	if diff := cmp.Diff(membersOf(decoded[any](t, body), ""), membersOf(decoded[any](t, repeated), "")); diff != "" {
		t.Errorf("the members of the response (-first +repeated)\n%s", diff)
	}
	if resp, last := create(h, openapi.CreateExample, headerKey+": "+key); last != repeated || resp.Header.Get(headerReplayed) != "true" {
		t.Errorf("once more: %d %s", resp.StatusCode, last)
	}

	for name, tc := range map[string]struct {
		body string
		key  string
		want common.Code
	}{
		"another body": {strings.Replace(openapi.CreateExample, "nginx", "httpd", 1), headerKey + ": " + key, common.CodeIdempotencyKeyReused},
		"another key":  {openapi.CreateExample, headerKey + ": other", common.CodeServiceExists},
		"no key":       {openapi.CreateExample, "X-Other: x", common.CodeServiceExists},
	} {
		resp, text := create(h.restarted(t), tc.body, tc.key)
		if p := problemOf(t, resp, text); p.Code != tc.want {
			t.Errorf("%s: %+v, want %s", name, p, tc.want)
		}
	}
}

// The service has been changed since its create: the response shows what there is.
func TestARepeatedCreateShowsWhatTheServiceRunsNow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const path, key = base + "/local/services", headerKey + ": k"
	_, body := h.do(t, http.MethodPost, path, openapi.CreateExample, key)
	made := decoded[struct {
		Cluster        struct{ ClusterName string }
		Service        struct{ ServiceName string }
		TaskDefinition struct{ ContainerDefinitions []struct{ Name string } }
	}](t, body)
	service := base + "/local/clusters/" + made.Cluster.ClusterName + "/services/" + made.Service.ServiceName
	resp, text := h.do(t, http.MethodPatch, service, `{"Containers": {"`+made.TaskDefinition.ContainerDefinitions[0].Name+`": {"Image": "nginx:2"}}}`)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	changed := decoded[createdService](t, text)
	rolledBack, text := h.do(t, http.MethodPost, service+"/rollback", "{}")
	if rolledBack.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", rolledBack.StatusCode, text)
	}
	runs := decoded[createdService](t, text).Service.TaskDefinition
	h = h.restarted(t)
	resp, text = h.do(t, http.MethodPost, path, openapi.CreateExample, key)
	got := decoded[createdService](t, text)
	if resp.StatusCode != http.StatusOK || got.TaskDefinition.TaskDefinitionArn != runs || got.Service.TaskDefinition != runs || runs == changed.Service.TaskDefinition {
		t.Errorf("%d %+v; the service runs %s", resp.StatusCode, got, runs)
	}
}

// Whoever lost a response finds what the request created by its id.
func TestWhatIsCreatedCarriesTheIdOfItsRequest(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const id = "order-66:a.b_c"
	resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, headerRequestID+": "+id)
	if resp.StatusCode != http.StatusOK || resp.Header.Get(headerRequestID) != id {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	type tagged struct {
		Tags    []struct{ Key, Value string }
		Service struct {
			ServiceName string
			Tags        []struct{ Key, Value string }
		}
		Cluster struct{ ClusterName string }
	}
	made := decoded[tagged](t, body)
	want := struct{ Key, Value string }{common.TagRequestID, id}
	if !slices.Contains(made.Service.Tags, want) {
		t.Errorf("the response: %v", made.Service.Tags)
	}
	_, body = h.do(t, http.MethodGet, base+"/local/clusters/"+made.Cluster.ClusterName+"/services/"+made.Service.ServiceName, "")
	if shown := decoded[tagged](t, body); !slices.Contains(shown.Tags, want) {
		t.Errorf("a GET: %v", shown.Tags)
	}
	found, err := h.sdk().Tagging.Find(t.Context(), common.Tags{{Key: common.TagRequestID, Value: id}})
	if err != nil || len(found) < 5 {
		t.Errorf("by the tag there are %v, %v", found, err)
	}
}

// A repeated request for a task finds the task after a restart, whatever became of the time and the ids that the first one chose.
func TestARepeatedRunFindsItsTaskAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	if resp, body := h.do(t, http.MethodPost, base+"/local/services", createFrom(insideImage)); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	type tasks struct {
		Task  string
		Tasks []struct{ TaskArn string }
	}
	for name, tc := range map[string]struct{ path, body, other string }{
		"run":   {oneService + "/run", `{"Command": ["sleep", "60"]}`, `{"Command": ["sleep", "61"]}`},
		"tasks": {base + "/local/clusters/myclu/tasks", `{"taskdefinition": "web", "count": 2}`, `{"taskdefinition": "web", "count": 1}`},
	} {
		t.Run(name, func(t *testing.T) {
			key := headerKey + ": " + name
			first, body := h.do(t, http.MethodPost, tc.path, tc.body, key)
			want := decoded[tasks](t, body)
			if first.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", first.StatusCode, body)
			}
			later := h.restarted(t)
			again, body := later.do(t, http.MethodPost, tc.path, tc.body, key)
			if diff := cmp.Diff(want, decoded[tasks](t, body)); diff != "" || again.StatusCode != http.StatusOK {
				t.Errorf("%d (-first +repeated)\n%s", again.StatusCode, diff)
			}
			if again.Header.Get(headerReplayed) != "true" || (again.Header.Get(headerOperation) != "") != (name == "run") {
				t.Errorf("the headers %v", again.Header)
			}
			resp, body := h.restarted(t).do(t, http.MethodPost, tc.path, tc.other, key)
			if p := problemOf(t, resp, body); p.Code != common.CodeIdempotencyKeyReused {
				t.Errorf("another body: %+v", p)
			}
			resp, body = h.restarted(t).do(t, http.MethodPost, tc.path, tc.body, key+"-new")
			if got := decoded[tasks](t, body); resp.StatusCode != http.StatusOK || cmp.Equal(want, got) {
				t.Errorf("another key: %d %+v", resp.StatusCode, got)
			}
		})
	}
}

func TestARepeatedManagedTaskDefinitionIsItsOwnAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const path, key = base + "/local/taskdefs", headerKey + ": k"
	const body = `{"cluster": {"clustername": "clu"}, "taskdefinition": {"family": "report", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx"}]}}`
	first, made := h.do(t, http.MethodPost, path, body, key)
	again, repeated := h.restarted(t).do(t, http.MethodPost, path, body, key)
	want, got := decoded[createdService](t, made), decoded[createdService](t, repeated)
	if first.StatusCode != http.StatusOK || again.StatusCode != http.StatusOK || !cmp.Equal(want, got) {
		t.Errorf("%d %s, then %d %s", first.StatusCode, made, again.StatusCode, repeated)
	}
	for header, want := range map[string]common.Code{key: common.CodeIdempotencyKeyReused, headerKey + ": other": common.CodeAlreadyExists} {
		resp, text := h.restarted(t).do(t, http.MethodPost, path, strings.Replace(body, "nginx", "httpd", 1), header)
		if p := problemOf(t, resp, text); p.Code != want {
			t.Errorf("another body with %s: %+v, want %s", header, p, want)
		}
	}
}

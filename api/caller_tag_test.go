package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
)

// created returns the kinds of what carries the caller's tag, each as often as there are things of it, sorted.
func (h *harness) created(t *testing.T, caller string) []string {
	t.Helper()
	found, err := h.sdk().Tagging.Find(t.Context(), common.Tags{{Key: common.TagCaller, Value: caller}})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{}
	for _, r := range found {
		parts := strings.SplitN(r.ARN, ":", 6) // arn:aws:ecs:us-east-1:123456789012:service/www/www
		kinds = append(kinds, parts[2]+" "+parts[5][:strings.IndexAny(parts[5], "/:")])
	}
	slices.Sort(kinds)
	return kinds
}

// registeredBy returns who registered the service's revisions, the newest first.
func (h *harness) registeredBy(t *testing.T, service string) []string {
	t.Helper()
	_, body := h.do(t, "GET", base+"/local/clusters/space/services/"+service+"/revisions", "")
	var revisions []struct{ RegisteredBy string }
	if err := json.Unmarshal([]byte(body), &revisions); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	by := make([]string, len(revisions))
	for i, r := range revisions {
		by[i] = r.RegisteredBy
	}
	return by
}

func TestWhatACallerCreatesNamesIt(t *testing.T) {
	t.Parallel()
	h := newCallersHarness(t)
	must := func(method, path, body string, headers ...string) {
		t.Helper()
		if response, text := h.do(t, method, base+"/local"+path, body, headers...); response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
		}
	}
	const team, jane = headerToken + ": of-the-team", headerOnBehalfOf + ": jane"
	must("POST", "/services", `{"cluster": {"clustername": "space"},
		"taskdefinition": {"family": "www", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx"}],
			"tags": [{"Key": "spinup:caller", "Value": "eve"}]},
		"credentials": {"web": {"Name": "www-cred", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}},
		"serviceregistry": {"name": "www", "namespaceid": "`+localaws.Namespace+`"},
		"service": {"servicename": "www", "desiredcount": 0}, "tags": [{"Key": "spinup:caller", "Value": "eve"}, {"Key": "app", "Value": "www"}]}`, team, jane)
	want := []string{"ecs cluster", "ecs service", "ecs task-definition", "logs log-group", "secretsmanager secret", "servicediscovery service"}
	if diff := cmp.Diff(want, h.created(t, "jane")); diff != "" {
		t.Errorf("created on behalf of jane (-want +got)\n%s", diff)
	}

	const www = "/clusters/space/services/www"
	must("PATCH", www, `{"Containers": {"web": {"Image": "nginx:2"}}}`, team)
	must("PUT", www, `{"TaskDefinition": {"family": "www", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx:3"}],
		"tags": [{"Key": "spinup:caller", "Value": "eve"}]}, "Tags": [{"Key": "spinup:caller", "Value": "eve"}, {"Key": "app", "Value": "3"}]}`, headerOnBehalfOf+": john")
	must("PATCH", www, `{"Cpu": 512, "Memory": 1024}`)
	if diff := cmp.Diff([]string{"default", "john", "team", "jane"}, h.registeredBy(t, "www")); diff != "" {
		t.Errorf("revisions are registered by (-want +got)\n%s", diff)
	}
	for caller, want := range map[string][]string{"jane": want, "team": {"ecs task-definition"}, "john": {"ecs task-definition"}, "default": {"ecs task-definition"}, "eve": {}} {
		if diff := cmp.Diff(want, h.created(t, caller)); diff != "" {
			t.Errorf("created by %s after updates (-want +got)\n%s", caller, diff)
		}
	}

	must("POST", "/clusters", `{"clustername": "other", "tags": [{"Key": "spinup:caller", "Value": "eve"}]}`, headerOnBehalfOf+": ann")
	must("POST", "/taskdefs", `{"family": "job", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx"}]}`, headerOnBehalfOf+": ann")
	must("POST", "/secrets", `{"Name": "s", "SecretString": "x"}`, headerOnBehalfOf+": ann")
	must("PUT", "/secrets/s", `{"Tags": [{"Key": "spinup:caller", "Value": "eve"}, {"Key": "a", "Value": "b"}]}`)
	must("POST", "/params/app", `{"Name": "p", "Value": "x"}`, headerOnBehalfOf+": ann")
	must("POST", "/servicediscovery/services", `{"name": "api", "namespaceid": "`+localaws.Namespace+`"}`, headerOnBehalfOf+": ann")
	if diff := cmp.Diff([]string{"ecs cluster", "ecs task-definition", "secretsmanager secret", "servicediscovery service", "ssm parameter"}, h.created(t, "ann")); diff != "" {
		t.Errorf("created one by one (-want +got)\n%s", diff)
	}
}

// What AWS says of a revision that carries no caller's tag is all there is.
func TestARevisionOfNobodysIsRegisteredByWhomAWSNames(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	_, body := h.do(t, "GET", base+"/local/clusters/mine/services/www/revisions", "")
	var revisions []struct{ RegisteredBy string }
	if err := json.Unmarshal([]byte(body), &revisions); err != nil || len(revisions) != 1 || !strings.HasPrefix(revisions[0].RegisteredBy, "arn:aws:") {
		t.Errorf("%v in %s", err, body)
	}
}

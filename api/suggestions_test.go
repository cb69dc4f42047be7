package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"ecs-api/localaws"
)

// advised matches the request that a refusal names.
var advised = regexp.MustCompile(`(GET|PUT|POST|PATCH|DELETE) (/v1/ecs/\S+)$`)

// TestARefusedRequestNamesTheOneThatIsThere: what a 405 or the 404 of a path advises exists, and names what the caller named.
func TestARefusedRequestNamesTheOneThatIsThere(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for request, want := range map[string]string{
		"POST /local/clusters/x/services":                              "this path takes GET, HEAD, PUT; to create a service send POST /v1/ecs/local/services",
		"POST /local/clusters/x/services/y":                            "to change the service send PATCH /v1/ecs/local/clusters/x/services/y",
		"DELETE /local/clusters/x/services":                            "name it in the path: PATCH /v1/ecs/local/clusters/x/services/{service}",
		"PUT /local/clusters/x/tasks":                                  "to run a task send POST /v1/ecs/local/clusters/x/tasks",
		"PATCH /local/clusters/x/tasks/9f":                             "DELETE /v1/ecs/local/clusters/x/tasks/9f",
		"PATCH /local/clusters/x":                                      "change the Tags of a service in it, which its cluster gets too: PATCH /v1/ecs/local/clusters/x/services/{service}",
		"POST /local/clusters/x/services/y/deployments":                "to start a deployment send POST /v1/ecs/local/clusters/x/services/y/restart",
		"DELETE /local/clusters/x/services/y/deployments/ecs-svc%2F12": "send POST /v1/ecs/local/clusters/x/services/y/deployments/ecs-svc%2F12/stop",
		"POST /local/clusters/x/services/y/revisions":                  "PATCH /v1/ecs/local/clusters/x/services/y",
		"POST /local/clusters/x/services/y/scale":                      "change DesiredCount: PATCH /v1/ecs/local/clusters/x/services/y",
		"POST /local/clusters/x/services/y/stop":                       "send PUT /v1/ecs/local/clusters/x/services/y/power",
		"GET /local/clusters/x/services/y/tasks":                       "add ?service= to GET /v1/ecs/local/clusters/x/tasks",
		"GET /local/services/y":                                        "name its cluster too: GET /v1/ecs/local/clusters/{cluster}/services/y",
		"DELETE /local/services/y":                                     "name its cluster too: DELETE /v1/ecs/local/clusters/{cluster}/services/y",
		"POST /services":                                               "to create a service, name the account: POST /v1/ecs/{account}/services",
		"POST /clusters":                                               "name the account: POST /v1/ecs/{account}/clusters",
		"POST /secrets":                                                "name the account: POST /v1/ecs/{account}/secrets",
		"POST /taskdefs":                                               "name the account: POST /v1/ecs/{account}/taskdefs",
		"PUT /local/taskdefs/web:1":                                    "POST /v1/ecs/local/taskdefs",
		"PATCH /local/secrets/a%2Fb":                                   "send PUT /v1/ecs/local/secrets/a%2Fb",
		"POST /local/params/p/q":                                       "send PUT /v1/ecs/local/params/p/q",
		"GET /clusters":                                                "name the account: GET /v1/ecs/{account}/clusters",
		"GET /local":                                                   "to see what accounts there are, with which paths begin, send GET /v1/ecs/accounts",
		"GET /local/nothing":                                           "the API is below /v1/ecs",
		"POST /ping":                                                   "this path takes GET, HEAD",
	} {
		method, path, _ := strings.Cut(request, " ")
		resp, body := h.do(t, method, base+path, "")
		p := problemOf(t, resp, body)
		if resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusNotFound || !strings.HasSuffix(p.Detail, want) {
			t.Errorf("%s: %d %s\nwant …%s", request, resp.StatusCode, p.Detail, want)
		}
		if m := advised.FindStringSubmatch(p.Detail); m != nil {
			there, err := http.NewRequest(m[1], m[2], http.NoBody)
			var match mux.RouteMatch
			if err != nil || !h.router.Match(there, &match) || match.MatchErr != nil {
				t.Errorf("%s: %s advises what no route takes: %v", request, p.Detail, err)
			}
		}
	}
}

package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"ecs-api/localaws"
	"ecs-api/orchestration/observe"
)

// pausing is an update whose blue/green deployment waits at a pause, or at two.
func pausing(image string, pauses ...string) string {
	hooks := ""
	for i, stage := range pauses {
		if i > 0 {
			hooks += ","
		}
		hooks += `{"targetType":"PAUSE","lifecycleStages":["` + stage + `"],"timeoutConfiguration":{"timeoutInMinutes":60,"action":"ROLLBACK"}}`
	}
	return `{"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"` + image + `"}]},
		"service":{"deploymentConfiguration":{"strategy":"BLUE_GREEN","lifecycleHooks":[` + hooks + `]}}}`
}

func TestWhoeverWatchesADeploymentDecidesAboutIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, act, body string
		pauses          []string
		wants           map[string]any // of the response
		outcome         observe.Outcome
	}{
		{"continued", "continue", ``, []string{"POST_SCALE_UP"}, map[string]any{"Strategy": "BLUE_GREEN"}, observe.OutcomeSucceeded},
		{"continued, in words", "continue", `{"action":"CONTINUE"}`, []string{"POST_SCALE_UP"}, nil, observe.OutcomeSucceeded},
		{"rolled back at the pause", "continue", `{"Action":"ROLLBACK"}`, []string{"POST_SCALE_UP"}, nil, observe.OutcomeRolledBack},
		{"stopped", "stop", ``, []string{"POST_SCALE_UP"}, nil, observe.OutcomeRolledBack},
		{"aborted", "stop", `{"StopType":"ABORT"}`, []string{"POST_SCALE_UP"}, nil, observe.OutcomeFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, localaws.New(quickly))
			const www = "/clusters/myclu/services/www"
			ask(t, h, []asked{
				{"create", "POST", "/services", createFrom("app:1"), 200, nil},
				{"a revision that waits", "PUT", www, pausing("app:2", tt.pauses...), 200, nil},
			})
			waits := newestDeployment(t, h)
			if waits.Outcome != nil || len(waits.LifecycleHooks) != 1 || *waits.LifecycleHooks[0].Status != "AWAITING_ACTION" || waits.ServiceDeploymentArn == nil {
				t.Fatalf("while it waits: %+v", waits)
			}
			one := www + "/deployments/" + escaped(waits.Id)
			ask(t, h, []asked{
				{"no such action", "POST", one + "/continue", `{"Action":"GO","HookId":1}`, 400, wrong("HookId", "Action")},
				{"no such type", "POST", one + "/stop", `{"StopType":"NOW"}`, 400, wrong("StopType")},
				{"a misspelt key", "POST", one + "/stop", `{"StopTyp":"ABORT"}`, 400, wrong("StopTyp")},
				{"no such hook", "POST", one + "/continue", `{"HookId":"x"}`, 409, nil},
				{"no such deployment", "POST", www + "/deployments/7/stop", ``, 404, nil},
				{"no deployment's id", "POST", www + "/deployments/x/continue", ``, 400, wrong("deployment")},
				{"decided", "POST", one + "/" + tt.act, tt.body, 200, tt.wants},
				{"its end", "GET", www + "/wait?timeout=300&deployment=" + escaped(waits.Id), "", 200, map[string]any{"Done": true, "Outcome": string(tt.outcome)}},
				{"there is nothing to decide any more", "POST", one + "/continue", ``, 409, map[string]any{"code": "Conflict"}},
				{"nor to stop", "POST", one + "/stop", ``, 409, map[string]any{"code": "Conflict"}},
			})
		})
	}
}

// newestDeployment returns the deployment of www that began last.
func newestDeployment(t *testing.T, h *harness) observe.Deployment {
	t.Helper()
	var all []observe.Deployment
	_, body := h.do(t, http.MethodGet, base+"/local/clusters/myclu/services/www/deployments", "")
	if err := json.Unmarshal([]byte(body), &all); err != nil || len(all) == 0 {
		t.Fatalf("%v: %s", err, body)
	}
	return all[0]
}

func TestDeploymentsOfOthersAreNotDecidedAbout(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	ask(t, h, []asked{
		{"stopping", "POST", "/clusters/theirs/services/www/deployments/1/stop", ``, 404, nil},
		{"continuing", "POST", "/clusters/theirs/services/www/deployments/1/continue", ``, 404, nil},
	})
}

package api

import (
	"net/http"
	"strings"
	"testing"
)

// TestManagedTaskDefinitions asks for each of their endpoints, in the forms that callers use.
func TestManagedTaskDefinitions(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := adhocHarness(t)
	h.addDefinition(t, "theirs", tagsOthers)
	h.addDefinition(t, "bare", tagsNone)
	const (
		definition = `{"family":"reports","cpu":"256","memory":"512","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}`
		managed    = `{"cluster":{"clusterName":"batch"},"taskdefinition":` + definition + `,
			"credentials":{"report":{"Name":"report-cred","SecretString":"{\"username\":\"u\",\"password\":\"hush\"}"}},"tags":[{"Key":"Owner","Value":"me"}]}`
		all   = "/clusters/batch/taskdefs"
		one   = all + "/reports"
		tasks = one + "/tasks"
	)
	ask(t, h, []asked{
		{"create", "POST", "/taskdefs", managed, 200, map[string]any{
			"Cluster.ClusterName": "batch", "TaskDefinition.Revision": 1, "Credentials.report.Name": "spinup/localdev/batch/report-cred", "TaskDefinition.ExecutionRoleArn": arnIAM + "role/batch-ecsTaskExecution",
		}},
		{"the same again", "POST", "/taskdefs", managed, 200, map[string]any{"TaskDefinition.Revision": 1}},
		{"another one of the family", "POST", "/taskdefs", `{"cluster":{"clusterName":"batch"},"taskdefinition":` + definition + `}`, 409, map[string]any{"code": "AlreadyExists"}},
		{"without its cluster", "POST", "/taskdefs", `{"taskdefinition":` + definition + `}`, 400, wrong("cluster")},
		{"without itself", "POST", "/taskdefs", `{"cluster":{"clusterName":"batch"}}`, 400, wrong("taskdefinition")},
		{"both shapes", "POST", "/taskdefs", `{"family":"x","cluster":{"clusterName":"batch"},"taskdefinition":` + definition + `}`, 400, wrong("taskdefinition")},
		{"a misspelt key", "POST", "/taskdefs", `{"cluster":{"clusterName":"batch"},"taskdefinitoin":` + definition + `}`, 400, map[string]any{"code": "UnknownField"}},
		{"in another org's family", "POST", "/taskdefs", `{"cluster":{"clusterName":"batch"},"taskdefinition":{"family":"theirs","cpu":"256","memory":"512","containerDefinitions":[{"name":"a","image":"b"}]}}`, 404, nil},
		{"list", "GET", all, "", 200, map[string]any{"": []any{"reports"}}},
		{"list where there is no cluster", "GET", "/clusters/nothing/taskdefs", "", 404, nil},
		{"show", "GET", one, "", 200, map[string]any{"TaskDefinition.Family": "reports", "Credentials.report": "spinup/localdev/batch/report-cred", "Cluster.ClusterName": "batch"}},
		{"show what is not managed", "GET", all + "/bare", "", 404, nil},
		{"show another org's", "GET", all + "/theirs", "", 404, nil},
		{"show what can be no family", "GET", all + "/a%20b", "", 400, wrong("taskdef")},
		{"update, its credentials kept", "PUT", one, `{"taskdefinition":{"cpu":"256","memory":"1024","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}}`, 200, map[string]any{"TaskDefinition.Revision": 2}},
		{"kept", "GET", one, "", 200, map[string]any{"Credentials.report": "spinup/localdev/batch/report-cred", "TaskDefinition.Memory": "1024"}},
		{"update tags", "PUT", one, `{"tags":[{"Key":"Owner","Value":"you"}]}`, 200, map[string]any{"TaskDefinition.Revision": 2}},
		{"update a value", "PUT", one, `{"credentials":{"report":{"SecretString":"{\"username\":\"u\",\"password\":\"other\"}"}}}`, 200, map[string]any{"TaskDefinition.Revision": 2, "Credentials.report.Name": "spinup/localdev/batch/report-cred"}},
		{"credentials removed", "PUT", one, `{"taskdefinition":{"cpu":"256","memory":"1024","containerDefinitions":[{"name":"report","image":"nginx:alpine","repositoryCredentials":null}]}}`, 200, map[string]any{"TaskDefinition.Revision": 3}},
		{"update nothing", "PUT", one, `{}`, 400, wrong("taskdefinition")},
		{"a dry run", "PUT", one + "?dryRun=true", `{"taskdefinition":{"cpu":"256","memory":"512","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]},"credentials":{"report":{"Name":"other-cred","SecretString":"{\"username\":\"u\",\"password\":\"hush\"}"}}}`, 200, map[string]any{"DryRun": true}},
		{"a dry run of a patch", "PATCH", one + "?dryRun=true", `{"Containers":{"report":{"Image":"nginx:2"}}}`, 200, map[string]any{"DryRun": true}},
		{"a patch", "PATCH", one, `{"Containers":{"report":{"Image":"nginx:alpine","Environment":{"A":"1"}}},"Tags":{"Owner":null,"New":"tag"}}`, 200, map[string]any{"TaskDefinition.Revision": 4, "TaskDefinition.ContainerDefinitions.0.Environment.0.Value": "1", "Warnings.#": 0}},
		{"a patch of nothing", "PATCH", one, `{}`, 400, wrong("Containers")},
		{"a patch of a misspelt key", "PATCH", one, `{"Container":{}}`, 400, map[string]any{"code": "UnknownField"}},
		{"a patch of another org's", "PATCH", all + "/theirs", `{"Cpu":512}`, 404, nil},
		{"a dry run of a delete", "DELETE", one + "?recursive=true&dryRun=true", "", 200, map[string]any{"DryRun": true}},
		{"a dry run of another org's", "DELETE", all + "/theirs?dryRun=true", "", 404, nil},
		{"a revision of another kind", "POST", "/taskdefs", definition, 409, map[string]any{"code": "NameTaken"}},
		{"in another space", "POST", "/taskdefs", `{"cluster":{"clusterName":"batch2"},"taskdefinition":` + definition + `}`, 409, map[string]any{"code": "NameTaken"}},
		{"as a service's", "POST", "/services", `{"cluster":{"clusterName":"batch"},"taskdefinition":` + definition + `,"service":{"serviceName":"www"}}`, 409, map[string]any{"code": "NameTaken"}},
		{"by a service", "POST", "/services", `{"service":{"cluster":"batch","serviceName":"www","desiredCount":0,"taskDefinition":"reports"}}`, 200, nil},
		{"a patch of the service that runs it", "PATCH", "/clusters/batch/services/www", `{"Containers":{"report":{"Image":"nginx:3"}}}`, 409, map[string]any{"code": "NameTaken"}},
		{"the service again", "DELETE", "/clusters/batch/services/www", "", 200, nil},
		{"it is managed still", "GET", one, "", 200, map[string]any{"TaskDefinition.Revision": 4}},
		{"a dry run of a create", "POST", "/taskdefs?dryRun=true", strings.NewReplacer("reports", "mails", "report-cred", "mail-cred").Replace(managed), 200, map[string]any{"DryRun": true, "ETag": nil}},
		{"a dry run of what is not managed", "POST", "/taskdefs?dryRun=true", definition, 400, wrong("dryRun")},
		{"another family", "PUT", one, `{"taskdefinition":{"family":"other","cpu":"256","memory":"1024","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}}`, 400, wrong("taskdefinition.family")},
		{"update another org's", "PUT", all + "/theirs", `{"tags":[{"Key":"Owner","Value":"you"}]}`, 404, nil},
		{"run", "POST", tasks, `{"count":2,"startedBy":"nightly"}`, 200, map[string]any{"Tasks.#": 2, "Failures.#": 0, "Tasks.0.StartedBy": "nightly", "Outcomes": nil, "Tasks.0.TaskDefinitionArn": arnECS + "task-definition/reports:4"}},
		{"run with no body", "POST", tasks, "", 200, map[string]any{"Tasks.#": 1}},
		{"run and wait", "POST", tasks + "?wait=300", `{"overrides":{"containerOverrides":[{"name":"report","command":["sh","-c","echo done; exit 3"]}]}}`, 200, map[string]any{
			"Outcomes.#": 1, "Outcomes.0.LastStatus": "STOPPED", "Outcomes.0.Containers.0.ExitCode": 3, "Outcomes.0.Logs.0.Message": "done", "Problems.0.Code": "ContainerExited", "Problems.0.Container": "report",
		}},
		{"run on Spot", "POST", tasks, `{"capacityProviderStrategy":[{"capacityProvider":"FARGATE_SPOT","weight":1}],"owner":"me"}`, 200, map[string]any{"Tasks.0.CapacityProviderName": "FARGATE_SPOT", "Warnings.0.Field": "owner"}},
		{"a misspelt override", "POST", tasks, `{"overrides":{"containerOverride":[]}}`, 400, map[string]any{"code": "UnknownField"}},
		{"roles, and too many", "POST", tasks, `{"count":11,"overrides":{"taskRoleArn":"` + arnIAM + `role/admin","executionRoleArn":"` + arnIAM + `role/admin"}}`, 400, wrong("count", "overrides.executionRoleArn", "overrides.taskRoleArn")},
		{"no time to wait", "POST", tasks + "?wait=0", "{}", 400, wrong("wait")},
		{"too long a wait", "POST", tasks + "?wait=301", "{}", 400, wrong("wait")},
		{"run what is not managed", "POST", all + "/bare/tasks", "{}", 404, nil},
		{"run another org's", "POST", all + "/theirs/tasks", "{}", 404, nil},
		{"tasks that run", "GET", tasks, "", 200, map[string]any{"#": 4}},
		{"by who started them", "GET", tasks + "?status=running&status=STOPPED&startedBy=nightly", "", 200, map[string]any{"#": 2}},
		{"all tasks", "GET", tasks + "?status=RUNNING&status=STOPPED&status=PENDING", "", 200, map[string]any{"#": 5}},
		{"a status that is none", "GET", tasks + "?status=RUNNING&status=DONE", "", 400, wrong("status")},
		{"too many of them", "GET", tasks + "?status=RUNNING&status=RUNNING&status=RUNNING&status=RUNNING", "", 400, wrong("status")},
		{"tasks of what is not managed", "GET", all + "/bare/tasks", "", 404, nil},
		{"a task that is none", "GET", tasks + "/" + strings.Repeat("0", 32), "", 404, nil},
		{"delete while it runs", "DELETE", one, "", 409, map[string]any{"code": "InUse"}},
		{"delete another org's", "DELETE", all + "/theirs", "", 404, nil},
		{"delete all the same", "DELETE", one + "?recursive=true&force=true", "", 202, map[string]any{"Cluster.ClusterName": "batch", "TaskDefinition.Family": "reports"}},
	})
	h.fleet.Background.Wait()
	ask(t, h, []asked{
		{"deleted", "GET", one, "", 404, nil},
		{"delete again", "DELETE", one + "?recursive=true", "", 404, nil},
	})
}

// TestATaskOfAManagedTaskDefinition follows one task by each of its endpoints.
func TestATaskOfAManagedTaskDefinition(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := adhocHarness(t)
	const tasks = "/clusters/batch/taskdefs/reports/tasks"
	managed := func(family string) string {
		return `{"cluster":{"clusterName":"batch"},"taskdefinition":{"family":"` + family + `","cpu":"256","memory":"512","containerDefinitions":[{"name":"report","image":"nginx:alpine","command":["sh","-c","echo begun; sleep 3000"]}]}}`
	}
	ask(t, h, []asked{
		{"create", "POST", "/taskdefs", managed("reports"), 200, nil},
		{"create another", "POST", "/taskdefs", managed("mails"), 200, nil},
	})
	const key = "Idempotency-Key: 5c1d9d0c-1f0e"
	resp, text := h.do(t, "POST", base+"/local"+tasks+"?wait=1", `{"startedBy":"me"}`, key)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if resp, again := h.do(t, "POST", base+"/local"+tasks+"?wait=1", `{"startedBy":"me"}`, key); resp.Header.Get("Idempotent-Replayed") != "true" || again != text {
		t.Errorf("the same request again: %v %s", resp.Header, again)
	}
	id := at(t, text, "Outcomes.0.Id").(string)
	if _, list := h.do(t, "GET", base+"/local"+tasks, ""); list != `["batch/`+id+`"]`+"\n" {
		t.Errorf("tasks: %s", list)
	}
	others := "/clusters/batch/taskdefs/mails/tasks/" + id
	ask(t, h, []asked{
		{"show", "GET", tasks + "/" + id, "", 200, map[string]any{"Tasks.#": 1, "Tasks.0.StartedBy": "me", "Failures.#": 0, "Problems.#": 0}},
		{"show by ARN", "GET", tasks + "/" + strings.ReplaceAll(arnECS+"task/batch/"+id, "/", "%2F"), "", 200, map[string]any{"Tasks.0.StartedBy": "me"}},
		{"its lines", "GET", tasks + "/" + id + "/logs", "", 200, map[string]any{"Events.#": 1, "Events.0.Message": "begun"}},
		{"show as another family's", "GET", others, "", 404, nil},
		{"its lines as another family's", "GET", others + "/logs", "", 404, nil},
		{"stop as another family's", "DELETE", others, "", 404, nil},
		{"stop", "DELETE", tasks + "/" + id + "?reason=enough", "", 200, map[string]any{"Task.DesiredStatus": "STOPPED", "Task.StoppedReason": "enough"}},
		{"stop again", "DELETE", tasks + "/" + id, "", 200, map[string]any{"Task.DesiredStatus": "STOPPED"}},
		{"a task that somebody stopped is no problem", "GET", tasks + "/" + id, "", 200, map[string]any{"Problems.#": 0}},
	})
}

// TestConditionsOnManagedTaskDefinitions sends what depends on their state, and does not wait for it.
func TestConditionsOnManagedTaskDefinitions(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	const managed = `{"cluster":{"clusterName":"batch"},"taskdefinition":{"family":"reports","cpu":"256","memory":"512","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}}`
	const one = "/v1/ecs/local/clusters/batch/taskdefs/reports"
	do := func(method, target, body string, status int, headers ...string) (*http.Response, string) {
		t.Helper()
		resp, text := h.do(t, method, target, body, headers...)
		if resp.StatusCode != status {
			t.Errorf("%s %s %v: %d %s, want %d", method, target, headers, resp.StatusCode, text, status)
		}
		return resp, text
	}
	created, _ := do("POST", "/v1/ecs/local/taskdefs", managed, 200)
	shown, _ := do("GET", one, "", 200)
	adhoc, _ := do("GET", "/v1/ecs/local/taskdefs/reports:1", "", 200)
	first := shown.Header.Get("ETag")
	if first == "" || created.Header.Get("ETag") != first || adhoc.Header.Get("ETag") != first {
		t.Errorf("ETags %v, %v, %v", created.Header, shown.Header, adhoc.Header)
	}
	do("GET", one, "", 304, "If-None-Match: "+first)
	patched, _ := do("PATCH", one, `{"Memory":1024}`, 200, "If-Match: "+first)
	if now := patched.Header.Get("ETag"); now == first {
		t.Error("a new revision has the same ETag")
	}
	do("GET", one, "", 200, "If-None-Match: "+first)
	for method, body := range map[string]string{"PATCH": `{"Memory":2048}`, "PUT": `{"tags":[{"Key":"a","Value":"b"}]}`, "DELETE": ""} {
		_, text := do(method, one, body, 412, "If-Match: "+first)
		if at(t, text, "code") != "ETagMismatch" {
			t.Error(text)
		}
		do(method, one+"?dryRun=true", body, 412, "If-Match: "+first)
	}
	for _, w := range []struct {
		method, target, body string
		status               int
	}{
		{"PUT", one, `{"tags":[{"Key":"a","Value":"b"}]}`, 202}, {"PATCH", one, `{"Memory":2048}`, 202}, {"POST", "/v1/ecs/local/taskdefs", strings.ReplaceAll(managed, "reports", "mails"), 202},
		{"PUT", one, `{"tags":[{"Key":"spinup:org","Value":"theirs"}]}`, 400}, {"DELETE", one, "", 202},
	} {
		resp, text := do(w.method, w.target, w.body, w.status, "Prefer: respond-async")
		if w.status != 202 {
			continue
		}
		op := h.ended(t, at(t, text, "id").(string))
		if op.State != "succeeded" || resp.Header.Get("Operation-Location") == "" || len(op.Result) == 0 {
			t.Errorf("%s: %+v", w.method, op)
		}
	}
}

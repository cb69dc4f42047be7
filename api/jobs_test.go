package api

import (
	"net/http"
	"strings"
	"testing"
)

// TestManagedTaskDefinitions asks for each of their endpoints, in the forms that callers use.
func TestManagedTaskDefinitions(t *testing.T) {
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
		{"another family", "PUT", one, `{"taskdefinition":{"family":"other","cpu":"256","memory":"1024","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}}`, 400, wrong("taskdefinition.family")},
		{"update another org's", "PUT", all + "/theirs", `{"tags":[{"Key":"Owner","Value":"you"}]}`, 404, nil},
		{"run", "POST", tasks, `{"count":2,"startedBy":"nightly"}`, 200, map[string]any{"Tasks.#": 2, "Failures.#": 0, "Tasks.0.StartedBy": "nightly", "Outcomes": nil, "Tasks.0.TaskDefinitionArn": arnECS + "task-definition/reports:3"}},
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
	h.background.Wait()
	ask(t, h, []asked{
		{"deleted", "GET", one, "", 404, nil},
		{"delete again", "DELETE", one + "?recursive=true", "", 404, nil},
	})
}

// TestATaskOfAManagedTaskDefinition follows one task by each of its endpoints.
func TestATaskOfAManagedTaskDefinition(t *testing.T) {
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
	answer, text := h.do(t, "POST", base+"/local"+tasks+"?wait=1", `{"startedBy":"me"}`, key)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	if answer, again := h.do(t, "POST", base+"/local"+tasks+"?wait=1", `{"startedBy":"me"}`, key); answer.Header.Get("Idempotent-Replayed") != "true" || again != text {
		t.Errorf("the same request again: %v %s", answer.Header, again)
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

package api

import "testing"

// TestManagedTaskDefinitions asks for each of their endpoints, in the forms that callers use.
func TestManagedTaskDefinitions(t *testing.T) {
	h := adhocHarness(t)
	h.addDefinition(t, "theirs", tagsOthers)
	h.addDefinition(t, "bare", tagsNone)
	const (
		definition = `{"family":"reports","cpu":"256","memory":"512","containerDefinitions":[{"name":"report","image":"nginx:alpine"}]}`
		managed    = `{"cluster":{"clusterName":"batch"},"taskdefinition":` + definition + `,
			"credentials":{"report":{"Name":"report-cred","SecretString":"{\"username\":\"u\",\"password\":\"hush\"}"}},"tags":[{"Key":"Owner","Value":"me"}]}`
		all = "/clusters/batch/taskdefs"
		one = all + "/reports"
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
		{"run", "POST", "/clusters/batch/tasks", `{"taskDefinition":"reports"}`, 200, nil},
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

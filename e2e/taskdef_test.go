package e2e

import "testing"

func TestTaskDefinitions(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const web = `{"family": "web", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx:alpine"}]}`
	w.run(t, []row{
		{name: "register", send: "POST /local/taskdefs", status: 200, body: edited(t, web, map[string]any{"tags": []any{map[string]any{"Key": "CreatedBy", "Value": "netid"}}}),
			response: `{"TaskDefinition": {"Family": "web", "Revision": 1, "NetworkMode": "awsvpc", "RequiresCompatibilities": ["FARGATE"]}, "Tags": [{"Key": "spinup:org", "Value": "localdev"}, {"Key": "CreatedBy", "Value": "netid"}]}`,
			keep:     map[string]string{"revision": "TaskDefinition.TaskDefinitionArn"}},
		{name: "register a second revision", send: "POST /local/taskdefs", status: 200, body: web, response: `{"TaskDefinition": {"Revision": 2}}`, keep: map[string]string{"revision2": "TaskDefinition.TaskDefinitionArn"}},
		{name: "register in another org's family", send: "POST /local/taskdefs", status: 404, body: edited(t, web, map[string]any{"family": "theirs"})},
		{name: "register for a size that Fargate does not have", send: "POST /local/taskdefs", status: 400, body: edited(t, web, map[string]any{"cpu": "300"})},
		{name: "register nothing", send: "POST /local/taskdefs", status: 400, body: `{}`},
		{name: "register with a role of the caller's", send: "POST /local/taskdefs", status: 400, body: edited(t, web, map[string]any{"taskrolearn": "arn:aws:iam::${account}:role/admin"})},
		{name: "register in an account that is not there", send: "POST /other/taskdefs", status: 404, body: web},
		{name: "list, without another org's", send: "GET /local/taskdefs", status: 200, response: `["${revision}", "${revision2}"]`},
		{name: "list a family", send: "GET /local/taskdefs?prefix=web&status=ACTIVE", status: 200, response: `["${revision}", "${revision2}"]`},
		{name: "list a family that is not there", send: "GET /local/taskdefs?prefix=nothing", status: 200, response: `[]`},
		{name: "list another org's family", send: "GET /local/taskdefs?prefix=theirs", status: 200, response: `[]`},
		{name: "list by a status that is none", send: "GET /local/taskdefs?status=SLEEPING", status: 400, wrong: []string{"status"}},
		{name: "show a family", send: "GET /local/taskdefs/web", status: 200, response: `{"TaskDefinition": {"Revision": 2}, "Tags": [{"Key": "spinup:org", "Value": "localdev"}]}`},
		{name: "show a revision", send: "GET /local/taskdefs/web:1", status: 200, response: `{"TaskDefinition": {"TaskDefinitionArn": "${revision}"}, "Tags": [{"Key": "CreatedBy", "Value": "netid"}]}`},
		{name: "show by ARN", send: "GET /local/taskdefs/${revision.path}", status: 200, response: `{"TaskDefinition": {"Revision": 1}}`},
		{name: "show one that is not there", send: "GET /local/taskdefs/nothing", status: 404},
		{name: "show another org's", send: "GET /local/taskdefs/theirs", status: 404},
		{name: "show one whose name leads elsewhere", send: "GET /local/taskdefs/..%2Fweb", status: 400},
		{name: "deregister another org's", send: "DELETE /local/taskdefs/theirs:1", status: 404},
		{name: "deregister one that is not there", send: "DELETE /local/taskdefs/web:9", status: 404},
		{name: "deregister", send: "DELETE /local/taskdefs/web:1", status: 200, response: `{"TaskDefinition": {"TaskDefinitionArn": "${revision}", "Status": "INACTIVE"}}`},
		{name: "list what is inactive", send: "GET /local/taskdefs?status=INACTIVE", status: 200, response: `["${revision}"]`},
		{name: "list after that", send: "GET /local/taskdefs", status: 200, response: `["${revision2}"]`},
	})
	w.holds(t, "one revision is left", append([]string{"ecs:task-definition web:2"}, theirs...)...)
}

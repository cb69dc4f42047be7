package e2e

import "testing"

func TestReadsAreAsFreshAsCallersSay(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	mayBeOld := []string{"Cache-Control: max-age=60"}
	const isNew, isOld = "Age: ~^$", "Age: ~^[0-9]+$"
	w.run(t, []row{
		{name: "make one", send: "POST /local/services", body: seedCreate(t), status: 200, keep: keepBuilt},
		{name: "a first read is new", send: "GET " + www, header: mayBeOld, status: 200, with: []string{isNew}, response: `{"ServiceName": "www"}`},
		{name: "the second may be old", send: "GET " + www, header: mayBeOld, status: 200, with: []string{isOld}, response: `{"ServiceName": "www"}`},
		{name: "who does not say so gets a new one", send: "GET " + www, status: 200, with: []string{isNew}},
		{name: "a write", send: "PUT " + www, status: 200, body: `{"ForceNewDeployment": true, "Tags": [{"Key": "Fresh", "Value": "yes"}]}`},
		{name: "after the write it is new", send: "GET " + www, header: mayBeOld, status: 200, with: []string{isNew}, response: `{"Tags": [{"Key": "Fresh", "Value": "yes"}]}`},
		{name: "an error is never kept", send: "GET /local/clusters/myclu/services/nothing", header: mayBeOld, status: 404, with: []string{isNew}},
		{name: "nor the second time", send: "GET /local/clusters/myclu/services/nothing", header: mayBeOld, status: 404, with: []string{isNew}},
		{name: "show all", send: "GET " + www + "?all=true", status: 200, response: `{"TaskDefinition": {"TaskDefinitionArn": "${revision}", "Status": "ACTIVE"}}`},
		{name: "deregister what it runs", send: "DELETE /local/taskdefs/${revision.path}", status: 200, response: `{"TaskDefinition": {"Status": "INACTIVE"}}`},
		{name: "show all after that", send: "GET " + www + "?all=true", status: 200, response: `{"TaskDefinition": {"TaskDefinitionArn": "${revision}", "Status": "INACTIVE"}}`},
	})
}

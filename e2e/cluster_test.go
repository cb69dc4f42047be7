package e2e

import "testing"

func TestClusters(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	w.run(t, []row{
		{name: "make one", send: "POST /local/clusters", status: 200, body: `{"clustername": "spare", "tags": [{"Key": "CreatedBy", "Value": "netid"}]}`,
			response: `{"Cluster": {"ClusterName": "spare", "Status": "ACTIVE", "CapacityProviders": ["FARGATE", "FARGATE_SPOT"], "Tags": [{"Key": "spinup:org", "Value": "localdev"}, {"Key": "CreatedBy", "Value": "netid"}]}}`,
			keep:     map[string]string{"cluster": "Cluster.ClusterArn"}},
		{name: "make it again", send: "POST /local/clusters", status: 409, body: `{"clustername": "spare"}`},
		{name: "make another org's", send: "POST /local/clusters", status: 404, body: `{"clustername": "theirs"}`},
		{name: "make one without a name", send: "POST /local/clusters", status: 400, body: `{}`, wrong: []string{"clustername"}},
		{name: "make one with a name that is none", send: "POST /local/clusters", status: 400, body: `{"clustername": "a/b"}`, wrong: []string{"clustername"}},
		{name: "make one with another org's tag", send: "POST /local/clusters", status: 400, body: `{"clustername": "x", "tags": [{"Key": "spinup:org", "Value": "other"}]}`},
		{name: "make one in an account that is not there", send: "POST /other/clusters", status: 404, body: `{"clustername": "spare"}`},
		{name: "list, without another org's", send: "GET /local/clusters", status: 200, response: `["${cluster}"]`},
		{name: "list, in an account that is not there", send: "GET /other/clusters", status: 404},
		{name: "show", send: "GET /local/clusters/spare", status: 200, response: `{"Clusters": [{"ClusterArn": "${cluster}"}], "Failures": []}`},
		{name: "show by its ARN", send: "GET /local/clusters/${cluster.path}", status: 200, response: `{"Clusters": [{"ClusterName": "spare"}]}`},
		{name: "show one that is not there", send: "GET /local/clusters/nocluster", status: 404},
		{name: "show another org's", send: "GET /local/clusters/theirs", status: 404},
		{name: "show one whose name leads elsewhere", send: "GET /local/clusters/..%2Fspare", status: 400},
		{name: "delete one that is not there", send: "DELETE /local/clusters/nocluster", status: 404},
		{name: "delete another org's", send: "DELETE /local/clusters/theirs", status: 404},
		{name: "delete", send: "DELETE /local/clusters/spare", status: 200, response: `{"Cluster": {"ClusterName": "spare"}}`},
		{name: "delete it again", send: "DELETE /local/clusters/spare", status: 404},
		{name: "show it after that", send: "GET /local/clusters/spare", status: 404},
		{name: "list after that", send: "GET /local/clusters", status: 200, response: `[]`},
		{name: "a service in a cluster", send: "POST /local/services", status: 200, body: seedCreate(t)},
		{name: "delete that cluster", send: "DELETE /local/clusters/myclu", status: 409},
	})
	w.holds(t, "nothing else is gone", append(append([]string{}, theirs...), built...)...)
}

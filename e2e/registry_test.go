package e2e

import "testing"

func TestServiceDiscovery(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const services = "/local/servicediscovery/services"
	const www = `{"name": "www", "dnsconfig": {"namespaceid": "${namespace}", "dnsrecords": [{"ttl": 30, "type": "A"}]}}`
	w.run(t, []row{
		{name: "make one", send: "POST " + services, status: 200, body: edited(t, www, map[string]any{"tags": []any{map[string]any{"Key": "CreatedBy", "Value": "netid"}}}),
			response: `{"Service": {"Name": "www", "Id": "~^srv-", "DnsConfig": {"DnsRecords": [{"TTL": 30, "Type": "A"}]}}}`, keep: map[string]string{"registry": "Service.Id", "registryArn": "Service.Arn"}},
		{name: "make it again", send: "POST " + services, status: 409, body: www},
		{name: "make one without a name or a namespace", send: "POST " + services, status: 400, body: `{}`, wrong: []string{"name", "namespaceid"}},
		{name: "make one in a namespace that is not there", send: "POST " + services, status: 404, body: edited(t, www, map[string]any{"dnsconfig.namespaceid": "ns-nosuchnamespace"})},
		{name: "make one in an account that is not there", send: "POST /other/servicediscovery/services", status: 404, body: www},
		{name: "list, without another org's", send: "GET " + services, status: 200, response: `{"Services": [{"Id": "${registry}", "Name": "www"}]}`},
		{name: "show", send: "GET " + services + "/${registry}", status: 200, response: `{"Service": {"Arn": "${registryArn}", "Name": "www"}}`},
		{name: "show by ARN", send: "GET " + services + "/${registryArn.path}", status: 200, response: `{"Service": {"Id": "${registry}"}}`},
		{name: "show one that is not there", send: "GET " + services + "/srv-nosuchservice00", status: 404},
		{name: "show another org's", send: "GET " + services + "/${theirRegistry}", status: 404},
		{name: "show one whose id leads elsewhere", send: "GET " + services + "/..%2F${registry}", status: 400},
		{name: "delete one that is not there", send: "DELETE " + services + "/srv-nosuchservice00", status: 404},
		{name: "delete another org's", send: "DELETE " + services + "/${theirRegistry}", status: 404},
	})
	w.expect(t, []fact{{name: "it has its tags", of: registryTags("registryArn"), want: `{"Tags": [{"Key": "spinup:org", "Value": "localdev"}, {"Key": "CreatedBy", "Value": "netid"}]}`}})
	w.run(t, []row{
		{name: "delete", send: "DELETE " + services + "/${registry}", status: 200, response: `{}`},
		{name: "delete it again", send: "DELETE " + services + "/${registry}", status: 404},
	})
	w.holds(t, "nothing else is gone", theirs...)
}

package e2e

import "testing"

func TestSecrets(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	w.run(t, []row{
		{name: "make one", send: "POST /local/secrets", status: 200, body: `{"Name": "sshhhhh", "SecretString": "abc123value", "Tags": [{"Key": "Application", "Value": "app"}]}`,
			response: `{"ARN": "~^${secrets}:secret:sshhhhh-", "Name": "sshhhhh", "VersionId": "~."}`, keep: map[string]string{"secret": "ARN"}},
		{name: "make one with a slash in its name", send: "POST /local/secrets", status: 200, body: `{"Name": "a/b", "SecretString": "abc123value"}`, keep: map[string]string{"secret2": "ARN"}},
		{name: "make it again", send: "POST /local/secrets", status: 409, body: `{"Name": "sshhhhh", "SecretString": "abc123value"}`},
		{name: "make one without a name or a value", send: "POST /local/secrets", status: 400, body: `{}`, wrong: []string{"Name", "SecretString"}},
		{name: "make one in another org's place", send: "POST /local/secrets", status: 400, body: `{"Name": "spinup/other/x", "SecretString": "abc123value"}`, wrong: []string{"Name"}},
		{name: "make one with another org's tag", send: "POST /local/secrets", status: 400, body: `{"Name": "x", "SecretString": "abc123value", "Tags": [{"Key": "spinup:org", "Value": "other"}]}`},
		{name: "make one in an account that is not there", send: "POST /other/secrets", status: 404, body: `{"Name": "x", "SecretString": "abc123value"}`},
		{name: "list, without another org's", send: "GET /local/secrets", status: 200, response: `["${secret}", "${secret2}"]`},
		{name: "list by tag", send: "GET /local/secrets?Application=app", status: 200, response: `["${secret}"]`},
		{name: "list by a tag that only begins like that", send: "GET /local/secrets?Application=a", status: 200, response: `[]`},
		{name: "list by another org", send: "GET /local/secrets?spinup:org=localdev2", status: 200, response: `[]`},
		{name: "list in an account that is not there", send: "GET /other/secrets", status: 404},
		{name: "show", send: "GET /local/secrets/sshhhhh", status: 200, response: `{"ARN": "${secret}", "Name": "sshhhhh", "KmsKeyId": "~${key}", "Tags": [{"Key": "spinup:org", "Value": "localdev"}, {"Key": "Application", "Value": "app"}]}`},
		{name: "show, as the seed writes it", send: "GET /local/secret/sshhhhh", status: 200, response: `{"ARN": "${secret}"}`},
		{name: "show by ARN", send: "GET /local/secrets/${secret.path}", status: 200, response: `{"Name": "sshhhhh"}`},
		{name: "show one with a slash in its name", send: "GET /local/secrets/a%2Fb", status: 200, response: `{"Name": "a/b"}`},
		{name: "show one that is not there", send: "GET /local/secrets/nothing", status: 404},
		{name: "show another org's", send: "GET /local/secrets/theirs", status: 404},
		{name: "show another org's by ARN", send: "GET /local/secrets/${theirSecret.path}", status: 404},
		{name: "show one whose name leads elsewhere", send: "GET /local/secrets/a%2F..%2Fb", status: 400},
		{name: "change the value", send: "PUT /local/secrets/sshhhhh", status: 200, body: `{"Secret": "TOPSEKRETsshhhhh", "Tags": [{"key": "Application", "value": "FooBAAAAAR"}]}`,
			response: `{"ARN": "${secret}", "Name": "sshhhhh", "VersionId": "~."}`},
		{name: "change the tags alone", send: "PUT /local/secret/sshhhhh", status: 200, body: `{"Tags": [{"key": "Owner", "value": "me"}]}`, with: []string{"Content-Length: 0"}},
		{name: "change the value, by AWS's name of it, and the description", send: "PUT /local/secrets/a%2Fb", status: 200, body: `{"SecretString": "TOPSEKRETtoo", "Description": "changed", "Tags": [{"key": "Owner", "value": "me"}]}`,
			response: `{"ARN": "${secret2}", "Name": "a/b", "VersionId": "~."}`},
		{name: "change it to two values", send: "PUT /local/secrets/a%2Fb", status: 400, body: `{"Secret": "TOPSEKRET", "SecretString": "TOPSEKRETtoo"}`, wrong: []string{"SecretString"}},
		{name: "change nothing", send: "PUT /local/secrets/sshhhhh", status: 400, body: `{}`, wrong: []string{"Secret"}},
		{name: "change its org", send: "PUT /local/secrets/sshhhhh", status: 400, body: `{"Tags": [{"key": "spinup:org", "value": "other"}]}`},
		{name: "change one that is not there", send: "PUT /local/secrets/nothing", status: 404, body: `{"Secret": "TOPSEKRET"}`},
		{name: "change another org's", send: "PUT /local/secrets/theirs", status: 404, body: `{"Secret": "TOPSEKRET"}`},
	})
	w.expect(t, []fact{
		{name: "the value is the new one", of: secretValue("sshhhhh"), want: `{"SecretString": "TOPSEKRETsshhhhh"}`},
		{name: "the other value is the new one", of: secretValue("a/b"), want: `{"SecretString": "TOPSEKRETtoo"}`},
		{name: "the description is the new one", of: secret("a/b"), want: `{"Description": "changed"}`},
		{name: "the tags are the new ones", of: secret("sshhhhh"), want: `{"Tags": [{"Key": "Application", "Value": "FooBAAAAAR"}, {"Key": "Owner", "Value": "me"}, {"Key": "spinup:org", "Value": "localdev"}]}`},
		{name: "another org's is untouched", of: secretValue("theirs"), want: `{"SecretString": "s"}`},
	})
	w.run(t, []row{
		{name: "delete in three days", send: "DELETE /local/secrets/sshhhhh?window=3", status: 400, wrong: []string{"window"}},
		{name: "delete one that is not there", send: "DELETE /local/secrets/nothing?window=0", status: 404},
		{name: "delete another org's", send: "DELETE /local/secrets/theirs?window=0", status: 404},
		{name: "delete at once", send: "DELETE /local/secrets/a%2Fb?window=0", status: 200, response: `{"ARN": "${secret2}", "Name": "a/b", "DeletionDate": "~^20"}`},
		{name: "delete in a while", send: "DELETE /local/secret/sshhhhh", status: 200, response: `{"ARN": "${secret}", "Name": "sshhhhh", "DeletionDate": "~^20"}`},
		{name: "list after that", send: "GET /local/secrets", status: 200, response: `[]`},
		{name: "change it after that", send: "PUT /local/secrets/sshhhhh", status: 409, body: `{"Secret": "TOPSEKRET"}`},
		{name: "make it after that", send: "POST /local/secrets", status: 409, body: `{"Name": "sshhhhh", "SecretString": "abc123value"}`},
		{name: "delete it at once after all", send: "DELETE /local/secrets/sshhhhh?window=0", status: 200, response: `{"Name": "sshhhhh"}`},
		{name: "show it after that", send: "GET /local/secrets/sshhhhh", status: 404},
	})
	w.holds(t, "nothing else is gone", theirs...)
}

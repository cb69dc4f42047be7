package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
)

func TestParameters(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const prefix = "/local/params/someprefix"
	w.run(t, []row{
		{name: "make the seed's", send: "POST " + prefix, status: 200, body: `{"Description": "a secret parameter", "Name": "newsecret123", "Value": "abc123value",
			"Tags": [{"Key": "MyKey", "Value": "MyValue"}, {"Key": "Application", "Value": "someprefix"}]}`, response: `{"Tier": "~.", "Version": 1, "VersionId": "~."}`},
		{name: "make a plain one", send: "POST " + prefix, status: 200, body: `{"Name": "plain", "Value": "abc123value", "Type": "String"}`},
		{name: "make it again", send: "POST " + prefix, status: 409, body: `{"Name": "plain", "Value": "abc123value"}`},
		{name: "make one without a name or a value", send: "POST " + prefix, status: 400, body: `{}`, wrong: []string{"Name", "Value"}},
		{name: "make one that leads elsewhere", send: "POST " + prefix, status: 400, body: `{"Name": "../x", "Value": "abc123value"}`, wrong: []string{"Name"}},
		{name: "make one of a type that is none", send: "POST " + prefix, status: 400, body: `{"Name": "x", "Value": "abc123value", "Type": "Number"}`, wrong: []string{"Type"}},
		{name: "make one with another org's tag", send: "POST " + prefix, status: 400, body: `{"Name": "x", "Value": "abc123value", "Tags": [{"Key": "spinup:org", "Value": "other"}]}`},
		{name: "make one in an account that is not there", send: "POST /other/params/someprefix", status: 404, body: `{"Name": "x", "Value": "abc123value"}`},
		{name: "list", send: "GET " + prefix, status: 200, response: `["newsecret123", "plain"]`},
		{name: "list, with a trailing slash", send: "GET " + prefix + "/", status: 200, response: `["newsecret123", "plain"]`},
		{name: "list a prefix that has none", send: "GET /local/params/noprefix", status: 404},
		{name: "list a prefix that has only another org's", send: "GET /local/params/shared", status: 404},
		{name: "list a prefix that leads elsewhere", send: "GET /local/params/..%2Fother", status: 400},
		{name: "list in an account that is not there", send: "GET /other/params/someprefix", status: 404},
		{name: "show", send: "GET " + prefix + "/newsecret123", status: 200, response: `{"ARN": "arn:aws:ssm:us-east-1:${account}:parameter/localdev/someprefix/newsecret123", "Name": "newsecret123",
			"Description": "a secret parameter", "KeyId": "~${key}", "Type": "SecureString", "Version": 1, "LastModifiedDate": "~^20[0-9-]+ [0-9:]+ [+]0000 UTC$",
			"Tags": [{"Key": "MyKey", "Value": "MyValue"}, {"Key": "spinup:org", "Value": "localdev"}]}`},
		{name: "show, with a doubled slash as in the seed", send: "GET //local/params/someprefix/newsecret123", status: 200, response: `{"Name": "newsecret123"}`},
		{name: "show one that is not there", send: "GET " + prefix + "/nothing", status: 404},
		{name: "show another org's", send: "GET /local/params/shared/theirs", status: 404},
		{name: "show one that leads elsewhere", send: "GET " + prefix + "/..%2F..%2Fx", status: 400},
		{name: "change the value and the tags", send: "PUT " + prefix + "/newsecret123", status: 200, body: `{"Value": "TOPSEKRET", "Tags": [{"Key": "Application", "Value": "other"}]}`, response: `{"Message": "OK"}`},
		{name: "change the tags alone", send: "PUT " + prefix + "/newsecret123", status: 200, body: `{"Tags": [{"Key": "Owner", "Value": "me"}]}`, response: `{"Message": "OK"}`},
		{name: "change nothing", send: "PUT " + prefix + "/newsecret123", status: 400, body: `{}`, wrong: []string{"Value"}},
		{name: "change its org", send: "PUT " + prefix + "/newsecret123", status: 400, body: `{"Tags": [{"Key": "spinup:org", "Value": "other"}]}`},
		{name: "change one that is not there", send: "PUT " + prefix + "/nothing", status: 404, body: `{"Value": "TOPSEKRET"}`},
		{name: "change another org's", send: "PUT /local/params/shared/theirs", status: 404, body: `{"Value": "TOPSEKRET"}`},
		{name: "show the change", send: "GET " + prefix + "/newsecret123", status: 200, response: `{"Version": 2, "Type": "SecureString", "Description": "a secret parameter",
			"Tags": [{"Key": "Application", "Value": "other"}, {"Key": "Owner", "Value": "me"}, {"Key": "MyKey", "Value": "MyValue"}]}`},
	})
	w.expect(t, []fact{
		{name: "the value is the new one", of: parameter("/localdev/someprefix/newsecret123"), want: `{"Parameter": {"Value": "TOPSEKRET", "Type": "SecureString"}}`},
		{name: "another org's is untouched", of: parameter("/localdev/shared/theirs"), want: `{"Parameter": {"Value": "s"}}`},
	})
	must(w.paramsClient().PutParameter(&ssm.PutParameterInput{
		Name: aws.String("/localdev/someprefix/db/password"), Value: aws.String("s"), Type: aws.String("SecureString"),
	}))(t)
	w.run(t, []row{
		{name: "delete one that is not there", send: "DELETE " + prefix + "/nothing", status: 404},
		{name: "delete another org's", send: "DELETE /local/params/shared/theirs", status: 404},
		{name: "delete a prefix that has only another org's", send: "DELETE /local/params/shared", status: 404},
		{name: "delete one, its name left empty", send: "DELETE " + prefix + "/", status: 400},
		{name: "delete one, the prefix left empty", send: "DELETE /local/params//someprefix", status: 400},
		{name: "delete one", send: "DELETE " + prefix + "/plain", status: 200, response: `{"Message": "OK"}`},
		{name: "delete it again", send: "DELETE " + prefix + "/plain", status: 404},
		{name: "show a nested one", send: "GET " + prefix + "/db%2Fpassword", status: 200, response: `{"Name": "db/password", "Version": 1}`},
		{name: "list it too", send: "GET " + prefix, status: 200, response: `["db/password", "newsecret123"]`},
		{name: "delete the prefix", send: "DELETE " + prefix, status: 200, response: `{"Message": "OK", "Deleted": 2}`},
		{name: "delete it again, the prefix", send: "DELETE " + prefix, status: 404},
	})
	w.holds(t, "nothing else is gone", theirs...)
}

package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestValuesAreCheckedBesideWrongTypes sends, to every route that takes a body, one value of a wrong type beside values that are wrong for what they mean:
// the response names all of them.
func TestValuesAreCheckedBesideWrongTypes(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	const www, jobs = "/clusters/mine/services/www", "/clusters/mine/taskdefs"
	const containers = `"containerDefinitions":[{"name":"a","image":"b"},{"name":"b c","image":"x","essential":"no","dependsOn":[{"containerName":"a"}]}]`
	definition := `{"family":"f!","cpu":256,"memory":"512",` + containers + `}`
	at := func(prefix string) []string {
		return []string{
			prefix + "cpu must be a string, not a number", prefix + "containerDefinitions[1].essential must be true or false, not a string",
			prefix + "family must have 1 to 255 letters, digits, underscores and hyphens",
			prefix + "containerDefinitions[1].name must have 1 to 255 letters, digits, underscores and hyphens",
			prefix + "containerDefinitions[1].dependsOn[0].condition is required",
		}
	}
	for _, tt := range []struct {
		name, method, target, body string
		errors                     []string
	}{
		{"a new service", "POST", "/services", `{"Cluster":{"clusterName":"a b"},"TaskDefinition":` + definition + `,"Service":{"serviceName":"x"}}`,
			append(at("TaskDefinition."), "Cluster.clusterName must have 1 to 255 letters, digits, underscores and hyphens")},
		{"an update", "PUT", www, `{"Service":{"desiredCount":-1,"enableExecuteCommand":"yes"},"Tags":[{"Key":"spinup:org","Value":"x"}]}`,
			[]string{"Service.enableExecuteCommand must be true or false, not a string", "Service.desiredCount must not be negative", "Tags[0].Value must be \"localdev\""}},
		{"an update that names its service", "PUT", "/clusters/mine/services", `{"ServiceName":7,"Service":{"desiredCount":-1}}`,
			[]string{"ServiceName must be a string, not a number", "Service.desiredCount must not be negative"}},
		{"a patch", "PATCH", www, `{"DesiredCount":-1,"Containers":{"www":{"Image":1,"Cpu":-1}}}`,
			[]string{"Containers.www.Image must be a string, not a number", "DesiredCount must not be negative", "Containers.www.Cpu must be a whole number"}},
		{"a rollback", "POST", www + "/rollback", `{"To":"a:b:c","Reason":7}`, []string{"Reason must be a string, not a number", "To must be"}},
		{"power", "PUT", www + "/power", `{"state":true}`, []string{"state must be a string, not true or false"}},
		{"a one-off task", "POST", www + "/run", `{"Container":"a b","Timeout":0,"Cpu":[]}`,
			[]string{"Cpu must be", "Command is required", "Timeout must be 1 to 86400 seconds", "Container must have 1 to 255 letters"}},
		{"a cluster", "POST", "/clusters", `{"clusterName":"a b","capacityProviders":[1],"tags":[{"key":""}]}`,
			[]string{"capacityProviders[0] must be a string, not a number", "clusterName must have 1 to 255 letters", "tags[0]"}},
		{"tasks", "POST", "/clusters/mine/tasks", `{"taskDefinition":1,"count":11,"launchType":"EC2"}`,
			[]string{"taskDefinition must be a string, not a number", "count must be 1 to 10", "launchType must be FARGATE, or left out"}},
		{"a task definition", "POST", "/taskdefs", definition, at("")},
		{"a managed task definition", "POST", "/taskdefs", `{"Cluster":{"clusterName":"c"},"TaskDefinition":` + definition + `}`, at("TaskDefinition.")},
		{"its update", "PUT", jobs + "/f", `{"TaskDefinition":{"family":"g","cpu":"256","memory":"512",` + containers + `}}`,
			[]string{"TaskDefinition.containerDefinitions[1].essential must be true or false, not a string", "TaskDefinition.family is", "TaskDefinition.containerDefinitions[1].name must", "TaskDefinition.containerDefinitions[1].dependsOn[0].condition is required"}},
		{"its patch", "PATCH", jobs + "/f", `{"Containers":{"www":{"Image":1}},"Tags":{"spinup:org":"x"}}`, []string{"Containers.www.Image must be a string, not a number", "Tags.spinup:org"}},
		{"its tasks", "POST", jobs + "/f/tasks", `{"Count":0,"StartedBy":7}`, []string{"StartedBy must be a string, not a number", "Count must be 1 to 10"}},
		{"a Cloud Map service", "POST", "/servicediscovery/services", `{"description":7,"dnsConfig":{"namespaceId":"ns-y3uaw6neshhbev3f","dnsRecords":[{"TTL":"30"}]}}`,
			[]string{"description must be a string, not a number", "dnsConfig.dnsRecords[0].TTL must be a whole number, not a string", "name is required", "dnsConfig.dnsRecords[0].type is required"}},
		{"a secret", "POST", "/secrets", `{"Name":"a b","SecretString":1,"SecretBinary":"eA==","ClientRequestToken":"x"}`,
			[]string{"SecretString must be a string, not a number", "Name ", "SecretBinary must not be given beside SecretString", "ClientRequestToken "}},
		{"a new value of a secret", "PUT", "/secrets/x", `{"Secret":"hunter2","SecretString":1,"Tags":[{"Key":"spinup:org","Value":"x"}]}`,
			[]string{"SecretString must be a string, not a number", "Tags[0]"}},
		{"a parameter", "POST", "/params/p", `{"Name":"a b","Value":8080,"Type":"Number"}`, []string{"Value must be a string, not a number", "Name ", "Type must be String, StringList, SecureString"}},
		{"a new value of a parameter", "PUT", "/params/p/q", `{"Name":"r","Value":8080}`, []string{"Value must be a string, not a number", "Name must be left out"}},
		{"a deployment", "POST", www + "/deployments/1/continue", `{"HookId":1,"Action":"GO"}`, []string{"HookId must be a string, not a number", "Action must be"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(h.aws.Calls())
			response, text := h.do(t, tt.method, base+"/local"+tt.target, tt.body)
			found := fieldsOf(problemOf(t, response, text))
			for _, want := range tt.errors {
				at := slices.IndexFunc(found, func(got string) bool { return strings.HasPrefix(got, want) })
				if at < 0 {
					t.Errorf("nothing says %q", want)
					continue
				}
				found = slices.Delete(found, at, at+1)
			}
			if len(found) > 0 || response.StatusCode != http.StatusBadRequest {
				t.Errorf("%d, also: %q", response.StatusCode, found)
			}
			if strings.Contains(text+h.log.String(), "hunter") {
				t.Errorf("a value is repeated: %s", text)
			}
			if asked := h.aws.Calls()[before:]; len(asked) > 0 {
				t.Errorf("it asked AWS: %v", asked)
			}
		})
	}
}

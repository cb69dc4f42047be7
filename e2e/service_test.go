package e2e

import "testing"

// Why moto cannot play parts of a service's life.
const (
	motoHasNoTasks    = "moto's services start no tasks"
	motoHasNoEvents   = "moto's services have no events"
	motoTagging       = "moto's tagging API refuses all services but a few"
	motoAcceptsSubnet = "moto updates a service with subnets that are not there"
	motoDropsFields   = "moto drops fields of task definitions that are newer than it"
	motoAcceptsKeys   = "moto encrypts with keys that are not there"
	motoAcceptsSize   = "moto registers task definitions of any size"
)

const www = "/local/clusters/myclu/services/www"

func TestServiceIsShown(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	w.run(t, []row{
		{name: "make one", send: "POST /local/services", body: seedCreate(t), status: 200, keep: keepBuilt},
		{name: "list", send: "GET /local/clusters/myclu/services", status: 200, response: `["${service}"]`},
		{name: "list all", send: "GET /local/clusters/myclu/services?all=true", status: 200, response: `[{"ServiceArn": "${service}", "Tags": [` + spaceTags + `]}]`},
		{name: "list, in a cluster that is not there", send: "GET /local/clusters/nocluster/services", status: 404},
		{name: "list, in another org's cluster", send: "GET /local/clusters/theirs/services", status: 404},
		{name: "list, in an account that is not there", send: "GET /other/clusters/myclu/services", status: 404},
		{name: "list, with a query that makes no sense", send: "GET /local/clusters/myclu/services?all=perhaps", status: 400, wrong: []string{"all"}},
		{name: "show", send: "GET " + www, status: 200, response: `{"ServiceArn": "${service}", "ServiceName": "www", "TaskDefinition": "${revision}", "Tags": [` + spaceTags + `]}`},
		{name: "show all", send: "GET " + www + "?all=true", status: 200, response: `{"ServiceName": "www", "Cluster": {"ClusterName": "myclu", "Tags": [` + spaceTags + `]},
			"TaskDefinition": {"TaskDefinitionArn": "${revision}"}, "ServiceEndpoint": "www.local"}`},
		{name: "show all, with its task", send: "GET " + www + "?all=true", status: 200, response: `{"Tasks": ["~^[0-9a-f]{32}$"]}`, keep: map[string]string{"task": "Tasks.0"}, notOnMoto: motoHasNoTasks},
		{name: "show, when it is not there", send: "GET /local/clusters/myclu/services/nothing", status: 404},
		{name: "show, in a cluster that is not there", send: "GET /local/clusters/nocluster/services/www", status: 404},
		{name: "show another org's", send: "GET /local/clusters/theirs/services/theirs", status: 404},
		{name: "show, with a name that leads elsewhere", send: "GET /local/clusters/myclu/services/..%2Fwww", status: 400},
		{name: "events", send: "GET " + www + "/events", status: 200, response: `[{"Message": "~www", "Id": "~.", "CreatedAt": "~^20"}]`, notOnMoto: motoHasNoEvents},
		{name: "events, when there are none", send: "GET " + www + "/events", status: 200},
		{name: "events of what is not there", send: "GET /local/clusters/myclu/services/nothing/events", status: 404},
		{name: "events of another org's", send: "GET /local/clusters/theirs/services/theirs/events", status: 404},
		{name: "logs", send: "GET " + www + "/logs?task=${task}&container=webserver", status: 200, response: `{"Events": [{"Message": "~ready"}]}`, notOnMoto: motoHasNoTasks},
		{name: "logs, one event from the start", send: "GET " + www + "/logs?task=${task}&container=webserver&limit=1&start=0", status: 200,
			response: `{"Events": [{"Message": "~."}], "NextForwardToken": "~."}`, keep: map[string]string{"seq": "NextForwardToken"}, notOnMoto: motoHasNoTasks},
		{name: "logs, what comes next", send: "GET " + www + "/logs?task=${task}&container=webserver&seq=${seq.path}", status: 200, response: `{"NextForwardToken": "~."}`, notOnMoto: motoHasNoTasks},
		{name: "logs of all tasks", send: "GET " + www + "/logs", status: 200, response: `{"Events": [{"Message": "~ready", "Container": "webserver", "Task": "${task}"}]}`, notOnMoto: motoHasNoTasks},
		{name: "logs, with numbers that are none", send: "GET " + www + "/logs?task=t&container=webserver&limit=many&start=-1", status: 400, wrong: []string{"limit", "start"}},
		{name: "logs of a task that is not there", send: "GET " + www + "/logs?task=00000000000000000000000000000000&container=webserver", status: 404},
		{name: "logs of another org's", send: "GET /local/clusters/theirs/services/theirs/logs?task=00000000000000000000000000000000&container=web", status: 404},
	})
}

func TestServiceIsUpdated(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const newDefinition = `{"family": "webservers", "cpu": "512", "memory": "1024", "containerdefinitions": [{"name": "webserver", "image": "nginx:1.29",
		"repositorycredentials": {"credentialsparameter": "${secret}"}}]}`
	w.run(t, []row{
		{name: "make one", send: "POST /local/services", body: seedCreate(t), status: 200, keep: keepBuilt},
		{name: "the seed's request, with a tag twice: tags and a new deployment", send: "PUT " + www, status: 200,
			body:     `{"ForceNewDeployment": true, "Tags": [{"Key": "MyKey", "Value": "before"}, {"Key": "Application", "Value": "someprefix"}, {"Key": "MyKey", "Value": "MyValue"}]}`,
			response: `{"Service": {"ServiceName": "www", "Tags": [{"Key": "MyKey", "Value": "MyValue"}, ` + spaceTags + `]}, "Cluster": {"ClusterName": "myclu"}, "TaskDefinition": {"TaskDefinitionArn": "${revision}"}, "CloudwatchLogGroups": ["myclu"], "Tags": [{"Key": "Application", "Value": "someprefix"}]}`},
		{name: "the other spelling, without the service in the path", send: "PUT /local/clusters/myclu/services", status: 200, body: `{"ServiceName": "www", "ForceRedeploy": true}`,
			response: `{"Service": {"ServiceName": "www"}}`},
		{name: "the third", send: "PUT /local/clusters/myclu/services", status: 200, body: `{"Service": {"Service": "www", "DesiredCount": 2}}`, response: `{"Service": {"DesiredCount": 2}}`},
		{name: "credentials", send: "PUT " + www, status: 200, body: `{"Credentials": {"webserver": {"SecretString": "{\"username\": \"supahman\", \"password\": \"changedmebro\"}"}}}`,
			response: `{"Credentials": {"webserver": {"ARN": "${secret}"}}}`},
		{name: "a task definition", send: "PUT " + www, status: 200, body: `{"TaskDefinition": ` + newDefinition + `}`, response: `{"TaskDefinition": {"Revision": 2, "Cpu": "512"}}`,
			keep: map[string]string{"revision2": "TaskDefinition.TaskDefinitionArn"}},

		{name: "nothing to change", send: "PUT " + www, status: 400, body: `{}`, wrong: []string{"tags"}},
		{name: "no body", send: "PUT " + www, status: 400},
		{name: "no name", send: "PUT /local/clusters/myclu/services", status: 400, body: `{"ForceRedeploy": true}`, wrong: []string{"ServiceName"}},
		{name: "two names", send: "PUT " + www, status: 400, body: `{"Service": {"Service": "other"}, "ForceRedeploy": true}`, wrong: []string{"Service.Service"}},
		{name: "a cpu that Fargate does not have", send: "PUT " + www, status: 400, body: edited(t, `{"TaskDefinition": `+newDefinition+`}`, map[string]any{"TaskDefinition.cpu": "300"}), response: `{"code": "ClientException"}`, notOnMoto: motoAcceptsSize},
		{name: "another org's tag", send: "PUT " + www, status: 400, body: `{"Tags": [{"Key": "spinup:org", "Value": "other"}]}`},
		{name: "a public address", send: "PUT " + www, status: 400, body: `{"Service": {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}}}`,
			wrong: []string{"Service.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp"}},
		{name: "a subnet that is not there", send: "PUT " + www, status: 400, body: `{"Service": {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-00000000000000000"]}}}}`, notOnMoto: motoAcceptsSubnet},
		{name: "a service that is not there", send: "PUT /local/clusters/myclu/services/nothing", status: 404, body: `{"ForceRedeploy": true}`},
		{name: "a cluster that is not there", send: "PUT /local/clusters/nocluster/services/www", status: 404, body: `{"ForceRedeploy": true}`},
		{name: "another org's", send: "PUT /local/clusters/theirs/services/theirs", status: 404, body: `{"ForceRedeploy": true}`},
	})
	const newTags = `{"Key": "MyKey", "Value": "MyValue"}, {"Key": "Application", "Value": "someprefix"}, ` + spaceTags
	w.expect(t, []fact{
		{name: "the service has all of it", of: service("myclu", "www"), want: `{"Services": [{"DesiredCount": 2, "TaskDefinition": "${revision2}", "Tags": [` + newTags + `]}]}`},
		{name: "the task definition wires the secret in", of: taskDefinition("webservers:2"), want: `{"TaskDefinition": {"ContainerDefinitions": [{"Image": "nginx:1.29",
			"RepositoryCredentials": {"CredentialsParameter": "${secret}"}}]}, "Tags": [` + newTags + `]}`},
		{name: "the secret has its new value and tags", of: secretValue("spinup/localdev/myclu/myapp-webserver-cred"), want: `{"SecretString": "~changedmebro"}`},
		{name: "the cluster has the tags", of: cluster("myclu"), want: `{"Clusters": [{"Tags": [` + newTags + `, {"Key": "CreatedBy", "Value": "netid"}]}]}`},
		{name: "the role has the tags", of: role("myclu-ecsTaskExecution"), want: `{"Role": {"Tags": [` + newTags + `]}}`},
		{name: "the log group has the tags", of: logGroupTags("myclu"), want: `{"Tags": {"MyKey": "MyValue", "spinup:org": "localdev"}}`},
		{name: "the secret has the tags", of: secret("spinup/localdev/myclu/myapp-webserver-cred"), want: `{"Tags": [` + newTags + `]}`},
		{name: "the registry has the tags", of: registryTags("registryArn"), want: `{"Tags": [` + newTags + `]}`},
	})
	w.run(t, []row{
		{name: "a definition without the secret", send: "PUT " + www, status: 200, response: `{"TaskDefinition": {"Revision": 3}}`,
			body: `{"TaskDefinition": {"family": "webservers", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "webserver", "image": "nginx"}]}}`},
	})
	w.holds(t, "an earlier revision keeps its secret", append([]string{"ecs:cluster myclu", "ecs:service myclu/www", "ecs:task-definition webservers:1",
		"ecs:task-definition webservers:2", "ecs:task-definition webservers:3", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu", "secretsmanager:secret spinup/localdev/myclu/myapp-webserver-cred", "servicediscovery:service www"}, theirs...)...)
}

func TestServiceIsDeleted(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	seed := seedCreate(t)
	w.run(t, []row{
		{name: "make one", send: "POST /local/services", body: seed, status: 200, keep: keepBuilt},
		{name: "one that is not there", send: "DELETE /local/clusters/myclu/services/nothing", status: 404},
		{name: "in a cluster that is not there", send: "DELETE /local/clusters/nocluster/services/www?recursive=true", status: 404},
		{name: "another org's", send: "DELETE /local/clusters/theirs/services/theirs", status: 404},
		{name: "another org's with all it has", send: "DELETE /local/clusters/theirs/services/theirs?recursive=true", status: 404},
		{name: "with a query that makes no sense", send: "DELETE " + www + "?recursive=perhaps", status: 400, wrong: []string{"recursive"}},
		{name: "with the parameters, but not with the rest", send: "DELETE " + www + "?params=true", status: 400, wrong: []string{"params"}},
		{name: "the service alone", send: "DELETE " + www, status: 200, response: `{"Service": {"ServiceName": "www"}}`},
		{name: "again", send: "DELETE " + www, status: 404},
		{name: "it is not shown", send: "GET " + www, status: 404},
	})
	w.holds(t, "the rest is there", append([]string{"ecs:cluster myclu", "ecs:task-definition webservers:1", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu",
		"secretsmanager:secret spinup/localdev/myclu/myapp-webserver-cred", "servicediscovery:service www"}, theirs...)...)
	w.run(t, []row{
		{name: "make it again of what is left", send: "POST /local/services", body: seed, status: 200, response: `{"TaskDefinition": {"Revision": 1}}`},
		{name: "a parameter of the space", send: "POST /local/params/myclu", body: `{"Name": "key", "Value": "hunter22"}`, status: 200},
		{name: "with all it has", send: "DELETE " + www + "?recursive=true", status: 200, response: `{"Service": {"ServiceName": "www"}}`,
			with: []string{"Operation-Location: ~^/v1/ecs/local/operations/"}, follow: true},
		{name: "the parameter is there", send: "GET /local/params/myclu/key", status: 200},
		{name: "the parameters in a dry run", send: "DELETE " + www + "?recursive=true&params=true&dryRun=true", status: 200,
			response: `{"DryRun": true, "Changes": [{"Resource": "params", "Name": "/localdev/myclu/key", "Action": "delete", "Before": null, "After": null}]}`},
		{name: "the parameters too", send: "DELETE " + www + "?recursive=true&params=true", status: 200, follow: true},
		{name: "they are gone", send: "GET /local/params/myclu/key", status: 404},
		{name: "the operation is listed", send: "GET /local/operations?target=myclu/www", status: 200, response: `[{"kind": "delete service and parameters"}, {"kind": "delete service", "target": "myclu/www", "state": "succeeded", "steps": [{"state": "succeeded"}]}]`,
			keep: map[string]string{"operation": "0.id"}},
		{name: "the operation is shown", send: "GET /local/operations/${operation}", status: 200, response: `{"id": "${operation}", "endedAt": "~^20"}`},
		{name: "no operation", send: "GET /local/operations/none", status: 404},
		{name: "all of it again", send: "DELETE " + www + "?recursive=true", status: 404},
		{name: "the cluster is gone", send: "GET /local/clusters/myclu/services", status: 404},
	})
	w.holds(t, "only the log group is left", append([]string{"logs:log-group myclu"}, theirs...)...)
}

func TestRecursiveDeleteSparesWhatOthersUse(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	seed := seedCreate(t)
	second := edited(t, seed, map[string]any{"cluster": nil, "service.cluster": "myclu", "service.servicename": "web2", "serviceregistry.name": "web2",
		"taskdefinition.family": "webservers2", "credentials.webserver.Name": "second"})
	w.run(t, []row{
		{name: "make one", send: "POST /local/services", body: seed, status: 200},
		{name: "make another in the same space", send: "POST /local/services", body: second, status: 200},
		{name: "delete the first", send: "DELETE " + www + "?recursive=true", status: 200, follow: true},
	})
	w.holds(t, "the second is whole", "ecs:cluster myclu", "ecs:service myclu/web2", "ecs:task-definition webservers2:1", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu",
		"secretsmanager:secret spinup/localdev/myclu/second", "servicediscovery:service web2")
	w.run(t, []row{{name: "delete the second", send: "DELETE /local/clusters/myclu/services/web2?recursive=true", status: 200, follow: true}})
	w.holds(t, "only the log group is left", "logs:log-group myclu")
}

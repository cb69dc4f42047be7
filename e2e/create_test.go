package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// seedCreate returns the first request of the project's first manual, as it stands in api/openapi/example.json but for the namespace.
func seedCreate(t *testing.T) string {
	t.Helper()
	text := string(must(os.ReadFile("../api/openapi/example.json"))(t))
	return strings.ReplaceAll(text, "ns-y3uaw6neshhbev3f", "${namespace}")
}

// edited returns a JSON object with the values at some paths changed: "service.servicename"; nil takes away.
func edited(t *testing.T, body string, changes map[string]any) string {
	t.Helper()
	root, ok := decode(t, body).(map[string]any)
	if !ok {
		t.Fatalf("no object: %s", body)
	}
	for path, value := range changes {
		at, key := root, path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, _ := lookup(root, path[:i])
			if at, ok = parent.(map[string]any); !ok {
				t.Fatalf("there is no object at %s", path[:i])
			}
			key = path[i+1:]
		}
		if at[key] = value; value == nil {
			delete(at, key)
		}
	}
	return string(must(json.Marshal(root))(t))
}

// The tags of everything that is built for www in myclu.
const spaceTags = `{"Key": "spinup:org", "Value": "localdev"}, {"Key": "spinup:spaceid", "Value": "myclu"},
	{"Key": "spinup:type", "Value": "container"}, {"Key": "spinup:flavor", "Value": "service"}`

// Why moto leaves out parts of a service.
const motoDropsPlacement = "moto drops a new service's capacityProviderStrategy, deploymentConfiguration and enableECSManagedTags"

// built is what the seed's request makes.
var built = []string{
	"ecs:cluster myclu", "ecs:service myclu/www", "ecs:task-definition webservers:1", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu",
	"secretsmanager:secret spinup/localdev/myclu/myapp-webserver-cred", "servicediscovery:service www",
}

// keepBuilt keeps what later rows and facts need of the response to the seed's request.
var keepBuilt = map[string]string{
	"service": "Service.ServiceArn", "revision": "TaskDefinition.TaskDefinitionArn", "secret": "Credentials.webserver.ARN",
	"registry": "ServiceDiscoveryService.Id", "registryArn": "ServiceDiscoveryService.Arn",
}

func TestCreateBuildsAWholeService(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	seed := seedCreate(t)
	w.run(t, []row{
		{name: "the seed's request", send: "POST /local/services", body: seed, status: 200, keep: keepBuilt, response: `{
			"Cluster": {"ClusterName": "myclu", "Status": "ACTIVE"},
			"Credentials": {"webserver": {"Name": "spinup/localdev/myclu/myapp-webserver-cred", "ARN": "~^${secrets}:secret:", "VersionId": "~."}},
			"TaskDefinition": {"Family": "webservers", "Revision": 1, "Status": "ACTIVE"},
			"Service": {"ServiceName": "www", "Status": "ACTIVE", "DesiredCount": 1},
			"ServiceDiscoveryService": {"Name": "www", "Id": "~^srv-"}}`},
		{name: "the same again is a conflict", send: "POST /local/services", body: seed, status: 409, response: `{"detail": "~already exists"}`},
	})
	w.holds(t, "nothing is there twice", built...)
	w.expect(t, []fact{
		{name: "the cluster has its providers and tags", of: cluster("myclu"), want: `{"Clusters": [{"Status": "ACTIVE",
			"CapacityProviders": ["FARGATE", "FARGATE_SPOT"], "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
			"Tags": [` + spaceTags + `, {"Key": "CreatedBy", "Value": "netid"}, {"Key": "OS", "Value": "container"}]}]}`},
		{name: "the role is for the account's ECS tasks", of: role("myclu-ecsTaskExecution"), want: `{"Role": {
			"AssumeRolePolicyDocument": "~ecs-tasks.amazonaws.com.*${account}", "Tags": [` + spaceTags + `]}}`},
		{name: "the role is limited to the space", of: roleAccess("myclu-ecsTaskExecution", "ECSTaskAccessPolicy-us-east-1"), want: `{
			"secretsmanager:GetSecretValue": "Allow ${secrets}:secret:spinup/localdev/myclu/*",
			"ssm:GetParameters": "Allow arn:aws:ssm:us-east-1:${account}:parameter/localdev/myclu/*",
			"kms:Decrypt": "Allow arn:aws:kms:us-east-1:${account}:key/${key}",
			"ecr:BatchGetImage": "Allow *", "logs:PutLogEvents": "~^Allow arn:aws:logs:us-east-1:${account}:"}`},
		{name: "the log group keeps a year", of: logGroup("myclu"), want: `{"LogGroups": [{"LogGroupName": "myclu", "RetentionInDays": 365}]}`},
		{name: "the log group has its tags", of: logGroupTags("myclu"), want: `{"Tags": {"spinup:org": "localdev", "spinup:spaceid": "myclu", "spinup:type": "container", "spinup:flavor": "service"}}`},
		{name: "the secret is the space's", of: secret("spinup/localdev/myclu/myapp-webserver-cred"), want: `{"ARN": "${secret}", "KmsKeyId": "~${key}",
			"Description": "myapp-webserver-cred", "Tags": [` + spaceTags + `, {"Key": "Application", "Value": "myapp"}]}`},
		{name: "the secret has the value", of: secretValue("spinup/localdev/myclu/myapp-webserver-cred"), want: `{"SecretString": "{\"username\" : \"supahman\",\"password\" : \"dontkryptonitemebro\"}"}`},
		{name: "the task definition is for Fargate, with the role and the secret wired in", of: taskDefinition("webservers:1"), want: `{"TaskDefinition": {
			"TaskDefinitionArn": "${revision}", "Cpu": "256", "Memory": "512", "NetworkMode": "awsvpc", "RequiresCompatibilities": ["FARGATE"],
			"ExecutionRoleArn": "arn:aws:iam::${account}:role/myclu-ecsTaskExecution",
			"ContainerDefinitions": [{"Name": "webserver", "Image": "nginx:alpine", "RepositoryCredentials": {"CredentialsParameter": "${secret}"},
				"Environment": [{"Name": "API_HOST", "Value": "localhost"}, {"Name": "API_PORT", "Value": "1234"}],
				"PortMappings": [{"ContainerPort": 80, "Protocol": "tcp"}],
				"LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "myclu", "awslogs-stream-prefix": "www", "awslogs-region": "us-east-1", "awslogs-create-group": "true"}}}]},
			"Tags": [` + spaceTags + `]}`},
		{name: "the registry is in the namespace", of: registry("registry"), want: `{"Service": {"Name": "www", "HealthCheckCustomConfig": {"FailureThreshold": 1},
			"DnsConfig": {"NamespaceId": "${namespace}", "DnsRecords": [{"TTL": 30, "Type": "A"}]}}}`},
		{name: "the registry has its tags", of: registryTags("registryArn"), want: `{"Tags": [` + spaceTags + `]}`},
		{name: "the service runs the task definition in the account's network", of: service("myclu", "www"), want: `{"Services": [{"Status": "ACTIVE", "DesiredCount": 1,
			"TaskDefinition": "${revision}", "PropagateTags": "SERVICE", "ServiceRegistries": [{"RegistryArn": "${registryArn}"}],
			"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["${subnet}"], "SecurityGroups": ["${group}"], "AssignPublicIp": "DISABLED"}},
			"Tags": [` + spaceTags + `]}]}`},
		{name: "the service is placed and deployed with care", of: service("myclu", "www"), notOnMoto: motoDropsPlacement, want: `{"Services": [{"EnableECSManagedTags": true,
			"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
			"DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": true, "Rollback": true}}}]}`},
	})
}

func TestCreateUsesWhatIsThere(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		{name: "a cluster", send: "POST /local/clusters", body: `{"ClusterName": "myclu"}`, status: 200},
		{name: "a task definition", send: "POST /local/taskdefs", status: 200, keep: map[string]string{"revision": "TaskDefinition.TaskDefinitionArn"},
			body: `{"family": "mytaskdef", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx:alpine"}]}`},
		{name: "a registry", send: "POST /local/servicediscovery/services", status: 200, keep: map[string]string{"registryArn": "Service.Arn"},
			body: `{"name": "webapp", "namespaceid": "${namespace}", "dnsconfig": {"dnsrecords": [{"ttl": 30, "type": "A"}]}}`},
		{name: "the seed's second request", send: "POST /local/services", status: 200, body: `{"service": {"cluster": "myclu", "desiredcount": 1, "servicename": "webapp",
			"taskdefinition": "mytaskdef:1", "serviceregistries": [{"registryarn": "${registryArn}"}]}}`,
			response: `{"Cluster": {"ClusterName": "myclu"}, "TaskDefinition": {"TaskDefinitionArn": "${revision}"}, "Service": {"ServiceName": "webapp"},
			"ServiceDiscoveryService": {"Name": "webapp"}}`},
	})
	w.expect(t, []fact{{name: "the service uses them", of: service("myclu", "webapp"), want: `{"Services": [{"TaskDefinition": "${revision}",
		"ServiceRegistries": [{"RegistryArn": "${registryArn}"}]}]}`}})
	w.holds(t, "nothing else was made", "ecs:cluster myclu", "ecs:service myclu/webapp", "ecs:task-definition mytaskdef:1", "servicediscovery:service webapp")
}

func TestCreateThatCannotWorkCreatesNothing(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	seed := seedCreate(t)
	edit := func(changes map[string]any) string { return edited(t, seed, changes) }
	const create = "POST /local/services"
	w.run(t, []row{
		{name: "a cluster that is not there", send: create, status: 404, body: edit(map[string]any{"cluster": nil, "service.cluster": "nocluster"})},
		{name: "a task definition that is not there", send: create, status: 404, body: edit(map[string]any{"taskdefinition": nil, "credentials": nil, "service.taskdefinition": "nothing:1"})},
		{name: "a registry that is not there", send: create, status: 404,
			body: edit(map[string]any{"serviceregistry": nil, "service.serviceregistries": []any{map[string]any{"registryarn": "arn:aws:servicediscovery:us-east-1:${account}:service/srv-none"}}})},
		{name: "a namespace that is not there", send: create, status: 404, body: edit(map[string]any{"serviceregistry.dnsconfig.namespaceid": "ns-nosuchnamespace"})},
		{name: "a cpu that Fargate does not have", send: create, status: 400, body: edit(map[string]any{"taskdefinition.cpu": "300"}), response: `{"code": "ClientException"}`, notOnMoto: motoAcceptsSize},
		{name: "everything wrong is reported at once", send: create, status: 400, body: edit(map[string]any{"taskdefinition.cpu": "300", "service.servicename": "w w w", "service.desiredcount": -1,
			"serviceregistry.name": nil}), wrong: []string{"service.desiredcount", "service.servicename", "serviceregistry.name"}},
		{name: "credentials of a container that is not there", send: create, status: 400, body: edit(map[string]any{"credentials": map[string]any{
			"other": map[string]any{"Name": "c", "SecretString": `{"username":"u","password":"p"}`}}}), wrong: []string{"credentials.other"}},
		{name: "a secret outside the space", send: create, status: 400, body: edit(map[string]any{"credentials.webserver.Name": "../other"}), wrong: []string{"credentials.webserver.Name"}},
		{name: "another org's tag", send: create, status: 400, body: edit(map[string]any{"tags": []any{map[string]any{"Key": "spinup:org", "Value": "other"}}})},
		{name: "a task role that the account does not allow", send: create, status: 400, body: edit(map[string]any{"taskdefinition.taskrolearn": "arn:aws:iam::${account}:role/admin"}), wrong: []string{"taskdefinition.taskrolearn"}},
		{name: "a public address", send: create, status: 400, body: edit(map[string]any{"service.networkconfiguration": map[string]any{"awsvpcConfiguration": map[string]any{"assignPublicIp": "ENABLED"}}}),
			wrong: []string{"service.networkconfiguration.awsvpcConfiguration.assignPublicIp"}},
		{name: "a subnet that is not there", send: create, status: 400, body: edit(map[string]any{"service.networkconfiguration": map[string]any{"awsvpcConfiguration": map[string]any{"subnets": []any{"subnet-00000000000000000"}}}})},
		{name: "no service", send: create, status: 400, body: `{}`, wrong: []string{"service"}},
		{name: "no body", send: create, status: 400},
		{name: "no JSON", send: create, status: 400, body: "service=www"},
		{name: "two values", send: create, status: 400, body: `{} {}`},
		{name: "another type", send: create, status: 400, body: `{"service": "www"}`},
		{name: "no such account", send: "POST /other/services", status: 404, body: seed},
		{name: "no token", send: create, status: 403, body: seed, header: []string{"X-Auth-Token: "}},
	})
	w.holds(t, "nothing was made")
}

func TestCreateStaysOutOfOtherOrgs(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	seed := seedCreate(t)
	w.foreign(t)
	w.run(t, []row{
		{name: "their cluster", send: "POST /local/services", status: 404, body: edited(t, seed, map[string]any{"cluster.clustername": "theirs"})},
		{name: "their cluster, named", send: "POST /local/services", status: 404, body: edited(t, seed, map[string]any{"cluster": nil, "service.cluster": "theirs"})},
		{name: "their family", send: "POST /local/services", status: 404, body: edited(t, seed, map[string]any{"taskdefinition.family": "theirs"})},
		{name: "their task definition", send: "POST /local/services", status: 404, body: edited(t, seed, map[string]any{"taskdefinition": nil, "credentials": nil, "service.taskdefinition": "theirs:1"})},
		{name: "their registry", send: "POST /local/services", status: 404, body: edited(t, seed, map[string]any{"serviceregistry": nil, "service.serviceregistries": []any{map[string]any{"registryarn": "${theirRegistryArn}"}}})},
	})
	w.holds(t, "theirs is untouched", theirs...)
}

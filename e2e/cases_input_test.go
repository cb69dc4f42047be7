package e2e

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-containerregistry/pkg/name"
	images "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// withX returns the body that creates service x with members of its own.
func withX(service, td string, more ...string) string {
	body := `{"cluster": {"clustername": "clu"}, "service": {"servicename": "x"` + service + `}, "taskdefinition": ` + td
	for _, m := range more {
		body += ", " + m
	}
	return body + "}"
}

// container returns a task definition whose container web has more members.
func container(more string) string {
	return `{"family": "f", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "app:1", ` + more + `}]}`
}

const postService = "POST /local/services"

func TestCase11And12NothingIsIgnoredSilently(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	unknown := func(name, body, field string) row {
		return row{name: name, send: postService, status: 400, body: body, wrong: []string{field}, response: `{"code": "UnknownField"}`}
	}
	w.run(t, []row{
		unknown("a count", withX(`, "desiredcuont": 3`, tdApp1), "service.desiredcuont"),
		unknown("the environment", withX("", container(`"enviroment": []`)), "taskdefinition.containerdefinitions[0].enviroment"),
		unknown("credentials", withX("", tdApp1, `"credentails": `+credA), "credentails"),
		unknown("a strategy", withX(`, "capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT"}]`, tdApp1), "service.capacity_provider_strategy"),
		unknown("case 12: values in the environment", withX("", container(`"environment": [{"name": "E", "values": "x"}]`)), "taskdefinition.containerdefinitions[0].environment[0].values"),
	})
	w.holds(t, "nothing was created")
	const ignored = "taskdefinition.containerdefinitions[0].environment[0].valueFrom"
	w.run(t, []row{
		{name: "case 12: valueFrom in the environment is of another member, and named", send: postService, status: 200,
			body: withX("", container(`"environment": [{"name": "DB", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/x"}]`)),
			with: []string{"X-Ignored-Fields: " + ignored}, response: `{"Warnings": [{"Field": "` + ignored + `"}]}`},
		{name: "a count, in an update", send: "PUT " + xPath, status: 400, body: `{"Service": {"desiredcuont": 9}}`, wrong: []string{"Service.desiredcuont"}},
		{name: "a query parameter", send: "DELETE " + xPath + "?recursve=true", status: 400, wrong: []string{"recursve"}},
		{name: "it is still there", send: "GET " + xPath, status: 200, response: `{"DesiredCount": 1, "Status": "ACTIVE"}`},
		{name: "a key that is like none", send: "PUT " + xPath, status: 200, body: `{"forcenewdeployment": true, "zzz": 1}`, with: []string{"X-Ignored-Fields: ~zzz"}, response: `{"Warnings": [{"Field": "zzz"}]}`},
		{name: "and strictly", send: "PUT " + xPath, status: 400, header: []string{"Prefer: handling=strict"}, body: `{"forcenewdeployment": true, "zzz": 1}`, wrong: []string{"zzz"}},
	})
}

func TestCase13NewFieldsOfECSReachAWS(t *testing.T) {
	parallel(t)
	if !possible(t, t.Name(), motoDropsFields) {
		return
	}
	w := newWorld(t)
	w.run(t, []row{{name: "create", send: postService, status: 200, body: withX(`, "availabilityZoneRebalancing": "DISABLED", "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 7}`,
		`{"family": "f", "cpu": "256", "memory": "512", "enableFaultInjection": true, "containerdefinitions": [{"name": "web", "image": "app:1",
			"restartPolicy": {"enabled": true, "ignoredExitCodes": [3], "restartAttemptPeriod": 90}, "versionConsistency": "disabled"}]}`)}})
	w.expect(t, []fact{
		{name: "of the task definition", of: taskDefinition("f:1"), want: `{"TaskDefinition": {"EnableFaultInjection": true, "ContainerDefinitions": [{
			"RestartPolicy": {"Enabled": true, "IgnoredExitCodes": [3], "RestartAttemptPeriod": 90}, "VersionConsistency": "disabled"}]}}`},
		{name: "of the service", of: service("clu", "x"), want: `{"Services": [{"AvailabilityZoneRebalancing": "DISABLED", "DeploymentConfiguration": {"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 7}}]}`},
	})
}

func TestCase14To16WhatTheCallerSaysIsKeptOrRefused(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const ec2 = `{"family": "f", "cpu": "256", "memory": "512", "networkMode": "bridge", "requiresCompatibilities": ["EC2"], "executionRoleArn": "arn:aws:iam::123456789012:role/own",
		"containerdefinitions": [{"name": "web", "image": "app:1"}]}`
	w.run(t, []row{
		{name: "case 14: a task definition of EC2", send: postService, status: 400, body: withX("", ec2),
			wrong: []string{"taskdefinition.networkMode", "taskdefinition.requiresCompatibilities", "taskdefinition.executionRoleArn"}},
		{name: "case 16: a size that Fargate does not have", send: postService, status: 400, body: withX("", strings.Replace(tdApp1, `"256"`, `"300"`, 1)), notOnMoto: motoAcceptsSize},
		{name: "cases 15 and 16: 32 vCPU, and tags of the task definition", send: postService, status: 200, notOnMoto: motoAcceptsSize,
			body: withX(`, "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": false`, strings.NewReplacer(`"256"`, `"32768"`, `"512"`, `"122880"`).Replace(tdApp1))},
	})
	w.expect(t, []fact{
		{name: "32 vCPU", of: taskDefinition("f:1"), want: `{"TaskDefinition": {"Cpu": "32768", "Memory": "122880"}}`, notOnMoto: motoAcceptsSize},
		{name: "tags of the task definition", of: service("clu", "x"), want: `{"Services": [{"PropagateTags": "TASK_DEFINITION", "EnableECSManagedTags": false}]}`, notOnMoto: motoAcceptsSize},
	})
}

func TestCase17AStrategyChangesWithANewDeployment(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		{name: "create", send: postService, status: 200, body: withX(`, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]`, tdApp1)},
		{name: "another strategy", send: "PUT " + xPath, status: 200, body: `{"service": {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}}`},
	})
	w.expect(t, []fact{{name: "is the service's", of: service("clu", "x"), notOnMoto: motoDropsPlacement,
		want: `{"Services": [{"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}], "Deployments": [{"Status": "PRIMARY", "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT"}]}]}]}`}})
}

func TestCase18AFailingChangeIsNeverUp(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{createX(tdApp1)})
	w.pass(t, 3*time.Minute)
	w.run(t, []row{
		{name: "it is up", send: "GET " + xPath + "/status", status: 200, response: `{"State": "steady", "Deployment": {"Outcome": "succeeded", "TaskDefinition": "~f:1$"}}`},
		{name: "a revision that exits", send: "PUT " + xPath, status: 200, body: `{"taskdefinition": ` + strings.Replace(tdApp1, "app:1", "app:exit-1", 1) + `}`},
		{name: "at second 0", send: "GET " + xPath + "/status", status: 200, response: `{"Deployment": {"Outcome": null, "TaskDefinition": "~f:2$"}}`},
	})
	w.pass(t, 30*time.Minute)
	w.run(t, []row{
		{name: "in the end", send: "GET " + xPath + "/status", status: 200, response: `{"RunningCount": 1, "Deployment": {"Outcome": "rolled_back", "TaskDefinition": "~f:2$"}}`},
		{name: "its deployments", send: "GET " + xPath + "/deployments", status: 200, response: `[{"Outcome": "rolled_back", "TaskDefinition": "~f:2$"}, {"TaskDefinition": "~f:1$"}]`},
	})
}

func TestCase19And20TypesAreReportedTogether(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const wrong = `{"family": "f", "cpu": 256, "memory": 512, "containerdefinitions": [{"name": "web", "image": "app:1"}, {"name": "side", "image": "app:1", "environment": [{"name": "PORT", "value": 8080}]}]}`
	w.run(t, []row{
		{name: "all types at once", send: postService, status: 400, body: withX("", wrong),
			wrong: []string{"taskdefinition.cpu", "taskdefinition.memory", "taskdefinition.containerdefinitions[1].environment[0].value"}},
		{name: "a half of a task", send: postService, status: 400, body: withX(`, "desiredcount": 1.5`, tdApp1), wrong: []string{"service.desiredcount"}},
		{name: "1.0, and case 20: a byte order mark", send: postService, status: 200, body: "\ufeff" + withX(`, "desiredcount": 1.0`, tdApp1), response: `{"Service": {"DesiredCount": 1}}`},
		{name: "case 22: it exists", send: postService, status: 409, body: withX("", tdApp1), response: `{"code": "ServiceExists"}`},
	})
}

func TestCase21ASecretOutsideTheSpaceIsRefused(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const td = `{"family": "f", "cpu": "256", "memory": "512", "executionRoleArn": "arn:aws:iam::${account}:role/clu-ecsTaskExecution", "networkmode": "awsvpc", "requirescompatibilities": ["FARGATE"],
		"containerdefinitions": [{"name": "web", "image": "app:1", "secrets": [{"name": "S", "valueFrom": "${secrets}:secret:elsewhere-AbCdEf"}]}]}`
	w.run(t, []row{
		createX(strings.Replace(tdApp1, `"f"`, `"other"`, 1)),
		{name: "in POST taskdefs", send: "POST /local/taskdefs", status: 400, body: td, wrong: []string{"containerdefinitions[0].secrets[0].valueFrom"}},
		{name: "in POST services", send: "POST /local/services", status: 400, body: strings.ReplaceAll(withX("", container(`"secrets": [{"name": "S", "valueFrom": "${secrets}:secret:elsewhere-AbCdEf"}]`)), `"x"`, `"y"`),
			wrong: []string{"taskdefinition.containerdefinitions[0].secrets[0].valueFrom"}},
	})
}

func TestCase22BusyAndExistingServicesDiffer(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{createX(tdApp1)})
	started, underWay := make(chan struct{}), make(chan struct{})
	w.cloud.Inject(hookOnce("UpdateService", func() { close(started); <-underWay }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.check(t, row{send: "PUT " + xPath, status: 200, body: `{"forcenewdeployment": true}`})
	}()
	<-started
	w.run(t, []row{{name: "busy", send: "PUT " + xPath, status: 409, body: `{"forcenewdeployment": true}`, response: `{"code": "ServiceBusy"}`, with: []string{"Retry-After: ~^[1-9]"}}})
	close(underWay)
	<-done
	w.run(t, []row{{name: "exists", send: postService, status: 409, body: withX("", tdApp1), response: `{"code": "ServiceExists"}`}})
}

func TestCase23And30NestedParameters(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	for _, name := range []string{"/localdev/t5/a/b", "/localdev/t5/a/c/d"} {
		must(w.paramsClient().PutParameter(&ssm.PutParameterInput{Name: &name, Value: aws.String("v"), Type: aws.String("String"), Tags: []*ssm.Tag{{Key: aws.String("spinup:org"), Value: aws.String(org)}}}))(t)
	}
	w.run(t, []row{
		{name: "list", send: "GET /local/params/t5", status: 200, response: `["a/b", "a/c/d"]`},
		{name: "case 30: show by name", send: "GET /local/params/t5/a%2Fb", status: 200, response: `{"Name": "a/b"}`},
		{name: "delete", send: "DELETE /local/params/t5", status: 200},
		{name: "list after that", send: "GET /local/params/t5", status: 404},
	})
	w.holds(t, "none is left")
}

func TestCase30AParameterIsShownByItsName(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	for i := range 300 { // DescribeParameters would take many calls for them
		must(w.paramsClient().PutParameter(&ssm.PutParameterInput{Name: aws.String(fmt.Sprintf("/other/store/p%d", i)), Value: aws.String("v"), Type: aws.String("String")}))(t)
	}
	w.run(t, []row{{name: "create", send: "POST /local/params/t5", status: 200, body: `{"Name": "one", "Value": "abc123value"}`}})
	w.cloud.ResetCalls()
	w.run(t, []row{{name: "show", send: "GET /local/params/t5/one", status: 200, response: `{"Name": "one"}`}})
	if calls := w.cloud.Calls(); len(calls) > 4 {
		t.Errorf("showing one took %d calls to AWS", len(calls))
	}
}

func TestCase24WhatIsNoImage(t *testing.T) {
	parallel(t)
	server := httptest.NewServer(images.New(images.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	if err := remote.WriteIndex(must(name.NewTag(host+"/nothing:v1", name.Insecure))(t), empty.Index); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(config map[string]any) { config["registries"] = []string{host} })
	w.set("host", host)
	w.run(t, []row{
		{name: "an empty index", send: "HEAD /images?image=${host}/nothing:v1", status: 404},
		{name: "in words", send: "GET /images?image=${host}/nothing:v1", status: 200, response: `{"exists": false, "reason": "not an image"}`},
		{name: "an upper-case repository", send: "GET /images?image=${host}/App:v1", status: 400, response: `{"detail": "~lower.case"}`},
	})
}

func TestCase26LogsOfATaskOfItsOwn(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{
		createX(tdApp1),
		{name: "run a task", send: "POST /local/clusters/clu/tasks", status: 200, body: `{"taskdefinition": "f:1"}`, keep: map[string]string{"task": "Tasks.0.TaskArn"}},
	})
	w.pass(t, time.Minute)
	w.run(t, []row{{name: "its logs", send: "GET /local/clusters/clu/tasks/${task.id}/logs", status: 200, response: `{"Events": [{"Message": "~ready", "Container": "web"}]}`}})
}

func TestCase28RolesOfAServiceAreCallersToName(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const admin = "arn:aws:iam::123456789012:role/admin"
	w.run(t, []row{
		{name: "of Service Connect", send: postService, status: 400,
			body:  withX(`, "serviceConnectConfiguration": {"enabled": true, "namespace": "local", "services": [{"portName": "http", "tls": {"issuerCertificateAuthority": {"awsPcaAuthorityArn": "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"}, "roleArn": "`+admin+`"}}]}`, tdApp1),
			wrong: []string{"service.serviceConnectConfiguration.services[0].tls.roleArn"}},
		{name: "of a volume", send: postService, status: 400,
			body:  withX(`, "volumeConfigurations": [{"name": "v", "managedEBSVolume": {"sizeInGiB": 1, "roleArn": "`+admin+`"}}]`, tdApp1),
			wrong: []string{"service.volumeConfigurations[0].managedEBSVolume.roleArn"}},
		{name: "of the tasks", send: postService, status: 400, body: withX("", strings.Replace(tdApp1, `"cpu"`, `"taskRoleArn": "`+admin+`", "cpu"`, 1)), wrong: []string{"taskdefinition.taskRoleArn"}},
	})
	w.holds(t, "nothing was created")
}

func TestCase29KeysOfCredentials(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	withKey := func(key string) string { return strings.Replace(credA, `"Name"`, `"KmsKeyId": "`+key+`", "Name"`, 1) }
	w.run(t, []row{
		{name: "a key of another account", send: postService, status: 400, body: withX("", tdApp1, `"credentials": `+withKey("arn:aws:kms:us-east-1:210987654321:key/11111111-2222-3333-4444-555555555555")),
			wrong: []string{"credentials.web.KmsKeyId"}, notOnMoto: motoAcceptsKeys},
		{name: "a key of ours", send: postService, status: 200, body: withX("", tdApp1, `"credentials": `+withKey("${key}"))},
	})
	w.expect(t, []fact{{name: "the execution role may decrypt with it", of: roleAccess("clu-ecsTaskExecution", "ECSTaskAccessPolicy-us-east-1"), want: `{"kms:Decrypt": "~${key}"}`}})
}

package e2e

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// The tests whose names begin with TestCase send the requests that went wrong for real users, and expect the right responses and what AWS holds
// afterwards. Requests whose right response is an error of the input are in cases_input_test.go.

// Parts of the cases' requests.
const (
	tdApp1 = `{"family": "f", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "app:1"}]}`
	tdApp2 = `{"family": "f", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "app:2"}]}`
	credA  = `{"web": {"Name": "cred-a", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}`

	xPath = "/local/clusters/clu/services/x"
)

// caseWorld is the program in front of a simulated AWS whose clock the test moves. There is none for moto, whose services start no tasks.
type caseWorld struct {
	*world
	cloud *localaws.AWS
	ahead *atomic.Int64
}

// newCaseWorld returns nil where the suite runs against moto.
func newCaseWorld(t *testing.T, change ...func(config map[string]any)) *caseWorld {
	t.Helper()
	if !possible(t, t.Name(), motoHasNoTasks) {
		return nil
	}
	ahead := &atomic.Int64{}
	cloud := localaws.New(localaws.Clock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	return &caseWorld{newWorldOn(t, newSimulator(t, cloud), change...), cloud, ahead}
}

// pass lets time pass in the simulated AWS, in steps that its deployments are looked at in.
func (w *caseWorld) pass(t *testing.T, d time.Duration) {
	t.Helper()
	const step = 15 * time.Second
	for ; d > 0; d -= step {
		w.ahead.Add(int64(min(d, step)))
		must(w.ecsClient().ListClusters(&ecs.ListClustersInput{}))(t)
	}
}

// createX returns a row that creates service x in cluster clu of the task definition, with more members: `"credentials": …`.
func createX(td string, more ...string) row {
	body := `{"cluster": {"clustername": "clu"}, "service": {"servicename": "x"}, "taskdefinition": ` + td
	for _, m := range more {
		body += ", " + m
	}
	return row{name: "create x", send: "POST /local/services", status: 200, body: body + "}"}
}

// keeping returns the row, which keeps variables.
func (r row) keeping(variables map[string]string) row {
	r.keep = variables
	return r
}

var keepCredential = map[string]string{"cred": "Credentials.web.ARN"}

// hookOnce is a fault that only calls f, before the next call of an operation of ECS.
func hookOnce(operation string, f func()) localaws.Fault {
	return localaws.Fault{Service: "ecs", Operation: operation, Effect: localaws.Hook, Func: f}
}

// inUse checks that a secret is not scheduled for deletion.
func (w *world) inUse(t *testing.T, name string) {
	t.Helper()
	t.Run(name+" is in use", func(t *testing.T) {
		ran.Add(1)
		for _, lack := range contains(decode(t, string(must(json.Marshal(secret(name)(w, t)))(t))), map[string]any{"DeletedDate": nil}, "the secret") {
			t.Error(lack)
		}
	})
}

// credAName is the name that AWS has of the credentials cred-a.
const credAName = "spinup/localdev/clu/cred-a"

func TestCase01AnImageBumpKeepsTheCredentials(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{
		createX(tdApp1, `"credentials": `+credA).keeping(keepCredential),
		{name: "a new image", send: "PUT " + xPath, status: 200, body: `{"taskdefinition": ` + tdApp2 + `}`, response: `{"TaskDefinition": {"Revision": 2}}`},
	})
	const pulls = `{"TaskDefinition": {"ContainerDefinitions": [{"Name": "web", "RepositoryCredentials": {"CredentialsParameter": "${cred}"}}]}}`
	w.expect(t, []fact{{name: "revision 2 pulls with the credentials", of: taskDefinition("f:2"), want: pulls}})
	w.inUse(t, credAName)
	w.run(t, []row{
		{name: "back to revision 1", send: "PUT " + xPath, status: 200, body: `{"service": {"taskdefinition": "f:1"}}`},
	})
	w.pass(t, 5*time.Minute)
	w.expect(t, []fact{{name: "its task runs", of: service("clu", "x"), want: `{"Services": [{"RunningCount": 1, "TaskDefinition": "~f:1$", "Deployments": [{"RolloutState": "COMPLETED", "FailedTasks": 0}]}]}`}})
	w.inUse(t, credAName)

	const two = `{"family": "f", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "app:3"}, {"name": "side", "image": "app:4"}]}`
	w.run(t, []row{
		{name: "credentials for one of two containers", send: "PUT " + xPath, status: 200,
			body: `{"taskdefinition": ` + two + `, "credentials": {"side": {"Name": "cred-side", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`},
	})
	w.expect(t, []fact{{name: "the other keeps its own", of: taskDefinition("f:3"), want: pulls}})
	w.inUse(t, credAName)
	w.run(t, []row{
		{name: "null takes them away", send: "PUT " + xPath, status: 200,
			body: `{"taskdefinition": ` + strings.Replace(tdApp2, `"image"`, `"repositorycredentials": null, "image"`, 1) + `}`},
	})
	w.expect(t, []fact{{name: "and only then are they gone", of: taskDefinition("f:4"), want: `{"TaskDefinition": {"ContainerDefinitions": [{"Name": "web", "RepositoryCredentials": null}]}}`}})
	w.inUse(t, credAName) // revisions 1 to 3 refer to it
}

func TestCase02ARollbackFindsItsCredentials(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{createX(tdApp1, `"credentials": `+credA).keeping(keepCredential)})
	w.pass(t, 3*time.Minute)
	w.run(t, []row{{name: "new credentials and a bad revision", send: "PUT " + xPath, status: 200,
		body:     `{"taskdefinition": ` + strings.Replace(tdApp1, "app:1", "app:exit-1", 1) + `, "credentials": {"web": {"Name": "cred-b", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`,
		response: `{"TaskDefinition": {"Revision": 2}, "Credentials": {"web": {"Name": "spinup/localdev/clu/cred-b"}}}`}})
	w.inUse(t, credAName)
	w.pass(t, 30*time.Minute)
	w.inUse(t, credAName)
	w.expect(t, []fact{
		{name: "the circuit breaker has rolled back, and the old revision runs", of: service("clu", "x"),
			want: `{"Services": [{"RunningCount": 1, "PendingCount": 0, "TaskDefinition": "~f:1$", "Deployments": [{"Status": "PRIMARY", "RolloutState": "COMPLETED", "TaskDefinition": "~f:1$"}]}]}`},
	})
	w.run(t, []row{ // case 18: is it up?
		{name: "its status tells that the change failed", send: "GET " + xPath + "/status", status: 200, response: `{"State": "steady", "RunningCount": 1, "Deployment": {"Outcome": "rolled_back", "TaskDefinition": "~f:2$", "RolledBackTo": "~f:1$"}}`},
	})
}

func TestCase03CredentialsChangeAfterAnImageBump(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		createX(tdApp1, `"credentials": `+credA).keeping(keepCredential),
		{name: "a new image", send: "PUT " + xPath, status: 200, body: `{"taskdefinition": ` + tdApp2 + `}`},
		{name: "a new value without a name", send: "PUT " + xPath, status: 200, body: `{"Credentials": {"web": {"SecretString": "{\"username\":\"u\",\"password\":\"changedmebro-1\"}"}}}`, response: `{"Credentials": {"web": {"ARN": "${cred}"}}}`},
	})
	w.expect(t, []fact{{name: "is the value", of: secretValue(credAName), want: `{"SecretString": "{\"username\":\"u\",\"password\":\"changedmebro-1\"}"}`}})
	w.inUse(t, credAName)
	w.run(t, []row{
		{name: "a new value with the same name", send: "PUT " + xPath, status: 200, body: `{"Credentials": {"web": {"Name": "cred-a", "SecretString": "{\"username\":\"u\",\"password\":\"changedmebro-2\"}"}}}`, response: `{"Credentials": {"web": {"ARN": "${cred}"}}}`},
	})
	w.expect(t, []fact{{name: "is the value too", of: secretValue(credAName), want: `{"SecretString": "{\"username\":\"u\",\"password\":\"changedmebro-2\"}"}`}})
	w.inUse(t, credAName)
}

func TestCase04ASecretThatAnotherServiceReadsStays(t *testing.T) {
	parallel(t)
	for how, td := range map[string]string{
		"by ARN":            container(`"secrets": [{"name": "S", "valueFrom": "${cred}"}]`),
		"by ARN and key":    container(`"secrets": [{"name": "S", "valueFrom": "${cred}:password::"}]`),
		"by ARN and stage":  container(`"secrets": [{"name": "S", "valueFrom": "${cred}:password:AWSCURRENT:"}]`),
		"by partial ARN":    container(`"secrets": [{"name": "S", "valueFrom": "${secrets}:secret:` + credAName + `"}]`),
		"by a log's option": container(`"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "https://splunk"}, "secretOptions": [{"name": "splunk-token", "valueFrom": "${cred}"}]}`),
		"by name":           container(`"repositoryCredentials": {"credentialsParameter": "` + credAName + `"}`),
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			w.run(t, []row{
				createX(tdApp1, `"credentials": `+credA).keeping(keepCredential),
				{name: "create b", send: "POST /local/services", status: 200, body: `{"cluster": {"clustername": "clu"}, "service": {"servicename": "b"}, "taskdefinition": ` + strings.Replace(td, `"f"`, `"b"`, 1) + `}`},
				{name: "delete x", send: "DELETE " + xPath + "?recursive=true", status: 200, follow: true},
			})
			w.inUse(t, credAName)
			w.run(t, []row{{name: "delete b", send: "DELETE /local/clusters/clu/services/b?recursive=true", status: 200, follow: true}})
		})
	}
}

func TestCase04ASecretThatIsMovedStays(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		createX(tdApp1, `"credentials": `+credA).keeping(keepCredential),
		{name: "the container reads it as a variable now", send: "PUT " + xPath, status: 200,
			body: `{"taskdefinition": ` + strings.Replace(tdApp2, `"image"`, `"repositorycredentials": null, "secrets": [{"name": "S", "valueFrom": "${cred}:password::"}], "image"`, 1) + `}`},
	})
	w.inUse(t, credAName)
}

func TestCase05NewCredentialsKeepWhatOthersSet(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{createX(tdApp1, `"credentials": `+credA).keeping(keepCredential)})
	present := must(w.ecsClient().DescribeTaskDefinition(&ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("f:1")}))(t).TaskDefinition
	operators := present.ContainerDefinitions[0]
	operators.RestartPolicy = &ecs.ContainerRestartPolicy{Enabled: aws.Bool(true), RestartAttemptPeriod: aws.Int64(60)}
	operators.VersionConsistency = aws.String("disabled")
	must(w.ecsClient().RegisterTaskDefinition(&ecs.RegisterTaskDefinitionInput{
		Family: present.Family, Cpu: present.Cpu, Memory: present.Memory, NetworkMode: present.NetworkMode, RequiresCompatibilities: present.RequiresCompatibilities,
		ExecutionRoleArn: present.ExecutionRoleArn, ContainerDefinitions: []*ecs.ContainerDefinition{operators}, EnableFaultInjection: aws.Bool(true),
	}))(t)
	must(w.ecsClient().UpdateService(&ecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("x"), TaskDefinition: aws.String("f:2")}))(t)
	w.run(t, []row{{name: "new credentials", send: "PUT " + xPath, status: 200, body: `{"credentials": {"web": {"Name": "cred-b", "SecretString": "{\"username\":\"u\",\"password\":\"changedmebro\"}"}}}`,
		response: `{"TaskDefinition": {"Revision": 3}}`, keep: map[string]string{"credB": "Credentials.web.ARN"}}})
	w.expect(t, []fact{{name: "the new revision has the operator's fields", of: taskDefinition("f:3"), notOnMoto: motoDropsFields, want: `{"TaskDefinition": {"EnableFaultInjection": true, "ContainerDefinitions": [{
		"RestartPolicy": {"Enabled": true, "RestartAttemptPeriod": 60}, "VersionConsistency": "disabled", "RepositoryCredentials": {"CredentialsParameter": "${credB}"}}]}}`}})
	w.inUse(t, credAName) // f:1 and f:2 refer to it
}

func TestCase07AFailedCreateTakesItsOwnAlong(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	w.run(t, []row{
		{name: "a cluster", send: "POST /local/clusters", status: 200, body: `{"clustername": "clu"}`},
		{name: "a task definition that needs no role", send: "POST /local/taskdefs", status: 200, body: tdApp1},
		{name: "a service of it", send: "POST /local/services", status: 200, body: `{"service": {"cluster": "clu", "servicename": "x", "taskdefinition": "f:1"}}`},
	})
	before := w.list(t)
	updated := row{name: "the update beside", send: "PUT " + xPath, status: 200, body: `{"forcenewdeployment": true}`}
	w.cloud.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Func: func() { w.check(t, updated) }})
	w.run(t, []row{{name: "a create that fails while an update succeeds", send: "POST /local/services", status: 500,
		body: `{"cluster": {"clustername": "clu"}, "service": {"servicename": "y"}, "taskdefinition": ` + strings.Replace(tdApp1, `"f"`, `"y"`, 1) + `}`}})
	w.holds(t, "nothing of it is left", before...)
}

func TestCase08AForeignLogGroupHasNoLines(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t)
	if w == nil {
		return
	}
	const task = "0123456789abcdef0123456789abcdef"
	logs := w.logsClient()
	must(logs.CreateLogGroup(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("theirs"), Tags: map[string]*string{"spinup:org": aws.String(org + "2")}}))(t)
	must(logs.CreateLogStream(&cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("theirs"), LogStreamName: aws.String("x/web/" + task)}))(t)
	must(logs.PutLogEvents(&cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("theirs"), LogStreamName: aws.String("x/web/" + task), LogEvents: []*cloudwatchlogs.InputLogEvent{
		{Message: aws.String("TOPSEKRET"), Timestamp: aws.Int64(time.Now().UnixMilli())}}}))(t)
	const logging = `"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "theirs", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}}, "image"`
	w.run(t, []row{
		createX(strings.Replace(tdApp1, `"image"`, logging, 1)),
		{name: "the lines of a task that ECS has forgotten", send: "GET " + xPath + "/logs?task=" + task + "&container=web", status: 404},
	})
}

func TestCase09TagsOfAServiceWhoseRevisionIsInactive(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{createX(tdApp1)})
	must(w.ecsClient().DeregisterTaskDefinition(&ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("f:1")}))(t)
	w.run(t, []row{{name: "tags", send: "PUT " + xPath, status: 200, body: `{"Tags": [{"Key": "Owner", "Value": "me"}]}`}})
	w.expect(t, []fact{
		{name: "the service has them", of: service("clu", "x"), want: `{"Services": [{"Status": "ACTIVE", "Tags": [{"Key": "Owner", "Value": "me"}]}]}`},
		{name: "and so has the cluster", of: cluster("clu"), want: `{"Clusters": [{"Tags": [{"Key": "Owner", "Value": "me"}]}]}`},
	})
}

func TestCase10SecretStringIsTheValue(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		{name: "create", send: "POST /local/secrets", status: 200, body: `{"Name": "s", "SecretString": "abc123value"}`},
		{name: "change", send: "PUT /local/secrets/s", status: 200, body: `{"SecretString": "TOPSEKRETtoo", "Description": "d", "KmsKeyId": "${key}", "Tags": [{"Key": "Owner", "Value": "me"}]}`},
		{name: "a member that is unknown", send: "PUT /local/secrets/s", status: 400, body: `{"SecretStrin": "TOPSEKRET", "Tags": [{"Key": "Owner", "Value": "me"}]}`, wrong: []string{"SecretStrin"}},
	})
	w.expect(t, []fact{
		{name: "the value is the new one", of: secretValue("s"), want: `{"SecretString": "TOPSEKRETtoo"}`},
		{name: "and so is the rest", of: secret("s"), want: `{"Description": "d", "KmsKeyId": "~${key}", "Tags": [{"Key": "Owner", "Value": "me"}]}`},
	})
}

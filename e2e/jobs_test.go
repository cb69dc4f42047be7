package e2e

import "testing"

// jobBody is a managed task definition that uses everything. Moto runs no container that does not say how much memory it takes.
const jobBody = `{
	"cluster": {"clustername": "batch"},
	"taskdefinition": {"family": "reports", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "report", "image": "busybox", "memory": 128, "command": ["sh", "-c", "echo begun; sleep 600"]}]},
	"credentials": {"report": {"Name": "report-cred", "SecretString": "{\"username\": \"supahman\", \"password\": \"dontkryptonitemebro\"}"}},
	"tags": [{"Key": "Owner", "Value": "me"}]
}`

const (
	jobsPath = "/local/clusters/batch/taskdefs"
	jobPath  = jobsPath + "/reports"
	jobTasks = jobPath + "/tasks"
)

func TestManagedTaskDefinitions(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const secret = "spinup/localdev/batch/report-cred"
	other := edited(t, jobBody, map[string]any{"taskdefinition.memory": "1024"})
	w.run(t, []row{
		{name: "plan a create", send: "POST /local/taskdefs?dryRun=true", body: jobBody, status: 200, response: `{"DryRun": true, "ETag": null, "Changes": [{"Resource": "cluster", "Name": "batch", "Action": "create"}, {"Resource": "taskDefinition", "Action": "create"}]}`},
		{name: "create", send: "POST /local/taskdefs", body: jobBody, status: 200, keep: map[string]string{"first": "TaskDefinition.TaskDefinitionArn"}, with: []string{`ETag: ~^"`},
			response: `{"Cluster": {"ClusterName": "batch"}, "TaskDefinition": {"Family": "reports", "Revision": 1}, "Credentials": {"report": {"Name": "` + secret + `"}}, "Tags": [{"Key": "spinup:org", "Value": "localdev"}, {"Key": "spinup:spaceid", "Value": "batch"}, {"Key": "spinup:flavor", "Value": "task"}, {"Key": "Owner", "Value": "me"}], "Warnings": []}`},
		{name: "create the same again", send: "POST /local/taskdefs", body: jobBody, status: 200, response: `{"TaskDefinition": {"Revision": 1}}`},
		{name: "create another one of the family", send: "POST /local/taskdefs", body: other, status: 409, response: `{"code": "AlreadyExists"}`},
		{name: "create one without its cluster", send: "POST /local/taskdefs", body: edited(t, jobBody, map[string]any{"cluster": nil}), status: 400},
		{name: "create one in another org's cluster", send: "POST /local/taskdefs", body: edited(t, jobBody, map[string]any{"cluster.clustername": "theirs"}), status: 404},
		{name: "create one of another org's family", send: "POST /local/taskdefs", body: edited(t, jobBody, map[string]any{"taskdefinition.family": "theirs", "credentials.report.Name": "their-cred"}), status: 404},
		{name: "create one with a role of the caller's", send: "POST /local/taskdefs", body: edited(t, jobBody, map[string]any{"taskdefinition.family": "f", "taskdefinition.taskrolearn": "arn:aws:iam::${account}:role/admin"}), status: 400, wrong: []string{"taskdefinition.taskrolearn"}},
		{name: "list", send: "GET " + jobsPath, status: 200, response: `["reports"]`},
		{name: "list in another org's cluster", send: "GET /local/clusters/theirs/taskdefs", status: 404},
		{name: "list in a cluster that is not there", send: "GET /local/clusters/nocluster/taskdefs", status: 404},
		{name: "show", send: "GET " + jobPath, status: 200, response: `{"Cluster": {"ClusterName": "batch"}, "TaskDefinition": {"TaskDefinitionArn": "${first}"}, "Credentials": {"report": "` + secret + `"}}`, with: []string{`ETag: ~^"`}},
		{name: "show as if it were elsewhere", send: "GET /local/clusters/nocluster/taskdefs/reports", status: 404},
		{name: "show another org's", send: "GET " + jobsPath + "/theirs", status: 404},
		{name: "show what can be no family", send: "GET " + jobsPath + "/a%2Fb", status: 400, wrong: []string{"taskdef"}},
		{name: "update what somebody has changed", send: "PUT " + jobPath, body: `{"tags": [{"Key": "Owner", "Value": "you"}]}`, header: []string{`If-Match: "other"`}, status: 412},
		{name: "update tags", send: "PUT " + jobPath, body: `{"tags": [{"Key": "Owner", "Value": "you"}]}`, status: 200, response: `{"TaskDefinition": {"Revision": 1}, "Tags": [{"Key": "Owner", "Value": "you"}]}`},
		{name: "plan an update", send: "PUT " + jobPath + "?dryRun=true", body: `{"taskdefinition": {"cpu": "256", "memory": "1024", "containerdefinitions": [{"name": "report", "image": "busybox", "memory": 128}]}}`, status: 200, response: `{"DryRun": true, "ETag": "~^\""}`},
		{name: "update, and keep credentials", send: "PUT " + jobPath, body: `{"taskdefinition": {"cpu": "256", "memory": "1024", "containerdefinitions": [{"name": "report", "image": "busybox", "memory": 128, "command": ["sh", "-c", "echo begun; sleep 600"]}]}}`, status: 200,
			response: `{"TaskDefinition": {"Revision": 2, "Memory": "1024", "ContainerDefinitions": [{"RepositoryCredentials": {"CredentialsParameter": "~report-cred"}}]}}`},
		{name: "a value", send: "PUT " + jobPath, body: `{"credentials": {"report": {"SecretString": "{\"username\": \"supahman\", \"password\": \"dontkryptonitemebro\"}"}}}`, status: 200, response: `{"TaskDefinition": {"Revision": 2}, "Credentials": {"report": {"Name": "` + secret + `"}}}`},
		{name: "patch", send: "PATCH " + jobPath, body: `{"Containers": {"report": {"Environment": {"A": "1"}}}, "Tags": {"Owner": null}}`, status: 200, response: `{"TaskDefinition": {"Revision": 3, "ContainerDefinitions": [{"Image": "busybox", "Environment": [{"Name": "A", "Value": "1"}]}]}}`},
		{name: "patch nothing", send: "PATCH " + jobPath, body: `{}`, status: 400, wrong: []string{"Containers"}},
		{name: "patch a container that is not there", send: "PATCH " + jobPath, body: `{"Containers": {"db": {"Image": "x"}}}`, status: 400, wrong: []string{"Containers.db"}},
		{name: "update another org's", send: "PUT " + jobsPath + "/theirs", body: `{"tags": [{"Key": "Owner", "Value": "you"}]}`, status: 404},
		{name: "update nothing", send: "PUT " + jobPath, body: `{}`, status: 400, wrong: []string{"taskdefinition"}},
		{name: "plan a delete", send: "DELETE " + jobPath + "?recursive=true&dryRun=true", status: 200, response: `{"DryRun": true, "Changes": [{"Resource": "taskDefinition", "Action": "delete"}]}`},
		{name: "delete another org's", send: "DELETE " + jobsPath + "/theirs?recursive=true&force=true", status: 404},
		{name: "delete", send: "DELETE " + jobPath + "?recursive=true", status: 202, response: `{"Cluster": {"ClusterName": "batch"}, "TaskDefinition": {"Family": "reports"}}`, follow: true},
		{name: "show what is deleted", send: "GET " + jobPath, status: 404},
		{name: "delete what is deleted", send: "DELETE " + jobPath + "?recursive=true", status: 404},
	})
	w.holds(t, "nothing is left but the logs", append([]string{"logs:log-group batch"}, theirs...)...)
}

func TestTasksOfManagedTaskDefinitions(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const none, motoRunsNothing = "00000000000000000000000000000000", "moto runs no commands: its tasks never end"
	const other = `{"cluster": {"clustername": "batch"}, "taskdefinition": {"family": "mails", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "mail", "image": "busybox", "memory": 128}]}}`
	w.run(t, []row{
		{name: "create", send: "POST /local/taskdefs", body: jobBody, status: 200},
		{name: "create another", send: "POST /local/taskdefs", body: other, status: 200},
		{name: "list when there are none", send: "GET " + jobTasks, status: 200, response: `[]`},
		{name: "run one", send: "POST " + jobTasks, body: `{"startedBy": "nightly"}`, status: 200, keep: map[string]string{"task": "Tasks.0.TaskArn"},
			response: `{"Tasks": [{"LaunchType": "FARGATE", "StartedBy": "nightly", "TaskDefinitionArn": "~/reports:1$"}], "Failures": [], "Warnings": []}`},
		{name: "run two with overrides", send: "POST " + jobTasks, status: 200, response: `{"Tasks": [{}, {}]}`,
			body: `{"count": 2, "startedBy": "me", "overrides": {"containerOverrides": [{"name": "report", "environment": [{"name": "A", "value": "1"}]}]}}`},
		{name: "run one on Spot", send: "POST " + jobTasks, body: `{"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}`, status: 200},
		{name: "run another", send: "POST " + jobsPath + "/mails/tasks", body: `{"startedBy": "nightly"}`, status: 200},
		{name: "run too many", send: "POST " + jobTasks, body: `{"count": 11}`, status: 400, wrong: []string{"count"}},
		{name: "run with roles of the caller's", send: "POST " + jobTasks, body: `{"overrides": {"taskRoleArn": "arn:aws:iam::${account}:role/admin", "executionRoleArn": "arn:aws:iam::${account}:role/admin"}}`, status: 400, wrong: []string{"overrides.taskRoleArn", "overrides.executionRoleArn"}},
		{name: "run and wait too long", send: "POST " + jobTasks + "?wait=301", body: `{}`, status: 400, wrong: []string{"wait"}},
		{name: "run what is not there", send: "POST " + jobsPath + "/nothing/tasks", body: `{}`, status: 404},
		{name: "run and wait for its end", send: "POST " + jobTasks + "?wait=120", status: 200, notOnMoto: motoRunsNothing, body: `{"overrides": {"containerOverrides": [{"name": "report", "command": ["sh", "-c", "echo oops; exit 3"]}]}}`,
			response: `{"Outcomes": [{"LastStatus": "STOPPED", "StopCode": "EssentialContainerExited", "Containers": [{"ExitCode": 3}], "Logs": [{"Message": "oops", "Container": "report"}]}], "Problems": [{"Code": "ContainerExited", "Container": "report", "Count": 1}]}`},
		{name: "list by who started them", send: "GET " + jobTasks + "?startedBy=nightly", status: 200, response: `["batch/${task.id}"]`},
		{name: "list by states", send: "GET " + jobTasks + "?status=RUNNING&status=STOPPED&startedBy=me", status: 200, response: `["~^batch/", "~^batch/"]`},
		{name: "list by a state that is none", send: "GET " + jobTasks + "?status=SLEEPING", status: 400, wrong: []string{"status"}},
		{name: "list those of what is not there", send: "GET " + jobsPath + "/nothing/tasks", status: 404},
		{name: "show", send: "GET " + jobTasks + "/${task.id}", status: 200, response: `{"Tasks": [{"TaskArn": "${task}", "StartedBy": "nightly"}], "Failures": [], "Problems": []}`},
		{name: "show by ARN", send: "GET " + jobTasks + "/${task.path}", status: 200, response: `{"Tasks": [{"TaskArn": "${task}"}]}`},
		{name: "show one that is not there", send: "GET " + jobTasks + "/" + none, status: 404},
		{name: "show as another family's", send: "GET " + jobsPath + "/mails/tasks/${task.id}", status: 404},
		{name: "its lines as another family's", send: "GET " + jobsPath + "/mails/tasks/${task.id}/logs", status: 404},
		{name: "its lines", send: "GET " + jobTasks + "/${task.id}/logs", status: 200, response: `{"Events": [{"Message": "begun", "Container": "report"}]}`, notOnMoto: motoRunsNothing},
		{name: "stop as another family's", send: "DELETE " + jobsPath + "/mails/tasks/${task.id}", status: 404},
		{name: "stop", send: "DELETE " + jobTasks + "/${task.id}?reason=enough", status: 200, response: `{"Task": {"TaskArn": "${task}", "DesiredStatus": "STOPPED", "StoppedReason": "enough"}}`},
		{name: "stop again", send: "DELETE " + jobTasks + "/${task.id}", status: 200, response: `{"Task": {"TaskArn": "${task}"}}`},
		{name: "delete while tasks run", send: "DELETE " + jobPath, status: 409, response: `{"code": "InUse"}`},
		{name: "plan to delete with its tasks", send: "DELETE " + jobPath + "?recursive=true&force=true&dryRun=true", status: 200, response: `{"Changes": [{"Resource": "task", "Action": "delete"}, {"Resource": "taskDefinition", "Name": "reports:1", "Action": "delete"}]}`},
		{name: "delete with its tasks", send: "DELETE " + jobPath + "?recursive=true&force=true", status: 202, follow: true},
		{name: "the other is there", send: "GET " + jobsPath, status: 200, response: `["mails"]`},
		{name: "delete the other with its tasks", send: "DELETE " + jobsPath + "/mails?recursive=true&force=true", status: 202, follow: true},
	})
	w.holds(t, "nothing is left but the logs", "logs:log-group batch")
}

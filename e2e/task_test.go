package e2e

import "testing"

func TestTasks(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.foreign(t)
	const tasks = "/local/clusters/myclu/tasks"
	w.run(t, []row{
		{name: "make a cluster", send: "POST /local/clusters", status: 200, body: `{"clustername": "myclu"}`},
		{name: "make a task definition", send: "POST /local/taskdefs", status: 200, // moto runs no container that does not say how much memory it takes
			body: `{"family": "job", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "job", "image": "busybox", "memory": 128}]}`},
		{name: "list when there are none", send: "GET " + tasks, status: 200, response: `[]`},
		{name: "run one", send: "POST " + tasks, status: 200, body: `{"taskdefinition": "job", "startedby": "e2e"}`,
			response: `{"Tasks": [{"LaunchType": "FARGATE", "StartedBy": "e2e", "Group": "family:job", "Tags": [{"Key": "spinup:org", "Value": "localdev"}]}], "Failures": []}`, keep: map[string]string{"task": "Tasks.0.TaskArn"}},
		{name: "run two", send: "POST " + tasks, status: 200, body: `{"taskdefinition": "job:1", "count": 2}`, response: `{"Tasks": [{}, {}]}`},
		{name: "run what is not there", send: "POST " + tasks, status: 404, body: `{"taskdefinition": "nothing"}`},
		{name: "run another org's", send: "POST " + tasks, status: 404, body: `{"taskdefinition": "theirs"}`},
		{name: "run in a cluster that is not there", send: "POST /local/clusters/nocluster/tasks", status: 404, body: `{"taskdefinition": "job"}`},
		{name: "run in another org's cluster", send: "POST /local/clusters/theirs/tasks", status: 404, body: `{"taskdefinition": "job"}`},
		{name: "run nothing", send: "POST " + tasks, status: 400, body: `{}`, wrong: []string{"taskdefinition"}},
		{name: "run too many, on EC2", send: "POST " + tasks, status: 400, body: `{"taskdefinition": "job", "count": 11, "launchtype": "EC2"}`, wrong: []string{"count", "launchtype"}},
		{name: "run with a role of the caller's", send: "POST " + tasks, status: 400, body: `{"taskdefinition": "job", "overrides": {"taskrolearn": "arn:aws:iam::${account}:role/admin"}}`, wrong: []string{"overrides.taskrolearn"}},
		{name: "run with a public address", send: "POST " + tasks, status: 400, body: `{"taskdefinition": "job", "networkconfiguration": {"awsvpcconfiguration": {"assignpublicip": "ENABLED"}}}`},
		{name: "list", send: "GET " + tasks, status: 200, response: `["${task}"]`},
		{name: "list by family", send: "GET " + tasks + "?family=job&status=RUNNING", status: 200, response: `["${task}"]`},
		{name: "list by another family", send: "GET " + tasks + "?family=other", status: 200, response: `[]`},
		{name: "list those that have stopped, when none have", send: "GET " + tasks + "?status=STOPPED", status: 200, response: `[]`},
		{name: "list by a status that is none", send: "GET " + tasks + "?status=SLEEPING", status: 400, wrong: []string{"status"}},
		{name: "list in a cluster that is not there", send: "GET /local/clusters/nocluster/tasks", status: 404},
		{name: "list in another org's", send: "GET /local/clusters/theirs/tasks", status: 404},
		{name: "list by a service that is not there", send: "GET " + tasks + "?service=nothing", status: 404},
		{name: "show by id", send: "GET " + tasks + "/${task.id}", status: 200, response: `{"Tasks": [{"TaskArn": "${task}", "LastStatus": "RUNNING"}], "Failures": []}`},
		{name: "show by ARN", send: "GET " + tasks + "/${task.path}", status: 200, response: `{"Tasks": [{"TaskArn": "${task}"}]}`},
		{name: "show one that is not there", send: "GET " + tasks + "/00000000000000000000000000000000", status: 404},
		{name: "show one in a cluster that is not there", send: "GET /local/clusters/nocluster/tasks/00000000000000000000000000000000", status: 404},
		{name: "show one in another org's cluster", send: "GET /local/clusters/theirs/tasks/00000000000000000000000000000000", status: 404},
		{name: "show one whose id leads elsewhere", send: "GET " + tasks + "/..%2f..", status: 400},
		{name: "stop", send: "DELETE " + tasks + "/${task.id}?reason=enough", status: 200, response: `{"Task": {"TaskArn": "${task}", "DesiredStatus": "STOPPED", "StoppedReason": "enough"}}`},
		{name: "show what has stopped", send: "GET " + tasks + "/${task.id}", status: 200,
			response: `{"Tasks": [{"LastStatus": "STOPPED", "StopCode": "UserInitiated", "StoppedReason": "enough"}]}`},
		{name: "list what has stopped", send: "GET " + tasks + "?status=STOPPED", status: 200, response: `["${task}"]`},
		{name: "stop one that is not there", send: "DELETE " + tasks + "/00000000000000000000000000000000", status: 404},
		{name: "stop one in another org's cluster", send: "DELETE /local/clusters/theirs/tasks/00000000000000000000000000000000", status: 404},
	})
}

func TestTasksOfAService(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	const www = "/local/clusters/oneclu/services/www"
	w.run(t, []row{
		{name: "create a service", send: "POST /local/services", status: 200, // moto runs no container that does not say how much memory it takes
			body: `{"cluster": {"clustername": "oneclu"}, "taskdefinition": {"family": "one", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx", "memory": 128}]},
				"service": {"servicename": "www", "desiredcount": 1}, "tags": [{"Key": "team", "Value": "blue"}]}`},
		{name: "run a task of it", send: "POST " + www + "/run", status: 200, body: `{"command": ["sh", "-c", "echo hello; sleep 600"], "environment": {"A": "b"}, "timeout": 3600}`,
			response: `{"Container": "web", "TimedOut": false, "Logs": [], "Warnings": []}`, keep: map[string]string{"task": "TaskArn"}},
		{name: "it is found again", send: "GET /local/clusters/oneclu/tasks/${task.id}", status: 200, response: `{"Tasks": [{"Group": "run:www", "Tags": [{"Key": "team", "Value": "blue"}]}]}`},
		{name: "without a command", send: "POST " + www + "/run", status: 400, body: `{}`, wrong: []string{"Command"}},
		{name: "in another container", send: "POST " + www + "/run", status: 400, body: `{"command": ["true"], "container": "db"}`, wrong: []string{"container"}},
		{name: "for no time", send: "POST " + www + "/run", status: 400, body: `{"command": ["true"], "timeout": 0}`, wrong: []string{"timeout"}},
		{name: "waiting too long", send: "POST " + www + "/run?wait=301", status: 400, body: `{"command": ["true"]}`, wrong: []string{"wait"}},
		{name: "of one that is not there", send: "POST /local/clusters/oneclu/services/none/run", status: 404, body: `{"command": ["true"]}`},
		{name: "stop it", send: "DELETE /local/clusters/oneclu/tasks/${task.id}", status: 200, response: `{"Task": {"DesiredStatus": "STOPPED"}}`},
		{name: "turn the service off", send: "PUT " + www + "/power", status: 200, body: `{"state": "stop"}`},
		{name: "run one of a service that is off", send: "POST " + www + "/run", status: 200, body: `{"command": ["true"]}`, response: `{"Container": "web"}`},
	})
}

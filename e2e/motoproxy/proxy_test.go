package motoproxy

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

// moto responds to each operation with what is given, and keeps what it was sent last.
type moto struct {
	responses map[string]string
	sent      map[string]string
}

func (m *moto) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, _ := io.ReadAll(r.Body)
	m.sent[action] = string(body)
	response, ok := m.responses[action]
	if !ok || strings.Contains(response, "__type") {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = io.WriteString(w, response)
}

func TestMotoLooksLikeAWS(t *testing.T) {
	const arn = "arn:aws:ecs:us-east-1:123456789012:"
	for _, test := range []struct {
		name      string
		target    string
		body      string
		responses map[string]string // of moto, by operation
		status    int
		want      string // members of the response
		sent      string // what moto got of it, where that differs
	}{
		{name: "an operation without a rule is passed on", target: ecs + "ListClusters", body: `{"maxResults":100}`,
			responses: map[string]string{"ListClusters": `{"clusterArns":[]}`}, status: 200, want: `{"clusterArns":[]}`},
		{name: "an error is passed on", target: ecs + "StopTask", body: `{}`,
			responses: map[string]string{"StopTask": `{"__type":"ClusterNotFoundException"}`}, status: 400, want: `{"__type":"ClusterNotFoundException"}`},
		{name: "sizes are text, those of overrides are not", target: ecs + "RunTask", body: `{}`,
			responses: map[string]string{"RunTask": `{"tasks":[{"overrides":{"containerOverrides":[{"cpu":128}]},"containers":[{"cpu":256,"memory":512},{"cpu":"0"}]}]}`},
			status:    200, want: `{"tasks":[{"overrides":{"containerOverrides":[{"cpu":128}]},"containers":[{"cpu":"256","memory":"512"},{"cpu":"0"}]}]}`},
		{name: "a stopped task says why", target: ecs + "StopTask", body: `{}`,
			responses: map[string]string{"StopTask": `{"task":{"desiredStatus":"STOPPED","containers":[{"cpu":256}]}}`},
			status:    200, want: `{"task":{"desiredStatus":"STOPPED","stopCode":"UserInitiated","containers":[{"cpu":"256"}]}}`},
		{name: "tasks of other clusters are missing", target: ecs + "DescribeTasks", body: `{"cluster":"foo"}`,
			responses: map[string]string{"DescribeTasks": `{"tasks":[{"taskArn":"a","clusterArn":"` + arn + `cluster/foo"},{"taskArn":"b","clusterArn":"` + arn + `cluster/foobar"}],"failures":[]}`},
			status:    200, want: `{"tasks":[{"taskArn":"a","clusterArn":"` + arn + `cluster/foo"}],"failures":[{"arn":"b","reason":"MISSING"}]}`},
		{name: "services of clusters with similar names are left out", target: ecs + "ListServices", body: `{"cluster":"` + arn + `cluster/foo"}`,
			responses: map[string]string{"ListServices": `{"serviceArns":["` + arn + `service/foo/www","` + arn + `service/barfoo/www","` + arn + `service/www"]}`},
			status:    200, want: `{"serviceArns":["` + arn + `service/foo/www","` + arn + `service/www"]}`},
		{name: "tasks are listed that run", target: ecs + "ListTasks", body: `{"cluster":"foo"}`, sent: `{"cluster":"foo","desiredStatus":"RUNNING"}`,
			responses: map[string]string{"ListTasks": `{"taskArns":["` + arn + `task/foo/1","` + arn + `task/foobar/2"]}`}, status: 200, want: `{"taskArns":["` + arn + `task/foo/1"]}`},
		{name: "tasks are listed that have stopped", target: ecs + "ListTasks", body: `{"desiredStatus":"STOPPED"}`,
			responses: map[string]string{"ListTasks": `{"taskArns":[]}`}, status: 200, want: `{"taskArns":[]}`},
		{name: "revisions are sorted downwards", target: ecs + "ListTaskDefinitions", body: `{"sort":"DESC"}`,
			responses: map[string]string{"ListTaskDefinitions": `{"taskDefinitionArns":["x/b:1","x/a:9","x/a:10"]}`}, status: 200, want: `{"taskDefinitionArns":["x/b:1","x/a:10","x/a:9"]}`},
		{name: "revisions are sorted upwards", target: ecs + "ListTaskDefinitions", body: `{}`,
			responses: map[string]string{"ListTaskDefinitions": `{"taskDefinitionArns":["x/b:1","x/a:10","x/a:9"]}`}, status: 200, want: `{"taskDefinitionArns":["x/a:9","x/a:10","x/b:1"]}`},
		{name: "a family is its latest ACTIVE revision", target: ecs + "DescribeTaskDefinition", body: `{"taskDefinition":"www"}`,
			responses: map[string]string{"DescribeTaskDefinition": `{"taskDefinition":{"taskDefinitionArn":"` + arn + `task-definition/www:2","status":"INACTIVE"}}`},
			status:    400, want: `{"__type":"ClientException","message":"Unable to describe task definition.","Message":"Unable to describe task definition."}`},
		{name: "an INACTIVE revision is shown by its number", target: ecs + "DescribeTaskDefinition", body: `{"taskDefinition":"www:2"}`,
			responses: map[string]string{"DescribeTaskDefinition": `{"taskDefinition":{"taskDefinitionArn":"` + arn + `task-definition/www:2","status":"INACTIVE"}}`},
			status:    200, want: `{"taskDefinition":{"taskDefinitionArn":"` + arn + `task-definition/www:2","status":"INACTIVE"}}`},
		{name: "an ARN of another account is not there", target: ecs + "DescribeTaskDefinition", body: `{"taskDefinition":"arn:aws:ecs:us-east-1:000000000000:task-definition/www"}`,
			responses: map[string]string{"DescribeTaskDefinition": `{"taskDefinition":{"taskDefinitionArn":"` + arn + `task-definition/www:2","status":"ACTIVE"}}`},
			status:    400, want: `{"__type":"ClientException","message":"Unable to describe task definition.","Message":"Unable to describe task definition."}`},
		{name: "Fargate has no such size", target: ecs + "RegisterTaskDefinition", body: `{"cpu":"300","requiresCompatibilities":["FARGATE"]}`, status: 400,
			want: `{"__type":"ClientException","message":"No Fargate configuration exists for given values.","Message":"No Fargate configuration exists for given values."}`},
		{name: "Fargate has that size", target: ecs + "RegisterTaskDefinition", body: `{"cpu":"256","requiresCompatibilities":["FARGATE"]}`,
			responses: map[string]string{"RegisterTaskDefinition": `{"taskDefinition":{}}`}, status: 200, want: `{"taskDefinition":{}}`},
		{name: "a new cluster shows its strategy", target: ecs + "CreateCluster", body: `{"defaultCapacityProviderStrategy":[{"weight":1}]}`,
			responses: map[string]string{"CreateCluster": `{"cluster":{"clusterName":"c"}}`}, status: 200, want: `{"cluster":{"clusterName":"c","defaultCapacityProviderStrategy":[{"weight":1}]}}`},
		{name: "a cluster with services stays", target: ecs + "DeleteCluster", body: `{"cluster":"c"}`,
			responses: map[string]string{"ListServices": `{"serviceArns":["x/c/www"]}`, "DescribeServices": `{"services":[{"status":"DRAINING"}]}`},
			status:    400, want: `{"__type":"ClusterContainsServicesException","message":"The Cluster cannot be deleted while Services are active.","Message":"The Cluster cannot be deleted while Services are active."}`},
		{name: "a cluster with tasks stays", target: ecs + "DeleteCluster", body: `{"cluster":"c"}`,
			responses: map[string]string{"ListServices": `{"serviceArns":["x/c/www"]}`, "DescribeServices": `{"services":[{"status":"INACTIVE"}]}`, "ListTasks": `{"taskArns":["x/c/1"]}`},
			status:    400, want: `{"__type":"ClusterContainsTasksException","message":"The Cluster cannot be deleted while Tasks are active.","Message":"The Cluster cannot be deleted while Tasks are active."}`},
		{name: "an empty cluster goes", target: ecs + "DeleteCluster", body: `{"cluster":"c"}`,
			responses: map[string]string{"ListServices": `{"serviceArns":[]}`, "ListTasks": `{"taskArns":[]}`, "DeleteCluster": `{"cluster":{}}`}, status: 200, want: `{"cluster":{}}`},
		{name: "Cloud Map services are listed by namespace", target: cloudMap + "ListServices", body: `{"Filters":[{"Name":"NAMESPACE_ID","Values":["ns-1"]}]}`,
			responses: map[string]string{"ListServices": `{"Services":[{"Id":"a","NamespaceId":"ns-1"},{"Id":"b","DnsConfig":{"NamespaceId":"ns-1"}},{"Id":"c","NamespaceId":"ns-2"}]}`},
			status:    200, want: `{"Services":[{"Id":"a","NamespaceId":"ns-1"},{"Id":"b","DnsConfig":{"NamespaceId":"ns-1"}}]}`},
		{name: "a name is taken once in a namespace", target: cloudMap + "CreateService", body: `{"Name":"WWW","NamespaceId":"ns-1"}`,
			responses: map[string]string{"ListServices": `{"Services":[{"Id":"srv-1","Name":"www","NamespaceId":"ns-1","CreatorRequestId":"r"}]}`},
			status:    400, want: `{"__type":"ServiceAlreadyExists","message":"Service already exists.","Message":"Service already exists.","ServiceId":"srv-1","CreatorRequestId":"r"}`},
		{name: "a name is free in another namespace", target: cloudMap + "CreateService", body: `{"DnsConfig":{"NamespaceId":"ns-2"},"Name":"www"}`,
			responses: map[string]string{"ListServices": `{"Services":[{"Id":"srv-1","Name":"www","NamespaceId":"ns-1"}]}`, "CreateService": `{"Service":{}}`}, status: 200, want: `{"Service":{}}`},
		{name: "a Cloud Map service with instances stays", target: cloudMap + "DeleteService", body: `{"Id":"srv-1"}`,
			responses: map[string]string{"ListInstances": `{"Instances":[{"Id":"i"}]}`}, status: 400,
			want: `{"__type":"ResourceInUse","message":"Service contains registered instances; delete the instances before deleting the service","Message":"Service contains registered instances; delete the instances before deleting the service"}`},
		{name: "a key says what it is for", target: kms + "DescribeKey", body: `{}`,
			responses: map[string]string{"DescribeKey": `{"KeyMetadata":{"KeyUsage":""}}`}, status: 200, want: `{"KeyMetadata":{"KeyUsage":"ENCRYPT_DECRYPT"}}`},
		{name: "a secret that is scheduled for deletion", target: "secretsmanager.PutSecretValue", body: `{}`,
			responses: map[string]string{"PutSecretValue": `{"__type":"InvalidRequestException","message":"You tried to perform the operation on a secret that's currently marked deleted."}`}, status: 400,
			want: `{"__type":"InvalidRequestException","message":"You can't perform this operation on the secret because it was marked for deletion."}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &moto{test.responses, map[string]string{}}
			server := httptest.NewServer(m)
			t.Cleanup(server.Close)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(test.body))
			r.Header.Set("X-Amz-Target", test.target)
			w := httptest.NewRecorder()
			New(server.URL).ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			if diff := gocmp.Diff(values(t, test.want), values(t, w.Body.String())); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			_, action, _ := strings.Cut(test.target, ".")
			sent, passed := m.sent[action]
			if want := cmp.Or(test.sent, test.body); passed && sent != want {
				t.Errorf("moto got %s, want %s", sent, want)
			}
		})
	}
}

func TestAMotoThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	w := httptest.NewRecorder()
	New(server.URL).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusBadGateway {
		t.Errorf("status %d", w.Code)
	}
}

func values(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

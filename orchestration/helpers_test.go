package orchestration

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ecs-api/cloudwatchlogs"
	"ecs-api/ecs"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/transaction"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
	"ecs-api/ssm"
	"ecs-api/sts"
	"ecs-api/tagging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an orchestrator, the simulated AWS it works on, and the group of its background work.
type world struct {
	*Orchestrator
	aws   *localaws.AWS
	group *operations.Group
}

// newWorld returns an orchestrator of its own; two of them on one AWS are two servers.
func newWorld(t testing.TB, aws *localaws.AWS) *world {
	t.Helper()
	sess := awstest.Direct(t, aws)
	group := operations.NewGroup(operations.Options{})
	t.Cleanup(func() { group.Shutdown(t.Context()) })
	settings := account.Settings{
		Name: "local", Region: "us-east-1", Org: "localdev",
		Subnets: []string{localaws.SubnetA, localaws.SubnetB}, SecurityGroups: []string{localaws.SecurityGroup}, KMSKeyID: localaws.KMSKey,
		AllowsRole: func(arn string) bool { return strings.HasSuffix(arn, ":role/app") },
	}
	clients := account.Clients{
		ECS: ecs.New(sess), IAM: iam.New(sess), Secrets: secretsmanager.New(sess), CloudMap: servicediscovery.New(sess), Logs: cloudwatchlogs.New(sess),
		STS: sts.New(sess), Tagging: tagging.New(sess), Params: ssm.New(sess),
	}
	return &world{func() *Orchestrator {
		a := account.New(settings, clients, awstest.Hurried)
		return New(transaction.New(a, group), observe.New(a))
	}(), aws, group}
}

// wholeService is a request for a new service that uses everything, for the named service in the cluster.
func wholeService(t testing.TB, cluster, service string) *CreateInput {
	t.Helper()
	body := strings.NewReplacer("CLUSTER", cluster, "SERVICE", service).Replace(`{
		"cluster": {"clustername": "CLUSTER", "tags": [{"Key": "CreatedBy", "Value": "netid"}]},
		"taskdefinition": {
			"family": "SERVICE-task", "cpu": "256", "memory": "512",
			"containerdefinitions": [{"name": "webserver", "image": "nginx:alpine", "PortMappings": [{"ContainerPort": 80, "protocol": "tcp"}]}]
		},
		"service": {"desiredcount": 1, "servicename": "SERVICE"},
		"serviceregistry": {
			"name": "SERVICE-CLUSTER",
			"dnsconfig": {"namespaceid": "ns-y3uaw6neshhbev3f", "dnsrecords": [{"ttl": 30, "type": "A"}]}
		},
		"credentials": {"webserver": {"Name": "SERVICE-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}", "tags": [{"Key": "Application", "Value": "myapp"}]}},
		"tags": [{"Key": "Owner", "Value": "me"}]
	}`)
	var in CreateInput
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	return &in
}

// wholeInventory is what exists after wholeService was made.
func wholeInventory(cluster, service string) []string {
	all := []string{
		"ecs:cluster " + cluster, "ecs:service " + cluster + "/" + service, "ecs:task-definition " + service + "-task",
		"iam:role " + cluster + "-ecsTaskExecution", "logs:log-group " + cluster,
		"secretsmanager:secret spinup/localdev/" + cluster + "/" + service + "-cred", "servicediscovery:service " + service + "-" + cluster,
	}
	slices.Sort(all)
	return all
}

// inventory is what exists, without the ids and the revisions that AWS chooses.
func inventory(aws *localaws.AWS) []string {
	all := []string{}
	for _, line := range aws.Inventory() {
		if name, _, ok := strings.Cut(line, " ("); ok {
			line = name
		}
		if strings.HasPrefix(line, "ecs:task-definition ") {
			line = line[:strings.LastIndex(line, ":")]
		}
		all = append(all, line)
	}
	return unique(all)
}

// create makes the service and fails the test if it cannot.
func (w *world) create(t testing.TB, in *CreateInput) *CreateOutput {
	t.Helper()
	out, err := w.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wait waits until no background work is running.
func (w *world) wait() { w.group.Wait() }

// contextWithCancel returns a context that a test can end.
func contextWithCancel(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// deleteRevision deletes a revision, by family:revision.
func deleteRevision(ctx context.Context, w *world, revision string) error {
	arn := "arn:aws:ecs:us-east-1:123456789012:task-definition/" + revision
	return (&resource.TaskDefinition{Account: w.account}).Delete(ctx, &resource.State{ID: arn})
}

// unique returns the elements sorted, each once.
func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

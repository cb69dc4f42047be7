package taskdefs

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/teardown"
	"ecs-api/orchestration/transaction"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the managed task definitions of an account, the simulated AWS they are in, and the group of the background work.
type world struct {
	*TaskDefinitions
	aws   *localaws.AWS
	clock *awstest.Clock
	group *operations.Group
}

func newWorld(t testing.TB, sim *localaws.AWS) *world { return newWorldOf(t, sim, "localdev") }

func newWorldOf(t testing.TB, sim *localaws.AWS, org string) *world {
	t.Helper()
	sess := awstest.Direct(t, sim)
	group := operations.NewGroup(operations.Options{})
	t.Cleanup(func() { group.Shutdown(t.Context()) })
	a := account.New(account.Settings{
		Name: "local", Region: "us-east-1", Org: org, Subnets: []string{localaws.SubnetA, localaws.SubnetB}, SecurityGroups: []string{localaws.SecurityGroup}, KMSKeyID: localaws.KMSKey,
		AllowsRole: func(arn string) bool { return strings.HasSuffix(arn, ":role/app") },
	}, account.NewClients(sess), awstest.Hurried)
	tx := transaction.New(a, group)
	c := awstest.NewClock()
	return &world{New(tx, adhoc.New(tx).Tasks, teardown.New(tx), logs.New(a), WithClock(c.Now, c.Wait)), sim, c, group}
}

// newTimedWorld returns a world whose AWS has the clock of those who wait: its tasks run while they do.
func newTimedWorld(t testing.TB) *world {
	t.Helper()
	c := awstest.NewClock()
	w := newWorld(t, localaws.New(localaws.Clock(c.Now)))
	w.clock, w.now, w.TaskDefinitions.wait = c, c.Now, c.Wait
	return w
}

// decode reads the JSON of a request.
func decode[T any](t testing.TB, body string) *T {
	t.Helper()
	in := new(T)
	if err := json.Unmarshal([]byte(body), in); err != nil {
		t.Fatal(err)
	}
	return in
}

// whole is a request that uses everything.
func whole(t testing.TB, cluster, family string) *CreateInput {
	t.Helper()
	return decode[CreateInput](t, strings.NewReplacer("CLUSTER", cluster, "FAMILY", family).Replace(`{
		"cluster": {"clustername": "CLUSTER"},
		"taskdefinition": {
			"family": "FAMILY", "cpu": "256", "memory": "512",
			"containerdefinitions": [{"name": "report", "image": "nginx:alpine"}, {"name": "sidecar", "image": "nginx:alpine", "essential": false}]
		},
		"credentials": {"report": {"Name": "FAMILY-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}},
		"tags": [{"Key": "Owner", "Value": "me"}]
	}`))
}

// wholeInventory is what exists after whole was created.
func wholeInventory(cluster, family string) []string {
	all := []string{
		"ecs:cluster " + cluster, "ecs:task-definition " + family, "iam:role " + cluster + "-ecsTaskExecution", "logs:log-group " + cluster,
		"secretsmanager:secret spinup/localdev/" + cluster + "/" + family + "-cred",
	}
	slices.Sort(all)
	return all
}

// inventory is what exists, without ids and revisions.
func inventory(sim *localaws.AWS) []string {
	all := []string{}
	for _, line := range sim.Inventory() {
		line, _, _ = strings.Cut(line, " (")
		if strings.HasPrefix(line, "ecs:task-definition ") {
			line = line[:strings.LastIndex(line, ":")]
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// minus returns the lines of all that are not in some.
func minus(all, some []string) []string {
	rest := []string{}
	for _, line := range all {
		if !slices.Contains(some, line) {
			rest = append(rest, line)
		}
	}
	return rest
}

func (w *world) create(t testing.TB, cluster, family string) *Output {
	t.Helper()
	out, err := w.Create(t.Context(), whole(t, cluster, family))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// update changes a managed task definition.
func (w *world) update(ctx context.Context, cluster, family string, in *UpdateInput) (*Output, error) {
	write, err := w.Update(cluster, family, in)
	if err != nil {
		return nil, err
	}
	return write.Apply(ctx)
}

// deleted deletes a managed task definition and waits until that has ended.
func (w *world) deleted(ctx context.Context, t testing.TB, cluster, family string, recursive, force bool) {
	t.Helper()
	_, op, err := w.Delete(ctx, cluster, family, recursive, force, etag.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	w.group.Wait()
	if done, err := w.group.Operation(t.Context(), "local", op.ID); err != nil || done.State != saga.Succeeded {
		t.Fatalf("operation %+v, %v", done, err)
	}
}

func TestAWholeLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	out := w.create(t, "myclu", "reports")
	if diff := cmp.Diff(wholeInventory("myclu", "reports"), inventory(w.aws)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
	again := w.create(t, "myclu", "reports")
	if *again.TaskDefinition.TaskDefinitionArn != *out.TaskDefinition.TaskDefinitionArn || *again.Credentials["report"].ARN != *out.Credentials["report"].ARN {
		t.Errorf("the same request again created %v, %v", again.TaskDefinition, again.Credentials)
	}
	other := whole(t, "myclu", "reports")
	other.TaskDefinition.Memory = aws.String("1024")
	if _, err := w.Create(t.Context(), other); common.ResponseCode(err) != common.CodeAlreadyExists {
		t.Errorf("another definition of the same family: %v", err)
	}
	families, err := w.List(t.Context(), "myclu")
	if diff := cmp.Diff([]string{"reports"}, families); err != nil || diff != "" {
		t.Errorf("%v, families (-want +got):\n%s", err, diff)
	}
	view, err := w.Show(t.Context(), "myclu", "reports")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"report": "spinup/localdev/myclu/reports-cred"}, view.Credentials); diff != "" || aws.StringValue(view.Cluster.ClusterName) != "myclu" {
		t.Errorf("cluster %v, credentials (-want +got):\n%s", view.Cluster, diff)
	}
	w.deleted(t.Context(), t, "myclu", "reports", true, false)
	if diff := cmp.Diff([]string{"logs:log-group myclu"}, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{}); !common.Is(err, common.NotFound) {
		t.Errorf("deleted again: %v", err)
	}
	if _, err := w.Show(t.Context(), "myclu", "reports"); !common.Is(err, common.NotFound) {
		t.Errorf("shown afterwards: %v", err)
	}
}

func TestWhatIsNotRecursiveLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	w.create(t, "myclu", "mails")
	w.deleted(t.Context(), t, "myclu", "reports", false, false)
	if diff := cmp.Diff([]string{"ecs:task-definition reports"}, minus(append(wholeInventory("myclu", "reports"), wholeInventory("myclu", "mails")...), inventory(w.aws))); diff != "" {
		t.Errorf("what is gone (-want +got):\n%s", diff)
	}
	w.deleted(t.Context(), t, "myclu", "reports", true, false) // the cluster is mails' as well
	if diff := cmp.Diff(wholeInventory("myclu", "mails"), inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestOtherOrgsSeeNothing asks for one org's managed task definition as another org.
func TestOtherOrgsSeeNothing(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	newWorld(t, sim).create(t, "myclu", "reports")
	before := sim.Snapshot()
	theirs := newWorldOf(t, sim, "theirs")
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"list":   func() error { _, err := theirs.List(ctx, "myclu"); return err },
		"show":   func() error { _, err := theirs.Show(ctx, "myclu", "reports"); return err },
		"create": func() error { _, err := theirs.Create(ctx, whole(t, "myclu", "reports")); return err },
		"family": func() error { _, err := theirs.Create(ctx, whole(t, "theirs", "reports")); return err },
		"update": func() error {
			_, err := theirs.update(ctx, "myclu", "reports", decode[UpdateInput](t, `{"tags": [{"Key": "a", "Value": "b"}]}`))
			return err
		},
		"delete": func() error {
			_, _, err := theirs.Delete(ctx, "myclu", "reports", true, true, etag.Condition{})
			return err
		},
		"run":   func() error { _, err := theirs.Run(ctx, "myclu", "reports", &RunInput{}, 0); return err },
		"tasks": func() error { _, err := theirs.ListTasks(ctx, "myclu", "reports", nil, ""); return err },
	} {
		if err := do(); !common.Is(err, common.NotFound) {
			t.Errorf("%s: %v, want NotFound", name, err)
		}
	}
	if diff := cmp.Diff(before, sim.Snapshot()); diff != "" {
		t.Errorf("something has changed (-before +after):\n%s", diff)
	}
}

// TestAFamilyThatServicesUseStays deletes a managed task definition that a service runs.
func TestAFamilyThatServicesUseStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	_, err := w.account.ECS.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String("myclu"), ServiceName: aws.String("www"), TaskDefinition: aws.String("reports"), DesiredCount: aws.Int64(0), LaunchType: aws.String(awsecs.LaunchTypeFargate),
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetA})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Delete(t.Context(), "myclu", "reports", true, true, etag.Condition{}); common.ResponseCode(err) != common.CodeInUse {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*CreateInput){
		"no cluster":         func(in *CreateInput) { in.Cluster = nil },
		"no task definition": func(in *CreateInput) { in.TaskDefinition = nil },
		"a role that is not allowed": func(in *CreateInput) {
			in.TaskDefinition.TaskRoleArn = aws.String("arn:aws:iam::123456789012:role/admin")
		},
		"credentials of no container": func(in *CreateInput) {
			in.Credentials["nobody"] = in.Credentials["report"]
		},
		"another org's tag": func(in *CreateInput) {
			in.Tags = []*awsecs.Tag{{Key: aws.String(common.TagOrg), Value: aws.String("theirs")}}
		},
		"a secret elsewhere": func(in *CreateInput) {
			in.TaskDefinition.ContainerDefinitions[0].Secrets = []*awsecs.Secret{{Name: aws.String("X"), ValueFrom: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:other-abcdef")}}
		},
	} {
		w := newWorld(t, localaws.New())
		in := whole(t, "myclu", "reports")
		change(in)
		if _, err := w.Create(t.Context(), in); !common.Is(err, common.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if left := inventory(w.aws); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

package orchestration

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go/aws"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/teardown"
)

// active returns the names of the family's ACTIVE revisions.
func (w *world) active(t testing.TB, family string) []string {
	t.Helper()
	arns, err := w.account.ECS.ListTaskDefinitions(t.Context(), family, awsecs.TaskDefinitionStatusActive)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, arn := range arns {
		names = append(names, account.NameOf(arn))
	}
	slices.Sort(names)
	return names
}

// changeImage changes the service's image, and waits for background work.
func (w *world) changeImage(t testing.TB, image string) {
	t.Helper()
	if _, err := w.Patch(t.Context(), "myclu", "www", patchOf(t, `{"Containers": {"webserver": {"Image": "`+image+`"}}}`)); err != nil {
		t.Fatal(err)
	}
	w.wait()
}

func TestOldRevisionsAreRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	for _, image := range []string{"app:2", "app:3", "app:4"} {
		w.changeImage(t, image)
	}
	if got := w.active(t, "www-task"); len(got) != 4 {
		t.Fatalf("all revisions are kept by default: %v", got)
	}
	w.account.KeepRevisions = 1
	w.changeImage(t, "app:5")
	if got := w.active(t, "www-task"); !slices.Equal(got, []string{"www-task:3", "www-task:4", "www-task:5"}) {
		t.Errorf("%v: what runs and what a rollback may choose stay", got)
	}
	out, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{})
	if err != nil || account.NameOf(aws.StringValue(out.Service.TaskDefinition)) != "www-task:4" {
		t.Errorf("%v %v", out, err)
	}
	if got := operationsOf(t, w, teardown.KindRetire); len(got) != 1 || got[0] != saga.Succeeded {
		t.Errorf("operations %v", got)
	}
}

func TestRevisionsThatSomethingUsesAreNotRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	w.account.KeepRevisions = 1
	_, err := w.account.ECS.CreateService(t.Context(), &awsecs.CreateServiceInput{ // by hand, with the first revision
		Cluster: aws.String("myclu"), ServiceName: aws.String("other"), TaskDefinition: aws.String("www-task:1"), DesiredCount: aws.Int64(1), LaunchType: aws.String("FARGATE"),
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetA}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{"app:2", "app:3", "app:4", "app:5"} {
		w.changeImage(t, image)
	}
	if got := w.active(t, "www-task"); !slices.Contains(got, "www-task:1") || slices.Contains(got, "www-task:2") || len(got) != 4 {
		t.Errorf("%v: the first runs in another service", got)
	}
}

func TestNothingIsRetiredWhereDeploymentsCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New(localaws.WithFaults(localaws.Fault{Operation: "ListServiceDeployments", Effect: localaws.Refuse, Times: -1})))
	w.create(t, wholeService(t, "myclu", "www"))
	w.account.KeepRevisions = 1
	for _, image := range []string{"app:2", "app:3", "app:4"} {
		w.changeImage(t, image)
	}
	if got := w.active(t, "www-task"); len(got) != 4 {
		t.Errorf("%v", got)
	}
	if got := operationsOf(t, w, teardown.KindRetire); len(got) == 0 || got[0] != saga.Failed {
		t.Errorf("operations %v", got)
	}
}

func TestSecretsGoWithTheLastRevisionThatRefersToThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	first := aws.StringValue(made.Credentials["webserver"].ARN)
	w.account.KeepRevisions = 1
	if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates["new credentials"], made)); err != nil {
		t.Fatal(err)
	}
	w.wait()
	scheduled := func() bool {
		secret, err := w.account.Secrets.Secret(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		return secret.DeletedDate != nil
	}
	for _, image := range []string{"app:2", "app:3", "app:4"} {
		if slices.Contains(w.active(t, "www-task"), "www-task:1") && scheduled() {
			t.Errorf("the secret is scheduled for deletion although www-task:1 is ACTIVE")
		}
		w.changeImage(t, image)
	}
	if got := w.active(t, "www-task"); slices.Contains(got, "www-task:1") || !scheduled() {
		t.Errorf("%v are ACTIVE; the first one's secret stays", got)
	}
}

// operationsOf returns the states of the operations of a kind, the latest first.
func operationsOf(t *testing.T, w *world, kind string) []saga.State {
	var states []saga.State
	for _, op := range w.group.Operations(t.Context(), "local") {
		if op.Kind == kind {
			states = append(states, op.State)
		}
	}
	return states
}

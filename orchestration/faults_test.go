package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/racetest"
)

// bare creates a service in a cluster of its name that has neither role nor log group: the service names a revision which needs none.
func (w *world) bare(t *testing.T, cluster, service string) []string {
	t.Helper()
	if _, err := w.account.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: &cluster, CapacityProviders: aws.StringSlice([]string{"FARGATE"}),
		Tags: []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.account.ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: &service, Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("app:1")}}, Tags: []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}},
	}); err != nil {
		t.Fatal(err)
	}
	w.create(t, &CreateInput{Service: &awsecs.CreateServiceInput{Cluster: &cluster, ServiceName: &service, TaskDefinition: &service}})
	return []string{"ecs:cluster " + cluster, "ecs:service " + cluster + "/" + service, "ecs:task-definition " + service}
}

// failing returns a request that AWS refuses at its last step.
func failing(t *testing.T, cluster, service string) *CreateInput {
	in := wholeService(t, cluster, service)
	in.Service.NetworkConfiguration = &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{"subnet-0000000000000000f"})}}
	return in
}

// TestAFailedCreateBesideOthersThatSucceed lets a create fail in a cluster where an update, and in every other round a create too, succeeds at the same
// time: 200 rounds, in which nothing is orphaned, and nothing of the successful ones is deleted.
func TestAFailedCreateBesideOthersThatSucceed(t *testing.T) {
	t.Parallel()
	rounds := 200 / racetest.Stride(4)
	if racetest.Plainly(t) {
		rounds = 10 // what is left to do is to look for data races
	}
	for round := range rounds {
		sim := localaws.New(localaws.Latency(time.Duration(50+round%7*50) * time.Microsecond))
		w := newWorld(t, sim)
		want := w.bare(t, "myclu", "old")
		var bad, updated, good error
		var wg sync.WaitGroup
		wg.Go(func() { _, bad = w.Create(t.Context(), failing(t, "myclu", "www")) })
		wg.Go(func() {
			_, updated = w.Update(t.Context(), "myclu", "old", &UpdateInput{ForceRedeploy: aws.Bool(true), Tags: []*awsecs.Tag{{Key: aws.String("Owner"), Value: aws.String("me")}}})
		})
		if round%2 == 1 {
			want = append(want, wholeInventory("myclu", "api")...)
			wg.Go(func() { _, good = w.Create(t.Context(), wholeService(t, "myclu", "api")) })
		}
		wg.Wait()
		w.wait()
		if bad == nil || updated != nil || good != nil {
			t.Fatalf("round %d: the failing create: %v; the update: %v; the other create: %v", round, bad, updated, good)
		}
		if diff := cmp.Diff(unique(want), inventory(sim)); diff != "" {
			t.Fatalf("round %d: %v\nwhat exists (-want +got):\n%s", round, bad, diff)
		}
	}
}

// TestAnUpdateThatNeedsNoRoleLeavesItToTheRollback lets a create fail while an update is at work that only sets a secret's value: that one succeeds, and
// is no reason for the role and the log group of the failed one to stay.
func TestAnUpdateThatNeedsNoRoleLeavesItToTheRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	want := w.bare(t, "myclu", "old")
	made, err := w.account.Secrets.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: aws.String("spinup/localdev/myclu/old-cred"), SecretString: aws.String("s"),
		Tags: []*awssecrets.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.account.IAM.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("own"), AssumeRolePolicyDocument: aws.String(spec.TrustPolicy(who))}); err != nil {
		t.Fatal(err)
	}
	revision, err := w.account.ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("old"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ExecutionRoleArn:     aws.String("arn:aws:iam::123456789012:role/own"),
		ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("app:1"), RepositoryCredentials: &awsecs.RepositoryCredentials{CredentialsParameter: made.ARN}}},
		Tags:                 []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.account.ECS.UpdateService(t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("myclu"), Service: aws.String("old"), TaskDefinition: revision.TaskDefinition.TaskDefinitionArn}); err != nil {
		t.Fatal(err)
	}
	sets, failed := make(chan struct{}), make(chan struct{})
	w.aws.Inject(localaws.Fault{Service: "secretsmanager", Operation: "PutSecretValue", Effect: localaws.Hook, Func: func() { close(sets); <-failed }})
	var updated error
	var wg sync.WaitGroup
	wg.Go(func() {
		_, updated = w.Update(t.Context(), "myclu", "old", updateInput(t, `{"Credentials": {"web": {"SecretString": "{\"username\": \"u\", \"password\": \"new\"}"}}}`, &CreateOutput{Credentials: map[string]*awssecrets.CreateSecretOutput{"webserver": {}}}))
	})
	<-sets
	_, bad := w.Create(t.Context(), failing(t, "myclu", "www"))
	close(failed)
	wg.Wait()
	w.wait()
	if bad == nil || updated != nil {
		t.Errorf("the create: %v; the update: %v", bad, updated)
	}
	if diff := cmp.Diff(unique(append(want, "iam:role own", "secretsmanager:secret spinup/localdev/myclu/old-cred")), inventory(w.aws)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestTagsAndCredentialsOfOneSecret gives a secret a value with a tag of its own and the request's tags, which have the same key: its own is right.
func TestTagsAndCredentialsOfOneSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	w.aws.ResetCalls()
	if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, `{"Tags": [{"Key": "Owner", "Value": "everybody"}, {"Key": "New", "Value": "tag"}],
		"Credentials": {"webserver": {"SecretString": "{\"username\": \"u\", \"password\": \"new\"}", "Tags": [{"Key": "Owner", "Value": "the secret"}]}}}`, made)); err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, call := range w.aws.Calls() {
		if call.Service == "secretsmanager" {
			calls[call.Operation]++
		}
	}
	if calls["TagResource"] != 1 || calls["PutSecretValue"]+calls["UpdateSecret"] != 1 {
		t.Errorf("the secret was changed by %v, want one call for its tags, and one for its value", calls)
	}
	secret, err := w.account.Secrets.Secret(t.Context(), aws.StringValue(made.Credentials["webserver"].ARN))
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range secret.Tags {
		tags[aws.StringValue(tag.Key)] = aws.StringValue(tag.Value)
	}
	if tags["Owner"] != "the secret" || tags["New"] != "tag" {
		t.Errorf("the secret's tags are %v", tags)
	}
}

// TestARollbackKnowsEveryFieldOfAnUpdate walks the fields of UpdateServiceInput: each is one that a rollback sets back, or one of the few that name things
// or are of the call alone. A field that ECS gets in the future fails here until restoreInput knows it.
func TestARollbackKnowsEveryFieldOfAnUpdate(t *testing.T) {
	t.Parallel()
	was := &awsecs.Service{TaskDefinition: aws.String("f:1"), CapacityProviderStrategy: []*awsecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE")}}}
	fill(reflect.ValueOf(was).Elem(), "before")
	was.Deployments = []*awsecs.Deployment{{}}
	fill(reflect.ValueOf(was.Deployments[0]).Elem(), "before")
	was.Deployments[0].Status = aws.String("PRIMARY")
	fields := reflect.TypeFor[awsecs.UpdateServiceInput]()
	for field := range fields.Fields() {
		if !field.IsExported() || slices.Contains([]string{"Cluster", "Service", "ForceNewDeployment"}, field.Name) {
			continue
		}
		change := &awsecs.UpdateServiceInput{Cluster: aws.String("c"), Service: aws.String("s")}
		to := reflect.ValueOf(change).Elem().FieldByName(field.Name)
		switch to.Kind() {
		case reflect.Pointer:
			to.Set(reflect.New(to.Type().Elem()))
		case reflect.Slice:
			to.Set(reflect.MakeSlice(to.Type(), 0, 0))
		default:
			t.Fatalf("%s is a %v", field.Name, to.Kind())
		}
		back := reflect.ValueOf(restoreInput(change, was)).Elem().FieldByName(field.Name)
		source := reflect.ValueOf(*was)
		if deployment := reflect.ValueOf(*was.Deployments[0]); slices.Contains([]string{"ServiceConnectConfiguration", "VolumeConfigurations", "VpcLatticeConfigurations"}, field.Name) {
			source = deployment // where ECS shows them
		}
		before := source.FieldByName(field.Name)
		if back.IsNil() || !before.IsValid() || !reflect.DeepEqual(back.Interface(), before.Interface()) {
			t.Errorf("a rollback does not set %s back", field.Name)
		}
	}
	if back := restoreInput(&awsecs.UpdateServiceInput{Cluster: aws.String("c"), Service: aws.String("s")}, was); back.DesiredCount != nil || back.ServiceConnectConfiguration != nil {
		t.Errorf("a rollback sets what did not change: %v", back)
	}
}

// fill sets pointers, lists and texts of a struct that are not set.
func fill(v reflect.Value, text string) {
	for field := range v.Type().Fields() {
		to := v.FieldByName(field.Name)
		if !field.IsExported() || !to.IsZero() {
			continue
		}
		switch to.Kind() {
		case reflect.Pointer:
			to.Set(reflect.New(to.Type().Elem()))
			if to.Elem().Kind() == reflect.String {
				to.Elem().SetString(text)
			}
		case reflect.Slice:
			to.Set(reflect.MakeSlice(to.Type(), 1, 1))
			if element := to.Index(0); element.Kind() == reflect.Pointer {
				element.Set(reflect.New(element.Type().Elem()))
			}
		}
	}
}

// TestARollbackRestoresServiceConnectAndVolumes fails an update after ECS has changed the service.
func TestARollbackRestoresServiceConnectAndVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	in := wholeService(t, "myclu", "www")
	in.TaskDefinition.ContainerDefinitions[0].PortMappings[0].Name = aws.String("http")
	in.Service.ServiceConnectConfiguration = &awsecs.ServiceConnectConfiguration{Enabled: aws.Bool(true), Namespace: aws.String("local"),
		Services: []*awsecs.ServiceConnectService{{PortName: aws.String("http"), DiscoveryName: aws.String("before")}}}
	made := w.create(t, in)
	shown := func() string {
		s, err := w.account.ECS.Service(t.Context(), "myclu", "www")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(currentSettings(s))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := shown()
	if !strings.Contains(before, `"DiscoveryName":"before"`) {
		t.Fatalf("the service is %s", before)
	}
	change := updateInput(t, `{"Service": {"DesiredCount": 2, "ServiceConnectConfiguration": {"enabled": false}}}`, made)
	u, err := w.newUpdate("myclu", "www", change)
	if err != nil {
		t.Fatal(err)
	}
	found, err := u.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := u.decide(found)
	if err != nil {
		t.Fatal(err)
	}
	back, err := plan.Apply()(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if shown() == before {
		t.Fatal("nothing has changed")
	}
	if err := back(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, shown()); diff != "" {
		t.Errorf("the service after the rollback (-before +after):\n%s", diff)
	}
}

// TestADrainingServiceIsNoConcurrentCreator creates a service whose namesake drains for longer than the request waits: nobody else creates it, so that
// nobody is waited for.
func TestADrainingServiceIsNoConcurrentCreator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New(localaws.WithLags(localaws.Lags{Drain: time.Hour})))
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	w.account.Backoff.Budget = 0.002
	if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); !common.Is(err, common.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	looks := 0
	for _, call := range w.aws.Calls() {
		switch call.Operation {
		case "CreateService":
			looks = 0
		case "DescribeServices":
			looks++
		}
	}
	if looks > 3 { // one after ECS refused, one for the rollback
		t.Errorf("it looked %d times for a service that nobody creates", looks)
	}
}

// TestAClusterWhoseRollbackContinuesIsBusyAtOnce creates another service in a cluster that a failed create's rollback has not deleted yet.
func TestAClusterWhoseRollbackContinuesIsBusyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Code: "InvalidParameterException", Message: "no"},
		localaws.Fault{Service: "ecs", Operation: "DeleteCluster", Effect: localaws.Down, Times: -1})
	if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); err == nil || !strings.Contains(err.Error(), "rolled back in the background") {
		t.Fatalf("got %v", err)
	}
	operation := w.group.Operations(t.Context(), "local")[0]
	w.aws.ResetCalls()
	for name, request := range map[string]func() error{
		"a create": func() error { _, err := w.Create(t.Context(), wholeService(t, "myclu", "api")); return err },
		"an update": func() error {
			_, err := w.Update(t.Context(), "myclu", "api", &UpdateInput{ForceRedeploy: aws.Bool(true)})
			return err
		},
		"the same create": func() error { _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); return err },
	} {
		if err := request(); common.ResponseCode(err) != common.CodeServiceBusy || !strings.Contains(err.Error(), "operations/"+operation.ID) {
			t.Errorf("%s: %v, want %s with the operation", name, err, common.CodeServiceBusy)
		}
	}
	for _, call := range w.aws.Calls() {
		if !slices.Contains([]string{"DeleteCluster", "DescribeClusters", "ListServices", "ListTasks", "TagResource"}, call.Operation) { // the rollback's
			t.Errorf("%s was called for requests that cannot work", call.Operation)
		}
	}
	w.aws.Heal()
	w.wait()
	w.create(t, wholeService(t, "myclu", "api"))
}

// TestWhatCouldNotBeRolledBackIsRedacted makes several rollbacks fail with words of AWS about us.
func TestWhatCouldNotBeRolledBackIsRedacted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	const about = "User: arn:aws:sts::123456789012:assumed-role/ecs-api/us is not authorized"
	w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Code: "InvalidParameterException", Message: "no"})
	for _, operation := range []string{"DeleteCluster", "DeleteRole", "DeleteLogGroup", "DeleteSecret"} {
		w.aws.Inject(localaws.Fault{Operation: operation, Times: -1, Effect: localaws.Refuse, Code: "AccessDeniedException", Message: about})
	}
	_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
	e, ok := errors.AsType[*common.Error](err)
	if !ok || len(e.LeftBehind) < 4 {
		t.Fatalf("got %v", err)
	}
	for _, text := range append(e.LeftBehind, common.Public(err)) {
		if strings.Contains(text, "assumed-role") {
			t.Errorf("a caller reads %q", text)
		}
	}
}

// TestAnOperationReadsSucceededWhenItsServiceIsFree deletes services, and creates each again the moment that its operation reads succeeded.
func TestAnOperationReadsSucceededWhenItsServiceIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	for range 30 {
		w.create(t, wholeService(t, "myclu", "www"))
		_, op, err := w.Delete(t.Context(), "myclu", "www", true)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the operation ended", func() bool {
			now, err := w.group.Operation(t.Context(), "local", op.ID)
			return err == nil && now.State == saga.Succeeded
		})
	}
}

// TestAPanicLeavesNoLock panics at every place of a request that is no step of its plan.
func TestAPanicLeavesNoLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	fault := func() { panic("a fault of ours") }
	for name, breakIt := range map[string]func(*update){
		"before the look": func(u *update) { u.prepare = func(context.Context) error { fault(); return nil } },
		"in decide": func(u *update) {
			u.adjust = func(*awsecs.Service) (adjustment, error) { fault(); return adjustment{}, nil }
		},
		"in the definition": func(u *update) {
			u.define = func(*awsecs.TaskDefinition) (*space.Registration, error) { fault(); return nil, nil }
		},
	} {
		u, err := w.newUpdate("myclu", "www", &UpdateInput{ForceRedeploy: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		breakIt(u)
		if _, err := u.do(t.Context()); !common.Is(err, common.Internal) || !strings.Contains(err.Error(), "a fault of ours") || strings.Contains(common.Public(err), "a fault of ours") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Update(t.Context(), "myclu", "www", &UpdateInput{ForceRedeploy: aws.Bool(true)}); err != nil {
			t.Errorf("%s: the next request: %v", name, err)
		}
	}
	// In the middle of a call to AWS, which is a step: what was done before is rolled back.
	for _, operation := range []string{"DescribeClusters", "CreateRole", "RegisterTaskDefinition", "CreateService"} {
		before := inventory(w.aws)
		w.aws.Inject(localaws.Fault{Operation: operation, Effect: localaws.Hook, Func: fault})
		if _, err := w.Create(t.Context(), wholeService(t, "other", "api")); !common.Is(err, common.Internal) {
			t.Errorf("%s: %v", operation, err)
		}
		w.aws.Heal()
		w.wait()
		if diff := cmp.Diff(before, inventory(w.aws)); diff != "" {
			t.Errorf("%s: what is left (-before +after):\n%s", operation, diff)
		}
	}
	if _, err := w.Create(t.Context(), wholeService(t, "other", "api")); err != nil {
		t.Errorf("the next request: %v", err)
	}
	if left := fmt.Sprint(w.group.Operations(t.Context(), "local")); strings.Contains(left, "running") {
		t.Errorf("operations %s", left)
	}
}

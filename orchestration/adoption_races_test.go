package orchestration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// until waits until done is true, and fails the test if that never happens.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := awstest.Hurried.Until(ctx, func() (bool, error) { return done(), nil }); err != nil {
		t.Errorf("it never happened that %s", what)
	}
}

// sharedTags reads the tags of what the services in a cluster share.
func (w *world) sharedTags(t *testing.T, cluster string) map[string]func() common.Tags {
	return map[string]func() common.Tags{
		"role": func() common.Tags {
			role, err := w.account.IAM.Role(t.Context(), spec.RoleName(cluster))
			if err != nil {
				return nil
			}
			return iam.ToTags(role.Tags)
		},
		"log group": func() common.Tags {
			group, err := w.account.Logs.Group(t.Context(), cluster)
			if err != nil {
				return nil
			}
			tags, _ := w.account.Logs.Tags(t.Context(), aws.StringValue(group.Arn))
			return tags
		},
	}
}

// TestAnAdoptionThatWasMissed lets one service fail on one server, which rolls back what it created, after another server has adopted it for
// another service: too late to be seen. That service must have all it needs in the end.
func TestAnAdoptionThatWasMissed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ service, adopt, rollback, line string }{
		"role":      {"iam", "TagRole", "DeleteRole", "iam:role myclu-ecsTaskExecution"},
		"log group": {"logs", "TagResource", "DeleteLogGroup", "logs:log-group myclu"},
	} {
		t.Run(name, func(t *testing.T) {
			sim := localaws.New()
			failing, adopting := newWorld(t, sim), newWorld(t, sim)
			there := func() bool { return strings.Contains(strings.Join(sim.Inventory(), "\n"), test.line) }
			var wg sync.WaitGroup
			var good error
			adopts, rollsBack, creates := make(chan struct{}), make(chan struct{}), make(chan struct{})
			sim.Inject(
				localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Func: func() {
					wg.Go(func() { _, good = adopting.Create(t.Context(), wholeService(t, "myclu", "api")) })
					<-adopts
					for part, tags := range failing.sharedTags(t, "myclu") {
						until(t, "the "+part+" was adopted", func() bool { return part == name || resource.CreatedFor(tags(), "api") })
					}
					until(t, "the cluster was adopted", func() bool {
						cluster, err := failing.account.ECS.Cluster(t.Context(), "myclu")
						return err == nil && strings.Contains(cluster.String(), "api/")
					})
				}},
				localaws.Fault{Service: test.service, Operation: test.adopt, Effect: localaws.Hook, Func: func() { close(adopts); <-rollsBack }},
				localaws.Fault{Service: test.service, Operation: test.rollback, Effect: localaws.Hook, Func: func() { close(rollsBack); <-creates }},
				localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
					close(creates)
					until(t, "the "+name+" was gone", func() bool { return !there() })
				}},
			)
			_, bad := failing.Create(t.Context(), wholeService(t, "myclu", "www"))
			wg.Wait()
			if bad == nil || good != nil {
				t.Errorf("www: %v, want an error; api: %v", bad, good)
			}
			if diff := cmp.Diff(wholeInventory("myclu", "api"), inventory(sim)); diff != "" {
				t.Errorf("what exists (-want +got):\n%s", diff)
			}
			if policy, err := adopting.account.IAM.RolePolicy(t.Context(), spec.RoleName("myclu"), spec.RolePolicyName("us-east-1")); err != nil || policy == "" {
				t.Errorf("the role's policy: %q, %v", policy, err)
			}
			if group, err := adopting.account.Logs.Group(t.Context(), "myclu"); err != nil || aws.Int64Value(group.RetentionInDays) != spec.LogRetentionDays {
				t.Errorf("the log group: %v, %v", group, err)
			}
		})
	}
}

// TestADeleteSparesWhatIsCreatedAnew tears a service down on one server while another server creates it again, and waits for it to
// drain: the new one is to keep all that is its.
func TestADeleteSparesWhatIsCreatedAnew(t *testing.T) {
	t.Parallel()
	var drained sync.Once
	var passed atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	sim := localaws.New(localaws.Clock(clock), localaws.WithLags(localaws.Lags{Drain: time.Minute}))
	deleting, making := newWorld(t, sim), newWorld(t, sim)
	deleting.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := deleting.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Fatal(err)
	}
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Times: -1, Effect: localaws.Hook, Func: func() {
		drained.Do(func() {
			passed.Add(int64(time.Hour))
			deleting.wait()
		})
	}})
	out := making.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
	if got, want := sim.Inventory(), account.NameOf(aws.StringValue(out.TaskDefinition.TaskDefinitionArn)); !slices.Contains(got, "ecs:task-definition "+want) {
		t.Errorf("the service runs %s; there is %v", want, got)
	}
	if _, _, err := making.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Fatal(err)
	}
	passed.Add(int64(time.Hour))
	making.wait()
	if diff := cmp.Diff(remains, inventory(sim)); diff != "" {
		t.Errorf("what is left in the end (-want +got):\n%s", diff)
	}
}

// TestACreateThatHadToWaitVerifiesAllItNeeds takes the secret away that a create has made itself, while it waits for the old service to drain.
func TestACreateThatHadToWaitVerifiesAllItNeeds(t *testing.T) {
	t.Parallel()
	sim := localaws.New(localaws.WithLags(localaws.Lags{Drain: 15 * time.Millisecond}))
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	in := wholeService(t, "myclu", "www")
	in.Credentials["webserver"].Name = aws.String("another")
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Code: "InvalidParameterException",
		Message: "Unable to Start a service that is still Draining.", Func: func() {
			if _, err := w.account.Secrets.DeleteSecret(context.Background(), "spinup/localdev/myclu/another", 0); err != nil {
				t.Error(err)
			}
		}})
	if _, err := w.Create(t.Context(), in); !common.Is(err, common.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if service, err := w.account.ECS.Service(t.Context(), "myclu", "www"); err != nil || aws.StringValue(service.Status) == resource.StatusActive {
		t.Errorf("the service is there, without its credentials: %v, %v", service, err)
	}
}

// TestWhatIsGoneIsNotLeftover makes requests fail after what they have changed was deleted by somebody else: nothing of it is left.
func TestWhatIsGoneIsNotLeftover(t *testing.T) {
	t.Parallel()
	left := func(t *testing.T, w *world, err error) {
		t.Helper()
		w.wait()
		if e, ok := errors.AsType[*common.Error](err); !ok || len(e.LeftBehind) > 0 {
			t.Errorf("got %v, want an error that names nothing as left", err)
		}
	}
	t.Run("create", func(t *testing.T) {
		w := newWorld(t, localaws.New())
		w.create(t, wholeService(t, "myclu", "www"))
		if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
			t.Fatal(err)
		}
		if err := w.account.IAM.PutRolePolicy(t.Context(), spec.RoleName("myclu"), spec.RolePolicyName("us-east-1"), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken"],"Resource":["*"]}]}`); err != nil { // one that is out of date
			t.Fatal(err)
		}
		w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Func: func() {
			if err := (&resource.Role{Account: w.account, Cluster: "myclu"}).Delete(context.Background(), nil); err != nil {
				t.Error(err)
			}
		}})
		_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
		left(t, w, err)
	})
	t.Run("update", func(t *testing.T) {
		w := newWorld(t, localaws.New())
		made := w.create(t, wholeService(t, "myclu", "www"))
		registry := aws.StringValue(made.ServiceDiscoveryService.Id)
		w.aws.Inject(localaws.Fault{Operation: "UpdateService", Times: -1, Effect: localaws.Down, Func: func() {
			_, _ = w.account.ECS.DeleteService(context.Background(), "myclu", "www") // at the first of several tries
			_ = w.account.CloudMap.DeleteService(context.Background(), registry)
		}})
		_, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates["tags and redeploy"], made))
		left(t, w, err)
	})
}

// TestAServiceThatCannotBeSeenYetIsRolledBack deletes the secret under a create, whose service ECS does not show when it is rolled back.
func TestAServiceThatCannotBeSeenYetIsRolledBack(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
		if _, err := w.account.Secrets.DeleteSecret(context.Background(), "spinup/localdev/myclu/www-cred", 0); err != nil {
			t.Error(err)
		}
		sim.Inject(
			localaws.Fault{Operation: "DescribeServices", Effect: localaws.Refuse, Code: "ServiceNotFoundException"},
			localaws.Fault{Operation: "DeleteService", Times: 2, Effect: localaws.Refuse, Code: "ServiceNotFoundException"},
		)
	}})
	if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); !common.Is(err, common.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if service, err := w.account.ECS.Service(t.Context(), "myclu", "www"); err != nil || aws.StringValue(service.Status) == resource.StatusActive {
		t.Errorf("the service is there: %v, %v", service, err)
	}
}

// TestACreateThatHadToWaitSeesWhatIsSeenLate makes a create look at all it needs where AWS does not show yet what it has made.
func TestACreateThatHadToWaitSeesWhatIsSeenLate(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Code: "InvalidParameterException",
		Message: "Unable to Start a service that is still Draining.", Func: func() {
			for operation, code := range map[string]string{"DescribeSecret": "ResourceNotFoundException", "GetRole": "NoSuchEntity", "GetService": "ServiceNotFound"} {
				sim.Inject(localaws.Fault{Operation: operation, Times: 3, Effect: localaws.Refuse, Code: code})
			}
		}})
	w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestARoleThatIsThereAndCannotBeSeen makes a service where another request has made the role a moment ago.
func TestARoleThatIsThereAndCannotBeSeen(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "api"))
	sim.Inject(localaws.Fault{Operation: "GetRole", Times: 4, Effect: localaws.Refuse, Code: "NoSuchEntity"})
	w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(unique(append(wholeInventory("myclu", "www"), wholeInventory("myclu", "api")...)), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestADeleteStopsWhereItsServiceIsCreatedAnew asks for a delete while another server is about to make the service again, which it does when
// the delete has found what to tear down.
func TestADeleteStopsWhereItsServiceIsCreatedAnew(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	deleting, making := newWorld(t, sim), newWorld(t, sim)
	deleting.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := deleting.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	building, goOn := make(chan struct{}), make(chan struct{})
	var made sync.WaitGroup
	var looks atomic.Int64
	sim.Inject(
		localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() { close(building); <-goOn }},
		localaws.Fault{Operation: "ListSecrets", Times: 2, Effect: localaws.Hook, Func: func() {
			if looks.Add(1) == 2 { // the first one is before the response
				close(goOn)
				made.Wait()
			}
		}},
	)
	made.Go(func() { making.create(t, wholeService(t, "myclu", "www")) })
	<-building
	_, op, err := deleting.Delete(t.Context(), "myclu", "www", true)
	if err != nil {
		t.Fatal(err)
	}
	deleting.wait()
	if got := state(t, deleting, op); got != saga.Failed {
		t.Errorf("the delete has %s", got)
	}
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestACloudMapServiceThatIsDeletedWhileItIsLookedAt takes the registry that an interrupted request left away between two looks at it.
func TestACloudMapServiceThatIsDeletedWhileItIsLookedAt(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	sim.Inject(localaws.Fault{Service: "servicediscovery", Operation: "ListTagsForResource", Effect: localaws.Hook, Func: func() {
		registry, err := resource.CloudMapServiceNamed(context.Background(), w.account, localaws.Namespace, "www-myclu")
		if err == nil {
			err = w.account.CloudMap.DeleteService(context.Background(), aws.StringValue(registry.Id))
		}
		if err != nil {
			t.Error(err)
		}
	}})
	w.create(t, wholeService(t, "myclu", "www"))
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

// TestWhatIsDeletedUnderACreate takes something that an interrupted request left, and that the next one builds upon, away from under it.
func TestWhatIsDeletedUnderACreate(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(w *world) error{
		"secret": func(w *world) error {
			_, err := w.account.Secrets.DeleteSecret(context.Background(), "spinup/localdev/myclu/www-cred", 0)
			return err
		},
		"revision": func(w *world) error {
			_, err := w.account.ECS.DeregisterTaskDefinition(context.Background(), "www-task:1")
			return err
		},
		"registry": func(w *world) error {
			registry, err := resource.CloudMapServiceNamed(context.Background(), w.account, localaws.Namespace, "www-myclu")
			if err != nil {
				return err
			}
			return w.account.CloudMap.DeleteService(context.Background(), aws.StringValue(registry.Id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			sim := localaws.New()
			w := newWorld(t, sim)
			w.create(t, wholeService(t, "myclu", "www"))
			if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
				t.Fatal(err)
			}
			left := inventory(sim)
			sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
				if err := take(w); err != nil {
					t.Error(err)
				}
			}})
			_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
			if !common.Is(err, common.Conflict) {
				t.Errorf("got %v, want a conflict", err)
			}
			w.wait()
			if extra := minus(inventory(sim), left); len(extra) > 0 {
				t.Errorf("%v was made and left", extra)
			}
			w.create(t, wholeService(t, "myclu", "www"))
			if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
				t.Errorf("what exists in the end (-want +got):\n%s", diff)
			}
		})
	}
}

// TestALogGroupIsAdoptedThatIsCreatedWhileItIsLookedFor creates the log group between two reads of one look at it: it is another request's, and is adopted.
func TestALogGroupIsAdoptedThatIsCreatedWhileItIsLookedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	if _, err := w.account.Identity(t.Context()); err != nil { // known, so that group and tags are read at the same time
		t.Fatal(err)
	}
	group := &resource.LogGroup{Account: w.account, Group: "myclu"}
	tags := common.Tags{{Key: common.TagOrg, Value: "localdev"}, {Key: common.TagRequest, Value: "api/1"}}
	read := make(chan struct{})
	w.aws.Inject(
		localaws.Fault{Service: "logs", Operation: "ListTagsForResource", Effect: localaws.Refuse, Code: "ResourceNotFoundException", Func: func() {
			if _, err := group.Create(context.Background(), tags); err != nil {
				t.Error(err)
			}
			close(read)
		}},
		localaws.Fault{Service: "logs", Operation: "DescribeLogGroups", Effect: localaws.Hook, Func: func() { <-read }},
	)
	found, err := group.Find(t.Context())
	if err != nil || found == nil {
		t.Fatalf("%v, %v", found, err)
	}
	if owner, _ := found.Tags.Get(common.TagRequest); owner != "api/1" {
		t.Errorf("its tags are %v", found.Tags)
	}
}

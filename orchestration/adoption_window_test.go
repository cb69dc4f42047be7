package orchestration

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// A deletion reads the tags of a thing, and deletes it. These tests let another server adopt the thing between the two, and let the deletion go on only
// once that server has responded, or is seen to wait.

// waits waits until done is closed, or until the server that is not blocked, which makes the nth CreateService since the last ResetCalls, has called the
// operation twice since then: it reads again and again what is about to be deleted.
func waits(t *testing.T, sim *localaws.AWS, nth int, service, operation string, done chan struct{}) {
	t.Helper()
	until(t, "the other server responded, or waited", func() bool {
		select {
		case <-done:
			return true
		default:
		}
		reads, created := 0, 0
		for _, call := range sim.Calls() {
			if call.Operation == "CreateService" && call.Service == "ecs" {
				reads, created = 0, created+1
			} else if call.Service == service && call.Operation == operation {
				reads++
			}
		}
		return created >= nth && reads > 1
	})
}

// TestAnAdoptionBetweenTheCheckAndTheDelete lets a create fail on one server. Another server, which has looked before, adopts what the first one created
// right before that is deleted, but after its tags were read.
func TestAnAdoptionBetweenTheCheckAndTheDelete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		service, adopt string // the call that adopts
		nth            int64  // of those calls
		delete, read   string
		adopter        string // the service that the other server creates
		bare           bool   // a service runs in the cluster, without role and log group
	}{
		"role":                             {"iam", "TagRole", 1, "ListRolePolicies", "GetRole", "api", false},
		"role, its policy is deleted":      {"iam", "TagRole", 1, "DeleteRole", "GetRole", "api", false},
		"log group":                        {"logs", "TagResource", 1, "DeleteLogGroup", "ListTagsForResource", "api", false},
		"role beside a service":            {"iam", "TagRole", 1, "ListRolePolicies", "GetRole", "api", true},
		"log group beside a service":       {"logs", "TagResource", 1, "DeleteLogGroup", "ListTagsForResource", "api", true},
		"secret of the same service":       {"secretsmanager", "TagResource", 1, "DeleteSecret", "DescribeSecret", "www", false},
		"Cloud Map service of the same":    {"servicediscovery", "TagResource", 1, "DeleteService", "GetService", "www", false},
		"task definition of the same name": {"ecs", "TagResource", 2, "DeregisterTaskDefinition", "DescribeTaskDefinition", "www", false}, // the first one is the cluster's
	} {
		t.Run(name, func(t *testing.T) {
			sim := localaws.New()
			failing, adopting := newWorld(t, sim), newWorld(t, sim)
			var want []string
			if test.bare {
				want = failing.bare(t, "myclu", "old")
			}
			sim.ResetCalls()
			var wg sync.WaitGroup
			var good error
			var adoptions atomic.Int64
			adopts, deletes, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			sim.Inject(
				localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Func: func() {
					wg.Go(func() {
						defer close(done)
						_, good = adopting.Create(t.Context(), wholeService(t, "myclu", test.adopter))
					})
					<-adopts
				}},
				localaws.Fault{Service: test.service, Operation: test.adopt, Times: int(test.nth), Effect: localaws.Hook, Func: func() {
					if adoptions.Add(1) == test.nth {
						close(adopts)
						<-deletes
					}
				}},
				localaws.Fault{Service: test.service, Operation: test.delete, Effect: localaws.Hook, Func: func() {
					close(deletes)
					waits(t, sim, 2, test.service, test.read, done)
				}},
			)
			_, bad := failing.Create(t.Context(), wholeService(t, "myclu", "www"))
			wg.Wait()
			if bad == nil || good != nil && (test.adopter != "www" || !common.Is(good, common.Conflict)) {
				t.Errorf("the create that fails: %v, want an error; the other one: %v", bad, good)
			}
			if good != nil { // what is the service's own is not created again: the caller repeats the request
				adopting.create(t, wholeService(t, "myclu", test.adopter))
			}
			if diff := cmp.Diff(unique(append(want, wholeInventory("myclu", test.adopter)...)), inventory(sim)); diff != "" {
				t.Errorf("the other create: %v\nwhat exists (-want +got):\n%s", good, diff)
			}
			if snapshot := sim.Snapshot(); strings.Contains(snapshot, "spinup:deleting") {
				t.Errorf("something still carries the tag of its deletion:\n%s", snapshot)
			}
		})
	}
}

// TestATeardownDeletesTheRoleBesideACreate creates a service on another server while the last one of the space is torn down: the cluster is deleted, and the
// role, whose tags the teardown has read, is adopted before it is deleted.
func TestATeardownDeletesTheRoleBesideACreate(t *testing.T) {
	t.Parallel()
	for _, deletes := range []string{"ListRolePolicies", "DeleteRole"} {
		t.Run(deletes, func(t *testing.T) {
			sim := localaws.New()
			deleting, adopting := newWorld(t, sim), newWorld(t, sim)
			deleting.create(t, wholeService(t, "myclu", "www"))
			var wg sync.WaitGroup
			var good error
			adopts, checked, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			sim.Inject(localaws.Fault{Service: "ecs", Operation: "DeleteCluster", Effect: localaws.Hook, Func: func() {
				sim.ResetCalls()
				sim.Inject(localaws.Fault{Service: "iam", Operation: "GetRole", Effect: localaws.Hook, Func: func() {
					wg.Go(func() {
						defer close(done)
						_, good = adopting.Create(t.Context(), wholeService(t, "myclu", "api"))
					})
					<-adopts
				}})
			}},
				localaws.Fault{Service: "iam", Operation: "TagRole", Effect: localaws.Hook, Func: func() { close(adopts); <-checked }},
				localaws.Fault{Service: "iam", Operation: deletes, Effect: localaws.Hook, Func: func() {
					close(checked)
					waits(t, sim, 1, "iam", "GetRole", done)
				}},
			)
			if _, _, err := deleting.Delete(t.Context(), "myclu", "www", true); err != nil {
				t.Fatal(err)
			}
			deleting.wait()
			wg.Wait()
			if good != nil {
				t.Errorf("the create: %v", good)
			}
			if diff := cmp.Diff(wholeInventory("myclu", "api"), inventory(sim)); diff != "" {
				t.Errorf("what exists (-want +got):\n%s", diff)
			}
			policy, err := adopting.account.IAM.RolePolicy(t.Context(), spec.RoleName("myclu"), spec.RolePolicyName("us-east-1"))
			if err != nil || policy == "" || strings.Contains(sim.Snapshot(), common.TagDeleting) {
				t.Errorf("the role's policy: %q, %v\n%s", policy, err, sim.Snapshot())
			}
		})
	}
}

// TestATeardownDeletesTheRevisionBesideACreate creates a service again on another server while it is torn down: the revision, whose tags the teardown has
// read, is adopted before it is deregistered.
func TestATeardownDeletesTheRevisionBesideACreate(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	deleting, adopting := newWorld(t, sim), newWorld(t, sim)
	deleting.create(t, wholeService(t, "myclu", "www"))
	var wg sync.WaitGroup
	var good error
	var adoptions atomic.Int64
	adopts, checked, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	sim.Inject(
		localaws.Fault{Service: "ecs", Operation: "ListTaskDefinitions", Effect: localaws.Hook, Func: func() {
			sim.ResetCalls()
			wg.Go(func() {
				defer close(done)
				_, good = adopting.Create(t.Context(), wholeService(t, "myclu", "www"))
			})
			<-adopts
		}},
		localaws.Fault{Service: "ecs", Operation: "TagResource", Times: 2, Effect: localaws.Hook, Func: func() {
			if adoptions.Add(1) == 2 { // the first one is the cluster's
				close(adopts)
				<-checked
			}
		}},
		localaws.Fault{Service: "ecs", Operation: "DeregisterTaskDefinition", Effect: localaws.Hook, Func: func() {
			close(checked)
			waits(t, sim, 1, "ecs", "DescribeTaskDefinition", done)
		}},
	)
	if _, _, err := deleting.Delete(t.Context(), "myclu", "www", true); err != nil {
		t.Fatal(err)
	}
	deleting.wait()
	wg.Wait()
	if good != nil {
		if !common.Is(good, common.Conflict) {
			t.Errorf("the create: %v", good)
		}
		adopting.create(t, wholeService(t, "myclu", "www"))
	}
	if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
		t.Errorf("the create: %v\nwhat exists (-want +got):\n%s", good, diff)
	}
}

// TestAMarkOfADeletionThatIsNoMore adopts what carries the mark of a server that has ended since: one of a moment ago is waited for, an older one is not.
func TestAMarkOfADeletionThatIsNoMore(t *testing.T) {
	t.Parallel()
	old := uuid.Must(uuid.NewV7())
	copy(old[:6], make([]byte, 6)) // the time, since 1970
	for name, mark := range map[string]string{"a moment ago": resource.NewID(), "old": old.String(), "of no request": "x"} {
		t.Run(name, func(t *testing.T) {
			sim := localaws.New()
			w := newWorld(t, sim)
			w.account.Backoff.Budget = 0.001
			w.create(t, wholeService(t, "myclu", "www"))
			if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
				t.Fatal(err)
			}
			for _, thing := range []resource.Thing{
				&resource.Role{Account: w.account, Cluster: "myclu"}, &resource.LogGroup{Account: w.account, Group: "myclu"},
				&resource.Cluster{Account: w.account, Cluster: "myclu"}, &resource.Credential{Account: w.account, Secret: "spinup/localdev/myclu/www-cred"},
			} {
				found, err := thing.Find(t.Context())
				if err == nil {
					err = thing.SetTags(t.Context(), found, common.Tags{{Key: common.TagDeleting, Value: mark}}, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			w.create(t, wholeService(t, "myclu", "www"))
			if diff := cmp.Diff(wholeInventory("myclu", "www"), inventory(sim)); diff != "" {
				t.Errorf("what exists (-want +got):\n%s", diff)
			}
			if snapshot := sim.Snapshot(); strings.Contains(snapshot, common.TagDeleting) {
				t.Errorf("something still carries the mark:\n%s", snapshot)
			}
		})
	}
}

// TestAMarkThatCannotBeRemoved adopts a role with an old mark, while IAM lets nobody remove a tag: the mark is in nobody's way any more.
func TestAMarkThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	w := newWorld(t, sim)
	w.create(t, wholeService(t, "myclu", "api"))
	role := &resource.Role{Account: w.account, Cluster: "myclu"}
	if err := role.SetTags(t.Context(), nil, common.Tags{{Key: common.TagDeleting, Value: "x"}}, nil); err != nil {
		t.Fatal(err)
	}
	sim.Inject(localaws.Fault{Service: "iam", Operation: "UntagRole", Times: -1, Effect: localaws.Throttle})
	w.create(t, wholeService(t, "myclu", "www"))
}

// TestACreateReadsOnceWhatItAdoptsAtOnce counts the calls of a create in a space with a service: it looks at each thing once, if it adopts it soon after.
func TestACreateReadsOnceWhatItAdoptsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "api"))
	w.account.Backoff = common.DefaultBackoff
	w.aws.ResetCalls()
	start := time.Now()
	w.create(t, wholeService(t, "myclu", "www"))
	if calls := len(w.aws.Calls()); calls != 19 && time.Since(start) < time.Second {
		t.Errorf("%d calls: %v", calls, w.aws.Calls())
	}
}

// TestAnAdoptionThatIAMShowsLate lets the adopter read the role before IAM shows the mark, and the deletion before IAM shows the adoption, which came later.
func TestAnAdoptionThatIAMShowsLate(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	sim := localaws.New(localaws.Clock(clock), localaws.WithLags(localaws.Lags{RoleTags: time.Hour}))
	failing, adopting := newWorld(t, sim), newWorld(t, sim)
	calls := func(operation string) (n int) {
		for _, call := range sim.Calls() {
			if call.Operation == operation {
				n++
			}
		}
		return n
	}
	var wg sync.WaitGroup
	var good error
	var tags atomic.Int64
	adopts, done := make(chan struct{}), make(chan struct{})
	sim.Inject(
		localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Func: func() {
			wg.Go(func() {
				defer close(done)
				_, good = adopting.Create(t.Context(), wholeService(t, "myclu", "api"))
			})
			<-adopts
		}},
		localaws.Fault{Service: "iam", Operation: "TagRole", Times: 2, Effect: localaws.Hook, Func: func() {
			if tags.Add(1) > 1 { // the mark
				return
			}
			close(adopts)
			looks := 0
			until(t, "the other server has marked the role, and looks at it again", func() bool {
				if calls("TagRole") > 1 && looks == 0 {
					looks = calls("GetRole")
				}
				return looks > 0 && calls("GetRole") > looks
			})
			passed.Store(int64(time.Minute))
		}},
		localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
			looks := calls("GetRole")
			wg.Go(func() {
				until(t, "the create responded, or waits", func() bool {
					select {
					case <-done:
						return true
					default:
						return calls("GetRole") > looks+20
					}
				})
				passed.Store(int64(time.Hour + 30*time.Second)) // the mark is shown, the adoption is not
			})
		}},
	)
	_, bad := failing.Create(t.Context(), wholeService(t, "myclu", "www"))
	wg.Wait()
	if bad == nil || good != nil {
		t.Errorf("the create that fails: %v, want an error; the other one: %v", bad, good)
	}
	if diff := cmp.Diff(wholeInventory("myclu", "api"), inventory(sim)); diff != "" {
		t.Errorf("what exists (-want +got):\n%s", diff)
	}
}

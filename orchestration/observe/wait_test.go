package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/diagnosis"
)

// noHistory makes AWS refuse to list service deployments, as it does where the policy is an older one.
func noHistory() localaws.Option {
	return localaws.WithFaults(localaws.Fault{Operation: "ListServiceDeployments", Times: -1, Effect: localaws.Refuse})
}

// bothWays runs a test with service deployments and without.
func bothWays(t *testing.T, test func(*testing.T, *world)) {
	t.Run("service deployments", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("none", func(t *testing.T) { test(t, newWorld(t, noHistory())) })
}

// outcomeOf returns an outcome in words.
func outcomeOf(o *Outcome) string {
	if o == nil {
		return "none"
	}
	return string(*o)
}

func TestADeploymentThatComesUpSucceeds(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		definition := w.register("")
		id := w.create(input(definition))
		if s := w.status(); s.State != diagnosis.Deploying || s.Deployment == nil || s.Deployment.Id != id || s.Deployment.Outcome != nil || s.Deployment.State != InProgress && s.Deployment.State != Pending {
			t.Errorf("at first: %+v, deployment %+v", s, s.Deployment)
		}
		r := w.wait(id)
		if !r.Done || outcomeOf(r.Outcome) != "succeeded" || r.State != diagnosis.Steady || len(r.Problems) != 0 || common.Value(r.Deployment.TaskDefinition) != definition {
			t.Errorf("got %+v, deployment %+v", r, r.Deployment)
		}
		if unpinned := w.wait(""); outcomeOf(unpinned.Outcome) != "succeeded" || unpinned.Deployment.Id != id {
			t.Errorf("without a deployment: %+v", unpinned)
		}
		s := w.status()
		if s.State != diagnosis.Steady || s.Summary != "1 of 1 task of web:1 running" || len(s.Tasks) != 1 || len(s.Tasks[0].Containers) != 1 || len(s.Events) == 0 || len(s.Events) > shownEvents {
			t.Errorf("at last: %+v", s)
		}
	})
}

func TestADeploymentThatIsRolledBackIsNeverASuccess(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		good, first := w.steady()
		w.Close() // ends the pollers of before
		w.Observer = w.observer(WithTicks(w.ticks))
		var outcomes []string
		w.ended = func(outcome string) { outcomes = append(outcomes, outcome) }
		defer func() {
			w.Close()
			if !slices.Equal(outcomes, []string{"rolled_back", "succeeded"}) {
				t.Errorf("outcomes that were counted: %v", outcomes)
			}
		}()
		bad := w.register("exit 3")
		id := w.update(bad)
		r := w.wait(id)
		if !r.Done || outcomeOf(r.Outcome) != "rolled_back" || r.Deployment.Id != id || common.Value(r.Deployment.RolledBackTo) != good || common.Value(r.Deployment.TaskDefinition) != bad && w.recorded() {
			t.Errorf("got %+v, deployment %+v", r, r.Deployment)
		}
		if len(r.Problems) == 0 || r.Problems[0].Code != diagnosis.ContainerExited || common.Value(r.Problems[0].Container) != "web" || r.Problems[0].Count < 3 {
			t.Errorf("problems: %+v", r.Problems)
		}
		if r.Deployment.Images == nil || r.Deployment.EndedAt == nil || common.Value(r.Deployment.Reason) == "" {
			t.Errorf("deployment %+v", r.Deployment)
		}
		if unpinned := w.wait(""); outcomeOf(unpinned.Outcome) != "rolled_back" || unpinned.Deployment.Id != id {
			t.Errorf("without a deployment: %+v, %+v", unpinned, unpinned.Deployment)
		}
		if old := w.wait(first); outcomeOf(old.Outcome) != "succeeded" { // its revision runs again
			t.Errorf("the one before: %+v, %+v", old, old.Deployment)
		}
		s := w.status()
		if s.State != diagnosis.Steady || s.Deployment.Id != id || s.Deployment.State != RolledBack || s.Summary != "1 of 1 task of web:1 running; the last deployment failed: web exits with code 3; 3 tasks failed" {
			t.Errorf("status %+v, deployment %+v", s, s.Deployment)
		}
		all, err := w.Deployments(t.Context(), "clu", "www")
		w.must(all, err)
		if len(all) != 2 || all[0].Id != id || all[1].Id != first || outcomeOf(all[1].Outcome) != "succeeded" {
			t.Errorf("deployments: %+v", all)
		}
		if w.recorded() && all[0].Images["web"] != "nginx:alpine" {
			t.Errorf("images: %v", all[0].Images)
		}
		again := w.update(w.register(""))
		if r := w.wait(again); outcomeOf(r.Outcome) != "succeeded" || len(r.Problems) != 0 {
			t.Errorf("a later one: %+v", r)
		}
	})
}

// recorded reports whether AWS lets the observer read service deployments.
func (w *world) recorded() bool { return w.history.skip(w.clock.Now()) == nil }

func TestWhileADeploymentFailsTheStatusSaysWhy(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		w.steady()
		id := w.update(w.register("exit 1"))
		var seen []DeploymentState
		var problem string
		w.meanwhile(func(ctx context.Context) error {
			ctx, done := context.WithCancel(ctx)
			defer done()
			return w.Watch(ctx, "clu", "www", func(s *Status) error {
				if s.Deployment.Id != id {
					return fmt.Errorf("the status is about %s, not %s", s.Deployment.Id, id)
				}
				if n := len(seen); n == 0 || seen[n-1] != s.Deployment.State {
					seen = append(seen, s.Deployment.State)
				}
				if s.Deployment.State == InProgress && len(s.Problems) > 0 {
					problem = s.Summary
				}
				if s.Deployment.State == RolledBack {
					done()
				}
				return nil
			})
		})
		if i, j := slices.Index(seen, InProgress), slices.Index(seen, RolledBack); i < 0 || j != len(seen)-1 || slices.Contains(seen, Completed) {
			t.Errorf("its states are %v", seen)
		}
		if problem == "" {
			t.Error("no status in between has a problem")
		}
	})
}

func TestADeploymentThatNothingRollsBackFails(t *testing.T) {
	t.Parallel()
	t.Run("the first one", func(t *testing.T) {
		bothWays(t, func(t *testing.T, w *world) {
			id := w.create(input(w.register("exit 1")))
			r := w.wait(id)
			if outcomeOf(r.Outcome) != "failed" || r.State != diagnosis.Failing || len(r.Problems) == 0 || r.Problems[0].Code != diagnosis.ContainerExited {
				t.Errorf("got %+v, deployment %+v", r, r.Deployment)
			}
		})
	})
	t.Run("no rollback is configured", func(t *testing.T) {
		bothWays(t, func(t *testing.T, w *world) {
			in := input(w.register(""))
			in.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback = aws.Bool(false)
			w.wait(w.create(in))
			id := w.update(w.register("exit 1"))
			r := w.wait(id)
			if outcomeOf(r.Outcome) != "failed" || r.State != diagnosis.Degraded || len(r.Problems) == 0 {
				t.Errorf("got %+v, deployment %+v", r, r.Deployment)
			}
		})
	})
}

func TestADeploymentThatANewerOneReplacesIsSuperseded(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		good, first := w.steady()
		second := w.update(w.register("sleep 1000"))
		third := w.update(good)
		if r := w.wait(third); outcomeOf(r.Outcome) != "succeeded" {
			t.Errorf("the newest: %+v, %+v", r, r.Deployment)
		}
		if r := w.wait(first); outcomeOf(r.Outcome) != "superseded" {
			t.Errorf("the oldest, which succeeded: %+v, %+v", r, r.Deployment)
		}
		if !w.recorded() {
			return // nothing is known of one that left no event
		}
		if r := w.wait(second); outcomeOf(r.Outcome) != "superseded" {
			t.Errorf("the one between: %+v, %+v", r, r.Deployment)
		}
	})
}

func TestBlueGreenLinearAndCanaryDeploymentsAreWaitedFor(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"BLUE_GREEN", "LINEAR", "CANARY"} {
		for outcome, command := range map[string]string{"succeeded": "", "rolled_back": "exit 1"} {
			t.Run(strategy+" "+outcome, func(t *testing.T) {
				w := newWorld(t)
				in := input(w.register(""))
				in.DeploymentConfiguration.Strategy, in.DeploymentConfiguration.BakeTimeInMinutes = &strategy, aws.Int64(1)
				if strategy == "LINEAR" {
					in.DeploymentConfiguration.LinearConfiguration = &awsecs.LinearConfiguration{StepPercent: aws.Float64(50), StepBakeTimeInMinutes: aws.Int64(1)}
				}
				if strategy == "CANARY" {
					in.DeploymentConfiguration.CanaryConfiguration = &awsecs.CanaryConfiguration{CanaryPercent: aws.Float64(10), CanaryBakeTimeInMinutes: aws.Int64(1)}
				}
				w.wait(w.create(in))
				r := w.wait(w.update(w.register(command)))
				if outcomeOf(r.Outcome) != outcome || common.Value(r.Deployment.Strategy) != strategy && outcome != "succeeded" {
					t.Errorf("got %+v, deployment %+v", r, r.Deployment)
				}
			})
		}
	}
}

func TestAWaitEndsWithItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	id := w.update(w.register("exit 1"))
	err := w.Watch(t.Context(), "clu", "www", func(*Status) error { // a poll has ended
		r, err := w.Wait(t.Context(), "clu", "www", id, time.Nanosecond)
		if err != nil || r.Done || r.Outcome != nil || r.Deployment.Id != id {
			t.Errorf("got %+v, %v", r, err)
		}
		return errDone
	})
	if !errors.Is(err, errDone) {
		t.Error(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := w.Wait(ctx, "clu", "www", id, time.Hour); !common.Is(err, common.Canceled) && err != nil {
		t.Errorf("a caller who has hung up gets %v", err)
	}
}

func TestAWaitForWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	if _, err := w.Wait(t.Context(), "clu", "none", "", time.Hour); !common.Is(err, common.NotFound) {
		t.Errorf("no service: %v", err)
	}
	if _, err := w.Wait(t.Context(), "none", "www", "", time.Hour); !common.Is(err, common.NotFound) {
		t.Errorf("no cluster: %v", err)
	}
	var missing error
	w.meanwhile(func(ctx context.Context) error {
		_, missing = w.Wait(ctx, "clu", "www", "ecs-svc/7", time.Hour)
		return nil
	})
	if !common.Is(missing, common.NotFound) {
		t.Errorf("no deployment: %v", missing)
	}
	w.must(w.account.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("theirs"), Tags: []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("other")}}}))
	in := input(w.register(""))
	in.Cluster, in.Tags = aws.String("theirs"), nil
	w.create(in)
	for _, call := range []func() error{
		func() error { _, err := w.Status(t.Context(), "theirs", "www"); return err },
		func() error { _, err := w.Deployments(t.Context(), "theirs", "www"); return err },
		func() error { _, err := w.Revisions(t.Context(), "theirs", "www", 5); return err },
		func() error { _, err := w.Wait(t.Context(), "theirs", "www", "", time.Hour); return err },
		func() error { return w.Watch(t.Context(), "theirs", "www", func(*Status) error { return nil }) },
	} {
		if err := call(); !common.Is(err, common.NotFound) {
			t.Errorf("another org's service: %v", err)
		}
	}
}

// A poller may have found that there is no service before the one who began it looks: that is no old news.
func TestTheFirstPollCountsForWhoBeganIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := target{"clu", "none"}
	first, err := w.subscribe(t.Context(), at)
	w.must(first, err)
	defer first.leave()
	v := first.latest()
	for ; v.polls == 0; v = first.latest() {
		<-v.next
	}
	if !common.Is(v.err, common.NotFound) || v.polls <= first.before {
		t.Errorf("poll %d found %v; %d had ended before", v.polls, v.err, first.before)
	}
	second, err := w.subscribe(t.Context(), at)
	w.must(second, err)
	defer second.leave()
	if v := second.latest(); v.polls > second.before {
		t.Errorf("poll %d is news for one who came after it, with %d before", v.polls, second.before)
	}
}

func TestAServiceThatIsDeletedEndsTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := w.steady()
	w.must(w.account.ECS.DeleteService(t.Context(), "clu", "www"))
	if r := w.wait(id); outcomeOf(r.Outcome) != "superseded" || r.State != diagnosis.Draining {
		t.Errorf("got %+v", r)
	}
}

// TestOnePollerServesAll: a hundred who wait and watch cost no more calls than one.
func TestOnePollerServesAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	id := w.update(w.register("sleep 1000"))
	w.aws.ResetCalls()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	first := make(chan struct{}, 100)
	for i := range 100 {
		all.Go(func() {
			if i%2 == 0 {
				first <- struct{}{}
				_, _ = w.Wait(ctx, "clu", "www", id, time.Hour)
				return
			}
			once := sync.OnceFunc(func() { first <- struct{}{} })
			_ = w.Watch(ctx, "clu", "www", func(*Status) error { once(); return nil })
		})
	}
	for range 100 {
		<-first
	}
	const polls = 20
	for range polls {
		w.ticks <- time.Time{}
	}
	w.ticks <- time.Time{} // the poll before it has ended
	cancel()
	all.Wait()
	w.Close()
	if n := awstest.Calls(w.aws)["DescribeServices"]; n < polls || n > polls+2 {
		t.Errorf("%d polls for %d ticks", n, polls+1)
	}
}

func TestAWriteIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	updated := false
	var ids []string
	err := w.Watch(t.Context(), "clu", "www", func(s *Status) error {
		ids = append(ids, s.Deployment.Id)
		if updated {
			return errDone
		}
		updated = true
		w.clock.Advance(time.Millisecond)
		w.update(w.register(""))
		w.Written("clu", "www") // no tick comes
		return nil
	})
	if !errors.Is(err, errDone) || len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("got %v, %v", ids, err)
	}
}

var errDone = errors.New("done")

func TestWaitersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	w.limits = limits{Services: 1, Waiting: 2}
	err := w.Watch(t.Context(), "clu", "www", func(*Status) error {
		if _, err := w.Wait(t.Context(), "clu", "other", "", time.Hour); !common.Is(err, common.Unavailable) {
			t.Errorf("another service: %v", err)
		}
		return w.Watch(t.Context(), "clu", "www", func(*Status) error {
			_, err := w.Wait(t.Context(), "clu", "www", "", time.Hour)
			return err
		})
	})
	if !common.Is(err, common.Unavailable) {
		t.Errorf("a third one: %v", err)
	}
	if w.pollers.waiting != 0 || len(w.pollers.all) != 0 {
		t.Errorf("%d wait, and %d services are polled", w.pollers.waiting, len(w.pollers.all))
	}
}

func TestAServerThatStopsLetsWaitersGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	id := w.update(w.register("exit 1"))
	err := w.Watch(t.Context(), "clu", "www", func(*Status) error {
		go w.Close()
		r, err := w.Wait(t.Context(), "clu", "www", id, time.Hour)
		if err == nil && r.Done || err != nil && !common.Is(err, common.Unavailable) {
			t.Errorf("got %+v, %v", r, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := w.Wait(t.Context(), "clu", "www", id, time.Hour); !common.Is(err, common.Unavailable) {
		t.Errorf("a new one: %v", err)
	}
}

// TestAFailedPollIsNotTheEnd: AWS may throttle us, or fail, for a while.
func TestAFailedPollIsNotTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steady()
	w.aws.Inject(localaws.Fault{Operation: "DescribeServices", Times: 5, Effect: localaws.Down})
	if r := w.wait(""); outcomeOf(r.Outcome) != "succeeded" {
		t.Errorf("got %+v", r)
	}
}

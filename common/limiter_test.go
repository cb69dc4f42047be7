package common

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// limited returns a client of aws whose calls to the buckets for services are held to limit.
func limited(t testing.TB, aws *localaws.AWS, limit Limit) *ecs.ECS {
	t.Helper()
	sess, err := NewSession(Access{
		Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Transport: aws.Transport(),
		Limits: map[string]Limit{"ecs-service-read": limit, "ecs-cluster-modify": limit},
		Retry:  RetryPolicy{Throttled: 3, ThrottledWait: time.Millisecond, Failed: 3, FailedWait: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return ecs.New(sess)
}

// listServices makes a call that needs a token of ecs-service-read.
func listServices(ctx context.Context, client *ecs.ECS) error {
	_, err := client.ListServicesWithContext(ctx, &ecs.ListServicesInput{})
	return FromAWS(err, "list services")
}

// responded reports whether AWS was asked: the simulator has no cluster default.
func responded(err error) bool { return CodeOf(err) == ecs.ErrCodeClusterNotFoundException }

func TestCallsBeyondTheBurstWaitForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, start := limited(t, localaws.New(), Limit{5, 2}), time.Now()
		for range 9 {
			if err := listServices(t.Context(), client); !responded(err) {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s: 5 at once and 4 more at 2 a second take 2s", took)
		}
		if _, err := client.CreateClusterWithContext(t.Context(), &ecs.CreateClusterInput{}); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("another bucket: %v after %s", err, time.Since(start))
		}
	})
}

func TestACallThatCannotBeMadeInTimeIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aws := localaws.New()
		client := limited(t, aws, Limit{1, 0.1})
		if err := listServices(t.Context(), client); !responded(err) {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		err := listServices(ctx, client)
		e, _ := errors.AsType[*Error](err)
		if !Is(err, Throttled) || e.After != 10*time.Second || time.Since(start) != 0 || len(aws.Calls()) != 1 {
			t.Errorf("refused after %s with %v, retry in %s; %d calls", time.Since(start), err, e.After, len(aws.Calls()))
		}
		time.Sleep(10 * time.Second) // the refused call must have given its place back
		if err := listServices(t.Context(), client); !responded(err) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestACallerWhoHangsUpGivesTheirPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, start := limited(t, localaws.New(), Limit{1, 1}), time.Now()
		if err := listServices(t.Context(), client); !responded(err) {
			t.Fatal(err)
		}
		for _, ctx := range []context.Context{t.Context(), Background(t.Context())} {
			ctx, hangUp := context.WithCancel(ctx)
			time.AfterFunc(time.Millisecond, hangUp)
			if err := listServices(ctx, client); !Is(err, Canceled) {
				t.Errorf("hung up: %v", err)
			}
		}
		if err := listServices(t.Context(), client); !responded(err) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestBackgroundWorkLeavesTheOthersHalfOfABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := limited(t, localaws.New(), Limit{21, 1})
		ctx, stop := context.WithCancel(Background(t.Context()))
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				for ctx.Err() == nil {
					if err := listServices(ctx, client); !responded(err) && !Is(err, Canceled) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Minute)
		start := time.Now()
		for range 10 { // more than the rate, at any moment
			if err := listServices(t.Context(), client); !responded(err) {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("ten calls beside background work took %s", took)
		}
		stop()
		work.Wait()
	})
}

func TestBackgroundWorkGetsOnInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := limited(t, localaws.New(), Limit{4, 4})
		ctx, stop := context.WithCancel(t.Context())
		var others sync.WaitGroup
		for range 8 { // they take all there is
			others.Go(func() {
				for ctx.Err() == nil {
					_ = listServices(ctx, client) // the last ends with ctx
				}
			})
		}
		time.Sleep(time.Minute)
		start := time.Now()
		for range 3 {
			if err := listServices(Background(t.Context()), client); !responded(err) {
				t.Error(err)
			}
		}
		if took, patience := time.Since(start), patienceOf(4)[PriorityBackground]; took < 3*patience || took > 3*patience+10*time.Second {
			t.Errorf("three calls took %s", took)
		}
		stop()
		others.Wait()
	})
}

func TestABucketThatOthersEmptyIsSlowedDownForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aws := localaws.New()
		client := limited(t, aws, Limit{100, 20})
		many := func(n int) time.Duration {
			start := time.Now()
			for range n {
				if err := listServices(t.Context(), client); !responded(err) {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		aws.Inject(localaws.Fault{Operation: "ListServices", Effect: localaws.Throttle})
		if took := many(1); took > 5*time.Millisecond {
			t.Errorf("the refused call itself took %s: its retry waits for the retry policy alone", took)
		}
		if took := many(11); took < 990*time.Millisecond || took > 1010*time.Millisecond {
			t.Errorf("then eleven took %s: one was left, and the rest comes at half the rate", took)
		}
		time.Sleep(20 * time.Second)
		if took := many(200); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("a while later 200 took %s, want the whole rate again", took)
		}
	})
}

func TestARefusalAfterALostResponseDoesNotReadAsNothingDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aws := localaws.New(localaws.WithFaults(localaws.Fault{Operation: "CreateCluster", Effect: localaws.Lose}))
		client := limited(t, aws, Limit{1, 0.01})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := client.CreateClusterWithContext(ctx, &ecs.CreateClusterInput{})
		if err := FromAWS(err, "create"); !Ambiguous(err) {
			t.Errorf("%v is of kind %s", err, KindOf(err))
		}
		if n := len(aws.Inventory()); n != 1 {
			t.Errorf("%d clusters: this test would show nothing", n)
		}
	})
}

package ecs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

// limited starts a client whose reads are held to one at once and one a second, with services s0 to s<n-1> in cluster myclu. It must be called in a
// synctest bubble: time is what shows who waited.
func limited(t *testing.T, n int, opts ...localaws.Option) (*ecs.Client, *localaws.AWS) {
	t.Helper()
	simulator := localaws.New(opts...)
	limits := common.NoLimits()
	for _, bucket := range []string{"ecs-service-read", "ecs-cluster-read", "ecs-task-read"} {
		limits[bucket] = common.Limit{Burst: 1, PerSecond: 1}
	}
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Transport: simulator.Transport(), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	c := ecs.New(sess)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	for i := range n {
		createService(t, c, "myclu", fmt.Sprintf("s%d", i))
	}
	simulator.ResetCalls()
	return c, simulator
}

// takeToken makes a call that empties the bucket of reads of services.
func takeToken(t *testing.T, c *ecs.Client) {
	t.Helper()
	if _, err := c.ListServices(t.Context(), "myclu"); err != nil {
		t.Fatal(err)
	}
}

// read reads a service, which must be the one that was asked for.
func read(t *testing.T, ctx context.Context, c *ecs.Client, name string) *sdk.Service { //nolint:revive // t first, as in all tests
	t.Helper()
	s, err := c.Service(ctx, "myclu", name)
	if err != nil || aws.StringValue(s.ServiceName) != name {
		t.Errorf("asked for %s, got %v, %v", name, s, err)
	}
	return s
}

func TestReadsThatWaitShareCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 25)
		takeToken(t, c)
		start := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() { read(t, t.Context(), c, fmt.Sprintf("s%d", i%25)) })
		}
		for range 50 {
			all.Go(func() {
				if cluster, err := c.Cluster(t.Context(), "myclu"); err != nil || aws.StringValue(cluster.ClusterName) != "myclu" {
					t.Errorf("got %v, %v", cluster, err)
				}
			})
		}
		all.Wait()
		if diff := cmp.Diff(map[string]int{"ListServices": 1, "DescribeServices": 3, "DescribeClusters": 2}, awstest.Calls(simulator)); diff != "" {
			t.Errorf("100 reads of 25 services and 50 of their cluster: %s", diff)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("three calls at one a second took %v", took)
		}
	})
}

func TestTasksAreDescribedForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 30)
		arns, err := c.ListTasks(t.Context(), ecs.TaskFilter{Cluster: "myclu"})
		if err != nil || len(arns) != 30 {
			t.Fatalf("got %v, %v", arns, err)
		}
		simulator.ResetCalls()
		var all sync.WaitGroup
		for i := range arns {
			all.Go(func() {
				out, err := c.DescribeTasks(t.Context(), "myclu", []string{arns[i], arns[(i+1)%len(arns)]})
				if err != nil || len(out.Tasks) != 2 || aws.StringValue(out.Tasks[0].TaskArn) != arns[i] {
					t.Errorf("got %v, %v", out, err)
				}
			})
		}
		all.Wait()
		if diff := cmp.Diff(map[string]int{"DescribeTasks": 1}, awstest.Calls(simulator)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAReadThatNeedNotWaitIsAloneAndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 3)
		for i := range 3 {
			start := time.Now()
			read(t, t.Context(), c, fmt.Sprintf("s%d", i))
			if took := time.Since(start); took != 0 {
				t.Errorf("a read with a token at hand took %v", took)
			}
			time.Sleep(time.Second)
		}
		if diff := cmp.Diff(map[string]int{"DescribeServices": 3}, awstest.Calls(simulator)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneBadNameFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		var all sync.WaitGroup
		all.Go(func() { read(t, t.Context(), c, "s0") })
		all.Go(func() { read(t, t.Context(), c, "s1") })
		all.Go(func() {
			if _, err := c.Service(t.Context(), "myclu", "none"); !common.Is(err, common.NotFound) {
				t.Errorf("a service that is not there: %v", err)
			}
		})
		all.Wait()
		wantCalls(t, simulator, "DescribeServices", 1)
	})
}

func TestACallThatIsRefusedForOneNameIsMadeForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 3)
		takeToken(t, c)
		simulator.Inject(localaws.Fault{Operation: "DescribeServices", Code: "InvalidParameterException", Message: "one of them is not valid"})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { read(t, t.Context(), c, fmt.Sprintf("s%d", i)) })
		}
		all.Wait()
		wantCalls(t, simulator, "DescribeServices", 4)
	})
}

func TestAFailureOfACallFailsAllReadsThatShareIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		simulator.Inject(localaws.Fault{Operation: "DescribeServices"})
		var all sync.WaitGroup
		for i := range 2 {
			all.Go(func() {
				if _, err := c.Service(t.Context(), "myclu", fmt.Sprintf("s%d", i)); common.CodeOf(err) != "AccessDeniedException" {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		wantCalls(t, simulator, "DescribeServices", 1)
	})
}

func TestWhoSharesACallHasACopyOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := limited(t, 1)
		takeToken(t, c)
		var all sync.WaitGroup
		got := make([]*sdk.Service, 2)
		for i := range got {
			all.Go(func() { got[i] = read(t, t.Context(), c, "s0") })
		}
		all.Wait()
		if diff := cmp.Diff(got[0].String(), got[1].String()); diff != "" || got[0].CreatedAt.IsZero() || !got[0].CreatedAt.Equal(*got[1].CreatedAt) {
			t.Errorf("they differ: %s", diff)
		}
		got[0].Tags[0].Value, got[0].Deployments[0].Status = aws.String("changed"), nil
		if value := aws.StringValue(got[1].Tags[0].Value); value == "changed" || got[1].Deployments[0].Status == nil {
			t.Errorf("what one caller changes, the other sees: %v", got[1])
		}
	})
}

func TestWhoHangsUpDoesNotEndTheCallOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		ctx, hangUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { // the first: it began the call
			if _, err := c.Service(ctx, "myclu", "s0"); !common.Is(err, common.Canceled) {
				t.Errorf("hung up: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() { read(t, t.Context(), c, "s1") })
		synctest.Wait()
		hangUp()
		all.Wait()
		wantCalls(t, simulator, "DescribeServices", 1)
		if start := time.Now(); true { // the turn was used once
			takeToken(t, c)
			if took := time.Since(start); took != time.Second {
				t.Errorf("the next token took %v", took)
			}
		}
	})
}

func TestACallThatNobodyWaitsForIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		ctx, hangUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 2 {
			all.Go(func() {
				if _, err := c.Service(ctx, "myclu", fmt.Sprintf("s%d", i)); !common.Is(err, common.Canceled) {
					t.Errorf("hung up: %v", err)
				}
			})
		}
		synctest.Wait()
		hangUp()
		all.Go(func() { read(t, t.Context(), c, "s0") }) // joins no call that has been left
		all.Wait()
		wantCalls(t, simulator, "DescribeServices", 1)
	})
}

func TestAReadAfterAWriteNeverSharesACallFromBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		simulator.SetLatency(10 * time.Second) // half of it after the call has taken effect
		var all sync.WaitGroup
		all.Go(func() { read(t, t.Context(), c, "s0") })
		all.Go(func() { read(t, t.Context(), c, "s1") })
		time.Sleep(7 * time.Second) // the call of both has been sent, and has read what it is to return
		simulator.SetLatency(0)
		if _, err := c.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: aws.String("myclu"), Service: aws.String("s1"), DesiredCount: aws.Int64(7)}); err != nil {
			t.Fatal(err)
		}
		if s := read(t, t.Context(), c, "s1"); aws.Int64Value(s.DesiredCount) != 7 {
			t.Errorf("a read after the write got %d", aws.Int64Value(s.DesiredCount))
		}
		all.Wait()
	})
}

func TestAChangesReadTakesPollsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 12)
		takeToken(t, c)
		start := time.Now()
		var all sync.WaitGroup
		for i := range 11 { // the first ten share a call, and the next one waits behind it
			all.Go(func() { read(t, common.Polling(t.Context()), c, fmt.Sprintf("s%d", i)) })
			synctest.Wait()
		}
		read(t, t.Context(), c, "s11")
		if took := time.Since(start); took != time.Second {
			t.Errorf("the read of a change took %v: it goes first", took)
		}
		all.Wait()
		if n, took := awstest.Calls(simulator)["DescribeServices"], time.Since(start); n != 2 || took != 2*time.Second {
			t.Errorf("%d calls in %v", n, took)
		}
	})
}

func TestAReadThatCannotBeMadeInTimeIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		takeToken(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		start := time.Now()
		var all sync.WaitGroup
		for i := range 2 {
			all.Go(func() {
				if _, err := c.Service(ctx, "myclu", fmt.Sprintf("s%d", i)); !common.Is(err, common.Throttled) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 0 || awstest.Calls(simulator)["DescribeServices"] != 0 {
			t.Errorf("refused after %v", took)
		}
	})
}

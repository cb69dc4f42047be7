package ecs_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws/awstest"
)

// drainTasks makes a call that empties the bucket of reads of tasks.
func drainTasks(t *testing.T, c *ecs.Client) {
	t.Helper()
	if _, err := c.ListTasks(t.Context(), ecs.TaskFilter{Cluster: "myclu", Family: "none"}); err != nil {
		t.Fatal(err)
	}
}

// listAll lists the running tasks of services s0 to s<n-1> at once: each has one of its own.
func listAll(t *testing.T, c *ecs.Client, n int) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			arns, err := c.ServiceTasks(t.Context(), "myclu", fmt.Sprintf("s%d", i), sdk.DesiredStatusRunning, 0)
			if err != nil || len(arns) != 1 {
				t.Errorf("s%d has the tasks %v, %v", i, arns, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[arns[0]] {
				t.Errorf("%s is of two services", arns[0])
			}
			seen[arns[0]] = true
		})
	}
	all.Wait()
}

func TestListsOfTasksThatWaitAreOneListOfTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 20)
		drainTasks(t, c)
		simulator.ResetCalls()
		listAll(t, c, 20)
		if diff := cmp.Diff(map[string]int{"ListTasks": 1, "DescribeTasks": 1}, awstest.Calls(simulator)); diff != "" {
			t.Errorf("at first: %s", diff)
		}
		simulator.ResetCalls()
		listAll(t, c, 20)
		if diff := cmp.Diff(map[string]int{"ListTasks": 1}, awstest.Calls(simulator)); diff != "" {
			t.Errorf("of tasks that are known: %s", diff)
		}
	})
}

func TestAClusterIsListedOnlyWhereThatTakesFewerCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		if _, err := c.RunTask(t.Context(), &sdk.RunTaskInput{
			Cluster: aws.String("myclu"), TaskDefinition: aws.String("www"), Count: aws.Int64(10), LaunchType: aws.String(sdk.LaunchTypeFargate), NetworkConfiguration: network(),
		}); err != nil {
			t.Fatal(err)
		}
		drainTasks(t, c)
		simulator.ResetCalls()
		listAll(t, c, 2) // nothing is known of the cluster, and two calls are no more than a list and whose tasks they are
		if diff := cmp.Diff(map[string]int{"ListTasks": 2}, awstest.Calls(simulator)); diff != "" {
			t.Error(diff)
		}
		simulator.ResetCalls()
		listAll(t, c, 1)
		if diff := cmp.Diff(map[string]int{"ListTasks": 1}, awstest.Calls(simulator)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAServiceThatIsNotThereHasNoTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := limited(t, 4)
		var all sync.WaitGroup
		for range 2 { // the first need not wait, the others share a list
			for i := range 4 {
				all.Go(func() {
					if arns, err := c.ServiceTasks(t.Context(), "myclu", fmt.Sprintf("none%d", i), sdk.DesiredStatusRunning, 100); err != nil || len(arns) != 0 {
						t.Errorf("got %v, %v", arns, err)
					}
					if arns, err := c.ServiceTasks(t.Context(), "noclu", fmt.Sprintf("s%d", i), sdk.DesiredStatusStopped, 0); err != nil || len(arns) != 0 {
						t.Errorf("got %v, %v", arns, err)
					}
				})
			}
			all.Wait()
		}
	})
}

func TestStoppedTasksAreThoseOfTheirServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 5)
		arns, err := c.ListTasks(t.Context(), ecs.TaskFilter{Cluster: "myclu", Service: "s3"})
		if err != nil || len(arns) != 1 {
			t.Fatalf("got %v, %v", arns, err)
		}
		if _, err := c.StopTask(t.Context(), "myclu", arns[0], ""); err != nil {
			t.Fatal(err)
		}
		drainTasks(t, c)
		simulator.ResetCalls()
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				got, err := c.ServiceTasks(t.Context(), "myclu", fmt.Sprintf("s%d", i), sdk.DesiredStatusStopped, 100)
				if want := i == 3; err != nil || slices.Contains(got, arns[0]) != want {
					t.Errorf("s%d: %v, %v", i, got, err)
				}
			})
		}
		all.Wait()
		wantCalls(t, simulator, "ListTasks", 1)
	})
}

func TestAListThatIsKnownIsShownWhereItMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 3)
		within := func(service, status string, oldest time.Duration, tasks, calls int) {
			t.Helper()
			simulator.ResetCalls()
			arns, err := c.ServiceTasksWithin(t.Context(), "myclu", service, status, oldest)
			if got := awstest.Calls(simulator)["ListTasks"]; err != nil || len(arns) != tasks || got != calls {
				t.Errorf("%s: %v, %v after %d lists, want %d tasks after %d", service, arns, err, got, tasks, calls)
			}
		}
		drainTasks(t, c)
		listAll(t, c, 3)                                            // one list of the cluster, which waits for a token
		within("s0", sdk.DesiredStatusRunning, time.Minute, 1, 0)   // it is known
		within("s0", sdk.DesiredStatusStopped, time.Minute, 0, 1)   // that was not listed
		within("s0", sdk.DesiredStatusStopped, time.Minute, 0, 0)   // that there is none is known as well
		within("s1", sdk.DesiredStatusRunning, 0, 1, 1)             // a new one
		within("none", sdk.DesiredStatusRunning, time.Minute, 0, 1) // a service of which nothing is known
		within("s0", sdk.DesiredStatusRunning, 2*time.Second, 1, 1) // that is too old by now: each list has waited for a second
		within("s0", sdk.DesiredStatusRunning, 2*time.Second, 1, 0) // and that is a new one
		createService(t, c, "myclu", "s3")                          // it has a task, like the others
		within("s3", sdk.DesiredStatusRunning, time.Minute, 1, 1)   // of which nothing was known
		if _, err := c.RunTask(t.Context(), &sdk.RunTaskInput{      // a one-off task is of no service
			Cluster: aws.String("myclu"), TaskDefinition: aws.String("www"), Count: aws.Int64(1), LaunchType: aws.String(sdk.LaunchTypeFargate), NetworkConfiguration: network(),
		}); err != nil {
			t.Fatal(err)
		}
		listAll(t, c, 4)
		within("s3", sdk.DesiredStatusRunning, time.Minute, 1, 0)
	})
}

func TestWhoDoesWithoutAListDoesNotWaitForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, simulator := limited(t, 2)
		start := time.Now()
		for n, want := range []bool{true, false, false} {
			arns, ok, err := c.ServiceTasksNow(t.Context(), "myclu", "s0", sdk.DesiredStatusRunning)
			if err != nil || ok != want || (len(arns) == 1) != want {
				t.Errorf("attempt %d: %v, %v, %v", n, arns, ok, err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it waited %v", took)
		}
		wantCalls(t, simulator, "ListTasks", 1)
		if _, err := c.ServiceTasks(t.Context(), "myclu", "s1", sdk.DesiredStatusRunning, 0); err != nil || time.Since(start) != time.Second {
			t.Errorf("who waits has to wait for those that do not: %v, %v", time.Since(start), err)
		}
	})
}

package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// guarded returns a service with a circuit breaker.
func (w *ecsWorld) guarded(name string, rollback bool) *ecs.CreateServiceInput {
	in := w.input(name)
	in.DeploymentConfiguration = &ecs.DeploymentConfiguration{DeploymentCircuitBreaker: &ecs.DeploymentCircuitBreaker{Enable: aws.Bool(true), Rollback: &rollback}}
	return in
}

// registerCommand adds a revision to the family web whose container runs a command.
func (w *ecsWorld) registerCommand(command string) {
	w.t.Helper()
	d := w.definition("web")
	d.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", command})
	must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(d))
}

// rollouts returns the service deployments of www, newest first.
func (w *ecsWorld) rollouts(filter ecs.ListServiceDeploymentsInput) (all []*ecs.ServiceDeploymentBrief) {
	w.t.Helper()
	filter.Cluster, filter.Service = aws.String("clu"), aws.String("www")
	for {
		out := must[*ecs.ListServiceDeploymentsOutput](w.t)(w.ListServiceDeployments(&filter))
		all = append(all, out.ServiceDeployments...)
		if filter.NextToken = out.NextToken; filter.NextToken == nil {
			return all
		}
	}
}

// rollout returns the newest service deployment of www in full.
func (w *ecsWorld) rollout() *ecs.ServiceDeployment {
	w.t.Helper()
	out := must[*ecs.DescribeServiceDeploymentsOutput](w.t)(w.DescribeServiceDeployments(&ecs.DescribeServiceDeploymentsInput{
		ServiceDeploymentArns: []*string{w.describe("www").CurrentServiceDeployment},
	}))
	if len(out.ServiceDeployments) != 1 {
		w.t.Fatalf("describing the service deployment: %v", out)
	}
	return out.ServiceDeployments[0]
}

// deployments returns the deployments of www as "PRIMARY web:2 IN_PROGRESS", the primary one first.
func (w *ecsWorld) deployments() (all []string) {
	w.t.Helper()
	for _, d := range w.describe("www").Deployments {
		all = append(all, strings.Join([]string{*d.Status, lastOf(*d.TaskDefinition), *d.RolloutState}, " "))
	}
	return all
}

// until moves the clock on by the second until the condition holds.
func (w *ecsWorld) until(what string, holds func() bool) {
	w.t.Helper()
	for range 3600 {
		if holds() {
			return
		}
		w.clock.Advance(time.Second)
	}
	w.t.Fatalf("in an hour this did not happen: %s; deployments %v, events %v", what, w.deployments(), events(w.describe("www")))
}

func statusIs(want string) func(*ecsWorld) bool {
	return func(w *ecsWorld) bool { return *w.rollout().Status == want }
}

func TestAServiceDeploymentSucceeds(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	created := w.create(w.guarded("www", true))
	first := *created.Deployments[0].Id
	if created.CurrentServiceDeployment == nil || !strings.Contains(*created.CurrentServiceDeployment, ":service-deployment/clu/www/") {
		t.Fatalf("the service's deployment: %v", created.CurrentServiceDeployment)
	}
	w.until("the first deployment is completed", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
	w.register("web")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
	if ro := w.rollout(); *ro.Status != "IN_PROGRESS" || ro.StartedAt == nil || ro.FinishedAt != nil || *ro.DeploymentCircuitBreaker.Status != "MONITORING" ||
		*ro.DeploymentCircuitBreaker.Threshold != 3 || *ro.Alarms.Status != "DISABLED" || ro.LifecycleStage != nil || ro.Rollback != nil {
		t.Errorf("in progress: %v", ro)
	}
	w.clock.Advance(slowly.Provision)
	ro := w.rollout()
	if got := w.deployments(); *ro.Status != "SUCCESSFUL" || !slices.Equal(got, []string{"PRIMARY web:2 IN_PROGRESS", "ACTIVE web:1 COMPLETED"}) {
		t.Errorf("the status comes while old tasks drain: %s, %v", *ro.Status, got)
	}
	w.clock.Advance(slowly.Drain)
	if got := w.deployments(); !slices.Equal(got, []string{"PRIMARY web:2 COMPLETED"}) {
		t.Errorf("drained: %v", got)
	}
	ro = w.rollout()
	svc := w.describe("www")
	type counts struct{ requested, running, pending int64 }
	target, source := ro.TargetServiceRevision, ro.SourceServiceRevisions[0]
	if got, want := (counts{*target.RequestedTaskCount, *target.RunningTaskCount, *target.PendingTaskCount}), (counts{1, 1, 0}); got != want {
		t.Errorf("target %v, want %v", got, want)
	}
	if got := (counts{*source.RequestedTaskCount, *source.RunningTaskCount, *source.PendingTaskCount}); got != (counts{}) {
		t.Errorf("source %v, want none", got)
	}
	if *ro.DeploymentCircuitBreaker.Status != "MONITORING_COMPLETE" || ro.FinishedAt == nil || ro.StoppedAt != nil || len(ro.SourceServiceRevisions) != 1 {
		t.Errorf("ended: %v", ro)
	}
	// The number of a deployment is that of its service revision.
	if got, want := lastOf(*source.Arn), strings.TrimPrefix(first, "ecs-svc/"); got != want {
		t.Errorf("service revision %s, want %s", got, want)
	}
	if got := svc.CurrentServiceRevisions; len(got) != 1 || *got[0].Arn != *target.Arn || *got[0].RunningTaskCount != 1 {
		t.Errorf("current service revisions: %v", got)
	}
	w.update(&ecs.UpdateServiceInput{DesiredCount: aws.Int64(2)})
	if got := w.rollouts(ecs.ListServiceDeploymentsInput{}); len(got) != 2 {
		t.Errorf("scaling is no service deployment: %v", got)
	}
}

func TestServiceRevisionsSayWhatRuns(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	target := w.rollout().TargetServiceRevision.Arn
	unknown := aws.String(strings.TrimSuffix(*target, lastOf(*target)) + "1")
	out := must[*ecs.DescribeServiceRevisionsOutput](t)(w.DescribeServiceRevisions(&ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []*string{target, unknown}}))
	if len(out.ServiceRevisions) != 1 || len(out.Failures) != 1 || *out.Failures[0].Arn != *unknown || *out.Failures[0].Reason != "MISSING" {
		t.Fatalf("service revisions: %v", out)
	}
	rev := out.ServiceRevisions[0]
	image := rev.ContainerImages[0]
	got := []string{lastOf(*rev.TaskDefinition), *image.ContainerName, *image.Image, *rev.PlatformVersion, *rev.CapacityProviderStrategy[0].CapacityProvider, lastOf(*rev.ServiceArn), *rev.NetworkConfiguration.AwsvpcConfiguration.Subnets[0]}
	if diff := cmp.Diff([]string{"web:1", "webserver", "nginx:alpine", "1.4.0", "FARGATE", "www", localaws.SubnetA}, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(*image.ImageDigest, "sha256:") || rev.LaunchType != nil || rev.CreatedAt == nil {
		t.Errorf("service revision: %v", rev)
	}
}

func TestServiceDeploymentsAreListed(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	var middle time.Time
	for i := range 24 {
		w.describe("www")
		w.clock.Advance(time.Minute)
		w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)})
		if i == 11 {
			middle = w.clock.Now()
		}
	}
	w.describe("www")
	all := w.rollouts(ecs.ListServiceDeploymentsInput{})
	if len(all) != 25 || !all[0].CreatedAt.After(*all[24].CreatedAt) || *all[0].Status != "SUCCESSFUL" {
		t.Errorf("%d service deployments, the first %v", len(all), all[0])
	}
	page := must[*ecs.ListServiceDeploymentsOutput](t)(w.ListServiceDeployments(&ecs.ListServiceDeploymentsInput{Cluster: aws.String("clu"), Service: aws.String("www")}))
	if len(page.ServiceDeployments) != 20 || page.NextToken == nil {
		t.Errorf("a page of %d", len(page.ServiceDeployments))
	}
	for _, test := range []struct {
		name   string
		filter ecs.ListServiceDeploymentsInput
		want   int
	}{
		{"successful", ecs.ListServiceDeploymentsInput{Status: aws.StringSlice([]string{"SUCCESSFUL"})}, 25},
		{"ongoing", ecs.ListServiceDeploymentsInput{Status: aws.StringSlice([]string{"PENDING", "IN_PROGRESS"})}, 0},
		{"after", ecs.ListServiceDeploymentsInput{CreatedAt: &ecs.CreatedAt{After: &middle}}, 13},
		{"before", ecs.ListServiceDeploymentsInput{CreatedAt: &ecs.CreatedAt{Before: &middle}, MaxResults: aws.Int64(5)}, 13},
	} {
		if got := w.rollouts(test.filter); len(got) != test.want {
			t.Errorf("%s: %d service deployments, want %d", test.name, len(got), test.want)
		}
	}
	w.clock.Advance(91 * 24 * time.Hour)
	if got := w.rollouts(ecs.ListServiceDeploymentsInput{}); len(got) != 0 {
		t.Errorf("after 90 days: %v", got)
	}
	arn := all[0].ServiceDeploymentArn
	must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), Force: aws.Bool(true)}))
	w.clock.Advance(time.Minute)
	out := must[*ecs.DescribeServiceDeploymentsOutput](t)(w.DescribeServiceDeployments(&ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []*string{arn}}))
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("of a deleted service: %v", out)
	}
	w.create(w.input("www"))
	if got := w.rollouts(ecs.ListServiceDeploymentsInput{}); len(got) != 1 {
		t.Errorf("a service that was deleted and created again has a history: %v", got)
	}
}

func TestServiceDeploymentCallsAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	arn := *w.rollout().ServiceDeploymentArn
	clu, www := aws.String("clu"), aws.String("www")
	unknown := strings.TrimSuffix(arn, lastOf(arn)) + "nope"
	const invalid = "InvalidParameterException"
	list := func(change func(*ecs.ListServiceDeploymentsInput)) func() error {
		in := &ecs.ListServiceDeploymentsInput{Cluster: clu, Service: www}
		change(in)
		return func() error { return failing(w.ListServiceDeployments(in)) }
	}
	stop := func(arn, how string) func() error {
		in := &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: &arn}
		if how != "" {
			in.StopType = &how
		}
		return func() error { return failing(w.StopServiceDeployment(in)) }
	}
	goOn := func(arn, action string) func() error {
		return func() error {
			return failing(w.ContinueServiceDeployment(&ecs.ContinueServiceDeploymentInput{ServiceDeploymentArn: &arn, HookId: aws.String("x"), Action: &action}))
		}
	}
	describe := func(arns ...string) func() error {
		return func() error {
			return failing(w.DescribeServiceDeployments(&ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: aws.StringSlice(arns)}))
		}
	}
	revisions := func(arns ...string) func() error {
		return func() error {
			return failing(w.DescribeServiceRevisions(&ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: aws.StringSlice(arns)}))
		}
	}
	testRefusals(t, []refusal{
		{"listing in an unknown cluster", list(func(in *ecs.ListServiceDeploymentsInput) { in.Cluster = aws.String("nope") }), "ClusterNotFoundException"},
		{"listing of an unknown service", list(func(in *ecs.ListServiceDeploymentsInput) { in.Service = aws.String("nope") }), "ServiceNotFoundException"},
		{"listing an unknown status", list(func(in *ecs.ListServiceDeploymentsInput) { in.Status = aws.StringSlice([]string{"FAILED"}) }), invalid},
		{"listing 101", list(func(in *ecs.ListServiceDeploymentsInput) { in.MaxResults = aws.Int64(101) }), invalid},
		{"listing with a token from nowhere", list(func(in *ecs.ListServiceDeploymentsInput) { in.NextToken = aws.String("x") }), invalid},
		{"describing none", describe(), invalid},
		{"describing 21", describe(slices.Repeat([]string{arn}, 21)...), invalid},
		{"describing what is none", describe("www"), invalid},
		{"describing no revisions", revisions(), invalid},
		{"describing what is no revision", revisions(arn), invalid},
		{"stopping one that has ended", stop(arn, ""), "ConflictException"},
		{"stopping an unknown one", stop(unknown, "ROLLBACK"), "ServiceDeploymentNotFoundException"},
		{"stopping in an unknown way", stop(arn, "PAUSE"), invalid},
		{"continuing one that has ended", goOn(arn, "CONTINUE"), "ConflictException"},
		{"continuing an unknown one", goOn(unknown, "CONTINUE"), "ServiceDeploymentNotFoundException"},
		{"continuing in an unknown way", goOn(arn, "SKIP"), invalid},
	})
}

// What ECS shows of a deployment that its circuit breaker rolls back, step by step: the old deployment gets its place back under its old
// id, the failed one is gone once its tasks are.
func TestTheCircuitBreakerRollsBackToTheOldDeployment(t *testing.T) {
	t.Parallel()
	lags := slowly
	lags.Stage = 5 * time.Second
	w := newECSWorld(t, localaws.WithLags(lags))
	old := *w.create(w.guarded("www", true)).Deployments[0].Id
	w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
	w.registerCommand("exit 3")
	failing := *w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")}).Deployments[0].Id
	w.until("a task has failed", func() bool { return *w.describe("www").Deployments[0].FailedTasks == 1 })
	if ro := w.rollout(); *ro.Status != "IN_PROGRESS" || *ro.DeploymentCircuitBreaker.FailureCount != 1 || *ro.SourceServiceRevisions[0].RunningTaskCount != 1 {
		t.Errorf("failing: %v", ro)
	}
	w.until("the circuit breaker trips", func() bool {
		return *w.rollout().Status == "ROLLBACK_IN_PROGRESS" || *w.rollout().Status == "ROLLBACK_SUCCESSFUL"
	})
	w.until("the service is steady again", func() bool { return slices.Equal(w.deployments(), []string{"PRIMARY web:1 COMPLETED"}) })
	svc, ro := w.describe("www"), w.rollout()
	const reason = "Service deployment rolled back because the circuit breaker threshold was exceeded."
	got := []string{*ro.Status, *ro.StatusReason, *ro.DeploymentCircuitBreaker.Status, fmt.Sprint(*ro.DeploymentCircuitBreaker.FailureCount), "ecs-svc/" + lastOf(*ro.Rollback.ServiceRevisionArn), *svc.Deployments[0].Id, lastOf(*svc.TaskDefinition)}
	if diff := cmp.Diff([]string{"ROLLBACK_SUCCESSFUL", reason, "TRIGGERED", "3", old, old, "web:1"}, got); diff != "" {
		t.Error(diff)
	}
	if ro.FinishedAt == nil || ro.Rollback.StartedAt == nil || *ro.Rollback.Reason != reason {
		t.Errorf("ended: %v", ro)
	}
	var said []string
	for _, e := range svc.Events {
		if m := *e.Message; strings.Contains(m, "deployment") || strings.Contains(m, "steady") {
			said = append(said, m)
		}
	}
	if diff := cmp.Diff([]string{
		"(service www) has reached a steady state.",
		"(service www) (deployment " + old + ") deployment completed.",
		"(service www) rolling back to deployment " + old + ".",
		"(service www) (deployment " + failing + ") deployment failed: tasks failed to start.",
	}, said[:4]); diff != "" {
		t.Errorf("events, newest first: %s", diff)
	}
}

// While the rolled back deployment's tasks still stop, both are shown.
func TestARolledBackDeploymentIsShownUntilItsTasksAreGone(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	w.create(w.guarded("www", true))
	w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
	w.registerCommand("exit 3")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
	w.until("the task is pending", func() bool { return *w.describe("www").PendingCount == 1 })
	must[*ecs.StopServiceDeploymentOutput](t)(w.StopServiceDeployment(&ecs.StopServiceDeploymentInput{ServiceDeploymentArn: w.rollout().ServiceDeploymentArn}))
	if got, want := w.deployments(), []string{"PRIMARY web:1 IN_PROGRESS", "ACTIVE web:2 FAILED"}; !slices.Equal(got, want) {
		t.Errorf("while its task stops: %v, want %v", got, want)
	}
	if ro := w.rollout(); *ro.Status != "ROLLBACK_IN_PROGRESS" {
		t.Errorf("status %s", *ro.Status)
	}
	w.clock.Advance(slowly.Drain)
	if got := w.deployments(); !slices.Equal(got, []string{"PRIMARY web:1 COMPLETED"}) || !statusIs("ROLLBACK_SUCCESSFUL")(w) {
		t.Errorf("when its task has stopped: %v, %s", got, *w.rollout().Status)
	}
}

func TestWithoutRollbackAFailedDeploymentStays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		rollback bool
		first    bool // it is the service's first deployment: there is nothing to roll back to
		want     []string
		running  int64
	}{
		{"rollback is off", false, false, []string{"PRIMARY web:2 FAILED", "ACTIVE web:1 COMPLETED"}, 1},
		{"the first deployment", true, true, []string{"PRIMARY web:1 FAILED"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t)
			in := w.guarded("www", test.rollback)
			if !test.first {
				w.create(in)
				w.describe("www")
			}
			broken := w.definition("web")
			broken.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", "exit 3"})
			revision := "web:2"
			if test.first {
				broken.Family, revision = aws.String("other"), "other"
				test.want = []string{"PRIMARY other:1 FAILED"}
			}
			must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(broken))
			if test.first {
				in.TaskDefinition = &revision
				w.create(in)
			} else {
				w.update(&ecs.UpdateServiceInput{TaskDefinition: &revision})
			}
			w.until("the circuit breaker trips", func() bool { return *w.rollout().Status == "STOPPED" })
			svc, ro := w.describe("www"), w.rollout()
			if got := w.deployments(); !slices.Equal(got, test.want) || *svc.RunningCount != test.running {
				t.Errorf("deployments %v, %d running; want %v, %d", got, *svc.RunningCount, test.want, test.running)
			}
			if *svc.Deployments[0].RolloutStateReason != "ECS deployment circuit breaker: tasks failed to start." || ro.StoppedAt == nil || ro.Rollback != nil || *ro.DeploymentCircuitBreaker.Status != "TRIGGERED" {
				t.Errorf("%v, %v", svc.Deployments[0], ro)
			}
			tasks := len(w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")}))
			w.clock.Advance(30 * time.Minute)
			if got := len(w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")})); got != tasks {
				t.Errorf("%d tasks failed, and %d more later", tasks, got-tasks)
			}
			w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:1"), ForceNewDeployment: aws.Bool(true)})
			if got := w.deployments(); !slices.Equal(got, []string{"PRIMARY web:1 COMPLETED"}) {
				t.Errorf("deployed again: %v", got)
			}
		})
	}
}

func TestTheThresholdFollowsTheDesiredCount(t *testing.T) {
	t.Parallel()
	for desired, want := range map[int64]int64{0: 3, 1: 3, 5: 3, 6: 3, 7: 4, 25: 13, 399: 200, 1000: 200} {
		w := newECSWorld(t)
		in := w.guarded("www", true)
		in.DesiredCount = &desired
		w.create(in)
		if got := *w.rollout().DeploymentCircuitBreaker.Threshold; got != want {
			t.Errorf("%d tasks: threshold %d, want %d", desired, got, want)
		}
	}
}

func TestWithoutCircuitBreakerAServiceTriesForEver(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.registerCommand("exit 3")
	w.create(w.input("www")) // its newest revision exits
	attempts := func() int {
		return len(w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")}))
	}
	var waits []int
	for n := 1; n < 8; n++ {
		start := w.clock.Now()
		w.until("another attempt", func() bool { return attempts() >= n })
		waits = append(waits, int(w.clock.Now().Sub(start).Seconds()))
	}
	if diff := cmp.Diff([]int{0, 30, 60, 120, 240, 480, 900}, waits); diff != "" {
		t.Errorf("seconds between the attempts: %s", diff)
	}
	svc := w.describe("www")
	if got := strings.Join(events(svc), "\n"); strings.Count(got, "is unable to consistently start tasks successfully.") != 1 {
		t.Errorf("events: %s", got)
	}
	if d := svc.Deployments[0]; *d.RolloutState != "IN_PROGRESS" || *d.FailedTasks != 7 || *w.rollout().Status != "IN_PROGRESS" || *w.rollout().DeploymentCircuitBreaker.Status != "DISABLED" {
		t.Errorf("deployment %v, service deployment %v", d, w.rollout())
	}
}

func TestARollbackThatFailsIsNotRolledBack(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.guarded("www", true))
	w.describe("www")
	w.registerCommand("exit 3")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
	w.describe("www")
	w.dropLogGroup()
	for _, id := range w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www")}) { // what ran of the old revision is lost
		must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: &id}))
	}
	w.until("the rollback fails", func() bool { return *w.rollout().Status == "ROLLBACK_FAILED" })
	if got := w.deployments(); !slices.Equal(got, []string{"PRIMARY web:1 FAILED"}) {
		t.Errorf("deployments %v", got)
	}
}

func TestStoppingAServiceDeployment(t *testing.T) {
	t.Parallel()
	lags := slowly
	lags.Stage = 5 * time.Second
	stop := func(w *ecsWorld, how string) {
		for range 2 { // to call it twice is harmless
			must[*ecs.StopServiceDeploymentOutput](t)(w.StopServiceDeployment(&ecs.StopServiceDeploymentInput{ServiceDeploymentArn: w.rollout().ServiceDeploymentArn, StopType: &how}))
		}
	}
	type seen struct{ requested, ended, reason string }
	for _, test := range []struct {
		name, how   string
		first       bool
		want        seen
		deployments []string
	}{
		{"to roll back", "ROLLBACK", false, seen{"ROLLBACK_REQUESTED", "ROLLBACK_SUCCESSFUL", "Service deployment rolled back because StopServiceDeployment was called."}, []string{"PRIMARY web:1 COMPLETED"}},
		{"to roll back to nothing", "ROLLBACK", true, seen{"ROLLBACK_REQUESTED", "ROLLBACK_FAILED", "Service deployment rollback failed because there is no rollback candidate."}, []string{"PRIMARY web:1 FAILED"}},
		{"to abort", "ABORT", false, seen{"STOP_REQUESTED", "STOPPED", "Service deployment stopped because StopServiceDeployment was called."}, []string{"PRIMARY web:2 FAILED", "ACTIVE web:1 COMPLETED"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t, localaws.WithLags(lags))
			w.create(w.input("www")) // no circuit breaker is needed for it
			if !test.first {
				w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
				w.registerCommand("exit 3")
				w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
			}
			w.describe("www")
			stop(w, test.how)
			requested := *w.rollout().Status
			w.until("the service deployment has ended", func() bool { return w.rollout().FinishedAt != nil })
			ro := w.rollout()
			if got := (seen{requested, *ro.Status, *ro.StatusReason}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			w.clock.Advance(2 * slowly.Drain)
			if got := w.deployments(); !slices.Equal(got, test.deployments) {
				t.Errorf("deployments %v, want %v", got, test.deployments)
			}
		})
	}
}

func TestANewerDeploymentSupersedesOneInProgress(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	w.create(w.guarded("www", true))
	w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
	w.registerCommand("exit 3")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
	w.describe("www")
	w.registerCommand("exit 4")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:3")})
	var got []string
	for _, ro := range w.rollouts(ecs.ListServiceDeploymentsInput{}) {
		got = append(got, *ro.Status)
	}
	if diff := cmp.Diff([]string{"IN_PROGRESS", "STOPPED", "SUCCESSFUL"}, got); diff != "" {
		t.Errorf("service deployments, newest first: %s", diff)
	}
	// The last completed one is rolled back to, not the one before.
	w.until("the service is steady again", func() bool { return slices.Equal(w.deployments(), []string{"PRIMARY web:1 COMPLETED"}) })
	if !statusIs("ROLLBACK_SUCCESSFUL")(w) {
		t.Errorf("status %s", *w.rollout().Status)
	}
}

func TestDeletingAServiceStopsItsDeployment(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	arn := w.create(w.input("www")).CurrentServiceDeployment
	w.describe("www")
	must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), Force: aws.Bool(true)}))
	out := must[*ecs.DescribeServiceDeploymentsOutput](t)(w.DescribeServiceDeployments(&ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []*string{arn}}))
	if len(out.ServiceDeployments) != 1 || *out.ServiceDeployments[0].Status != "STOPPED" {
		t.Errorf("while it drains: %v", out)
	}
}

func TestADeploymentKeepsWithinItsPercentages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		most, least int64
		desired     int64
		peak, floor int64 // the most and the fewest running tasks on the way
		blocked     bool
	}{
		{"200 and 100", 200, 100, 4, 8, 4, false},
		{"150 and 100", 150, 100, 4, 6, 4, false},
		{"125 and 75", 125, 75, 4, 5, 3, false},
		{"100 and 50", 100, 50, 4, 4, 2, false},
		{"no room for one task", 150, 100, 1, 1, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t, localaws.WithLags(localaws.Lags{Provision: 10 * time.Second}))
			in := w.input("www")
			in.DesiredCount = &test.desired
			in.DeploymentConfiguration = &ecs.DeploymentConfiguration{MaximumPercent: &test.most, MinimumHealthyPercent: &test.least}
			w.create(in)
			w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
			w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)})
			peak, floor := test.desired, test.desired
			for range 120 {
				svc := w.describe("www")
				peak, floor = max(peak, *svc.RunningCount+*svc.PendingCount), min(floor, *svc.RunningCount)
				w.clock.Advance(time.Second)
			}
			says := strings.Join(events(w.describe("www")), "\n")
			blocked := strings.Count(says, "was unable to stop or start tasks during a deployment because of the service deployment configuration.")
			if peak != test.peak || floor != test.floor || (blocked == 1) != test.blocked || blocked > 1 {
				t.Errorf("between %d and %d tasks, blocked %d times; want %d, %d, %v", floor, peak, blocked, test.floor, test.peak, test.blocked)
			}
			if got := w.deployments()[0]; !test.blocked && got != "PRIMARY web:1 COMPLETED" {
				t.Errorf("in the end %s", got)
			}
		})
	}
}

func (w *ecsWorld) dropLogGroup() {
	w.t.Helper()
	must[*cloudwatchlogs.DeleteLogGroupOutput](w.t)(w.logs.DeleteLogGroup(&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("clu")}))
}

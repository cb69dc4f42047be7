package localaws_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// staged are the lags of a world in which lifecycle stages take time.
var staged = localaws.Lags{Provision: 10 * time.Second, Drain: 10 * time.Second, Stage: 10 * time.Second, BakeMinute: 10 * time.Second}

// stagedWorld returns a world with a steady service www whose strategy is to be tried.
func stagedWorld(t *testing.T, config *ecs.DeploymentConfiguration) *ecsWorld {
	t.Helper()
	w := newECSWorld(t, localaws.WithLags(staged))
	in := w.input("www")
	in.DesiredCount = aws.Int64(2)
	w.create(in)
	w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
	w.register("web")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2"), DeploymentConfiguration: config})
	return w
}

// watch returns what is seen of the newest service deployment until it ends: a line for each change.
func (w *ecsWorld) watch() (seen []string) {
	for range 600 {
		ro := w.rollout()
		line := fmt.Sprintf("%s %s", *ro.Status, aws.StringValue(ro.LifecycleStage))
		if production := ro.TargetServiceRevision.RequestedProductionTrafficWeight; production != nil {
			line += fmt.Sprintf(" production %v test %v old %v", *production, *ro.TargetServiceRevision.RequestedTestTrafficWeight, *ro.SourceServiceRevisions[0].RequestedProductionTrafficWeight)
		}
		line += fmt.Sprintf(" running %d+%d", *ro.TargetServiceRevision.RunningTaskCount, *ro.SourceServiceRevisions[0].RunningTaskCount)
		if len(seen) == 0 || seen[len(seen)-1] != line {
			seen = append(seen, line)
		}
		if ro.FinishedAt != nil {
			return seen
		}
		w.clock.Advance(time.Second)
	}
	return seen
}

func TestDeploymentStrategiesHaveLifecycleStages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		config *ecs.DeploymentConfiguration
		want   []string
	}{
		{"blue/green", &ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), BakeTimeInMinutes: aws.Int64(3)}, []string{
			"IN_PROGRESS RECONCILE_SERVICE production 0 test 0 old 100 running 0+2",
			"IN_PROGRESS PRE_SCALE_UP production 0 test 0 old 100 running 0+2",
			"IN_PROGRESS SCALE_UP production 0 test 0 old 100 running 0+2",
			"IN_PROGRESS SCALE_UP production 0 test 0 old 100 running 2+2",
			"IN_PROGRESS POST_SCALE_UP production 0 test 0 old 100 running 2+2",
			"IN_PROGRESS TEST_TRAFFIC_SHIFT production 0 test 100 old 100 running 2+2",
			"IN_PROGRESS POST_TEST_TRAFFIC_SHIFT production 0 test 100 old 100 running 2+2",
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 100 test 100 old 0 running 2+2",
			"IN_PROGRESS POST_PRODUCTION_TRAFFIC_SHIFT production 100 test 100 old 0 running 2+2",
			"IN_PROGRESS BAKE_TIME production 100 test 100 old 0 running 2+2",
			"IN_PROGRESS CLEAN_UP production 100 test 100 old 0 running 2+0",
			"SUCCESSFUL CLEAN_UP production 100 test 100 old 0 running 2+0",
		}},
		{"canary", &ecs.DeploymentConfiguration{Strategy: aws.String("CANARY"), CanaryConfiguration: &ecs.CanaryConfiguration{CanaryPercent: aws.Float64(20), CanaryBakeTimeInMinutes: aws.Int64(1)}}, []string{
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 20 test 100 old 80 running 2+2",
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 100 test 100 old 0 running 2+2",
			"SUCCESSFUL CLEAN_UP production 100 test 100 old 0 running 2+0",
		}},
		{"canary as ECS would do it", &ecs.DeploymentConfiguration{Strategy: aws.String("CANARY")}, []string{
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 5 test 100 old 95 running 2+2",
		}},
		{"linear", &ecs.DeploymentConfiguration{Strategy: aws.String("LINEAR"), LinearConfiguration: &ecs.LinearConfiguration{StepPercent: aws.Float64(40), StepBakeTimeInMinutes: aws.Int64(1)}}, []string{
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 40 test 100 old 60 running 2+2",
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 80 test 100 old 20 running 2+2",
			"IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT production 100 test 100 old 0 running 2+2",
			"SUCCESSFUL CLEAN_UP production 100 test 100 old 0 running 2+0",
		}},
		{"rolling", &ecs.DeploymentConfiguration{Strategy: aws.String("ROLLING")}, []string{"IN_PROGRESS  running 0+2", "SUCCESSFUL  running 2+0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := stagedWorld(t, test.config)
			seen := w.watch()
			if diff := cmp.Diff(test.want, slices.DeleteFunc(slices.Clone(seen), func(line string) bool { return !slices.Contains(test.want, line) })); diff != "" {
				t.Errorf("%s; all of it: %q", diff, seen)
			}
			w.until("the service is steady", func() bool { return slices.Equal(w.deployments(), []string{"PRIMARY web:2 COMPLETED"}) })
			if got := w.describe("www").DeploymentConfiguration.Strategy; *got != *test.config.Strategy {
				t.Errorf("strategy %s", *got)
			}
		})
	}
}

func TestABlueGreenDeploymentIsRolledBack(t *testing.T) {
	t.Parallel()
	w := stagedWorld(t, &ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), BakeTimeInMinutes: aws.Int64(60)})
	w.until("it bakes", func() bool { return aws.StringValue(w.rollout().LifecycleStage) == "BAKE_TIME" })
	must[*ecs.StopServiceDeploymentOutput](t)(w.StopServiceDeployment(&ecs.StopServiceDeploymentInput{ServiceDeploymentArn: w.rollout().ServiceDeploymentArn}))
	seen := w.watch()
	if diff := cmp.Diff([]string{
		"ROLLBACK_REQUESTED BAKE_TIME production 100 test 100 old 0 running 2+2",
		"ROLLBACK_IN_PROGRESS BAKE_TIME production 0 test 0 old 100 running 0+2",
		"ROLLBACK_SUCCESSFUL BAKE_TIME production 0 test 0 old 100 running 0+2",
	}, seen); diff != "" {
		t.Error(diff)
	}
	if got := w.deployments(); !slices.Equal(got, []string{"PRIMARY web:1 COMPLETED"}) {
		t.Errorf("deployments %v", got)
	}
}

func TestLifecycleHooksHoldADeployment(t *testing.T) {
	t.Parallel()
	pause := func(action string) *ecs.DeploymentConfiguration {
		return &ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), LifecycleHooks: []*ecs.DeploymentLifecycleHook{
			{TargetType: aws.String("PAUSE"), LifecycleStages: aws.StringSlice([]string{"POST_SCALE_UP"}), TimeoutConfiguration: &ecs.DeploymentLifecycleHookTimeoutConfiguration{TimeoutInMinutes: aws.Int64(15), Action: &action}},
			{HookTargetArn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:check"), LifecycleStages: aws.StringSlice([]string{"POST_SCALE_UP"})},
		}}
	}
	goOn := func(w *ecsWorld, action string) {
		ro := w.rollout()
		must[*ecs.ContinueServiceDeploymentOutput](t)(w.ContinueServiceDeployment(&ecs.ContinueServiceDeploymentInput{
			ServiceDeploymentArn: ro.ServiceDeploymentArn, HookId: ro.LifecycleHookDetails[0].HookId, Action: &action,
		}))
	}
	for _, test := range []struct {
		name, timeout, hook, status string
		act                         func(w *ecsWorld)
	}{
		{"continued", "ROLLBACK", "SUCCEEDED", "SUCCESSFUL", func(w *ecsWorld) { goOn(w, "CONTINUE") }},
		{"rolled back", "CONTINUE", "FAILED", "ROLLBACK_SUCCESSFUL", func(w *ecsWorld) { goOn(w, "ROLLBACK") }},
		{"timed out, to continue", "CONTINUE", "TIMED_OUT", "SUCCESSFUL", func(w *ecsWorld) { w.clock.Advance(15 * time.Minute) }},
		{"timed out, to roll back", "ROLLBACK", "TIMED_OUT", "ROLLBACK_SUCCESSFUL", func(w *ecsWorld) { w.clock.Advance(15 * time.Minute) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := stagedWorld(t, pause(test.timeout))
			w.until("the hook waits", func() bool { return len(w.rollout().LifecycleHookDetails) > 0 })
			w.clock.Advance(5 * time.Minute)
			hooks := w.rollout().LifecycleHookDetails
			if len(hooks) != 2 || *hooks[0].Status != "AWAITING_ACTION" || hooks[0].ExpiresAt == nil || *hooks[1].Status != "SUCCEEDED" || *hooks[1].TargetType != "AWS_LAMBDA" || *w.rollout().LifecycleStage != "POST_SCALE_UP" {
				t.Fatalf("while it waits: %v", w.rollout())
			}
			if err := failing(w.ContinueServiceDeployment(&ecs.ContinueServiceDeploymentInput{ServiceDeploymentArn: w.rollout().ServiceDeploymentArn, HookId: hooks[1].HookId})); codeOf(err) != "InvalidParameterException" {
				t.Errorf("continuing a hook that does not wait: %v", err)
			}
			test.act(w)
			if got := w.rollout().LifecycleHookDetails; len(got) > 0 && *got[0].Status != test.hook {
				t.Errorf("the hook is %s, want %s", *got[0].Status, test.hook)
			}
			w.until("the service deployment has ended", func() bool { return *w.rollout().Status == test.status })
		})
	}
}

func TestStrategiesAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	hook := func(stage, target string) []*ecs.DeploymentLifecycleHook {
		return []*ecs.DeploymentLifecycleHook{{LifecycleStages: aws.StringSlice([]string{stage}), HookTargetArn: &target}}
	}
	const function = "arn:aws:lambda:us-east-1:123456789012:function:check"
	create := func(c ecs.DeploymentConfiguration) func() error {
		in := w.input("refused")
		in.DeploymentConfiguration = &c
		return func() error { return failing(w.CreateService(in)) }
	}
	const invalid = "InvalidParameterException"
	testRefusals(t, []refusal{
		{"an unknown strategy", create(ecs.DeploymentConfiguration{Strategy: aws.String("RECREATE")}), invalid},
		{"a bake time of more than a day", create(ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), BakeTimeInMinutes: aws.Int64(1441)}), invalid},
		{"a canary of nothing", create(ecs.DeploymentConfiguration{Strategy: aws.String("CANARY"), CanaryConfiguration: &ecs.CanaryConfiguration{CanaryPercent: aws.Float64(0)}}), invalid},
		{"steps that are too small", create(ecs.DeploymentConfiguration{Strategy: aws.String("LINEAR"), LinearConfiguration: &ecs.LinearConfiguration{StepPercent: aws.Float64(2)}}), invalid},
		{"hooks of a rolling deployment", create(ecs.DeploymentConfiguration{LifecycleHooks: hook("PRE_SCALE_UP", function)}), invalid},
		{"a hook of an unknown stage", create(ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), LifecycleHooks: hook("LUNCH", function)}), invalid},
		{"a hook without stage", create(ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), LifecycleHooks: []*ecs.DeploymentLifecycleHook{{HookTargetArn: aws.String(function)}}}), invalid},
		{"a hook that is no function", create(ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), LifecycleHooks: hook("PRE_SCALE_UP", "check")}), invalid},
		{"a hook", create(ecs.DeploymentConfiguration{Strategy: aws.String("BLUE_GREEN"), LifecycleHooks: hook("PRE_PRODUCTION_TRAFFIC_SHIFT", function)}), ""},
	})
}

package observe

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/racetest"
)

// imageCodes are what the diagnosis says of the images that fail in the simulator; "" for those that are only slow.
var imageCodes = map[string]diagnosis.Code{
	"digest-gone":      diagnosis.ImageNotFound,
	"exec-format":      diagnosis.ContainerExited, // only its log says why
	"exit-3":           diagnosis.ContainerExited,
	"no-capacity":      diagnosis.NoCapacity,
	"no-executable":    diagnosis.ContainerExited,
	"no-permission":    diagnosis.ImageAuth,
	"not-found":        diagnosis.ImageNotFound,
	"out-of-memory":    diagnosis.OutOfMemory,
	"rate-limited":     diagnosis.ImageRateLimited,
	"slow-start":       "",
	"spot-interrupted": diagnosis.SpotInterrupted,
	"unhealthy":        diagnosis.HealthCheck,
	"unreachable":      diagnosis.EndpointUnreachable,
	"wrong-platform":   diagnosis.ImagePlatform,
}

// registerImage adds a revision to the family web that runs an image.
func (w *world) registerImage(image string) string {
	w.t.Helper()
	out, err := w.account.ECS.RegisterTaskDefinition(w.t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
		RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), Tags: ours,
		ContainerDefinitions: []*awsecs.ContainerDefinition{{
			Name: aws.String("web"), Image: &image, HealthCheck: &awsecs.HealthCheck{Command: aws.StringSlice([]string{"CMD", "true"}), Interval: aws.Int64(5), Retries: aws.Int64(1)},
		}},
	})
	w.must(out, err)
	return *out.TaskDefinition.TaskDefinitionArn
}

// TestEveryFailingImageIsNamed: create with an image that fails, then the status names the problem and the wait says that it failed; update to
// it, and the wait says that it was rolled back.
func TestEveryFailingImageIsNamed(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	faults := append(localaws.ImageFaults(), "exit-3")
	for fault := range imageCodes {
		if !slices.Contains(faults, fault) {
			t.Errorf("the simulator does not know the image %s", fault)
		}
	}
	for _, fault := range faults {
		code, known := imageCodes[fault]
		if !known {
			t.Errorf("nothing is said of the image %s", fault)
		}
		t.Run(fault, func(t *testing.T) {
			created := newWorld(t)
			if code == diagnosis.NoCapacity { // ECS starts no task, so nothing fails, and the deployment has no end
				created.create(input(created.registerImage("app:" + fault)))
				created.clock.Advance(1e9)
				if s := created.status(); len(s.Problems) == 0 || s.Problems[0].Code != code || s.State != diagnosis.Deploying {
					t.Errorf("got %s and %+v, want %s", s.State, s.Problems, code)
				}
				return
			}
			created.expect(created.create(created.provided(input(created.registerImage("app:"+fault)), fault)), code, OutcomeFailed)
			updated := newWorld(t)
			updated.wait(updated.create(updated.provided(input(updated.registerImage("app:good")), fault)))
			updated.expect(updated.update(updated.registerImage("app:"+fault)), code, OutcomeRolledBack)
		})
	}
}

// provided has a service run on Spot capacity, for what only that does.
func (w *world) provided(in *awsecs.CreateServiceInput, fault string) *awsecs.CreateServiceInput {
	w.t.Helper()
	if fault != "spot-interrupted" {
		return in
	}
	in.LaunchType = nil
	in.CapacityProviderStrategy = []*awsecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: aws.Int64(1)}}
	return in
}

// expect waits for a deployment, and compares its outcome and what the status says with what is expected.
func (w *world) expect(deployment string, code diagnosis.Code, outcome Outcome) {
	w.t.Helper()
	if code == "" || code == diagnosis.SpotInterrupted {
		outcome = OutcomeSucceeded
	}
	r := w.wait(deployment)
	if r.Outcome == nil || *r.Outcome != outcome {
		w.t.Errorf("got %+v, deployment %+v, want %s", r, r.Deployment, outcome)
	}
	if code == diagnosis.SpotInterrupted {
		for range 30 { // AWS takes the capacity back a while later
			w.clock.Advance(time.Second)
			if s := w.status(); len(s.Problems) > 0 {
				r.Problems = s.Problems
				break
			}
		}
	}
	switch s := w.status(); {
	case code == "" && (len(s.Problems) > 0 || len(r.Problems) > 0):
		w.t.Errorf("nothing is wrong; got %+v, %+v", s.Problems, r.Problems)
	case code != "" && (len(r.Problems) == 0 || r.Problems[0].Code != code || len(s.Problems) == 0 || s.Problems[0].Code != code):
		w.t.Errorf("got %+v and %+v, want %s", r.Problems, s.Problems, code)
	}
}

package diagnosis

import (
	"fmt"
	"strings"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// State says how a service is.
type State string

// The states.
const (
	Steady    State = "steady"    // all tasks run, and nothing changes
	Deploying State = "deploying" // a deployment is in progress, or tasks are being added or removed
	Degraded  State = "degraded"  // some tasks are missing or unhealthy
	Failing   State = "failing"   // no task runs, though some should
	Stopped   State = "stopped"   // scaled to zero
	Draining  State = "draining"  // deleted, its tasks are ending
	Inactive  State = "inactive"  // deleted
)

// States returns all states, for documents that must not forget one.
func States() []State {
	return []State{Steady, Deploying, Degraded, Failing, Stopped, Draining, Inactive}
}

// StateOf returns the state of a service from what DescribeServices says of it alone.
func StateOf(s *awsecs.Service) State {
	switch common.Value(s.Status) {
	case "INACTIVE":
		return Inactive
	case "DRAINING":
		return Draining
	}
	desired, running, pending := common.Value(s.DesiredCount), common.Value(s.RunningCount), common.Value(s.PendingCount)
	r := rolloutOf(s)
	switch {
	case desired == 0 && running+pending == 0:
		return Stopped
	case desired > 0 && running == 0 && (r.failedTasks > 0 || pending == 0 && !r.inProgress):
		return Failing
	case r.failed:
		return Degraded
	case r.inProgress || desired == 0 || running > desired:
		return Deploying
	case running < desired:
		return Degraded
	}
	return Steady
}

// rollout is how far a service's primary deployment is.
type rollout struct {
	inProgress, failed bool
	failedTasks        int64
}

// rolloutOf returns how far the primary deployment is. Services whose deployments ECS does not control show no rollout state: two deployments at
// once mean that one replaces the other.
func rolloutOf(s *awsecs.Service) rollout {
	p := ecs.Primary(s)
	if p == nil {
		return rollout{inProgress: len(s.Deployments) > 1}
	}
	state := common.Value(p.RolloutState)
	return rollout{
		inProgress:  state == awsecs.DeploymentRolloutStateInProgress || state == "" && len(s.Deployments) > 1,
		failed:      state == awsecs.DeploymentRolloutStateFailed,
		failedTasks: common.Value(p.FailedTasks),
	}
}

// refine corrects a state by what the tasks and the load balancer say.
func refine(state State, e Evidence, problems []Problem) State {
	missing := common.Value(e.Service.DesiredCount) - common.Value(e.Service.RunningCount)
	switch {
	case state == Degraded && present(problems) == nil && missing > 0 && common.Value(e.Service.PendingCount) >= missing:
		return Deploying // the count was raised: what is missing is on its way
	case state != Steady:
		return state
	case e.unhealthy():
		return Degraded
	}
	return state
}

// present returns the most telling problem of the present; nil if there is none.
func present(problems []Problem) *Problem {
	for i := range problems {
		if !problems[i].past {
			return &problems[i]
		}
	}
	return nil
}

// unhealthy reports whether a running task or a target fails its health check.
func (e Evidence) unhealthy() bool {
	for _, t := range e.Tasks {
		if common.Value(t.LastStatus) == "RUNNING" && common.Value(t.HealthStatus) == awsecs.HealthStatusUnhealthy {
			return true
		}
	}
	for _, t := range e.Targets {
		if t.State == "unhealthy" {
			return true
		}
	}
	return false
}

// summary says in one line how the service is.
func summary(state State, s *awsecs.Service, problems []Problem) string {
	if len(problems) == 0 || state == Draining || state == Inactive {
		return counts(state, s)
	}
	first := problems[0]
	now := present(problems)
	if now != nil {
		first = *now
	}
	text := phrase(first)
	if failed := failedTasks(s, first); failed > 0 {
		text += fmt.Sprintf("; %s failed", tasks(failed))
	}
	switch {
	case now == nil:
		return counts(state, s) + "; the last deployment failed: " + text
	case state == Steady: // a task stopped lately, and another one runs in its place
		return counts(state, s) + "; lately " + text
	}
	return text
}

// counts says in one line how many tasks of which revision run.
func counts(state State, s *awsecs.Service) string {
	running := fmt.Sprintf("%d of %s", common.Value(s.RunningCount), tasks(int(common.Value(s.DesiredCount))))
	revision := common.Value(s.TaskDefinition)
	revision = revision[strings.LastIndex(revision, "/")+1:]
	switch state {
	case Steady:
		return running + " of " + revision + " running"
	case Deploying:
		return "deploying " + revision + ": " + running + " running"
	case Stopped:
		return "scaled to 0"
	case Draining:
		return fmt.Sprintf("deleted; %s still running", tasks(int(common.Value(s.RunningCount))))
	case Inactive:
		return "deleted"
	}
	return running + " running"
}

// failedTasks returns how many tasks are known to have failed, as the first problem says.
func failedTasks(s *awsecs.Service, first Problem) int {
	failed := 0
	if first.Task != nil {
		failed = first.Count
	}
	for _, d := range s.Deployments {
		if d != nil {
			failed = max(failed, int(common.Value(d.FailedTasks)))
		}
	}
	return failed
}

// tasks returns a number of tasks in words.
func tasks(n int) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}

// phrases say what each code means, of a container or "a container".
var phrases = map[Code]string{
	ImageNotFound:       "the image of {container} is not there",
	ImageAuth:           "the image of {container} may not be pulled",
	ImageRateLimited:    "the image registry limits pulls",
	ImagePlatform:       "the image of {container} is for another CPU",
	EndpointUnreachable: "tasks cannot reach an endpoint they need to start",
	SecretDenied:        "the execution role may not read a secret",
	SecretMissing:       "a secret or parameter is not there",
	LogConfiguration:    "the log configuration does not work",
	VolumeMount:         "a volume cannot be mounted",
	OutOfMemory:         "{container} is out of memory",
	HealthCheck:         "{container} fails its health check",
	TargetUnhealthy:     "the load balancer's health check fails",
	RoleNotAssumable:    "ECS cannot assume the role",
	NoCapacity:          "AWS has no capacity",
	SpotInterrupted:     "AWS reclaimed Spot capacity",
	QuotaExceeded:       "a quota of the account is exceeded",
	NetworkInterface:    "no network interface for a task",
	DeploymentBlocked:   "the deployment is blocked",
}

// phrase says in a few words what a problem is.
func phrase(p Problem) string {
	container := common.Value(p.Container)
	if container == "" {
		container = "a container"
	}
	switch {
	case p.Code == ContainerExited && p.exitCode != nil:
		return fmt.Sprintf("%s exits with code %d", container, *p.exitCode)
	case p.Code == ContainerExited:
		return container + " does not start"
	case phrases[p.Code] != "":
		return strings.ReplaceAll(phrases[p.Code], "{container}", container)
	}
	return cut(p.Detail, 120)
}

// StateNames are the states of services, as words.
func StateNames() []string {
	var names []string
	for _, s := range States() {
		names = append(names, string(s))
	}
	return names
}

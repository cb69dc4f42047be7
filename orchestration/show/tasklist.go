package show

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

const (
	// listAge is how old a list of tasks may be that is shown because AWS's rates have no room for a new one: of a stopped task that AWS has
	// forgotten, nothing tells.
	listAge = time.Minute
	// settleTime is how long a service must have looked the same before a list of its tasks begins to be read that is shown again: what ECS describes and
	// what it lists are eventually consistent, each for itself.
	settleTime = 10 * time.Second
)

// lastSeen remembers since when services have had the fingerprint that they have now. A list of tasks from since then is still true where nothing has started a task, and ECS
// shows that it has: in the service's counts, its deployments and its events, of which each start of a task is one.
type lastSeen struct {
	mu  sync.Mutex
	all *lru.Cache[target, seenSince]
}

type seenSince struct {
	fingerprint string
	since       time.Time
}

func newLastSeen() *lastSeen {
	s := &lastSeen{}
	s.all, _ = lru.New[target, seenSince](maxRecent) // it fails for a size of 0 alone
	return s
}

// see notes what a service shows, and returns how old a list of its tasks may be that is shown with it; 0 for a new one only.
func (s *lastSeen) see(at target, service *awsecs.Service, now time.Time) time.Duration {
	fingerprint := fingerprintOf(service)
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.all.Get(at)
	if !ok || seen.fingerprint != fingerprint {
		s.all.Add(at, seenSince{fingerprint, now})
		return 0
	}
	if !isSteady(service) {
		return 0
	}
	return max(0, min(listAge, now.Sub(seen.since)-settleTime))
}

// forget has what a write of ours may have changed be listed anew. An empty service stands for all of the cluster's, an empty cluster for all.
func (s *lastSeen) forget(cluster, service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.all.Keys() {
		if (cluster == "" || at.cluster == cluster) && (service == "" || at.service == service) {
			s.all.Remove(at)
		}
	}
}

// fingerprintOf returns all of a service that changes when one of its tasks starts or stops.
func fingerprintOf(s *awsecs.Service) string {
	var text strings.Builder
	add := func(values ...any) { _, _ = fmt.Fprintln(&text, values...) } // a builder takes all
	add(common.Value(s.ServiceArn), common.Value(s.CreatedAt).UnixNano(), common.Value(s.Status), common.Value(s.DesiredCount), common.Value(s.RunningCount), common.Value(s.PendingCount),
		common.Value(s.TaskDefinition))
	for _, d := range s.Deployments {
		if d != nil {
			add(common.Value(d.Id), common.Value(d.Status), common.Value(d.RolloutState), common.Value(d.RunningCount), common.Value(d.PendingCount), common.Value(d.FailedTasks),
				common.Value(d.UpdatedAt).UnixNano())
		}
	}
	if len(s.Events) > 0 && s.Events[0] != nil {
		add(common.Value(s.Events[0].Id), common.Value(s.Events[0].CreatedAt).UnixNano())
	}
	return text.String()
}

// isSteady reports whether ECS has nothing to do for a service: as many tasks run as are wanted, of one deployment that is complete.
func isSteady(s *awsecs.Service) bool {
	if s.DeploymentController != nil && common.Value(s.DeploymentController.Type) != awsecs.DeploymentControllerTypeEcs || len(s.Deployments) != 1 || s.Deployments[0] == nil {
		return false
	}
	rollout := common.Value(s.Deployments[0].RolloutState)
	return common.Value(s.Status) == "ACTIVE" && common.Value(s.PendingCount) == 0 && common.Value(s.RunningCount) == common.Value(s.DesiredCount) &&
		(rollout == "" || rollout == awsecs.DeploymentRolloutStateCompleted)
}

// taskStatuses are those that ECS lists tasks by.
var taskStatuses = []string{awsecs.DesiredStatusRunning, awsecs.DesiredStatusStopped}

// taskList is what is known of a service's tasks, by taskStatuses.
type taskList struct {
	arns   [2][]string
	listed [2]bool
}

// listNow lists the tasks as far as AWS's rates let that happen at once.
func (r *Reader) listNow(ctx context.Context, at target) (tasks taskList, err error) {
	err = eachStatus(ctx, func(ctx context.Context, i int, status string) (err error) {
		tasks.arns[i], tasks.listed[i], err = r.account.ECS.ServiceTasksNow(ctx, at.cluster, at.service, status)
		return err
	})
	return tasks, err
}

// listRest lists what listNow has left out. It may be so old.
func (r *Reader) listRest(ctx context.Context, at target, tasks *taskList, oldest time.Duration) error {
	return eachStatus(ctx, func(ctx context.Context, i int, status string) (err error) {
		if !tasks.listed[i] {
			tasks.arns[i], err = r.account.ECS.ServiceTasksWithin(ctx, at.cluster, at.service, status, oldest)
		}
		return err
	})
}

// eachStatus calls list for each status at the same time.
func eachStatus(ctx context.Context, list func(ctx context.Context, i int, status string) error) error {
	var lists []func(context.Context) error
	for i, status := range taskStatuses {
		lists = append(lists, func(ctx context.Context) error { return list(ctx, i, status) })
	}
	return common.Concurrently(ctx, lists...)
}

// ids returns the ids of the tasks, each once.
func (t *taskList) ids() []string {
	ids := []string{}
	for _, arn := range slices.Concat(t.arns[:]...) {
		if id := account.NameOf(arn); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// readRest reads what belongs to a service, beside its cluster and what is known of its tasks.
func (r *Reader) readRest(ctx context.Context, at target, view *View, tasks *taskList, oldest time.Duration) error {
	return common.Concurrently(ctx,
		func(ctx context.Context) error { return r.listRest(ctx, at, tasks, oldest) },
		func(ctx context.Context) (err error) {
			view.TaskDefinition, err = r.definitionOf(ctx, aws.StringValue(view.Service.TaskDefinition))
			return err
		},
		func(ctx context.Context) (err error) {
			view.ServiceEndpoint, err = r.endpointOf(ctx, at, view.Service)
			return err
		},
	)
}

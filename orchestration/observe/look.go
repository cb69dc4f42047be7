package observe

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// found is what was read of a service. Nothing writes to it once it has been read.
type found struct {
	at         time.Time // when it began to be read
	service    *awsecs.Service
	tasks      []*awsecs.Task
	targets    []diagnosis.Target
	unrecorded error                                // why AWS's record of service deployments could not be read; nil if it was
	briefs     []*awsecs.ServiceDeploymentBrief     // newest first
	rollouts   map[string]*awsecs.ServiceDeployment // by ARN, as far as they were read
	revisions  map[string]*awsecs.ServiceRevision   // by ARN, as far as they were read
	lines      map[diagnosis.LogKey]string          // last lines of containers that ended, as far as they were read
	statusOnce func() *Status                       // the status, computed once for all who share the poll
}

func newFound(at time.Time) *found {
	f := &found{at: at, rollouts: map[string]*awsecs.ServiceDeployment{}, revisions: map[string]*awsecs.ServiceRevision{}}
	f.statusOnce = sync.OnceValue(f.status)
	return f
}

// How many tasks and service deployments are read of a service.
const (
	maxTasks          = 100 // of the running, and of the stopped ones: a page of ECS's list
	maxDeployments    = 100
	recentDeployments = 20 // for what is asked about the newest ones
)

// history remembers that AWS does not let us read service deployments: an older policy lacks the permission, and simulated AWSs the operation.
type history struct {
	mu      sync.Mutex
	worked  bool
	retryAt time.Time
	last    error // that made it wait until then
}

// How long service deployments are not asked for after AWS refused, and after it failed: simulated AWSs fail at what they do not know, and AWS itself is back
// soon.
const (
	historyRetry    = 10 * time.Minute
	historyRecovery = 30 * time.Second
)

// skip returns why service deployments are not to be asked for now; nil if they are.
func (h *history) skip(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.retryAt) {
		return h.last
	}
	return nil
}

// note notes how it went. It returns the error if the caller has to know it: everything else can be read off the service itself.
func (h *history) note(now time.Time, err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch common.KindOf(err) {
	case common.NotFound, common.Throttled, common.Conflict:
		return nil
	case common.Timeout, common.Canceled:
		return err
	}
	switch {
	case err == nil:
		h.worked = true
	case h.worked:
	case common.Transient(err):
		h.retryAt, h.last = now.Add(historyRecovery), err
	default:
		h.retryAt, h.last = now.Add(historyRetry), err
	}
	return nil
}

// look reads a service in at most three rounds.
func (o *Observer) look(ctx context.Context, at target) (*found, error) {
	f := newFound(o.now())
	var running, stopped []string
	list := func(status string, into *[]string) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*into, err = o.account.ECS.ServiceTasks(ctx, at.cluster, at.service, status, maxTasks)
			return err
		}
	}
	err := common.Concurrently(ctx,
		func(ctx context.Context) error { return o.checkCluster(ctx, at) },
		func(ctx context.Context) (err error) {
			f.service, err = o.readService(ctx, at)
			return err
		},
		list(awsecs.DesiredStatusRunning, &running),
		list(awsecs.DesiredStatusStopped, &stopped),
		func(ctx context.Context) error { return o.readBriefs(ctx, f, at, recentDeployments) },
	)
	if err != nil {
		return nil, err
	}
	err = common.Concurrently(ctx,
		func(ctx context.Context) error { return o.readTasks(ctx, f, at, slices.Concat(running, stopped)) },
		func(ctx context.Context) error { return o.readTargets(ctx, f) },
		func(ctx context.Context) error { return o.readRollouts(ctx, f, f.unsettled()) },
		func(ctx context.Context) error { return o.readRevisions(ctx, f, f.unseen()) },
	)
	if err == nil {
		o.readLastLine(ctx, f, at)
	}
	return f, err
}

// readBriefs reads the newest service deployments: most of them at most.
func (o *Observer) readBriefs(ctx context.Context, f *found, at target, most int) error {
	if f.unrecorded = o.history.skip(f.at); f.unrecorded != nil {
		return nil
	}
	f.briefs, f.unrecorded = o.account.ECS.ServiceDeployments(ctx, at.cluster, at.service, most)
	return o.history.note(f.at, f.unrecorded)
}

// readTasks reads tasks.
func (o *Observer) readTasks(ctx context.Context, f *found, at target, arns []string) error {
	slices.Sort(arns)
	arns = slices.Compact(arns)
	if len(arns) == 0 {
		return nil
	}
	out, err := o.account.ECS.DescribeTasks(ctx, at.cluster, arns)
	if err != nil {
		return resource.IgnoreNotFound(err)
	}
	f.tasks = slices.DeleteFunc(out.Tasks, func(t *awsecs.Task) bool { return t == nil })
	slices.SortStableFunc(f.tasks, byAge)
	return nil
}

// byAge sorts tasks that run before those that have stopped, the youngest first.
func byAge(a, b *awsecs.Task) int {
	stopped := func(t *awsecs.Task) int {
		if common.Value(t.LastStatus) == awsecs.DesiredStatusStopped {
			return 1
		}
		return 0
	}
	when := func(t *awsecs.Task) int64 {
		if t.StoppedAt != nil {
			return t.StoppedAt.UnixNano()
		}
		return common.Value(t.CreatedAt).UnixNano()
	}
	return cmp.Or(cmp.Compare(stopped(a), stopped(b)), cmp.Compare(when(b), when(a)), cmp.Compare(common.Value(a.TaskArn), common.Value(b.TaskArn)))
}

// readRollouts reads service deployments whole, for what a list leaves out.
func (o *Observer) readRollouts(ctx context.Context, f *found, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	rollouts, err := o.account.ECS.DescribeServiceDeployments(ctx, arns)
	for _, r := range rollouts {
		f.rollouts[common.Value(r.ServiceDeploymentArn)] = r
	}
	return o.history.note(f.at, err)
}

// readRevisions reads service revisions, which name the task definitions and images of deployments.
func (o *Observer) readRevisions(ctx context.Context, f *found, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	revisions, err := o.account.ECS.ServiceRevisions(ctx, arns)
	for _, r := range revisions {
		f.revisions[common.Value(r.ServiceRevisionArn)] = r
	}
	return o.history.note(f.at, err)
}

// unsettled returns the ARN of the newest service deployment, unless the list says all of it.
func (f *found) unsettled() []string {
	if len(f.briefs) == 0 || common.Value(f.briefs[0].Status) == awsecs.ServiceDeploymentStatusSuccessful {
		return nil
	}
	return []string{common.Value(f.briefs[0].ServiceDeploymentArn)}
}

// unseen returns the ARN of the service revision of the newest service deployment, unless the service still shows its deployment.
func (f *found) unseen() []string {
	if len(f.briefs) == 0 {
		return nil
	}
	arn := common.Value(f.briefs[0].TargetServiceRevisionArn)
	if f.entry(deploymentID(arn)) != nil {
		return nil
	}
	return []string{arn}
}

// entry returns the deployment with the id that DescribeServices shows; nil if there is none.
func (f *found) entry(id string) *awsecs.Deployment {
	for _, d := range f.service.Deployments {
		if d != nil && common.Value(d.Id) == id {
			return d
		}
	}
	return nil
}

// primary returns the service's primary deployment; nil if there is none.
func (f *found) primary() *awsecs.Deployment { return ecs.Primary(f.service) }

// deploymentPrefix begins the ids of deployments.
const deploymentPrefix = "ecs-svc/"

// deploymentID returns the id of the deployment that runs a service revision: they share their number. AWS does not promise that; where it
// does not hold, found.link compares times.
func deploymentID(revisionARN string) string {
	return deploymentPrefix + revisionARN[strings.LastIndexByte(revisionARN, '/')+1:]
}

// taskID returns the id at the end of a task's ARN.
func taskID(arn *string) string { return account.NameOf(common.Value(arn)) }

// Package logs reads what containers have written to CloudWatch Logs: of all tasks of a service, of one task, as pages or as a stream.
//
// It owns two rules. A log group that carries another org's tag has no lines for our callers, whoever's task definition names it. And no line is
// missed or returned twice, however AWS cuts its pages.
package logs

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	awsecs "ecs-api/ecs/sdk/ecs"

	"ecs-api/common"
	"ecs-api/ecs"
	"ecs-api/orchestration/account"
)

// Reader reads the logs of one account.
type Reader struct {
	account *account.Account
	now     func() time.Time
	wait    func(context.Context, time.Duration) error // between the polls of those who follow

	mu        sync.Mutex
	groups    map[string]ownership // by name
	following int
}

// Option is a setting of New.
type Option func(*Reader)

// WithClock makes the reader read the time from now, and wait with wait.
func WithClock(now func() time.Time, wait func(context.Context, time.Duration) error) Option {
	return func(r *Reader) { r.now, r.wait = now, wait }
}

// New returns a reader for the account.
func New(a *account.Account, opts ...Option) *Reader {
	r := &Reader{account: a, now: time.Now, wait: common.Sleep, groups: map[string]ownership{}}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// Query says which lines are wanted. The zero value of each field but Limit means no limit.
type Query struct {
	Container string
	Since     time.Time
	Until     time.Time
	Filter    string // a filter pattern of CloudWatch Logs
	Previous  bool   // only of tasks that have stopped
	Limit     int    // of lines in a page
	Next      string // Page.Next of the page before
}

// Event is one line.
type Event struct {
	Timestamp time.Time
	Task      string
	Container string
	Message   string

	id    string // unique within the account
	label string // in front of the line in a text: the container, where several write; else empty
}

// Text returns the line as it is, behind the container's name where several write.
func (e Event) Text() string { return e.label + e.Message }

// Page is some lines, the oldest first.
type Page struct {
	Events []Event
	Next   *string // for the next page; nil if there is none
}

// source is where the tasks of one container log.
type source struct {
	place
	task   string                 // the only one; empty for all
	accept func(task string) bool // nil for all
}

// Source says where the lines of containers are. Sources are looked for again while a stream runs, as tasks come and go.
type Source func(context.Context) ([]source, error)

// ownership is whether a log group is one that our callers may read.
type ownership struct {
	ours  bool
	until time.Time
}

// trusted is how long the owner of a log group is remembered.
const trusted = time.Minute

// readable reports whether our callers may read a log group: it is there, and does not carry another org's tag.
func (r *Reader) readable(ctx context.Context, group string) (bool, error) {
	r.mu.Lock()
	known, ok := r.groups[group]
	r.mu.Unlock()
	if ok && r.now().Before(known.until) {
		return known.ours, nil
	}
	who, err := r.account.Identity(ctx)
	if err != nil {
		return false, err
	}
	tags, err := r.account.Logs.Tags(ctx, who.ARN("logs", r.account.Region, "log-group:"+group))
	if common.Is(err, common.NotFound) {
		return false, nil // not remembered: the first task makes it
	}
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.groups) > 1000 {
		clear(r.groups)
	}
	known = ownership{tags.VisibleTo(r.account.Org), r.now().Add(trusted)}
	r.groups[group] = known
	return known.ours, nil
}

// place is where a container logs.
type place struct{ container, group, prefix string }

// placesOf returns where the containers of a task definition log, as far as that is in CloudWatch Logs in our region.
func (r *Reader) placesOf(definition *awsecs.TaskDefinition) []place {
	var all []place
	for _, c := range definition.ContainerDefinitions {
		if c == nil || c.LogConfiguration == nil || common.Value(c.LogConfiguration.LogDriver) != awsecs.LogDriverAwslogs {
			continue
		}
		option := func(name string) string { return common.Value(c.LogConfiguration.Options[name]) }
		region := option("awslogs-region")
		if option("awslogs-group") != "" && option("awslogs-stream-prefix") != "" && (region == "" || region == r.account.Region) {
			all = append(all, place{common.Value(c.Name), option("awslogs-group"), option("awslogs-stream-prefix")})
		}
	}
	return all
}

// Service returns where the lines of a service's containers are, of one of them if container is not empty. By the convention of this server
// (group and prefix are the names of the cluster and the service) all streams are the service's, those of tasks that ECS has forgotten too;
// of others only those of tasks that ECS knows.
func (r *Reader) Service(cluster string, service *awsecs.Service, container string, previous bool) Source {
	name := common.Value(service.ServiceName)
	return func(ctx context.Context) ([]source, error) {
		tasks, running, err := r.tasksOf(ctx, cluster, name)
		if err != nil {
			return nil, err
		}
		definitions, err := r.definitions(ctx, service, tasks)
		if err != nil {
			return nil, err
		}
		known := map[string]bool{}
		for _, t := range tasks {
			known[account.NameOf(common.Value(t.TaskArn))] = true
		}
		var sources []source
		for _, p := range r.chosen(definitions, container) {
			conventional := p.group == cluster && p.prefix == name
			sources = append(sources, source{place: p, accept: func(task string) bool {
				return (conventional || known[task]) && (!previous || !running[task])
			}})
		}
		if len(sources) == 0 {
			return nil, r.none(definitions, container)
		}
		return sources, nil
	}
}

// tasksOf returns a service's tasks that ECS knows, and which of them are to run.
func (r *Reader) tasksOf(ctx context.Context, cluster, service string) ([]*awsecs.Task, map[string]bool, error) {
	var running, stopped []string
	list := func(status string, into *[]string) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*into, err = r.account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: cluster, Service: service, Status: status})
			if common.Is(err, common.NotFound) {
				return account.NoService(cluster, service)
			}
			return err
		}
	}
	err := common.Concurrently(ctx, list(awsecs.DesiredStatusRunning, &running), list(awsecs.DesiredStatusStopped, &stopped))
	arns := slices.Concat(running, stopped)
	if err != nil || len(arns) == 0 {
		return nil, nil, err
	}
	out, err := r.account.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, nil, err
	}
	wanted := map[string]bool{}
	for _, arn := range running {
		wanted[account.NameOf(arn)] = true
	}
	return out.Tasks, wanted, nil
}

// definitions returns the task definitions of a service and of its tasks.
func (r *Reader) definitions(ctx context.Context, service *awsecs.Service, tasks []*awsecs.Task) ([]*awsecs.TaskDefinition, error) {
	arns := []string{common.Value(service.TaskDefinition)}
	for _, d := range service.Deployments {
		arns = append(arns, common.Value(d.TaskDefinition))
	}
	for _, t := range tasks {
		arns = append(arns, common.Value(t.TaskDefinitionArn))
	}
	slices.Sort(arns)
	arns = slices.DeleteFunc(slices.Compact(arns), func(arn string) bool { return arn == "" })
	all := make([]*awsecs.TaskDefinition, len(arns))
	var reads []func(context.Context) error
	for i, arn := range arns {
		reads = append(reads, func(ctx context.Context) error {
			out, err := r.account.RevisionCache.Body(ctx, arn)
			if err == nil {
				all[i] = out.TaskDefinition
			}
			if common.Is(err, common.NotFound) {
				return nil
			}
			return err
		})
	}
	err := common.Concurrently(ctx, reads...)
	return slices.DeleteFunc(all, func(d *awsecs.TaskDefinition) bool { return d == nil }), err
}

// chosen returns where the containers of task definitions log, each place once: those of one container, or of all.
func (r *Reader) chosen(definitions []*awsecs.TaskDefinition, container string) []place {
	var all []place
	for _, d := range definitions {
		for _, p := range r.placesOf(d) {
			if (container == "" || p.container == container) && !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// none is the error of a query for which nothing logs to CloudWatch Logs.
func (r *Reader) none(definitions []*awsecs.TaskDefinition, container string) error {
	for _, d := range definitions {
		for _, c := range d.ContainerDefinitions {
			if container == "" || common.Value(c.Name) == container {
				return common.Coded(common.CodeNotInCloudWatch, "what is asked for does not log to CloudWatch Logs in %s", r.account.Region)
			}
		}
	}
	if container == "" {
		return common.Coded(common.CodeNotInCloudWatch, "what is asked for does not log to CloudWatch Logs in %s", r.account.Region)
	}
	return common.Errorf(common.NotFound, "there is no container %s in the task definition", container)
}

// Task returns where the lines of a task's containers are, of one of them if container is not empty.
func (r *Reader) Task(task *awsecs.Task, container string) Source {
	id := account.NameOf(common.Value(task.TaskArn))
	return func(ctx context.Context) ([]source, error) {
		out, err := r.account.RevisionCache.Body(ctx, common.Value(task.TaskDefinitionArn))
		if err != nil {
			return nil, err
		}
		definitions := []*awsecs.TaskDefinition{out.TaskDefinition}
		var sources []source
		for _, p := range r.chosen(definitions, container) {
			sources = append(sources, source{place: p, task: id})
		}
		if len(sources) == 0 {
			return nil, r.none(definitions, container)
		}
		return sources, nil
	}
}

// streams begins the names of the container's streams, which end in the ids of tasks.
func (p place) streams() string { return p.prefix + "/" + p.container + "/" }

// of returns the task that a stream is of; not ok if it is none of the source's.
func (s source) of(stream string) (task string, ok bool) {
	task, ok = strings.CutPrefix(stream, s.streams())
	if !ok || strings.Contains(task, "/") || s.task != "" && s.task != task {
		return "", false
	}
	return task, s.accept == nil || s.accept(task)
}

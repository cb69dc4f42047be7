package ecs

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"ecs-api/common"
)

// Bounds of what is remembered of tasks.
const (
	maxGroups = 20_000 // tasks whose groups are known
	maxSizes  = 2_000  // clusters whose numbers of tasks are known
	maxShared = 1_000  // services whose tasks one call lists

	maxKept     = 20_000  // lists that are kept
	maxKeptARNs = 100_000 // and the tasks in all of them
)

// serviceTasks are the tasks of a service. Its fields are exported for who copies it.
type serviceTasks struct {
	Service string
	ARNs    []string
}

// listing lists the tasks of services. Services of a cluster whose lists wait for AWS's rates at the same time share one list of the cluster's tasks, if
// that takes fewer calls: of which service a task is never changes, and is remembered.
type listing struct {
	c      *Client
	groups *lru.Cache[string, string] // by the task's ARN
	sizes  *lru.Cache[string, int]    // by cluster and status: how many tasks the last list had

	now func() time.Time

	mu      sync.Mutex
	batches map[listKind]*batcher[serviceTasks]
	kept    *simplelru.LRU[keptKey, keptList]
	arns    int // in all of kept
}

// keptKey says of what a list is kept.
type keptKey struct{ status, cluster, service string }

// keptList is a list of all tasks of a service. Nobody may write to it.
type keptList struct {
	arns []string
	at   time.Time // when it began to be read
}

// listKind is what lists have in common that can be one.
type listKind struct {
	status string
	most   int
}

func newListing(c *Client) *listing {
	l := &listing{c: c, now: time.Now, batches: map[listKind]*batcher[serviceTasks]{}}
	l.kept, _ = simplelru.NewLRU(maxKept, func(_ keptKey, k keptList) { l.arns -= len(k.arns) })
	l.groups, _ = lru.New[string, string](maxGroups) // it fails for a size of 0 alone
	l.sizes, _ = lru.New[string, int](maxSizes)
	return l
}

// ServiceTasks returns the ARNs of a service's tasks whose desired status is the given one: most of them at most, to the next hundred; 0 for all. There are none if there
// is no such service, or no such cluster.
func (c *Client) ServiceTasks(ctx context.Context, cluster, service, status string, most int) ([]string, error) {
	all, err := c.lists.of(listKind{status, most}).read(ctx, cluster, []string{service})
	return firstOf(all), err
}

// ServiceTasksNow is ServiceTasks of all tasks where AWS's rates let them be listed at once; else it is false.
func (c *Client) ServiceTasksNow(ctx context.Context, cluster, service, status string) ([]string, bool, error) {
	all, ok, err := c.lists.of(listKind{status, 0}).readNow(ctx, cluster, []string{service})
	return firstOf(all), ok, err
}

// ServiceTasksWithin is ServiceTasks of all tasks, by a list that began to be read so long ago at most, if there is one. It must not be written to.
func (c *Client) ServiceTasksWithin(ctx context.Context, cluster, service, status string, oldest time.Duration) ([]string, error) {
	if arns, ok := c.lists.known(keptKey{status, lastOf(cluster), lastOf(service)}, oldest); ok {
		return arns, nil
	}
	return c.ServiceTasks(ctx, cluster, service, status, 0)
}

func firstOf(all found[serviceTasks]) []string {
	if len(all.things) == 0 {
		return nil
	}
	return all.things[0].ARNs
}

// known returns the list that is kept, if it began to be read so long ago at most.
func (l *listing) known(key keptKey, oldest time.Duration) ([]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept.Get(key)
	return k.arns, ok && oldest > 0 && l.now().Sub(k.at) <= oldest
}

// keep keeps a list that began to be read at the time.
func (l *listing) keep(key keptKey, arns []string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.kept.Peek(key); ok && known.at.After(at) || len(arns) > maxKeptARNs {
		return
	}
	l.kept.Remove(key) // and its tasks
	l.kept.Add(key, keptList{slices.Clip(arns), at})
	for l.arns += len(arns); l.arns > maxKeptARNs; {
		l.kept.RemoveOldest()
	}
}

// of returns the batcher for lists of the kind: there are as many kinds as there are callers in the code.
func (l *listing) of(kind listKind) *batcher[serviceTasks] {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.batches[kind]
	if b == nil {
		b = &batcher[serviceTasks]{
			operation: "ListTasks", thing: "tasks of service", most: maxShared, queue: l.c.queue, nameOf: func(s *serviceTasks) *string { return &s.Service },
			describe: func(ctx context.Context, cluster string, services []string) (found[serviceTasks], error) {
				return l.list(ctx, cluster, services, kind)
			},
		}
		l.batches[kind] = b
	}
	return b
}

// list lists the tasks of services, in the way that takes fewer calls.
func (l *listing) list(ctx context.Context, cluster string, services []string, kind listKind) (found[serviceTasks], error) {
	if l.callsForAll(cluster, kind.status) < len(services) {
		return l.listCluster(ctx, cluster, services, kind.status)
	}
	var all found[serviceTasks]
	for _, service := range services {
		began := l.now()
		arns, err := l.c.ListTasks(ctx, TaskFilter{Cluster: cluster, Service: service, Status: kind.status, Most: kind.most})
		if err != nil && !common.Is(err, common.NotFound) {
			return all, err
		}
		if kind.most == 0 || len(arns) < kind.most { // else there may be more
			l.keep(keptKey{kind.status, lastOf(cluster), lastOf(service)}, arns, began)
		}
		all.things = append(all.things, &serviceTasks{service, slices.Clip(arns)})
	}
	return all, nil
}

// callsForAll returns how many calls it takes, about, to list a cluster's tasks: a page for each hundred, and one to learn whose they are if none are
// known.
func (l *listing) callsForAll(cluster, status string) int {
	size, known := l.sizes.Get(cluster + " " + status)
	if !known {
		return 2
	}
	return max(1, (size+maxPage-1)/maxPage)
}

// listCluster lists all tasks of the cluster, and returns those of the services.
func (l *listing) listCluster(ctx context.Context, cluster string, services []string, status string) (found[serviceTasks], error) {
	began := l.now()
	arns, err := l.c.ListTasks(ctx, TaskFilter{Cluster: cluster, Status: status})
	if common.Is(err, common.NotFound) {
		return found[serviceTasks]{}, nil
	}
	if err != nil {
		return found[serviceTasks]{}, err
	}
	l.sizes.Add(cluster+" "+status, len(arns))
	groups, err := l.groupsOf(ctx, cluster, arns)
	if err != nil {
		return found[serviceTasks]{}, err
	}
	byService := map[string][]string{}
	for _, arn := range arns {
		if service, ok := strings.CutPrefix(groups[arn], "service:"); ok {
			byService[service] = append(byService[service], arn)
		}
	}
	var all found[serviceTasks]
	for _, service := range services {
		byService[lastOf(service)] = slices.Clip(byService[lastOf(service)]) // also of one that has none
		all.things = append(all.things, &serviceTasks{lastOf(service), byService[lastOf(service)]})
	}
	if len(groups) == len(arns) { // else it is not known of which service some task is
		for service, arns := range byService { // those nobody waits for now are as new
			l.keep(keptKey{status, lastOf(cluster), service}, arns, began)
		}
	}
	return all, nil
}

// groupsOf returns the groups of tasks: "service:" and a name for those of services. It describes the tasks that it does not know.
func (l *listing) groupsOf(ctx context.Context, cluster string, arns []string) (map[string]string, error) {
	groups := make(map[string]string, len(arns))
	var unknown []string
	for _, arn := range arns {
		if group, ok := l.groups.Get(arn); ok {
			groups[arn] = group
		} else {
			unknown = append(unknown, arn)
		}
	}
	if len(unknown) == 0 {
		return groups, nil
	}
	out, err := l.c.DescribeTasks(ctx, cluster, unknown)
	if err != nil {
		return nil, err
	}
	for _, task := range out.Tasks {
		arn, group := aws.StringValue(task.TaskArn), aws.StringValue(task.Group)
		groups[arn] = group
		l.groups.Add(arn, group)
	}
	return groups, nil
}

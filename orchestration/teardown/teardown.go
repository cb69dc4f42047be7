package teardown

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// teardown is one recursive delete, once the service itself is deleted.
type teardown struct {
	deleter       *Deleter
	account       *account.Account
	cluster, name string
	id            string          // of this request: what a later one created or adopted stays
	service       *awsecs.Service // as it was found; INACTIVE if it is gone
	dry           bool            // a dry run: it plans as if the service were deleted, although it may still exist
	stopped       *awsecs.Service // the service after its tasks have stopped; nil before
	clusterGone   bool            // its cluster does not exist either
	match         etag.Condition  // of the service as it must be
	params        bool            // the space's parameters are deleted with its cluster
	family        string          // of the managed task definition that is deleted; empty for a service
	// deregistered stops the tasks that were started until the revisions were deregistered; nil for a service, whose tasks have stopped by then.
	deregistered func(context.Context) error
}

// The stages of a teardown, in the order that AWS allows.
const (
	stageParts = iota
	stageSecrets
)

// The stages of a space's teardown.
const (
	stageOrphans = iota
	stageCluster
	stageRole
)

// run tears down what was created for the service: first its own things, then the cluster with its role if nothing is left in the cluster. It keeps what has no owner,
// what belongs to others and what others use. It also keeps log groups, because logs outlive the service. After a failure it continues with everything that does not
// depend on the failed step.
func (t *teardown) run(ctx context.Context) error {
	if _, err := saga.Named("wait until the tasks have stopped", saga.NoRollback(t.waitInactive))(ctx); err != nil {
		return err
	}
	return t.deleteAll(ctx)
}

// deleteAll tears down what is left.
func (t *teardown) deleteAll(ctx context.Context) error {
	found, err := t.look(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, stage := range t.decide(found).Stages {
		plan := resource.Plan{Stages: [][]resource.Change{stage}}
		_, err := plan.Apply()(ctx)
		errs = append(errs, err)
		if err != nil && t.deregistered != nil {
			break // a task that was started meanwhile may need its secrets; the space stays by itself, as long as something runs in it
		}
	}
	return errors.Join(append(errs, t.deleteSpace(ctx))...)
}

// deleteSpace tears down the cluster, then its role, and the space's parameters if the request wants that. It does so only if no request uses them and nothing is
// left in the cluster. The cluster is deleted first, because AWS refuses to delete one that is in use.
func (t *teardown) deleteSpace(ctx context.Context) error {
	for _, thing := range []resource.Thing{t.clusterThing(), t.roleThing()} {
		hold, free := t.deleter.transactions.Ledger.ReserveUnused(thing)
		if !free {
			return nil // a request uses it
		}
		defer hold.Release()
	}
	found := &deletable{}
	read := saga.Named("read what is left of the space", saga.InOrder(
		saga.NoRollback(func(ctx context.Context) error { return t.lookSpace(ctx, found) }),
		saga.NoRollback(func(ctx context.Context) error { return t.lookOrphans(ctx, found) }),
	))
	if _, err := read(ctx); err != nil {
		return err
	}
	_, err := t.decideSpace(found).Apply()(ctx)
	if errors.Is(err, errClusterStays) {
		return nil
	}
	return err
}

// except names the service that does not count as something left in the cluster. It is empty once the service is deleted: then a service of that name is a new one.
func (t *teardown) except() string {
	if t.dry {
		return t.name
	}
	return ""
}

func (t *teardown) clusterThing() *resource.Cluster {
	return &resource.Cluster{Account: t.account, Cluster: t.cluster}
}

func (t *teardown) roleThing() *resource.Role {
	return &resource.Role{Account: t.account, Cluster: t.cluster}
}

// waitInactive waits until the service's tasks have stopped, and sets t.stopped to the service as it is then.
func (t *teardown) waitInactive(ctx context.Context) error {
	return t.account.Backoff.Until(ctx, func() (bool, error) {
		service, err := t.inactive(ctx)
		t.stopped = service
		return service != nil, err
	})
}

// inactive returns the service if its tasks have stopped, else nil. It is a Conflict if the service was created again.
func (t *teardown) inactive(ctx context.Context) (*awsecs.Service, error) {
	if t.family != "" {
		return t.service, nil // a managed task definition has no service: the ids of ownership tags tell what was created since
	}
	service, err := t.account.ECS.Service(ctx, t.cluster, t.name)
	switch {
	case common.Is(err, common.NotFound):
		return resource.Gone(t.service), nil
	case err != nil:
		return nil, err
	}
	switch status := aws.StringValue(service.Status); {
	case resource.IsAnother(service, t.service):
		return nil, common.Coded(common.CodeConcurrentChange, "service %s was created again meanwhile", t.name)
	case status == resource.StatusActive || status == resource.StatusDraining: // ACTIVE: ECS does not show yet that it is deleted
		return nil, nil
	}
	return service, nil
}

// decide returns the plan for what look found. It is a pure function.
func (t *teardown) decide(f *deletable) *resource.Plan {
	p := &resource.Plan{}
	for _, item := range f.cloudMap {
		p.Add(stageParts, t.deleteChange(item, t.usedBy(), saga.NoRollback(func(ctx context.Context) error { return t.deleteCloudMap(ctx, item) })))
	}
	for i, item := range f.revisions {
		change := t.deleteChange(item, t.usedBy(), nil)
		if i == 0 { // deregistered one by one, at the rate AWS allows, and deleted ten at a time
			change.Step = saga.NoRollback(func(ctx context.Context) error { return t.deleteRevisions(ctx, f.revisions) })
		}
		p.Add(stageParts, change)
	}
	for _, item := range f.secrets {
		p.Add(stageSecrets, t.deleteChange(item, t.usedBy(), t.deleteStep(item, t.mayDeleteWithService)))
	}
	for _, item := range f.kept {
		p.Add(stageSecrets, resource.Change{Resource: item.Kind(), Name: item.Name(), Action: resource.ActionUpdate,
			Reason: "something else refers to it: it is marked to go with the space",
			Step:   saga.NoRollback(func(ctx context.Context) error { return t.markOrphaned(ctx, item) })})
	}
	return p
}

// decideSpace returns the plan for what is left of the space, including the parameters. It is a pure function. It deletes the secrets before the cluster: while the
// cluster exists, a repetition of an interrupted teardown still finds them.
func (t *teardown) decideSpace(f *deletable) *resource.Plan {
	p := &resource.Plan{}
	for _, item := range f.orphans {
		p.Add(stageOrphans, t.deleteChange(item, "its service is gone, and nothing refers to it any more", t.deleteStep(item, t.mayDeleteWithSpace)))
	}
	if f.cluster != nil {
		p.Add(stageCluster, t.deleteChange(f.cluster, "nothing is left in it", t.deleteStep(f.cluster, t.mayDelete)))
	}
	if f.role != nil {
		p.Add(stageRole, t.deleteChange(f.role, "nothing is left in its cluster", t.deleteStep(f.role, t.mayDeleteWithCluster)))
	}
	for i, name := range f.params {
		change := resource.Change{
			Resource: resource.KindParams, Name: name, Action: resource.ActionDelete, Reason: "nothing is left in the cluster of the space",
		}
		if i == 0 { // deleted ten at a time
			change.Step = saga.NoRollback(t.deleteParams)
		}
		p.Add(stageRole, change)
	}
	return p
}

// usedBy says in plans why a thing is deleted.
func (t *teardown) usedBy() string {
	if t.family != "" {
		return "only this task definition used it"
	}
	return "only this service used it"
}

func (t *teardown) deleteChange(item *resource.Item, reason string, step saga.Step) resource.Change {
	return resource.Change{Resource: item.Kind(), Name: item.Name(), Action: resource.ActionDelete, Reason: reason, Step: step}
}

// deleteStep returns the step that deletes a thing if wanted accepts its tags and the service was not created again.
func (t *teardown) deleteStep(item *resource.Item, wanted func(common.Tags) bool) saga.Step {
	return saga.NoRollback(func(ctx context.Context) error {
		gone, err := resource.TearDown(ctx, t.account.Backoff, item.Thing, func(ctx context.Context, s *resource.State) (bool, error) {
			if !wanted(s.Tags) || resource.Scheduled(s) && s.Value != nil {
				return false, nil
			}
			_, err := t.inactive(ctx)
			return err == nil, err
		})
		if err == nil && !gone && item.Kind() == resource.KindCluster {
			err = errClusterStays
		}
		return err
	})
}

// errClusterStays ends a teardown whose cluster is used again: the teardown keeps the role too. It is no failure.
var errClusterStays = errors.New("the cluster is used again")

// deleteCloudMap deletes a Cloud Map service. ECS removes its instances as the tasks stop; deleteCloudMap deregisters those that remain.
func (t *teardown) deleteCloudMap(ctx context.Context, item *resource.Item) error {
	tearDown := t.deleteStep(item, t.mayDeleteWithService)
	_, err := tearDown(ctx)
	if !common.CloudMapServiceInUse.Is(err) {
		return err
	}
	if err := item.Thing.(*resource.CloudMapService).Deregister(ctx, item.Found.ID); err != nil {
		return err
	}
	_, err = tearDown(ctx)
	return err
}

// deleteRevisions deregisters the revisions, and then deletes them. The oldest goes first: as long as the newest one is ACTIVE, no other one can be adopted.
func (t *teardown) deleteRevisions(ctx context.Context, revisions []*resource.Item) error {
	var arns []string
	for i, item := range slices.Backward(revisions) {
		deregister := t.deregister
		if isNewest(revisions[:i], item) {
			deregister = t.deregisterMarked
		}
		done, err := deregister(ctx, item)
		if err != nil {
			return err
		}
		if done {
			arns = append(arns, item.Found.ID)
		}
	}
	if t.deregistered != nil {
		if err := t.deregistered(ctx); err != nil {
			return err
		}
	}
	return t.account.ECS.DeleteTaskDefinitions(ctx, arns)
}

// isNewest reports whether the revision is the newest one of its family that is ACTIVE, which alone can be adopted. Before are those that were found before it,
// the newest ones of a family first.
func isNewest(before []*resource.Item, item *resource.Item) bool {
	active := resource.ValueOf[*awsecs.TaskDefinition](item.Found)
	return aws.StringValue(active.Status) == awsecs.TaskDefinitionStatusActive && !slices.ContainsFunc(before, func(other *resource.Item) bool {
		return account.FamilyOf(other.Found.ID) == account.FamilyOf(item.Found.ID)
	})
}

// deregister deregisters a revision, and reports whether it may be deleted: not if it is gone, or was adopted meanwhile.
func (t *teardown) deregister(ctx context.Context, item *resource.Item) (bool, error) {
	now, err := t.account.ECS.TaskDefinition(ctx, item.Found.ID)
	if err != nil {
		return false, resource.IgnoreNotFound(err)
	}
	if allowed, err := t.mayDeregister(ctx, ecsTags(now)); err != nil || !allowed {
		return false, err
	}
	_, err = t.account.ECS.DeregisterTaskDefinition(ctx, item.Found.ID)
	return true, resource.IgnoreNotFound(err)
}

// mayDeregister reports whether a revision with the tags may be deregistered. It is a Conflict if the service is there again.
func (t *teardown) mayDeregister(ctx context.Context, tags common.Tags) (bool, error) {
	if !t.mayDeleteWithService(tags) {
		return false, nil
	}
	_, err := t.inactive(ctx)
	return err == nil, err
}

// deregisterMarked does the same with a revision that a request of another server may adopt at this moment.
func (t *teardown) deregisterMarked(ctx context.Context, item *resource.Item) (bool, error) {
	return resource.TearDown(ctx, t.account.Backoff, activeRevision{item.Thing}, func(ctx context.Context, s *resource.State) (bool, error) {
		return t.mayDeregister(ctx, s.Tags)
	})
}

// activeRevision is a revision that is only deregistered.
type activeRevision struct{ resource.Thing }

// Delete deregisters the revision.
func (r activeRevision) Delete(ctx context.Context, s *resource.State) error {
	_, err := r.Thing.(*resource.TaskDefinition).Account.ECS.DeregisterTaskDefinition(ctx, s.ID)
	return err
}

// mayDeleteWithService reports whether a thing with the tags may be torn down together with the service: it carries our org's tag, its tags name no other space and no
// other service, and no later request has created or adopted it.
func (t *teardown) mayDeleteWithService(tags common.Tags) bool {
	space, ok := tags.Get(common.TagSpace)
	return t.mayDelete(tags) && (!ok || space == t.cluster) && resource.CreatedFor(tags, t.name)
}

// mayDelete reports whether a thing with the tags is our org's, and no later request has created or adopted it.
func (t *teardown) mayDelete(tags common.Tags) bool {
	return tags.TaggedFor(t.account.Org) && !resource.CreatedAfter(tags, t.id)
}

// mayDeleteWithCluster reports whether a role with the tags may be torn down together with its cluster.
func (t *teardown) mayDeleteWithCluster(tags common.Tags) bool {
	space, _ := tags.Get(common.TagSpace)
	return t.mayDelete(tags) && space == t.cluster
}

// families returns the families that the service used when it was found.
func (t *teardown) families() []string {
	if t.family != "" {
		return []string{t.family}
	}
	if task := aws.StringValue(t.service.TaskDefinition); task != "" {
		return []string{account.FamilyOf(task)}
	}
	return nil
}

// unique returns the elements sorted, each once.
func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

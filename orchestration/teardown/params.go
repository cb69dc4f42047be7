package teardown

import (
	"context"
	"strings"

	"ecs-api/common"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// lookParams returns the names of the space's parameters that are deleted with its cluster: those that carry our org's tag and no other space's. Parameters without a
// tag, made by hand, stay. So do parameters that were changed after the request began: they are for a new service.
func (t *teardown) lookParams(ctx context.Context) (names []string, err error) {
	entries, err := t.account.Params.Entries(ctx, strings.TrimSuffix(spec.ParameterPrefix(t.account.Org, t.cluster), "/"))
	for _, e := range entries {
		space, tagged := e.Tags.Get(common.TagSpace)
		if e.Tags.TaggedFor(t.account.Org) && (!tagged || space == t.cluster) && !resource.ChangedAfter(e.Modified, t.id) {
			names = append(names, e.Name)
		}
	}
	return names, err
}

// deleteParams deletes the space's parameters as they are now. It deletes none if the cluster, which the teardown has deleted by then, or the service exists again.
func (t *teardown) deleteParams(ctx context.Context) error {
	found, err := t.clusterThing().Find(ctx)
	if err != nil {
		return err
	}
	if found != nil && !t.mayDelete(found.Tags) {
		return errClusterStays // found with our old tags, ECS still shows what it has deleted
	}
	if _, err := t.inactive(ctx); err != nil {
		return err
	}
	names, err := t.lookParams(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = t.account.Params.DeleteAll(ctx, names)
	return err
}

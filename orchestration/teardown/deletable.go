package teardown

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
)

// deletable are the things that belong only to a service that is deleted, or about to be.
type deletable struct {
	revisions []*resource.Item
	cloudMap  []*resource.Item
	secrets   []*resource.Item
	kept      []*resource.Item // secrets of the service that something else refers to, and that are to be marked as orphaned
	orphans   []*resource.Item // secrets of services that are gone, which nothing refers to any more; none unless the space is empty
	empty     bool             // nothing else is in the space
	cluster   *resource.Item   // nil if it does not exist, is not ours, or something is left in it
	role      *resource.Item   // likewise
	params    []string         // full names of the space's parameters, if the cluster is deleted and the request wants them deleted too
}

func (f *deletable) nothing() bool {
	return len(f.revisions) == 0 && len(f.cloudMap) == 0 && len(f.secrets) == 0 && len(f.orphans) == 0 && f.cluster == nil && f.role == nil && len(f.params) == 0
}

// tagged are the families and the Cloud Map services that belong to the space, by their tags.
type tagged struct {
	families, cloudMap []string // those of the service
	managed            []string // families of managed task definitions
}

// look reads everything that the teardown deletes.
func (t *teardown) look(ctx context.Context) (*deletable, error) {
	f := &deletable{}
	what := "service"
	if t.family != "" {
		what = "task definition"
	}
	_, err := saga.Named("read what belongs to the "+what, saga.NoRollback(func(ctx context.Context) error { return t.lookInto(ctx, f) }))(ctx)
	return f, err
}

func (t *teardown) lookInto(ctx context.Context, f *deletable) error {
	var used usage
	var byTags tagged
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			used, err = t.deleter.usageByOthers(ctx, t.cluster, t.name, t.dry)
			return err
		},
		func(ctx context.Context) (err error) {
			byTags, err = t.lookByTags(ctx)
			return err
		},
		func(ctx context.Context) error { return t.lookSpace(ctx, f) },
	)
	if err != nil {
		return err
	}
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			f.revisions, err = t.lookRevisions(ctx, unique(append(t.families(), byTags.families...)), used)
			return err
		},
		func(ctx context.Context) (err error) {
			f.cloudMap, err = t.lookCloudMap(ctx, byTags.cloudMap, used)
			return err
		},
	)
	if err != nil {
		return err
	}
	return t.lookSecrets(ctx, f, used, byTags.managed)
}

// lookByTags finds by tags what was created for the service. The service itself does not say what it used before an update, and says nothing once ECS has forgotten
// it.
func (t *teardown) lookByTags(ctx context.Context) (tagged, error) {
	var all tagged
	found, err := t.account.Tagging.Find(ctx, common.Tags{{Key: common.TagOrg, Value: t.account.Org}, {Key: common.TagSpace, Value: t.cluster}},
		"ecs:task-definition", "servicediscovery:service")
	for _, r := range found {
		_, marked := r.Tags.Get(common.TagRequest)
		flavor, _ := r.Tags.Get(common.TagFlavor)
		definition := strings.Contains(r.ARN, ":task-definition/")
		switch {
		case definition && flavor == space.FlavorTask:
			all.managed = append(all.managed, account.FamilyOf(r.ARN))
		case !marked || !resource.CreatedFor(r.Tags, t.name):
		case definition:
			all.families = append(all.families, account.FamilyOf(r.ARN))
		default:
			all.cloudMap = append(all.cloudMap, r.ARN)
		}
	}
	return all, err
}

// lookRevisions reads the revisions that belong to the service and that no other service uses.
func (t *teardown) lookRevisions(ctx context.Context, families []string, used usage) ([]*resource.Item, error) {
	var arns []string
	for _, family := range families {
		for _, status := range []string{awsecs.TaskDefinitionStatusActive, awsecs.TaskDefinitionStatusInactive} {
			some, err := t.account.ECS.ListTaskDefinitions(ctx, family, status)
			if err != nil {
				return nil, err
			}
			arns = append(arns, some...)
		}
	}
	revisions, err := resource.DescribeRevisions(ctx, t.account, slices.DeleteFunc(arns, func(arn string) bool { return used.revisions[arn] }))
	var items []*resource.Item
	for _, r := range revisions {
		if tags := ecsTags(r); t.mayDeleteWithService(tags) {
			arn := aws.StringValue(r.TaskDefinition.TaskDefinitionArn)
			items = append(items, &resource.Item{
				Thing: &resource.TaskDefinition{Account: t.account, Family: aws.StringValue(r.TaskDefinition.Family), ARN: arn, Input: resource.Known},
				Found: &resource.State{ID: arn, Tags: tags, Value: r.TaskDefinition},
			})
		}
	}
	return items, err
}

func ecsTags(r *awsecs.DescribeTaskDefinitionOutput) common.Tags { return ecs.ToTags(r.Tags) }

// lookCloudMap reads the Cloud Map services that belong to the service and that no other service uses.
func (t *teardown) lookCloudMap(ctx context.Context, arns []string, used usage) ([]*resource.Item, error) {
	for _, r := range t.service.ServiceRegistries {
		arns = append(arns, aws.StringValue(r.RegistryArn))
	}
	var items []*resource.Item
	for _, arn := range unique(arns) {
		if used.cloudMap[arn] {
			continue
		}
		thing := &resource.CloudMapService{Account: t.account, ARN: arn}
		found, err := thing.Find(ctx)
		if err != nil {
			return nil, err
		}
		if found != nil && t.mayDeleteWithService(found.Tags) {
			items = append(items, &resource.Item{Thing: thing, Found: found})
		}
	}
	return items, nil
}

// lookSpace reads the cluster and its role, if they are ours and nothing uses them, and then the parameters that are deleted with them.
func (t *teardown) lookSpace(ctx context.Context, f *deletable) error {
	cluster, role := t.clusterThing(), t.roleThing()
	var busy bool
	var families []string
	var foundCluster, foundRole *resource.State
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			foundCluster, err = cluster.Find(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			foundRole, err = role.Find(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			busy, err = cluster.InUse(ctx, t.except())
			return err
		},
		func(ctx context.Context) (err error) {
			families, err = space.ManagedFamilies(ctx, t.account, t.cluster)
			return err
		},
	)
	if err != nil || busy || slices.ContainsFunc(families, func(family string) bool { return family != t.family }) { // their tasks need the role
		return err
	}
	f.empty = true
	if foundCluster != nil && t.mayDelete(foundCluster.Tags) {
		f.cluster = &resource.Item{Thing: cluster, Found: foundCluster}
	}
	if foundRole != nil && t.mayDeleteWithCluster(foundRole.Tags) {
		f.role = &resource.Item{Thing: role, Found: foundRole}
	}
	if t.params && (foundCluster == nil || f.cluster != nil) {
		f.params, err = t.lookParams(ctx)
	}
	return err
}

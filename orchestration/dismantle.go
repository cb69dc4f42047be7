package orchestration

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/secretsmanager"
)

// dismantling is one recursive delete on its way: what there was, and what of it is to be taken down.
type dismantling struct {
	*Orchestrator
	cluster, name string
	asked         string          // the id of this request: what a later one made or claimed is not its to take down
	service       *awsecs.Service // as it was found; INACTIVE if it is gone
	home          *awsecs.Cluster // nil if it is gone
	families      []string        // of the task definitions it used
	registries    []string        // ARNs of the registries it used

	left leftovers
}

// leftovers are the things that belong to a service that is gone, and to nobody else.
type leftovers struct {
	revisions  []*awsecs.TaskDefinition
	registries []string // ARNs
	secrets    []string // ARNs
	space      bool     // the cluster or its role, in which nothing is left
}

func (d *dismantling) nothingLeft() bool {
	return len(d.left.revisions) == 0 && len(d.left.registries) == 0 && len(d.left.secrets) == 0 && !d.left.space
}

// findLeftovers looks for everything that is to be taken down. It reads only, so that it can be done again after an interruption.
func (d *dismantling) findLeftovers(ctx context.Context) error {
	d.left = leftovers{}
	var used usage
	_, err := inOrder(
		together(
			read(func(ctx context.Context) (err error) {
				used, err = d.usageByOthers(ctx, d.cluster, d.name)
				return err
			}),
			read(d.findByTags),
			read(d.findSpace),
		),
		together(
			read(func(ctx context.Context) error { return d.findRevisions(ctx, used) }),
			read(func(ctx context.Context) error { return d.findRegistries(ctx, used) }),
		),
		read(func(ctx context.Context) error { return d.findSecrets(ctx, used) }),
	)(ctx)
	return err
}

// findByTags looks by its tags for what was made for the service: it does not tell of what it used before an update, and nothing any more
// once ECS has forgotten it.
func (d *dismantling) findByTags(ctx context.Context) error {
	found, err := d.tagged.Find(ctx, common.Tags{{Key: common.TagOrg, Value: d.account.Org}, {Key: common.TagSpace, Value: d.cluster}},
		"ecs:task-definition", "servicediscovery:service")
	if err != nil {
		return err
	}
	for _, r := range found {
		_, marked := r.Tags.Get(common.TagRequest)
		switch {
		case !marked || !madeFor(r.Tags, d.name):
		case strings.Contains(r.ARN, ":task-definition/"):
			d.families = append(d.families, family(r.ARN))
		default:
			d.registries = append(d.registries, r.ARN)
		}
	}
	d.families, d.registries = unique(d.families), unique(d.registries)
	return nil
}

// findRevisions looks for the revisions of the service's families that belong to it and nobody uses.
func (d *dismantling) findRevisions(ctx context.Context, used usage) error {
	var arns []string
	for _, family := range d.families {
		for _, status := range []string{awsecs.TaskDefinitionStatusActive, awsecs.TaskDefinitionStatusInactive} {
			some, err := d.ecs.ListTaskDefinitions(ctx, family, status)
			if err != nil {
				return err
			}
			arns = append(arns, some...)
		}
	}
	arns = slices.DeleteFunc(arns, func(arn string) bool { return used.revisions[arn] })
	revisions, err := d.describeRevisions(ctx, arns)
	if err != nil {
		return err
	}
	for _, r := range revisions {
		if d.belongs(ecs.ToTags(r.Tags)) {
			d.left.revisions = append(d.left.revisions, r.TaskDefinition)
		}
	}
	return nil
}

// describeRevisions describes task definitions, at most maxReaders at a time, and leaves out those that are gone.
func (o *Orchestrator) describeRevisions(ctx context.Context, arns []string) ([]*awsecs.DescribeTaskDefinitionOutput, error) {
	all := make([]*awsecs.DescribeTaskDefinitionOutput, len(arns))
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for i, arn := range arns {
		common.Go(readers, func() error {
			out, err := o.ecs.TaskDefinition(ctx, arn)
			all[i] = out
			return ignoreNotFound(err)
		})
	}
	err := readers.Wait()
	return slices.DeleteFunc(all, func(out *awsecs.DescribeTaskDefinitionOutput) bool { return out == nil }), err
}

// findRegistries looks which of the service's registries belong to it and nobody else uses.
func (d *dismantling) findRegistries(ctx context.Context, used usage) error {
	for _, arn := range d.registries {
		if used.registries[arn] {
			continue
		}
		if _, err := d.cloud.Service(ctx, nameOf(arn)); common.Is(err, common.NotFound) {
			continue
		} else if err != nil {
			return err
		}
		tags, err := d.cloud.Tags(ctx, arn)
		if ignoreNotFound(err) != nil {
			return err
		}
		if err == nil && d.belongs(tags) {
			d.left.registries = append(d.left.registries, arn)
		}
	}
	return nil
}

// findSecrets looks for the secrets that belong to the service: those its revisions pull images with, and those an interrupted create made.
// Only secrets under the space's own prefix are ours to delete, and none that another service's task definition names.
func (d *dismantling) findSecrets(ctx context.Context, used usage) error {
	wanted := map[string]bool{}
	for _, r := range d.left.revisions {
		for _, secret := range secretsOf(r) {
			wanted[secret] = true
		}
	}
	prefix := secretPrefix(d.account.Org, d.cluster)
	listed, err := d.secrets.ListSecrets(ctx, secretsUnder(prefix))
	if err != nil {
		return err
	}
	for _, entry := range listed {
		tags := secretsmanager.ToTags(entry.Tags)
		if _, marked := tags.Get(common.TagRequest); marked && madeFor(tags, d.name) {
			wanted[aws.StringValue(entry.ARN)] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	others, err := d.secretsNearby(ctx, used)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		secret, err := d.secrets.Secret(ctx, id)
		if common.Is(err, common.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if others[aws.StringValue(secret.ARN)] || others[aws.StringValue(secret.Name)] {
			continue
		}
		ours := strings.HasPrefix(aws.StringValue(secret.Name), prefix) && d.belongs(secretsmanager.ToTags(secret.Tags))
		if ours && secret.DeletedDate == nil {
			d.left.secrets = append(d.left.secrets, aws.StringValue(secret.ARN))
		}
	}
	d.left.secrets = unique(d.left.secrets)
	return nil
}

// secretsUnder returns the filters for secrets whose name begins with prefix.
func secretsUnder(prefix string) []*awssecrets.Filter {
	return []*awssecrets.Filter{{Key: aws.String(awssecrets.FilterNameStringTypeName), Values: aws.StringSlice([]string{prefix})}}
}

// secretsOf returns the secrets that a task definition's images are pulled with.
func secretsOf(def *awsecs.TaskDefinition) []string {
	var ids []string
	for _, container := range def.ContainerDefinitions {
		if c := container.RepositoryCredentials; c != nil && aws.StringValue(c.CredentialsParameter) != "" {
			ids = append(ids, aws.StringValue(c.CredentialsParameter))
		}
	}
	return ids
}

// findSpace looks whether the cluster, or its role, is ours and nothing is left in it.
func (d *dismantling) findSpace(ctx context.Context) error {
	cluster, role, err := d.emptySpace(ctx)
	d.left.space = cluster || role
	return err
}

// emptySpace reports whether the cluster and its role are there, are ours to take down, and nothing uses them.
func (d *dismantling) emptySpace(ctx context.Context) (cluster, role bool, err error) {
	busy := false
	_, err = together(
		read(func(ctx context.Context) error {
			c, err := d.ecs.Cluster(ctx, d.cluster)
			cluster = err == nil && aws.StringValue(c.Status) == statusActive && d.ownsSpace(ecs.ToTags(c.Tags))
			return ignoreNotFound(err)
		}),
		read(func(ctx context.Context) error {
			r, err := d.iam.Role(ctx, roleName(d.cluster))
			role = err == nil && d.ownsRole(iam.ToTags(r.Tags))
			return ignoreNotFound(err)
		}),
		read(func(ctx context.Context) (err error) {
			busy, err = d.inUse(ctx, d.cluster)
			return err
		}),
	)(ctx)
	return cluster && !busy, role && !busy, err
}

// deleteRegistries deletes the service's registries. Their instances leave as the tasks stop; those that do not are taken out.
func (d *dismantling) deleteRegistries(ctx context.Context) error {
	for _, arn := range d.left.registries {
		wanted := func() (bool, error) {
			tags, err := d.cloud.Tags(ctx, arn)
			if err == nil {
				_, err = d.inactive(ctx)
			}
			return d.belongs(tags), err
		}
		err := d.deleteRegistry(ctx, arn, wanted)
		if common.RegistryInUse.Is(err) {
			err = d.emptyRegistry(ctx, arn, wanted)
		}
		if ignoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// emptyRegistry takes the instances out of a registry that ECS has left there, and deletes it.
func (d *dismantling) emptyRegistry(ctx context.Context, arn string, wanted func() (bool, error)) error {
	if ok, err := wanted(); err != nil || !ok {
		return err
	}
	instances, err := d.cloud.Instances(ctx, arn)
	if err != nil {
		return err
	}
	for _, instance := range instances {
		if err := d.cloud.DeregisterInstance(ctx, arn, instance); ignoreNotFound(err) != nil {
			return err
		}
	}
	return d.deleteRegistry(ctx, arn, wanted)
}

// deleteTaskDefinitions deletes the revisions, at the rate AWS allows.
func (d *dismantling) deleteTaskDefinitions(ctx context.Context) error {
	var arns []string
	for _, r := range d.left.revisions {
		arn := aws.StringValue(r.TaskDefinitionArn)
		now, err := d.ecs.TaskDefinition(ctx, arn)
		if ignoreNotFound(err) != nil {
			return err
		}
		if err != nil || !d.belongs(ecs.ToTags(now.Tags)) {
			continue // gone, or claimed meanwhile
		}
		if _, err := d.inactive(ctx); err != nil {
			return err
		}
		if _, err := d.ecs.DeregisterTaskDefinition(ctx, arn); ignoreNotFound(err) != nil {
			return err
		}
		arns = append(arns, arn)
	}
	return d.ecs.DeleteTaskDefinitions(ctx, arns)
}

// deleteCredentials deletes the secrets at once: they hold nothing but what the caller sent.
func (d *dismantling) deleteCredentials(ctx context.Context) error {
	for _, arn := range d.left.secrets {
		secret, err := d.secrets.Secret(ctx, arn)
		if ignoreNotFound(err) != nil {
			return err
		}
		if err != nil || !d.belongs(secretsmanager.ToTags(secret.Tags)) {
			continue // gone, or claimed meanwhile
		}
		if _, err := d.inactive(ctx); err != nil {
			return err
		}
		if _, err := d.secrets.DeleteSecret(ctx, arn, 0); ignoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// deleteSpace deletes the cluster and then its role, if nothing is left in them. The cluster goes first: AWS refuses to delete one that
// is in use.
func (d *dismantling) deleteSpace(ctx context.Context) error {
	release, ok := d.spaces.alone(d.cluster)
	if !ok {
		return nil // a request is building in it
	}
	defer release()
	cluster, role, err := d.emptySpace(ctx)
	if err != nil {
		return err
	}
	if cluster {
		if gone, err := d.deleteCluster(ctx, d.cluster, d.ownsSpace); err != nil || !gone {
			return err
		}
	}
	if role {
		return d.deleteRole(ctx, d.cluster, d.ownsRole)
	}
	return nil
}

// belongs reports whether something may be taken down along with the service: it carries our org's tag, does not say that it is of
// another space or for another service, and no later request has made or claimed it.
func (d *dismantling) belongs(tags common.Tags) bool {
	space, ok := tags.Get(common.TagSpace)
	return d.ownsSpace(tags) && (!ok || space == d.cluster) && madeFor(tags, d.name)
}

// ownsSpace reports whether a cluster with the tags may be taken down once it is empty.
func (d *dismantling) ownsSpace(tags common.Tags) bool {
	return tags.OwnedBy(d.account.Org) && !madeAfter(tags, d.asked)
}

// ownsRole reports whether a role with the tags may be taken down along with its cluster.
func (d *dismantling) ownsRole(tags common.Tags) bool {
	space, _ := tags.Get(common.TagSpace)
	return d.ownsSpace(tags) && space == d.cluster
}

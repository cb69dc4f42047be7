package teardown

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/secretsmanager"
)

// lookSecrets reads the secrets that belong to the service: those its images are pulled with, and those that an interrupted create left. Only secrets
// under the space's own prefix are ours to delete, and none that a revision refers to which another service, or a job, runs or may be put back to:
// such a one is kept, and goes with the space.
func (t *teardown) lookSecrets(ctx context.Context, f *deletable, used usage, managed []string) error {
	own, orphaned, err := t.listSecrets(ctx, f.empty)
	if err != nil {
		return err
	}
	goes := map[string]bool{}
	for _, item := range f.revisions {
		goes[item.Found.ID] = true
		own = append(own, spec.CredentialIDs(resource.ValueOf[*awsecs.TaskDefinition](item.Found).ContainerDefinitions)...)
	}
	references := sync.OnceValues(func() ([]string, error) { return t.deleter.secretReferences(ctx, used, managed, goes) })
	f.secrets, f.kept, err = t.readSecrets(ctx, own, t.mayDeleteWithService, references)
	f.kept = slices.DeleteFunc(f.kept, func(item *resource.Item) bool { return resource.IsOrphaned(item.Found.Tags) })
	if err != nil || !f.empty {
		return err
	}
	f.orphans, _, err = t.readSecrets(ctx, orphaned, t.mayDeleteWithSpace, references)
	return err
}

// lookOrphans reads the orphaned secrets of an empty space.
func (t *teardown) lookOrphans(ctx context.Context, f *deletable) error {
	if !f.empty {
		return nil
	}
	_, orphaned, err := t.listSecrets(ctx, true)
	if err != nil || len(orphaned) == 0 {
		return err
	}
	f.orphans, _, err = t.readSecrets(ctx, orphaned, t.mayDeleteWithSpace, func() ([]string, error) {
		used, err := t.deleter.usageByOthers(ctx, t.cluster, t.name, t.dry)
		if err != nil {
			return nil, err
		}
		return t.deleter.secretReferences(ctx, used, nil, nil)
	})
	return err
}

// listSecrets returns the secrets that ownership tags say were created for the service, and those that were for others that are gone, by ARN:
// the latter only where the space is empty.
func (t *teardown) listSecrets(ctx context.Context, empty bool) (own, orphaned []string, err error) {
	listed, err := t.account.Secrets.ListSecrets(ctx, space.SecretsUnder(spec.SecretPrefix(t.account.Org, t.cluster)))
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range listed {
		tags, arn := secretsmanager.ToTags(entry.Tags), aws.StringValue(entry.ARN)
		if _, marked := tags.Get(common.TagRequest); !marked || !tags.TaggedFor(t.account.Org) {
			continue
		}
		if resource.CreatedFor(tags, t.name) {
			own = append(own, arn)
			continue
		}
		if !empty {
			continue
		}
		gone, err := t.ownerIsGone(ctx, tags)
		if err != nil {
			return nil, nil, err
		}
		if gone {
			orphaned = append(orphaned, arn)
		}
	}
	return own, orphaned, nil
}

// ownerIsGone reports whether a secret, whose tags are those of another service or a managed task definition in an empty space, will not be torn down
// with that. Its teardown says so; a secret without that mark must be older than any request may work which has not created its service yet.
func (t *teardown) ownerIsGone(ctx context.Context, tags common.Tags) (bool, error) {
	if !resource.IsOrphaned(tags) && resource.MayBeRolledBack(tags, time.Now()) {
		return false, nil
	}
	family, ok := resource.TaskDefinitionOf(tags)
	if !ok {
		return true, nil
	}
	active, err := t.account.ECS.ListTaskDefinitions(ctx, family, awsecs.TaskDefinitionStatusActive) // eventual consistency: its tags may not be shown yet
	return len(active) == 0, err
}

// mayDeleteWithSpace reports whether an orphaned secret may be torn down along with the space.
func (t *teardown) mayDeleteWithSpace(tags common.Tags) bool {
	home, tagged := tags.Get(common.TagSpace)
	return (!tagged || home == t.cluster) && (t.mayDelete(tags) || resource.IsOrphaned(tags) && tags.TaggedFor(t.account.Org))
}

// readSecrets reads those of the secrets, by name or ARN, whose tags are as wanted and that are not scheduled for deletion: first those that nothing
// refers to, then those that something does.
func (t *teardown) readSecrets(ctx context.Context, ids []string, wanted func(common.Tags) bool, references func() ([]string, error)) (unused,
	used []*resource.Item, err error) {
	found, err := space.ReadSecrets(ctx, t.account, t.cluster, unique(ids))
	found = slices.DeleteFunc(found, func(s *resource.State) bool { return resource.Scheduled(s) || !wanted(s.Tags) })
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	referred, err := references()
	if err != nil {
		return nil, nil, err
	}
	known := map[string]bool{} // a secret may have been found by its name and by its ARN
	for _, s := range found {
		if known[s.ID] {
			continue
		}
		known[s.ID] = true
		item := &resource.Item{Thing: space.CredentialOf(t.account, s), Found: s}
		name := aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](s).Name)
		if slices.ContainsFunc(referred, func(id string) bool { return spec.Names(id, s.ID, name) }) {
			used = append(used, item)
		} else {
			unused = append(unused, item)
		}
	}
	return unused, used, nil
}

// markOrphaned marks a secret, which something else refers to, as one that outlives the service: whoever tears down the space deletes it then.
func (t *teardown) markOrphaned(ctx context.Context, item *resource.Item) error {
	found, err := item.Find(ctx)
	if err != nil || found == nil || resource.Scheduled(found) || !t.mayDeleteWithService(found.Tags) {
		return err // gone, or adopted meanwhile
	}
	return resource.IgnoreNotFound(item.SetTags(ctx, found, common.Tags{{Key: common.TagRequest, Value: resource.OrphanOwner(t.name, t.id)}}, nil))
}

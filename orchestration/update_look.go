package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/secretsmanager"
)

// updateFound is what an update found when it looked.
type updateFound struct {
	space    space.Found
	service  *awsecs.Service
	present  *awsecs.DescribeTaskDefinitionOutput // the revision that the service runs
	other    *awsecs.DescribeTaskDefinitionOutput // the revision that the request names, or the newest of the family that it gives; nil if there is none
	cloudMap []*resource.State
	secrets  []*resource.State // of the space, that the present or the named revision refers to
}

// secret returns the space's secret that a reference names; nil if there is none.
func (f *updateFound) secret(id string) *resource.State { return space.SecretNamed(f.secrets, id) }

// retags reports whether the request changes tags.
func (u *update) retags() bool {
	return len(spec.WithoutReserved(u.space.Want.Callers)) > 0 || len(u.untag) > 0
}

// readsSecrets reports whether what the update does depends on the secrets that the service uses.
func (u *update) readsSecrets() bool {
	return u.retags() || u.define != nil || u.revision != "" || u.space.Want.Builds || u.force || u.startsFromZero || startsTasks(u.settings)
}

// startsTasks reports whether a service with these settings may start tasks. Tasks that already run do not read their secrets again.
func startsTasks(settings *awsecs.UpdateServiceInput) bool {
	return settings != nil && (settings.DesiredCount == nil || *settings.DesiredCount > 0)
}

// look reads everything that the update depends on, in two rounds, because only the service says what it refers to. It finds the secrets of the service in a list,
// by their ownership tags. The list may lag (eventual consistency): secrets that are missing in it take a third round.
func (u *update) look(ctx context.Context) (*updateFound, error) {
	f := &updateFound{}
	var listed []string
	_, err := saga.InOrder(
		saga.Together(append(u.space.Look(&f.space, u.retags()),
			saga.Named("read service", saga.NoRollback(func(ctx context.Context) (err error) {
				f.service, err = u.o.account.ECS.Service(ctx, u.cluster, u.service)
				return resource.IgnoreNotFound(err)
			})),
			saga.Named("read new task definition", saga.NoRollback(func(ctx context.Context) error { return u.lookOther(ctx, f) })),
			saga.When(u.readsSecrets(), saga.Named("list secrets", saga.NoRollback(func(ctx context.Context) error {
				listed = u.listSecrets(ctx)
				return nil
			}))),
		)...),
		saga.NoRollback(func(context.Context) error { return u.checkService(f) }),
		saga.Together(
			saga.Named("read task definition", saga.NoRollback(func(ctx context.Context) (err error) {
				f.present, err = u.o.account.ECS.TaskDefinition(ctx, aws.StringValue(f.service.TaskDefinition))
				return err
			})),
			saga.When(u.retags(), saga.Named("read Cloud Map services", saga.NoRollback(func(ctx context.Context) error { return u.lookCloudMap(ctx, f) }))),
			saga.Named("read secrets", saga.NoRollback(func(ctx context.Context) (err error) {
				f.secrets, err = space.ReadSecrets(ctx, u.o.account, u.cluster, listed)
				return err
			})),
		),
		saga.When(u.readsSecrets(), saga.Named("read other secrets", saga.NoRollback(func(ctx context.Context) error { return u.lookOtherSecrets(ctx, f) }))),
	)(ctx)
	return f, err
}

// lookOther reads the revision that the request names, or the newest of the family that it gives.
func (u *update) lookOther(ctx context.Context, f *updateFound) (err error) {
	name := u.revision
	if name == "" {
		name = u.family
	}
	if name == "" {
		return nil
	}
	f.other, err = u.o.account.ECS.TaskDefinition(ctx, name)
	return resource.IgnoreNotFound(err)
}

// listSecrets returns the ARNs of the space's secrets that were created for the service, as far as the list contains them. lookOtherSecrets reads the others.
func (u *update) listSecrets(ctx context.Context) []string {
	entries, _ := u.o.account.Secrets.ListSecrets(ctx, space.SecretsUnder(spec.SecretPrefix(u.o.account.Org, u.cluster)))
	var arns []string
	for _, entry := range entries {
		tags := secretsmanager.ToTags(entry.Tags)
		if _, marked := tags.Get(common.TagRequest); marked && resource.CreatedFor(tags, u.service) {
			arns = append(arns, aws.StringValue(entry.ARN))
		}
	}
	return arns
}

// lookCloudMap reads the Cloud Map services that the service is registered in.
func (u *update) lookCloudMap(ctx context.Context, f *updateFound) error {
	f.cloudMap = make([]*resource.State, len(f.service.ServiceRegistries))
	var reads []func(context.Context) error
	for i, r := range f.service.ServiceRegistries {
		reads = append(reads, func(ctx context.Context) error {
			arn := aws.StringValue(r.RegistryArn)
			tags, err := u.o.account.CloudMap.Tags(ctx, arn)
			if err == nil {
				f.cloudMap[i] = &resource.State{ID: arn, Tags: tags}
			}
			return resource.IgnoreNotFound(err)
		})
	}
	return common.Concurrently(ctx, reads...)
}

// lookOtherSecrets reads the secrets that the revisions refer to and that were not in the list. It drops secrets to which no revision refers.
func (u *update) lookOtherSecrets(ctx context.Context, f *updateFound) error {
	ids := spec.SecretIDs(f.present.TaskDefinition.ContainerDefinitions)
	if u.revision != "" && f.other != nil {
		ids = append(ids, spec.SecretIDs(f.other.TaskDefinition.ContainerDefinitions)...)
	}
	var missing []string
	var used []*resource.State
	for _, id := range ids {
		switch s := f.secret(id); {
		case s == nil:
			missing = append(missing, id)
		case !slices.Contains(used, s):
			used = append(used, s)
		}
	}
	f.secrets = used
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	found, err := space.ReadSecrets(ctx, u.o.account, u.cluster, slices.Compact(missing))
	for _, s := range found {
		if f.secret(s.ID) == nil { // a secret may be named in several forms
			f.secrets = append(f.secrets, s)
		}
	}
	return err
}

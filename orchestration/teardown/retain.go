package teardown

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// KindRetire is the kind of the operations that deregister old revisions.
const KindRetire = "retire revisions"

// retireTime is how long that may take: AWS allows one call to deregister a revision per second.
const retireTime = 30 * time.Minute

// Targets returns the ARNs of the revisions that a rollback of a service may choose. Known is false if AWS does not let us read deployments.
type Targets func(ctx context.Context, cluster, service string) (arns []string, known bool, err error)

// Retire deregisters old ACTIVE revisions of the service's family in the background. It keeps the newest ones, as many as the account's config says, and those that
// something runs or that a rollback may choose. It also deletes the secrets of their images to which nothing refers any more. It does nothing if the account keeps all
// revisions.
func (d *Deleter) Retire(ctx context.Context, cluster, service, family string, targets Targets) {
	if d.transactions.Account.KeepRevisions == 0 {
		return
	}
	if d.transactions.Background.Working(d.transactions.Account.Name, KindRetire, transaction.ServiceTarget(cluster, service)) {
		return // what it leaves is retired at the next change
	}
	r := &retirement{
		teardown: &teardown{deleter: d, account: d.transactions.Account, cluster: cluster, name: service, id: resource.NewID()},
		family:   family, targets: targets,
	}
	operation := operations.Operation{Kind: KindRetire, Target: transaction.ServiceTarget(cluster, service), Account: d.transactions.Account.Name}
	_, _ = d.transactions.Background.Start(ctx, operation, retireTime, r.run, func() {}) // at shutdown nothing starts: the next change retires them
}

// retirement retires the revisions of one family, for one service.
type retirement struct {
	teardown *teardown // of the service, which says what may go with it; not embedded, as the family there is that of a managed task definition
	family   string    // of the service
	targets  Targets
}

func (r *retirement) run(ctx context.Context) error {
	a := r.teardown.account
	listed, err := a.ECS.ListTaskDefinitions(ctx, r.family, awsecs.TaskDefinitionStatusActive)
	if err != nil {
		return err
	}
	listed = slices.DeleteFunc(listed, func(arn string) bool { return account.FamilyOf(arn) != r.family })
	slices.SortFunc(listed, func(a, b string) int { return spec.RevisionOf(b) - spec.RevisionOf(a) })
	if len(listed) <= a.KeepRevisions {
		return nil
	}
	used, kept, err := r.inUse(ctx)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(listed[a.KeepRevisions:], func(arn string) bool { return used.revisions[arn] || slices.Contains(kept, arn) })
	revisions, err := resource.DescribeRevisions(ctx, a, old)
	if err != nil {
		return err
	}
	var gone []*awsecs.TaskDefinition
	for _, found := range slices.Backward(revisions) { // the oldest first
		if !r.teardown.mayDeleteWithService(ecsTags(found)) {
			continue
		}
		retired, err := r.retire(ctx, found.TaskDefinition)
		if err != nil {
			return err
		}
		if retired {
			gone = append(gone, found.TaskDefinition)
		}
	}
	return r.retireSecrets(ctx, gone)
}

// inUse returns what all services use, and what a rollback of those that run the family may choose.
func (r *retirement) inUse(ctx context.Context) (used usage, kept []string, err error) {
	used = usage{map[string]bool{}, map[string]bool{}}
	all, err := r.teardown.deleter.allServices(ctx)
	if err != nil {
		return used, nil, err
	}
	for cluster, services := range all {
		for _, s := range services {
			used.add(s)
			if account.FamilyOf(aws.StringValue(s.TaskDefinition)) != r.family {
				continue
			}
			name := aws.StringValue(s.ServiceName)
			arns, known, err := r.targets(ctx, cluster, name)
			switch {
			case common.Is(err, common.NotFound): // another org's, or gone meanwhile
				continue
			case err != nil:
				return used, nil, err
			case !known:
				return used, nil, common.Errorf(common.Unavailable,
					"AWS does not let us read the deployments of service %s in cluster %s, so that nobody knows what a rollback may choose: no revision was deregistered", name, cluster)
			}
			kept = append(kept, arns...)
		}
	}
	return used, kept, nil
}

// retire deregisters a revision, unless the service has come to use it since, or to be able to go back to it.
func (r *retirement) retire(ctx context.Context, revision *awsecs.TaskDefinition) (bool, error) {
	a, arn := r.teardown.account, aws.StringValue(revision.TaskDefinitionArn)
	service, err := a.ECS.Service(ctx, r.teardown.cluster, r.teardown.name)
	if err != nil {
		return false, resource.IgnoreNotFound(err)
	}
	now := usage{map[string]bool{}, map[string]bool{}}
	if now.add(service); now.revisions[arn] {
		return false, nil
	}
	_, err = a.ECS.DeregisterTaskDefinition(ctx, arn)
	return err == nil, resource.IgnoreNotFound(err)
}

// retireSecrets deletes the secrets that the images of the revisions were pulled with, those under the space's own prefix that no ACTIVE revision
// refers to of a family that a service or a job runs.
func (r *retirement) retireSecrets(ctx context.Context, gone []*awsecs.TaskDefinition) error {
	if len(gone) == 0 {
		return nil
	}
	var wanted []string
	goes := map[string]bool{}
	for _, revision := range gone {
		goes[aws.StringValue(revision.TaskDefinitionArn)] = true
		wanted = append(wanted, spec.CredentialIDs(revision.ContainerDefinitions)...)
	}
	a := r.teardown.account
	secrets, err := space.ReadSecrets(ctx, a, r.teardown.cluster, unique(wanted))
	if err != nil {
		return err
	}
	secrets = slices.DeleteFunc(secrets, func(s *resource.State) bool { return resource.Scheduled(s) || !r.teardown.mayDeleteWithService(s.Tags) })
	if len(secrets) == 0 {
		return nil
	}
	used, _, err := r.inUse(ctx) // as it is now
	if err != nil {
		return err
	}
	byTags, err := r.teardown.lookByTags(ctx)
	if err != nil {
		return err
	}
	others, err := r.teardown.deleter.secretReferences(ctx, used, append(byTags.managed, r.family), goes)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		name := aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](s).Name)
		if slices.ContainsFunc(others, func(id string) bool { return spec.Names(id, s.ID, name) }) {
			continue
		}
		if _, err := a.Secrets.DeleteSecret(ctx, s.ID, resource.RestoreWindowDays); resource.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

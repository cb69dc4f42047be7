// Package taskdefs creates, updates and deletes managed task definitions, whose tasks are run as jobs, with all that these need: a service's create without a
// service. It owns one rule: a managed task definition is a family whose newest revision says, by its tags, that it is our org's, of the space that the path
// names, and of flavor task; what says otherwise does not exist here.
package taskdefs

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/teardown"
	"ecs-api/orchestration/transaction"
)

// TaskDefinitions are the managed task definitions of one account.
type TaskDefinitions struct {
	account      *account.Account
	transactions *transaction.Manager
	tasks        adhoc.Tasks
	deleter      *teardown.Deleter
	logs         *logs.Reader
	now          func() time.Time
	wait         func(context.Context, time.Duration) error // between two looks at tasks
	waiting      atomic.Int32                               // requests that wait for tasks
}

// Option is a setting of New.
type Option func(*TaskDefinitions)

// WithClock makes those who wait for tasks read the time from now, and wait with wait.
func WithClock(now func() time.Time, wait func(context.Context, time.Duration) error) Option {
	return func(d *TaskDefinitions) { d.now, d.wait = now, wait }
}

// New returns the managed task definitions of the account whose transactions the manager begins.
func New(transactions *transaction.Manager, tasks adhoc.Tasks, deleter *teardown.Deleter, reader *logs.Reader, opts ...Option) *TaskDefinitions {
	d := &TaskDefinitions{account: transactions.Account, transactions: transactions, tasks: tasks, deleter: deleter, logs: reader, now: time.Now,
		wait: common.Sleep}
	for _, opt := range opts {
		opt(d)
	}
	return d
}

// Output is a managed task definition that a request created or updated.
type Output struct {
	Cluster        *awsecs.Cluster
	TaskDefinition *awsecs.TaskDefinition
	Tags           []*awsecs.Tag
	Credentials    map[string]*awssecrets.CreateSecretOutput // those that were created or changed, by container
}

// View is a managed task definition.
type View struct {
	Cluster        *awsecs.Cluster
	TaskDefinition *awsecs.TaskDefinition
	Tags           []*awsecs.Tag
	Credentials    map[string]string // the names of the secrets that images are pulled with, by container
}

// NoSuch is the NotFound for a managed task definition.
func NoSuch(cluster, family string) error {
	return common.Errorf(common.NotFound, "there is no managed task definition %s in cluster %s", family, cluster)
}

// List returns the families of the managed task definitions in a cluster, sorted. AWS finds them by their tags, which it shows some minutes late.
func (d *TaskDefinitions) List(ctx context.Context, cluster string) ([]string, error) {
	var home *awsecs.Cluster
	var families []string
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			home, err = d.account.ECS.Cluster(ctx, cluster)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			families, err = space.ManagedFamilies(ctx, d.account, cluster)
			return err
		},
	)
	switch {
	case err != nil:
		return nil, err
	case home == nil && len(families) == 0, home != nil && !ecs.ToTags(home.Tags).VisibleTo(d.account.Org):
		return nil, account.NoSuch("cluster", cluster)
	}
	return families, nil
}

// Show returns a managed task definition: its newest revision.
func (d *TaskDefinitions) Show(ctx context.Context, cluster, family string) (*View, error) {
	if err := checkFamily(family); err != nil {
		return nil, err
	}
	var home *awsecs.Cluster
	var newest *awsecs.DescribeTaskDefinitionOutput
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			home, err = d.account.ECS.Cluster(ctx, cluster)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			newest, err = d.account.ECS.TaskDefinition(ctx, family)
			return resource.IgnoreNotFound(err)
		},
	)
	if err != nil {
		return nil, err
	}
	if home != nil && !ecs.ToTags(home.Tags).VisibleTo(d.account.Org) || !d.manages(newest, cluster) {
		return nil, NoSuch(cluster, family)
	}
	return &View{Cluster: home, TaskDefinition: newest.TaskDefinition, Tags: newest.Tags, Credentials: credentials(newest.TaskDefinition)}, nil
}

// manages reports whether a revision is that of a managed task definition in the cluster.
func (d *TaskDefinitions) manages(revision *awsecs.DescribeTaskDefinitionOutput, cluster string) bool {
	if resource.RevisionState(revision) == nil {
		return false
	}
	return space.IsManaged(ecs.ToTags(revision.Tags), d.account.Org, cluster)
}

// credentials returns the names of the secrets that the images are pulled with, by container.
func credentials(definition *awsecs.TaskDefinition) map[string]string {
	names := map[string]string{}
	for _, c := range definition.ContainerDefinitions {
		if c.RepositoryCredentials != nil {
			names[aws.StringValue(c.Name)] = spec.SecretName(strings.TrimSpace(aws.StringValue(c.RepositoryCredentials.CredentialsParameter)))
		}
	}
	return names
}

// Delete deletes a managed task definition in the background; see teardown.Deleter.DeleteTaskDefinition.
func (d *TaskDefinitions) Delete(ctx context.Context, cluster, family string, recursive, force bool,
	match etag.Condition) (*teardown.TaskDefinitionOutput, *operations.Operation, error) {
	if err := checkFamily(family); err != nil {
		return nil, nil, err
	}
	return d.deleter.DeleteTaskDefinition(ctx, cluster, family, recursive, force, match)
}

// PlanDelete returns what Delete would do, and changes nothing.
func (d *TaskDefinitions) PlanDelete(ctx context.Context, cluster, family string, recursive, force bool, match etag.Condition) (*resource.Preview, error) {
	if err := checkFamily(family); err != nil {
		return nil, err
	}
	return d.deleter.PlanTaskDefinition(ctx, cluster, family, recursive, force, match)
}

// checkFamily refuses what can be no family.
func checkFamily(family string) error {
	var p common.Problems
	account.CheckName(&p, "taskdef", family)
	return p.Err()
}

// secrets returns the secrets of the space that a revision refers to.
func secrets(ctx context.Context, a *account.Account, cluster string, revision *awsecs.DescribeTaskDefinitionOutput) ([]*resource.State, error) {
	found, err := space.ReferencedSecrets(ctx, a, cluster, revision.TaskDefinition.ContainerDefinitions)
	return slices.CompactFunc(found, func(a, b *resource.State) bool { return a.ID == b.ID }), err
}

package orchestration

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/patch"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// UpdateInput says what an update changes of a service: at least one thing.
type UpdateInput struct {
	ServiceName        *string // the service, where the path does not name it; Service.Service does as well
	Service            *awsecs.UpdateServiceInput
	TaskDefinition     *awsecs.RegisterTaskDefinitionInput
	Credentials        map[string]*awssecrets.CreateSecretInput // by container: new ones, or new values
	Tags               []*awsecs.Tag                            // of everything that belongs to the service
	ForceNewDeployment *bool
	ForceRedeploy      *bool // means the same

	spec.Unread
	nulls []string // the paths of members that are null; see SetNulls
}

// Elsewhere says where a key of a PATCH belongs.
func (in *UpdateInput) Elsewhere(key string) string {
	if key == "desiredcount" {
		return "belongs below Service in a PUT, or use PATCH"
	}
	return patch.Elsewhere(key)
}

// SetNulls says which members of the request are null, by their paths in lower case. A container whose repositoryCredentials are null loses them; a container that
// leaves them out keeps those it had.
func (in *UpdateInput) SetNulls(paths []string) { in.nulls = paths }

// Name returns the name of the service that the request itself names; empty if it names none.
func (in *UpdateInput) Name() string {
	names := in.names()
	return account.NameOf(cmp.Or(names["service.service"], names["servicename"]))
}

// names returns how the request refers to the service, by the names of the fields.
func (in *UpdateInput) names() map[string]string {
	names := map[string]string{}
	if in.Service != nil && aws.StringValue(in.Service.Service) != "" {
		names["service.service"] = *in.Service.Service
	}
	if aws.StringValue(in.ServiceName) != "" {
		names["servicename"] = *in.ServiceName
	}
	return names
}

// force reports whether the update replaces the tasks even if nothing about them changes.
func (in *UpdateInput) force() bool {
	return aws.BoolValue(in.ForceNewDeployment) || aws.BoolValue(in.ForceRedeploy) ||
		in.Service != nil && aws.BoolValue(in.Service.ForceNewDeployment)
}

// UpdateOutput is the service and what belongs to it, after the update.
type UpdateOutput struct {
	Cluster             *awsecs.Cluster
	Service             *awsecs.Service
	TaskDefinition      *awsecs.TaskDefinition
	Credentials         map[string]*awssecrets.CreateSecretOutput // those that were created or changed
	CloudwatchLogGroups []string                                  // names
	Tags                []*awsecs.Tag
	Deployment          *observe.Deployment // that the update has started; nil if it started none
	// Unproven is the task definition, as family:revision, that a patch has built on while its deployment was in progress: if ECS rolls the service
	// back, the patch goes with it.
	Unproven string `json:"-"`
}

// update is one change of a service: by PUT, PATCH, rollback, restart or power. Each of them sets it up; after look nobody writes to it.
type update struct {
	o                *Orchestrator
	cluster, service string
	space            *space.Space
	match            etag.Condition // of the service as it must be

	// PUT and PATCH.
	refs     map[string]string // how the request refers to the service, by field
	settings *awsecs.UpdateServiceInput
	family   string // of the task definition that the request gives; empty if it gives none
	force    bool
	untag    []string // keys of tags that are removed
	patches  bool     // it builds on the task definition that the service is to run now

	startsFromZero bool // power: it may scale the service up from 0 tasks, by adjust

	// PUT, PATCH and rollback.
	revision string // that the service is to run, where the request names one

	// Rollback.
	action   string              // what errors say that it does to the service; empty: update
	stop     string              // the ARN of a service deployment that is stopped first; empty for none
	underWay *observe.Deployment // that does already what the request wants; nil for none

	// prepare is called once the service is locked, for what must be known before the update looks; nil for nothing.
	prepare func(context.Context) error
	// adjust returns settings, and tags of the service alone, that depend on the service as it is; nil for none.
	adjust func(*awsecs.Service) (adjustment, error)
	// define returns the task definition that the service is to run instead of the present one; nil where that stays.
	define func(present *awsecs.TaskDefinition) (*space.Registration, error)
}

// adjustment is what an update changes of the service itself, depending on what it is.
type adjustment struct {
	settings *awsecs.UpdateServiceInput // nil for none
	tags     common.Tags                // of the service alone
	untag    []string
}

// Update returns the request that changes a service and what belongs to it.
func (o *Orchestrator) Update(cluster, service string, in *UpdateInput) (*Write, error) {
	u, err := o.newUpdate(cluster, service, in)
	if err != nil {
		return nil, err
	}
	return &Write{u}, nil
}

// do locks the service, looks, decides and applies.
func (u *update) do(ctx context.Context) (*UpdateOutput, error) {
	out, err := transaction.Apply(ctx, u.o.transactions, transaction.ServiceTarget(u.cluster, u.service), u.verb(), u.space.Request, u.space.Shared(), u.run)
	if err == nil {
		u.retire(context.WithoutCancel(ctx), out)
	}
	return out, err
}

// verb returns what the request does to the service, for its errors.
func (u *update) verb() string { return cmp.Or(u.action, "update") }

// retire deregisters old revisions, in the background, once a change has registered a new one.
func (u *update) retire(ctx context.Context, out *UpdateOutput) {
	if u.define != nil && out.TaskDefinition != nil {
		u.o.deleter.Retire(ctx, u.cluster, u.service, aws.StringValue(out.TaskDefinition.Family), u.o.observer.RollbackTargets)
	}
}

// plan looks and decides.
func (u *update) plan(ctx context.Context) (*updatePlan, error) {
	if u.prepare != nil {
		if err := u.prepare(ctx); err != nil {
			return nil, err
		}
	}
	found, err := u.look(ctx)
	if err != nil {
		return nil, err
	}
	u.space.Identify(ctx, &found.space)
	return u.decide(found)
}

// run looks, decides and applies.
func (u *update) run(ctx context.Context) (*UpdateOutput, saga.Rollback, error) {
	plan, err := u.plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	operations.AcceptNow(ctx, transaction.ServiceTarget(u.cluster, u.service))
	if plan.revise.New == nil {
		u.space.Request.NotNeeded(u.space.Execution()...)
	}
	var out *UpdateOutput
	unchanged := saga.When(u.match.Compares(), saga.Named("compare with If-Match", saga.NoRollback(u.checkMatch)))
	rollback, err := saga.InOrder(unchanged, plan.Apply(), plan.parts.Verify(),
		saga.NoRollback(func(context.Context) error { out = plan.output(); return nil }))(ctx)
	if err != nil {
		return nil, rollback, u.ifDeleted(err)
	}
	return out, nil, nil
}

// ifDeleted returns, for an error of AWS which says that the service was deleted, what the request would have got if ECS had shown that already.
func (u *update) ifDeleted(err error) error {
	switch code := common.CodeOf(err); {
	case code == awsecs.ErrCodeServiceNotActiveException, code == awsecs.ErrCodeInvalidParameterException && strings.Contains(err.Error(), "service is inactive"):
		return u.draining()
	case code == awsecs.ErrCodeServiceNotFoundException:
		return account.NoService(u.cluster, u.service)
	}
	return err
}

// draining is the Conflict for a service that is being deleted.
func (u *update) draining() error {
	return common.Coded(common.CodeServiceDraining, "service %s is being deleted", u.service)
}

// checkMatch reads the service again right before its first change, because another server may have changed it since this one looked.
func (u *update) checkMatch(ctx context.Context) error {
	now, err := u.o.account.ECS.Service(ctx, u.cluster, u.service)
	if err != nil {
		return account.Hide(err, "service", u.service+" in cluster "+u.cluster)
	}
	return u.matches(now)
}

// matches is an ETagMismatch if the service is not in the state that the request expects.
func (u *update) matches(s *awsecs.Service) error {
	if !u.match.Compares() {
		return nil
	}
	return u.match.Check("service "+u.service, etag.Service(s))
}

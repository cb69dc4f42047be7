package orchestration

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// UpdateInput says what is to be changed about a service. All of it is optional.
type UpdateInput struct {
	ServiceName        *string // the service, where the path does not name it; Service.Service does as well
	Service            *awsecs.UpdateServiceInput
	TaskDefinition     *awsecs.RegisterTaskDefinitionInput
	Credentials        map[string]*awssecrets.CreateSecretInput // by container: new ones, or new values
	Tags               []*awsecs.Tag                            // of everything that belongs to the service
	ForceNewDeployment *bool
	ForceRedeploy      *bool // means the same
}

// Name returns the name of the service that the request itself names; empty if it names none.
func (in *UpdateInput) Name() string {
	names := in.names()
	return nameOf(cmp.Or(names["service.service"], names["servicename"]))
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

// force reports whether the tasks are to be replaced though nothing about them has changed.
func (in *UpdateInput) force() bool {
	return aws.BoolValue(in.ForceNewDeployment) || aws.BoolValue(in.ForceRedeploy) ||
		in.Service != nil && aws.BoolValue(in.Service.ForceNewDeployment)
}

// UpdateOutput is the service and what belongs to it, after the update.
type UpdateOutput struct {
	Cluster             *awsecs.Cluster
	Service             *awsecs.Service
	TaskDefinition      *awsecs.TaskDefinition
	Credentials         map[string]*awssecrets.CreateSecretOutput // those that were made or changed
	CloudwatchLogGroups []string                                  // names
	Tags                []*awsecs.Tag
}

// updating is one update on its way. Its fields carry results from step to step; each is set by one step only.
type updating struct {
	work
	in *UpdateInput

	// What was there when the request came.
	before  *awsecs.Service
	present *awsecs.DescribeTaskDefinitionOutput
	tagged  []*tagged // what belongs to the service and is ours

	// What is to be done, decided once all that is known.
	made     []*credential                       // to be made, sorted by container
	changed  []*credential                       // to be given a new value
	register *awsecs.RegisterTaskDefinitionInput // to be registered; nil if the task definition stays
	unused   []string                            // ARNs of secrets of ours that nothing will use, as presentSecrets finds them

	revision *awsecs.TaskDefinition // that the service runs afterwards
	out      UpdateOutput
}

// Update changes a service and what belongs to it, or nothing: when a step fails, the service, its secrets' values and its revisions are
// made as they were before the error is returned. A caller who hangs up does not stop it.
func (o *Orchestrator) Update(ctx context.Context, cluster, service string, in *UpdateInput) (*UpdateOutput, error) {
	out, err := o.update(ctx, cluster, service, in)
	return out, common.Wrapf(err, "update service %s in cluster %s", service, cluster)
}

func (o *Orchestrator) update(ctx context.Context, cluster, service string, in *UpdateInput) (*UpdateOutput, error) {
	u := &updating{work: work{Orchestrator: o, cluster: cluster, service: service, callers: ecs.ToTags(in.Tags)}, in: in}
	if err := common.Invalid(u.validate()...); err != nil {
		return nil, err
	}
	u.request, u.id = token(service)
	release, err := o.services.claim(cluster, service)
	if err != nil {
		return nil, err
	}
	ctx, cancel := detached(ctx, updateTime)
	defer cancel()
	if err := o.spaces.enter(ctx, cluster); err != nil {
		release()
		return nil, err
	}
	leave := func() {
		o.spaces.leave(cluster, true, nil) // nothing shared is left to be unmade
		release()
	}
	back, err := inOrder(u.reads(), read(u.decide), u.changes())(ctx)
	if err != nil {
		return nil, o.unmake(ctx, u.target(), err, leave, back)
	}
	u.removeUnused(ctx)
	leave()
	return u.result(), nil
}

// changes returns the steps that change things, once it is decided which.
func (u *updating) changes() step {
	return func(ctx context.Context) (undo, error) {
		registers := u.register != nil
		return together(inOrder(
			together(
				when(registers, named("role", withUndo(u.makeRole, u.undoRole))),
				when(registers, named("log group", withUndo(u.makeLogGroup, u.undoLogGroup))),
				each(u.made, u.makeCredential),
				each(u.changed, u.changeCredential),
				each(u.tagged, u.tag),
			),
			together(
				when(registers, named("role policy", u.putRolePolicy)),
				when(registers, named("log retention", u.putLogRetention)),
				when(registers, named("task definition", u.registerRevision)),
			),
			when(u.changesService(), named("service", u.updateService)),
		), when(registers || len(u.wanted()) > 0, named("present secrets", u.presentSecrets)))(ctx)
	}
}

// withUndo makes a step of one that makes something shared, which a create would leave to the space's last builder to unmake.
func withUndo(build step, shared undo) step {
	return func(ctx context.Context) (undo, error) {
		back, err := build(ctx)
		if back == nil {
			return shared, err
		}
		return latestFirst([]undo{shared, back}), err
	}
}

// result returns the service as it is after the update.
func (u *updating) result() *UpdateOutput {
	if u.out.Service == nil {
		u.out.Service = u.before
	}
	u.out.Service.Tags = ecs.FromTags(ecs.ToTags(u.before.Tags).With(u.wanted()...))
	u.out.Tags = u.out.Service.Tags
	u.out.Cluster = u.found.cluster
	if tags := ecs.ToTags(u.found.cluster.Tags); tags.OwnedBy(u.account.Org) {
		u.out.Cluster.Tags = ecs.FromTags(tags.With(u.wanted()...))
	}
	u.out.TaskDefinition = u.present.TaskDefinition
	if u.revision != nil {
		u.out.TaskDefinition = u.revision
	}
	u.out.Credentials = outputs(append(u.made, u.changed...))
	u.out.CloudwatchLogGroups = logGroups(u.account.Region, u.out.TaskDefinition)
	return &u.out
}

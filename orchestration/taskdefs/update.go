package taskdefs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/patch"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// UpdateInput says what is to be changed about a managed task definition: at least one thing.
type UpdateInput struct {
	TaskDefinition *awsecs.RegisterTaskDefinitionInput      // replaces the present one; a container keeps its repository credentials where it leaves them out
	Credentials    map[string]*awssecrets.CreateSecretInput // by container: new ones, or new values
	Tags           []*awsecs.Tag                            // of everything that belongs to it

	spec.Unread
	nulls []string // the paths of members that are null; see SetNulls
}

// Elsewhere says where a key of a PATCH belongs.
func (in *UpdateInput) Elsewhere(key string) string { return patch.Elsewhere(key) }

// SetNulls says which members of the request are null, by their paths in lower case: a container whose repositoryCredentials are null loses them.
func (in *UpdateInput) SetNulls(paths []string) { in.nulls = paths }

// PatchInput says what is to be changed about a managed task definition, as a JSON merge patch; see package patch.
type PatchInput struct{ patch.Input }

// update is one change, whichever request wants it. It is set up before it looks, and not written afterwards.
type update struct {
	d     *TaskDefinitions
	space *space.Space
	match etag.Condition // of the managed task definition as it must be
	untag []string       // keys of tags that are removed
	// define returns the task definition that replaces the present one; nil where that stays.
	define func(present *awsecs.TaskDefinition) (*space.Registration, error)
}

// updateFound is what there was when an update looked.
type updateFound struct {
	space   space.Found
	present *awsecs.DescribeTaskDefinitionOutput
	secrets []*resource.State // of the space, that the present revision refers to
}

// Update returns the request that changes a managed task definition and what belongs to it, or nothing: when a step fails, its secrets' values and
// its revisions are as they were before the error is returned. Running tasks stay as they are.
func (d *TaskDefinitions) Update(cluster, family string, in *UpdateInput) (*Write, error) {
	var p common.Problems
	account.CheckName(&p, "taskdef", family)
	tags := space.TagChecks{Org: d.account.Org, Callers: ecs.ToTags(in.Tags)}
	if in.TaskDefinition != nil {
		given := *in.TaskDefinition
		if given.Family == nil {
			given.Family = aws.String(family)
		}
		if *given.Family != family {
			p.Add("taskdefinition.family", "is %q, but the path names %q; leave it out", *given.Family, family)
		}
		in.TaskDefinition = &given
		space.CheckTaskDefinition(&p, d.account.Settings, cluster, &given)
		tags.Of(&p, "taskdefinition.tags", ecs.ToTags(given.Tags))
		space.CheckSDKTaskDefinition(&p, &given, in.Credentials)
	}
	space.CheckChangedCredentials(&p, in.Credentials, tags)
	if in.TaskDefinition == nil && len(in.Credentials) == 0 && len(in.Tags) == 0 {
		in.Nothing(&p, "taskdefinition", "credentials or tags")
	}
	tags.Request(&p, true)
	if err := p.Err(); err != nil {
		return nil, err
	}
	u := &update{d: d, space: space.New(d.account, &d.transactions.Ledger, space.Want{
		Cluster: cluster, Name: family, Flavor: space.FlavorTask, Builds: in.TaskDefinition != nil || len(in.Credentials) > 0, Callers: tags.Callers, Credentials: in.Credentials,
	})}
	if given := in.TaskDefinition; given != nil {
		u.define = func(*awsecs.TaskDefinition) (*space.Registration, error) {
			return &space.Registration{Input: given, Without: space.WithoutRepositoryCredentials(given, in.nulls), HasTags: given.Tags != nil}, nil
		}
	}
	return &Write{u}, nil
}

// Patch returns the request that changes what it names of a managed task definition, in one transaction, as Update does.
func (d *TaskDefinitions) Patch(cluster, family string, in *PatchInput) (*Write, error) {
	var p common.Problems
	account.CheckName(&p, "taskdef", family)
	u := &update{d: d}
	var callers common.Tags
	callers, u.untag = in.SplitTags(d.account.Org, &p)
	in.Check(&p)
	if in.Revises() {
		u.define = in.Define
	}
	if u.define == nil && len(in.Tags) == 0 {
		in.Nothing(&p, "Containers", "Cpu, Memory or Tags")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	u.space = space.New(d.account, &d.transactions.Ledger, space.Want{Cluster: cluster, Name: family, Flavor: space.FlavorTask,
		Builds: u.define != nil, Callers: callers})
	return &Write{u}, nil
}

// plan looks and decides.
func (u *update) plan(ctx context.Context) (*taskDefinitionPlan, error) {
	found, err := u.look(ctx)
	if err != nil {
		return nil, err
	}
	u.space.Identify(ctx, &found.space)
	return u.decide(found)
}

// run plans and applies.
func (u *update) run(ctx context.Context) (*Output, saga.Rollback, error) {
	plan, err := u.plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	operations.AcceptNow(ctx, transaction.TaskDefinitionTarget(u.space.Want.Cluster, u.space.Want.Name))
	if plan.definition.Now != nil { // the present revision stays, and needs no role and no log group
		u.space.Request.NotNeeded(u.space.Execution()...)
	}
	unchanged := saga.When(u.match.Compares(), saga.Named("compare with If-Match", saga.NoRollback(u.checkMatch)))
	rollback, err := saga.InOrder(unchanged, plan.Apply(), plan.parts.Verify())(ctx)
	if err != nil {
		return nil, rollback, err
	}
	return output(plan.parts, plan.definition), nil, nil
}

// checkMatch reads the newest revision once more, right before the first change: another server may have changed it since this one looked.
func (u *update) checkMatch(ctx context.Context) error {
	now, err := u.d.account.ECS.TaskDefinition(ctx, u.space.Want.Name)
	if err != nil {
		return account.Hide(err, "task definition", u.space.Want.Name)
	}
	return u.matches(now)
}

// matches is an ETagMismatch if the managed task definition is not in the state that the request expects.
func (u *update) matches(newest *awsecs.DescribeTaskDefinitionOutput) error {
	if !u.match.Compares() {
		return nil
	}
	return u.match.Check("task definition "+u.space.Want.Name, etag.TaskDefinition(newest.TaskDefinition, newest.Tags))
}

// look reads what there is, in two rounds: which secrets the revision refers to is known after the first.
func (u *update) look(ctx context.Context) (*updateFound, error) {
	f := &updateFound{}
	cluster, family := u.space.Want.Cluster, u.space.Want.Name
	_, err := saga.InOrder(
		saga.Together(append(u.space.Look(&f.space, u.retags()), saga.Named("read task definition", saga.NoRollback(func(ctx context.Context) (err error) {
			f.present, err = u.d.account.ECS.TaskDefinition(ctx, family)
			return resource.IgnoreNotFound(err)
		})))...),
		saga.NoRollback(func(context.Context) error {
			if f.space.Cluster == nil || !f.space.Cluster.Tags.VisibleTo(u.d.account.Org) || !u.d.manages(f.present, cluster) {
				return NoSuch(cluster, family)
			}
			return u.matches(f.present)
		}),
		saga.Named("read secrets", saga.NoRollback(func(ctx context.Context) (err error) {
			f.secrets, err = secrets(ctx, u.d.account, cluster, f.present)
			return err
		})),
	)(ctx)
	return f, err
}

// retags reports whether the request changes tags.
func (u *update) retags() bool {
	return len(spec.WithoutReserved(u.space.Want.Callers))+len(u.untag) > 0
}

// decide returns the plan for what was found. It is pure.
func (u *update) decide(f *updateFound) (*taskDefinitionPlan, error) {
	p := &taskDefinitionPlan{present: f.present}
	revise := &space.Revision{Space: u.space, Present: f.present, Secrets: f.secrets, Untag: u.untag}
	var err error
	if u.define != nil {
		if revise.New, err = u.define(f.present.TaskDefinition); err != nil {
			return nil, err
		}
	}
	revise.Decide(&p.Plan)
	needed := *u.space // of the same request
	needed.Want.Builds = revise.New != nil
	if p.parts, err = needed.Decide(&p.Plan, &f.space); err != nil {
		return nil, err
	}
	if err := revise.DecideCredentials(&p.Plan, p.parts); err != nil {
		return nil, err
	}
	containers := f.present.TaskDefinition.ContainerDefinitions
	present := resource.RevisionState(f.present)
	p.definition = &resource.Item{Thing: u.revision(present), Now: present, Tags: present.Tags}
	if revise.New != nil {
		containers = revise.Containers()
		p.warnings = spec.Warnings(revise.New.Input, revise.New.Field)
		if p.definition, err = revise.Register(&p.Plan, p.parts); err != nil {
			return nil, err
		}
	}
	p.containers = containers
	restored := revise.Restore(p.parts, containers)
	space.RestoreScheduled(u.d.account, &p.Plan, restored)
	if u.retags() {
		u.decideTags(p, f, revise.New == nil)
	}
	return p, nil
}

// revision returns the adapter of a revision that is there.
func (u *update) revision(s *resource.State) *resource.TaskDefinition {
	return &resource.TaskDefinition{Account: u.d.account, Family: u.space.Want.Name, ARN: s.ID, Input: resource.Known}
}

// decideTags decides which things get the request's tags: those that belong to the managed task definition and are ours. A new revision has them already.
func (u *update) decideTags(p *taskDefinitionPlan, f *updateFound, keepsRevision bool) {
	a, cluster := u.d.account, u.space.Want.Cluster
	retag := func(stage int, t resource.Thing, s *resource.State) {
		if s != nil && s.Tags.TaggedFor(a.Org) {
			u.space.Retag(&p.Plan, stage, t, s, nil, u.untag)
		}
	}
	retag(0, &resource.Cluster{Account: a, Cluster: cluster}, f.space.Cluster)
	retag(0, &resource.Role{Account: a, Cluster: cluster}, f.space.Role)
	retag(0, &resource.LogGroup{Account: a, Group: cluster}, f.space.LogGroup)
	if keepsRevision {
		retag(0, u.revision(p.definition.Now), p.definition.Now)
		p.definition.Tags = p.definition.Tags.With(spec.WithoutReserved(u.space.Want.Callers)...).Without(u.untag...)
	}
	for _, s := range f.secrets {
		if !p.parts.Sets(s) { // else its tags are set along with its value
			retag(1, space.CredentialOf(a, s), s) // once it is restored
		}
	}
}

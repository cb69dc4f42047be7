package jobs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// UpdateInput says what is to be changed about a managed task definition. All of it is optional.
type UpdateInput struct {
	TaskDefinition *awsecs.RegisterTaskDefinitionInput      // replaces the present one; a container keeps its repository credentials where it leaves them out
	Credentials    map[string]*awssecrets.CreateSecretInput // by container: new ones, or new values
	Tags           []*awsecs.Tag                            // of everything that belongs to it

	nulls []string // the paths of members that are null; see SetNulls
}

// SetNulls says which members of the request are null, by their paths in lower case: a container whose repositoryCredentials are null loses them.
func (in *UpdateInput) SetNulls(paths []string) { in.nulls = paths }

// update is one update. It is set up by newUpdate, and not written afterwards.
type update struct {
	j     *Jobs
	in    *UpdateInput
	space *space.Space
}

// updateFound is what there was when an update looked.
type updateFound struct {
	space   space.Found
	present *awsecs.DescribeTaskDefinitionOutput
	secrets []*resource.State // of the space, that the present revision refers to
}

// newUpdate checks the request as far as that can be done without AWS.
func (j *Jobs) newUpdate(cluster, family string, in *UpdateInput) (*update, error) {
	var p common.Problems
	account.CheckName(&p, "taskdef", family)
	tags := space.TagChecks{Org: j.account.Org, Callers: ecs.ToTags(in.Tags)}
	if in.TaskDefinition != nil {
		given := *in.TaskDefinition
		if given.Family == nil {
			given.Family = aws.String(family)
		}
		if *given.Family != family {
			p.Add("taskdefinition.family", "is %q, but the path names %q; leave it out", *given.Family, family)
		}
		in.TaskDefinition = &given
		space.CheckTaskDefinition(&p, j.account.Settings, cluster, &given)
		tags.Of(&p, "taskdefinition.tags", ecs.ToTags(given.Tags))
		space.CheckSDKTaskDefinition(&p, &given, in.Credentials)
	}
	space.CheckChangedCredentials(&p, in.Credentials, tags)
	if in.TaskDefinition == nil && len(in.Credentials) == 0 && len(in.Tags) == 0 {
		p.Add("taskdefinition", "must be given, or credentials or tags: there is nothing to change")
	}
	tags.Request(&p, true)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &update{j: j, in: in, space: space.New(j.account, &j.tx.Ledger, space.Want{
		Cluster: cluster, Name: family, Flavor: space.FlavorTask, Builds: in.TaskDefinition != nil || len(in.Credentials) > 0, Callers: tags.Callers, Credentials: in.Credentials,
	})}, nil
}

// Update changes a managed task definition and what belongs to it, or nothing: when a step fails, its secrets' values and its revisions are as they were
// before the error is returned. A caller who hangs up does not stop it. Tasks that run go on as they are.
func (j *Jobs) Update(ctx context.Context, cluster, family string, in *UpdateInput) (*Output, error) {
	u, err := j.newUpdate(cluster, family, in)
	if err != nil {
		return nil, err
	}
	return j.apply(ctx, u.space, "update", u.run)
}

// run looks, decides and applies.
func (u *update) run(ctx context.Context) (*Output, saga.Rollback, error) {
	found, err := u.look(ctx)
	if err != nil {
		return nil, nil, err
	}
	u.space.Identify(ctx)
	plan, err := u.decide(found)
	if err != nil {
		return nil, nil, err
	}
	back, err := saga.InOrder(plan.Apply(), plan.parts.Verify())(ctx)
	if err != nil {
		return nil, back, err
	}
	return output(plan.parts, plan.definition), nil, nil
}

// look reads what there is, in two rounds: which secrets the revision refers to is known after the first.
func (u *update) look(ctx context.Context) (*updateFound, error) {
	f := &updateFound{}
	cluster, family := u.space.Want.Cluster, u.space.Want.Name
	_, err := saga.InOrder(
		saga.Together(append(u.space.Look(&f.space, u.retags()), saga.Named("read task definition", saga.Do(func(ctx context.Context) (err error) {
			f.present, err = u.j.account.ECS.TaskDefinition(ctx, family)
			return resource.IgnoreNotFound(err)
		})))...),
		saga.Do(func(context.Context) error {
			if f.space.Cluster == nil || !f.space.Cluster.Tags.BelongsTo(u.j.account.Org) || !u.j.manages(f.present, cluster) {
				return NoSuch(cluster, family)
			}
			return nil
		}),
		saga.Named("read secrets", saga.Do(func(ctx context.Context) (err error) {
			f.secrets, err = secrets(ctx, u.j.account, cluster, f.present)
			return err
		})),
	)(ctx)
	return f, err
}

// retags reports whether the request changes tags.
func (u *update) retags() bool { return len(spec.WithoutOwn(u.space.Want.Callers)) > 0 }

// decide returns the plan for what was found. It is pure.
func (u *update) decide(f *updateFound) (*createPlan, error) {
	p := &createPlan{}
	revise := &space.Revision{Space: u.space, Present: f.present, Secrets: f.secrets}
	if in := u.in.TaskDefinition; in != nil {
		revise.New = &space.Registration{Input: in, Without: space.WithoutRepositoryCredentials(in, u.in.nulls), OwnsTags: in.Tags != nil}
	}
	revise.Decide(&p.Plan)
	builds := *u.space
	builds.Want.Builds = revise.New != nil
	var err error
	if p.parts, err = builds.Decide(&p.Plan, &f.space); err != nil {
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
		if p.definition, err = revise.Register(&p.Plan, 1, p.parts); err != nil {
			return nil, err
		}
	}
	restored := revise.Restore(p.parts, containers)
	space.RestoreScheduled(u.j.account, &p.Plan, restored)
	if u.retags() {
		u.decideTags(p, f, revise.New == nil)
	}
	return p, nil
}

// revision returns the adapter of a revision that is there.
func (u *update) revision(s *resource.State) *resource.TaskDefinition {
	return &resource.TaskDefinition{Account: u.j.account, Family: u.space.Want.Name, ARN: s.ID, Input: resource.Known}
}

// decideTags decides which things get the request's tags: those that belong to the managed task definition and are ours. A new revision has them already.
func (u *update) decideTags(p *createPlan, f *updateFound, keepsRevision bool) {
	a, cluster := u.j.account, u.space.Want.Cluster
	retag := func(stage int, t resource.Thing, s *resource.State) {
		if s != nil && s.Tags.OwnedBy(a.Org) {
			u.space.Retag(&p.Plan, stage, t, s, nil, nil)
		}
	}
	retag(0, &resource.Cluster{Account: a, Cluster: cluster}, f.space.Cluster)
	retag(0, &resource.Role{Account: a, Cluster: cluster}, f.space.Role)
	retag(0, &resource.LogGroup{Account: a, Group: cluster}, f.space.LogGroup)
	if keepsRevision {
		retag(0, u.revision(p.definition.Now), p.definition.Now)
		p.definition.Tags = p.definition.Tags.With(spec.WithoutOwn(u.space.Want.Callers)...)
	}
	for _, s := range f.secrets {
		if !p.parts.Sets(s) { // else its tags are set along with its value
			retag(1, space.CredentialOf(a, s), s) // once it is restored
		}
	}
}

package orchestration

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// updatePlan is the plan of an update, with what its response shows.
type updatePlan struct {
	resource.Plan
	update   *update
	found    *updateFound
	parts    *space.Parts
	revise   *space.Revision // its New is nil if no revision is registered
	adjusted adjustment      // of the service itself
	revision *resource.Item  // that the service runs from now on; nil if the present one stays
	service  *awsecs.Service
}

// checkService refuses a service or cluster that does not exist or is another org's, before look reads anything else.
func (u *update) checkService(f *updateFound) error {
	cluster, s := f.space.Cluster, f.service
	if cluster == nil || !cluster.Tags.VisibleTo(u.o.account.Org) {
		return account.NoClusterFor(u.cluster, u.service)
	}
	if s == nil || !ecs.ToTags(s.Tags).VisibleTo(u.o.account.Org) {
		return account.NoService(u.cluster, u.service)
	}
	switch status := aws.StringValue(s.Status); {
	case status == resource.StatusDraining, u.o.transactions.Deleted.Has(u.cluster, u.service, s):
		return u.draining()
	case status != resource.StatusActive:
		return account.NoService(u.cluster, u.service)
	}
	for _, ref := range u.refs {
		if !account.Means(ref, aws.StringValue(s.ServiceArn)) { // the body's, of another cluster or account
			return account.NoService(u.cluster, ref)
		}
	}
	return u.matches(s)
}

// decide returns the plan for what look found. It is a pure function.
func (u *update) decide(f *updateFound) (*updatePlan, error) {
	p := &updatePlan{update: u, found: f}
	if err := u.checkOther(f); err != nil {
		return nil, err
	}
	p.adjusted.settings = u.settings
	if u.adjust != nil {
		var err error
		if p.adjusted, err = u.adjust(f.service); err != nil {
			return nil, err
		}
	}
	p.revise = &space.Revision{Space: u.space, Present: f.present, Secrets: f.secrets, Untag: u.untag}
	var err error
	if u.define != nil {
		if p.revise.New, err = u.define(f.present.TaskDefinition); err != nil {
			return nil, err
		}
	}
	p.revise.Decide(&p.Plan)
	needed := *u.space                       // of the same request
	needed.Want.Builds = p.revise.New != nil // new values of secrets need no role and no log group
	if p.parts, err = needed.Decide(&p.Plan, &f.space); err != nil {
		return nil, err
	}
	if err := p.revise.DecideCredentials(&p.Plan, p.parts); err != nil {
		return nil, err
	}
	if err := p.decideDefinition(); err != nil {
		return nil, err
	}
	space.RestoreScheduled(u.o.account, &p.Plan, p.secretsToRestore())
	p.decideTags()
	if u.stop != "" {
		p.Add(resource.StageDefinition, resource.Change{
			Resource: resource.KindService, Name: u.service, Action: resource.ActionUpdate, Reason: "its deployment in progress is stopped",
			Before: u.stop, Step: saga.NoRollback(u.stopDeployment),
		})
	}
	p.decideService()
	return p, nil
}

// checkOther refuses the revision that the request names, or the family that it gives, if it does not exist or is another org's.
func (u *update) checkOther(f *updateFound) error {
	switch {
	case u.revision != "" && (f.other == nil || !ecs.ToTags(f.other.Tags).VisibleTo(u.o.account.Org)):
		return account.NoSuch("task definition", u.revision)
	case u.revision != "" && resource.RevisionState(f.other) == nil:
		return notActive(f.other.TaskDefinition)
	case u.family != "" && f.other != nil && !ecs.ToTags(f.other.Tags).VisibleTo(u.o.account.Org):
		return account.NameTaken("task definition", u.family)
	case u.family != "":
		return space.CheckFamily(f.other)
	}
	return nil
}

// decideDefinition decides which revision the service runs from now on.
func (p *updatePlan) decideDefinition() error {
	u, a := p.update, p.update.o.account
	if p.revise.New == nil {
		if state := resource.RevisionState(p.found.other); u.revision != "" && state != nil {
			p.revision = &resource.Item{Thing: &resource.TaskDefinition{Account: a, Family: account.FamilyOf(state.ID), ARN: state.ID,
				Input: resource.Known}, Now: state}
		}
		return nil
	}
	var err error
	p.revision, err = p.revise.Register(&p.Plan, p.parts)
	return err
}

// secretsToRestore returns the secrets that the service refers to from now on, but for those that the request sets.
func (p *updatePlan) secretsToRestore() []*resource.State {
	containers := p.found.present.TaskDefinition.ContainerDefinitions
	switch {
	case p.revise.New != nil:
		containers = p.revise.Containers()
	case p.revision != nil:
		containers = resource.ValueOf[*awsecs.TaskDefinition](p.revision.Now).ContainerDefinitions
	case !p.update.force && !startsTasks(p.adjusted.settings):
		return nil
	}
	return p.revise.Restore(p.parts, containers)
}

// decideTags decides which things get the request's tags: those that belong to the service and are ours.
func (p *updatePlan) decideTags() {
	u, f, a := p.update, p.found, p.update.o.account
	if u.retags() || len(p.adjusted.tags) > 0 || len(p.adjusted.untag) > 0 {
		u.space.Retag(&p.Plan, resource.StageFirst, &resource.Service{Account: a, Cluster: u.cluster, Service: u.service},
			resource.ServiceState(f.service), p.adjusted.tags, append(p.adjusted.untag, u.untag...))
	}
	if !u.retags() {
		return
	}
	p.tag(&resource.Cluster{Account: a, Cluster: u.cluster}, f.space.Cluster)
	p.tag(&resource.Role{Account: a, Cluster: u.cluster}, f.space.Role)
	p.tag(&resource.LogGroup{Account: a, Group: u.cluster}, f.space.LogGroup)
	if state := resource.RevisionState(f.present); p.revise.New == nil && state != nil { // ECS tags ACTIVE revisions only
		p.tag(&resource.TaskDefinition{Account: a, Family: account.FamilyOf(state.ID), ARN: state.ID}, state)
	}
	for _, s := range f.cloudMap {
		if s != nil {
			p.tag(&resource.CloudMapService{Account: a, ARN: s.ID}, s)
		}
	}
	for _, s := range f.secrets {
		if !p.parts.Sets(s) { // else its tags are set along with its value
			p.tag(space.CredentialOf(a, s), s)
		}
	}
}

// tag adds the change of a thing's tags, if the thing is there and ours.
func (p *updatePlan) tag(t resource.Thing, s *resource.State) {
	if s != nil && s.Tags.TaggedFor(p.update.o.account.Org) && !(resource.Scheduled(s) && !p.restores(s)) {
		stage := resource.StageFirst
		if resource.Scheduled(s) {
			stage = resource.StageDefinition // once it is restored
		}
		p.update.space.Retag(&p.Plan, stage, t, s, nil, p.update.untag)
	}
}

// restores reports whether the plan restores the secret from its scheduled deletion.
func (p *updatePlan) restores(s *resource.State) bool {
	return slices.Contains(p.secretsToRestore(), s)
}

// decideService decides what is changed of the service itself.
func (p *updatePlan) decideService() {
	u := p.update
	if p.adjusted.settings == nil && p.revision == nil && !u.force {
		p.Add(resource.StageService, resource.Change{
			Resource: resource.KindService, Name: u.service, Action: resource.ActionKeep, Reason: "it has these settings",
		})
		return
	}
	after := p.changeInput()
	before := restoreInput(after, p.found.service)
	change := resource.Change{
		Resource: resource.KindService, Name: u.service, Action: resource.ActionUpdate, Reason: "the request changes its settings",
		Before: before, After: after, Step: p.updateService,
	}
	switch {
	case awsutil.DeepEqual(before, after):
		change = resource.Change{
			Resource: resource.KindService, Name: u.service, Action: resource.ActionKeep, Reason: "it has these settings",
		}
	case p.revise.New != nil:
		change.Reason = "it is to run the new revision"
	case p.revision != nil:
		change.Reason = "it is to run another revision"
	case p.adjusted.settings == nil:
		change.Reason = "its tasks are replaced"
	}
	p.Add(resource.StageService, change)
}

// updateService changes the service. The rollback restores its settings, for which AWS starts another deployment.
func (p *updatePlan) updateService(ctx context.Context) (saga.Rollback, error) {
	u := p.update
	change := p.changeInput()
	rollback := restoreInput(change, p.found.service)
	ecsClient := u.o.account.ECS
	restore := func(ctx context.Context) error {
		now, err := ecsClient.Service(ctx, u.cluster, u.service)
		if err == nil && (aws.StringValue(now.Status) != resource.StatusActive || awsutil.DeepEqual(restoreInput(change, now), rollback)) {
			return nil // the call that failed has changed nothing, or the service was deleted
		}
		if err == nil {
			_, err = ecsClient.UpdateService(ctx, rollback)
		}
		return common.Wrapf(resource.IgnoreNotFound(err), "the settings of service %s", u.service)
	}
	after, err := ecsClient.UpdateService(ctx, change)
	if err == nil {
		p.service = after
		return restore, nil
	}
	if !common.Ambiguous(err) {
		restore = nil // AWS refused it
	}
	return restore, err
}

// output returns the service as it is after the update.
func (p *updatePlan) output() *UpdateOutput {
	u, f := p.update, p.found
	out := &UpdateOutput{Service: p.service, Cluster: resource.ValueOf[*awsecs.Cluster](f.space.Cluster), TaskDefinition: f.present.TaskDefinition}
	if out.Service == nil {
		out.Service = f.service
	}
	wanted := spec.WithoutReserved(u.space.Want.Callers)
	service, cluster := *out.Service, *out.Cluster
	service.Tags = ecs.FromTags(ecs.ToTags(f.service.Tags).With(wanted...).With(p.adjusted.tags...).Without(append(p.adjusted.untag, u.untag...)...))
	if tags := f.space.Cluster.Tags; tags.TaggedFor(u.o.account.Org) {
		cluster.Tags = ecs.FromTags(tags.With(wanted...).Without(u.untag...))
	}
	out.Service, out.Cluster, out.Tags = &service, &cluster, service.Tags
	if p.revision != nil {
		out.TaskDefinition = resource.ValueOf[*awsecs.TaskDefinition](p.revision.Now)
	}
	out.Credentials = p.parts.CredentialOutputs()
	if p.service != nil {
		out.Deployment = observe.Started(f.service, p.service)
	}
	if out.Deployment == nil {
		out.Deployment = u.underWay
	}
	out.CloudwatchLogGroups = spec.LogGroups(u.o.account.Region, out.TaskDefinition)
	out.Unproven = p.unproven()
	return out
}

// unproven returns the task definition that a patch builds on, as family:revision, if its deployment is still in progress; else "".
func (p *updatePlan) unproven() string {
	primary := ecs.Primary(p.found.service)
	if !p.update.patches || p.revise.New == nil || primary == nil || aws.StringValue(primary.RolloutState) != awsecs.DeploymentRolloutStateInProgress {
		return ""
	}
	return account.NameOf(aws.StringValue(primary.TaskDefinition))
}

// revisionName names the revision that the service is to run, for the plan.
func (p *updatePlan) revisionName() string {
	if p.revision == nil {
		return ""
	}
	return cmp.Or(p.revision.ID(), p.revision.Name())
}

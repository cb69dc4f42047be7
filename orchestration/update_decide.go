package orchestration

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

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
	register *definition    // nil if no revision is registered
	adjusted adjustment     // of the service itself
	revision *resource.Item // that the service runs from now on; nil if the present one stays
	service  *awsecs.Service
}

// checkService refuses what is not there, or is another org's, before anything else is read.
func (u *update) checkService(f *updateFound) error {
	cluster, s := f.space.Cluster, f.service
	if cluster == nil || s == nil || !cluster.Tags.BelongsTo(u.o.account.Org) || !ecs.ToTags(s.Tags).BelongsTo(u.o.account.Org) {
		return account.NoService(u.cluster, u.service)
	}
	switch aws.StringValue(s.Status) {
	case resource.StatusActive:
	case resource.StatusDraining:
		return common.Coded(common.CodeServiceDraining, "service %s is being deleted", u.service)
	default:
		return account.NoService(u.cluster, u.service)
	}
	for _, ref := range u.refs {
		if !account.Means(ref, aws.StringValue(s.ServiceArn)) { // the body's, of another cluster or account
			return account.NoService(u.cluster, ref)
		}
	}
	return nil
}

// decide returns the plan for what was found. It is pure.
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
	if err := p.decideRegister(); err != nil {
		return nil, err
	}
	builds := *u.space
	builds.Want.Builds = p.register != nil // new values of secrets need no role and no log group
	var err error
	if p.parts, err = builds.Decide(&p.Plan, &f.space); err != nil {
		return nil, err
	}
	if err := p.decideCredentials(); err != nil {
		return nil, err
	}
	if err := p.decideDefinition(); err != nil {
		return nil, err
	}
	space.RestoreScheduled(u.o.account, &p.Plan, p.secretsToRestore())
	p.decideTags()
	if u.stop != "" {
		p.Add(stageDefinition, resource.Change{Resource: resource.KindService, Name: u.service, Action: resource.Update, Reason: "its deployment in progress is stopped", Before: u.stop, Step: saga.Do(u.stopDeployment)})
	}
	p.decideService()
	return p, nil
}

// checkOther refuses the revision that the request names, or the family that it gives, if it is not there or is another org's.
func (u *update) checkOther(f *updateFound) error {
	switch {
	case u.revision != "" && (f.other == nil || !ecs.ToTags(f.other.Tags).BelongsTo(u.o.account.Org)):
		return account.NoSuch("task definition", u.revision)
	case u.revision != "" && resource.RevisionState(f.other) == nil:
		return notActive(f.other.TaskDefinition)
	case u.family != "" && f.other != nil && !ecs.ToTags(f.other.Tags).BelongsTo(u.o.account.Org):
		return account.NameTaken("task definition", u.family)
	}
	return nil
}

// decideRegister decides whether a revision is registered, and which.
func (p *updatePlan) decideRegister() (err error) {
	u, present := p.update, p.found.present.TaskDefinition
	if u.define != nil {
		p.register, err = u.define(present)
		return err
	}
	for _, container := range u.space.Want.Containers() {
		if p.present(container) == nil || p.renames(container) {
			p.register = &definition{input: copyDefinition(present), isCopy: true}
		}
	}
	return nil
}

// copyDefinition returns the input that registers the same task definition again.
func copyDefinition(def *awsecs.TaskDefinition) *awsecs.RegisterTaskDefinitionInput {
	out := &awsecs.RegisterTaskDefinitionInput{}
	awsutil.Copy(out, def)
	return out
}

// present returns the secret of ours that a container's image is pulled with now; nil if there is none.
func (p *updatePlan) present(container string) *resource.State {
	return p.found.secret(spec.RepositoryCredentials(p.found.present.TaskDefinition.ContainerDefinitions, container))
}

// renames reports whether the request wants other credentials for the container than it has, under another name.
func (p *updatePlan) renames(container string) bool {
	name := p.update.space.Want.Credentials[container].Name
	has := p.present(container)
	return name != nil && has != nil && spec.SecretPrefix(p.update.o.account.Org, p.update.cluster)+*name != aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](has).Name)
}

// decideCredentials decides which credentials are new, and which are a new value of those that their container has.
func (p *updatePlan) decideCredentials() error {
	target := p.target()
	var wrong common.Problems
	for _, container := range p.update.space.Want.Containers() {
		in, at := p.update.space.Want.Credentials[container], "credentials."+container
		has := p.present(container)
		switch {
		case !hasContainer(target, container):
			wrong.Add(at, "names no container of the task definition")
		case has != nil && !p.renames(container):
			p.parts.SetCredential(&p.Plan, container, has)
		case in.Name == nil:
			wrong.Add(at+".Name", "is required: the container has no credentials of ours yet")
		default:
			if err := p.parts.CreateCredential(&p.Plan, container); err != nil {
				return err
			}
		}
	}
	return wrong.Err()
}

// target returns the containers that the service is to run.
func (p *updatePlan) target() []*awsecs.ContainerDefinition {
	if p.register != nil {
		return p.register.input.ContainerDefinitions
	}
	return p.found.present.TaskDefinition.ContainerDefinitions
}

func hasContainer(containers []*awsecs.ContainerDefinition, name string) bool {
	return slices.ContainsFunc(containers, func(c *awsecs.ContainerDefinition) bool { return aws.StringValue(c.Name) == name })
}

// decideDefinition decides which revision the service runs from now on.
func (p *updatePlan) decideDefinition() error {
	u, a := p.update, p.update.o.account
	if p.register == nil {
		if state := resource.RevisionState(p.found.other); u.revision != "" && state != nil {
			p.revision = &resource.Item{Thing: &resource.TaskDefinition{Account: a, Family: account.FamilyOf(state.ID), ARN: state.ID, Input: resource.Known}, Now: state}
		}
		return nil
	}
	in := *p.register.input
	in.ContainerDefinitions = p.keepCredentials(in.ContainerDefinitions)
	if err := p.checkReach(in.ContainerDefinitions); err != nil {
		return err
	}
	own := ecs.ToTags(in.Tags)
	if !p.register.ownsTags {
		own = spec.WithoutOwn(ecs.ToTags(p.found.present.Tags)).Without(u.untag...)
	}
	adapter := &resource.TaskDefinition{Account: a, Family: aws.StringValue(in.Family), Owner: u.space.Request.Owner}
	adapter.Input = func() (*awsecs.RegisterTaskDefinitionInput, error) { return p.parts.Definition().Complete(&in), nil }
	tags := u.space.Tags(nil)
	for _, tag := range own { // the request's tags come over those that are inherited
		if _, ok := tags.Get(tag.Key); !ok || p.register.ownsTags && !spec.IsOwnTag(tag.Key) {
			tags = tags.With(tag)
		}
	}
	p.revision = &resource.Item{Thing: adapter, Tags: tags}
	p.Add(stageDefinition, resource.Change{
		Resource: resource.KindTaskDefinition, Name: adapter.Family, Action: resource.Create, Reason: "the task definition differs from " + account.NameOf(aws.StringValue(p.found.present.TaskDefinition.TaskDefinitionArn)),
		Before: p.found.present.TaskDefinition, After: &in, Step: u.space.Request.Ensure(p.revision),
	})
	return nil
}

// keepCredentials returns the containers with the repository credentials that they had: of a task definition that is replaced, these alone stay where they
// are left out. Containers that the request has credentials for get those.
func (p *updatePlan) keepCredentials(containers []*awsecs.ContainerDefinition) []*awsecs.ContainerDefinition {
	out := make([]*awsecs.ContainerDefinition, len(containers))
	for i, c := range containers {
		out[i] = c
		name := aws.StringValue(c.Name)
		has := spec.RepositoryCredentials(p.found.present.TaskDefinition.ContainerDefinitions, name)
		if c.RepositoryCredentials != nil || has == "" || p.register.without[name] {
			continue
		}
		kept := *c
		kept.RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(has)}
		out[i] = &kept
	}
	return out
}

// checkReach refuses references that the execution role cannot read. Those that the present revision has are not the request's.
func (p *updatePlan) checkReach(containers []*awsecs.ContainerDefinition) error {
	u := p.update
	wrong := spec.CheckReach("taskdefinition.", withoutCredentials(containers, u.space.Want.Credentials), p.found.space.Identity, u.o.account.Region, u.o.account.Org, u.cluster)
	if len(wrong) == 0 {
		return nil
	}
	var old []string
	for _, r := range spec.References(p.found.present.TaskDefinition.ContainerDefinitions) {
		if p.register.isCopy || r.Credentials {
			old = append(old, r.Value)
		}
	}
	values := map[string]string{}
	for _, r := range spec.References(containers) {
		values["taskdefinition."+r.Field] = r.Value
	}
	wrong = slices.DeleteFunc(wrong, func(f common.FieldError) bool { return slices.Contains(old, values[f.Field]) })
	for i := range wrong {
		if p.register.field != nil {
			wrong[i].Field = p.register.field(wrong[i].Field)
		}
	}
	return wrong.Err()
}

// secretsToRestore returns the secrets that the service refers to from now on, but for those that the request sets.
func (p *updatePlan) secretsToRestore() []*resource.State {
	containers := p.found.present.TaskDefinition.ContainerDefinitions
	switch {
	case p.register != nil:
		containers = p.keepCredentials(p.register.input.ContainerDefinitions)
	case p.revision != nil:
		containers = resource.ValueOf[*awsecs.TaskDefinition](p.revision.Now).ContainerDefinitions
	case !p.update.force:
		return nil
	}
	var used []*resource.State
	for _, id := range spec.SecretIDs(withoutCredentials(containers, p.update.space.Want.Credentials)) {
		if s := p.found.secret(id); s != nil && !slices.Contains(used, s) && !p.sets(s) {
			used = append(used, s)
		}
	}
	return used
}

// sets reports whether the request gives the secret a value.
func (p *updatePlan) sets(s *resource.State) bool {
	for _, it := range p.parts.Credentials {
		if it.Found != nil && it.Found.ID == s.ID {
			return true
		}
	}
	return false
}

// decideTags decides which things get the request's tags: those that belong to the service and are ours.
func (p *updatePlan) decideTags() {
	u, f, a := p.update, p.found, p.update.o.account
	if u.retags() || len(p.adjusted.tags) > 0 || len(p.adjusted.untag) > 0 {
		p.addTags(&resource.Service{Account: a, Cluster: u.cluster, Service: u.service}, resource.ServiceState(f.service), p.adjusted.tags, p.adjusted.untag)
	}
	if !u.retags() {
		return
	}
	p.tag(&resource.Cluster{Account: a, Cluster: u.cluster}, f.space.Cluster)
	p.tag(&resource.Role{Account: a, Cluster: u.cluster}, f.space.Role)
	p.tag(&resource.LogGroup{Account: a, Group: u.cluster}, f.space.LogGroup)
	if state := resource.RevisionState(f.present); p.register == nil && state != nil { // ECS tags ACTIVE revisions only
		p.tag(&resource.TaskDefinition{Account: a, Family: account.FamilyOf(state.ID), ARN: state.ID}, state)
	}
	for _, s := range f.cloudMap {
		if s != nil {
			p.tag(&resource.CloudMapService{Account: a, ARN: s.ID}, s)
		}
	}
	for _, s := range f.secrets {
		if !p.sets(s) { // else its tags are set along with its value
			p.tag(space.CredentialOf(a, s), s)
		}
	}
}

// tag adds the change of a thing's tags, if the thing is there and ours.
func (p *updatePlan) tag(t resource.Thing, s *resource.State) {
	if s != nil && s.Tags.OwnedBy(p.update.o.account.Org) && !(resource.Scheduled(s) && !p.restores(s)) {
		p.addTags(t, s, nil, nil)
	}
}

// restores reports whether the plan takes the secret out of its schedule for deletion.
func (p *updatePlan) restores(s *resource.State) bool {
	return slices.Contains(p.secretsToRestore(), s)
}

// addTags adds the change of a thing's tags to those of the request, and to others of its own.
func (p *updatePlan) addTags(t resource.Thing, s *resource.State, own common.Tags, untag []string) {
	wanted := spec.WithoutOwn(p.update.space.Want.Callers).With(own...)
	untag = append(untag, p.update.untag...)
	changed, removed := resource.TagDifference(s.Tags, wanted, untag)
	change := resource.Change{Resource: resource.KindTags, Name: t.Kind().Word() + " " + t.Name(), Action: resource.Keep, Reason: "it has the tags"}
	if len(changed) > 0 || len(removed) > 0 {
		change.Action, change.Reason = resource.Update, "its tags differ"
		change.Before, change.After = tagsShown(s.Tags), tagsShown(s.Tags.With(changed...).Without(removed...))
		change.Step = resource.ChangeTags(t, s, wanted, untag)
	}
	stage := stageFirst
	if resource.Scheduled(s) {
		stage = stageDefinition // once it is restored
	}
	p.Add(stage, change)
}

// tagsShown returns tags as a plan shows them.
func tagsShown(tags common.Tags) map[string]string {
	shown := map[string]string{}
	for _, tag := range tags {
		shown[tag.Key] = tag.Value
	}
	return shown
}

// decideService decides what is changed of the service itself.
func (p *updatePlan) decideService() {
	u := p.update
	if p.adjusted.settings == nil && p.revision == nil && !u.force {
		return
	}
	change := resource.Change{Resource: resource.KindService, Name: u.service, Action: resource.Update, Reason: "the request changes its settings", Before: p.settingsBefore(), After: p.settingsAfter(), Step: p.updateService}
	switch {
	case p.register != nil:
		change.Reason = "it runs the new revision"
	case p.revision != nil:
		change.Reason = "it runs another revision"
	case p.adjusted.settings == nil:
		change.Reason = "its tasks are replaced"
	}
	p.Add(stageService, change)
}

// updateService changes the service. The rollback changes it back, which AWS takes for another deployment.
func (p *updatePlan) updateService(ctx context.Context) (saga.Rollback, error) {
	u := p.update
	change := p.changeInput()
	back := restoreInput(change, p.found.service)
	ecsClient := u.o.account.ECS
	restore := func(ctx context.Context) error {
		now, err := ecsClient.Service(ctx, u.cluster, u.service)
		if err == nil && (aws.StringValue(now.Status) != resource.StatusActive || awsutil.DeepEqual(restoreInput(change, now), back)) {
			return nil // the call that failed has changed nothing, or the service was deleted
		}
		if err == nil {
			_, err = ecsClient.UpdateService(ctx, back)
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
	wanted := spec.WithoutOwn(u.space.Want.Callers)
	service, cluster := *out.Service, *out.Cluster
	service.Tags = ecs.FromTags(ecs.ToTags(f.service.Tags).With(wanted...).With(p.adjusted.tags...).Without(append(p.adjusted.untag, u.untag...)...))
	if tags := f.space.Cluster.Tags; tags.OwnedBy(u.o.account.Org) {
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
	out.CloudwatchLogGroups = spec.LogGroups(u.o.account.Region, out.TaskDefinition)
	return out
}

// revisionName names the revision that the service is to run, for the plan.
func (p *updatePlan) revisionName() string {
	if p.revision == nil {
		return ""
	}
	return cmp.Or(p.revision.ID(), p.revision.Name())
}

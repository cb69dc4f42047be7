package space

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// Registration is a task definition that an update registers.
type Registration struct {
	Input   *awsecs.RegisterTaskDefinitionInput
	Without map[string]bool          // containers that lose their repository credentials
	IsCopy  bool                     // of the present revision: what that refers to is not checked again
	Field   func(path string) string // what the request calls a field of the task definition; nil for its path
	HasTags bool                     // it has tags of its own, and does not inherit the present revision's
}

// WithoutRepositoryCredentials returns the containers of the task definition whose repositoryCredentials are null. Nulls are the paths of all members of the
// request that are null, in lower case.
func WithoutRepositoryCredentials(in *awsecs.RegisterTaskDefinitionInput, nulls []string) map[string]bool {
	without := map[string]bool{}
	for i, c := range in.ContainerDefinitions {
		if slices.Contains(nulls, fmt.Sprintf("taskdefinition.containerdefinitions[%d].repositorycredentials", i)) {
			without[aws.StringValue(c.Name)] = true
		}
	}
	return without
}

// CopyDefinition returns the input that registers the same task definition again.
func CopyDefinition(def *awsecs.TaskDefinition) *awsecs.RegisterTaskDefinitionInput {
	out := &awsecs.RegisterTaskDefinitionInput{}
	awsutil.Copy(out, def)
	return out
}

// SecretNamed returns the one of the secrets that a reference names; nil if none is.
func SecretNamed(secrets []*resource.State, id string) *resource.State {
	i := slices.IndexFunc(secrets, func(s *resource.State) bool {
		return spec.Names(id, s.ID, aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](s).Name))
	})
	if i < 0 {
		return nil
	}
	return secrets[i]
}

// Revision is how an update changes the task definition that a service runs, or that jobs run.
type Revision struct {
	Space   *Space
	Present *awsecs.DescribeTaskDefinitionOutput
	Secrets []*resource.State // of the space, that the present revision refers to
	New     *Registration     // nil if the present one stays
	Untag   []string          // keys of tags that are removed
}

// Decide decides whether the request registers a revision. If the present one is what the request wants, it stays. If the request gives no task definition, new
// credentials may still need a revision: a copy of the present one.
func (r *Revision) Decide(plan *resource.Plan) {
	switch {
	case r.New != nil && r.isPresent():
		r.New = nil
		plan.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindTaskDefinition, Name: account.NameOf(aws.StringValue(r.Present.TaskDefinition.TaskDefinitionArn)), Action: resource.ActionKeep, Reason: "it is what the request wants",
		})
	case r.New == nil && r.needsCredentials():
		r.New = &Registration{Input: CopyDefinition(r.Present.TaskDefinition), IsCopy: true}
	}
}

// needsCredentials reports whether the request has credentials for a container that has none of ours, or has others.
func (r *Revision) needsCredentials() bool {
	return slices.ContainsFunc(r.Space.Want.Containers(), func(container string) bool { return r.secretOf(container) == nil || r.renames(container) })
}

// isPresent reports whether the present revision is what the request wants: the request is a copy that changes nothing, or the ownership tag says that the present
// revision was registered from the same task definition. We cannot compare the revision itself with the request, because AWS completes revisions.
func (r *Revision) isPresent() bool {
	state := resource.RevisionState(r.Present)
	if state == nil || r.needsCredentials() {
		return false
	}
	if r.New.IsCopy {
		return resource.SameToAWS(r.New.Input, CopyDefinition(r.Present.TaskDefinition))
	}
	for container := range r.New.Without {
		if spec.RepositoryCredentials(r.Present.TaskDefinition.ContainerDefinitions, container) != "" {
			return false
		}
	}
	retagged := state.Tags.With(spec.WithoutReserved(r.Space.Want.Callers)...).Without(r.Untag...)
	return resource.IsSameRevision(retagged, r.tags(r.New.Input), r.owner())
}

// owner returns the beginning of the new revision's ownership tag.
func (r *Revision) owner() string {
	return resource.RevisionOwner(r.Space.Request.Service, spec.Digest(r.New.Input))
}

// secretOf returns the secret of ours that a container's image is pulled with now; nil if there is none.
func (r *Revision) secretOf(container string) *resource.State {
	return SecretNamed(r.Secrets, spec.RepositoryCredentials(r.Present.TaskDefinition.ContainerDefinitions, container))
}

// renames reports whether the request wants other credentials for the container than it has, under another name.
func (r *Revision) renames(container string) bool {
	name := r.Space.Want.Credentials[container].Name
	has := r.secretOf(container)
	return name != nil && has != nil && spec.SecretPrefix(r.Space.Account.Org,
		r.Space.Want.Cluster)+*name != aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](has).Name)
}

// DecideCredentials decides which credentials are new, and which are a new value of those that their container has.
func (r *Revision) DecideCredentials(plan *resource.Plan, parts *Parts) error {
	target := r.Present.TaskDefinition.ContainerDefinitions
	if r.New != nil {
		target = r.New.Input.ContainerDefinitions
	}
	var wrong common.Problems
	for _, container := range r.Space.Want.Containers() {
		in, at := r.Space.Want.Credentials[container], "credentials."+container
		has := r.secretOf(container)
		switch {
		case !spec.HasContainer(target, container):
			wrong.Add(at, "names no container of the task definition")
		case has != nil && !r.renames(container):
			parts.SetCredential(plan, container, has)
		case in.Name == nil:
			wrong.Add(at+".Name", "is required: the container has no credentials of ours yet")
		default:
			if err := parts.CreateCredential(plan, container); err != nil {
				return err
			}
		}
	}
	return wrong.Err()
}

// Register adds the registration of the new revision to the plan.
func (r *Revision) Register(plan *resource.Plan, parts *Parts) (*resource.Item, error) {
	s, present := r.Space, r.Present
	in := *r.New.Input
	in.ContainerDefinitions = r.Containers()
	if s.Want.Flavor != FlavorTask && aws.StringValue(in.Family) == aws.StringValue(present.TaskDefinition.Family) {
		if err := CheckFamily(present); err != nil {
			return nil, err
		}
	}
	if err := r.checkReach(in.ContainerDefinitions, parts.found.Identity); err != nil {
		return nil, err
	}
	adapter := &resource.TaskDefinition{Account: s.Account, Family: aws.StringValue(in.Family), Owner: r.owner() + s.Request.Key.Of(s.ID())}
	adapter.Input = func() (*awsecs.RegisterTaskDefinitionInput, error) { return parts.Definition().Complete(&in), nil }
	item := &resource.Item{Thing: adapter, Tags: r.tags(&in).With(common.Tag{Key: common.TagRequest, Value: adapter.Owner})}
	plan.Add(resource.StageDefinition, resource.Change{
		Resource: resource.KindTaskDefinition, Name: adapter.Family, Action: resource.ActionCreate, Reason: "the task definition differs from " + account.NameOf(aws.StringValue(present.TaskDefinition.TaskDefinitionArn)),
		Before: CopyDefinition(present.TaskDefinition), After: parts.Planned().Complete(&in), Step: s.adoptOrRegister(item),
	})
	return item, nil
}

// tags returns the tags of the new revision.
func (r *Revision) tags(in *awsecs.RegisterTaskDefinitionInput) common.Tags {
	own := ecs.ToTags(in.Tags)
	if !r.New.HasTags {
		own = spec.WithoutReserved(ecs.ToTags(r.Present.Tags)).Without(r.Untag...)
	}
	tags := r.Space.Tags(nil)
	for _, tag := range own { // the request's tags come over those that are inherited
		if _, ok := tags.Get(tag.Key); !ok || r.New.HasTags && !spec.IsReservedTag(tag.Key) {
			tags = tags.With(tag)
		}
	}
	return tags
}

// Containers returns the new revision's containers. A container that leaves out its repository credentials keeps those of the present revision; nothing else is kept
// when a task definition is replaced. Containers for which the request has credentials get these.
func (r *Revision) Containers() []*awsecs.ContainerDefinition {
	containers := r.New.Input.ContainerDefinitions
	out := make([]*awsecs.ContainerDefinition, len(containers))
	for i, c := range containers {
		out[i] = c
		name := aws.StringValue(c.Name)
		has := spec.RepositoryCredentials(r.Present.TaskDefinition.ContainerDefinitions, name)
		if c.RepositoryCredentials != nil || has == "" || r.New.Without[name] {
			continue
		}
		kept := *c
		kept.RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(has)}
		out[i] = &kept
	}
	return out
}

// checkReach refuses references that the execution role cannot read. It ignores those that the present revision has too, because the request did not add them.
func (r *Revision) checkReach(containers []*awsecs.ContainerDefinition, id account.Identity) error {
	s := r.Space
	wrong := spec.CheckReach("taskdefinition.", WithoutCredentials(containers, s.Want.Credentials), id, s.Account.Region, s.Account.Org, s.Want.Cluster)
	if len(wrong) == 0 {
		return nil
	}
	var old []string
	for _, ref := range spec.References(r.Present.TaskDefinition.ContainerDefinitions) {
		if r.New.IsCopy || ref.Credentials {
			old = append(old, ref.Value)
		}
	}
	values := map[string]string{}
	for _, ref := range spec.References(containers) {
		values["taskdefinition."+ref.Field] = ref.Value
	}
	wrong = slices.DeleteFunc(wrong, func(f common.FieldError) bool { return slices.Contains(old, values[f.Field]) })
	for i := range wrong {
		if r.New.Field != nil {
			wrong[i].Field = r.New.Field(wrong[i].Field)
		}
	}
	return wrong.Err()
}

// Restore returns the secrets that the containers refer to and whose values the request does not set. The plan restores those that are scheduled for deletion.
func (r *Revision) Restore(parts *Parts, containers []*awsecs.ContainerDefinition) []*resource.State {
	var used []*resource.State
	for _, id := range spec.SecretIDs(WithoutCredentials(containers, r.Space.Want.Credentials)) {
		if s := SecretNamed(r.Secrets, id); s != nil && !slices.Contains(used, s) && !parts.Sets(s) {
			used = append(used, s)
		}
	}
	return used
}

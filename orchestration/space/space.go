// Package space is the part of look and decide that services and managed task definitions have in common: what a task definition needs. These are the cluster, its
// execution role and its log group, which all services and jobs of the cluster share, and the credentials of the containers.
//
// It owns one rule: a request reads everything that it needs of the space before it uses it.
package space

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// Flavors of what is created: the tag spinup:flavor.
const (
	FlavorService = "service"
	FlavorTask    = "task"
)

// Want says what a request wants of a space.
type Want struct {
	Cluster      string
	ClusterRef   string                                   // how the request refers to the cluster, if it must exist; it may be an ARN
	ClusterInput *awsecs.CreateClusterInput               // to create the cluster if it does not exist; nil if it must exist
	Name         string                                   // of the service, or the family of a managed task definition: it begins ownership tags and names log streams
	Flavor       string                                   // FlavorService or FlavorTask
	Builds       bool                                     // the request registers a revision, which needs the role and the log group
	Callers      common.Tags                              // for everything
	Credentials  map[string]*awssecrets.CreateSecretInput // by container
}

// Containers returns the containers that the request has credentials for, sorted.
func (w Want) Containers() []string { return slices.Sorted(maps.Keys(w.Credentials)) }

// owner returns what the ownership tags name: the service, or the managed task definition.
func (w Want) owner() string {
	if w.Flavor == FlavorTask {
		return resource.ForTaskDefinition(w.Name)
	}
	return w.Name
}

// Found is what look found of the space.
type Found struct {
	Identity    account.Identity
	Cluster     *resource.State
	Role        *resource.State
	Policies    resource.RolePolicies
	LogGroup    *resource.State
	Credentials map[string]*resource.State // by container, those whose names the request gives
}

// HasServices reports whether a service runs in the cluster.
func (f *Found) HasServices() bool {
	cluster := resource.ValueOf[*awsecs.Cluster](f.Cluster)
	return cluster != nil && aws.Int64Value(cluster.ActiveServicesCount) > 0
}

// Space is one request's view of a space: what it wants, and its resource.Request, which creates, adopts and rolls back things. It lives as long as the request. A
// transaction.Transaction lives from the lock to its release, and an operations.Operation may live longer than both.
type Space struct {
	Account *account.Account
	Request *resource.Request
	Want    Want
	id      string // of the request
	caller  common.Caller
}

// New returns the space that the request wants.
func New(a *account.Account, ledger *resource.Ledger, want Want) *Space {
	s := &Space{Account: a, Want: want, Request: &resource.Request{Org: a.Org, Cluster: want.Cluster, Service: want.owner(), Backoff: a.Backoff,
		Ledger: ledger}}
	s.identify()
	return s
}

// Identify gives the request a new id, the caller and the Idempotency-Key of the context, and says whether services run in the cluster. Call it between look and
// decide: then the id is later than that of every teardown that began before, so these teardowns leave alone what the request creates.
func (s *Space) Identify(ctx context.Context, found *Found) {
	s.Request.HasServices = found.HasServices()
	s.caller, s.Request.Key = common.CallerOf(ctx), resource.KeyOf(ctx)
	s.identify()
}

func (s *Space) identify() {
	s.id = resource.NewID()
	s.Request.Owner = resource.OwnerPrefix(s.Want.owner()) + s.Request.Key.Of(s.id)
}

// ID is the request's id.
func (s *Space) ID() string { return s.id }

// Tags returns the tags of a thing in the space: ours, then the request's, then the thing's own. After Identify they also name the caller.
func (s *Space) Tags(own common.Tags) common.Tags {
	return spec.Tags(s.Account.Org, s.Want.Cluster, s.Want.Flavor, s.Request.Owner, s.Want.Callers.With(own...)...).With(s.caller.Tags()...)
}

// Shared returns the things that the request shares with others in the space.
func (s *Space) Shared() []resource.Thing {
	shared := []resource.Thing{s.cluster()}
	if s.Want.Builds {
		shared = append(shared, s.Execution()...)
	}
	return shared
}

// Execution returns the things that only a request needs which registers a task definition: the execution role and the log group.
func (s *Space) Execution() []resource.Thing { return []resource.Thing{s.role(), s.logGroup()} }

func (s *Space) cluster() *resource.Cluster {
	return &resource.Cluster{Account: s.Account, Cluster: s.Want.Cluster, Ref: s.Want.ClusterRef, Input: s.Want.ClusterInput}
}

func (s *Space) role() *resource.Role {
	return &resource.Role{Account: s.Account, Cluster: s.Want.Cluster}
}

func (s *Space) logGroup() *resource.LogGroup {
	return &resource.LogGroup{Account: s.Account, Group: s.Want.Cluster}
}

// credential returns the adapter of a container's secret, under the name that the request gives it.
func (s *Space) credential(container string) *resource.Credential {
	in := s.Want.Credentials[container]
	return &resource.Credential{
		Account: s.Account, Container: container, Secret: spec.SecretPrefix(s.Account.Org,
			s.Want.Cluster) + aws.StringValue(in.Name), Input: in, VersionID: s.id,
	}
}

// Look returns the step that reads the space into found, with concurrent calls. Retags says that the request needs the tags of the role and the log group although
// it registers no task definition.
func (s *Space) Look(found *Found, retags bool) []saga.Step {
	find := func(name string, t resource.Thing, into **resource.State) saga.Step {
		return saga.Named("read "+name, saga.NoRollback(func(ctx context.Context) (err error) {
			*into, err = t.Find(ctx)
			return err
		}))
	}
	steps := []saga.Step{find("cluster", s.cluster(), &found.Cluster)}
	if s.Want.Builds {
		steps = append(steps,
			saga.Named("read identity", saga.NoRollback(func(ctx context.Context) (err error) {
				found.Identity, err = s.Account.Identity(ctx)
				return err
			})),
			saga.Named("read role policy", saga.NoRollback(func(ctx context.Context) (err error) {
				found.Policies, err = s.role().Policies(ctx)
				return err
			})))
	}
	if s.Want.Builds || retags {
		steps = append(steps, find("role", s.role(), &found.Role), find("log group", s.logGroup(), &found.LogGroup))
	}
	found.Credentials = map[string]*resource.State{}
	states := make([]*resource.State, len(s.Want.Credentials))
	var reads []saga.Step
	for i, container := range s.Want.Containers() {
		if s.Want.Credentials[container].Name != nil {
			reads = append(reads, find("credentials", s.credential(container), &states[i]))
		}
	}
	if len(reads) == 0 {
		return steps
	}
	return append(steps, saga.InOrder(saga.Together(reads...), saga.NoRollback(func(context.Context) error {
		for i, container := range s.Want.Containers() {
			if states[i] != nil {
				found.Credentials[container] = states[i]
			}
		}
		return nil
	})))
}

// Existing returns the parts as look found them, for a request whose service an earlier attempt has created.
func (s *Space) Existing(found *Found) *Parts {
	parts := &Parts{space: s, found: found, Cluster: &resource.Item{Thing: s.cluster(), Now: found.Cluster}, Credentials: map[string]*resource.Item{}}
	for container, secret := range found.Credentials {
		c := s.credential(container)
		c.VersionID = resource.CurrentVersion(secret)
		parts.Credentials[container] = &resource.Item{Thing: c, Now: secret}
	}
	return parts
}

// Parts are the things of the space in a plan.
type Parts struct {
	space       *Space
	found       *Found
	Cluster     *resource.Item
	Role        *resource.Item // nil if the request needs none
	LogGroup    *resource.Item // nil if the request needs none
	Credentials map[string]*resource.Item
}

// item returns the thing as an item of the plan, to have the tags.
func (s *Space) item(t resource.Thing, found *resource.State, own common.Tags) *resource.Item {
	return &resource.Item{Thing: t, Found: found, Tags: s.Tags(own)}
}

// Decide adds the changes of the cluster, the role and the log group to the plan. It returns an error if one of them cannot be used.
func (s *Space) Decide(plan *resource.Plan, found *Found) (*Parts, error) {
	parts := &Parts{space: s, found: found, Credentials: map[string]*resource.Item{}}
	if err := s.decideCluster(plan, parts); err != nil {
		return nil, err
	}
	if !s.Want.Builds {
		return parts, nil
	}
	parts.Role = s.item(s.role(), found.Role, nil)
	parts.LogGroup = s.item(s.logGroup(), found.LogGroup, nil)
	for _, item := range []*resource.Item{parts.Role, parts.LogGroup} {
		if item.Found != nil {
			if err := s.Request.Check(item, item.Found); err != nil {
				return nil, err
			}
		}
	}
	s.decideRole(plan, parts)
	s.decideLogGroup(plan, parts)
	return parts, nil
}

func (s *Space) decideCluster(plan *resource.Plan, parts *Parts) error {
	found := parts.found.Cluster
	var own common.Tags
	if s.Want.ClusterInput != nil {
		own = ecs.ToTags(s.Want.ClusterInput.Tags)
	}
	parts.Cluster = s.item(s.cluster(), found, own)
	switch {
	case found == nil && s.Want.ClusterInput == nil, found != nil && s.Want.ClusterInput == nil && !found.Tags.VisibleTo(s.Account.Org):
		return common.Errorf(common.NotFound, "there is no cluster %s; name one that exists, or add cluster to the request to create it", s.Want.Cluster)
	case found != nil && !found.Tags.VisibleTo(s.Account.Org):
		return account.NameTaken("cluster", s.Want.Cluster)
	}
	if s.Want.ClusterInput == nil {
		parts.Cluster.Now = found
		plan.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindCluster, Name: s.Want.Cluster, Action: resource.ActionKeep, Reason: "the request uses it",
		})
		return nil
	}
	change := s.ensure(parts.Cluster)
	if found == nil {
		change.After = spec.Cluster(s.Account.Settings, s.Want.ClusterInput, ecs.FromTags(parts.Cluster.Tags))
		plan.Add(resource.StageDefinition, resource.Change{
			Resource: resource.KindCluster, Name: s.Want.Cluster, Action: resource.ActionKeep, Reason: "verify who created it",
			Step: s.Request.Confirm(parts.Cluster), Internal: true,
		})
	}
	plan.Add(resource.StageFirst, change)
	return nil
}

// ensure returns the change that creates or adopts the item.
func (s *Space) ensure(item *resource.Item) resource.Change {
	change := resource.Change{
		Resource: item.Kind(), Name: item.Name(), Action: resource.ActionCreate, Reason: "there is none of this name",
		Step: s.Request.Ensure(item),
	}
	if item.Found != nil {
		change.Action, change.Reason = resource.ActionAdopt, "it exists"
		if !item.Traits().Shared {
			change.Reason = "an interrupted request has left it"
		}
	}
	return change
}

func (s *Space) decideRole(plan *resource.Plan, parts *Parts) {
	found, role := parts.found, s.role()
	plan.Add(resource.StageFirst, s.ensure(parts.Role))
	document := role.PolicyFor(found.Policies, found.Identity, s.keys()...)
	set := role.SetPolicy(found.Policies, document)
	change := resource.Change{
		Resource: resource.KindRolePolicy, Name: role.Name(), Action: resource.ActionKeep, Reason: "it allows what the tasks need",
	}
	if trust, boundary := role.Outdated(found.Role, found.Identity); trust || boundary {
		plan.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindRole, Name: role.Name(), Action: resource.ActionUpdate, Reason: "its trust policy or permissions boundary is out of date",
			Step: role.BringUpToDate(trust, boundary, found.Identity),
		})
	}
	if !spec.SameDocument(found.Policies.Regional, document) {
		change.Action, change.Reason, change.Step = resource.ActionUpdate, "it does not allow what the tasks need", set
		change.Before, change.After = rawJSON(found.Policies.Regional), rawJSON(document)
		if found.Policies.Regional == "" {
			change.Action = resource.ActionCreate
		}
	}
	parts.Role.Completes = role.SetPolicy(resource.RolePolicies{}, document)
	plan.Add(resource.StageDefinition, change)
}

// keys returns the keys that the request's credentials are encrypted with.
func (s *Space) keys() []string {
	var keys []string
	for _, container := range s.Want.Containers() {
		if key := aws.StringValue(s.Want.Credentials[container].KmsKeyId); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

func (s *Space) decideLogGroup(plan *resource.Plan, parts *Parts) {
	group := s.logGroup()
	plan.Add(resource.StageFirst, s.ensure(parts.LogGroup))
	parts.LogGroup.Completes = group.Retention()
	if group.WantsRetention(parts.found.LogGroup, s.Account.Org) {
		plan.Add(resource.StageDefinition, resource.Change{
			Resource: resource.KindLogGroup, Name: group.Name(), Action: resource.ActionUpdate, Reason: fmt.Sprintf("its logs are to expire after %d days", spec.LogRetentionDays),
			After: map[string]int{"RetentionInDays": spec.LogRetentionDays}, Step: group.Retention(),
		})
	}
}

// Planned returns how the task definition will be completed: secrets that are not there yet are referred to by their names.
func (p *Parts) Planned() spec.Definition {
	d := p.Definition()
	for container, item := range p.Credentials {
		d.Credentials[container] = item.PlannedID()
	}
	return d
}

// Definition returns how the task definition is completed, once the things that it refers to are there.
func (p *Parts) Definition() spec.Definition {
	s := p.space
	d := spec.Definition{LogGroup: s.Want.Cluster, LogRegion: s.Account.Region, LogPrefix: s.Want.Name, Credentials: p.CredentialARNs()}
	if p.Role != nil {
		d.RoleARN = s.role().ExecutionRoleARN(p.Role.Now, p.found.Identity)
	}
	return d
}

// Verify returns the steps that look again, at the end, for what the request adopted. The cluster of a service needs none: ECS has just created the
// service in it.
func (p *Parts) Verify() saga.Step {
	verify := p.space.Request.Verify
	var steps []saga.Step
	if p.space.Want.Flavor == FlavorTask && p.Cluster != nil {
		steps = append(steps, verify(p.Cluster))
	}
	if p.Role != nil {
		steps = append(steps, verify(p.Role), verify(p.LogGroup))
	}
	for _, container := range slices.Sorted(maps.Keys(p.Credentials)) {
		steps = append(steps, verify(p.Credentials[container]))
	}
	return saga.Together(steps...)
}

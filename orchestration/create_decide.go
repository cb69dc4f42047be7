package orchestration

import (
	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/servicediscovery"
)

// createPlan is the plan of a create, with the items that the response shows.
type createPlan struct {
	resource.Plan
	creation   *creation
	parts      *space.Parts
	definition *resource.Item
	cloudMap   *resource.Item // nil if the service has none
	service    *resource.Item
	replayed   bool // an earlier attempt of the request created the service: nothing is changed
}

// decide returns the plan for what look found. It is a pure function. It refuses what cannot work, before the request has created anything.
func (c *creation) decide(f *createFound) (*createPlan, error) {
	if f.service != nil {
		return c.decideExisting(f)
	}
	p := &createPlan{creation: c}
	var err error
	if p.parts, err = c.space.Decide(&p.Plan, &f.space); err != nil {
		return nil, err
	}
	for _, container := range c.space.Want.Containers() {
		if err := p.parts.CreateCredential(&p.Plan, container); err != nil {
			return nil, err
		}
	}
	for _, decide := range []func(*createFound) error{p.decideCloudMap, p.decideDefinition} {
		if err := decide(f); err != nil {
			return nil, err
		}
	}
	p.decideService(f)
	return p, nil
}

// cloudMap returns the adapter of the Cloud Map service that the request gives. Without a health check in the request it gets a custom one, through which ECS
// reports the health of its tasks.
func (c *creation) cloudMap() *resource.CloudMapService {
	in := *c.in.ServiceRegistry
	if in.HealthCheckCustomConfig == nil && in.HealthCheckConfig == nil {
		in.HealthCheckCustomConfig = &awscloud.HealthCheckCustomConfig{FailureThreshold: aws.Int64(1)}
	}
	return &resource.CloudMapService{
		Account: c.o.account, Service: aws.StringValue(in.Name), Namespace: resource.NamespaceOf(&in), Input: &in, CreatorID: c.space.ID(), Owner: c.space.Request.Owner,
	}
}

func (p *createPlan) decideCloudMap(f *createFound) error {
	c := p.creation
	if c.in.ServiceRegistry == nil {
		return p.decideNamedCloudMap(f)
	}
	namespace := resource.NamespaceOf(c.in.ServiceRegistry)
	if f.noNamespace || !f.namespaceTags.VisibleTo(c.o.account.Org) {
		return account.NoSuch("namespace", namespace)
	}
	if f.namespaceARN != "" {
		p.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindCloudMapService, Name: namespace, Action: resource.ActionKeep, Reason: "read namespace tags",
			Step: c.checkNamespace(f.namespaceARN), Internal: true,
		})
	}
	adapter := c.cloudMap()
	if f.cloudMap != nil {
		adapter.ARN = f.cloudMap.ID
	}
	p.cloudMap = &resource.Item{Thing: adapter, Found: f.cloudMap, Tags: c.space.Tags(servicediscovery.ToTags(c.in.ServiceRegistry.Tags))}
	change := resource.Change{
		Resource: resource.KindCloudMapService, Name: adapter.Name(), Action: resource.ActionCreate, Reason: "the namespace has none of this name",
		After: adapter.Input, Step: c.space.Request.Ensure(p.cloudMap),
	}
	if f.cloudMap != nil {
		if err := c.space.Request.Check(p.cloudMap, f.cloudMap); err != nil {
			return err
		}
		change.Action, change.Reason = resource.ActionAdopt, "an interrupted request has left it"
	}
	p.Add(resource.StageFirst, change)
	return nil
}

func (p *createPlan) decideNamedCloudMap(f *createFound) error {
	for i, named := range f.named {
		if named.service == nil || !account.Means(named.ref, aws.StringValue(named.service.Arn)) || !named.tags.VisibleTo(p.creation.o.account.Org) {
			return account.NoSuch("Cloud Map service", named.ref)
		}
		if i == 0 {
			p.cloudMap = &resource.Item{Thing: &resource.CloudMapService{Account: p.creation.o.account, ARN: named.ref},
				Now: &resource.State{ID: named.ref, Tags: named.tags, Value: named.service}}
		}
		p.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindCloudMapService, Name: aws.StringValue(named.service.Name), Action: resource.ActionKeep, Reason: "the service names it",
		})
	}
	return nil
}

// decideDefinition decides which revision the service runs.
func (p *createPlan) decideDefinition(f *createFound) error {
	c := p.creation
	in := c.in.TaskDefinition
	if in == nil {
		return p.decideNamedDefinition(f)
	}
	var err error
	p.definition, err = p.parts.NewDefinition(&p.Plan, in, f.revision)
	return err
}

// decideNamedDefinition checks the revision that the service names. The plan restores each secret that this revision refers to and that is scheduled for deletion.
func (p *createPlan) decideNamedDefinition(f *createFound) error {
	name := aws.StringValue(p.creation.in.Service.TaskDefinition)
	if f.revision == nil || !f.revisionTags().VisibleTo(p.creation.o.account.Org) {
		return account.NoSuch("task definition", name)
	}
	state := resource.RevisionState(f.revision)
	if state == nil {
		return notActive(f.revision.TaskDefinition)
	}
	p.definition = &resource.Item{Thing: &resource.TaskDefinition{Account: p.creation.o.account, Family: account.FamilyOf(state.ID), ARN: state.ID,
		Input: resource.Known}, Now: state}
	p.Add(resource.StageFirst, resource.Change{
		Resource: resource.KindTaskDefinition, Name: account.NameOf(state.ID), Action: resource.ActionKeep, Reason: "the service names it",
	})
	space.RestoreScheduled(p.creation.o.account, &p.Plan, f.secrets)
	return nil
}

// notActive is the Conflict for a revision that was deregistered.
func notActive(revision *awsecs.TaskDefinition) error {
	return common.Coded(common.CodeTaskDefinitionInactive, "task definition %s is not ACTIVE; name another revision",
		account.NameOf(aws.StringValue(revision.TaskDefinitionArn)))
}

func (p *createPlan) decideService(f *createFound) {
	c := p.creation
	adapter := &resource.Service{
		Account: c.o.account, Cluster: c.cluster, Service: c.service, ClusterIsNew: f.space.Cluster == nil,
		Input:      func() *awsecs.CreateServiceInput { return p.serviceInput(p.definition.ID(), p.cloudMap.ID()) },
		OnDraining: func() { c.space.Request.Waited.Store(true) },
		OnDeleted: func(s *awsecs.Service) {
			c.o.transactions.Deleted.Add(c.cluster, c.service, s)
		},
	}
	p.service = &resource.Item{Thing: adapter, Tags: c.space.Tags(ecs.ToTags(c.in.Service.Tags))}
	p.Add(resource.StageService, resource.Change{
		Resource: resource.KindService, Name: c.service, Action: resource.ActionCreate, Reason: "the cluster has none of this name",
		After: p.plannedService(), Step: c.space.Request.Ensure(p.service),
	})
}

// plannedService returns the service as the plan shows it: with names in place of the ARNs of things that do not exist yet.
func (p *createPlan) plannedService() *awsecs.CreateServiceInput {
	cloudMap := ""
	if p.cloudMap != nil {
		cloudMap = p.cloudMap.PlannedID()
	}
	in := p.serviceInput(p.definition.PlannedID(), cloudMap)
	in.ClientToken = nil // it differs in each request, and tells a reader nothing
	return in
}

// serviceInput returns the input that creates the service with the given task definition and Cloud Map service.
func (p *createPlan) serviceInput(definition, cloudMap string) *awsecs.CreateServiceInput {
	c := p.creation
	in := *c.in.Service
	in.ServiceName = aws.String(c.service)
	in.Cluster = aws.String(c.cluster)
	in.TaskDefinition = aws.String(definition)
	in.ClientToken = aws.String(c.space.ID())
	if aws.StringValue(in.PropagateTags) == "" {
		in.PropagateTags = aws.String(awsecs.PropagateTagsService)
	}
	if in.EnableECSManagedTags == nil {
		in.EnableECSManagedTags = aws.Bool(true)
	}
	in.NetworkConfiguration = spec.Network(c.o.account.Settings, in.NetworkConfiguration)
	if in.DesiredCount == nil && aws.StringValue(in.SchedulingStrategy) != awsecs.SchedulingStrategyDaemon {
		in.DesiredCount = aws.Int64(1)
	}
	if c.in.ServiceRegistry != nil {
		in.ServiceRegistries = []*awsecs.ServiceRegistry{c.registryUse(cloudMap)}
	}
	if aws.StringValue(in.LaunchType) == "" {
		in.LaunchType = nil
	}
	if in.LaunchType == nil && len(in.CapacityProviderStrategy) == 0 {
		in.LaunchType, in.CapacityProviderStrategy = placement(resource.ValueOf[*awsecs.Cluster](p.parts.Cluster.Now))
	}
	in.DeploymentConfiguration = spec.CircuitBreaker(in.DeploymentConfiguration, in.DeploymentController)
	return &in
}

// registryUse returns how the service uses the Cloud Map service; the request may name the container and the port.
func (c *creation) registryUse(arn string) *awsecs.ServiceRegistry {
	use := awsecs.ServiceRegistry{}
	if named := c.in.Service.ServiceRegistries; len(named) == 1 {
		use = *named[0]
	}
	use.RegistryArn = aws.String(arn)
	return &use
}

// placement returns the launch type or the strategy of a service that names neither. It repeats the cluster's default strategy explicitly, because ECS uses EC2
// if the cluster has none.
func placement(cluster *awsecs.Cluster) (*string, []*awsecs.CapacityProviderStrategyItem) {
	if cluster == nil || len(cluster.DefaultCapacityProviderStrategy) == 0 {
		return aws.String(awsecs.LaunchTypeFargate), nil
	}
	return nil, cluster.DefaultCapacityProviderStrategy
}

// verify returns the step that checks, at the end, that everything the request adopted still exists.
func (p *createPlan) verify() saga.Step {
	verify := p.creation.space.Request.Verify
	steps := []saga.Step{p.parts.Verify()}
	if p.creation.in.TaskDefinition != nil {
		steps = append(steps, verify(p.definition))
	}
	if p.cloudMap != nil {
		steps = append(steps, verify(p.cloudMap))
	}
	return saga.Together(steps...)
}

// output returns what exists after the plan was applied.
func (p *createPlan) output() *CreateOutput {
	out := &CreateOutput{
		Cluster:        resource.ValueOf[*awsecs.Cluster](p.parts.Cluster.Now),
		Credentials:    p.parts.CredentialOutputs(),
		TaskDefinition: resource.ValueOf[*awsecs.TaskDefinition](p.definition.Now),
		Service:        resource.ValueOf[*awsecs.Service](p.service.Now),
	}
	out.Deployment = observe.Started(nil, out.Service)
	if p.cloudMap != nil {
		out.ServiceDiscoveryService = resource.ValueOf[*awscloud.Service](p.cloudMap.Now)
	}
	return out
}

package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// readService looks whether the service is there already.
func (c *creation) readService(ctx context.Context) error {
	service, err := c.ecs.Service(ctx, c.cluster, c.service)
	if common.Is(err, common.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if aws.StringValue(service.Status) != statusActive {
		return nil // DRAINING or INACTIVE: the name is free, or will be
	}
	if !ecs.ToTags(service.Tags).BelongsTo(c.account.Org) {
		return taken("service", c.service)
	}
	return common.Coded(common.CodeServiceExists, "service %s already exists in cluster %s. Update it with PUT, or delete it first", c.service, c.cluster)
}

// createService makes the service. Its client token is this request's own: of two requests at once, AWS builds one and refuses the other.
func (c *creation) createService(ctx context.Context) (undo, error) {
	in := c.prepareService()
	var made *awsecs.Service
	races := []common.Race{common.ServiceLinkedRole, common.Draining, common.NewRegistry}
	if c.found.cluster == nil {
		races = append(races, common.NewCluster)
	}
	err := c.pace.Retry(ctx, func() (err error) {
		made, err = c.ecs.CreateService(ctx, in)
		c.waited = c.waited || common.Draining.Is(err)
		return err
	}, races...)
	if err == nil {
		c.out.Service = made
		if len(made.Tags) == 0 { // AWS leaves them out of some answers
			c.out.Service.Tags = in.Tags
		}
		return c.undoService, nil
	}
	if common.Is(err, common.Conflict) && common.CodeOf(err) == awsecs.ErrCodeInvalidParameterException { // there is one of its name
		c.rival.Store(true)
	}
	if common.NewRegistry.Is(err) { // it was there when this request began
		return nil, takenAway("the service registry")
	}
	if !common.Ambiguous(err) {
		return nil, err
	}
	return c.undoService, err
}

// prepareService returns the service as it is created.
func (c *creation) prepareService() *awsecs.CreateServiceInput {
	in := *c.in.Service
	in.ServiceName = aws.String(c.service)
	in.Cluster = aws.String(c.cluster)
	in.TaskDefinition = aws.String(c.taskARN)
	in.ClientToken = aws.String(c.id)
	in.Tags = ecs.FromTags(c.tagsFor(ecs.ToTags(in.Tags)))
	in.PropagateTags = aws.String(awsecs.PropagateTagsService)
	in.EnableECSManagedTags = aws.Bool(true)
	in.NetworkConfiguration = c.network(in.NetworkConfiguration)
	if in.DesiredCount == nil {
		in.DesiredCount = aws.Int64(1)
	}
	if c.registries != nil {
		in.ServiceRegistries = c.registries
	}
	in.LaunchType = optional(aws.StringValue(in.LaunchType))
	if in.LaunchType == nil && len(in.CapacityProviderStrategy) == 0 {
		in.LaunchType, in.CapacityProviderStrategy = c.placement()
	}
	in.DeploymentConfiguration = circuitBreaker(in.DeploymentConfiguration, in.DeploymentController)
	return &in
}

// network returns the network settings of tasks, completed with the account's defaults. They never get a public address.
func (o *Orchestrator) network(asked *awsecs.NetworkConfiguration) *awsecs.NetworkConfiguration {
	vpc := awsecs.AwsVpcConfiguration{}
	if asked != nil && asked.AwsvpcConfiguration != nil {
		vpc = *asked.AwsvpcConfiguration
	}
	if len(vpc.Subnets) == 0 {
		vpc.Subnets = aws.StringSlice(o.account.Subnets)
	}
	if len(vpc.SecurityGroups) == 0 {
		vpc.SecurityGroups = aws.StringSlice(o.account.SecurityGroups)
	}
	vpc.AssignPublicIp = aws.String(awsecs.AssignPublicIpDisabled)
	return &awsecs.NetworkConfiguration{AwsvpcConfiguration: &vpc}
}

// placement returns the launch type or the strategy of a service that names neither: the cluster's default strategy, said
// outright, because ECS falls back to EC2 where a cluster has none.
func (c *creation) placement() (*string, []*awsecs.CapacityProviderStrategyItem) {
	strategy := c.out.Cluster.DefaultCapacityProviderStrategy
	if len(strategy) == 0 {
		return aws.String(awsecs.LaunchTypeFargate), nil
	}
	return nil, strategy
}

// circuitBreaker adds the circuit breaker, with rollback, to a deployment configuration that says nothing of it. Only ECS's own
// deployment controller has one.
func circuitBreaker(config *awsecs.DeploymentConfiguration, controller *awsecs.DeploymentController) *awsecs.DeploymentConfiguration {
	if controller != nil && aws.StringValue(controller.Type) != awsecs.DeploymentControllerTypeEcs {
		return config
	}
	out := awsecs.DeploymentConfiguration{}
	if config != nil {
		out = *config
	}
	if out.DeploymentCircuitBreaker == nil {
		out.DeploymentCircuitBreaker = &awsecs.DeploymentCircuitBreaker{Enable: aws.Bool(true), Rollback: aws.Bool(true)}
	}
	return &out
}

// undoService deletes the service if this request made it.
func (c *creation) undoService(ctx context.Context) error {
	races := []common.Race{common.Deploying}
	service, err := c.ecs.Service(ctx, c.cluster, c.service)
	if common.Is(err, common.NotFound) && c.out.Service != nil { // ECS has answered that it is made, and does not show it yet
		races, service, err = append(races, common.NewService), c.out.Service, nil
	}
	if err == nil && (aws.StringValue(service.Status) != statusActive || !c.mine(ecs.ToTags(service.Tags))) {
		return nil
	}
	if err == nil {
		_, err = c.deleteService(ctx, c.cluster, c.service, races...)
	}
	return common.Wrapf(ignoreNotFound(err), "service %s", c.service)
}

// deleteService deletes a service and stops its tasks.
func (o *Orchestrator) deleteService(ctx context.Context, cluster, name string, races ...common.Race) (service *awsecs.Service, err error) {
	err = o.pace.Retry(ctx, func() (err error) {
		service, err = o.ecs.DeleteService(ctx, cluster, name)
		return err
	}, races...)
	return service, err
}

// wantsPort reports whether a registry's records name a port, which the service must choose then.
func wantsPort(in *awscloud.CreateServiceInput) bool {
	return in.DnsConfig != nil && slices.ContainsFunc(in.DnsConfig.DnsRecords, func(r *awscloud.DnsRecord) bool {
		return aws.StringValue(r.Type) == awscloud.RecordTypeSrv
	})
}

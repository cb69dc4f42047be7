package orchestration

import (
	"context"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// PlanCreate returns what Create would do. It looks and decides like Create, and changes nothing.
func (o *Orchestrator) PlanCreate(ctx context.Context, in *CreateInput) (*resource.Preview, error) {
	c, err := o.newCreation(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, resource.PlanTime)
	defer cancel()
	network := spec.Network(o.account.Settings, in.Service.NetworkConfiguration)
	p, missing, faults, err := c.planWithFaults(ctx, network)
	if err != nil {
		return nil, common.Wrapf(err, "plan service %s in cluster %s", c.service, c.cluster)
	}
	preview := p.Preview(nil)
	preview.Missing, preview.Network = missing, faults
	if in.TaskDefinition != nil {
		preview.Images = space.Images(in.TaskDefinition.ContainerDefinitions, in.Credentials)
		preview.Warnings = spec.Warnings(in.TaskDefinition, nil)
	} else {
		preview.Images = space.Images(p.definitionFound().ContainerDefinitions, nil)
	}
	preview.Subnets = len(network.AwsvpcConfiguration.Subnets) > 0
	return preview, nil
}

// planWithFaults returns the plan. At the same time it looks for faults of the network, and for secrets and parameters that the task definition refers to and
// that do not exist. If the request only names a task definition, it looks for these after the plan.
func (c *creation) planWithFaults(ctx context.Context, network *awsecs.NetworkConfiguration) (p *createPlan, missing []spec.Reference,
	subnets resource.SubnetFaults, err error) {
	a := c.o.account
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			p, err = c.plan(ctx)
			return err
		},
		func(ctx context.Context) error {
			if in := c.in.TaskDefinition; in != nil {
				missing = space.Missing(ctx, a, c.cluster, space.WithoutCredentials(in.ContainerDefinitions, c.in.Credentials), nil)
			}
			return nil
		},
		func(ctx context.Context) error {
			subnets = space.Subnets(ctx, a, network)
			return nil
		})
	if err == nil && c.in.TaskDefinition == nil {
		missing = space.Missing(ctx, a, c.cluster, p.definitionFound().ContainerDefinitions, nil)
	}
	return p, missing, subnets, err
}

// definitionFound returns the task definition that the request names.
func (p *createPlan) definitionFound() *awsecs.TaskDefinition {
	return resource.ValueOf[*awsecs.TaskDefinition](p.definition.Now)
}

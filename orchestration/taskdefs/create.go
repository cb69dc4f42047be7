package taskdefs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// CreateInput says what a managed task definition consists of. The cluster is created if it is not there.
type CreateInput struct {
	Cluster        *awsecs.CreateClusterInput
	TaskDefinition *awsecs.RegisterTaskDefinitionInput
	Credentials    map[string]*awssecrets.CreateSecretInput // by the name of the container that pulls its image with them
	Tags           []*awsecs.Tag                            // of everything
}

// creation is one create. It is set up by newCreation, and not written afterwards.
type creation struct {
	d     *TaskDefinitions
	in    *CreateInput
	space *space.Space
}

// taskDefinitionPlan is the plan of a create or an update, with the items that its response shows.
type taskDefinitionPlan struct {
	resource.Plan
	parts      *space.Parts
	definition *resource.Item
	containers []*awsecs.ContainerDefinition        // that tasks have from now on
	warnings   []spec.Warning                       // what of the task definition AWS will probably refuse
	present    *awsecs.DescribeTaskDefinitionOutput // that is changed; nil of a create
}

// createFound is what there was when a create looked.
type createFound struct {
	space  space.Found
	newest *awsecs.DescribeTaskDefinitionOutput // of the family; nil if there is none
}

// newCreation checks the request as far as that can be done without AWS.
func (d *TaskDefinitions) newCreation(in *CreateInput) (*creation, error) {
	var p common.Problems
	if in.TaskDefinition == nil {
		p.Add("taskdefinition", "is required")
	}
	if in.Cluster == nil {
		p.Add("cluster", "is required: it is created if it is not there")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	cluster := aws.StringValue(in.Cluster.ClusterName)
	account.CheckName(&p, "cluster.clustername", cluster)
	if len(cluster) > spec.MaxCluster {
		p.Add("cluster.clustername", "must have at most %d characters: IAM's limit for the name of the tasks' role, %s", spec.MaxCluster, spec.RoleName("…"))
	}
	tags := space.TagChecks{Org: d.account.Org, Callers: ecs.ToTags(in.Tags)}
	space.CheckTaskDefinition(&p, d.account.Settings, cluster, in.TaskDefinition)
	tags.Request(&p, true)
	tags.Of(&p, "cluster.tags", ecs.ToTags(in.Cluster.Tags))
	p.AddSDK("cluster", in.Cluster)
	tags.Of(&p, "taskdefinition.tags", ecs.ToTags(in.TaskDefinition.Tags))
	space.CheckSDKTaskDefinition(&p, in.TaskDefinition, in.Credentials)
	space.CheckNewCredentials(&p, in.Credentials, in.TaskDefinition, tags)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &creation{d: d, in: in, space: space.New(d.account, &d.transactions.Ledger, space.Want{
		Cluster: cluster, ClusterInput: in.Cluster, Name: aws.StringValue(in.TaskDefinition.Family), Flavor: space.FlavorTask, Builds: true,
		Callers: tags.Callers, Credentials: in.Credentials,
	})}, nil
}

// CheckCreate returns what is wrong with a create as far as that can be decided without AWS, as Create does.
func (d *TaskDefinitions) CheckCreate(in *CreateInput) error {
	_, err := d.newCreation(in)
	return err
}

// Create creates a managed task definition and all it needs, or nothing: when a step fails, everything that this request created is rolled back before the
// error is returned. A caller who hangs up does not stop it. What the same request created before is adopted.
func (d *TaskDefinitions) Create(ctx context.Context, in *CreateInput) (*Output, error) {
	c, err := d.newCreation(in)
	if err != nil {
		return nil, err
	}
	return d.apply(ctx, c.space, "create", c.run)
}

// apply locks the managed task definition and runs a request that changes it. When that fails, what it did is rolled back.
func (d *TaskDefinitions) apply(ctx context.Context, s *space.Space, verb string, run func(context.Context) (*Output, saga.Rollback, error)) (*Output, error) {
	return transaction.Apply(ctx, d.transactions, transaction.TaskDefinitionTarget(s.Want.Cluster, s.Want.Name), verb, s.Request, s.Shared(), run)
}

// plan looks and decides.
func (c *creation) plan(ctx context.Context) (*taskDefinitionPlan, error) {
	found, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	c.space.Identify(ctx, &found.space)
	return c.decide(found)
}

// run plans and applies.
func (c *creation) run(ctx context.Context) (*Output, saga.Rollback, error) {
	plan, err := c.plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	operations.AcceptNow(ctx, transaction.TaskDefinitionTarget(c.space.Want.Cluster, c.space.Want.Name))
	rollback, err := saga.InOrder(plan.Apply(), saga.Together(plan.parts.Verify(), c.space.Request.Verify(plan.definition)))(ctx)
	if err != nil {
		return nil, rollback, resource.ConcurrentDelete(err)
	}
	return output(plan.parts, plan.definition), nil, nil
}

// look reads what there is, in one round.
func (c *creation) look(ctx context.Context) (*createFound, error) {
	f := &createFound{}
	_, err := saga.Together(append(c.space.Look(&f.space, false), saga.Named("read task definition", saga.NoRollback(func(ctx context.Context) (err error) {
		f.newest, err = c.d.account.ECS.TaskDefinition(ctx, c.space.Want.Name)
		return resource.IgnoreNotFound(err)
	})))...)(ctx)
	return f, err
}

// decide returns the plan for what was found. It is pure.
func (c *creation) decide(f *createFound) (*taskDefinitionPlan, error) {
	p := &taskDefinitionPlan{containers: c.in.TaskDefinition.ContainerDefinitions, warnings: spec.Warnings(c.in.TaskDefinition, nil)}
	var err error
	if p.parts, err = c.space.Decide(&p.Plan, &f.space); err != nil {
		return nil, err
	}
	for _, container := range c.space.Want.Containers() {
		if err := p.parts.CreateCredential(&p.Plan, container); err != nil {
			return nil, err
		}
	}
	if p.definition, err = p.parts.NewDefinition(&p.Plan, c.in.TaskDefinition, f.newest); err != nil {
		return nil, err
	}
	if resource.RevisionState(f.newest) != nil && p.definition.Found == nil {
		if _, err := c.space.Request.Key.Find(ecs.ToTags(f.newest.Tags)); err != nil {
			return nil, err
		}
		if !c.d.manages(f.newest, c.space.Want.Cluster) { // it is of another space
			if err := space.CheckFamily(f.newest); err != nil {
				return nil, err
			}
		}
		return nil, common.Coded(common.CodeAlreadyExists, "task definition %s exists and differs from the request. Update it with PUT, or choose another family", c.space.Want.Name)
	}
	return p, nil
}

// output returns what a plan has led to.
func output(parts *space.Parts, definition *resource.Item) *Output {
	return &Output{
		Cluster:        resource.ValueOf[*awsecs.Cluster](parts.Cluster.Now),
		TaskDefinition: resource.ValueOf[*awsecs.TaskDefinition](definition.Now),
		Tags:           ecs.FromTags(definition.Tags),
		Credentials:    parts.CredentialOutputs(),
	}
}

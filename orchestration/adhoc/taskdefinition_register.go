package adhoc

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// Register registers a revision, for Fargate. Its execution role, if it names one, must be that of a cluster of our org's, and must reach the secrets and
// parameters that the containers name; where the containers log is the caller's to say, as no cluster is named.
func (d TaskDefinitions) Register(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput) (*awsecs.RegisterTaskDefinitionOutput, error) {
	family := aws.StringValue(in.Family)
	if err := d.Check(in).Err(); err != nil {
		return nil, err
	}
	completed := *in
	completed.NetworkMode = aws.String(awsecs.NetworkModeAwsvpc)
	if len(completed.RequiresCompatibilities) == 0 {
		completed.RequiresCompatibilities = aws.StringSlice([]string{awsecs.CompatibilityFargate})
	}
	err := common.Concurrently(ctx,
		func(ctx context.Context) error { return d.checkFamily(ctx, family) },
		func(ctx context.Context) (err error) {
			completed.ExecutionRoleArn, err = d.executionRole(ctx, in)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	r := d.request("")
	thing := &resource.TaskDefinition{Account: d.account, Family: family, Owner: r.Owner,
		Input: func() (*awsecs.RegisterTaskDefinitionInput, error) { return &completed, nil }}
	item := &resource.Item{Thing: thing, Tags: d.tagsFor(ctx, r, ecs.ToTags(in.Tags))}
	if err := d.transactions.RunUnlocked(ctx, family, r, r.Ensure(item)); err != nil {
		return nil, err
	}
	return &awsecs.RegisterTaskDefinitionOutput{Tags: ecs.FromTags(item.Tags), TaskDefinition: resource.ValueOf[*awsecs.TaskDefinition](item.Now)}, nil
}

// Check returns what is wrong with a new revision, as far as that can be decided without AWS.
func (d TaskDefinitions) Check(in *awsecs.RegisterTaskDefinitionInput) common.Problems {
	p := spec.CheckTaskDefinition(d.account.Settings, "", in)
	p = append(p, ecs.ToTags(in.Tags).Validate("tags", d.account.Org)...)
	p.AddSDK("", in)
	return p
}

// checkFamily returns NotFound if the family's revisions are another org's, and a Conflict if they are a managed task definition's.
func (d TaskDefinitions) checkFamily(ctx context.Context, family string) error {
	found, err := d.account.ECS.TaskDefinition(ctx, family)
	switch {
	case err != nil:
		return resource.IgnoreNotFound(err)
	case !ecs.ToTags(found.Tags).VisibleTo(d.account.Org):
		return account.NameTaken("task definition", family)
	}
	return space.CheckFamily(found)
}

// executionRole returns the ARN of the execution role that in names by its name or ARN; nil if it names none. Only those that creating a service creates
// for its cluster can be named: an execution role reads secrets, and is not the caller's to choose. What it cannot read is refused: AWS would say so
// only when a task starts.
func (d TaskDefinitions) executionRole(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput) (*string, error) {
	ref := aws.StringValue(in.ExecutionRoleArn)
	if ref == "" {
		return nil, nil
	}
	refused := common.Invalid(common.FieldError{
		Field: "executionrolearn", Detail: "must be the role of a cluster of this org, " + spec.RoleName("…") + ", which creating a service creates; or leave it out"})
	name, err := account.Resource("executionrolearn", ref, "iam", "role")
	if err != nil {
		return nil, err
	}
	cluster, ok := spec.RoleCluster(name)
	if !ok {
		return nil, refused
	}
	id, err := d.account.Identity(ctx)
	if err != nil {
		return nil, err
	}
	arn := id.ARN("iam", "", "role/"+name)
	if !account.Means(ref, arn) {
		return nil, refused
	}
	role, err := d.account.IAM.Role(ctx, name)
	switch {
	case common.Is(err, common.NotFound) || err == nil && !iam.ToTags(role.Tags).TaggedFor(d.account.Org):
		return nil, refused
	case err != nil:
		return nil, err
	}
	return &arn, spec.CheckReach("", in.ContainerDefinitions, id, d.account.Region, d.account.Org, cluster).Err()
}

// runnable returns the task definition that tasks are to run, if they can: it is ACTIVE, and its execution role, if it is one of ours, reaches the secrets
// and parameters that the containers name.
func (d TaskDefinitions) runnable(ctx context.Context, ref string) (*awsecs.TaskDefinition, error) {
	out, err := d.Show(ctx, ref)
	if err != nil {
		return nil, err
	}
	definition := out.TaskDefinition
	if aws.StringValue(definition.Status) != awsecs.TaskDefinitionStatusActive {
		return nil, common.Coded(common.CodeTaskDefinitionInactive, "task definition %s is not ACTIVE; name another revision",
			account.NameOf(aws.StringValue(definition.TaskDefinitionArn)))
	}
	cluster, ours := spec.RoleCluster(account.NameOf(aws.StringValue(definition.ExecutionRoleArn)))
	if !ours || len(spec.References(definition.ContainerDefinitions)) == 0 {
		return definition, nil
	}
	id, err := d.account.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return definition, spec.CheckReach("taskdefinition.", definition.ContainerDefinitions, id, d.account.Region, d.account.Org, cluster).Err()
}

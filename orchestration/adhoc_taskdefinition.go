package orchestration

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// definitionName is a family or a revision of one.
var definitionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}(:[0-9]{1,9})?$`)

// maxFamilies is how many families are listed one by one; of more, everything is listed, which takes fewer calls then.
const maxFamilies = 20

// TaskDefinitions returns the ARNs of the revisions with the status, ACTIVE or INACTIVE (empty: ACTIVE), of the families whose name begins
// with the prefix: the newest first in each. What another org registered minutes ago may be among them; see hidden.
func (o *Orchestrator) TaskDefinitions(ctx context.Context, prefix, status string) ([]string, error) {
	var p common.Problems
	if prefix != "" {
		account.CheckName(&p, "prefix", prefix)
	}
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	var arns []string
	var hidden map[string]bool
	_, err := saga.Together(
		saga.Do(func(ctx context.Context) (err error) {
			arns, err = o.revisions(ctx, prefix, cmp.Or(status, awsecs.TaskDefinitionStatusActive))
			return err
		}),
		saga.Do(func(ctx context.Context) (err error) {
			hidden, err = o.hidden(ctx, "ecs:task-definition")
			return err
		}),
	)(ctx)
	return slices.DeleteFunc(arns, func(arn string) bool { return hidden[arn] || !strings.HasPrefix(account.FamilyOf(arn), prefix) }), err
}

// revisions returns the ARNs of the revisions with the status of, at least, the families whose name begins with the prefix. ECS lists the
// revisions of one family or of all: what it calls a prefix is a whole name.
func (o *Orchestrator) revisions(ctx context.Context, prefix, status string) ([]string, error) {
	if prefix == "" {
		return o.account.ECS.ListTaskDefinitions(ctx, "", status)
	}
	having := awsecs.TaskDefinitionFamilyStatusAll // a family with one ACTIVE revision is ACTIVE, and may have INACTIVE ones
	if status == awsecs.TaskDefinitionStatusActive {
		having = awsecs.TaskDefinitionFamilyStatusActive
	}
	families, err := o.account.ECS.ListTaskDefinitionFamilies(ctx, prefix, having)
	if err != nil {
		return nil, err
	}
	if len(families) > maxFamilies {
		return o.account.ECS.ListTaskDefinitions(ctx, "", status)
	}
	slices.Sort(families)
	slices.Reverse(families) // as ECS lists all of them, newest first
	found := make([][]string, len(families))
	reads := make([]saga.Step, len(families))
	for i, name := range families {
		reads[i] = saga.Do(func(ctx context.Context) (err error) {
			found[i], err = o.account.ECS.ListTaskDefinitions(ctx, name, status)
			return err
		})
	}
	_, err = saga.Together(reads...)(ctx)
	return slices.Concat(found...), err
}

// TaskDefinition returns a task definition, by family (its latest ACTIVE revision), family:revision or ARN, with its tags.
func (o *Orchestrator) TaskDefinition(ctx context.Context, ref string) (*awsecs.DescribeTaskDefinitionOutput, error) {
	name, err := account.Resource("taskdefinition", ref, "ecs", "task-definition")
	if err != nil {
		return nil, err
	}
	if !definitionName.MatchString(name) {
		return nil, common.Invalid(common.FieldError{Field: "taskdefinition", Detail: "must be a family, family:revision or ARN; a family has 1 to 255 letters, digits, underscores and hyphens"})
	}
	out, err := o.account.ECS.TaskDefinition(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !ecs.ToTags(out.Tags).BelongsTo(o.account.Org) {
		return nil, account.NoSuch("task definition", name)
	}
	return out, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE: of a family, the latest ACTIVE one. One that is INACTIVE stays so.
func (o *Orchestrator) DeregisterTaskDefinition(ctx context.Context, ref string) (*awsecs.TaskDefinition, error) {
	found, err := o.TaskDefinition(ctx, ref)
	if err != nil {
		return nil, err
	}
	return o.account.ECS.DeregisterTaskDefinition(ctx, aws.StringValue(found.TaskDefinition.TaskDefinitionArn)) // ECS wants a revision
}

// RegisterTaskDefinition makes a revision, for Fargate. Its execution role, if it names one, must be that of a cluster of our org's;
// where its containers log is the caller's to say, as no cluster is named.
func (o *Orchestrator) RegisterTaskDefinition(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput) (*awsecs.RegisterTaskDefinitionOutput, error) {
	if err := common.Invalid(o.validateAdhocDefinition(in)...); err != nil {
		return nil, err
	}
	out := *in
	_, err := saga.Together(
		saga.Do(func(ctx context.Context) error {
			found, err := o.account.ECS.TaskDefinition(ctx, aws.StringValue(in.Family))
			if err == nil && !ecs.ToTags(found.Tags).BelongsTo(o.account.Org) {
				return account.NameTaken("task definition", aws.StringValue(in.Family))
			}
			return resource.IgnoreNotFound(err)
		}),
		saga.When(aws.StringValue(in.ExecutionRoleArn) != "", saga.Do(func(ctx context.Context) (err error) {
			out.ExecutionRoleArn, err = o.executionRole(ctx, aws.StringValue(in.ExecutionRoleArn))
			return err
		})),
	)(ctx)
	if err != nil {
		return nil, err
	}
	request := adhocRequest()
	out.Tags = ecs.FromTags(o.adhocTags(ecs.ToTags(in.Tags)).With(request))
	out.NetworkMode = aws.String(awsecs.NetworkModeAwsvpc)
	if len(out.RequiresCompatibilities) == 0 {
		out.RequiresCompatibilities = aws.StringSlice([]string{awsecs.CompatibilityFargate})
	}
	thing := &resource.TaskDefinition{Account: o.account, Family: aws.StringValue(in.Family), Owner: request.Value, Input: func() (*awsecs.RegisterTaskDefinitionInput, error) { return &out, nil }}
	it := &resource.Item{Thing: thing, Tags: ecs.ToTags(out.Tags)}
	r := o.adhocRequestFor("", request)
	if err := o.tx.Alone(ctx, thing.Family, r, r.Ensure(it)); err != nil {
		return nil, err
	}
	return &awsecs.RegisterTaskDefinitionOutput{Tags: out.Tags, TaskDefinition: resource.ValueOf[*awsecs.TaskDefinition](it.Now)}, nil
}

// validateAdhocDefinition returns what is wrong with a request for a task definition alone.
func (o *Orchestrator) validateAdhocDefinition(in *awsecs.RegisterTaskDefinitionInput) common.Problems {
	p := spec.CheckTaskDefinition(o.account.Settings, "", in)
	return append(p, ecs.ToTags(in.Tags).Validate("tags", o.account.Org)...)
}

// executionRole returns the ARN of the execution role that a caller names, by its name or ARN. Only those that creating a service makes
// for its cluster can be named: an execution role reads secrets, and is not the caller's to choose.
func (o *Orchestrator) executionRole(ctx context.Context, ref string) (*string, error) {
	refused := common.Invalid(common.FieldError{
		Field: "executionrolearn", Detail: "must be the role of a cluster of this org, " + spec.RoleName("…") + ", which creating a service makes; or leave it out"})
	name, err := account.Resource("executionrolearn", ref, "iam", "role")
	if err != nil {
		return nil, err
	}
	_, ok := spec.RoleCluster(name)
	if !ok {
		return nil, refused
	}
	who, err := o.account.Identity(ctx)
	if err != nil {
		return nil, err
	}
	arn := who.ARN("iam", "", "role/"+name)
	if !account.Means(ref, arn) {
		return nil, refused
	}
	role, err := o.account.IAM.Role(ctx, name)
	if common.Is(err, common.NotFound) || err == nil && !iam.ToTags(role.Tags).OwnedBy(o.account.Org) {
		return nil, refused
	}
	return &arn, err
}

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
)

// definitionName is a family or a revision of one.
var definitionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}(:[0-9]{1,9})?$`)

// maxFamilies is how many families are listed one by one; of more, everything is listed, which takes fewer calls then.
const maxFamilies = 20

// TaskDefinitions returns the ARNs of the revisions with the status, ACTIVE or INACTIVE (empty: ACTIVE), of the families whose name begins
// with the prefix: the newest first in each. What another org registered minutes ago may be among them; see hidden.
func (o *Orchestrator) TaskDefinitions(ctx context.Context, prefix, status string) ([]string, error) {
	var p problems
	if prefix != "" {
		p.name("prefix", prefix)
	}
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	var arns []string
	var hidden map[string]bool
	_, err := together(
		read(func(ctx context.Context) (err error) {
			arns, err = o.revisions(ctx, prefix, cmp.Or(status, awsecs.TaskDefinitionStatusActive))
			return err
		}),
		read(func(ctx context.Context) (err error) {
			hidden, err = o.hidden(ctx, "ecs:task-definition")
			return err
		}),
	)(ctx)
	return slices.DeleteFunc(arns, func(arn string) bool { return hidden[arn] || !strings.HasPrefix(family(arn), prefix) }), err
}

// revisions returns the ARNs of the revisions with the status of, at least, the families whose name begins with the prefix. ECS lists the
// revisions of one family or of all: what it calls a prefix is a whole name.
func (o *Orchestrator) revisions(ctx context.Context, prefix, status string) ([]string, error) {
	if prefix == "" {
		return o.ecs.ListTaskDefinitions(ctx, "", status)
	}
	having := awsecs.TaskDefinitionFamilyStatusAll // a family with one ACTIVE revision is ACTIVE, and may have INACTIVE ones
	if status == awsecs.TaskDefinitionStatusActive {
		having = awsecs.TaskDefinitionFamilyStatusActive
	}
	families, err := o.ecs.ListTaskDefinitionFamilies(ctx, prefix, having)
	if err != nil {
		return nil, err
	}
	if len(families) > maxFamilies {
		return o.ecs.ListTaskDefinitions(ctx, "", status)
	}
	slices.Sort(families)
	slices.Reverse(families) // as ECS lists all of them, newest first
	found := make([][]string, len(families))
	reads := make([]step, len(families))
	for i, name := range families {
		reads[i] = read(func(ctx context.Context) (err error) {
			found[i], err = o.ecs.ListTaskDefinitions(ctx, name, status)
			return err
		})
	}
	_, err = together(reads...)(ctx)
	return slices.Concat(found...), err
}

// TaskDefinition returns a task definition, by family (its latest ACTIVE revision), family:revision or ARN, with its tags.
func (o *Orchestrator) TaskDefinition(ctx context.Context, ref string) (*awsecs.DescribeTaskDefinitionOutput, error) {
	name, err := resource("taskdefinition", ref, "ecs", "task-definition")
	if err != nil {
		return nil, err
	}
	if !definitionName.MatchString(name) {
		return nil, common.Invalid(common.FieldError{Field: "taskdefinition", Detail: "must be a family, family:revision or ARN; a family has 1 to 255 letters, digits, underscores and hyphens"})
	}
	out, err := o.ecs.TaskDefinition(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !ecs.ToTags(out.Tags).BelongsTo(o.account.Org) {
		return nil, theirs("task definition", name)
	}
	return out, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE: of a family, the latest ACTIVE one. One that is INACTIVE stays so.
func (o *Orchestrator) DeregisterTaskDefinition(ctx context.Context, ref string) (*awsecs.TaskDefinition, error) {
	found, err := o.TaskDefinition(ctx, ref)
	if err != nil {
		return nil, err
	}
	return o.ecs.DeregisterTaskDefinition(ctx, aws.StringValue(found.TaskDefinition.TaskDefinitionArn)) // ECS wants a revision
}

// RegisterTaskDefinition makes a revision, for Fargate. Its execution role, if it names one, must be that of a cluster of our org's;
// where its containers log is the caller's to say, as no cluster is named.
func (o *Orchestrator) RegisterTaskDefinition(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput) (*awsecs.RegisterTaskDefinitionOutput, error) {
	if err := common.Invalid(o.validateAdhocDefinition(in)...); err != nil {
		return nil, err
	}
	out := *in
	_, err := together(
		read(func(ctx context.Context) error {
			found, err := o.ecs.TaskDefinition(ctx, aws.StringValue(in.Family))
			if err == nil && !ecs.ToTags(found.Tags).BelongsTo(o.account.Org) {
				return taken("task definition", aws.StringValue(in.Family))
			}
			return ignoreNotFound(err)
		}),
		when(aws.StringValue(in.ExecutionRoleArn) != "", read(func(ctx context.Context) (err error) {
			out.ExecutionRoleArn, err = o.executionRole(ctx, aws.StringValue(in.ExecutionRoleArn))
			return err
		})),
	)(ctx)
	if err != nil {
		return nil, err
	}
	request := adhocRequest()
	out.Tags = ecs.FromTags(o.ownTags(ecs.ToTags(in.Tags)).With(request))
	out.NetworkMode = aws.String(awsecs.NetworkModeAwsvpc)
	if len(out.RequiresCompatibilities) == 0 {
		out.RequiresCompatibilities = aws.StringSlice([]string{awsecs.CompatibilityFargate})
	}
	answer := &awsecs.RegisterTaskDefinitionOutput{Tags: out.Tags}
	err = o.run(ctx, aws.StringValue(in.Family), func(ctx context.Context) (back undo, err error) {
		answer.TaskDefinition, back, err = o.register(ctx, &out, request.Value)
		return back, err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// validateAdhocDefinition returns what is wrong with a request for a task definition alone.
func (o *Orchestrator) validateAdhocDefinition(in *awsecs.RegisterTaskDefinitionInput) problems {
	p := o.account.validateTaskDefinition(in).within("taskdefinition.")
	if mode := aws.StringValue(in.NetworkMode); mode != "" && mode != awsecs.NetworkModeAwsvpc {
		p.add("networkmode", "must be awsvpc, or left out: Fargate has no other")
	}
	if given := aws.StringValueSlice(in.RequiresCompatibilities); len(given) > 0 && !slices.Contains(given, awsecs.CompatibilityFargate) {
		p.add("requirescompatibilities", "must have FARGATE in it, or be left out")
	}
	return append(p, ecs.ToTags(in.Tags).Validate("tags", o.account.Org)...)
}

// executionRole returns the ARN of the execution role that a caller names, by its name or ARN. Only those that creating a service makes
// for its cluster can be named: an execution role reads secrets, and is not the caller's to choose.
func (o *Orchestrator) executionRole(ctx context.Context, ref string) (*string, error) {
	refused := common.Invalid(common.FieldError{
		Field: "executionrolearn", Detail: "must be the role of a cluster of this org, " + roleName("…") + ", which creating a service makes; or leave it out"})
	name, err := resource("executionrolearn", ref, "iam", "role")
	if err != nil {
		return nil, err
	}
	cluster, ok := strings.CutSuffix(name, roleName(""))
	if !ok || !ecsName.MatchString(cluster) || len(cluster) > maxCluster {
		return nil, refused
	}
	who, err := o.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	arn := who.arn("iam", "", "role/"+name)
	if !means(ref, arn) {
		return nil, refused
	}
	role, err := o.iam.Role(ctx, name)
	if common.Is(err, common.NotFound) || err == nil && !iam.ToTags(role.Tags).OwnedBy(o.account.Org) {
		return nil, refused
	}
	return &arn, err
}

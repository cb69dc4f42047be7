package adhoc

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// TaskDefinitions are an account's task definitions: families, each with its revisions.
type TaskDefinitions struct{ base }

// definitionName is a family or a revision of one.
var definitionName = common.NewPattern(255, `^([A-Za-z0-9_-]+)(:[0-9]{1,9})?$`)

// maxFamilies is how many families are listed one by one; of more, everything is listed, which takes fewer calls then.
const maxFamilies = 20

// List returns the ARNs of the revisions with the status, ACTIVE or INACTIVE (empty: ACTIVE), of the families whose name begins with the prefix: the
// newest first in each. What another org registered minutes ago may be among them; see hidden.
func (d TaskDefinitions) List(ctx context.Context, prefix, status string) ([]string, error) {
	var p common.Problems
	if prefix != "" {
		account.CheckName(&p, "prefix", prefix)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	var arns []string
	var hidden map[string]bool
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			arns, err = d.revisions(ctx, prefix, cmp.Or(status, awsecs.TaskDefinitionStatusActive))
			return err
		},
		func(ctx context.Context) (err error) {
			hidden, err = d.hidden(ctx, "ecs:task-definition")
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(arns, func(arn string) bool { return hidden[arn] || !strings.HasPrefix(account.FamilyOf(arn), prefix) }), nil
}

// revisions returns the ARNs of the revisions with the status of, at least, the families whose name begins with the prefix. ECS lists the
// revisions of one family or of all: what it calls a prefix is a whole name.
func (d TaskDefinitions) revisions(ctx context.Context, prefix, status string) ([]string, error) {
	if prefix == "" {
		return d.account.ECS.ListTaskDefinitions(ctx, "", status)
	}
	having := awsecs.TaskDefinitionFamilyStatusAll // a family with one ACTIVE revision is ACTIVE, and may have INACTIVE ones
	if status == awsecs.TaskDefinitionStatusActive {
		having = awsecs.TaskDefinitionFamilyStatusActive
	}
	families, err := d.account.ECS.ListTaskDefinitionFamilies(ctx, prefix, having)
	if err != nil {
		return nil, err
	}
	if len(families) > maxFamilies {
		return d.account.ECS.ListTaskDefinitions(ctx, "", status)
	}
	slices.Sort(families)
	slices.Reverse(families) // as ECS lists all of them, newest first
	found := make([][]string, len(families))
	reads := make([]func(context.Context) error, len(families))
	for i, name := range families {
		reads[i] = func(ctx context.Context) (err error) {
			found[i], err = d.account.ECS.ListTaskDefinitions(ctx, name, status)
			return err
		}
	}
	err = common.Concurrently(ctx, reads...)
	return slices.Concat(found...), err
}

// Show returns a task definition, by family (its latest ACTIVE revision), family:revision or ARN, with its tags.
func (d TaskDefinitions) Show(ctx context.Context, ref string) (*awsecs.DescribeTaskDefinitionOutput, error) {
	name, err := account.Resource("taskdefinition", ref, "ecs", "task-definition")
	if err != nil {
		return nil, err
	}
	if !definitionName.MatchString(name) {
		return nil, common.Invalid(common.FieldError{Field: "taskdefinition",
			Detail: "must be a family, family:revision or ARN; a family has 1 to 255 letters, digits, underscores and hyphens"})
	}
	out, err := d.account.ECS.TaskDefinition(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !ecs.ToTags(out.Tags).VisibleTo(d.account.Org) {
		return nil, account.NoSuch("task definition", name)
	}
	return out, nil
}

// Deregister makes a revision INACTIVE: of a family, the latest ACTIVE one. One that is INACTIVE stays so.
func (d TaskDefinitions) Deregister(ctx context.Context, ref string) (*awsecs.TaskDefinition, error) {
	found, err := d.Show(ctx, ref)
	if err != nil {
		return nil, err
	}
	return d.account.ECS.DeregisterTaskDefinition(ctx, aws.StringValue(found.TaskDefinition.TaskDefinitionArn)) // ECS wants a revision
}

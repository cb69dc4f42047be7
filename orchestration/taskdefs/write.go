package taskdefs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
)

// Write is a request that changes a managed task definition, checked as far as that can be done without AWS. Plan says what it would do, and Apply
// does it; only one of them is called, once.
type Write struct{ u *update }

// IfMatch has the request fail with ETagMismatch unless the newest revision is in the expected state, when it looks and again right before its first change.
func (w *Write) IfMatch(c etag.Condition) *Write {
	w.u.match = c
	return w
}

// Plan returns what the request would do. It reads what Apply reads, decides as that does, and changes nothing; so it locks nothing either.
func (w *Write) Plan(ctx context.Context) (*resource.Preview, error) {
	return preview(ctx, w.u.space, w.u.plan)
}

// Apply locks the managed task definition, looks, decides and applies. A caller who hangs up does not stop it.
func (w *Write) Apply(ctx context.Context) (*Output, error) {
	return w.u.d.apply(ctx, w.u.space, "update", w.u.run)
}

// PlanCreate returns what Create would do. It reads what that reads, decides as that does, and changes nothing.
func (d *TaskDefinitions) PlanCreate(ctx context.Context, in *CreateInput) (*resource.Preview, error) {
	c, err := d.newCreation(in)
	if err != nil {
		return nil, err
	}
	return preview(ctx, c.space, c.plan)
}

// preview returns what a request would do, with the ETag of the newest revision as it is, if the request changes that.
func preview(ctx context.Context, s *space.Space, plan func(context.Context) (*taskDefinitionPlan, error)) (*resource.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, resource.PlanTime)
	defer cancel()
	p, err := plan(ctx)
	if err != nil {
		return nil, common.Wrapf(err, "plan task definition %s in cluster %s", s.Want.Name, s.Want.Cluster)
	}
	var tag *string
	if p.present != nil {
		tag = aws.String(etag.TaskDefinition(p.present.TaskDefinition, p.present.Tags))
	}
	out := p.Preview(tag)
	out.Images, out.Warnings = space.Images(p.containers, s.Want.Credentials), p.warnings
	out.Missing = space.Missing(ctx, s.Account, s.Want.Cluster, space.WithoutCredentials(p.containers, s.Want.Credentials), nil)
	return out, nil
}

package orchestration

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// decideExisting decides about a service that exists already. It is a Conflict, unless the ownership tag says that a request with the same Idempotency-Key
// created the service: then this request repeats that one, whose response was lost or whose server has ended.
func (c *creation) decideExisting(f *createFound) (*createPlan, error) {
	tags := ecs.ToTags(f.service.Tags)
	if !tags.VisibleTo(c.o.account.Org) {
		return nil, account.NameTaken("service", c.service)
	}
	same, err := c.space.Request.Key.Find(tags)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, common.Coded(common.CodeServiceExists, "service %s already exists in cluster %s. Update it with PUT, or delete it first",
			c.service, c.cluster)
	}
	p := &createPlan{creation: c, replayed: true, parts: c.space.Existing(&f.space)}
	p.service = &resource.Item{Now: resource.ServiceState(f.service)}
	p.definition = &resource.Item{Now: resource.RevisionState(f.revision)}
	switch {
	case f.cloudMap != nil:
		p.cloudMap = &resource.Item{Now: f.cloudMap}
	case len(f.named) > 0 && f.named[0].service != nil:
		p.cloudMap = &resource.Item{Now: &resource.State{ID: f.named[0].ref, Tags: f.named[0].tags, Value: f.named[0].service}}
	}
	return p, nil
}

// existing returns the service that an earlier attempt created. The family may have a newer revision than the one that the service runs.
func (p *createPlan) existing(ctx context.Context) (*CreateOutput, error) {
	out := p.output()
	if runs := aws.StringValue(out.Service.TaskDefinition); p.definition.ID() != runs {
		found, err := p.creation.o.account.ECS.TaskDefinition(ctx, runs)
		if err != nil {
			return nil, err
		}
		out.TaskDefinition = found.TaskDefinition
	}
	out.Replayed = true
	return out, nil
}

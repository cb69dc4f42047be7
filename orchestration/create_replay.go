package orchestration

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// decideExisting makes a create with an Idempotency-Key idempotent. It decides about a service that is there: it is a Conflict, unless this very request, by its Idempotency-Key, created it before. The response was
// lost then, or the server that sent it has ended and its memory with it.
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

// existing returns what there is of a service that the request created before. The family may have a newer revision than the service runs.
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

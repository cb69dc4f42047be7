package teardown

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
)

// PlanTaskDefinition returns what DeleteTaskDefinition would do, all of its background part. It changes nothing.
func (d *Deleter) PlanTaskDefinition(ctx context.Context, cluster, family string, recursive, force bool, match etag.Condition) (*resource.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, deleteTime)
	defer cancel()
	t := d.newTaskDefinition(taskDefinitionArgs{cluster, family, resource.NewID(), recursive, force})
	t.match, t.dry = match, true
	preview, err := t.plan(ctx)
	return preview, common.Wrapf(err, "plan the deletion of task definition %s in cluster %s", family, cluster)
}

func (t *taskDefinitionDeletion) plan(ctx context.Context) (*resource.Preview, error) {
	if err := t.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	found, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	p := &resource.Plan{}
	for _, arn := range t.running {
		p.Add(0, resource.Change{
			Resource: resource.KindTask, Name: account.NameOf(arn), Action: resource.ActionDelete, Reason: "it runs, and the request has it stopped",
		})
	}
	p.Stages = append(p.Stages, t.decideTaskDefinition(found).Stages...)
	if t.recursive {
		p.Stages = append(p.Stages, t.decideSpace(found).Stages...)
	}
	var tag *string
	if t.newest != nil {
		tag = aws.String(etag.TaskDefinition(t.newest.TaskDefinition, t.newest.Tags))
	}
	return p.Preview(tag), nil
}

// decideTaskDefinition returns the plan for what was found, the cluster and the role apart. It is pure.
func (t *taskDefinitionDeletion) decideTaskDefinition(found *deletable) *resource.Plan {
	if !t.recursive {
		found = &deletable{revisions: found.revisions}
	}
	return t.decide(found)
}

// matches is an ETagMismatch if the newest revision is not in the state that the request expects.
func (t *taskDefinitionDeletion) matches() error {
	switch {
	case !t.match.Compares():
		return nil
	case resource.RevisionState(t.newest) == nil:
		return t.gone()
	}
	return t.match.Check("task definition "+t.family, etag.TaskDefinition(t.newest.TaskDefinition, t.newest.Tags))
}

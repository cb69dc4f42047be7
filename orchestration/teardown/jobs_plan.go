package teardown

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
)

// PlanJobs returns what DeleteJobs would do, all of its background part. It changes nothing.
func (o *Teardowns) PlanJobs(ctx context.Context, cluster, family string, recursive, force bool, match etag.Condition) (*resource.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, deleteTime)
	defer cancel()
	j := o.newJobs(jobsArgs{cluster, family, resource.NewID(), recursive, force})
	j.match, j.dry = match, true
	preview, err := j.plan(ctx)
	return preview, common.Wrapf(err, "plan the deletion of task definition %s in cluster %s", family, cluster)
}

func (j *jobs) plan(ctx context.Context) (*resource.Preview, error) {
	if err := j.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	found, err := j.look(ctx)
	if err != nil {
		return nil, err
	}
	p := &resource.Plan{}
	for _, arn := range j.running {
		p.Add(0, resource.Change{Resource: resource.KindTask, Name: account.NameOf(arn), Action: resource.ActionDelete, Reason: "it runs, and the request has it stopped"})
	}
	p.Stages = append(p.Stages, j.decideJobs(found).Stages...)
	if j.recursive {
		p.Stages = append(p.Stages, j.decideSpace(found).Stages...)
	}
	var tag *string
	if j.newest != nil {
		tag = aws.String(etag.TaskDefinition(j.newest.TaskDefinition, j.newest.Tags))
	}
	return p.Preview(tag), nil
}

// decideJobs returns the plan for what was found, the cluster and the role apart. It is pure.
func (j *jobs) decideJobs(found *leftovers) *resource.Plan {
	if !j.recursive {
		found = &leftovers{revisions: found.revisions}
	}
	return j.decide(found)
}

// matches is an ETagMismatch if the newest revision is not in the state that the request expects.
func (j *jobs) matches() error {
	switch {
	case !j.match.Compares():
		return nil
	case resource.RevisionState(j.newest) == nil:
		return j.gone()
	}
	return j.match.Check("task definition "+j.family, etag.TaskDefinition(j.newest.TaskDefinition, j.newest.Tags))
}

package localaws

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// noDefinition is how ECS says that there is no such revision.
const noDefinition = "The specified task definition does not exist. Specify a valid account, family, revision and try again."

func deregisterTaskDefinition(r *request, in *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
	ref := aws.StringValue(in.TaskDefinition)
	if !strings.Contains(lastSegment(ref), ":") {
		return nil, clientError("Revision is missing.")
	}
	rev := r.revision(ref)
	if rev == nil {
		return nil, clientError(noDefinition)
	}
	if rev.status() == ecs.TaskDefinitionStatusActive {
		rev.out.Status, rev.out.DeregisteredAt = aws.String(ecs.TaskDefinitionStatusInactive), aws.Time(r.now)
	}
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: rev.show()}, nil
}

func deleteTaskDefinitions(r *request, in *ecs.DeleteTaskDefinitionsInput) (*ecs.DeleteTaskDefinitionsOutput, error) {
	switch {
	case len(in.TaskDefinitions) == 0:
		return nil, invalid("TaskDefinitions can not be empty.")
	case len(in.TaskDefinitions) > 10:
		return nil, invalid("TaskDefinitions can have at most 10 items.")
	}
	out := &ecs.DeleteTaskDefinitionsOutput{TaskDefinitions: []*ecs.TaskDefinition{}, Failures: []*ecs.Failure{}}
	for _, ref := range in.TaskDefinitions {
		var rev *ecsRevision
		if strings.Contains(lastSegment(aws.StringValue(ref)), ":") {
			rev = r.revision(aws.StringValue(ref))
		}
		reason := ""
		switch {
		case rev == nil:
			reason = noDefinition
		case rev.status() == ecs.TaskDefinitionStatusActive:
			reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
		}
		if reason != "" {
			out.Failures = append(out.Failures, &ecs.Failure{Arn: aws.String(r.asARN("task-definition/", ref)), Reason: aws.String(reason)})
			continue
		}
		if rev.status() == ecs.TaskDefinitionStatusInactive {
			rev.out.Status = aws.String(ecs.TaskDefinitionStatusDeleteInProgress)
			r.region.ecs.deleting = append(r.region.ecs.deleting, rev)
		}
		out.TaskDefinitions = append(out.TaskDefinitions, rev.show())
	}
	r.after(0, (*request).finishDeletions)
	return out, nil
}

// finishDeletions forgets the revisions in DELETE_IN_PROGRESS that nothing uses any more.
func (r *request) finishDeletions() {
	s := &r.region.ecs
	if len(s.deleting) == 0 {
		return
	}
	used := s.usedRevisions()
	s.deleting = slices.DeleteFunc(s.deleting, func(rev *ecsRevision) bool {
		if used[rev] {
			return false
		}
		f := rev.family
		f.revisions = slices.DeleteFunc(f.revisions, func(other *ecsRevision) bool { return other == rev })
		s.revisions.delete(rev.key())
		return true
	})
}

// usedRevisions returns the revisions that a service or a task is made of.
func (s *ecsState) usedRevisions() map[*ecsRevision]bool {
	used := map[*ecsRevision]bool{}
	for _, c := range s.clusters.all() {
		for _, svc := range c.services.all() {
			for _, d := range svc.deployments {
				used[d.definition] = true
			}
		}
		for _, t := range c.tasks.all() {
			used[t.definition] = true
		}
	}
	return used
}

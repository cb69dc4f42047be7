package orchestration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// RollbackInput says which revision a service returns to.
type RollbackInput struct {
	To     *spec.Quantity // a revision's number, family:revision or ARN; nil for the task definition of the last deployment that succeeded before the current one
	Reason *string        // kept in the tag spinup:reason of the service
}

// TagReason is the tag of a service that says why it was rolled back.
const TagReason = "spinup:reason"

// What AWS allows in a tag's value.
var reasonText = common.NewPattern(256, `^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// revisionRef is a revision's number, family:revision or an ARN.
var revisionRef = common.NewPattern(255, `^(?:(?:arn:[a-z0-9-]+:ecs:[a-z0-9-]+:\d{12}:task-definition/)?([A-Za-z0-9_-]+):)?[1-9]\d{0,9}$`)

// Rollback returns the request that returns a service to an earlier task definition. The service keeps its count, tags and credentials. The request restores each
// secret that the task definition refers to and that is scheduled for deletion. It stops a deployment in progress: ECS itself ends a rolling deployment when a new one
// starts; the request stops others first.
func (o *Orchestrator) Rollback(cluster, service string, in *RollbackInput) (*Write, error) {
	u, err := o.newRollback(cluster, service, in)
	if err != nil {
		return nil, err
	}
	return &Write{u}, nil
}

func (o *Orchestrator) newRollback(cluster, service string, in *RollbackInput) (*update, error) {
	var p common.Problems
	if !reasonText.MatchString(aws.StringValue(in.Reason)) {
		p.Add("Reason", "must have at most 256 letters, digits, spaces and _ . : / = + - @: it becomes a tag")
	}
	to := ""
	if in.To != nil {
		if to = strings.TrimSpace(string(*in.To)); !revisionRef.MatchString(to) {
			p.Add("To", "must be a revision's number, family:revision or an ARN; leave it out for the last deployment that succeeded")
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	u := &update{o: o, cluster: cluster, service: service, action: "roll back", space: space.New(o.account, &o.transactions.Ledger, space.Want{
		Cluster: cluster, Name: service, Flavor: space.FlavorService,
	})}
	u.prepare = func(ctx context.Context) error {
		target, err := u.rollbackTarget(ctx, to)
		if err != nil {
			return err
		}
		u.revision = target.definition
		u.stop, u.underWay = target.stop, target.underWay
		return nil
	}
	if reason := aws.StringValue(in.Reason); reason != "" {
		u.adjust = func(*awsecs.Service) (adjustment, error) {
			return adjustment{tags: common.Tags{{Key: TagReason, Value: reason}}}, nil
		}
	}
	return u, nil
}

// rollbackTarget is what a service returns to.
type rollbackTarget struct {
	definition string // ARN, or family:revision
	stop       string // the ARN of a service deployment that must be stopped first; empty for none
	// underWay is the deployment that already returns the service there, if the rollback is a repetition; else nil.
	underWay *observe.Deployment
}

// rollbackTarget chooses what the service returns to.
func (u *update) rollbackTarget(ctx context.Context, to string) (*rollbackTarget, error) {
	found, err := u.o.account.ECS.Service(ctx, u.cluster, u.service)
	if err != nil {
		return nil, account.Hide(err, "service", u.service+" in cluster "+u.cluster)
	}
	deployments, unrecorded, err := u.o.observer.History(ctx, u.cluster, u.service)
	if err != nil {
		return nil, err
	}
	if err := u.matches(found); err != nil {
		return nil, err
	}
	target, err := chooseTarget(found, deployments, to)
	switch {
	case err != nil && to == "" && unrecorded != nil:
		return nil, unknownTarget(u.service, unrecorded)
	case err == nil && !ran(deployments, target.definition):
		err = u.checkSpaceOf(ctx, target.definition)
	}
	return target, err
}

// unknownTarget is the error of a rollback to the last deployment that succeeded, if the server could not read AWS's record of deployments.
func unknownTarget(service string, unrecorded error) error {
	switch {
	case common.Transient(unrecorded):
		return common.Wrapf(unrecorded, "read the earlier deployments")
	case common.CodeOf(unrecorded) == "AccessDeniedException":
		return common.Coded(common.CodeNothingToRollBackTo,
			"AWS does not let this server read the earlier deployments of service %s (ecs:ListServiceDeployments); name a revision in To", service)
	}
	return common.Coded(common.CodeNothingToRollBackTo, "the earlier deployments of service %s cannot be read; name a revision in To", service)
}

// checkSpaceOf refuses a revision that was registered for another space and that no deployment of this service ran, because it has the role and the secrets of that
// space. Families do not belong to spaces, so even a number can name such a revision.
func (u *update) checkSpaceOf(ctx context.Context, revision string) error {
	found, err := u.o.account.ECS.TaskDefinition(ctx, revision)
	if err != nil {
		return resource.IgnoreNotFound(err) // look reports a revision that does not exist
	}
	tags := ecs.ToTags(found.Tags)
	if space, ok := tags.Get(common.TagSpace); ok && space != u.cluster && tags.VisibleTo(u.o.account.Org) {
		return common.Invalid(common.FieldError{Field: "To", Detail: fmt.Sprintf("is a revision of space %s, and no deployment of this service ran it", space)})
	}
	return nil
}

// chooseTarget is the part of rollbackTarget that is a pure function.
func chooseTarget(service *awsecs.Service, deployments []observe.Deployment, to string) (*rollbackTarget, error) {
	runs := aws.StringValue(service.TaskDefinition)
	target := &rollbackTarget{stop: unfinished(service, deployments)}
	switch {
	case to == "":
		target.definition = lastSucceeded(deployments, runs)
		if target.definition == "" {
			return nil, common.Coded(common.CodeNothingToRollBackTo,
				"no deployment of service %s succeeded before the current one; name a revision in To", aws.StringValue(service.ServiceName))
		}
	default:
		if !strings.Contains(to, ":") {
			to = account.FamilyOf(runs) + ":" + to
		}
		target.definition = to
		if account.FamilyOf(to) != account.FamilyOf(runs) && !ran(deployments, to) {
			return nil, common.Invalid(common.FieldError{Field: "To",
				Detail: fmt.Sprintf("is of another family than %s, and no deployment of this service ran it", account.NameOf(runs))})
		}
	}
	switch same := sameRevision(target.definition, runs); {
	case same && inProgress(deployments):
		target.underWay = &deployments[0]
	case same:
		return nil, common.Coded(common.CodeNothingToRollBackTo, "service %s already runs %s; name another revision in To",
			aws.StringValue(service.ServiceName), account.NameOf(runs))
	}
	return target, nil
}

// lastSucceeded returns the task definition of the last deployment that succeeded before the newest one; empty if there is none. If the newest deployment started
// what the service runs, earlier deployments of the same revision do not count: after the restart of a bad revision, a rollback must not return to that revision.
// They count after a deployment that failed: ECS has returned the service to them, and there is nothing left to roll back.
func lastSucceeded(deployments []observe.Deployment, runs string) string {
	if len(deployments) == 0 {
		return ""
	}
	if goesBack(deployments, runs) {
		return runs
	}
	restarted := aws.StringValue(deployments[0].TaskDefinition) == runs
	for _, d := range deployments[1:] {
		if d.State != observe.Completed || d.TaskDefinition == nil { // the outcome of a completed one says that it was replaced since
			continue
		}
		if !restarted || *d.TaskDefinition != runs {
			return *d.TaskDefinition
		}
	}
	return ""
}

// goesBack reports whether the newest deployment is in progress and returns the service from another revision to one that had succeeded. This is so while a rollback
// is in progress; a caller who has lost its response repeats it.
func goesBack(deployments []observe.Deployment, runs string) bool {
	brings := func(d observe.Deployment) bool { return aws.StringValue(d.TaskDefinition) == runs }
	if !inProgress(deployments) || !brings(deployments[0]) {
		return false
	}
	earlier := slices.DeleteFunc(slices.Clone(deployments[1:]), func(d observe.Deployment) bool {
		undone, replaced := d.State == observe.RolledBack, brings(d) && d.State != observe.Completed // before the newest one began, or by it
		return undone || replaced
	})
	return len(earlier) > 0 && !brings(earlier[0]) && slices.ContainsFunc(earlier, brings)
}

// ran reports whether a deployment ran the revision.
func ran(deployments []observe.Deployment, revision string) bool {
	return slices.ContainsFunc(deployments, func(d observe.Deployment) bool {
		return d.TaskDefinition != nil && sameRevision(revision, *d.TaskDefinition)
	})
}

// sameRevision reports whether a reference, family:revision or ARN, means the revision with the ARN.
func sameRevision(ref, arn string) bool {
	return ref == arn || !strings.HasPrefix(ref, "arn:") && ref == account.NameOf(arn)
}

// inProgress reports whether the newest deployment has no outcome yet.
func inProgress(deployments []observe.Deployment) bool {
	return len(deployments) > 0 && deployments[0].Outcome == nil
}

// unfinished returns the service deployment that is in progress and that ECS does not end by itself when a new one starts; empty if there is none.
func unfinished(service *awsecs.Service, deployments []observe.Deployment) string {
	if !inProgress(deployments) || aws.StringValue(deployments[0].Strategy) == "" || aws.StringValue(deployments[0].Strategy) == awsecs.DeploymentStrategyRolling {
		return ""
	}
	return aws.StringValue(service.CurrentServiceDeployment)
}

// stopDeployment stops a deployment in progress. It succeeds if the deployment has ended meanwhile.
func (u *update) stopDeployment(ctx context.Context) error {
	err := u.o.account.ECS.StopServiceDeployment(ctx, u.stop, awsecs.StopServiceDeploymentStopTypeRollback)
	if common.Is(err, common.Conflict) || common.Is(err, common.NotFound) || common.Is(err, common.BadRequest) {
		return nil
	}
	return err
}

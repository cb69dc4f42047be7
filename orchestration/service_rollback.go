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

// RollbackInput says what a service is put back to.
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

// Rollback returns the request that puts a service back to an earlier task definition. Its count, tags and credentials stay; a secret that the task
// definition refers to and that is scheduled for deletion is restored. A deployment in progress is stopped: ECS ends a rolling one for the new one,
// others are stopped first.
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

// rollbackTarget is what a service is put back to.
type rollbackTarget struct {
	definition string // ARN, or family:revision
	stop       string // the ARN of a service deployment that must be stopped first; empty for none
	// underWay is the deployment that brings the service there already, as a rollback that is repeated finds it; nil for none.
	underWay *observe.Deployment
}

// rollbackTarget chooses what the service is put back to.
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

// unknownTarget is the error of a rollback to the last deployment that succeeded, where AWS's record of deployments could not be read.
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

// checkSpaceOf refuses a revision that another space's request registered, and that no deployment of the service ran: it has that space's role and secrets.
// Families are not divided by spaces, so a mere number can name one.
func (u *update) checkSpaceOf(ctx context.Context, revision string) error {
	found, err := u.o.account.ECS.TaskDefinition(ctx, revision)
	if err != nil {
		return resource.IgnoreNotFound(err) // that it is not there is said where it is looked for
	}
	tags := ecs.ToTags(found.Tags)
	if space, ok := tags.Get(common.TagSpace); ok && space != u.cluster && tags.VisibleTo(u.o.account.Org) {
		return common.Invalid(common.FieldError{Field: "To", Detail: fmt.Sprintf("is a revision of space %s, and no deployment of this service ran it", space)})
	}
	return nil
}

// chooseTarget is the pure part of rollbackTarget.
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

// lastSucceeded returns the task definition of the last deployment that succeeded before the newest one; empty if there is none. Where the newest one
// brings what the service runs, earlier deployments of the same revision are left out: a restart of a bad revision does not make it what a rollback
// returns to. After a deployment that failed they count: ECS has put the service back to them, and there is nothing left to roll back.
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

// goesBack reports whether the newest deployment is in progress and brings back, from another revision, one that had succeeded: so it is while a
// rollback is under way, which whoever has lost its response repeats.
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

// unfinished returns the service deployment that is in progress and that ECS does not end by itself for a new one; empty if there is none.
func unfinished(service *awsecs.Service, deployments []observe.Deployment) string {
	if !inProgress(deployments) || aws.StringValue(deployments[0].Strategy) == "" || aws.StringValue(deployments[0].Strategy) == awsecs.DeploymentStrategyRolling {
		return ""
	}
	return aws.StringValue(service.CurrentServiceDeployment)
}

// stopDeployment tells ECS to stop a deployment in progress. One that has ended meanwhile is fine.
func (u *update) stopDeployment(ctx context.Context) error {
	err := u.o.account.ECS.StopServiceDeployment(ctx, u.stop, awsecs.StopServiceDeploymentStopTypeRollback)
	if common.Is(err, common.Conflict) || common.Is(err, common.NotFound) || common.Is(err, common.BadRequest) {
		return nil
	}
	return err
}

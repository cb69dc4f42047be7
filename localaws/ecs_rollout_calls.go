package localaws

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// maxRolloutBatch is how many service deployments or service revisions one call describes.
const maxRolloutBatch = 20

func listServiceDeployments(r *request, in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	svc := r.seenService(c, aws.StringValue(in.Service))
	if svc == nil || svc.status == statusInactive { // ECS deletes the history together with the service
		return nil, noService()
	}
	for _, status := range in.Status {
		if err := oneOf("status", status, ecs.ServiceDeploymentStatus_Values()); err != nil {
			return nil, err
		}
	}
	limit, err := ecsPageLimit(in.MaxResults, maxRolloutBatch)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(svc.rolloutsThatMatch(r, in), in.NextToken, limit)
	if err != nil {
		return nil, invalid("Invalid token. Start the pagination again.")
	}
	out := &ecs.ListServiceDeploymentsOutput{ServiceDeployments: []*ecs.ServiceDeploymentBrief{}, NextToken: next}
	for _, ro := range page {
		out.ServiceDeployments = append(out.ServiceDeployments, ro.brief(r))
	}
	return out, nil
}

// rolloutsThatMatch returns the service deployments that pass a list call's filters, newest first.
func (svc *ecsService) rolloutsThatMatch(r *request, in *ecs.ListServiceDeploymentsInput) (matching []*rollout) {
	for _, ro := range svc.rollouts {
		if (len(in.Status) == 0 || ro.is(aws.StringValueSlice(in.Status)...)) && r.now.Before(ro.created.Add(rolloutsKept)) && within(ro.created, in.CreatedAt) {
			matching = append(matching, ro)
		}
	}
	return matching
}

// within reports whether a time is one that a filter asks for.
func within(t time.Time, filter *ecs.CreatedAt) bool {
	return filter == nil || (filter.After == nil || !t.Before(*filter.After)) && (filter.Before == nil || !t.After(*filter.Before))
}

// serviceOf returns the service that the ARN of one of its service deployments or revisions (kind) names, and what it calls that. The
// service is nil if there is none, the error if that is no such ARN.
func (r *request) serviceOf(kind, arn string) (svc *ecsService, name string, err error) {
	rest, ok := strings.CutPrefix(arn, r.arn("ecs", kind+"/"))
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return nil, "", invalid("Invalid identifier: '%s' is not the ARN of a %s of this account and region.", arn, kind)
	}
	if c := r.cluster(&parts[0]); c != nil {
		svc, _ = c.services.get(parts[1])
	}
	return svc, parts[2], nil
}

// rolloutNamed returns the service deployment with the ARN, or nil.
func (r *request) rolloutNamed(arn string) (*rollout, error) {
	svc, id, err := r.serviceOf("service-deployment", arn)
	if svc == nil || err != nil {
		return nil, err
	}
	i := slices.IndexFunc(svc.rollouts, func(ro *rollout) bool { return ro.id == id })
	if i < 0 {
		return nil, nil
	}
	return svc.rollouts[i], nil
}

func describeServiceDeployments(r *request, in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
	if n := len(in.ServiceDeploymentArns); n == 0 || n > maxRolloutBatch {
		return nil, invalid("serviceDeploymentArns must have between 1 and %d items.", maxRolloutBatch)
	}
	out := &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: []*ecs.ServiceDeployment{}, Failures: []*ecs.Failure{}}
	for _, arn := range aws.StringValueSlice(in.ServiceDeploymentArns) {
		ro, err := r.rolloutNamed(arn)
		switch {
		case err != nil:
			return nil, err
		case ro == nil:
			out.Failures = append(out.Failures, missing(arn))
		default:
			out.ServiceDeployments = append(out.ServiceDeployments, ro.show(r))
		}
	}
	return out, nil
}

func describeServiceRevisions(r *request, in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
	if n := len(in.ServiceRevisionArns); n == 0 || n > maxRolloutBatch {
		return nil, invalid("serviceRevisionArns must have between 1 and %d items.", maxRolloutBatch)
	}
	out := &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []*ecs.ServiceRevision{}, Failures: []*ecs.Failure{}}
	for _, arn := range aws.StringValueSlice(in.ServiceRevisionArns) {
		svc, number, err := r.serviceOf("service-revision", arn)
		if err != nil {
			return nil, err
		}
		if d := svc.revisionNumbered(number); d != nil {
			out.ServiceRevisions = append(out.ServiceRevisions, svc.showRevision(r, d))
		} else {
			out.Failures = append(out.Failures, missing(arn))
		}
	}
	return out, nil
}

// revisionNumbered returns the deployment of the service that has the number, or nil.
func (svc *ecsService) revisionNumbered(number string) *ecsDeployment {
	if svc == nil {
		return nil
	}
	for _, ro := range svc.rollouts {
		if ro.target.number == number {
			return ro.target
		}
	}
	return nil
}

// ongoingRollout returns the service deployment that a call is to change, if it has not ended.
func (r *request) ongoingRollout(arn *string) (*rollout, error) {
	ro, err := r.rolloutNamed(aws.StringValue(arn))
	switch {
	case err != nil:
		return nil, err
	case ro == nil:
		return nil, refuse(ecs.ErrCodeServiceDeploymentNotFoundException, "Service deployment not found.")
	case !ro.ongoing():
		return nil, refuse(ecs.ErrCodeConflictException, "The service deployment is in status %s and cannot be stopped or continued.", ro.status())
	}
	return ro, nil
}

// stopServiceDeployment ends a service deployment that is in progress. To call it again is harmless.
func stopServiceDeployment(r *request, in *ecs.StopServiceDeploymentInput) (*ecs.StopServiceDeploymentOutput, error) {
	if err := oneOf("stopType", in.StopType, ecs.StopServiceDeploymentStopType_Values()); err != nil {
		return nil, err
	}
	ro, err := r.ongoingRollout(in.ServiceDeploymentArn)
	if err != nil {
		return nil, err
	}
	if ro.is(ecs.ServiceDeploymentStatusPending, ecs.ServiceDeploymentStatusInProgress) {
		if aws.StringValue(in.StopType) == ecs.StopServiceDeploymentStopTypeAbort {
			ro.requestStop(r)
		} else {
			ro.requestRollback(r, "Service deployment rolled back because StopServiceDeployment was called.")
		}
	}
	return &ecs.StopServiceDeploymentOutput{ServiceDeploymentArn: in.ServiceDeploymentArn}, nil
}

// continueServiceDeployment decides about a lifecycle hook that waits for somebody (targetType PAUSE).
func continueServiceDeployment(r *request, in *ecs.ContinueServiceDeploymentInput) (*ecs.ContinueServiceDeploymentOutput, error) {
	if err := oneOf("action", in.Action, ecs.DeploymentLifecycleHookAction_Values()); err != nil {
		return nil, err
	}
	ro, err := r.ongoingRollout(in.ServiceDeploymentArn)
	if err != nil {
		return nil, err
	}
	if !ro.awaits(aws.StringValue(in.HookId)) {
		return nil, invalid("The lifecycle hook %s of the service deployment does not wait for an action.", aws.StringValue(in.HookId))
	}
	ro.decide(r, *in.HookId, aws.StringValue(in.Action) != ecs.DeploymentLifecycleHookActionRollback, "")
	return &ecs.ContinueServiceDeploymentOutput{ServiceDeploymentArn: in.ServiceDeploymentArn}, nil
}

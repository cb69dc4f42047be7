package localaws

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// rollout is a service deployment (ListServiceDeployments): one attempt to bring a service revision up, and the rollback that ends it if
// it fails. DescribeServices shows the same as one or two entries of deployments.
type rollout struct {
	id      string
	service *ecsService
	created time.Time
	out     ecs.ServiceDeployment // as ECS returns it, without what is counted
	target  *ecsDeployment
	sources []*ecsDeployment // what ran before
	back    *ecsDeployment   // what it rolls back to, once it does
	tripped bool             // the circuit breaker has ended it
	failed  int64            // what the circuit breaker counted when it ended
	lifecycle
}

// How long ECS keeps service deployments, and how many of them the simulator keeps of a service.
const (
	rolloutsKept = 90 * 24 * time.Hour
	maxRollouts  = 1000
)

// rollout returns the newest service deployment.
func (svc *ecsService) rollout() *rollout { return svc.rollouts[0] }

// addRollout begins a service deployment.
func (svc *ecsService) addRollout(r *request, target *ecsDeployment, sources []*ecsDeployment) {
	ro := &rollout{id: r.aws.letters(21, mixedAlnum), service: svc, created: r.now, target: target, sources: sources}
	ro.out = ecs.ServiceDeployment{
		ServiceDeploymentArn: aws.String(r.arn("ecs", "service-deployment/"+svc.cluster.name+"/"+svc.name+"/"+ro.id)),
		ServiceArn:           aws.String(svc.arn), ClusterArn: aws.String(svc.cluster.arn), CreatedAt: aws.Time(r.now), UpdatedAt: aws.Time(r.now),
		Status: aws.String(ecs.ServiceDeploymentStatusPending), DeploymentConfiguration: svc.out.DeploymentConfiguration,
	}
	svc.rollouts = append([]*rollout{ro}, svc.rollouts[:min(len(svc.rollouts), maxRollouts-1)]...)
}

func (ro *rollout) status() string { return *ro.out.Status }

// is reports whether the status is one of these.
func (ro *rollout) is(statuses ...string) bool { return slices.Contains(statuses, ro.status()) }

// ongoing reports whether the service deployment has not ended yet.
func (ro *rollout) ongoing() bool {
	return ro.is(ecs.ServiceDeploymentStatusPending, ecs.ServiceDeploymentStatusInProgress, ecs.ServiceDeploymentStatusStopRequested,
		ecs.ServiceDeploymentStatusRollbackRequested, ecs.ServiceDeploymentStatusRollbackInProgress)
}

// set changes the status.
func (ro *rollout) set(r *request, status, reason string) {
	ro.out.Status, ro.out.StatusReason, ro.out.UpdatedAt = aws.String(status), optional(reason), aws.Time(r.now)
}

// begin is the way from PENDING to IN_PROGRESS.
func (ro *rollout) begin(r *request) {
	if !ro.is(ecs.ServiceDeploymentStatusPending) {
		return
	}
	ro.set(r, ecs.ServiceDeploymentStatusInProgress, "")
	ro.out.StartedAt = aws.Time(r.now)
	if !ro.rolling() {
		ro.enter(r, 0)
	}
}

// finish ends the service deployment.
func (ro *rollout) finish(r *request, status, reason string) {
	ro.set(r, status, reason)
	ro.out.FinishedAt, ro.failed = aws.Time(r.now), ro.target.failed
	if status == ecs.ServiceDeploymentStatusStopped {
		ro.out.StoppedAt = aws.Time(r.now)
	}
	ro.step++ // of its lifecycle nothing comes any more
	ro.endHooks()
}

// supersede ends a service deployment because a newer one begins. That it ends as STOPPED, and with these words, is not documented.
func (svc *ecsService) supersede(r *request) {
	if len(svc.rollouts) > 0 && svc.rollout().ongoing() {
		svc.rollout().finish(r, ecs.ServiceDeploymentStatusStopped, "Service deployment stopped because a newer service deployment was started.")
	}
}

// breaker returns what the circuit breaker of the service deployment shows.
func (ro *rollout) breaker() *ecs.ServiceDeploymentCircuitBreaker {
	out := &ecs.ServiceDeploymentCircuitBreaker{FailureCount: aws.Int64(ro.failed), Threshold: aws.Int64(ro.service.threshold())}
	if ro.ongoing() && ro.back == nil {
		out.FailureCount = aws.Int64(ro.target.failed)
	}
	switch {
	case !*ro.out.DeploymentConfiguration.DeploymentCircuitBreaker.Enable:
		out.Status = aws.String(ecs.ServiceDeploymentRollbackMonitorsStatusDisabled)
	case ro.tripped:
		out.Status = aws.String(ecs.ServiceDeploymentRollbackMonitorsStatusTriggered)
	default:
		out.Status = ro.monitoring()
	}
	return out
}

func (ro *rollout) monitoring() *string {
	if ro.ongoing() {
		return aws.String(ecs.ServiceDeploymentRollbackMonitorsStatusMonitoring)
	}
	return aws.String(ecs.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete)
}

// alarms returns what the alarms of the service deployment show. The simulator has no CloudWatch: none is ever raised.
func (ro *rollout) alarms() *ecs.ServiceDeploymentAlarms {
	configured := ro.out.DeploymentConfiguration.Alarms
	if configured == nil || !aws.BoolValue(configured.Enable) {
		return &ecs.ServiceDeploymentAlarms{Status: aws.String(ecs.ServiceDeploymentRollbackMonitorsStatusDisabled)}
	}
	return &ecs.ServiceDeploymentAlarms{AlarmNames: configured.AlarmNames, Status: ro.monitoring(), TriggeredAlarmNames: []*string{}}
}

// show returns the service deployment as DescribeServiceDeployments shows it.
func (ro *rollout) show(r *request) *ecs.ServiceDeployment {
	out := ro.out
	out.DeploymentCircuitBreaker, out.Alarms = ro.breaker(), ro.alarms()
	out.TargetServiceRevision, out.SourceServiceRevisions = ro.summary(r, ro.target), []*ecs.ServiceRevisionSummary{}
	for _, d := range ro.sources {
		out.SourceServiceRevisions = append(out.SourceServiceRevisions, ro.summary(r, d))
	}
	out.LifecycleHookDetails = ro.hooks
	return &out
}

// summary counts the tasks of a service revision that takes part in the service deployment.
func (ro *rollout) summary(r *request, d *ecsDeployment) *ecs.ServiceRevisionSummary {
	running, pending := ro.service.counts(d)
	out := &ecs.ServiceRevisionSummary{
		Arn: ro.service.revisionARN(r, d), RequestedTaskCount: aws.Int64(ro.service.requested(d)), RunningTaskCount: &running, PendingTaskCount: &pending,
	}
	if !ro.rolling() {
		production, test := ro.weights(d)
		out.RequestedProductionTrafficWeight, out.RequestedTestTrafficWeight = &production, &test
	}
	return out
}

// brief returns the service deployment as ListServiceDeployments shows it.
func (ro *rollout) brief(r *request) *ecs.ServiceDeploymentBrief {
	return &ecs.ServiceDeploymentBrief{
		ServiceDeploymentArn: ro.out.ServiceDeploymentArn, ServiceArn: ro.out.ServiceArn, ClusterArn: ro.out.ClusterArn,
		CreatedAt: ro.out.CreatedAt, StartedAt: ro.out.StartedAt, FinishedAt: ro.out.FinishedAt,
		TargetServiceRevisionArn: ro.service.revisionARN(r, ro.target), Status: ro.out.Status, StatusReason: ro.out.StatusReason,
	}
}

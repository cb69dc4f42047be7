package localaws

import (
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// ecsService is one service.
type ecsService struct {
	cluster     *ecsCluster
	name, arn   string
	created     time.Time
	deleted     time.Time    // zero until then
	before      *ecs.Service // as it was right before it was deleted
	status      string
	token       string                  // the client token it was made with, or empty
	request     *ecs.CreateServiceInput // what it was made of
	out         ecs.Service             // its parameters as ECS returns them; what follows from the rest of the service is not set
	parts       serviceParts            // the parameters that its deployments show
	tags        tagList
	deployments []*ecsDeployment    // the primary one first
	events      []*ecs.ServiceEvent // newest first
	tasks       []*ecsTask          // on their way to STOPPED at most, oldest first
	ended       []*ecsTask          // STOPPED, oldest first
	rollouts    []*rollout          // newest first
	good        *ecsDeployment      // the last completed deployment, which a rollback goes back to; nil while one is under way
	steady      bool                // nothing has changed since the last steady state
	failures    int                 // launches that failed since the last that did not
	retryAt     time.Time           // when the scheduler tries again to launch tasks
}

func (svc *ecsService) primary() *ecsDeployment { return svc.deployments[0] }

func noService() error { return refuse(ecs.ErrCodeServiceNotFoundException, "Service not found.") }

// serviceName returns the name in a reference to a service of the cluster: the name itself or an ARN, with or without the cluster.
func (r *request) serviceName(c *ecsCluster, ref string) string {
	for _, prefix := range []string{"service/" + c.name + "/", "service/"} {
		if arn := r.arn("ecs", prefix); len(ref) > len(arn) && ref[:len(arn)] == arn {
			return ref[len(arn):]
		}
	}
	return ref
}

// service returns the cluster's service that a name or an ARN means, as a write finds it, or nil.
func (r *request) service(c *ecsCluster, ref string) *ecsService {
	name := r.serviceName(c, ref)
	if svc, ok := c.services.get(name); ok {
		return svc
	}
	svc, _ := c.gone.get(name)
	return svc
}

// seenService returns the service if reads see it yet (Lags.Visible), or nil.
func (r *request) seenService(c *ecsCluster, ref string) *ecsService {
	if svc := r.service(c, ref); svc != nil && r.visible(svc.created) {
		return svc
	}
	return nil
}

func describeServices(r *request, in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	switch {
	case len(in.Services) == 0:
		return nil, invalid("Services cannot be empty.")
	case len(in.Services) > 10:
		return nil, invalid("service names can have at most 10 items.")
	}
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &ecs.DescribeServicesOutput{Services: []*ecs.Service{}, Failures: []*ecs.Failure{}}
	for _, ref := range in.Services {
		svc := r.seenService(c, aws.StringValue(ref))
		if svc == nil {
			out.Failures = append(out.Failures, missing(r.asARN("service/"+c.name+"/", ref)))
			continue
		}
		shown := svc.seen(r)
		if wants(in.Include, ecs.ServiceFieldTags) {
			shown.Tags = svc.tags.shown()
		}
		out.Services = append(out.Services, shown)
	}
	return out, nil
}

func ecsListServices(r *request, in *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	err = firstError(oneOf("launchType", in.LaunchType, ecs.LaunchType_Values()), oneOf("schedulingStrategy", in.SchedulingStrategy, ecs.SchedulingStrategy_Values()))
	if err != nil {
		return nil, err
	}
	page, next, err := ecsPage(&c.services, in.NextToken, in.MaxResults, 10, func(svc *ecsService) bool {
		return (svc.status == statusActive || svc.seenAsBefore(r)) && r.visible(svc.created) &&
			(in.LaunchType == nil || *in.LaunchType == aws.StringValue(svc.out.LaunchType)) &&
			(in.SchedulingStrategy == nil || *in.SchedulingStrategy == aws.StringValue(svc.out.SchedulingStrategy))
	})
	if err != nil {
		return nil, err
	}
	out := &ecs.ListServicesOutput{ServiceArns: []*string{}, NextToken: next}
	for _, svc := range page {
		out.ServiceArns = append(out.ServiceArns, aws.String(svc.arn))
	}
	return out, nil
}

func ecsDeleteService(r *request, in *ecs.DeleteServiceInput) (*ecs.DeleteServiceOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	svc := r.seenService(c, aws.StringValue(in.Service))
	if svc == nil {
		return nil, noService()
	}
	if svc.status != statusActive {
		return &ecs.DeleteServiceOutput{Service: svc.show(r)}, nil
	}
	if !aws.BoolValue(in.Force) {
		switch {
		case *svc.out.DesiredCount > 0:
			return nil, invalid("The service cannot be stopped while it is scaled above 0.")
		case len(svc.tasks) > 0:
			return nil, invalid("The service cannot be stopped while deployments are active.")
		}
	}
	svc.drain(r)
	return &ecs.DeleteServiceOutput{Service: svc.show(r)}, nil
}

// drain stops the service; it is INACTIVE when its tasks have stopped, and forgotten later.
func (svc *ecsService) drain(r *request) {
	svc.before, svc.deleted = svc.show(r), r.now
	svc.status, svc.out.DesiredCount = statusDraining, aws.Int64(0)
	if ro := svc.rollout(); ro.ongoing() { // the words are not known
		ro.finish(r, ecs.ServiceDeploymentStatusStopped, "Service deployment stopped because the service was deleted.")
	}
	svc.schedule(r)
	r.after(r.aws.lags.Drain, func(r *request) {
		svc.status, svc.deployments, svc.rollouts, svc.good, svc.request = statusInactive, nil, nil, nil, nil
		c := svc.cluster
		c.services.delete(svc.name)
		c.gone.put(svc.name, svc)
		r.remember(func() { c.gone.forget(svc.name, func(now *ecsService) bool { return now == svc }) })
		r.finishDeletions()
	})
}

// forget deletes what the key stands for, if it is still the same.
func (o *ordered[V]) forget(key string, same func(V) bool) {
	if v, ok := o.get(key); ok && same(v) {
		o.delete(key)
	}
}

// seen returns the service as reads see it, which is as it was for a while after it was deleted (Lags.Deleted).
func (svc *ecsService) seen(r *request) *ecs.Service {
	if svc.seenAsBefore(r) {
		before := *svc.before
		return &before
	}
	return svc.show(r)
}

// seenAsBefore reports whether reads do not see yet that the service was deleted.
func (svc *ecsService) seenAsBefore(r *request) bool {
	return svc.before != nil && r.now.Before(svc.deleted.Add(r.aws.lags.Deleted))
}

// show returns the service as ECS returns it, without tags.
func (svc *ecsService) show(r *request) *ecs.Service {
	out := svc.out
	out.Status, out.Events = aws.String(svc.status), orEmpty(svc.events)
	out.Deployments, out.CurrentServiceRevisions = []*ecs.Deployment{}, []*ecs.ServiceCurrentRevisionSummary{}
	var running, pending int64
	for i, d := range svc.deployments {
		shown := d.out
		shown.Status, shown.DesiredCount = aws.String("ACTIVE"), aws.Int64(svc.requested(d))
		if i == 0 {
			shown.Status = aws.String("PRIMARY")
		}
		ran, waits := svc.counts(d)
		shown.RunningCount, shown.PendingCount, shown.FailedTasks = aws.Int64(ran), aws.Int64(waits), aws.Int64(d.failed)
		running, pending = running+ran, pending+waits
		out.Deployments = append(out.Deployments, &shown)
		out.CurrentServiceRevisions = append(out.CurrentServiceRevisions, &ecs.ServiceCurrentRevisionSummary{
			Arn: svc.revisionARN(r, d), RequestedTaskCount: shown.DesiredCount, RunningTaskCount: shown.RunningCount, PendingTaskCount: shown.PendingCount,
		})
	}
	if len(svc.rollouts) > 0 {
		out.CurrentServiceDeployment = svc.rollout().out.ServiceDeploymentArn
	}
	out.RunningCount, out.PendingCount = &running, &pending
	return &out
}

// requested returns how many tasks of a deployment are wanted: none of one that is being replaced.
func (svc *ecsService) requested(d *ecsDeployment) int64 {
	if len(svc.deployments) > 0 && d == svc.primary() {
		return *svc.out.DesiredCount
	}
	return 0
}

// counts returns how many tasks of a deployment run, and how many are about to.
func (svc *ecsService) counts(d *ecsDeployment) (running, pending int64) {
	for _, t := range svc.tasks {
		switch {
		case t.deployment != d:
		case t.running():
			running++
		case t.wanted():
			pending++
		}
	}
	return running, pending
}

package observe

import (
	"context"
	"regexp"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// deploymentRef is how callers name a deployment: by its id or the id's number.
var deploymentRef = regexp.MustCompile(`^(ecs-svc/)?[0-9]{1,30}$`)

// DeploymentNamed returns the id in a reference to a deployment.
func DeploymentNamed(ref string) (string, error) {
	if !deploymentRef.MatchString(ref) {
		return "", common.Invalid(common.FieldError{Field: "deployment", Detail: "must be the id of a deployment, such as ecs-svc/1234567890123456789"})
	}
	return deploymentPrefix + ref[len(ref)-len(digits.FindString(ref)):], nil
}

var digits = regexp.MustCompile(`[0-9]+$`)

// Deployments returns the service's deployments, the newest first: those of 90 days where AWS keeps them, up to a hundred, else those that the
// service and its events tell of.
func (o *Observer) Deployments(ctx context.Context, cluster, service string) ([]Deployment, error) {
	all, _, err := o.History(ctx, cluster, service)
	if err != nil {
		return nil, err
	}
	return all, o.addImages(ctx, all)
}

// History returns the service's deployments as Deployments does, some without their images, and why AWS's record of them could not be read: there may have been
// more then. It is nil if it was read.
func (o *Observer) History(ctx context.Context, cluster, service string) (all []Deployment, unrecorded, err error) {
	f, err := o.lookBack(ctx, target{cluster, service})
	if err != nil {
		return nil, nil, err
	}
	return f.deployments(), f.unrecorded, nil
}

// Deployment returns one of the service's deployments.
func (o *Observer) Deployment(ctx context.Context, cluster, service, id string) (*Deployment, error) {
	all, err := o.Deployments(ctx, cluster, service)
	if err != nil {
		return nil, err
	}
	if d := withID(all, id); d != nil {
		return d, nil
	}
	return nil, noDeployment(cluster, service, id)
}

// noDeployment is the NotFound for a deployment.
func noDeployment(cluster, service, id string) error {
	return common.Errorf(common.NotFound, "there is no deployment %s of service %s in cluster %s, or AWS has forgotten it", id, service, cluster)
}

// withID returns the deployment with the id; nil if there is none.
func withID(all []Deployment, id string) *Deployment {
	for i := range all {
		if all[i].Id == id {
			return &all[i]
		}
	}
	return nil
}

// lookBack reads a service and all that AWS keeps of its deployments, in two rounds.
func (o *Observer) lookBack(ctx context.Context, at target) (*found, error) {
	f := newFound(o.now())
	err := common.Concurrently(ctx,
		func(ctx context.Context) error { return o.checkCluster(ctx, at) },
		func(ctx context.Context) (err error) {
			f.service, err = o.readService(ctx, at)
			return err
		},
		func(ctx context.Context) error { return o.readAllBriefs(ctx, f, at) },
	)
	if err != nil {
		return nil, err
	}
	if common.Value(f.service.Status) == "INACTIVE" {
		return nil, account.NoService(at.cluster, at.service)
	}
	var rollouts, revisions []string
	for _, brief := range f.briefs {
		rollouts = append(rollouts, common.Value(brief.ServiceDeploymentArn))
		revisions = append(revisions, common.Value(brief.TargetServiceRevisionArn))
	}
	return f, common.Concurrently(ctx,
		func(ctx context.Context) error { return o.readRollouts(ctx, f, rollouts) },
		func(ctx context.Context) error { return o.readRevisions(ctx, f, revisions) },
	)
}

// readAllBriefs reads the service deployments that AWS keeps. It tries twice where AWS fails: who is to go back to an earlier one must not read that there is
// none because a response was lost.
func (o *Observer) readAllBriefs(ctx context.Context, f *found, at target) error {
	if f.unrecorded = o.history.skip(f.at); f.unrecorded != nil {
		return nil
	}
	f.briefs, f.unrecorded = o.account.ECS.ServiceDeployments(ctx, at.cluster, at.service, maxDeployments)
	if common.Transient(f.unrecorded) {
		f.briefs, f.unrecorded = o.account.ECS.ServiceDeployments(ctx, at.cluster, at.service, maxDeployments)
	}
	return o.history.note(f.at, f.unrecorded)
}

// addImages adds the images of deployments that AWS returned without.
func (o *Observer) addImages(ctx context.Context, all []Deployment) error {
	var reads []func(context.Context) error
	for i := range all {
		d := &all[i]
		if len(d.Images) > 0 || d.TaskDefinition == nil {
			continue
		}
		reads = append(reads, func(ctx context.Context) error {
			definition, err := o.definition(ctx, *d.TaskDefinition)
			if err == nil {
				d.Images = containerImages(definition)
			}
			return resource.IgnoreNotFound(err)
		})
	}
	return common.Concurrently(ctx, reads...)
}

// keptTargets is how many task definitions a rollback may choose where the request names none: that of the last deployment that completed, and the
// one before, as the last may turn out to fail.
const keptTargets = 2

// RollbackTargets returns the task definitions that a rollback of the service may choose by itself. It is not known where AWS does not let us read
// its deployments.
func (o *Observer) RollbackTargets(ctx context.Context, cluster, service string) (arns []string, known bool, err error) {
	f, err := o.lookBack(ctx, target{cluster, service})
	if err != nil {
		return nil, false, err
	}
	if f.unrecorded != nil {
		return nil, false, nil
	}
	completed := 0
	for _, d := range f.deployments() {
		if d.TaskDefinition == nil {
			if d.State == Completed {
				return nil, false, nil // which revision it ran could not be read
			}
			continue
		}
		if d.Outcome == nil || completed < keptTargets {
			arns = append(arns, *d.TaskDefinition)
		}
		if d.State == Completed && *d.TaskDefinition != common.Value(f.service.TaskDefinition) {
			completed++
		}
	}
	return arns, true, nil
}

package orchestration

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// DeleteOutput is the service that was deleted, as it was then.
type DeleteOutput struct {
	Service *awsecs.Service
}

// dismantleTime is how long taking down all of a service may take: deregistering 200 revisions takes over three minutes at AWS's rate, a
// service up to four to drain.
const dismantleTime = 30 * time.Minute

// Delete deletes a service and stops its tasks. Recursive also takes down, in the background, what was made for it: see dismantle. The
// operation that does is returned, and the same one when it is asked for again meanwhile. Asked for again after an interruption, it
// goes on with what is left; NotFound means that nothing is.
func (o *Orchestrator) Delete(ctx context.Context, cluster, service string, recursive bool) (*DeleteOutput, *Operation, error) {
	out, op, err := o.delete(ctx, cluster, service, recursive)
	return out, op, common.Wrapf(err, "delete service %s in cluster %s", service, cluster)
}

func (o *Orchestrator) delete(ctx context.Context, cluster, service string, recursive bool) (*DeleteOutput, *Operation, error) {
	release, err := o.services.claim(cluster, service)
	if err != nil {
		if op := o.dismantling(cluster, service); recursive && op != nil {
			d, err := o.readForDelete(ctx, cluster, service)
			if err != nil {
				return nil, nil, err
			}
			return &DeleteOutput{d.service}, op, nil
		}
		return nil, nil, err
	}
	handedOver := false
	defer func() {
		if !handedOver {
			release()
		}
	}()
	ctx, cancel := detached(ctx, deleteTime)
	defer cancel()

	d, err := o.readForDelete(ctx, cluster, service)
	if err != nil {
		return nil, nil, err
	}
	found := d.service
	status := aws.StringValue(found.Status)
	if status != statusActive && status != statusDraining {
		if !recursive {
			return nil, nil, gone(cluster, service)
		}
		if _, err := named("find what belongs to it", read(d.findLeftovers))(ctx); err != nil {
			return nil, nil, err
		}
		if d.nothingLeft() {
			return nil, nil, gone(cluster, service)
		}
	}
	out := &DeleteOutput{Service: found}
	if status == statusActive {
		if _, err := named("delete service", read(func(ctx context.Context) (err error) {
			out.Service, err = o.deleteService(ctx, cluster, service, common.Deploying)
			return err
		}))(ctx); err != nil {
			return nil, nil, err
		}
	}
	if !recursive {
		return out, nil, nil
	}
	op, err := o.background.start(ctx, Operation{Kind: kindDelete, Target: cluster + "/" + service, Account: o.account.Name}, dismantleTime, d.dismantle, release)
	if err != nil {
		return nil, nil, err
	}
	handedOver = true
	return out, &op, nil
}

// kindDelete is the kind of the operations that take down all of a service.
const kindDelete = "delete service"

// statusDraining is the status of a deleted service whose tasks are still stopping.
const statusDraining = "DRAINING"

// gone returns the 404 for a service that is not there.
func gone(cluster, service string) error {
	return common.Errorf(common.NotFound, "there is no service %s in cluster %s", service, cluster)
}

// dismantling returns the operation that is taking the service down at the moment, if there is one.
func (o *Orchestrator) dismantling(cluster, service string) *Operation {
	for _, op := range o.background.Operations(o.account.Name) {
		if op.State == Running && op.Kind == kindDelete && op.Target == cluster+"/"+service {
			return &op
		}
	}
	return nil
}

// readForDelete looks at the service and its cluster, at the same time. A service that ECS has forgotten is returned as INACTIVE: something
// of it may be left.
func (o *Orchestrator) readForDelete(ctx context.Context, cluster, name string) (*dismantling, error) {
	d := &dismantling{Orchestrator: o, cluster: cluster, name: name, asked: newID()}
	_, err := together(
		named("read service", read(func(ctx context.Context) (err error) {
			d.service, err = o.ecs.Service(ctx, cluster, name)
			return ignoreNotFound(err)
		})),
		named("read cluster", read(func(ctx context.Context) (err error) {
			d.home, err = o.ecs.Cluster(ctx, cluster)
			return ignoreNotFound(err)
		})),
	)(ctx)
	switch {
	case err != nil:
		return nil, err
	case d.home != nil && !ecs.ToTags(d.home.Tags).BelongsTo(o.account.Org):
		return nil, gone(cluster, name)
	case d.service != nil && !ecs.ToTags(d.service.Tags).BelongsTo(o.account.Org):
		return nil, gone(cluster, name)
	case d.service == nil:
		d.service = &awsecs.Service{ServiceName: aws.String(name), Status: aws.String("INACTIVE")}
	}
	if task := aws.StringValue(d.service.TaskDefinition); task != "" {
		d.families = []string{family(task)}
	}
	for _, r := range d.service.ServiceRegistries {
		d.registries = append(d.registries, aws.StringValue(r.RegistryArn))
	}
	return d, nil
}

// ignoreNotFound returns err unless it says that there is nothing.
func ignoreNotFound(err error) error {
	if common.Is(err, common.NotFound) {
		return nil
	}
	return err
}

// dismantle takes down what was made for the service, in the order AWS allows. What belongs to nobody or to others, or is used by
// others, stays; so do log groups, for logs outlive what they tell of. It goes on after a failure with what does not depend on it.
func (d *dismantling) dismantle(ctx context.Context) error {
	if _, err := named("wait until the tasks have stopped", read(d.waitInactive))(ctx); err != nil {
		return err
	}
	if _, err := named("find what belongs to it", read(d.findLeftovers))(ctx); err != nil {
		return err
	}
	var errs []error
	for _, s := range []step{
		together(
			named("service registry", read(d.deleteRegistries)),
			named("task definitions", read(d.deleteTaskDefinitions)),
		),
		named("credentials", read(d.deleteCredentials)),
		named("cluster and role", read(d.deleteSpace)),
	} {
		_, err := s(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// waitInactive waits until the service's tasks have stopped.
func (d *dismantling) waitInactive(ctx context.Context) error {
	return d.pace.Until(ctx, func() (bool, error) { return d.inactive(ctx) })
}

// inactive reports whether the service's tasks have stopped; a Conflict if it is there again.
func (d *dismantling) inactive(ctx context.Context) (bool, error) {
	service, err := d.ecs.Service(ctx, d.cluster, d.name)
	if err != nil {
		return common.Is(err, common.NotFound), ignoreNotFound(err)
	}
	switch aws.StringValue(service.Status) {
	case statusActive:
		return false, common.Coded(common.CodeConcurrentChange, "service %s was created anew meanwhile", d.name)
	case statusDraining:
		return false, nil
	}
	return true, nil
}

// unique returns the elements sorted, each once.
func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

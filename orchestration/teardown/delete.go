// Package teardown deletes services, and tears down what was created for them in the order that AWS allows. It owns one rule: it deletes nothing that is not our
// org's, that belongs to another service, or that something uses which runs or to which a service may return. It reads each thing again right before it deletes it.
package teardown

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/transaction"
)

// Deleter deletes the services of one account.
type Deleter struct {
	transactions *transaction.Manager
	readings     readings
}

// New returns a Deleter that uses transactions of the manager.
func New(transactions *transaction.Manager) *Deleter {
	d := &Deleter{transactions: transactions}
	transactions.Handle(KindDelete, d.runServiceJob)
	transactions.Handle(KindDeleteParams, d.runServiceJob)
	transactions.Handle(KindDeleteTaskDefinition, d.runTaskDefinitionJob)
	return d
}

// The kinds of operations that tear down a service, without and with the space's parameters. There are two, so that a request that wants the parameters deleted does
// not get an operation that keeps them.
const (
	KindDelete       = "delete service"
	KindDeleteParams = "delete service and parameters"
)

// Scope is what a delete deletes together with the service.
type Scope struct {
	Recursive bool // what was created for it, and the cluster with its role if nothing is left in it
	Params    bool // with Recursive: the parameters of the space, if its cluster is deleted
}

func (s Scope) kind() string {
	if s.Params {
		return KindDeleteParams
	}
	return KindDelete
}

// deleteTime is how long the deletion of the service itself may take.
const deleteTime = 2 * time.Minute

// Output is the service that was deleted, as it was then.
type Output struct {
	Service *awsecs.Service
}

// teardownTime is how long the teardown of a service may take: deregistering 200 revisions takes over three minutes at AWS's rate, a service up to four to
// drain.
const teardownTime = 30 * time.Minute

// Delete deletes a service and stops its tasks. With a recursive scope it also tears down, in the background, what was created for the service: see teardown. It
// returns that operation; a repetition of the request meanwhile returns the same one. A repetition after an interruption continues with what is left. NotFound means
// that nothing is left. If the service is not in the state that match expects, the error is an ETagMismatch.
func (d *Deleter) Delete(ctx context.Context, cluster, service string, scope Scope, match etag.Condition) (*Output, *operations.Operation, error) {
	out, op, err := d.deleteLocked(ctx, cluster, service, scope, match)
	return out, op, common.Wrapf(err, "delete service %s in cluster %s", service, cluster)
}

// Plan returns what Delete would do, including the background part. It changes nothing.
func (d *Deleter) Plan(ctx context.Context, cluster, service string, scope Scope, match etag.Condition) (*resource.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, deleteTime)
	defer cancel()
	preview, err := d.plan(ctx, cluster, service, scope, match)
	return preview, common.Wrapf(err, "plan the deletion of service %s in cluster %s", service, cluster)
}

func (d *Deleter) plan(ctx context.Context, cluster, service string, scope Scope, match etag.Condition) (*resource.Preview, error) {
	t, err := d.lookForDelete(ctx, cluster, service, resource.NewID(), match)
	if err != nil {
		return nil, err
	}
	t.dry, t.params = true, scope.Params
	gone := t.isGone()
	if gone && !scope.Recursive {
		return nil, t.noService()
	}
	plan, tag := t.decideService(nil), (*string)(nil)
	if !gone {
		tag = aws.String(etag.Service(t.service))
	}
	if !scope.Recursive {
		return plan.Preview(tag), nil
	}
	found, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	if gone && found.nothing() {
		return nil, t.noService()
	}
	plan.Stages = append(append(plan.Stages, t.decide(found).Stages...), t.decideSpace(found).Stages...)
	return plan.Preview(tag), nil
}

// isGone reports whether the service does not exist any more: ECS does not show it, or shows it as deleted.
func (t *teardown) isGone() bool {
	status := aws.StringValue(t.service.Status)
	return status != resource.StatusActive && status != resource.StatusDraining
}

// decideService returns the plan for the service itself. Its step writes the deleted service to out.
func (t *teardown) decideService(out *Output) *resource.Plan {
	p := &resource.Plan{}
	change := resource.Change{Resource: resource.KindService, Name: t.name, Action: resource.ActionDelete, Reason: "the request deletes it"}
	switch aws.StringValue(t.service.Status) {
	case resource.StatusActive:
		change.Step = saga.NoRollback(func(ctx context.Context) (err error) {
			out.Service, err = t.deleteService(ctx)
			return err
		})
	case resource.StatusDraining:
		change.Action, change.Reason = resource.ActionKeep, "it is being deleted already"
	default:
		return p
	}
	p.Add(0, change)
	return p
}

// checkMatch reads the service again right before it is deleted, because another server may have changed it since this one looked.
func (t *teardown) checkMatch(ctx context.Context) error {
	if !t.match.Compares() {
		return nil
	}
	now, err := t.account.ECS.Service(ctx, t.cluster, t.name)
	if err != nil {
		return account.Hide(err, "service", t.name+" in cluster "+t.cluster)
	}
	return t.match.Check("service "+t.name, etag.Service(now))
}

// deleteLocked locks the service and deletes it. With a recursive scope a job does the rest.
func (d *Deleter) deleteLocked(ctx context.Context, cluster, service string, scope Scope, match etag.Condition) (*Output, *operations.Operation, error) {
	args := deleteArgs{cluster, service, resource.NewID(), match, scope.Params}
	tx, err := d.transactions.Begin(ctx, transaction.ServiceTarget(cluster, service), nil)
	if err != nil {
		if scope.Recursive {
			if op, ok := d.transactions.Repeats(ctx, err, KindDelete, KindDeleteParams); ok {
				return d.repeated(ctx, args, &op)
			}
		}
		return nil, nil, err
	}
	defer tx.End()
	ctx, cancel := transaction.Detached(ctx, deleteTime)
	defer cancel()
	if scope.Recursive {
		return d.deleteRecursively(ctx, tx, args)
	}
	out, err := d.deleteServiceItself(ctx, args, scope)
	return out, nil, err
}

// deleteRecursively deletes the service, and hands the rest over to a job.
func (d *Deleter) deleteRecursively(ctx context.Context, tx *transaction.Transaction, args deleteArgs) (*Output, *operations.Operation, error) {
	job, running, err := tx.Job(ctx, args.scope().kind(), teardownTime, args)
	if err != nil {
		return nil, nil, err
	}
	if running != nil {
		return d.repeated(ctx, args, running)
	}
	deleted := false
	defer func() {
		if !deleted {
			d.transactions.Background.Withdraw(ctx, job)
		}
	}()
	out, err := d.deleteServiceItself(ctx, args, args.scope())
	if err != nil {
		return nil, nil, err
	}
	deleted = true
	op, err := tx.HandOver(ctx, job, nil) // its result is the service once the tasks have stopped, which the job knows
	if err != nil {
		return nil, nil, err
	}
	return out, &op, nil
}

// repeated returns the response to a request whose operation is already running.
func (d *Deleter) repeated(ctx context.Context, args deleteArgs, op *operations.Operation) (*Output, *operations.Operation, error) {
	if args.Params && op.Kind == KindDelete { // it leaves the parameters
		return nil, nil, transaction.Busy("service "+args.Service+" in cluster "+args.Cluster, op.ID)
	}
	t, err := d.lookForDelete(ctx, args.Cluster, args.Service, "", args.Match)
	if err != nil {
		return nil, nil, err
	}
	if aws.StringValue(t.service.Status) == resource.StatusActive && aws.TimeValue(t.service.CreatedAt).After(op.StartedAt) {
		// The operation deleted an earlier service of that name, and has not been noted as ended yet, as while Redis is down: it leaves this one alone.
		return nil, nil, transaction.Busy("service "+args.Service+" in cluster "+args.Cluster, op.ID)
	}
	return &Output{t.service}, op, nil
}

// deleteServiceItself deletes the service itself. It is NotFound if nothing is left to delete.
func (d *Deleter) deleteServiceItself(ctx context.Context, args deleteArgs, scope Scope) (*Output, error) {
	t, err := d.lookForDelete(ctx, args.Cluster, args.Service, args.ID, args.Match)
	if err != nil {
		return nil, err
	}
	t.params = args.Params
	if err := t.checkAnythingLeft(ctx, scope.Recursive); err != nil {
		return nil, err
	}
	if err := t.checkMatch(ctx); err != nil {
		return nil, err
	}
	if !scope.Recursive {
		operations.AcceptNow(ctx, transaction.ServiceTarget(args.Cluster, args.Service))
	}
	out := &Output{Service: t.service}
	_, err = t.decideService(out).Apply()(ctx)
	return out, err
}

// deleteService deletes the service itself, by force, and returns it as it is then.
func (t *teardown) deleteService(ctx context.Context) (deleted *awsecs.Service, err error) {
	err = t.account.Backoff.Retry(ctx, func() (err error) {
		deleted, err = t.account.ECS.DeleteService(ctx, t.cluster, t.name)
		return err
	}, common.Deploying)
	if err == nil {
		t.deleter.transactions.Deleted.Add(t.cluster, t.name, deleted)
	}
	return deleted, err
}

// lookForDelete reads the service and its cluster concurrently. It returns a service that ECS has forgotten as INACTIVE, because something of it may be left.
func (d *Deleter) lookForDelete(ctx context.Context, cluster, name, id string, match etag.Condition) (*teardown, error) {
	t := &teardown{deleter: d, account: d.transactions.Account, cluster: cluster, name: name, id: id, match: match}
	var home *awsecs.Cluster
	_, err := saga.Together(
		saga.Named("read service", saga.NoRollback(func(ctx context.Context) (err error) {
			t.service, err = d.transactions.Account.ECS.Service(ctx, cluster, name)
			return resource.IgnoreNotFound(err)
		})),
		saga.Named("read cluster", saga.NoRollback(func(ctx context.Context) (err error) {
			home, err = d.transactions.Account.ECS.Cluster(ctx, cluster)
			return resource.IgnoreNotFound(err)
		})),
	)(ctx)
	switch {
	case err != nil:
		return nil, err
	case home != nil && !ecs.ToTags(home.Tags).VisibleTo(d.transactions.Account.Org):
		return nil, account.NoClusterFor(cluster, name)
	case t.service != nil && !ecs.ToTags(t.service.Tags).VisibleTo(d.transactions.Account.Org):
		return nil, account.NoService(cluster, name)
	case t.service == nil:
		t.service = &awsecs.Service{ServiceName: aws.String(name), Status: aws.String(resource.StatusInactive)}
	}
	t.clusterGone = home == nil || aws.StringValue(home.Status) == resource.StatusInactive
	if match.Compares() {
		if err := match.Check("service "+name, etag.Service(t.service)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// noService is the NotFound for a service of which nothing is left.
func (t *teardown) noService() error {
	if t.clusterGone {
		return account.NoClusterFor(t.cluster, t.name)
	}
	return account.NoService(t.cluster, t.name)
}

// checkAnythingLeft is NotFound for a service that is gone, unless the delete is recursive and something of it is left.
func (t *teardown) checkAnythingLeft(ctx context.Context, recursive bool) error {
	if !t.isGone() {
		return nil
	}
	gone := t.noService()
	if !recursive {
		return gone
	}
	found, err := t.look(ctx)
	if err == nil && found.nothing() {
		return gone
	}
	return err
}

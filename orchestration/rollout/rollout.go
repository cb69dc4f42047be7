// Package rollout decides about deployments in progress: it continues one that waits at a lifecycle hook, or stops one. It owns one rule: who decides
// names the deployment, so that nobody stops a newer one than they have seen.
package rollout

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
)

// Rollouts are the deployments in progress of one account.
type Rollouts struct {
	account  *account.Account
	observer *observe.Observer
}

// New returns the rollouts of the account, whose services the observer reads.
func New(a *account.Account, o *observe.Observer) *Rollouts { return &Rollouts{a, o} }

// Deployment names a deployment of a service.
type Deployment struct {
	Cluster, Service string
	ID               string // ecs-svc/…
}

// ContinueInput says how a deployment that waits continues.
type ContinueInput struct {
	HookId *string // AWS's spelling; of the hook that waits, where several do
	Action *string // CONTINUE, the default, or ROLLBACK
}

// StopInput says how a deployment ends.
type StopInput struct {
	StopType *string // ROLLBACK, the default, or ABORT: what has been started stays
}

// Check returns what is wrong with the values of the request.
func (in *ContinueInput) Check() []common.FieldError {
	return oneOf("Action", in.Action, awsecs.DeploymentLifecycleHookAction_Values())
}

// Check returns what is wrong with the values of the request.
func (in *StopInput) Check() []common.FieldError {
	return oneOf("StopType", in.StopType, awsecs.StopServiceDeploymentStopType_Values())
}

// oneOf returns what is wrong with a value that must be one of some words, if it is given.
func oneOf(field string, value *string, words []string) []common.FieldError {
	if value == nil || slices.Contains(words, *value) {
		return nil
	}
	return []common.FieldError{{Field: field, Detail: "must be " + strings.Join(words, " or ")}}
}

// Continue continues a deployment that waits at a lifecycle hook, or rolls it back, and returns it. A Conflict says that it does not wait.
func (r *Rollouts) Continue(ctx context.Context, of Deployment, in ContinueInput) (*observe.Deployment, error) {
	if wrong := in.Check(); len(wrong) > 0 {
		return nil, common.Invalid(wrong...)
	}
	deployment, err := r.ongoing(ctx, of)
	if err != nil {
		return nil, err
	}
	hook, err := waitingHook(deployment, aws.StringValue(in.HookId))
	if err != nil {
		return nil, err
	}
	action := cmp.Or(aws.StringValue(in.Action), awsecs.DeploymentLifecycleHookActionContinue)
	if err := r.account.ECS.ContinueServiceDeployment(ctx, *deployment.ServiceDeploymentArn, hook, action); err != nil {
		return nil, err
	}
	return r.observer.Deployment(ctx, of.Cluster, of.Service, of.ID)
}

// Stop stops a deployment in progress, and returns it. A Conflict says that it has ended.
func (r *Rollouts) Stop(ctx context.Context, of Deployment, in StopInput) (*observe.Deployment, error) {
	if wrong := in.Check(); len(wrong) > 0 {
		return nil, common.Invalid(wrong...)
	}
	deployment, err := r.ongoing(ctx, of)
	if err != nil {
		return nil, err
	}
	stopType := cmp.Or(aws.StringValue(in.StopType), awsecs.StopServiceDeploymentStopTypeRollback)
	if err := r.account.ECS.StopServiceDeployment(ctx, *deployment.ServiceDeploymentArn, stopType); err != nil {
		return nil, err
	}
	return r.observer.Deployment(ctx, of.Cluster, of.Service, of.ID)
}

// ongoing returns a deployment that has no outcome yet.
func (r *Rollouts) ongoing(ctx context.Context, of Deployment) (*observe.Deployment, error) {
	deployment, err := r.observer.Deployment(ctx, of.Cluster, of.Service, of.ID)
	switch {
	case err != nil:
		return nil, err
	case deployment.Outcome != nil || deployment.ServiceDeploymentArn == nil:
		return nil, common.Errorf(common.Conflict, "deployment %s of service %s has ended: it is %s", of.ID, of.Service, deployment.State)
	}
	return deployment, nil
}

// waitingHook returns the id of the hook that a deployment waits at: the one that is named, or the only one.
func waitingHook(d *observe.Deployment, named string) (string, error) {
	var waiting []string
	for _, hook := range d.LifecycleHooks {
		if aws.StringValue(hook.Status) == awsecs.DeploymentLifecycleHookStatusAwaitingAction {
			waiting = append(waiting, aws.StringValue(hook.Id))
		}
	}
	for _, id := range waiting {
		if id == named {
			return id, nil
		}
	}
	switch {
	case named != "":
		return "", common.Errorf(common.Conflict, "deployment %s does not wait at a hook %q; it waits at: %s", d.Id, named, orNone(waiting))
	case len(waiting) == 0:
		return "", common.Errorf(common.Conflict, "deployment %s waits at no lifecycle hook", d.Id)
	case len(waiting) > 1:
		return "", common.Invalid(common.FieldError{Field: "HookId", Detail: "is required, because the deployment waits at " + strings.Join(waiting, " and ")})
	}
	return waiting[0], nil
}

func orNone(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, ", ")
}

package transaction

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// This file rolls back a request that fails. What each step undoes stands next to the step: see saga.Step, and resource/rollback.go. POST …/rollback of a
// service is something else, an update: see service_rollback.go in package orchestration.

// KindRollback is the kind of operations that continue a rollback in the background, after AWS has refused it for the moment.
const KindRollback = "continue rollback"

// stepRollback is the name of the step that rolls back before the error is returned.
const stepRollback = "roll back"

// Fail ends a request that failed with err. It rolls back what the steps did, then the shared things that no other request uses, and returns err with what it
// could not roll back. If AWS throttles or fails, the rollback continues in the background, and keeps the lock until it is done.
func (t *Transaction) Fail(ctx context.Context, err error, rollback saga.Rollback) error {
	t.ended = true
	shared, reservations := t.leave(false)
	all := saga.Reverse(shared, rollback) // the steps first, in reverse order, then what is shared
	if all == nil {
		t.release(reservations)
		return err
	}
	ctx, cancel := Detached(ctx, resource.RollbackTime)
	defer cancel()
	_, failed := saga.Named(stepRollback, saga.NoRollback(all))(ctx)
	if failed == nil {
		t.release(reservations)
		return err
	}
	leftBehind := texts(failed)
	if common.Transient(failed) {
		op, startErr := t.m.Background.Start(ctx, operations.Operation{Kind: KindRollback, Target: t.Target, Account: t.m.Account.Name},
			resource.BackgroundRollbackTime,
			func(ctx context.Context) error { return retryRollback(ctx, t.m.Account.Backoff, all) }, func() { t.release(reservations) })
		if startErr == nil {
			t.lock.Operation(ctx, op.ID)
			for _, reservation := range reservations {
				reservation.Busy(Busy(reservation.What(), op.ID))
			}
			return common.WithLeftBehind(err, append(leftBehind, "all this is rolled back in the background as soon as AWS allows, as operation "+op.ID)...)
		}
	}
	t.release(reservations)
	return common.WithLeftBehind(err, leftBehind...)
}

// retryRollback retries a rollback until it succeeds, and returns its last error if ctx ends before.
func retryRollback(ctx context.Context, backoff common.Backoff, do func(context.Context) error) error {
	var last error
	err := backoff.Until(ctx, func() (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

// texts returns what each of the errors that are joined in err says to callers.
func texts(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range many.Unwrap() {
			all = append(all, texts(one)...)
		}
		return all
	}
	return []string{common.Public(err)}
}

package orchestration

import (
	"context"
	"errors"
	"time"

	"ecs-api/common"
)

const (
	// undoTime is how long unmaking may take before the error is answered.
	undoTime = 2 * time.Minute
	// retakeTime is how long it goes on in the background, when AWS does not let us for the moment.
	retakeTime = 30 * time.Minute
)

// takeBack names the step that unmakes what a failed request made.
const takeBack = "take back what was made"

// unmake runs the undos of a request that failed with err, in order, and returns err with what could not be unmade. What AWS is only too busy or too broken for is tried again in the background until it is done; release, which gives back the request's claim on
// the service, is called then, and before unmake returns otherwise.
func (o *Orchestrator) unmake(ctx context.Context, target string, err error, release func(), undos ...undo) error {
	back := joined(undos...)
	if back == nil {
		release()
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	_, left := named(takeBack, read(back))(ctx)
	if left == nil {
		release()
		return err
	}
	names := leaves(left)
	if passing(left) {
		op, startErr := o.background.start(ctx, Operation{Kind: "take back", Target: target, Account: o.account.Name}, retakeTime, func(ctx context.Context) error {
			return o.insist(ctx, back)
		}, release)
		if startErr == nil {
			return common.WithLeft(err, append(names, "all this is taken back in the background as soon as AWS allows, as operation "+op.ID)...)
		}
	}
	release()
	return common.WithLeft(err, names...)
}

// find looks for something that is to be unmade. If AWS has answered that it was made, it looks for a while where it cannot be found: a
// moment after it was made that does not mean that it is gone.
func (o *Orchestrator) find(ctx context.Context, made bool, look func() error) error {
	if !made {
		return look()
	}
	return o.pace.Retry(ctx, look, common.NewThing)
}

// insist does what it is given until it succeeds, and returns its last error if ctx ends before.
func (o *Orchestrator) insist(ctx context.Context, do func(context.Context) error) error {
	var last error
	err := o.pace.Until(ctx, func() (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

// passing reports whether all that went wrong may go right later.
func passing(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			if !passing(one) {
				return false
			}
		}
		return true
	}
	return common.Ambiguous(err) || common.Is(err, common.Throttled)
}

// leaves returns what each of the errors that are joined in err says to callers.
func leaves(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range many.Unwrap() {
			all = append(all, leaves(one)...)
		}
		return all
	}
	return []string{common.Public(err)}
}

// joined returns an undo that runs all of those that are not nil, and nil if all are.
func joined(undos ...undo) undo {
	var some []undo
	for _, u := range undos {
		if u != nil {
			some = append(some, u)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, u := range some {
			errs = append(errs, u(ctx))
		}
		return errors.Join(errs...)
	}
}

// run does a step that stands alone; when it fails, it unmakes what it made before the error is returned.
func (o *Orchestrator) run(ctx context.Context, target string, s step) error {
	back, err := s(ctx)
	if err == nil {
		return nil
	}
	return o.unmake(ctx, target, err, func() {}, back)
}

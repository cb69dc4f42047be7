// Package saga does work all or nothing. The work consists of steps, each of which returns its rollback, and steps compose. It owns one rule: whatever happens in
// a step, even a panic, what the steps before it did can be rolled back.
package saga

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ecs-api/common"
)

// A Step does one thing and returns how to roll it back: nil if there is nothing to roll back, as when the thing was there already. A step
// that fails half way returns both a rollback and an error.
type Step func(context.Context) (Rollback, error)

// A Rollback reverts what a step did. What is gone already is no error. It may be called again after a failure.
type Rollback func(context.Context) error

// InOrder does the steps one after another. Its rollback runs theirs in reverse.
func InOrder(steps ...Step) Step {
	return func(ctx context.Context) (Rollback, error) {
		var done []Rollback
		for _, s := range steps {
			rollback, err := try(ctx, s)
			if rollback != nil {
				done = append(done, rollback)
			}
			if err != nil {
				return Reverse(done...), err
			}
		}
		return Reverse(done...), nil
	}
}

// Together does the steps at the same time. When one fails, it waits for the others. Its rollback runs theirs at the same time.
func Together(steps ...Step) Step {
	return func(ctx context.Context) (Rollback, error) {
		done := make([]Rollback, len(steps))
		errs := make([]error, len(steps))
		var wg sync.WaitGroup
		for i, s := range steps[:max(len(steps)-1, 0)] {
			wg.Go(func() { done[i], errs[i] = try(ctx, s) })
		}
		if last := len(steps) - 1; last >= 0 { // in this goroutine, which has nothing else to do
			done[last], errs[last] = try(ctx, steps[last])
		}
		wg.Wait()
		return Concurrent(done...), common.MostTelling(errs...)
	}
}

// try does the step. A panic becomes its error, so that the other steps are rolled back then too, and the server continues to run.
func try(ctx context.Context, s Step) (rollback Rollback, err error) {
	err = common.Safely(func() (err error) {
		rollback, err = s(ctx)
		return err
	})
	return rollback, err
}

// once returns a rollback that does nothing after it has succeeded: when several rollbacks are retried, only those that failed run again.
func once(r Rollback) Rollback {
	done := false
	return func(ctx context.Context) error {
		if done {
			return nil
		}
		err := common.Safely(func() error { return r(ctx) })
		done = err == nil
		return err
	}
}

// some returns those of the rollbacks that are not nil, each of which runs until it has succeeded once.
func some(rollbacks []Rollback) []Rollback {
	var all []Rollback
	for _, r := range rollbacks {
		if r != nil {
			all = append(all, once(r))
		}
	}
	return all
}

// Reverse returns a rollback that runs the given ones, the last first, and nil if all are nil. It tries all of them. Run again, it runs those
// that failed.
func Reverse(rollbacks ...Rollback) Rollback {
	all := some(rollbacks)
	if len(all) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, r := range slices.Backward(all) {
			errs = append(errs, r(ctx))
		}
		return errors.Join(errs...)
	}
}

// Concurrent returns a rollback that runs the given ones at the same time, and nil if all are nil. It tries all of them. Run again, it runs
// those that failed.
func Concurrent(rollbacks ...Rollback) Rollback {
	all := some(rollbacks)
	if len(all) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		errs := make([]error, len(all))
		var wg sync.WaitGroup
		for i, r := range all {
			wg.Go(func() { errs[i] = r(ctx) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// Nothing is the step that does nothing.
func Nothing(context.Context) (Rollback, error) { return nil, nil }

// When does the step if the condition holds, and nothing otherwise.
func When(condition bool, s Step) Step {
	if condition {
		return s
	}
	return Nothing
}

// Each returns the steps of the elements, done together.
func Each[T any](elements []T, f func(T) Step) Step {
	steps := make([]Step, len(elements))
	for i, e := range elements {
		steps[i] = f(e)
	}
	return Together(steps...)
}

// NoRollback makes a step of a function that needs no rollback: it only reads, or what it does is final.
func NoRollback(f func(context.Context) error) Step {
	return func(ctx context.Context) (Rollback, error) { return nil, f(ctx) }
}

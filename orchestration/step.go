package orchestration

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ecs-api/common"
)

// A step makes one thing and returns how to unmake it: nil if there is nothing to take back, as when the thing was already there. A
// step that fails half way returns both an undo and an error.
type step func(context.Context) (undo, error)

// An undo unmakes what a step made. What is gone already is no error.
type undo func(context.Context) error

// inOrder does the steps one after another, and unmakes them latest first.
func inOrder(steps ...step) step {
	return func(ctx context.Context) (undo, error) {
		var undos []undo
		for _, s := range steps {
			back, err := try(ctx, s)
			if back != nil {
				undos = append(undos, back)
			}
			if err != nil {
				return latestFirst(undos), err
			}
		}
		return latestFirst(undos), nil
	}
}

// together does the steps at the same time. When one fails, it waits for the others.
func together(steps ...step) step {
	return func(ctx context.Context) (undo, error) {
		undos := make([]undo, len(steps))
		errs := make([]error, len(steps))
		var wg sync.WaitGroup
		for i, s := range steps[:max(len(steps)-1, 0)] {
			wg.Go(func() { undos[i], errs[i] = try(ctx, s) })
		}
		if last := len(steps) - 1; last >= 0 { // in this goroutine, which has nothing else to do
			undos[last], errs[last] = try(ctx, steps[last])
		}
		wg.Wait()
		undos = slices.DeleteFunc(undos, func(u undo) bool { return u == nil })
		return atOnce(undos), first(errs)
	}
}

// try does the step. A panic is its error: what the other steps made is unmade then as well, and the server lives on.
func try(ctx context.Context, s step) (back undo, err error) {
	err = common.Safely(func() (err error) {
		back, err = s(ctx)
		return err
	})
	return back, err
}

// first returns the error that says most: one that the caller can act on before others.
func first(errs []error) error {
	var chosen error
	for _, err := range errs {
		if err == nil {
			continue
		}
		switch common.KindOf(err) {
		case common.BadRequest, common.NotFound, common.Conflict:
			return err
		}
		if chosen == nil {
			chosen = err
		}
	}
	return chosen
}

// once makes an undo do nothing more when it has succeeded: of several that are tried again, those are done that failed.
func once(u undo) undo {
	done := false
	return func(ctx context.Context) error {
		if done {
			return nil
		}
		err := u(ctx)
		done = err == nil
		return err
	}
}

// onlyOnce makes each of the undos one that is done once.
func onlyOnce(undos []undo) []undo {
	all := make([]undo, len(undos))
	for i, u := range undos {
		all[i] = once(u)
	}
	return all
}

// latestFirst runs the undos in reverse. All of them are tried; run again, those that failed are.
func latestFirst(undos []undo) undo {
	if len(undos) == 0 {
		return nil
	}
	undos = onlyOnce(undos)
	return func(ctx context.Context) error {
		var errs []error
		for _, u := range slices.Backward(undos) {
			errs = append(errs, common.Safely(func() error { return u(ctx) }))
		}
		return errors.Join(errs...)
	}
}

// atOnce runs the undos at the same time. All of them are tried; run again, those that failed are.
func atOnce(undos []undo) undo {
	if len(undos) == 0 {
		return nil
	}
	undos = onlyOnce(undos)
	return func(ctx context.Context) error {
		errs := make([]error, len(undos))
		var wg sync.WaitGroup
		for i, u := range undos {
			wg.Go(func() { errs[i] = common.Safely(func() error { return u(ctx) }) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// when does the step if wanted, and nothing otherwise.
func when(wanted bool, s step) step {
	if wanted {
		return s
	}
	return func(context.Context) (undo, error) { return nil, nil }
}

// each makes a step per element, done together.
func each[T any](elements []T, f func(T) step) step {
	steps := make([]step, len(elements))
	for i, e := range elements {
		steps[i] = f(e)
	}
	return together(steps...)
}

// read makes a step of a function that only reads.
func read(f func(context.Context) error) step {
	return func(ctx context.Context) (undo, error) { return nil, f(ctx) }
}

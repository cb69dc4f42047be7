package common

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Safely does the work and turns a panic of it into an error. Work that has a goroutine of its own is done through it, or through Go: there
// a panic would end the server, with all that other requests have half done.
func Safely(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Kind: Internal, msg: fmt.Sprintf("panic: %v (%s)", p, panickedAt()), public: "the server has a fault here; its log says more"}
		}
	}()
	return work()
}

// Go does the work in a goroutine of the group, safely.
func Go(group *errgroup.Group, work func() error) {
	group.Go(func() error { return Safely(work) })
}

// panickedAt returns the file and line of the panic that the deferred function which calls it has recovered.
func panickedAt() string {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)]) // from the panic itself on
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
	}
}

// Concurrently runs the functions at the same time, waits for all, and returns the error of theirs that says most.
func Concurrently(ctx context.Context, functions ...func(context.Context) error) error {
	errs := make([]error, len(functions))
	var group errgroup.Group
	for i, f := range functions {
		Go(&group, func() error {
			errs[i] = Safely(func() error { return f(ctx) })
			return nil
		})
	}
	_ = group.Wait() // the functions' errors are in errs, all of them
	return MostTelling(errs...)
}

// MostTelling returns one of the errors: one that the caller can act on before others, else the first. It returns nil if all are nil.
func MostTelling(errs ...error) error {
	var chosen error
	for _, err := range errs {
		if err == nil {
			continue
		}
		switch KindOf(err) {
		case BadRequest, NotFound, Conflict:
			return err
		}
		if chosen == nil {
			chosen = err
		}
	}
	return chosen
}

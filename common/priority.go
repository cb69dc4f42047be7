package common

import "context"

// Priority is whose calls to AWS go first where they wait for the same rate bucket.
type Priority uint8

// The priorities, the lowest first.
const (
	// PriorityBackground is that of work that nobody waits for.
	PriorityBackground Priority = iota
	// PriorityPoll is that of what callers read.
	PriorityPoll
	// PriorityChange is that of what changes something, its reads included: a change that waits half way holds up more than a poll.
	PriorityChange
	numPriorities
)

type priorityKey struct{}

// Background returns a context whose calls to AWS let all others go first: for work that nobody waits for.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, priorityKey{}, PriorityBackground)
}

// Polling returns a context whose calls to AWS let those of changes go first: for what callers read. Background work that reads stays background work.
func Polling(ctx context.Context) context.Context {
	if PriorityOf(ctx) <= PriorityPoll {
		return ctx
	}
	return context.WithValue(ctx, priorityKey{}, PriorityPoll)
}

// PriorityOf returns the priority of the calls under ctx: that of a change where nothing else is said.
func PriorityOf(ctx context.Context) Priority {
	if p, ok := ctx.Value(priorityKey{}).(Priority); ok {
		return p
	}
	return PriorityChange
}

// InBackground reports whether ctx is one of Background.
func InBackground(ctx context.Context) bool { return PriorityOf(ctx) == PriorityBackground }

package common

import (
	"cmp"
	"context"
)

// Caller is who sent a request.
type Caller struct {
	// Name is the config's name of the token that the request came with; empty where it needed none.
	Name string
	// OnBehalfOf is the user for whom the caller acts, as the caller says; empty if it does not say. It is fit for a tag's value.
	OnBehalfOf string
}

// Tags returns the tag that names the caller on what it creates: the user for whom it acts, if it says so, else the caller. None for a request of nobody's.
func (c Caller) Tags() Tags {
	who := cmp.Or(c.OnBehalfOf, c.Name)
	if who == "" {
		return nil
	}
	return Tags{{TagCaller, who}}
}

type callerKey struct{}

// WithCaller returns a context of a request of the caller's.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns whose request the context belongs to; the zero Caller if it belongs to none.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

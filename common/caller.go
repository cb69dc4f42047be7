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
	// RequestID is the id of the request, the caller's own if it sent one; empty outside a request. It is fit for a tag's value.
	RequestID string
}

// Tags returns the tags that say who created a thing, and with which request: a caller who lost the response finds its work by them. The caller is the user
// for whom it acts, if it says so; none for a request of nobody's.
func (c Caller) Tags() Tags {
	var tags Tags
	if who := cmp.Or(c.OnBehalfOf, c.Name); who != "" {
		tags = append(tags, Tag{TagCaller, who})
	}
	if c.RequestID != "" {
		tags = append(tags, Tag{TagRequestID, c.RequestID})
	}
	return tags
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

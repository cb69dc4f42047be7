package saga

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.38.0"
	"go.opentelemetry.io/otel/trace"

	"ecs-api/common"
)

// Traced begins a span of the context's trace, if that is recorded; the function it returns ends it. What is done under the context it
// returns is below the span. The span has an error's code, not its text, which may quote what the caller sent.
func Traced(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, untraced
	}
	ctx, span := common.StartSpan(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil {
			code := common.ErrorType(err)
			span.SetAttributes(semconv.ErrorTypeKey.String(code))
			span.SetStatus(codes.Error, code)
		}
		span.End()
	}
}

// untraced ends what has no span.
func untraced(error) {}

// TraceID returns the id of the context's trace; empty if there is none.
func TraceID(ctx context.Context) string {
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	return ""
}

package orchestration

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"ecs-api/common"
)

// begin reports that a step has begun, to the context's Progress and as a span of its trace if that is recorded; the function it returns,
// that it has ended. The step works under the context it returns.
func begin(ctx context.Context, name string) (context.Context, func(error)) {
	progress := progressOf(ctx)
	parent := trace.SpanFromContext(ctx)
	traced := parent.SpanContext().IsSampled() // also after it has ended: background work outlives its request
	if progress == nil && !traced {
		return ctx, ignore
	}
	end := progress.begin(name)
	var span trace.Span
	if traced {
		ctx, span = parent.TracerProvider().Tracer("ecs-api/orchestration").Start(ctx, name)
	}
	return ctx, func(err error) {
		end("", err)
		if span == nil {
			return
		}
		if err != nil {
			span.SetStatus(codes.Error, common.Public(err))
		}
		span.End()
	}
}

// ignore ends a step that nobody follows.
func ignore(error) {}

package common

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.38.0"
	"go.opentelemetry.io/otel/trace"
)

// callSpan is the span of one call to AWS. It knows its call: the SDK makes other calls under a call's context, for credentials.
type callSpan struct {
	trace.Span
	of *request.Request
}

type callSpanKey struct{}

func callSpanOf(r *request.Request) (callSpan, bool) {
	s, ok := r.Context().Value(callSpanKey{}).(callSpan)
	return s, ok && s.of == r
}

// traceCalls gives each call whose context is of a recorded trace a span of its own, as OpenTelemetry's conventions for AWS SDKs have it.
// Errors are shown by their codes: inputs, outputs and messages may hold secrets.
func traceCalls(handlers *request.Handlers) {
	handlers.Validate.PushFront(func(r *request.Request) {
		if !trace.SpanContextFromContext(r.Context()).IsSampled() {
			return
		}
		ctx, span := StartSpan(r.Context(), r.ClientInfo.ServiceID+"."+r.Operation.Name,
			trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(r.Time), trace.WithAttributes(
				semconv.RPCSystemKey.String("aws-api"), semconv.RPCService(r.ClientInfo.ServiceID), semconv.RPCMethod(r.Operation.Name),
				semconv.CloudRegion(aws.StringValue(r.Config.Region)),
			))
		r.SetContext(context.WithValue(ctx, callSpanKey{}, callSpan{span, r}))
	})
	handlers.CompleteAttempt.PushBack(func(r *request.Request) {
		if span, ok := callSpanOf(r); ok && r.Error != nil {
			span.AddEvent("try failed", trace.WithAttributes(outcome(r)...))
		}
	})
	handlers.Complete.PushBack(func(r *request.Request) {
		span, ok := callSpanOf(r)
		if !ok {
			return
		}
		span.SetAttributes(outcome(r)...)
		if r.RetryCount > 0 {
			span.SetAttributes(semconv.HTTPRequestResendCount(r.RetryCount))
		}
		if ae, ok := r.Error.(awserr.Error); r.Error != nil && (!ok || kindOfAWS(ae) != NotFound) { // who looks whether something is there has not failed
			span.SetStatus(codes.Error, ErrorType(r.Error))
		}
		span.End()
	})
}

// outcome returns what is known of how a try of a call ended.
func outcome(r *request.Request) []attribute.KeyValue {
	var known []attribute.KeyValue
	id := r.RequestID
	if failure, ok := r.Error.(awserr.RequestFailure); ok {
		id = cmp.Or(failure.RequestID(), id)
	}
	if id != "" {
		known = append(known, semconv.AWSRequestID(id))
	}
	if r.HTTPResponse != nil && r.HTTPResponse.StatusCode > 0 {
		known = append(known, semconv.HTTPResponseStatusCode(r.HTTPResponse.StatusCode))
	}
	if r.Error != nil {
		known = append(known, semconv.ErrorTypeKey.String(ErrorType(r.Error)))
	}
	return known
}

// StartSpan begins a span of the trace that ctx is of, which must be recorded. Background work begins spans of a request's that has ended.
func StartSpan(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer("ecs-api", trace.WithSchemaURL(semconv.SchemaURL)).Start(ctx, name, opts...)
}

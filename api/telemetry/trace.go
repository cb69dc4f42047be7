package telemetry

import (
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.38.0"
	"go.opentelemetry.io/otel/trace"

	"ecs-api/common"
)

// BeginTrace begins the request's span, below the one that its traceparent names. It does nothing without a tracer.
func BeginTrace(tracer trace.Tracer, r *http.Request, rec *Record) (*http.Request, trace.Span) {
	if tracer == nil {
		return r, nil
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(rec.Start))
	rec.TraceID = span.SpanContext().TraceID().String()
	return r.WithContext(ctx), span
}

// EndTrace ends the span that BeginTrace began. It holds the route's template, and nothing of the path, the query, the headers and the body
// but the request's id: those may hold secrets.
func EndTrace(span trace.Span, method string, rec *Record, responded int) {
	if span == nil {
		return
	}
	defer span.End()
	if !span.IsRecording() {
		return
	}
	method = KnownMethod(method)
	name := method
	if method == otherMethod {
		method, name = semconv.HTTPRequestMethodOther.Value.AsString(), "HTTP"
	}
	status := rec.Status(responded)
	attributes := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(method),
		semconv.HTTPResponseStatusCode(status),
		attribute.String("ecs_api.request_id", rec.ID),
		attribute.Int64("ecs_api.aws_calls", rec.AWSCalls.Load()),
	}
	if rec.Route != noRoute {
		name += " " + rec.Route
		attributes = append(attributes, semconv.HTTPRoute(rec.Route))
	}
	if rec.Account != "" {
		attributes = append(attributes, attribute.String("ecs_api.account", rec.Account))
	}
	if rec.Caller.Name != "" {
		attributes = append(attributes, attribute.String("ecs_api.caller", rec.Caller.Name))
	}
	if rec.Kept {
		attributes = append(attributes, attribute.Bool("ecs_api.kept", true))
	}
	if rec.Shared {
		attributes = append(attributes, attribute.Bool("ecs_api.shared", true))
	}
	if failure := failure(rec, status); failure != "" {
		attributes = append(attributes, semconv.ErrorTypeKey.String(failure))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, failure)
		}
	}
	span.SetName(name)
	span.SetAttributes(attributes...)
}

// failure returns the code of what a request failed with: AWS's, our kind of error, or else the status; empty if it did not fail.
func failure(rec *Record, status int) string {
	switch {
	case rec.Err != nil:
		return common.ErrorType(rec.Err)
	case status >= http.StatusBadRequest:
		return strconv.Itoa(status)
	}
	return ""
}

package api

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

// beginTrace begins the request's span, below the one that its traceparent names. It does nothing when tracing is off.
func (s *Server) beginTrace(r *http.Request, rec *record) (*http.Request, trace.Span) {
	if s.tracer == nil {
		return r, nil
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := s.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(rec.start))
	rec.traceID = span.SpanContext().TraceID().String()
	return r.WithContext(ctx), span
}

// endTrace ends the span that beginTrace began. It holds the route's template, and nothing of the path, the query, the headers and the body
// but the request's id: those may hold secrets.
func endTrace(span trace.Span, method string, rec *record, answered int) {
	if span == nil {
		return
	}
	defer span.End()
	if !span.IsRecording() {
		return
	}
	method = knownMethod(method)
	name := method
	if method == otherMethod {
		method, name = semconv.HTTPRequestMethodOther.Value.AsString(), "HTTP"
	}
	status := rec.status(answered)
	attributes := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(method),
		semconv.HTTPResponseStatusCode(status),
		attribute.String("ecs_api.request_id", rec.id),
		attribute.Int64("ecs_api.aws_calls", rec.awsCalls.Load()),
	}
	if rec.route != noRoute {
		name += " " + rec.route
		attributes = append(attributes, semconv.HTTPRoute(rec.route))
	}
	if rec.account != "" {
		attributes = append(attributes, attribute.String("ecs_api.account", rec.account))
	}
	if rec.caller.Name != "" {
		attributes = append(attributes, attribute.String("ecs_api.caller", rec.caller.Name))
	}
	if rec.shared {
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
func failure(rec *record, status int) string {
	switch {
	case rec.err != nil:
		return common.ErrorType(rec.err)
	case status >= http.StatusBadRequest:
		return strconv.Itoa(status)
	}
	return ""
}

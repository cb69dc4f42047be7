package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.38.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// flushTime is how long the last spans may take to be sent. It is a variable for tests.
var flushTime = 5 * time.Second

// startTraces returns where spans go, and what sends the last of them. It returns nil, and nothing runs, unless OpenTelemetry's variables
// ask for traces; the SDK reads those variables that say how, and sends traces from a goroutine of its own.
func startTraces(ctx context.Context, env func(string) string, log *logrus.Logger) (trace.TracerProvider, func(), error) {
	protocol, err := tracesProtocol(env)
	if err != nil || protocol == "" {
		return nil, func() {}, err
	}
	complain := &complaints{log: log, often: rate.Sometimes{First: 5, Interval: time.Minute}}
	otel.SetErrorHandler(complain)
	otel.SetLogger(logr.New(complain))
	newExporter := func() (sdk.SpanExporter, error) { return otlptracehttp.New(ctx) }
	if protocol == "grpc" {
		newExporter = func() (sdk.SpanExporter, error) { return otlptracegrpc.New(ctx) }
	}
	exporter, err := newExporter()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("ecs-api"), semconv.ServiceVersion(buildVersion().Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		complain.Handle(err) // what could be read of it is there
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			complain.tell(fmt.Errorf("the last spans were not sent: %w", err))
		}
	}, nil
}

// tracesProtocol returns how OpenTelemetry's variables want traces to be sent, and nothing if they want none. It tells everything that is
// wrong with them at once, but no value of an endpoint: it may hold a password.
func tracesProtocol(env func(string) string) (string, error) {
	get := func(name string) string { return strings.TrimSpace(env(name)) }
	const all, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	exporter := get("OTEL_TRACES_EXPORTER")
	unasked := exporter == "" && get(all) == "" && get(own) == ""
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") || exporter == "none" || unasked {
		return "", nil
	}
	return checkedProtocol(get, exporter, all, own)
}

// checkedProtocol is tracesProtocol where traces are wanted.
func checkedProtocol(get func(string) string, exporter string, endpoints ...string) (string, error) {
	var problems []error
	if exporter != "" && exporter != "otlp" {
		problems = append(problems, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: use otlp, or none", exporter))
	}
	for _, name := range endpoints {
		if get(name) != "" && !isEndpoint(get(name)) {
			problems = append(problems, fmt.Errorf("%s must be a URL such as http://localhost:4318", name))
		}
	}
	protocol := cmp.Or(get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), get("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	if !slices.Contains([]string{"http/protobuf", "http/json", "grpc"}, protocol) {
		problems = append(problems, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: use http/protobuf, http/json or grpc", protocol))
	}
	return protocol, errors.Join(problems...)
}

// isEndpoint reports whether a text is the URL of a collector.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// complaints logs what OpenTelemetry has to complain of, but not for ever: a collector that is down is logged once a minute.
type complaints struct {
	log     *logrus.Logger
	often   rate.Sometimes
	skipped atomic.Int64
}

// maxComplaint is how much of a complaint is logged: it may quote the collector's response.
const maxComplaint = 512

// Handle logs an error, unless there were many of late.
func (c *complaints) Handle(err error) {
	logged := false
	c.often.Do(func() {
		logged = true
		c.tell(err)
	})
	if !logged {
		c.skipped.Add(1)
	}
}

// tell logs an error, and how many were left out before it.
func (c *complaints) tell(err error) {
	text := err.Error()
	c.log.WithField("error", text[:min(len(text), maxComplaint)]).WithField("skipped", c.skipped.Swap(0)).Warn("traces")
}

// Error logs what OpenTelemetry found wrong with a variable, without its value: headers hold passwords. The name of a file is none.
func (c *complaints) Error(err error, msg string, _ ...any) {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		msg += ": " + file.Error()
	}
	c.Handle(errors.New(msg))
}

// The rest of a logr.LogSink: only errors are wanted.

func (c *complaints) Init(logr.RuntimeInfo)          {}
func (c *complaints) Enabled(int) bool               { return false }
func (c *complaints) Info(int, string, ...any)       {}
func (c *complaints) WithValues(...any) logr.LogSink { return c }
func (c *complaints) WithName(string) logr.LogSink   { return c }

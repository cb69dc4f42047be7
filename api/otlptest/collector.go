// Package otlptest receives traces in tests, as an OpenTelemetry collector does: OTLP over HTTP, as protobuf or JSON, and over gRPC.
package otlptest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Collector keeps what it is sent.
type Collector struct {
	URL  string // takes OTLP over HTTP below /v1/traces
	GRPC string // takes OTLP over gRPC, in the clear
	collector.UnimplementedTraceServiceServer

	mu       sync.Mutex
	requests int
	spans    []Span
	text     strings.Builder
}

// Span is a span, with its attributes as text.
type Span struct {
	*otlp.Span
	Said    map[string]string
	Tries   []map[string]string // the attributes of its events
	Program map[string]string   // what is said of the program that made it
}

// NewCollector returns a collector that runs until the test ends. What it cannot read fails the test.
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent collector.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") == "application/json" {
			err = protojson.Unmarshal(body, &sent) // which takes the ids, in hex, for other ones
		} else if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
			t.Errorf("the collector got %s %s: %v", r.Method, r.URL, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.keep(&sent)
	}))
	t.Cleanup(web.Close)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	c.URL, c.GRPC = web.URL, "http://"+listener.Addr().String()
	return c
}

// Export takes traces that are sent over gRPC.
func (c *Collector) Export(_ context.Context, sent *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.keep(sent)
	return &collector.ExportTraceServiceResponse{}, nil
}

func (c *Collector) keep(sent *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	plain, _ := proto.Marshal(sent) // protobuf has strings as they are
	c.text.Write(plain)
	for _, resource := range sent.ResourceSpans {
		program := texts(resource.Resource.GetAttributes())
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				one := Span{Span: span, Said: texts(span.Attributes), Program: program}
				for _, event := range span.Events {
					one.Tries = append(one.Tries, texts(event.Attributes))
				}
				c.spans = append(c.spans, one)
			}
		}
	}
}

// Provider returns where spans go that are to be sent to the collector as soon as they end.
func (c *Collector) Provider(t testing.TB) *sdk.TracerProvider {
	t.Helper()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(c.URL+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter))
	t.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(t.Context())) }) // all has been sent
	return provider
}

// Requests returns how often the collector was sent something.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Text returns all that was sent, as bytes: what is not in there was not sent.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// Spans returns what was sent by the paths of the spans: the names of those above them, topmost first, and their own, as in
// "POST /services > cluster > ECS.CreateCluster".
func (c *Collector) Spans() map[string][]Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]Span{}
	for _, span := range c.spans {
		byID[string(span.SpanId)] = span
	}
	byPath := map[string][]Span{}
	for _, span := range c.spans {
		path := span.Name
		for above, ok := byID[string(span.ParentSpanId)]; ok; above, ok = byID[string(above.ParentSpanId)] {
			path = above.Name + " > " + path
		}
		byPath[path] = append(byPath[path], span)
	}
	return byPath
}

// texts returns attributes as text.
func texts(attributes []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = strconv.FormatInt(v.IntValue, 10)
		case *common.AnyValue_BoolValue:
			all[a.Key] = strconv.FormatBool(v.BoolValue)
		default:
			all[a.Key] = a.Value.String()
		}
	}
	return all
}

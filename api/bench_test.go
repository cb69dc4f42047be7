package api

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/sdk/trace"

	"ecs-api/config"
	"ecs-api/localaws"
)

// recording is an AWS that returns to each call what it returned the first time, so that a benchmark measures us and the SDK, and not the
// simulator.
type recording struct {
	aws   http.RoundTripper
	calls atomic.Int64
	mu    sync.Mutex
	known map[string]recorded
}

type recorded struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip responds to one call to AWS.
func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	r.calls.Add(1)
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	key := req.Header.Get("X-Amz-Target") + string(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.known[key]
	if !ok {
		req.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := r.aws.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		response, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		one = recorded{resp.StatusCode, resp.Header, response}
		r.known[key] = one
	}
	return &http.Response{StatusCode: one.status, Header: one.header, Body: io.NopCloser(bytes.NewReader(one.body)), ContentLength: int64(len(one.body)), Request: req}, nil
}

// forget makes the recording ask AWS anew.
func (r *recording) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = map[string]recorded{}
}

// discard is a http.ResponseWriter that keeps the head of a response only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// benchmarkGet measures what one GET costs us and the SDK: AWS responds from memory, without a network, and its rates are not waited for.
func benchmarkGet(b *testing.B, target string, change ...func(*Options)) {
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	c.Token, c.RateLimits = testToken, noLimits()
	record := &recording{aws: localaws.New().Transport(), known: map[string]recorded{}}
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.SetFormatter(&logrus.JSONFormatter{})
	o := Options{Config: c, Log: log, AWS: record}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	for _, one := range [][2]string{
		{"/services", `{"cluster": {"clustername": "myclu"}, "service": {"servicename": "www"}, "taskdefinition": {"family": "www", "cpu": "256", "memory": "512",
			"containerdefinitions": [{"name": "web", "image": "nginx"}]}, "serviceregistry": {"name": "www", "dnsconfig": {"namespaceid": "` + localaws.Namespace + `",
			"dnsrecords": [{"ttl": 30, "type": "A"}]}}}`},
		{"/params/app", `{"Name": "colour", "Value": "red"}`},
	} {
		r := httptest.NewRequest(http.MethodPost, base+"/local"+one[0], strings.NewReader(one[1]))
		r.Header.Set(headerToken, testToken)
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	record.forget() // what was there before the service was
	record.calls.Store(0)
	r := httptest.NewRequest(http.MethodGet, base+target, nil)
	r.Header.Set(headerToken, testToken)
	b.ReportAllocs()
	for b.Loop() {
		w := &discard{header: http.Header{}}
		s.Handler().ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("got %d", w.status)
		}
	}
	b.ReportMetric(float64(record.calls.Load())/float64(b.N), "awscalls/op")
}

func BenchmarkPing(b *testing.B) { benchmarkGet(b, "/ping") }

func BenchmarkShow(b *testing.B) { benchmarkGet(b, "/local/clusters/myclu/services/www") }

// BenchmarkShowTraced is BenchmarkShow with all of it recorded, and sent nowhere.
func BenchmarkShowTraced(b *testing.B) {
	benchmarkGet(b, "/local/clusters/myclu/services/www", func(o *Options) { o.Traces = trace.NewTracerProvider() })
}

func BenchmarkShowAll(b *testing.B) {
	benchmarkGet(b, "/local/clusters/myclu/services/www?all=true")
}

func BenchmarkListParams(b *testing.B) { benchmarkGet(b, "/local/params/app") }

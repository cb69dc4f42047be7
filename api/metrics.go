package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ecs-api/common"
)

// metrics are what Prometheus reads. No label takes a value that a caller makes up.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	callers  *prometheus.CounterVec
	inFlight prometheus.Gauge
	aws      *prometheus.HistogramVec
	awsTries *prometheus.CounterVec
	waits    *prometheus.HistogramVec

	outcomes *prometheus.CounterVec

	operations        *prometheus.HistogramVec
	operationsRunning *prometheus.GaugeVec
}

// seconds are the buckets of all durations: from an answer out of memory to the longest deadline.
var seconds = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

func newMetrics(v Version) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ecs_api_http_request_duration_seconds", Help: "Requests answered, by route template, method and status.", Buckets: seconds,
		}, []string{"route", "method", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ecs_api_http_requests_in_flight", Help: "Requests being answered."}),
		aws: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ecs_api_aws_call_duration_seconds", Help: "Calls to AWS with their retries, by account, service, operation and result: OK or AWS's error code.", Buckets: seconds,
		}, []string{"account", "service", "operation", "result"}),
		awsTries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ecs_api_aws_tries_total", Help: "Tries made of calls to AWS: more than calls where the SDK retried.",
		}, []string{"account", "service", "operation"}),
	}
	m.callers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ecs_api_caller_requests_total", Help: "Requests that came with a token, by caller (the config's name of the token), access (read or write) and status.",
	}, []string{"caller", "access", "status"})
	m.waits = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ecs_api_aws_limiter_wait_seconds", Help: "How long tries of calls to AWS waited for our own limit on them, by account and rate bucket.", Buckets: seconds,
	}, []string{"account", "bucket"})
	m.operations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ecs_api_operation_duration_seconds", Help: "Background work that has ended, by account, kind and state: succeeded or failed.", Buckets: seconds,
	}, []string{"account", "kind", "state"})
	m.operationsRunning = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "ecs_api_operations_running", Help: "Background work that is going on, by account and kind.",
	}, []string{"account", "kind"})
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ecs_api_deployment_outcomes_total", Help: "Deployments that ended while somebody waited for them or watched their service, by account and outcome: succeeded, failed, rolled_back or superseded.",
	}, []string{"account", "outcome"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ecs_api_build_info", Help: "1, for the build that is running."}, []string{"version", "githash", "buildstamp"})
	build.WithLabelValues(v.Version, v.GitHash, v.BuildStamp).Set(1)
	m.registry.MustRegister(m.requests, m.callers, m.inFlight, m.aws, m.awsTries, m.waits, m.outcomes, m.operations, m.operationsRunning, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// handler answers with all metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}

func (m *metrics) observeRequest(method string, rec *record, status int, took time.Duration) {
	if rec.grant != nil {
		access := "write"
		if method == http.MethodGet || method == http.MethodHead {
			access = "read"
		}
		m.callers.WithLabelValues(rec.caller.Name, access, strconv.Itoa(rec.status(status))).Inc()
	}
	m.requests.WithLabelValues(rec.route, knownMethod(method), strconv.Itoa(rec.status(status))).Observe(took.Seconds())
}

func (m *metrics) observeAWS(account string, call common.AWSCall) {
	result := call.Code
	if result == "" {
		result = "OK"
	}
	m.aws.WithLabelValues(account, call.Service, call.Operation, result).Observe(call.Duration.Seconds())
	m.awsTries.WithLabelValues(account, call.Service, call.Operation).Add(float64(call.Attempts))
}

// observeWait returns what is told of each wait for a rate bucket of the account.
func (m *metrics) observeWait(account string) func(string, time.Duration) {
	waits := m.waits.MustCurryWith(prometheus.Labels{"account": account})
	return func(bucket string, d time.Duration) { waits.WithLabelValues(bucket).Observe(d.Seconds()) }
}

// methods are those that routes can have, in the order that Allow names them.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// otherMethod stands for the methods that no route can have: callers make those up.
const otherMethod = "other"

// knownMethod returns the method, or otherMethod.
func knownMethod(method string) string {
	if method == http.MethodOptions || slices.Contains(methods, method) {
		return method
	}
	return otherMethod
}

// watchStreams adds the number of open streams, which open returns, and of requests that wait for services or watch them.
func (m *metrics) watchStreams(open, waiting func() int) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ecs_api_streams_open", Help: "Streams that are open."}, func() float64 { return float64(open()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ecs_api_service_waiters", Help: "Requests that wait for a service's deployment, or watch its status."}, func() float64 { return float64(waiting()) }),
	)
}

// observeOutcome returns what is told of each deployment of the account that ends while somebody waits for it.
func (m *metrics) observeOutcome(account string) func(outcome string) {
	outcomes := m.outcomes.MustCurryWith(prometheus.Labels{"account": account})
	return func(outcome string) { outcomes.WithLabelValues(outcome).Inc() }
}

package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ecs-api/common"
)

// Metrics are what Prometheus scrapes. No label has a value that a caller can choose freely.
type Metrics struct {
	Registry *prometheus.Registry // of all metrics
	requests *prometheus.HistogramVec
	callers  *prometheus.CounterVec
	InFlight prometheus.Gauge // requests that are being served
	aws      *prometheus.HistogramVec
	awsTries *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	batched  *prometheus.CounterVec

	outcomes *prometheus.CounterVec

	operations        *prometheus.HistogramVec
	operationsRunning *prometheus.GaugeVec
}

// seconds are the buckets of all durations: from a cached response to a long create.
var seconds = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// NewMetrics returns the metrics of a server of the given build.
func NewMetrics(version, githash, buildstamp string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ecs_api_http_request_duration_seconds", Help: "Responses, by route template, method and status.", Buckets: seconds,
		}, []string{"route", "method", "status"}),
		InFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ecs_api_http_requests_in_flight", Help: "Requests being served."}),
		aws: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ecs_api_aws_call_duration_seconds",
			Help: "Calls to AWS with their retries, by account, service, operation and result: OK, AWS's error code, " +
				"or Throttled or Unavailable where our own limit refused the call.",
			Buckets: seconds,
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
	m.batched = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ecs_api_aws_batched_reads_total", Help: "Reads that shared a call to AWS with others which waited for the same rate bucket, by account and operation.",
	}, []string{"account", "operation"})
	m.operations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ecs_api_operation_duration_seconds", Help: "Background work that has ended, by account, kind and state: succeeded, failed or interrupted.",
		Buckets: seconds,
	}, []string{"account", "kind", "state"})
	m.operationsRunning = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "ecs_api_operations_running", Help: "Background work in progress, by account and kind.",
	}, []string{"account", "kind"})
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ecs_api_deployment_outcomes_total",
		Help: "Deployments that ended while a request waited for them or watched their service, by account and outcome: " +
			"succeeded, failed, rolled_back or superseded.",
	}, []string{"account", "outcome"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ecs_api_build_info", Help: "1, for the build that is running."}, []string{"version", "githash", "buildstamp"})
	build.WithLabelValues(version, githash, buildstamp).Set(1)
	m.Registry.MustRegister(m.requests, m.callers, m.InFlight, m.aws, m.awsTries, m.waits, m.batched, m.outcomes, m.operations, m.operationsRunning, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves all metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry, MaxRequestsInFlight: 4})
}

// ObserveRequest counts a request with its status, and how long the caller waited for it.
func (m *Metrics) ObserveRequest(method string, rec *Record, status int, took time.Duration) {
	if rec.Grant != nil {
		access := "write"
		if method == http.MethodGet || method == http.MethodHead {
			access = "read"
		}
		m.callers.WithLabelValues(rec.Caller.Name, access, strconv.Itoa(rec.Status(status))).Inc()
	}
	m.requests.WithLabelValues(rec.Route, KnownMethod(method), strconv.Itoa(rec.Status(status))).Observe(took.Seconds())
}

// ObserveAWS counts a call to AWS for the account.
func (m *Metrics) ObserveAWS(account string, call common.AWSCall) {
	result := call.Code
	if result == "" {
		result = "OK"
	}
	m.aws.WithLabelValues(account, call.Service, call.Operation, result).Observe(call.Duration.Seconds())
	m.awsTries.WithLabelValues(account, call.Service, call.Operation).Add(float64(call.Attempts))
}

// ObserveWait returns the function that counts each wait for a rate bucket of the account.
func (m *Metrics) ObserveWait(account string) func(string, time.Duration) {
	waits := m.waits.MustCurryWith(prometheus.Labels{"account": account})
	return func(bucket string, d time.Duration) { waits.WithLabelValues(bucket).Observe(d.Seconds()) }
}

// ObserveBatch returns the function that counts the reads of the account that shared a call.
func (m *Metrics) ObserveBatch(account string) func(string, int) {
	batched := m.batched.MustCurryWith(prometheus.Labels{"account": account})
	for _, operation := range []string{"DescribeServices", "DescribeClusters", "DescribeTasks"} { // a rate needs to begin with 0
		batched.WithLabelValues(operation)
	}
	return func(operation string, reads int) { batched.WithLabelValues(operation).Add(float64(reads)) }
}

// Methods are the methods that routes can have, in the order in which Allow lists them.
var Methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// otherMethod stands for all methods that no route can have, because callers could send any.
const otherMethod = "other"

// KnownMethod returns the method, or otherMethod.
func KnownMethod(method string) string {
	if method == http.MethodOptions || slices.Contains(Methods, method) {
		return method
	}
	return otherMethod
}

// WatchStreams adds the number of open streams, which open returns, and of requests that wait for services or watch them, which waiting returns.
func (m *Metrics) WatchStreams(open, waiting func() int) {
	m.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ecs_api_streams_open", Help: "Streams that are open."},
			func() float64 { return float64(open()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ecs_api_service_waiters", Help: "Requests that wait for a service's deployment, or watch its status.",
		}, func() float64 { return float64(waiting()) }),
	)
}

// WatchQueue adds the number of jobs in the queue that servers share, by account and state, which depth returns. It returns the function that counts a job which is
// retried.
func (m *Metrics) WatchQueue(accounts []string, depth func(account string) (map[string]int, error)) (retried func(account, kind string)) {
	retries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ecs_api_job_retries_total", Help: "Jobs that this server tried, and that are retried because they failed, by account and kind.",
	}, []string{"account", "kind"})
	jobs := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "ecs_api_queue_jobs",
		Help: "Jobs in the queue that servers share, by account and state: waiting, running or retrying. " +
			"Without a state, or while it is down, there is no such series.",
	}, []string{"account", "state"})
	m.Registry.MustRegister(retries, &queueCollector{jobs: jobs, accounts: accounts, depth: depth})
	return func(account, kind string) { retries.WithLabelValues(account, kind).Inc() }
}

// queueCollector reads the depth of the queue at each scrape.
type queueCollector struct {
	mu       sync.Mutex
	jobs     *prometheus.GaugeVec
	accounts []string
	depth    func(account string) (map[string]int, error)
}

var _ prometheus.Collector = (*queueCollector)(nil)

// Describe implements prometheus.Collector.
func (q *queueCollector) Describe(descs chan<- *prometheus.Desc) { q.jobs.Describe(descs) }

// Collect implements prometheus.Collector.
func (q *queueCollector) Collect(metrics chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs.Reset()
	for _, account := range q.accounts {
		counts, err := q.depth(account)
		if err != nil {
			break
		}
		for state, n := range counts {
			q.jobs.WithLabelValues(account, state).Set(float64(n))
		}
	}
	q.jobs.Collect(metrics)
}

// WatchCache adds the number of requests that got a cached response, which hits returns, and the size of the cache, which bytes returns.
func (m *Metrics) WatchCache(hits func() uint64, bytes func() int) {
	m.Registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ecs_api_kept_responses_total", Help: "Reads that got a response kept since an earlier request, because their callers accept one so old.",
		}, func() float64 { return float64(hits()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ecs_api_kept_responses_bytes", Help: "Memory that kept responses take."}, func() float64 { return float64(bytes()) }),
	)
}

// WatchState adds whether the Redis that servers share can be used, which up reports. It returns the functions that count a request for which Redis was too slow, and
// a lock that was lost to another server. A server without a state has no such metrics.
func (m *Metrics) WatchState(up func() bool) (slow, lockLost func()) {
	locks := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ecs_api_state_locks_lost_total", Help: "Locks that another server has taken although this one has not released them: Redis has lost them, or was out of reach.",
	})
	requests := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ecs_api_state_slow_requests_total", Help: "Requests that were served without the Redis that servers share their state through, because it was too slow for them.",
	})
	m.Registry.MustRegister(requests, locks)
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ecs_api_state_up", Help: "1 if the Redis that servers share their state through can be used, 0 if not. Without a state there is no such series.",
	}, func() float64 {
		if up() {
			return 1
		}
		return 0
	}))
	return requests.Inc, locks.Inc
}

// ObserveOutcome returns the function that counts each deployment of the account that ends while a request waits for it.
func (m *Metrics) ObserveOutcome(account string) func(outcome string) {
	outcomes := m.outcomes.MustCurryWith(prometheus.Labels{"account": account})
	return func(outcome string) { outcomes.WithLabelValues(outcome).Inc() }
}

// OperationBegan counts background work of the account and kind that this server does.
func (m *Metrics) OperationBegan(account, kind string) {
	m.operationsRunning.WithLabelValues(account, kind).Inc()
}

// OperationLeft counts background work that this server no longer does: it has ended, or another server continues it.
func (m *Metrics) OperationLeft(account, kind string) {
	m.operationsRunning.WithLabelValues(account, kind).Dec()
}

// OperationEnded counts background work that has ended in the state.
func (m *Metrics) OperationEnded(account, kind, state string, took time.Duration) {
	m.operations.WithLabelValues(account, kind, state).Observe(took.Seconds())
}

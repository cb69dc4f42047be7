// Package api serves ecs-api over HTTP: routes, middleware, endpoints. It is the only package that knows HTTP, and it owns one rule: an
// endpoint is a typed function that never sees a ResponseWriter (see handle); its response or error is written in one place.
package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"

	"ecs-api/api/accounts"
	"ecs-api/api/fleet"
	"ecs-api/api/idempotency"
	"ecs-api/api/responsecache"
	"ecs-api/api/router"
	"ecs-api/api/sse"
	"ecs-api/api/telemetry"
	"ecs-api/api/tokens"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/orchestration/preflight"
	"ecs-api/registry"
)

// Options is what a Server is made of.
type Options struct {
	// Config must be valid: Load and Local of package config return such.
	Config  *config.Config
	Version Version
	// Log gets a line per request.
	Log *logrus.Logger
	// Retry says how calls to AWS are retried; the zero value is common.DefaultRetryPolicy.
	Retry common.RetryPolicy
	// AWS takes the place of the network to AWS, if it is set.
	AWS http.RoundTripper
	// Backoff says how long to wait for AWS to get done with what it refuses only for now; the zero value is common.DefaultBackoff.
	Backoff common.Backoff
	// Traces gets a span per request, step of its work and call to AWS; nil turns tracing off.
	Traces trace.TracerProvider
	// Streams bounds the streams; the zero value takes the defaults of package sse.
	Streams sse.Limits
}

// Version says which build is running.
type Version struct {
	Version    string `json:"version"`
	GitHash    string `json:"githash"`
	BuildStamp string `json:"buildstamp"`
}

// Server serves the API's requests. It keeps no state that a restart may not lose.
type Server struct {
	config    *config.Config
	version   Version
	log       *logrus.Logger
	accounts  map[string]*account
	images    *registry.Client
	metrics   *telemetry.Metrics
	tracer    trace.Tracer // nil: off
	responses *responsecache.Cache[response]
	fleet     *fleet.Fleet // the servers that share a state with this one; it owns background work
	callers   *tokens.Callers
	router    *router.Router
	public    map[string]bool // the paths that need no token
	streams   *sse.Streams
	// idempotency keeps the responses to requests that may be repeated.
	idempotency *idempotency.Keeper
	handler     http.Handler
}

// New returns a server for the accounts of o.Config. It makes no call to AWS. Close must be called.
func New(o Options) (*Server, error) {
	s := &Server{
		config:    o.Config,
		version:   o.Version,
		log:       o.Log,
		accounts:  make(map[string]*account, len(o.Config.Accounts)),
		images:    registry.New(registry.Options{Allow: o.Config.Registries}),
		metrics:   telemetry.NewMetrics(o.Version.Version, o.Version.GitHash, o.Version.BuildStamp),
		router:    router.New(base, permitMethod),
		public:    map[string]bool{},
		streams:   sse.New(o.Streams),
		callers:   tokens.NewCallers(o.Config.Callers()),
		responses: responsecache.New[response](responsecache.DefaultLimits),
	}
	if o.Traces != nil {
		s.tracer = o.Traces.Tracer("ecs-api/api")
	}
	var err error
	s.fleet, err = fleet.New(fleet.Options{Config: o.Config, Log: o.Log, Metrics: s.metrics, Forget: s.forget, Changed: s.changed,
		SetDisconnected: s.setDisconnected})
	if err != nil {
		return nil, err
	}
	s.idempotency = s.fleet.Keeper(s.callers.Token)
	options := accounts.Options{Config: o.Config, Retry: o.Retry, AWS: o.AWS, Backoff: o.Backoff, Metrics: s.metrics, Background: s.fleet.Background,
		Leases: s.fleet.Leases}
	for name := range o.Config.Accounts {
		a, err := accounts.New(name, options)
		if err != nil {
			return nil, common.Wrapf(err, "account %s", name)
		}
		s.accounts[name] = &account{Account: a}
	}
	s.subscribe()
	s.metrics.WatchCache(s.responses.Hits, s.responses.Bytes)
	s.metrics.WatchStreams(s.streams.Open, func() (n int) {
		for _, a := range s.accounts {
			n += a.Observer.Waiting()
		}
		return n
	})
	s.routes()
	s.handler = s.chain()
	return s, nil
}

// Handler returns what serves requests to any path.
func (s *Server) Handler() http.Handler { return s.handler }

// Callers are those whose requests are served.
func (s *Server) Callers() *tokens.Callers { return s.callers }

// Stop ends what would run as long as its callers wait: streams, and waits for services. Call it when the server begins to shut down, or
// requests would not end.
func (s *Server) Stop() {
	s.streams.Stop()
	s.fleet.Background.Stop()
	for _, a := range s.accounts {
		a.Observer.Close()
	}
}

// Work does jobs that servers share, if there are such, until Shutdown.
func (s *Server) Work() error { return s.fleet.Work() }

// Close ends the use of the state, if there is one. Call it last.
func (s *Server) Close() { s.fleet.Close() }

// CheckState asks the Redis of the config whether it can be used, and returns why not. Configured is false if the config names none.
func (s *Server) CheckState(ctx context.Context) (configured bool, err error) {
	return s.fleet.CheckState(ctx)
}

// Check asks AWS whether each account can be served, and returns what it finds by the accounts' names.
func (s *Server) Check(ctx context.Context) []preflight.Finding {
	var accounts []preflight.Account
	for _, name := range slices.Sorted(maps.Keys(s.accounts)) {
		accounts = append(accounts, s.accounts[name].Preflight)
	}
	return preflight.Check(ctx, accounts...)
}

// Resume continues what servers that have ended left to others: one-off tasks are stopped at their timeouts. What fails is logged.
func (s *Server) Resume(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(s.accounts)) {
		if err := s.accounts[name].Runs.Resume(ctx); err != nil && ctx.Err() == nil {
			s.log.WithField("account", name).WithError(err).Warn("one-off tasks that servers before this one have started may outlive their timeouts")
		}
	}
}

// ResumeForOthers resumes whenever a server that shares the state has died, until ctx ends.
func (s *Server) ResumeForOthers(ctx context.Context) { s.fleet.ForEachDeath(ctx, s.Resume) }

// Shutdown waits for background work until ctx ends, and then cancels it: another server continues it, or a repeated request does. Call it when no
// more requests come.
func (s *Server) Shutdown(ctx context.Context) { s.fleet.Shutdown(ctx) }

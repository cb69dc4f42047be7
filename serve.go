package main

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/config"
)

// listeners are what the server listens on.
type listeners struct {
	api   net.Listener
	debug net.Listener // nil unless the config asks for it
}

// listen opens what c asks for, so that an address in use is reported before anything starts.
func listen(ctx context.Context, c *config.Config) (listeners, error) {
	var l listeners
	var err error
	if l.api, err = new(net.ListenConfig).Listen(ctx, "tcp", c.ListenAddress); err != nil {
		return l, fmt.Errorf("cannot serve on %s: %w; -listen chooses another address", c.ListenAddress, err)
	}
	if c.DebugAddress != "" {
		if l.debug, err = new(net.ListenConfig).Listen(ctx, "tcp", c.DebugAddress); err != nil {
			l.close()
			return l, fmt.Errorf("cannot serve pprof on debugAddress %s: %w", c.DebugAddress, err)
		}
	}
	return l, nil
}

func (l listeners) close() {
	_ = l.api.Close() // a second Close after serve's says no more than that
	if l.debug != nil {
		_ = l.debug.Close()
	}
}

// serve serves requests until ctx ends. It then ends with stop those that would run as long as their callers wait, finishes the others that
// it has begun, and with finish the background work, all within the grace. What is not done by then is cut off: AWS remembers how far it came, and a repeated request continues from there.
func serve(ctx context.Context, l listeners, handler http.Handler, stop func(), finish func(context.Context), grace time.Duration, log *logrus.Logger) error {
	web := httpServer(handler, log)
	web.RegisterOnShutdown(stop)
	ended := make(chan error, 2)
	go func() { ended <- web.Serve(l.api) }()
	log.WithField("address", l.api.Addr().String()).Info("serving")
	if l.debug != nil {
		debug := httpServer(pprofHandler(), log)
		defer func() { _ = debug.Close() }()
		go func() { ended <- debug.Serve(l.debug) }()
		log.WithField("address", l.debug.Addr().String()).Info("serving pprof")
	}
	select {
	case err := <-ended:
		return fmt.Errorf("stopped serving: %w", err)
	case <-ctx.Done():
	}
	log.WithField("grace", grace.String()).Info("stopping: finishing what was begun; a second signal ends at once")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := web.Shutdown(last); err != nil {
		log.WithField("grace", grace.String()).Warn("requests were cut off: they were not finished within shutdownGrace")
		_ = web.Close() // what it says has been said
	}
	finish(last)
	log.Info("stopped")
	return nil
}

// httpServer returns a server that no slow client holds up. Its WriteTimeout counts from the request's head on, and some endpoints take
// minutes: it is a backstop. The api package bounds the writing of each response itself.
func httpServer(h http.Handler, log *logrus.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      15 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          stdlog.New(logWriter{log}, "", 0),
	}
}

// logWriter makes warnings of what net/http has to say.
type logWriter struct{ log *logrus.Logger }

var _ io.Writer = logWriter{}

// Write logs one message.
func (w logWriter) Write(p []byte) (int, error) {
	w.log.WithField("error", strings.TrimSpace(string(p))).Warn("http")
	return len(p), nil
}

// pprofHandler serves Go's profiles.
func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

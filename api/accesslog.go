package api

import (
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/common"
)

// statusHungUp is logged for a caller who did not wait for the answer.
const statusHungUp = 499

// maxLogged is how much of a path is logged.
const maxLogged = 512

// quietRoutes are asked every few seconds by load balancers and Prometheus: their lines would hide the others.
var quietRoutes = map[string]bool{base + "/ping": true, base + "/metrics": true}

// logAccess writes the one line that each request gets. Queries and bodies are never logged, at any level.
func (s *Server) logAccess(r *http.Request, rec *record, answer *responseWriter, took time.Duration) {
	level := logrus.InfoLevel
	if quietRoutes[rec.route] {
		level = logrus.DebugLevel
	}
	if rec.err != nil && answer.status >= http.StatusInternalServerError && !common.Is(rec.err, common.Canceled) {
		level = logrus.ErrorLevel
	}
	if !s.log.IsLevelEnabled(level) {
		return
	}
	fields := logrus.Fields{
		"requestId":  rec.id,
		"method":     knownMethod(r.Method),
		"path":       r.URL.EscapedPath()[:min(len(r.URL.EscapedPath()), maxLogged)],
		"route":      rec.route,
		"status":     rec.status(answer.status),
		"durationMs": milliseconds(took),
		"bytes":      answer.size,
		"awsCalls":   rec.awsCalls.Load(),
	}
	if rec.caller.Name != "" {
		fields["caller"] = rec.caller.Name
	}
	if rec.caller.OnBehalfOf != "" {
		fields["onBehalfOf"] = rec.caller.OnBehalfOf
	}
	if rec.account != "" {
		fields["account"] = rec.account
	}
	if rec.traceID != "" {
		fields["traceId"] = rec.traceID
	}
	if rec.shared {
		fields["shared"] = true
	}
	if rec.err != nil {
		fields["error"] = shorten(rec.err.Error(), maxText)
	}
	(&logrus.Entry{Logger: s.log, Data: fields}).Log(level, "request") // WithFields would copy them
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

package telemetry

import (
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/common"
)

// statusHungUp is logged for a caller who did not wait for the response.
const statusHungUp = 499

// msgRequest is the message of the line that each request gets.
const msgRequest = "request"

// maxLogged is how much of a path is logged.
const maxLogged = 512

// quietRoutes are called every few seconds by load balancers and Prometheus: their lines would hide the others.
var quietRoutes = map[string]bool{"/v1/ecs/ping": true, "/v1/ecs/metrics": true}

// LogAccess writes the one line that each request gets, for a response of the status and the size. Queries and bodies are never logged, at any level.
func LogAccess(log *logrus.Logger, r *http.Request, rec *Record, status int, size int64, took time.Duration) {
	level := accessLevel(rec, status)
	if !log.IsLevelEnabled(level) {
		return
	}
	fields := logrus.Fields{
		"requestId":  rec.ID,
		"method":     KnownMethod(r.Method),
		"path":       r.URL.EscapedPath()[:min(len(r.URL.EscapedPath()), maxLogged)],
		"route":      rec.Route,
		"status":     rec.Status(status),
		"durationMs": Milliseconds(took),
		"bytes":      size,
		"awsCalls":   rec.AWSCalls.Load(),
	}
	for name, value := range map[string]string{"caller": rec.Caller.Name, "onBehalfOf": rec.Caller.OnBehalfOf, "account": rec.Account, "traceId": rec.TraceID} {
		if value != "" {
			fields[name] = value
		}
	}
	if rec.Kept {
		fields["kept"] = true
	}
	if rec.Shared {
		fields["shared"] = true
	}
	if rec.Err != nil {
		fields["error"] = Shorten(rec.Err.Error(), MaxText)
	}
	(&logrus.Entry{Logger: log, Data: fields}).Log(level, msgRequest) // WithFields would copy them
}

// accessLevel returns the level of a request's line.
func accessLevel(rec *Record, status int) logrus.Level {
	switch {
	case rec.Err != nil && status >= http.StatusInternalServerError && !common.Is(rec.Err, common.Canceled):
		return logrus.ErrorLevel
	case quietRoutes[rec.Route]:
		return logrus.DebugLevel
	}
	return logrus.InfoLevel
}

// MaxText is how much of an error's text is shown and logged: it may quote what the caller sent.
const MaxText = 4096

// Shorten returns the beginning of a text, as UTF-8.
func Shorten(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Milliseconds returns a duration as logs and headers have it.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

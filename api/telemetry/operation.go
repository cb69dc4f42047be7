package telemetry

import (
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/orchestration/operations"
)

// LogOperation writes the line of background work that has ended.
func LogOperation(log *logrus.Logger, o operations.Operation, took time.Duration) {
	fields := logrus.Fields{"operation": o.ID, "kind": o.Kind, "target": o.Target, "account": o.Account, "state": string(o.State), "durationMs": Milliseconds(took)}
	if o.TraceID != "" {
		fields["traceId"] = o.TraceID
	}
	level := logrus.InfoLevel
	if o.Err != nil {
		level, fields["error"] = logrus.ErrorLevel, Shorten(o.Err.Error(), MaxText)
	}
	log.WithFields(fields).Log(level, "operation")
}

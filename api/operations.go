package api

import (
	"github.com/sirupsen/logrus"

	"ecs-api/api/telemetry"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
)

// observeOperation counts background work, and writes the one line that each piece of it gets, when it has ended. Nobody sees
// its end before this was told of it.
func (s *Server) observeOperation(o operations.Operation) {
	if o.State == saga.Running {
		s.metrics.ObserveOperation(o.Account, o.Kind, string(o.State), false, 0)
		return
	}
	if a := s.accounts[o.Account]; a != nil {
		a.reads.written() // whoever sees that it has ended shall see what it did
	}
	took := o.EndedAt.Sub(o.StartedAt)
	s.metrics.ObserveOperation(o.Account, o.Kind, string(o.State), true, took)
	fields := logrus.Fields{"operation": o.ID, "kind": o.Kind, "target": o.Target, "account": o.Account, "state": string(o.State), "durationMs": telemetry.Milliseconds(took)}
	if o.TraceID != "" {
		fields["traceId"] = o.TraceID
	}
	level := logrus.InfoLevel
	if o.Err != nil {
		level, fields["error"] = logrus.ErrorLevel, telemetry.Shorten(o.Err.Error(), telemetry.MaxText)
	}
	s.log.WithFields(fields).Log(level, "operation")
}

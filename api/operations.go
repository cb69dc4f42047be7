package api

import (
	"github.com/sirupsen/logrus"

	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
)

// observeOperation counts background work, and writes the one line that each piece of it gets, when it has ended. Nobody sees
// its end before this was told of it.
func (s *Server) observeOperation(o operations.Operation) {
	running := s.metrics.operationsRunning.WithLabelValues(o.Account, o.Kind)
	if o.State == saga.Running {
		running.Inc()
		return
	}
	if a := s.accounts[o.Account]; a != nil {
		a.reads.written() // whoever sees that it has ended shall see what it did
	}
	running.Dec()
	took := o.EndedAt.Sub(o.StartedAt)
	s.metrics.operations.WithLabelValues(o.Account, o.Kind, string(o.State)).Observe(took.Seconds())
	fields := logrus.Fields{"operation": o.ID, "kind": o.Kind, "target": o.Target, "account": o.Account, "state": string(o.State), "durationMs": milliseconds(took)}
	if o.TraceID != "" {
		fields["traceId"] = o.TraceID
	}
	level := logrus.InfoLevel
	if o.Err != nil {
		level, fields["error"] = logrus.ErrorLevel, shorten(o.Err.Error(), maxText)
	}
	s.log.WithFields(fields).Log(level, "operation")
}

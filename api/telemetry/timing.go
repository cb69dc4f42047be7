package telemetry

import (
	"fmt"
	"strings"
	"time"

	"ecs-api/orchestration/saga"
)

// How much of the orchestration's steps Server-Timing shows.
const (
	maxTimings    = 40
	maxTimingName = 48
)

// ServerTiming says where the time went, in milliseconds: all of it, the calls to AWS, and the steps that have ended. Steps overlap where
// they are done at the same time; those that had nothing to do are left out.
func ServerTiming(total time.Duration, calls int64, steps []saga.StepReport) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "total;dur=%.1f, aws;desc=\"%d calls\"", Milliseconds(total), calls)
	shown := 2
	for _, step := range steps {
		if step.EndedAt == nil || shown == maxTimings {
			continue
		}
		if took := step.EndedAt.Sub(step.StartedAt); took >= 50*time.Microsecond {
			_, _ = fmt.Fprintf(&b, ", %s;dur=%.1f", timingName(step.Name), Milliseconds(took))
			shown++
		}
	}
	return b.String()
}

// timingName returns the name as HTTP's token, which has no spaces.
func timingName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '-'
	}, name[:min(len(name), maxTimingName)])
}

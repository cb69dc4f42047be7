package telemetry

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecs-api/orchestration/saga"
)

// timings matches a Server-Timing header of ours.
var timings = regexp.MustCompile(`^total;dur=\d+\.\d, aws;desc="\d+ calls"(, [A-Za-z0-9_.-]{1,48};dur=\d+\.\d)*$`)

func TestServerTimingTellsTheSteps(t *testing.T) {
	start := time.Unix(0, 0)
	step := func(name string, took time.Duration) saga.StepReport {
		end := start.Add(took)
		return saga.StepReport{Name: name, StartedAt: start, EndedAt: &end}
	}
	var many []saga.StepReport
	for i := range 100 {
		many = append(many, step(fmt.Sprintf("step %d", i), time.Second))
	}
	tests := []struct {
		name  string
		steps []saga.StepReport
		want  string
	}{
		{"none", nil, ""},
		{"some", []saga.StepReport{step("read cluster", 1500*time.Microsecond), step("cluster", time.Second)}, ", read-cluster;dur=1.5, cluster;dur=1000.0"},
		{"one had nothing to do", []saga.StepReport{step("role", time.Microsecond)}, ""},
		{"one is running", []saga.StepReport{{Name: "role", StartedAt: start}}, ""},
		{"a name that is no token", []saga.StepReport{step("a;dur=1, é\r\n\"b\"", time.Second)}, ", a-dur-1------b-;dur=1000.0"},
		{"a long name", []saga.StepReport{step(strings.Repeat("x", 500), time.Second)}, ", " + strings.Repeat("x", 48) + ";dur=1000.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ServerTiming(2*time.Second, 3, tt.steps)
			if diff := cmp.Diff(`total;dur=2000.0, aws;desc="3 calls"`+tt.want, got); diff != "" || !timings.MatchString(got) {
				t.Error(got, diff)
			}
		})
	}
	if got := strings.Count(ServerTiming(time.Second, 1, many), ",") + 1; got != maxTimings {
		t.Errorf("%d entries, want %d", got, maxTimings)
	}
}

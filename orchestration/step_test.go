package orchestration

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
)

func TestAPanicUnmakesWhatWasMade(t *testing.T) {
	panics := func(context.Context) (undo, error) { panic("a bug") }
	tests := []struct {
		name string
		work func(makes func(string) step) step
		want []string
	}{
		{"in order", func(makes func(string) step) step { return inOrder(makes("a"), panics, makes("b")) }, []string{"a"}},
		{"together", func(makes func(string) step) step { return inOrder(makes("a"), together(panics), makes("b")) }, []string{"a"}},
		{"in an undo", func(makes func(string) step) step {
			bad := func(context.Context) (undo, error) { return func(context.Context) error { panic("a bug") }, nil }
			return inOrder(makes("a"), together(makes("b"), bad), panics)
		}, []string{"b", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var unmade []string
			makes := func(name string) step {
				return func(context.Context) (undo, error) {
					return func(context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						unmade = append(unmade, name)
						return nil
					}, nil
				}
			}
			err := new(Orchestrator).run(t.Context(), "a test", tt.work(makes))
			if !common.Is(err, common.Internal) || !strings.Contains(err.Error(), "panic: a bug") || !strings.Contains(err.Error(), "step_test.go:") {
				t.Errorf("got %v, want the panic and where it was", err)
			}
			if diff := cmp.Diff(tt.want, unmade); diff != "" {
				t.Errorf("unmade: %s", diff)
			}
		})
	}
}

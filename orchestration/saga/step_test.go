package saga

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestWhatWasDoneBeforeAPanicIsRolledBack(t *testing.T) {
	panics := func(context.Context) (Rollback, error) { panic("a bug") }
	tests := []struct {
		name string
		work func(creates func(string) Step) Step
		want []string
	}{
		{"in order", func(creates func(string) Step) Step { return InOrder(creates("a"), panics, creates("b")) }, []string{"a"}},
		{"together", func(creates func(string) Step) Step { return InOrder(creates("a"), Together(panics)) }, []string{"a"}},
		{"in a rollback", func(creates func(string) Step) Step {
			bad := func(context.Context) (Rollback, error) { return func(context.Context) error { panic("a bug") }, nil }
			return InOrder(creates("a"), Together(creates("b"), bad), panics)
		}, []string{"b", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var rolledBack []string
			creates := func(name string) Step {
				return func(context.Context) (Rollback, error) {
					return func(context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						rolledBack = append(rolledBack, name)
						return nil
					}, nil
				}
			}
			back, err := tt.work(creates)(t.Context())
			if !common.Is(err, common.Internal) || !strings.Contains(err.Error(), "panic: a bug") || !strings.Contains(err.Error(), "step_test.go:") {
				t.Errorf("got %v, want the panic and where it was", err)
			}
			_ = back(t.Context())
			if diff := cmp.Diff(tt.want, rolledBack); diff != "" {
				t.Errorf("rolled back: %s", diff)
			}
		})
	}
}

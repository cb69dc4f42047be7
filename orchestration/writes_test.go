package orchestration

import (
	"context"

	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/teardown"
)

// apply applies a write that could be checked.
func apply(ctx context.Context, w *Write, err error) (*UpdateOutput, error) {
	if err != nil {
		return nil, err
	}
	return w.Apply(ctx)
}

// Update checks and applies an update; the others likewise.
func (w *world) Update(ctx context.Context, cluster, service string, in *UpdateInput) (*UpdateOutput, error) {
	write, err := w.Orchestrator.Update(cluster, service, in)
	return apply(ctx, write, err)
}

func (w *world) Delete(ctx context.Context, cluster, service string, recursive bool) (*teardown.Output, *operations.Operation, error) {
	return w.Orchestrator.Delete(ctx, cluster, service, teardown.Scope{Recursive: recursive}, etag.Condition{})
}

func (w *world) Patch(ctx context.Context, cluster, service string, in *PatchInput) (*UpdateOutput, error) {
	write, err := w.Orchestrator.Patch(cluster, service, in)
	return apply(ctx, write, err)
}

func (w *world) Rollback(ctx context.Context, cluster, service string, in *RollbackInput) (*UpdateOutput, error) {
	write, err := w.Orchestrator.Rollback(cluster, service, in)
	return apply(ctx, write, err)
}

func (w *world) Restart(ctx context.Context, cluster, service string) (*UpdateOutput, error) {
	write, err := w.Orchestrator.Restart(cluster, service)
	return apply(ctx, write, err)
}

func (w *world) Power(ctx context.Context, cluster, service string, in *PowerInput) (*UpdateOutput, error) {
	write, err := w.Orchestrator.Power(cluster, service, in)
	return apply(ctx, write, err)
}

// Package progress shows callers the operations in which their requests continue: as they are, as a stream, and in the form of Spinup's other APIs.
package progress

import (
	"context"
	"encoding/json"
	"net/http"

	textreport "ecs-api/api/report"
	"ecs-api/api/respond"
	"ecs-api/api/sse"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
)

// Operation is an operation as callers see it.
type Operation struct {
	operations.Operation
	Problem *respond.Problem `json:"problem"` // why it failed
}

// Text returns the operation as a report.
func (o *Operation) Text() string { return textreport.Operations([]operations.Operation{o.Operation}) }

// List is a list of operations.
type List []*Operation

// Text returns the list as a report.
func (l List) Text() string {
	var all []operations.Operation
	for _, o := range l {
		all = append(all, o.Operation)
	}
	return textreport.Operations(all)
}

// Of returns an operation as the caller of r sees it.
func Of(r *http.Request, op operations.Operation) *Operation {
	shown := &Operation{Operation: op}
	if op.Err != nil {
		p := respond.ProblemOf(op.Err).For(r)
		p.RequestID = op.RequestID
		shown.Problem, shown.Error = &p, p.Detail
	}
	return shown
}

// Result is the end of a stream of progress: the response of a success.
func Result(body json.RawMessage) sse.Event {
	return sse.Event{Name: "result", Data: body, Text: func() string { return textreport.Written(body) }}
}

// Follow streams the progress of the account's operation: an event step when a step begins or ends, at last result or error. r is who asked.
func Follow(ctx context.Context, group *operations.Group, account, id string, r *http.Request, out *sse.Writer) error {
	var sent []saga.State
	return group.Watch(ctx, account, id, func(op operations.Operation) error {
		for i, step := range op.Steps {
			if i == len(sent) {
				sent = append(sent, "")
			}
			if sent[i] == step.State {
				continue
			}
			begun := sent[i] != ""
			sent[i] = step.State
			if err := out.Send(sse.Event{Name: "step", Data: step, Text: func() string { return textreport.StepLine(step, begun) }}); err != nil {
				return err
			}
		}
		switch op.State {
		case saga.Succeeded:
			return out.Send(Result(op.Result))
		case saga.Failed, saga.Interrupted:
			failed := Of(r, op).Problem
			return out.Send(sse.Event{Name: "error", Data: failed, Text: func() string { return "error: " + failed.Detail }})
		}
		return out.Begin()
	})
}

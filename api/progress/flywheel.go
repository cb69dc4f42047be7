package progress

import (
	"slices"
	"time"

	"ecs-api/orchestration/saga"
)

// FlywheelTask is an operation as Spinup's other APIs show their tasks.
type FlywheelTask struct {
	ID          string     `json:"id"`
	Status      string     `json:"status"` // created, running, completed, failed
	CreatedAt   time.Time  `json:"created_at"`
	CheckinAt   time.Time  `json:"checkin_at"` // of the last change
	CompletedAt *time.Time `json:"completed_at"`
	FailedAt    *time.Time `json:"failed_at"`
	Failure     string     `json:"failure"`
	Events      []string   `json:"events"`
}

// NewFlywheelTask returns an operation in the form of Spinup's other APIs.
func NewFlywheelTask(op *Operation) *FlywheelTask {
	t := &FlywheelTask{ID: op.ID, Status: "running", CreatedAt: op.StartedAt, CheckinAt: op.StartedAt, Events: []string{}}
	type event struct {
		at   time.Time
		text string
	}
	events := []event{{op.StartedAt, op.Kind + " " + op.Target}}
	for _, step := range op.Steps {
		events = append(events, event{step.StartedAt, step.Name})
		if step.EndedAt == nil {
			continue
		}
		text := step.Name + ": " + string(step.State)
		if step.Detail != "" {
			text += ": " + step.Detail
		}
		events = append(events, event{*step.EndedAt, text})
	}
	switch op.State {
	case saga.Succeeded:
		t.Status, t.CompletedAt = "completed", op.EndedAt
		events = append(events, event{*op.EndedAt, "completed"})
	case saga.Failed, saga.Interrupted:
		t.Status, t.FailedAt, t.Failure = "failed", op.EndedAt, op.Error
		events = append(events, event{*op.EndedAt, "failed: " + op.Error})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range events {
		t.CheckinAt = e.at
		t.Events = append(t.Events, e.at.Format(time.RFC3339Nano)+" "+e.text)
	}
	return t
}

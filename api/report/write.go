package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
)

// longStep is from how long on a step is worth a line for its end: shorter ones have one for their beginning.
const longStep = time.Second

// looks reports whether a step only reads, as many do that run at once before anything is changed: reports leave out those that succeed.
func looks(s saga.StepReport) bool {
	return s.State != saga.Failed && (strings.HasPrefix(s.Name, "read ") || strings.HasPrefix(s.Name, "list "))
}

// StepLine returns a step of a write as a line, for a stream of its progress; nothing for one that only reads, and for the end of a short one that has
// succeeded. Begun says that its beginning has been a line before.
func StepLine(s saga.StepReport, begun bool) string {
	if looks(s) {
		return ""
	}
	at, text := s.StartedAt, s.Name
	if s.EndedAt != nil {
		took := s.EndedAt.Sub(s.StartedAt)
		switch {
		case s.State == saga.Failed:
			at, text = *s.EndedAt, s.Name+": failed: "+s.Detail
		case s.State == saga.Interrupted:
			at, text = *s.EndedAt, s.Name+": interrupted, another server continues"
		case took >= longStep:
			at, text = *s.EndedAt, fmt.Sprintf("%s: done after %s", s.Name, took.Round(100*time.Millisecond))
		case begun:
			return ""
		}
	}
	return clean(at.UTC().Format(time.RFC3339) + " " + text)
}

// written is what reports show of the response to a write of a service.
type written struct {
	Service *struct {
		ServiceName, Status, TaskDefinition *string
		DesiredCount, RunningCount          int64
	}
	Deployment *observe.Deployment
	Warnings   []struct{ Code, Field, Detail string }
}

// Written returns the response to a write of a service, given as JSON, as text: how the service is, what came of its deployment, and why; of a one-off task, how
// that ended.
func Written(response json.RawMessage) string {
	var task oneoff.Output
	if err := json.Unmarshal(response, &task); err == nil && task.Task != "" {
		return Run(&task)
	}
	var w written
	if err := json.Unmarshal(response, &w); err != nil || w.Service == nil {
		return "done\n"
	}
	var p page
	title := "service " + common.Value(w.Service.ServiceName)
	switch status := common.Value(w.Service.Status); {
	case status == "DRAINING":
		title += ": deleted, its tasks are stopping"
	case status == "INACTIVE":
		title += ": deleted"
	case w.Deployment == nil: // else it says more: the service is as it was when the deployment began
		title += fmt.Sprintf(": %s, %d of %s running", name(w.Service.TaskDefinition), w.Service.RunningCount, plural(w.Service.DesiredCount, "task"))
	}
	p.line("%s", clean(title))
	if d := w.Deployment; d != nil {
		p.deployment(*d)
		if d.Outcome == nil {
			p.line("    has no outcome yet: GET …/wait waits for it, GET …/status shows how far it is")
		}
		p.problems(d.Problems)
	}
	if len(w.Warnings) > 0 {
		p.heading("warnings")
		for _, warning := range w.Warnings {
			p.wrapped("  ", warning.Code+" "+warning.Field+": "+warning.Detail)
		}
	}
	return p.String()
}

// Run returns a one-off task as text: how it ended, and then its lines as they are.
func Run(r *oneoff.Output) string {
	var p page
	ended := common.Value(r.State)
	if r.ExitCode != nil {
		ended += fmt.Sprintf(", exit code %d", *r.ExitCode)
	}
	if r.TimedOut {
		ended += ", stopped because its time was over"
	}
	p.line("%s", clean(fmt.Sprintf("task %s of %s: %s", r.Task, name(r.TaskDefinition), ended)))
	if common.Value(r.Reason) != "" {
		p.wrapped("    ", *r.Reason)
	}
	if r.LogsProblem != nil {
		p.wrapped("    ", *r.LogsProblem)
	}
	if len(r.Logs) > 0 {
		p.heading("logs of " + clean(r.Container))
		for _, l := range r.Logs {
			p.line("%s", l.Message)
		}
	}
	return p.String()
}

// Operations returns operations as text: each with its steps.
func Operations(all []operations.Operation) string {
	var p page
	for _, o := range all {
		title := fmt.Sprintf("%s: %s %s", o.State, o.Kind, o.Target)
		p.line("%s", clean(title))
		p.line("    %s", clean("id "+o.ID))
		times := "    began " + when(&o.StartedAt)
		if o.EndedAt != nil {
			times += ", ended " + when(o.EndedAt)
		}
		p.line("%s", times)
		if o.Error != "" {
			p.wrapped("    ", o.Error)
		}
		for _, s := range o.Steps {
			if looks(s) {
				continue
			}
			p.wrapped("    "+string(s.State)+"  ", s.Name+detail(s.Detail))
		}
	}
	return p.String()
}

// detail returns what a step says beside its name.
func detail(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

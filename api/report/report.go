// Package report writes what endpoints return as text, for people with curl: what matters first, columns that line up, 80 of them where that can
// be. It knows no HTTP.
package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/show"
)

// width is how many columns a report has, where that can be: names and ids are not broken.
const width = 80

// Of returns the report of what an endpoint returns; not ok for what has none.
func Of(out any) (text string, ok bool) {
	switch out := out.(type) {
	case *observe.Status:
		return status(out), true
	case *observe.Result:
		return result(out), true
	case interface{ Text() string }:
		return out.Text(), true
	case []observe.Deployment:
		return deployments(out), true
	case *observe.Deployment:
		return deployments([]observe.Deployment{*out}), true
	case []observe.Revision:
		return revisions(out), true
	case []show.Summary:
		return services(out), true
	case *logs.Page:
		return lines(out), true
	}
	return "", false
}

// page is a report in the making.
type page struct{ strings.Builder }

// line writes a line.
func (p *page) line(format string, args ...any) {
	_, _ = p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// heading begins a section, with a blank line before it unless it is the first.
func (p *page) heading(text string) {
	if p.Len() > 0 {
		_, _ = p.WriteString("\n")
	}
	p.line("%s", text)
}

// wrapped writes text of any length, each line behind the indent.
func (p *page) wrapped(indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(clean(text)) {
		if line != indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line = strings.Repeat(" ", utf8.RuneCountInString(indent))
			indent = line
		}
		if strings.TrimSpace(line) != "" && !strings.HasSuffix(line, " ") {
			line += " "
		}
		line += word
	}
	p.line("%s", line)
}

// table writes rows in columns, behind an indent. The last column is not aligned.
func (p *page) table(rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = clean(row[i])
		}
		_, _ = fmt.Fprintln(w, "  "+strings.Join(row, "\t")) // a strings.Builder takes all
	}
	_ = w.Flush()
	for line := range strings.Lines(b.String()) {
		p.line("%s", strings.TrimRight(line, "\n"))
	}
}

// clean returns text that cannot steer a terminal: AWS shows what callers have put into it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == ' ' {
			return r
		}
		return ' '
	}, text)
}

// when returns a time as reports have it: "-" for none.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// name returns the name at the end of an ARN: "-" for none.
func name(arn *string) string {
	if common.Value(arn) == "" {
		return "-"
	}
	return account.NameOf(*arn)
}

// plural returns a number of things in words.
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// StatusLine returns a status as one line: for a stream of them.
func StatusLine(now time.Time, s *observe.Status) string {
	line := fmt.Sprintf("%s %s %d/%d", now.UTC().Format(time.RFC3339), s.State, s.RunningCount, s.DesiredCount)
	if s.Deployment != nil {
		line += fmt.Sprintf(" %s %s", name(s.Deployment.TaskDefinition), s.Deployment.State)
	}
	return clean(line + ": " + s.Summary)
}

func status(s *observe.Status) string {
	var p page
	p.wrapped(string(s.State)+": ", s.Summary)
	p.line("%d of %s running, %d pending", s.RunningCount, plural(s.DesiredCount, "task"), s.PendingCount)
	p.problems(s.Problems)
	if s.Deployment != nil {
		p.heading("deployment")
		p.deployment(*s.Deployment)
	}
	p.tasks(s.Tasks)
	p.targets(s.Targets)
	if len(s.Events) > 0 {
		p.heading("events")
		for _, e := range s.Events {
			p.wrapped("  "+when(e.CreatedAt)+"  ", common.Value(e.Message))
		}
	}
	return p.String()
}

// problems writes what is wrong and what to do.
func (p *page) problems(all []diagnosis.Problem) {
	if len(all) == 0 {
		return
	}
	p.heading("problems")
	for _, problem := range all {
		title := "  " + string(problem.Code)
		if problem.Container != nil {
			title += " in container " + *problem.Container
		}
		title += ", " + plural(int64(problem.Count), "time")
		if problem.Since != nil {
			title += " since " + when(problem.Since)
		}
		p.line("%s", clean(title))
		p.wrapped("    ", problem.Detail)
		p.wrapped("    -> ", problem.Action)
	}
}

// deployment writes one deployment.
func (p *page) deployment(d observe.Deployment) {
	title := fmt.Sprintf("  %s %s %s", d.Id, d.State, name(d.TaskDefinition))
	if d.Outcome != nil && string(*d.Outcome) != string(d.State) {
		title += " (" + string(*d.Outcome) + ")"
	}
	p.line("%s", clean(title))
	times := "    began " + when(d.CreatedAt)
	if d.EndedAt != nil {
		times += ", ended " + when(d.EndedAt)
	}
	if d.FailedTasks > 0 {
		times += ", " + plural(d.FailedTasks, "failed task")
	}
	p.line("%s", times)
	for _, container := range sorted(d.Images) {
		p.line("    %s", clean(container+" = "+d.Images[container]))
	}
	if d.RolledBackTo != nil {
		p.line("    rolled back to %s", name(d.RolledBackTo))
	}
	if common.Value(d.Reason) != "" {
		p.wrapped("    ", *d.Reason)
	}
}

// tasks writes the tasks of a service.
func (p *page) tasks(all []observe.Task) {
	if len(all) == 0 {
		return
	}
	p.heading("tasks")
	var rows [][]string
	for _, t := range all {
		state := common.Value(t.LastStatus)
		if health := common.Value(t.HealthStatus); health != "" && health != "UNKNOWN" {
			state += "/" + health
		}
		rows = append(rows, []string{t.Id, name(t.TaskDefinition), state, common.Value(t.StopCode)})
	}
	p.table(rows)
}

// targets writes the health of a service's tasks in its target groups.
func (p *page) targets(all []diagnosis.Target) {
	if len(all) == 0 {
		return
	}
	p.heading("targets")
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{fmt.Sprintf("%s:%d", t.Id, t.Port), t.State, common.Value(t.Reason)})
	}
	p.table(rows)
}

func result(r *observe.Result) string {
	var p page
	outcome := "not done"
	if r.Outcome != nil {
		outcome = string(*r.Outcome)
	}
	p.line("%s; the service is %s", outcome, r.State)
	if r.Deployment != nil {
		p.deployment(*r.Deployment)
	}
	p.problems(r.Problems)
	return p.String()
}

func deployments(all []observe.Deployment) string {
	var p page
	for _, d := range all {
		p.deployment(d)
	}
	return p.String()
}

func revisions(all []observe.Revision) string {
	var p page
	for _, r := range all {
		title := name(r.TaskDefinitionArn)
		if r.Current {
			title += " (current)"
		}
		if status := common.Value(r.Status); status != "" && status != "ACTIVE" {
			title += " " + status
		}
		title = clean(title + "  registered " + when(r.RegisteredAt))
		if by := clean(name(r.RegisteredBy)); r.RegisteredBy == nil {
			p.line("%s", title)
		} else if line := title + " by " + by; utf8.RuneCountInString(line) <= width {
			p.line("%s", line)
		} else {
			p.line("%s", title)
			p.line("    by %s", by)
		}
		for _, container := range sorted(r.Images) {
			p.line("    %s", clean(container+" = "+r.Images[container]))
		}
		for _, c := range r.Changes {
			p.line("  %s", clean(change(c)))
		}
	}
	return p.String()
}

// change returns a difference as a line: + for what is new, - for what is gone, ~ for what is different.
func change(c observe.Change) string {
	switch {
	case c.From == nil:
		return fmt.Sprintf("+ %s: %s", c.Path, inLine(c.To))
	case c.To == nil:
		return fmt.Sprintf("- %s: %s", c.Path, inLine(c.From))
	}
	return fmt.Sprintf("~ %s: %s -> %s", c.Path, inLine(c.From), inLine(c.To))
}

// inLine returns a value as a part of a line: objects and lists as JSON.
func inLine(v any) string {
	switch v.(type) {
	case map[string]any, []any:
		if text, err := json.Marshal(v); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}

func services(all []show.Summary) string {
	var p page
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.Cluster + "/" + common.Value(s.ServiceName), string(s.State), fmt.Sprintf("%d/%d", s.RunningCount, s.DesiredCount), name(s.TaskDefinition)})
	}
	p.table(rows)
	if len(all) == 0 {
		p.line("no such services")
	}
	return p.String()
}

// lines are log lines as they are, behind the container's name where several write.
func lines(p *logs.Page) string {
	var b strings.Builder
	for _, e := range p.Events {
		b.WriteString(e.Text() + "\n")
	}
	return b.String()
}

// sorted returns the keys of a map, sorted.
func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

package diagnosis

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// How many problems a report has, and how long their details are.
const (
	maxProblems = 10
	maxDetail   = 500
)

// patience is how long a new deployment may show what mostly heals by itself: targets that are not healthy yet, a role too new to be assumed.
const patience = 2 * time.Minute

// settled is how long a task that stopped concerns the present of a deployment that has succeeded.
const settled = 10 * time.Minute

// gather returns the problems that concern the present state, grouped, the most telling first.
func gather(e Evidence) []Problem {
	if status := common.Value(e.Service.Status); status == "INACTIVE" || status == "DRAINING" {
		return []Problem{}
	}
	var found []Problem
	for _, t := range e.Tasks {
		if p, ok := taskProblem(t, e); ok {
			found = append(found, p)
		}
	}
	for _, event := range e.Service.Events {
		if p, ok := eventProblem(event, e); ok {
			found = append(found, p)
		}
	}
	for _, t := range e.Targets {
		if p, ok := targetProblem(t); ok && targetsMatter(e) {
			found = append(found, p)
		}
	}
	return rank(group(found))
}

// taskProblem returns why a task stopped, if that is a problem of the present.
func taskProblem(t *awsecs.Task, e Evidence) (Problem, bool) {
	if t == nil || !e.concerns(t) {
		return Problem{}, false
	}
	p, ok := stoppedTask(t, e.LastLines)
	p.past = e.replaced() && common.Value(t.StartedBy) == e.Focus.ID
	return p, ok
}

// replaced reports whether the deployment that is asked about failed, and another one runs in its place.
func (e Evidence) replaced() bool {
	p := ecs.Primary(e.Service)
	return e.Focus.Failed && p != nil && common.Value(p.Id) != e.Focus.ID
}

// stoppedTask returns why a task stopped, if it has, or is to, and that is a problem.
func stoppedTask(t *awsecs.Task, lines map[LogKey]string) (Problem, bool) {
	if t == nil || common.Value(t.LastStatus) != "STOPPED" && common.Value(t.DesiredStatus) != "STOPPED" {
		return Problem{}, false
	}
	p, ok := stopReason(t, lines)
	if !ok {
		return Problem{}, false
	}
	p.Task, p.Count = new(shortID(common.Value(t.TaskArn))), 1
	if at := stoppedAt(t); !at.IsZero() {
		p.Since, p.latest = &at, at
	}
	return p, true
}

// concerns reports whether a stopped task is one of the present: of the deployment in question while that is in progress or if it failed, or
// of the one that runs now, and stopped not long ago.
func (e Evidence) concerns(t *awsecs.Task) bool {
	by := common.Value(t.StartedBy)
	if by == e.Focus.ID && (e.Focus.Failed || e.Focus.Ended.IsZero() && !e.complete()) {
		return true
	}
	p := ecs.Primary(e.Service)
	return (by == e.Focus.ID || p != nil && by == common.Value(p.Id)) && e.Now.Sub(stoppedAt(t)) < settled
}

// complete reports whether the service's primary deployment has ended well.
func (e Evidence) complete() bool {
	p := ecs.Primary(e.Service)
	return p != nil && common.Value(p.RolloutState) == awsecs.DeploymentRolloutStateCompleted
}

// stoppedAt returns when a task stopped, or began to.
func stoppedAt(t *awsecs.Task) time.Time {
	for _, at := range []*time.Time{t.StoppedAt, t.StoppingAt, t.ExecutionStoppedAt, t.CreatedAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

// stopReason returns why a task stopped: not at all because of a problem, for one that a user, scaling or maintenance ended. The order is that
// of how far each source can be trusted: the stop code, out of memory, the table over the task's and then the containers' reasons, exit codes.
func stopReason(t *awsecs.Task, lines map[LogKey]string) (Problem, bool) {
	stopped := common.Value(t.StoppedReason)
	switch common.Value(t.StopCode) {
	case awsecs.TaskStopCodeUserInitiated:
		return Problem{}, false
	case awsecs.TaskStopCodeSpotInterruption:
		return Problem{Code: SpotInterrupted, Detail: cut(stopped, maxDetail), Action: actSpot}, true
	}
	if c := outOfMemory(t); c != nil {
		return containerProblem(classify(common.Value(c.Reason)), exitDetail(stopped, c), c), true
	}
	r := classify(stopped)
	switch {
	case r == nil || r.vague && r.code != "" && r.row != rowEssential:
		return vagueReason(t, stopped, r, lines)
	case r.code == "":
		return Problem{}, false
	case r.row == rowEssential:
		return exitProblem(t, stopped, lines), true
	}
	return containerProblem(r, stopped, mentioned(t, stopped, r)), true
}

// outOfMemory returns the container that was out of memory; nil if none was.
func outOfMemory(t *awsecs.Task) *awsecs.Container {
	for _, c := range t.Containers {
		if c != nil && strings.HasPrefix(fold(common.Value(c.Reason)), "outofmemoryerror") {
			return c
		}
	}
	return nil
}

// vagueReason returns why a task stopped whose own reason matches no rule (nil), or one that says little: its containers may say more.
func vagueReason(t *awsecs.Task, stopped string, r *rule, lines map[LogKey]string) (Problem, bool) {
	if p, ok := fromContainers(t, stopped); ok {
		return p, true
	}
	c := blamed(t)
	switch {
	case c != nil && c.ExitCode != nil && common.Value(t.StopCode) == awsecs.TaskStopCodeEssentialContainerExited:
		return exitProblem(t, stopped, lines), true
	case stopped == "":
		return Problem{}, false
	case r != nil:
		return Problem{Code: r.code, Detail: cut(stopped, maxDetail), Action: r.action}, true
	}
	return Problem{Code: Unknown, Detail: cut(stopped, maxDetail), Action: actUnknown}, true
}

// rowEssential is the row of the message that says no more than that a container exited: exit codes decide.
const rowEssential = 30

// fromContainers returns what the reason of a container says.
func fromContainers(t *awsecs.Task, stopped string) (Problem, bool) {
	for _, c := range t.Containers {
		if c == nil || common.Value(c.Reason) == "" {
			continue
		}
		if r := classify(common.Value(c.Reason)); r != nil && r.code != "" && !r.vague {
			return containerProblem(r, exitDetail(stopped, c), c), true
		}
	}
	return Problem{}, false
}

// exitProblem returns the problem of a task whose container ended.
func exitProblem(t *awsecs.Task, stopped string, lines map[LogKey]string) Problem {
	if p, ok := fromContainers(t, stopped); ok {
		return p
	}
	c := blamed(t)
	if c == nil {
		return Problem{Code: ContainerExited, Detail: cut(stopped, maxDetail), Action: actExited}
	}
	last := lines[LogKey{shortID(common.Value(t.TaskArn)), common.Value(c.Name)}]
	if r := classify(last); r != nil && r.code == ImagePlatform { // the log alone tells: the pull worked, the start did not
		return containerProblem(r, exitDetail(stopped, c)+": "+last, c)
	}
	p := containerProblem(&rule{code: ContainerExited, action: exitAction(c.ExitCode)}, exitDetail(stopped, c), c)
	p.exitCode = c.ExitCode
	return p
}

// containerProblem returns the problem that a rule names, of a container; nil for none.
func containerProblem(r *rule, detail string, c *awsecs.Container) Problem {
	p := Problem{Code: r.code, Detail: cut(unwrap(detail), maxDetail), Action: strings.ReplaceAll(r.action, "{container}", "the container")}
	if c != nil && common.Value(c.Name) != "" {
		p.Container, p.exitCode = c.Name, c.ExitCode
		p.Action = strings.ReplaceAll(r.action, "{container}", *c.Name)
	}
	return p
}

// mentioned returns the container that a task's stopped reason is about: the one that failed its health check, whose image could not be
// pulled, or the only one; nil if none of these is sure.
func mentioned(t *awsecs.Task, stopped string, r *rule) *awsecs.Container {
	var match *awsecs.Container
	for _, c := range t.Containers {
		switch {
		case c == nil:
		case len(t.Containers) == 1,
			r.code == HealthCheck && common.Value(c.HealthStatus) == awsecs.HealthStatusUnhealthy,
			strings.HasPrefix(string(r.code), "Image") && common.Value(c.Image) != "" && strings.Contains(stopped, common.Value(c.Image)):
			if match == nil {
				match = c
			}
		}
	}
	return match
}

// eventProblem returns what a service event says, if that is a problem of the present.
func eventProblem(event *awsecs.ServiceEvent, e Evidence) (Problem, bool) {
	if event == nil || !e.short() && !e.Focus.Failed || common.Value(event.CreatedAt).Before(e.eventsFrom()) {
		return Problem{}, false
	}
	message := common.Value(event.Message)
	r := eventRule(message)
	if r == nil || e.heals(r) {
		return Problem{}, false
	}
	at := common.Value(event.CreatedAt)
	return Problem{
		Code: r.code, Count: 1, Since: &at, latest: at, Detail: cut(unwrap(message), maxDetail),
		Action: strings.ReplaceAll(r.action, "{container}", "the container"),
		past:   e.replaced() && (!e.short() || !at.After(e.steadySince(e.Focus.Created))),
	}, true
}

// eventRule returns the rule of an event that is about a problem; nil for any other event.
func eventRule(message string) *rule {
	words := nameless(message)
	r := classify(words)
	switch {
	case r == nil && alarming(words):
		return &rule{code: Unknown, action: actUnknown}
	case r == nil || r.code == "":
		return nil
	}
	return r
}

// heals reports whether what the rule is about mostly ends by itself at present: a new role is assumed within half a minute or so.
func (e Evidence) heals(r *rule) bool {
	return r.code == RoleNotAssumable && e.Now.Sub(e.Focus.Created) < patience || r.row == rowTarget && !targetsMatter(e)
}

// rowTarget is the row of the event about a target that is not healthy, which mostly heals by itself.
const rowTarget = 33

// short reports whether the service lacks what it should have: tasks, or a deployment that ended well.
func (e Evidence) short() bool {
	return common.Value(e.Service.RunningCount) < common.Value(e.Service.DesiredCount) || !e.complete()
}

// eventsFrom returns since when events concern the present: since the deployment began, or since the service was steady last, unless the
// deployment failed: steady is what it was rolled back to.
func (e Evidence) eventsFrom() time.Time {
	if e.Focus.Failed {
		return e.Focus.Created
	}
	return e.steadySince(e.Focus.Created)
}

// steadySince returns when the service was steady last, at the earliest from.
func (e Evidence) steadySince(from time.Time) time.Time {
	for _, event := range e.Service.Events {
		if event != nil && common.Value(event.CreatedAt).After(from) && strings.Contains(common.Value(event.Message), "has reached a steady state") {
			from = common.Value(event.CreatedAt)
		}
	}
	return from
}

// targetsMatter reports whether unhealthy targets are a problem: not while a deployment whose tasks run is young, as they heal by themselves.
func targetsMatter(e Evidence) bool {
	if e.complete() || e.Focus.Failed {
		return true
	}
	p := ecs.Primary(e.Service)
	return p == nil || common.Value(p.FailedTasks) > 0 || e.Now.Sub(common.Value(p.CreatedAt)) >= patience
}

// alarming reports whether an event that no rule knows sounds like a problem.
func alarming(message string) bool {
	text := fold(message)
	for _, word := range []string{"unable", "fail", "error", "unhealthy", "throttle", "missing", "blocked"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// eventSubject is how a service event begins: with the service's name, as AWS writes it now or did before.
var eventSubject = regexp.MustCompile(`^(\(?service \(?)[^),\s]+`)

// nameless returns an event's message without the name of its service, which may contain any word: a service error-page has no error.
func nameless(message string) string { return eventSubject.ReplaceAllString(message, "$1") }

// wrapper is what a service event puts around a task's stopped reason.
var wrapper = regexp.MustCompile(`^\(?service \(?[^)\s]*\)? was unable to place a task\. Reason: (.+?)\.?$`)

// unwrap returns the stopped reason inside a service event, or the message as it is.
func unwrap(message string) string {
	if m := wrapper.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return message
}

// varying is what differs between two messages that say the same: ids, digests, counts.
var varying = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|[0-9]+`)

// group merges what says the same. What only an event tells is left out where a task tells it too, and what is vague where anything is not.
func group(found []Problem) []Problem {
	var groups []Problem
	index := map[string]int{}
	for _, p := range found {
		key := string(p.Code) + "\x00" + common.Value(p.Container) + "\x00" + varying.ReplaceAllString(strings.TrimSuffix(p.Detail, "."), "#")
		i, ok := index[key]
		if !ok {
			index[key] = len(groups)
			groups = append(groups, p)
			continue
		}
		groups[i] = merge(groups[i], p)
	}
	told := map[Code]bool{}
	for _, p := range groups {
		told[p.Code] = told[p.Code] || p.Task != nil
	}
	clear := slices.ContainsFunc(groups, func(p Problem) bool { return !vague(p) })
	return slices.DeleteFunc(groups, func(p Problem) bool {
		return p.Task == nil && told[p.Code] && p.Code != Unknown || clear && vague(p)
	})
}

// vague reports whether a problem names no cause.
func vague(p Problem) bool {
	if p.Code != Unknown {
		return false
	}
	r := classify(p.Detail)
	return r != nil && r.vague
}

// merge returns two problems that are one. The newest task stands for it; a task and the event about it count once.
func merge(a, b Problem) Problem {
	newest, other := a, b
	if a.Task == nil && b.Task != nil || (a.Task == nil) == (b.Task == nil) && b.latest.After(a.latest) {
		newest, other = b, a
	}
	if (a.Task == nil) == (b.Task == nil) {
		newest.Count += other.Count
	}
	newest.past = a.past && b.past
	if other.Since != nil && (newest.Since == nil || other.Since.Before(*newest.Since)) {
		newest.Since = other.Since
	}
	return newest
}

// rank sorts problems, the most telling first, and leaves out what are too many.
func rank(problems []Problem) []Problem {
	weight := func(p Problem) int {
		switch p.Code {
		case Unknown:
			return 2
		case TargetUnhealthy, SpotInterrupted: // what else is wrong is mostly why
			return 1
		}
		return 0
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(b.Count, a.Count), b.latest.Compare(a.latest), cmp.Compare(a.Code, b.Code))
	})
	if problems == nil {
		return []Problem{}
	}
	return problems[:min(len(problems), maxProblems)]
}

// shortID returns the id at the end of a task's ARN.
func shortID(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// cut returns the beginning of a text, as UTF-8.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

package observe

import (
	"regexp"
	"slices"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// eventLog is what a service's events say of its deployments, which outlives the deployments themselves.
type eventLog struct {
	failed    map[string]*eventMark // by the deployment's id
	completed map[string]*eventMark
	rollbacks map[string]*eventMark // by the id of the deployment that failed
}

// eventMark is one such event.
type eventMark struct {
	at   time.Time
	text string
	to   string // the deployment that is rolled back to
}

var (
	deploymentEvent = regexp.MustCompile(`\(deployment (ecs-svc/[0-9]+)\) deployment (completed|failed)\b`)
	rollbackEvent   = regexp.MustCompile(`rolling back to deployment (ecs-svc/[0-9]+)`)
)

// readEvents reads a service's events from the oldest on. "Rolling back" does not say what failed: it follows the event that does.
func readEvents(events []*awsecs.ServiceEvent) eventLog {
	log := eventLog{failed: map[string]*eventMark{}, completed: map[string]*eventMark{}, rollbacks: map[string]*eventMark{}}
	sorted := slices.DeleteFunc(slices.Clone(events), func(e *awsecs.ServiceEvent) bool { return e == nil })
	slices.Reverse(sorted) // AWS shows the newest first, also of one moment
	slices.SortStableFunc(sorted, func(a, b *awsecs.ServiceEvent) int {
		return common.Value(a.CreatedAt).Compare(common.Value(b.CreatedAt))
	})
	last := ""
	for _, e := range sorted {
		mark := &eventMark{at: common.Value(e.CreatedAt), text: common.Value(e.Message)}
		if m := deploymentEvent.FindStringSubmatch(mark.text); m != nil {
			if m[2] == "failed" {
				last, log.failed[m[1]] = m[1], mark
			} else {
				log.completed[m[1]] = mark
			}
		}
		if m := rollbackEvent.FindStringSubmatch(mark.text); m != nil && last != "" {
			mark.to, log.rollbacks[last], last = m[1], mark, ""
		}
	}
	return log
}

// fromService returns the deployments that the service itself and its events tell of: for an AWS that keeps no service deployments, or does not
// let us read them. Those that ECS began in order to roll back are left out.
func (f *found) fromService(events eventLog) []Deployment {
	var all []Deployment
	known := map[string]bool{}
	for _, entry := range f.service.Deployments {
		if entry == nil || events.isRollback(entry) {
			continue
		}
		known[common.Value(entry.Id)] = true
		d := Deployment{Images: map[string]string{}, Id: common.Value(entry.Id), State: f.stateOf(entry, events)}
		d.fromEntry(entry)
		f.endBy(&d, events)
		all = append(all, d)
	}
	for id, mark := range events.failed {
		if !known[id] {
			known[id] = true
			d := Deployment{Images: map[string]string{}, Id: id, State: Failed, Reason: &mark.text}
			f.endBy(&d, events)
			all = append(all, d)
		}
	}
	for id, mark := range events.completed {
		if !known[id] && !events.freshRollback(id) {
			all = append(all, Deployment{Images: map[string]string{}, Id: id, State: Completed, EndedAt: &mark.at})
		}
	}
	return all
}

// isRollback reports whether a deployment is one that ECS began only to roll back: AWS mostly gives the old deployment its id back instead.
func (l eventLog) isRollback(entry *awsecs.Deployment) bool {
	for failed, mark := range l.rollbacks {
		if mark.to == common.Value(entry.Id) && failed != mark.to && !common.Value(entry.CreatedAt).Before(mark.at.Add(-sameMoment)) {
			return true
		}
	}
	return false
}

// freshRollback reports whether a deployment that only events tell of may have been begun to roll back.
func (l eventLog) freshRollback(id string) bool {
	for _, mark := range l.rollbacks {
		if mark.to == id {
			return true
		}
	}
	return false
}

// stateOf returns the state of a deployment that the service shows.
func (f *found) stateOf(entry *awsecs.Deployment, events eventLog) DeploymentState {
	rollout, primary := common.Value(entry.RolloutState), common.Value(entry.Status) == "PRIMARY"
	switch {
	case rollout == awsecs.DeploymentRolloutStateFailed || !primary && events.failed[common.Value(entry.Id)] != nil:
		return Failed
	case rollout == awsecs.DeploymentRolloutStateCompleted, rollout == "" && primary && len(f.service.Deployments) == 1, rollout == "" && !primary:
		return Completed
	case !primary:
		return Stopped
	}
	if mark := events.completed[common.Value(entry.Id)]; mark != nil && mark.at.Before(common.Value(entry.UpdatedAt)) {
		return Completed // it was rolled back to, and its own success is long over
	}
	return InProgress
}

// endBy completes a deployment that failed by what events say of its end.
func (f *found) endBy(d *Deployment, events eventLog) {
	if mark := events.completed[d.Id]; mark != nil && d.State == Completed {
		d.EndedAt = &mark.at
	}
	if d.State != Failed {
		return
	}
	if mark := events.failed[d.Id]; mark != nil {
		d.EndedAt = &mark.at
	}
	if back := events.rollbacks[d.Id]; back != nil {
		f.rolledBackBy(d, back, events)
	}
}

// rolledBackBy completes a deployment that ECS rolled back, or does so now, by the event that says so.
func (f *found) rolledBackBy(d *Deployment, back *eventMark, events eventLog) {
	d.State = RollingBack
	if entry := f.entry(back.to); entry != nil {
		d.RolledBackTo = entry.TaskDefinition
	}
	if done := events.completed[back.to]; done != nil && done.at.After(back.at) {
		d.State, d.EndedAt = RolledBack, &done.at
		return
	}
	if p := f.primary(); p != nil && (common.Value(p.Id) != back.to || common.Value(p.RolloutState) == awsecs.DeploymentRolloutStateCompleted) {
		d.State = RolledBack // somebody has deployed since, or the event has been dropped
	}
	if d.State == RollingBack {
		d.EndedAt = nil
	}
}

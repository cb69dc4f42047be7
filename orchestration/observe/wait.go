package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/diagnosis"
)

// Result is what waiting for a deployment came to.
type Result struct {
	Done       bool     // the deployment has an outcome
	Outcome    *Outcome // nil if it has none yet, or if the service has no deployments
	Deployment *Deployment
	State      diagnosis.State
	Problems   []diagnosis.Problem
}

// How long a wait looks for a deployment that a write has returned and AWS does not show yet.
const visibleWithin = 15 * time.Second

// Wait waits until a deployment has an outcome, or the time is over: the one with the id, or the newest that somebody asked for. One that
// nobody knows is NotFound.
//
// The outcome is never Succeeded for a revision that does not run: the deployment must be the service's primary one, have completed, and have
// all its tasks running.
func (o *Observer) Wait(ctx context.Context, cluster, service, deployment string, timeout time.Duration) (*Result, error) {
	at := target{cluster, service}
	since := o.now()
	p, err := o.subscribe(ctx, at)
	if err != nil {
		return nil, err
	}
	defer p.leave()
	w := &waiter{o: o, at: at, deployment: deployment, since: since, polls: p.before}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		v := p.latest()
		if done, err := w.see(ctx, v); done || err != nil {
			return w.result, err
		}
		if v.ended {
			if w.result == nil {
				return nil, common.Errorf(common.Unavailable, "the server is shutting down; retry")
			}
			return w.result, nil
		}
		select {
		case <-v.next:
		case <-timer.C:
			return w.unfinished()
		case <-ctx.Done():
			return nil, common.Errorf(common.KindOf(ctx.Err()), "the wait for service %s was ended: %w", service, ctx.Err())
		}
	}
}

// waiter is one who waits for a deployment.
type waiter struct {
	o          *Observer
	at         target
	deployment string
	since      time.Time // what was read before that may be from before the write that the caller knows of
	polls      int       // that had ended by then
	result     *Result   // the latest
	err        error     // the latest, if there is no result yet
	looked     bool      // the deployment was looked for among old ones
}

// see looks at what a poll has found. It reports whether that ends the wait.
func (w *waiter) see(ctx context.Context, v view) (done bool, err error) {
	if v.err != nil && v.polls > w.polls {
		w.err = v.err
		if common.Is(v.err, common.NotFound) {
			return false, v.err
		}
	}
	if v.found == nil || v.found.at.Before(w.since) {
		return false, nil
	}
	result := v.found.result(w.deployment)
	if result == nil {
		return w.lookBack(ctx, v.found)
	}
	w.result = result
	return result.Done, nil
}

// lookBack looks for a deployment that is not among the newest, once; AWS may also not show it yet.
func (w *waiter) lookBack(ctx context.Context, f *found) (done bool, err error) {
	missing := noDeployment(w.at.cluster, w.at.service, w.deployment)
	if !w.looked {
		w.looked = true
		d, err := w.o.Deployment(ctx, w.at.cluster, w.at.service, w.deployment)
		switch {
		case err == nil:
			w.result = f.resultOf(d)
			return w.result.Done, nil
		case !common.Is(err, common.NotFound):
			return false, err
		}
	}
	w.err = missing
	if f.at.Sub(w.since) < visibleWithin {
		return false, nil
	}
	return false, missing
}

// unfinished returns what is known when the time is over.
func (w *waiter) unfinished() (*Result, error) {
	switch {
	case w.result != nil:
		return w.result, nil
	case w.err != nil:
		return nil, w.err
	}
	return nil, common.Errorf(common.Timeout, "service %s could not be read within the time to wait", w.at.service)
}

// result returns what waiting for a deployment came to: for the one with the id, or for the newest. It returns nil if there is none with the id.
func (f *found) result(id string) *Result {
	all := f.deployments()
	switch {
	case id != "":
		d := withID(all, id)
		if d == nil {
			return nil
		}
		return f.resultOf(d)
	case len(all) > 0:
		return f.resultOf(&all[0])
	}
	report := f.diagnose(nil)
	return &Result{Done: report.State != diagnosis.Deploying, State: report.State, Problems: report.Problems}
}

// resultOf returns what waiting for the deployment came to.
func (f *found) resultOf(d *Deployment) *Result {
	report := f.diagnose(d)
	r := &Result{Outcome: d.Outcome, Deployment: d, State: report.State, Problems: report.Problems}
	gone := report.State == diagnosis.Draining || report.State == diagnosis.Inactive
	switch {
	case gone && (d.Outcome == nil || *d.Outcome == OutcomeSucceeded):
		r.Outcome = new(OutcomeSuperseded) // by the service's end: nothing of it is to run
	case d.Outcome != nil && *d.Outcome == OutcomeSucceeded && !f.up():
		r.Outcome = nil
	}
	r.Done = r.Outcome != nil
	return r
}

// up reports whether all tasks of the primary deployment run.
func (f *found) up() bool {
	p := f.primary()
	return p == nil || common.Value(p.RunningCount) >= common.Value(p.DesiredCount)
}

// Watch sends the status of a service at once, and then whenever it has changed, until ctx ends or send fails.
func (o *Observer) Watch(ctx context.Context, cluster, service string, send func(*Status) error) error {
	p, err := o.subscribe(ctx, target{cluster, service})
	if err != nil {
		return err
	}
	defer p.leave()
	var last []byte
	for {
		v := p.latest()
		if v.err != nil && v.polls > p.before && (common.Is(v.err, common.NotFound) || last == nil) {
			return v.err
		}
		if v.found != nil {
			if last, err = sendChanged(v.found.statusOnce(), last, send); err != nil {
				return err
			}
		}
		if v.ended {
			return nil
		}
		select {
		case <-v.next:
		case <-ctx.Done():
			return nil
		}
	}
}

// sendChanged sends a status unless it is the last one again, and returns its text.
func sendChanged(status *Status, last []byte, send func(*Status) error) ([]byte, error) {
	text, err := json.Marshal(status)
	if err != nil {
		return last, common.Errorf(common.Internal, "encode the status: %w", err)
	}
	if bytes.Equal(text, last) {
		return last, nil
	}
	return text, send(status)
}

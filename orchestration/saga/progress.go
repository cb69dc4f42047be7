package saga

import (
	"context"
	"errors"
	"sync"
	"time"

	"ecs-api/common"
)

// State is how far a piece of work has come.
type State string

// The states of an operation and of its steps.
const (
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	// Interrupted is work whose server ended before it was done.
	Interrupted State = "interrupted"
)

// StepReport is one step of a piece of work, as it is shown to callers.
type StepReport struct {
	Name      string     `json:"name"`
	State     State      `json:"state"`
	Detail    string     `json:"detail,omitempty"`
	StartedAt time.Time  `json:"startedAt"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
}

// Progress collects the steps of one piece of work. A nil Progress collects nothing.
type Progress struct {
	mu      sync.Mutex
	steps   []StepReport
	changed chan struct{} // closed at the next change; nil while nobody watches
}

type progressKey struct{}

// WithProgress returns a context in which steps report to p.
func WithProgress(ctx context.Context, p *Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

func progressOf(ctx context.Context) *Progress {
	p, _ := ctx.Value(progressKey{}).(*Progress)
	return p
}

// Resumed returns the progress of work that continues where another server ended: its steps so far, of which none runs any more.
func Resumed(steps []StepReport, at time.Time) *Progress {
	p := &Progress{steps: append([]StepReport{}, steps...)}
	for i := range p.steps {
		if s := &p.steps[i]; s.State == Running {
			s.State, s.EndedAt = Interrupted, &at
		}
	}
	return p
}

// Steps returns the steps so far, in the order of their beginning.
func (p *Progress) Steps() []StepReport {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]StepReport{}, p.steps...)
}

// Changed returns a channel that is closed when a step begins or ends after the call, or at Notify.
func (p *Progress) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// Notify tells those who watch that there is news beside the steps.
func (p *Progress) Notify() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notify()
}

// notify is Notify where the lock is held.
func (p *Progress) notify() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// ErrInterrupted is the cause of a context that ends because its server does: the steps under way have not failed.
var ErrInterrupted = errors.New("the server ends")

// begin reports that a step has begun; the function it returns, that it has ended.
func (p *Progress) begin(ctx context.Context, name string) (end func(detail string, err error)) {
	if p == nil {
		return func(string, error) {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	index := len(p.steps)
	p.steps = append(p.steps, StepReport{Name: name, State: Running, StartedAt: time.Now().UTC()})
	p.notify()
	return func(detail string, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		s := &p.steps[index]
		now := time.Now().UTC()
		s.State, s.Detail, s.EndedAt = Succeeded, detail, &now
		switch {
		case err == nil:
		case errors.Is(context.Cause(ctx), ErrInterrupted):
			s.State = Interrupted
		default:
			s.State, s.Detail = Failed, common.Public(err)
		}
		p.notify()
	}
}

// Named makes a step that reports its progress under a name, and has a span of that name where traces are recorded.
func Named(name string, s Step) Step {
	return func(ctx context.Context) (Rollback, error) {
		end := progressOf(ctx).begin(ctx, name)
		ctx, ended := Traced(ctx, name)
		rollback, err := try(ctx, s)
		end("", err)
		ended(err)
		return rollback, err
	}
}

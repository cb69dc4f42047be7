package localaws

import (
	"math/rand/v2"
	"net/http"
)

// Effect is what goes wrong with a call.
type Effect uint8

// The effects of a fault.
const (
	// Refuse responds with an error that is not retried, instead of doing anything: Code and Message, or AccessDeniedException.
	Refuse Effect = iota
	// Throttle returns ThrottlingException ("Rate exceeded") instead of doing anything.
	Throttle
	// Lose does what was asked and closes the connection without a response.
	Lose
	// Down returns 503 instead of doing anything.
	Down
	// Hang does what was asked and never responds.
	Hang
	// Hook only calls the fault's Func, before the operation takes effect.
	Hook
)

// Fault makes calls go wrong.
type Fault struct {
	N           int     // the n-th call (from 1) since the last ResetCalls; 0 for any
	Service     string  // such as "ecs"; empty for any
	Operation   string  // such as "CreateService"; empty for any
	Probability float64 // the share of the matching calls that go wrong; 0 for all
	Times       int     // how many calls go wrong: 0 for one, -1 for all. With N, the n-th call and the next ones of the same operation.
	Effect      Effect
	Code        string // for Refuse
	Message     string // for Refuse
	Func        func() // called before the operation takes effect, whatever the effect is; may be nil
}

// activeFault is a fault and what has become of it.
type activeFault struct {
	Fault
	hits int
}

// outcome is what faults make of one call.
type outcome struct {
	instead *apiError // returned instead of doing anything
	lose    bool
	hang    bool
	hook    func()
}

// Inject adds faults. Of several that match a call, the first one decides.
func (a *AWS) Inject(f ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inject(f)
}

func (a *AWS) inject(faults []Fault) {
	for _, f := range faults {
		a.faults = append(a.faults, &activeFault{Fault: f})
	}
}

// Heal removes all faults.
func (a *AWS) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
}

// faultFor returns what shall go wrong with the n-th call. The lock must be held.
func (a *AWS) faultFor(n int, service, operation string) outcome {
	for _, f := range a.faults {
		if f.matches(n, service, operation) {
			f.hits++
			if f.N != 0 { // the n-th call chose the operation; the fault stays with it
				f.N, f.Service, f.Operation = 0, service, operation
			}
			return f.outcome(service)
		}
	}
	return outcome{}
}

func (f *activeFault) matches(n int, service, operation string) bool {
	switch {
	case f.Times >= 0 && f.hits >= max(f.Times, 1):
	case f.N != 0 && f.N != n:
	case f.Service != "" && f.Service != service:
	case f.Operation != "" && f.Operation != operation:
	case f.Probability > 0 && rand.Float64() >= f.Probability:
	default:
		return true
	}
	return false
}

func (f *activeFault) outcome(service string) outcome {
	o := outcome{hook: f.Func}
	switch f.Effect {
	case Refuse:
		code, message := f.Code, f.Message
		if code == "" {
			code, message = "AccessDeniedException", "the simulator is set to refuse this"
		}
		o.instead = &apiError{http.StatusBadRequest, code, message, nil}
	case Throttle:
		o.instead = throttled(service)
	case Down:
		o.instead = &apiError{http.StatusServiceUnavailable, "ServiceUnavailable", "the simulator is set to be down", nil}
	case Lose:
		o.lose = true
	case Hang:
		o.hang = true
	}
	return o
}

// throttled is how a service says that it is called too often: each has a code of its own.
func throttled(service string) *apiError {
	code := "ThrottlingException"
	switch service {
	case "iam", "sts":
		code = "Throttling"
	case "ec2", "servicediscovery":
		code = "RequestLimitExceeded"
	case "tagging":
		code = "ThrottledException"
	}
	return &apiError{http.StatusBadRequest, code, "Rate exceeded", nil}
}

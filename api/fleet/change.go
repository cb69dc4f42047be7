package fleet

import (
	"context"
	"encoding/json"

	"ecs-api/state"
)

// Change is what servers publish of a write that has ended: what was read before it must not be shown to anybody any more.
type Change struct {
	Account string `json:"account"`           // empty: all
	Cluster string `json:"cluster,omitempty"` // empty: all
	Service string `json:"service,omitempty"` // empty: all
	// Revision is the ARN of a task definition whose status was changed, to Status if that is known; nothing else was then.
	Revision string `json:"revision,omitempty"`
	Status   string `json:"status,omitempty"`
}

// message is the change as it is sent.
func (c Change) message() string {
	message, _ := json.Marshal(c) // texts have no form that JSON lacks
	return string(message)
}

// Subscribe begins to receive the changes of other servers, if there are any. While it is disconnected from them, responses must not be cached: nobody knows what they
// are worth.
func (f *Fleet) Subscribe() {
	if f.state == nil {
		return
	}
	f.options.SetDisconnected(true)
	f.broadcast = f.state.Broadcast(context.Background(), "written", f.receive, f.options.SetDisconnected)
	f.state.AfterRecovery(f.recovered)
}

// receive applies a message of another server.
func (f *Fleet) receive(message string) {
	var c Change
	if json.Unmarshal([]byte(message), &c) != nil { // it is of a version that we do not know: anything may have changed
		c = Change{}
	}
	f.options.Changed(c)
}

// recovered publishes what the other servers may not have received while Redis was out of reach.
func (f *Fleet) recovered() {
	if f.unpublished.Load() {
		f.Publish(context.Background(), Change{})
	}
}

// Publish tells the other servers of a change of ours. Call it before the write's response. Servers that cannot be reached learn, once they can be, that
// everything has changed.
func (f *Fleet) Publish(ctx context.Context, c Change) {
	if f.broadcast == nil {
		return
	}
	err := f.broadcast.Publish(state.WithoutBudget(context.WithoutCancel(ctx)), c.message()) // they must receive it, and it is one command
	if err != nil || c.Account == "" {
		f.unpublished.Store(err != nil)
	}
}

package api

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"ecs-api/state"
)

// write is what servers tell each other of a write that has ended: what was read before it must not be shown to anybody any more.
type write struct {
	Account string `json:"account"`           // empty: all
	Cluster string `json:"cluster,omitempty"` // empty: all
	Service string `json:"service,omitempty"` // empty: all
	// Revision is the ARN of a task definition whose status was changed, to Status if that is known; nothing else was then.
	Revision string `json:"revision,omitempty"`
	Status   string `json:"status,omitempty"`
}

// message is the write as it is sent.
func (w write) message() string {
	message, _ := json.Marshal(w) // texts have no form that JSON lacks
	return string(message)
}

// others are the other servers of the same state.
type others struct {
	broadcast *state.Broadcast
	untold    atomic.Bool // a write that they may not have heard of
}

// listen begins to hear of the writes of other servers. While they cannot be heard, no responses are kept: nobody knows what they are worth.
func (s *Server) listen() {
	if s.state == nil {
		return
	}
	s.deafen(true)
	for name, a := range s.accounts {
		a.Scope.Definitions.OnChange(func(arn, status string) {
			s.tell(context.Background(), write{Account: name, Revision: arn, Status: status})
		})
	}
	s.others.broadcast = s.state.Broadcast(context.Background(), "written", func(message string) {
		var w write
		if json.Unmarshal([]byte(message), &w) == nil { // else it is of a version that we do not know
			s.hear(w)
			return
		}
		s.hear(write{})
	}, s.deafen)
	s.state.AfterRecovery(s.recovered)
}

// deafen notes whether the other servers cannot be heard: then what they write is not known here.
func (s *Server) deafen(deaf bool) {
	s.kept.Deafen(deaf)
	for _, a := range s.accounts {
		a.Scope.Definitions.Deafen(deaf)
	}
}

// recovered tells the other servers what they may not have heard while Redis was out of reach.
func (s *Server) recovered() {
	if s.others.untold.Load() {
		s.tell(context.Background(), write{})
	}
}

// hear drops what was read before a write of ours, or of another server.
func (s *Server) hear(w write) {
	for name, a := range s.accounts {
		if w.Account != "" && w.Account != name {
			continue
		}
		s.forget(name)
		switch {
		case w.Revision != "":
			a.Scope.Definitions.Heard(w.Revision, w.Status)
			continue
		case w.Account == "":
			a.Scope.Definitions.HeardAll()
		}
		a.Observer.Written(w.Cluster, w.Service)
	}
}

// forget drops what was read of the account, and lets nobody share the reads that are under way.
func (s *Server) forget(account string) {
	if a := s.accounts[account]; a != nil {
		a.reads.Invalidate()
		s.kept.Written(account)
	}
}

// tell tells the other servers of a write. Call it before the write's response. Servers that cannot be told are told of all writes when they can be.
func (s *Server) tell(ctx context.Context, w write) {
	if s.others.broadcast == nil {
		return
	}
	err := s.others.broadcast.Send(context.WithoutCancel(ctx), w.message())
	if err != nil || w.Account == "" {
		s.others.untold.Store(err != nil)
	}
}

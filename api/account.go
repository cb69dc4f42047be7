package api

import (
	"context"

	"ecs-api/api/accounts"
	"ecs-api/api/fleet"
)

// account is one AWS account, and who reads it at the moment.
type account struct {
	*accounts.Account
	reads sharedReads // those of callers that are under way
}

// written has nobody get from now on what was read before the request, which has changed something: the service that its path names, or any.
func (a *account) written(c call) {
	change := fleet.Change{Account: a.Name}
	if cluster, service, err := a.Scope.ServiceNamed(c.ctx, c.named("cluster"), c.named("service")); err == nil {
		change.Cluster, change.Service = cluster, service // else it names none, or none that we know: let all look
	}
	c.server.changed(change)
	c.server.fleet.Tell(c.ctx, change)
}

// listen begins to hear of the changes of other servers, and has them hear of revisions that this one changes.
func (s *Server) listen() {
	for name, a := range s.accounts {
		a.Scope.Definitions.OnChange(func(arn, status string) {
			s.fleet.Tell(context.Background(), fleet.Change{Account: name, Revision: arn, Status: status})
		})
	}
	s.fleet.Listen()
}

// deafen notes whether the other servers cannot be heard: then what they change is not known here.
func (s *Server) deafen(deaf bool) {
	s.kept.Deafen(deaf)
	for _, a := range s.accounts {
		a.Scope.Definitions.Deafen(deaf)
	}
}

// changed drops what was read before a change, by this server or another.
func (s *Server) changed(change fleet.Change) {
	for name, a := range s.accounts {
		if change.Account != "" && change.Account != name {
			continue
		}
		s.forget(name)
		switch {
		case change.Revision != "":
			a.Scope.Definitions.Heard(change.Revision, change.Status)
			continue
		case change.Account == "":
			a.Scope.Definitions.HeardAll()
		}
		a.Observer.Written(change.Cluster, change.Service)
	}
}

// forget drops what was read of the account, and lets nobody share the reads that are under way.
func (s *Server) forget(account string) {
	if a := s.accounts[account]; a != nil {
		a.reads.Invalidate()
		s.kept.Written(account)
	}
}

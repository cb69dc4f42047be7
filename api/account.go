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
	if cluster, service, err := a.AWS.ServiceNamed(c.ctx, c.named("cluster"), c.named("service")); err == nil {
		change.Cluster, change.Service = cluster, service // else it names none, or none that we know: let all look
	}
	c.server.changed(change)
	c.server.fleet.Publish(c.ctx, change)
}

// subscribe begins to receive the changes of other servers, and publishes those of revisions by this one.
func (s *Server) subscribe() {
	for name, a := range s.accounts {
		a.AWS.RevisionCache.OnChange(func(arn, status string) {
			s.fleet.Publish(context.Background(), fleet.Change{Account: name, Revision: arn, Status: status})
		})
	}
	s.fleet.Subscribe()
}

// setDisconnected notes whether the changes of other servers cannot be received: then what they change is not known here.
func (s *Server) setDisconnected(disconnected bool) {
	s.responses.SetDisconnected(disconnected)
	for _, a := range s.accounts {
		a.AWS.RevisionCache.SetDisconnected(disconnected)
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
			a.AWS.RevisionCache.Invalidate(change.Revision, change.Status)
			continue
		case change.Account == "":
			a.AWS.RevisionCache.InvalidateAll()
		}
		a.Observer.Written(change.Cluster, change.Service)
		a.Services.Written(change.Cluster, change.Service)
	}
}

// forget drops what was read of the account, and lets nobody share the reads that are under way.
func (s *Server) forget(account string) {
	if a := s.accounts[account]; a != nil {
		a.reads.Invalidate()
		s.responses.Written(account)
	}
}

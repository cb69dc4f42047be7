// Package show shows services as they are in AWS: one with what belongs to it, those of a cluster, and those of all clusters. It only reads.
//
// It owns one rule: what is shown again without having been read anew cannot have changed, as far as ECS shows changes. After a write of ours all is read anew.
package show

import (
	"time"

	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Reader reads the services of one account.
type Reader struct {
	account          *account.Account
	now              func() time.Time
	recentEndpoints  *recent[*string] // by the service and the ARN of the Cloud Map service
	recentNamespaces *recent[string]  // names by id
	lastSeen         *lastSeen
}

// New returns a reader of the account.
func New(a *account.Account) *Reader {
	return &Reader{account: a, now: time.Now, recentEndpoints: newRecent[*string](), recentNamespaces: newRecent[string](), lastSeen: newLastSeen()}
}

// Written says that a write of ours to the service has ended: what was read before is not shown any more. An empty service stands for all of the cluster's, an
// empty cluster for all.
func (r *Reader) Written(cluster, service string) {
	r.recentEndpoints.forget(func(key string) bool { return isOf(key, cluster, service) })
	r.lastSeen.forget(cluster, service)
}

// target is a service.
type target struct{ cluster, service string }

// hidden reports whether something with the tags does not exist for our callers.
func (r *Reader) hidden(tags []*awsecs.Tag) bool { return !ecs.ToTags(tags).VisibleTo(r.account.Org) }

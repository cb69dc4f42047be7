package resource

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
)

// The ownership tag, spinup:request, is {service}/{id of the request}. The service tells what an interrupted request left for whom; the id tells
// requests apart and is in the order of time (UUID version 7). Before the id stands what tells revisions apart (RevisionOwner), and what tells the
// request's Idempotency-Key (Key).

// NewID returns an id that no other request has. On one server ids are in the order of time to the microsecond, on several as well as their clocks
// agree: the later one is the greater one.
func NewID() string { return uuid.Must(uuid.NewV7()).String() } // it fails where there are no random numbers

// OwnerPrefix begins the ownership tags of all requests for the service. AWS allows 256 characters in a tag's value.
func OwnerPrefix(service string) string { return service[:min(len(service), 160)] + "/" }

// taskDefinitionOwner begins what ownership tags say instead of a service's name of what was created for a managed task definition: no service can
// have such a name.
const taskDefinitionOwner = "task:"

// ForTaskDefinition returns what stands for the managed task definition in ownership tags.
func ForTaskDefinition(family string) string { return taskDefinitionOwner + family }

// whose names, in messages, whom something was created for.
func whose(service string) string {
	if family, ok := strings.CutPrefix(service, taskDefinitionOwner); ok {
		return "of task definition " + family
	}
	return "service " + service + "'s"
}

// CreatedFor reports whether tags say that something was created for the service by a request of ours, or do not say for which: then it comes from
// before there were ownership tags.
func CreatedFor(tags common.Tags, service string) bool {
	value, ok := tags.Get(common.TagRequest)
	return !ok || strings.HasPrefix(value, OwnerPrefix(service))
}

// idOf returns the id in an ownership tag, if it is in the order of time.
func idOf(tags common.Tags) (uuid.UUID, bool) {
	value, _ := tags.Get(common.TagRequest)
	id, err := uuid.Parse(value[strings.LastIndex(value, "/")+1:])
	return id, err == nil && id.Version() == 7
}

// CreatedAfter reports whether tags are those of something that was created or adopted by a request whose id is later than the given one.
func CreatedAfter(tags common.Tags, id string) bool {
	created, ok := idOf(tags)
	return ok && created.String() > id
}

// ChangedAfter reports whether something without an ownership tag was changed after the request with the given id began. AWS tells times to the millisecond.
func ChangedAfter(changed time.Time, id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.Version() == 7 && changed.Truncate(time.Millisecond).After(time.Unix(parsed.Time().UnixTime()))
}

// orphaned stands before the id in the ownership tag of a secret whose service was torn down, and which something else referred to then. The id is
// the teardown's.
const orphaned = "orphaned/"

// OrphanOwner returns the ownership tag of a secret that outlives the service which it was created for. A later request for a service of that name
// can still adopt it.
func OrphanOwner(service, id string) string { return OwnerPrefix(service) + orphaned + id }

// IsOrphaned reports whether tags are those of a secret that outlives its service.
func IsOrphaned(tags common.Tags) bool {
	value, _ := tags.Get(common.TagRequest)
	_, rest, _ := strings.Cut(value, "/")
	return strings.HasPrefix(rest, orphaned)
}

// TaskDefinitionOf returns the family of the managed task definition that tags say something was created for; false if it was for a service.
func TaskDefinitionOf(tags common.Tags) (family string, ok bool) {
	value, _ := tags.Get(common.TagRequest)
	whose, _, _ := strings.Cut(value, "/")
	return strings.CutPrefix(whose, taskDefinitionOwner)
}

// PlanTime is how long a dry run may take: it reads, and waits for a cluster that ECS is working on.
const PlanTime = time.Minute

// How long a request may change what it created or adopted.
const (
	// RequestTime is how long a create or an update of a service or a managed task definition may take before it fails, what AWS refuses for now included. A service of the same
	// name may take four minutes to drain.
	RequestTime = 6 * time.Minute
	// RollbackTime is how long a rollback may take before the error is returned.
	RollbackTime = 2 * time.Minute
	// BackgroundRollbackTime is how long it continues in the background, where AWS does not let us for the moment.
	BackgroundRollbackTime = 30 * time.Minute
	// clockSkew is how far the clocks of two servers may differ.
	clockSkew = 2 * time.Minute
	// maxRequestTime is the sum: what is older than that, no request rolls back any more.
	maxRequestTime = RequestTime + RollbackTime + BackgroundRollbackTime + clockSkew
)

// MayBeRolledBack reports whether the request that the ownership tag names may still be at work.
func MayBeRolledBack(tags common.Tags, now time.Time) bool {
	id, ok := idOf(tags)
	if !ok {
		return true
	}
	seconds, nanos := id.Time().UnixTime()
	return now.Sub(time.Unix(seconds, nanos)) < maxRequestTime
}

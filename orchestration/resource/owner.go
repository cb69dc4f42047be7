package resource

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
)

// The ownership tag, spinup:request, is {service}/{id of the request}. The service says for which service an interrupted request left a thing. The id tells
// requests apart, and ids sort by time (UUID version 7). Between the two there may be a digest that tells revisions apart (RevisionOwner), and hashes of the
// request's Idempotency-Key (Key).

// NewID returns an id that no other request has. Ids sort by time: on one server to the microsecond, between servers as exactly as their clocks agree.
func NewID() string { return uuid.Must(uuid.NewV7()).String() } // it fails where there are no random numbers

// OwnerPrefix returns the beginning of the ownership tags of all requests for the service. AWS allows 256 characters in the value of a tag.
func OwnerPrefix(service string) string { return service[:min(len(service), 160)] + "/" }

// taskDefinitionOwner is the prefix, in ownership tags, of the family of a managed task definition, which stands there in place of a service's name. No service
// can have such a name.
const taskDefinitionOwner = "task:"

// ForTaskDefinition returns what ownership tags contain for a managed task definition in place of a service's name.
func ForTaskDefinition(family string) string { return taskDefinitionOwner + family }

// whose says, in messages, which service or task definition something was created for.
func whose(service string) string {
	if family, ok := strings.CutPrefix(service, taskDefinitionOwner); ok {
		return "of task definition " + family
	}
	return "service " + service + "'s"
}

// CreatedFor reports whether tags say that a request of ours created something for the service. It is also true without an ownership tag: then the thing is older
// than ownership tags.
func CreatedFor(tags common.Tags, service string) bool {
	value, ok := tags.Get(common.TagRequest)
	return !ok || strings.HasPrefix(value, OwnerPrefix(service))
}

// idOf returns the id in an ownership tag, if it is one that sorts by time.
func idOf(tags common.Tags) (uuid.UUID, bool) {
	value, _ := tags.Get(common.TagRequest)
	id, err := uuid.Parse(value[strings.LastIndex(value, "/")+1:])
	return id, err == nil && id.Version() == 7
}

// CreatedAfter reports whether tags say that a request with a later id than the given one created or adopted something.
func CreatedAfter(tags common.Tags, id string) bool {
	created, ok := idOf(tags)
	return ok && created.String() > id
}

// ChangedAfter reports whether something without an ownership tag was changed after the request with the given id began. AWS's times have milliseconds.
func ChangedAfter(changed time.Time, id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.Version() == 7 && changed.Truncate(time.Millisecond).After(time.Unix(parsed.Time().UnixTime()))
}

// orphaned stands before the id in the ownership tag of an orphaned secret: its service was torn down while something else referred to the secret. The id is that
// of the teardown.
const orphaned = "orphaned/"

// OrphanOwner returns the ownership tag of a secret that outlives its service. A later request for a service of the same name can still adopt it.
func OrphanOwner(service, id string) string { return OwnerPrefix(service) + orphaned + id }

// IsOrphaned reports whether tags are those of an orphaned secret.
func IsOrphaned(tags common.Tags) bool {
	value, _ := tags.Get(common.TagRequest)
	_, rest, _ := strings.Cut(value, "/")
	return strings.HasPrefix(rest, orphaned)
}

// TaskDefinitionOf returns the family of the managed task definition for which, by its tags, something was created; false if it was created for a service.
func TaskDefinitionOf(tags common.Tags) (family string, ok bool) {
	value, _ := tags.Get(common.TagRequest)
	whose, _, _ := strings.Cut(value, "/")
	return strings.CutPrefix(whose, taskDefinitionOwner)
}

// PlanTime is how long a dry run may take: it reads, and waits for a cluster that ECS is working on.
const PlanTime = time.Minute

// How long a request may change what it created or adopted.
const (
	// RequestTime is how long a create or an update of a service or a managed task definition may take before it fails, including retries of what AWS refuses for
	// the moment. A service of the same name may take four minutes to drain.
	RequestTime = 6 * time.Minute
	// RollbackTime is how long a rollback may take before the error is returned.
	RollbackTime = 2 * time.Minute
	// BackgroundRollbackTime is how long a rollback may continue in the background, if AWS refuses it for the moment.
	BackgroundRollbackTime = 30 * time.Minute
	// clockSkew is how far the clocks of two servers may differ.
	clockSkew = 2 * time.Minute
	// maxRequestTime is their sum: no request rolls back anything that is older.
	maxRequestTime = RequestTime + RollbackTime + BackgroundRollbackTime + clockSkew
)

// MayBeRolledBack reports whether the request that the ownership tag names may still be running, and so may roll back.
func MayBeRolledBack(tags common.Tags, now time.Time) bool {
	id, ok := idOf(tags)
	if !ok {
		return true
	}
	seconds, nanos := id.Time().UnixTime()
	return now.Sub(time.Unix(seconds, nanos)) < maxRequestTime
}

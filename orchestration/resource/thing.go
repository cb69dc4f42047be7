// Package resource has one adapter for each kind of AWS thing that orchestration creates (cluster, execution role, log group, credential, Cloud Map
// service, task definition, service). What all kinds need is written once, over the adapters: create or adopt, the ownership tag, verify, rollback, teardown.
//
// It owns one rule: the rollback of a request deletes only what still carries the ownership tag of this request. A 200 from AWS does not prove that we
// created a thing. So a request that adopts a thing which another request may still roll back puts its own ownership tag on it first.
package resource

import (
	"context"
	"fmt"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Kind is a kind of AWS thing, as plans name it.
type Kind string

// The kinds of things, and of parts that change on their own.
const (
	KindCluster         Kind = "cluster"
	KindRole            Kind = "role"
	KindRolePolicy      Kind = "rolePolicy"
	KindLogGroup        Kind = "logGroup"
	KindCredential      Kind = "credential"
	KindTaskDefinition  Kind = "taskDefinition"
	KindCloudMapService Kind = "cloudMapService"
	KindService         Kind = "service"
	KindTags            Kind = "tags"
	KindParams          Kind = "params"
	KindTask            Kind = "task"
)

// words are the names of the kinds in messages, steps and spans.
var words = map[Kind]string{
	KindCluster: "cluster", KindRole: "role", KindRolePolicy: "role policy", KindLogGroup: "log group", KindCredential: "secret",
	KindTaskDefinition: "task definition", KindCloudMapService: "Cloud Map service", KindService: "service", KindTags: "tags", KindParams: "parameters",
	KindTask: "task",
}

// Word returns the name of the kind in messages.
func (k Kind) Word() string { return words[k] }

// State is a thing as AWS has it.
type State struct {
	ID    string // the ARN or name by which AWS's calls address it
	Tags  common.Tags
	Value any // the SDK's struct
	// TagsUnread: AWS did not let us read the tags. These are what the request gave the thing.
	TagsUnread bool
}

// tag returns the value of the tag with the given key; s may be nil.
func (s *State) tag(key string) (value string, ok bool) {
	if s == nil {
		return "", false
	}
	return s.Tags.Get(key)
}

// ValueOf returns the SDK's struct in s; the zero value if s is nil.
func ValueOf[T any](s *State) (value T) {
	if s != nil {
		value, _ = s.Value.(T)
	}
	return value
}

// A Thing is the adapter of one kind of AWS thing, for one that a request names.
type Thing interface {
	Kind() Kind
	// Name is AWS's name of it.
	Name() string
	// Find returns the thing as it is now; nil if it does not exist, or was deleted.
	Find(ctx context.Context) (*State, error)
	// Create creates the thing with the tags. If it exists, the error is a Conflict, unless Traits say CreateReturnsExisting.
	Create(ctx context.Context, tags common.Tags) (*State, error)
	// SetTags adds tags to those that the thing has, and removes those with the given keys.
	SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error
	// Delete deletes the thing. If it does not exist any more, the error may be NotFound.
	Delete(ctx context.Context, s *State) error
	Traits() Traits
}

// Traits say how kinds of things differ when they are created and deleted.
type Traits struct {
	// Shared: the services of a cluster share the thing. The ledger counts its users, and verify creates it again if it is gone.
	Shared bool
	// CreateReturnsExisting: AWS's create succeeds for a thing that exists, so we must read the tags to know which request created it.
	CreateReturnsExisting bool
	// CreateNotIdempotent: AWS creates a new thing for each call, so after a lost response we look for it before we retry.
	CreateNotIdempotent bool
	// UseGuarded: AWS refuses to delete the thing while a service uses it, so a request that adopts it fails at worst.
	UseGuarded bool
	// NeverAdopted: no request adopts the thing, so its deletion needs no mark.
	NeverAdopted bool
	// AdoptConcurrent: a request adopts a thing of the service's own even if another request has created it since this one looked.
	AdoptConcurrent bool
	// RetryCreate and RetryDelete are the refusals after which a retry makes sense.
	RetryCreate, RetryDelete []common.Retryable
	// TakenHint says what the caller can do if the thing exists and belongs to something else.
	TakenHint string
}

// An Adopter changes more than the tags of a thing that a request adopts.
type Adopter interface {
	Adopt(ctx context.Context, s *State) (saga.Rollback, error)
}

// Item is a thing in one request: what look found, and what exists after apply. Only the item's own step sets Now; later steps read it.
type Item struct {
	Thing
	Found *State      // nil if the thing did not exist
	Tags  common.Tags // that the thing gets, including the ownership tag
	Now   *State
	// Completes runs after the thing was created a second time, or may be half deleted, because another request was about to delete it.
	Completes saga.Step

	adopted   bool   // the request adopted it
	replaced  string // the ownership tag that it had before the request put its own on it; empty for none
	contested bool   // it was adopted so late, or while another request was about to delete it, that it must be verified
}

// ID returns the ARN or name by which AWS's calls address the thing; empty while the thing does not exist, and for a nil item.
func (item *Item) ID() string {
	if item == nil || item.Now == nil {
		return ""
	}
	return item.Now.ID
}

// String names the item in messages.
func (item *Item) String() string { return fmt.Sprintf("%s %s", item.Kind().Word(), item.Name()) }

// PlannedID returns the ID, or the name while the thing does not exist.
func (item *Item) PlannedID() string {
	switch {
	case item.Now != nil:
		return item.Now.ID
	case item.Found != nil:
		return item.Found.ID
	}
	return item.Name()
}

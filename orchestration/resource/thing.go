// Package resource has one adapter per kind of AWS thing that orchestration creates (cluster, execution role, log group, credential, Cloud Map
// service, task definition, service), and what all of them need written once over it: create or adopt, the ownership tag, verification after a
// concurrent creator, rollback, teardown.
//
// It owns one rule: only what still carries a request's ownership tag is deleted by its rollback. A 200 from AWS does not prove that we created a
// thing, and no tag can be compared and swapped, so whoever adopts a thing that another request may still roll back puts its own tag on it first.
package resource

import (
	"context"
	"fmt"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Kind is a kind of AWS thing, as plans name it.
type Kind string

// The kinds of things, and of parts of them that change on their own.
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

// words are what messages, steps and spans call the kinds.
var words = map[Kind]string{
	KindCluster: "cluster", KindRole: "role", KindRolePolicy: "role policy", KindLogGroup: "log group", KindCredential: "secret",
	KindTaskDefinition: "task definition", KindCloudMapService: "Cloud Map service", KindService: "service", KindTags: "tags", KindParams: "parameters",
	KindTask: "task",
}

// Word returns what messages call the kind.
func (k Kind) Word() string { return words[k] }

// State is a thing as AWS has it.
type State struct {
	ID    string // what AWS addresses it by: an ARN, or a name
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
	// Find returns the thing as it is now; nil if it is not there, or was deleted.
	Find(ctx context.Context) (*State, error)
	// Create creates it with the tags. Of what is there already, AWS says Conflict, unless CreateReturnsExisting says otherwise.
	Create(ctx context.Context, tags common.Tags) (*State, error)
	// SetTags gives it tags beside those it has, and takes away those with the given keys.
	SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error
	// Delete deletes it. What is gone already may be NotFound.
	Delete(ctx context.Context, s *State) error
	Traits() Traits
}

// Traits are the ways in which kinds of things differ for those who create and delete them.
type Traits struct {
	// Shared: the services in a cluster share it. Rollback is counted per thing used, and one that is gone at the end is created again.
	Shared bool
	// CreateReturnsExisting: AWS's create succeeds for one that is there, so that the tags must be read to know who created it.
	CreateReturnsExisting bool
	// CreateNotIdempotent: AWS creates one for each call, so after a lost response we look for it before we retry.
	CreateNotIdempotent bool
	// UseGuarded: AWS does not delete one that a service uses, so that a request which adopts it fails at worst.
	UseGuarded bool
	// NeverAdopted: no request adopts one, so nobody need be told that it is about to be deleted.
	NeverAdopted bool
	// AdoptConcurrent: one of the service's own is adopted also if another request has created it since this one looked.
	AdoptConcurrent bool
	// RetryCreate and RetryDelete are what AWS refuses for now.
	RetryCreate, RetryDelete []common.Retryable
	// TakenHint says what to do when it exists and belongs to something else.
	TakenHint string
}

// An Adopter brings a thing that is adopted to what the request wants, beyond its tags.
type Adopter interface {
	Adopt(ctx context.Context, s *State) (saga.Rollback, error)
}

// Item is a thing in a request: what was found, and what is there once the plan is applied. Now is set by the item's step alone, for those after it.
type Item struct {
	Thing
	Found *State      // nil if there was nothing
	Tags  common.Tags // that it is to have, the ownership tag included
	Now   *State
	// Completes runs after the thing was created a second time, or may be half deleted, because another request was about to delete it.
	Completes saga.Step

	adopted   bool // by the time it is verified
	contested bool // it was adopted so late, or while another request was about to delete it, that it must be verified
}

// ID returns what AWS addresses the thing by once it is there; empty before, and for no item.
func (item *Item) ID() string {
	if item == nil || item.Now == nil {
		return ""
	}
	return item.Now.ID
}

// String names the item in messages.
func (item *Item) String() string { return fmt.Sprintf("%s %s", item.Kind().Word(), item.Name()) }

// PlannedID returns what AWS addresses the item by, or its name as long as it is not there.
func (item *Item) PlannedID() string {
	switch {
	case item.Now != nil:
		return item.Now.ID
	case item.Found != nil:
		return item.Found.ID
	}
	return item.Name()
}

package operations

import (
	"context"
	"slices"
	"sync"
	"time"

	"ecs-api/common"
)

// Record is where operations are looked up, while they run and when they have ended. Several servers may share one.
type Record interface {
	// Save keeps an operation as it is now. An error means that other servers may not know it yet; its end is saved again until they do.
	Save(ctx context.Context, o Operation) error
	// Find returns one of the account's operations, or NotFound.
	Find(ctx context.Context, account, id string) (Operation, error)
	// FindAll returns those of the ids that are operations of one of the accounts, in one reading.
	FindAll(ctx context.Context, accounts, ids []string) []Operation
	// List returns the account's operations, the latest first.
	List(ctx context.Context, account string) []Operation
	// Changed returns a channel that is closed when the operation may have changed after the call; done ends the watch. It is called for operations
	// that other servers work on alone.
	Changed(account, id string) (changed <-chan struct{}, done func())
	// Job returns the id of the job that works on the target, or waits in a queue for it; empty if there is none.
	Job(ctx context.Context, account, target string) string
	// Alive reports whether the server with the id is at work, as far as is known.
	Alive(ctx context.Context, server string) bool
	// Interval is how often the progress of an operation is saved; 0 if its beginning and its end are enough.
	Interval() time.Duration
}

// Memory is the record of a server that shares none. It is lost when the server ends.
type Memory struct {
	mu  sync.Mutex
	all []Operation // oldest first
}

// NewMemory returns a record in memory.
func NewMemory() *Memory { return &Memory{} }

// Save keeps an operation. What ended too long ago is dropped, as are the oldest of too many.
func (m *Memory) Save(_ context.Context, o Operation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.all, func(known Operation) bool { return known.Account == o.Account && known.ID == o.ID }); i >= 0 {
		m.all[i] = o
	} else {
		m.all = append(m.all, o)
	}
	m.forget()
	return nil
}

// forget drops what is too much. The lock must be held.
func (m *Memory) forget() {
	excess := len(m.all) - Keep
	m.all = slices.DeleteFunc(m.all, func(o Operation) bool {
		if !o.Ended() || excess <= 0 && time.Since(*o.EndedAt) < KeepFor {
			return false
		}
		excess--
		return true
	})
}

// Find returns one of the account's operations.
func (m *Memory) Find(_ context.Context, account, id string) (Operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	for _, o := range m.all {
		if o.Account == account && o.ID == id {
			return o, nil
		}
	}
	return Operation{}, NotKept(id)
}

// FindAll returns those of the ids that are operations of one of the accounts.
func (m *Memory) FindAll(_ context.Context, accounts, ids []string) (found []Operation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	for _, o := range m.all {
		if slices.Contains(ids, o.ID) && slices.Contains(accounts, o.Account) {
			found = append(found, o)
		}
	}
	return found
}

// List returns the account's operations, the latest first.
func (m *Memory) List(_ context.Context, account string) []Operation {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	found := []Operation{}
	for _, o := range slices.Backward(m.all) {
		if o.Account == account {
			found = append(found, o)
		}
	}
	return found
}

// All returns every operation, the oldest first.
func (m *Memory) All() []Operation {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	return slices.Clone(m.all)
}

// Changed is never called: this server works on all operations that it knows.
func (m *Memory) Changed(string, string) (<-chan struct{}, func()) {
	changed := make(chan struct{})
	close(changed)
	return changed, func() {}
}

// Job is empty: where there is no queue, the lock of what a job works on is held until it ends.
func (m *Memory) Job(context.Context, string, string) string { return "" }

// Alive is never called: nobody else writes the record.
func (m *Memory) Alive(context.Context, string) bool { return false }

// Interval is 0: the group knows the progress.
func (m *Memory) Interval() time.Duration { return 0 }

// NotKept is the NotFound for an operation.
func NotKept(id string) error {
	return common.Errorf(common.NotFound, "there is no operation %s: operations are kept for 24 hours; repeating the request completes what it was doing", id)
}

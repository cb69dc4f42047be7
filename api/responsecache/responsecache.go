// Package responsecache keeps responses to reads for callers who accept them a little old. It owns one rule: a response is never older than its caller
// accepts, and never from before a write that was responded to, by this server or, as far as it receives theirs, by another.
package responsecache

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits bound the memory that cached responses take.
type Limits struct {
	Total int // bytes of all
	Each  int // bytes of one: longer ones are not cached
}

// DefaultLimits hold the responses of some thousand services.
var DefaultLimits = Limits{Total: 32 << 20, Each: 1 << 20}

// overhead is what a cached response takes beside its bytes: the entry and the headers.
const overhead = 1 << 10

// Cache are cached responses R, of several accounts. Its methods can be called at the same time.
type Cache[R any] struct {
	limits Limits

	mu           sync.Mutex
	entries      *simplelru.LRU[Key, entry[R]]
	bytes        int
	accounts     map[string]uint64 // how often each was written
	resets       uint64            // how often all were dropped
	disconnected bool              // the writes of other servers cannot be received
	hits         uint64
}

// Key is what a response is cached by: the account, and all of the request that the response depends on.
type Key struct{ Account, Request string }

// entry is one response.
type entry[R any] struct {
	response R
	from     Mark
	bytes    int
}

// Mark is when a read began: after which writes, and at what time.
type Mark struct {
	writes, resets uint64
	at             time.Time
}

// New returns an empty store.
func New[R any](limits Limits) *Cache[R] {
	s := &Cache[R]{limits: limits, accounts: map[string]uint64{}}
	s.entries, _ = simplelru.NewLRU(limits.Total/overhead, func(_ Key, k entry[R]) { s.bytes -= k.bytes }) // it fails for a size of 0 alone
	return s
}

// Begin marks the beginning of a read of the account.
func (s *Cache[R]) Begin(account string, now time.Time) Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Mark{s.accounts[account], s.resets, now}
}

// current reports whether nothing was written since m. The lock must be held.
func (s *Cache[R]) current(account string, m Mark) bool {
	return m.writes == s.accounts[account] && m.resets == s.resets
}

// Get returns the response that is cached, and its age, if that is at most what is accepted.
func (s *Cache[R]) Get(key Key, accepted time.Duration, now time.Time) (response R, age time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disconnected {
		return response, 0, false
	}
	k, ok := s.entries.Get(key)
	if !ok {
		return response, 0, false
	}
	age = now.Sub(k.from.at)
	switch {
	case !s.current(key.Account, k.from) || age > Longest:
		s.entries.Remove(key)
		return response, 0, false
	case age > accepted:
		return response, 0, false
	}
	s.hits++
	return k.response, max(age, 0), true
}

// Put keeps the response to a read that began at the mark, with so many bytes, unless the account was written since.
func (s *Cache[R]) Put(key Key, m Mark, response R, bytes int) {
	bytes += len(key.Account) + len(key.Request) + overhead
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disconnected || bytes > min(s.limits.Each, s.limits.Total) || !s.current(key.Account, m) {
		return
	}
	s.entries.Remove(key)
	for s.bytes+bytes > s.limits.Total {
		s.entries.RemoveOldest()
	}
	s.entries.Add(key, entry[R]{response, m, bytes})
	s.bytes += bytes
}

// Written drops the account's responses. Call it after a write's last effect, and before the write's response.
func (s *Cache[R]) Written(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account]++ // what is cached from before is removed when it is looked for, or as the oldest
}

// SetDisconnected says whether the writes of other servers cannot be received for now. Nothing is cached then, and nothing from before is used afterwards.
func (s *Cache[R]) SetDisconnected(disconnected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnected = disconnected
	s.resets++
	s.entries.Purge()
}

// Bytes returns how much memory the cached responses take.
func (s *Cache[R]) Bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Hits returns how many requests got a response that was cached.
func (s *Cache[R]) Hits() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

package idempotency

import (
	"container/list"
	"context"
	"sync"
	"time"

	"ecs-api/common"
)

// Limits bound what a Memory keeps. Zero values take the defaults.
type Limits struct {
	Number int // keys
	Bytes  int // of sealed responses
	Now    func() time.Time
}

// Memory is a Store in memory. When it is full it forgets the oldest responses; requests that run are never forgotten.
type Memory struct {
	limits Limits

	mu    sync.Mutex
	keys  map[Key]*list.Element
	order *list.List // of *entry, the oldest first
	bytes int
}

// entry is what is known of a key.
type entry struct {
	key    Key
	print  Fingerprint
	sealed []byte // nil while the request runs
	begun  time.Time
}

// NewMemory returns an empty store.
func NewMemory(limits Limits) *Memory {
	if limits.Number == 0 {
		limits.Number = 10_000
	}
	if limits.Bytes == 0 {
		limits.Bytes = 64 << 20
	}
	if limits.Now == nil {
		limits.Now = time.Now
	}
	return &Memory{limits: limits, keys: map[Key]*list.Element{}, order: list.New()}
}

// Begin implements Store.
func (m *Memory) Begin(_ context.Context, key Key, print Fingerprint) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(m.limits.Number)
	if at, ok := m.keys[key]; ok {
		known := at.Value.(*entry)
		switch {
		case known.print != print:
			return nil, keyReused()
		case known.sealed == nil:
			return nil, keyInUse()
		}
		return known.sealed, nil
	}
	m.forget(m.limits.Number - 1)
	if len(m.keys) >= m.limits.Number {
		return nil, common.Errorf(common.Unavailable, "%d requests with an Idempotency-Key are running, and the server takes no more; retry later", len(m.keys))
	}
	m.keys[key] = m.order.PushBack(&entry{key: key, print: print, begun: m.limits.Now()})
	return nil, nil
}

// Finish implements Store.
func (m *Memory) Finish(_ context.Context, key Key, sealed []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.keys[key]
	if !ok || at.Value.(*entry).sealed != nil {
		return
	}
	if sealed == nil || len(sealed) > m.limits.Bytes {
		m.drop(at)
		return
	}
	at.Value.(*entry).sealed = sealed
	m.bytes += len(sealed)
	m.forget(m.limits.Number)
}

// forget drops responses that are too old, and the oldest ones until there are at most so many keys, and bytes within the limit. The lock must be held.
func (m *Memory) forget(most int) {
	for at := m.order.Front(); at != nil; {
		next, e := at.Next(), at.Value.(*entry)
		old := m.limits.Now().Sub(e.begun) >= Keep
		if !old && len(m.keys) <= most && m.bytes <= m.limits.Bytes {
			return // those after it are younger
		}
		if e.sealed != nil {
			m.drop(at)
		}
		at = next
	}
}

// drop forgets one key. The lock must be held.
func (m *Memory) drop(at *list.Element) {
	e := m.order.Remove(at).(*entry)
	delete(m.keys, e.key)
	m.bytes -= len(e.sealed)
}

package show

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// recentTime is how long a name is remembered that does not change, but whose owner others may delete: of Cloud Map services and namespaces. Each is
// remembered for up to twice as long, so that what was read together is not read anew together.
const recentTime = 15 * time.Minute

// maxRecent is how many of them are remembered.
const maxRecent = 5000

// recent remembers what was read some time ago. What is remembered is shared: nobody may write to it.
type recent[V any] struct {
	kept   *lru.Cache[string, dated[V]]
	writes atomic.Uint64
}

type dated[V any] struct {
	value V
	until time.Time
}

func newRecent[V any]() *recent[V] {
	r := &recent[V]{}
	r.kept, _ = lru.New[string, dated[V]](maxRecent) // it fails for a size of 0 alone
	return r
}

// get returns what is remembered under the key, or what read returns: that is remembered, unless a write of ours ended meanwhile.
func (r *recent[V]) get(now func() time.Time, key string, read func() (V, error)) (V, error) {
	began, writes := now(), r.writes.Load()
	if known, ok := r.kept.Get(key); ok && began.Before(known.until) {
		return known.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	r.kept.Add(key, dated[V]{value, began.Add(recentTime + rand.N(recentTime))})
	if r.writes.Load() != writes {
		r.kept.Remove(key)
	}
	return value, nil
}

// forget forgets what a write of ours may have changed.
func (r *recent[V]) forget(of func(key string) bool) {
	r.writes.Add(1)
	for _, key := range r.kept.Keys() {
		if of(key) {
			r.kept.Remove(key)
		}
	}
}

// keyOf returns the key of something of a service.
func keyOf(at target, arn string) string { return at.cluster + "/" + at.service + "/" + arn }

// isOf reports whether a key is of the service; an empty one stands for all of the cluster's, an empty cluster for all.
func isOf(key, cluster, service string) bool {
	inCluster, rest, _ := strings.Cut(key, "/")
	named, _, _ := strings.Cut(rest, "/")
	return (cluster == "" || inCluster == cluster) && (service == "" || named == service)
}

package registry

import (
	"context"
	"sync"
)

const (
	// smallLookup is how much a lookup may read at any time: what nearly all images need.
	smallLookup = 128 << 10
	// maxLarge is how many lookups may read more than that at once: their responses are held in memory whole.
	maxLarge = 16
)

// reading is what one lookup has read, and its place among the large ones if it has one.
type reading struct {
	places chan struct{} // of the client: as many as there are places, one in it for each that is taken

	mu   sync.Mutex
	size int
	has  bool // a place
}

// more adds n bytes. It waits for a place if the lookup becomes a large one.
func (r *reading) more(ctx context.Context, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size += n; r.size <= smallLookup || r.has {
		return nil
	}
	select {
	case r.places <- struct{}{}:
		r.has = true
		return nil
	case <-ctx.Done():
		return faultf(Unreachable, "too many large responses are being read")
	}
}

// end gives the place back.
func (r *reading) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.has {
		<-r.places
		r.has = false
	}
}

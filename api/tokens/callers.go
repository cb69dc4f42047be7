package tokens

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"ecs-api/config"
)

// Callers are the callers of a running server, which may change.
type Callers struct {
	auth atomic.Pointer[Authenticator]
	mu   sync.Mutex
	all  map[string]config.Token // those of auth
}

// NewCallers returns the callers, by name.
func NewCallers(callers map[string]config.Token) *Callers {
	c := &Callers{}
	c.Set(callers)
	return c
}

// Changes names the callers whose tokens a reload changed.
type Changes struct{ Added, Removed, Changed []string }

// None reports whether nothing changed.
func (c Changes) None() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// Set puts the callers (Config.Callers) in place of those there are, for requests that come from now on.
func (c *Callers) Set(callers map[string]config.Token) Changes {
	c.mu.Lock()
	defer c.mu.Unlock()
	var changes Changes
	for _, name := range slices.Sorted(maps.Keys(callers)) {
		old, had := c.all[name]
		switch {
		case !had:
			changes.Added = append(changes.Added, name)
		case !reflect.DeepEqual(old, callers[name]):
			changes.Changed = append(changes.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.all)) {
		if _, stays := callers[name]; !stays {
			changes.Removed = append(changes.Removed, name)
		}
	}
	c.all = maps.Clone(callers)
	c.auth.Store(New(callers))
	return changes
}

// Token returns the caller's token; nil if there is no such caller any more.
func (c *Callers) Token(caller string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []byte(c.all[caller].Token.Reveal())
}

// Grant returns what whoever sent header may do, or a Forbidden error.
func (c *Callers) Grant(ctx context.Context, header string) (*Grant, error) {
	return c.auth.Load().Grant(ctx, header)
}

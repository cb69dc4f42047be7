package resource

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ecs-api/common"
)

// lateRole is a role whose tags AWS shows late.
type lateRole struct {
	Thing
	lag time.Duration

	mu      sync.Mutex
	changes []tagChange
	deleted bool
}

type tagChange struct {
	at  time.Time
	tag common.Tags
}

func (r *lateRole) Traits() Traits { return Traits{Shared: true} }

func (r *lateRole) SetTags(_ context.Context, _ *State, set common.Tags, _ []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, tagChange{time.Now(), set})
	return nil
}

func (r *lateRole) Delete(context.Context, *State) error {
	r.deleted = true
	return nil
}

// find returns the role as AWS shows it now.
func (r *lateRole) find(context.Context) (*State, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &State{}
	for _, change := range r.changes {
		if time.Since(change.at) >= r.lag {
			s.Tags = append(s.Tags, change.tag...)
		}
	}
	return s, nil
}

// TestADeletionSeesTheAdoption has a role adopted a second after it was marked, by a request that looked before, while AWS shows tags late.
func TestADeletionSeesTheAdoption(t *testing.T) {
	for name, tt := range map[string]struct {
		lag     time.Duration
		adopted bool
		polls   int // how often it looks before AWS shows the mark
	}{
		"nobody adopts it":                            {0, false, 0},
		"nobody adopts it, and tags are late":         {2 * time.Second, false, 1},
		"adopted":                                     {0, true, 0},
		"adopted, and AWS shows it in half a second":  {settleTime - adoptTime, true, 0},
		"adopted, and AWS shows it in three seconds":  {3 * time.Second, true, 2},
		"adopted, and AWS shows it in twenty seconds": {20 * time.Second, true, 24},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				role := &lateRole{lag: tt.lag}
				if tt.adopted {
					go func() {
						time.Sleep(adoptTime)
						_ = role.SetTags(t.Context(), nil, common.Tags{{Key: common.TagRequest, Value: "another"}}, nil)
					}()
				}
				d := &deletion{thing: role, backoff: common.DefaultBackoff, find: role.find, allowed: func(_ context.Context, s *State) (bool, error) {
					_, adopted := s.tag(common.TagRequest)
					return !adopted, nil
				}}
				start := time.Now()
				gone, err := d.run(t.Context())
				if err != nil || gone == tt.adopted || role.deleted == tt.adopted {
					t.Errorf("gone %v, %v; deleted %v", gone, err, role.deleted)
				}
				most := settleTime
				if tt.polls > 0 {
					most += time.Duration(tt.polls)*markPoll*6/5 + lateTime
				}
				if took := time.Since(start); took < settleTime || took > most {
					t.Errorf("it took %s, want at most %s", took, most)
				}
			})
		})
	}
}

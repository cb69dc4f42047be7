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
	at     time.Time
	tag    common.Tags
	remove []string
}

func (r *lateRole) Traits() Traits { return Traits{Shared: true} }

func (r *lateRole) SetTags(_ context.Context, _ *State, set common.Tags, remove []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, tagChange{time.Now(), set, remove})
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
			s.Tags = s.Tags.With(change.tag...).Without(change.remove...)
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

// TestADeletionRemovesAMarkThatIsNotShownYet has a role adopted a second before it was marked. AWS shows that before it shows the mark: a mark that stayed would
// make the next requests wait for a minute.
func TestADeletionRemovesAMarkThatIsNotShownYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		role := &lateRole{lag: 2 * time.Second}
		_ = role.SetTags(t.Context(), nil, common.Tags{{Key: common.TagRequest, Value: "another"}}, nil)
		time.Sleep(time.Second)
		d := &deletion{thing: role, backoff: common.DefaultBackoff, find: role.find, allowed: func(_ context.Context, s *State) (bool, error) {
			_, adopted := s.tag(common.TagRequest)
			return !adopted, nil
		}}
		if gone, err := d.run(t.Context()); err != nil || gone {
			t.Errorf("gone %v, %v", gone, err)
		}
		time.Sleep(role.lag)
		found, _ := role.find(t.Context())
		if mark, ok := found.tag(common.TagDeleting); ok || len(role.changes) != 3 {
			t.Errorf("the mark %q is on it, after %d changes", mark, len(role.changes))
		}
	})
}

// busyRole is a role that is in use until the time is over.
type busyRole struct {
	lateRole
	until time.Time
}

func (r *busyRole) Delete(ctx context.Context, s *State) error {
	if time.Now().Before(r.until) {
		return common.Coded(common.CodeInUse, "it is in use")
	}
	return r.lateRole.Delete(ctx, s)
}

// TestADeletionDoesNotWaitForAMarkThatItRemoved runs a deletion again that has found the thing in use, as the retry of a rollback does.
func TestADeletionDoesNotWaitForAMarkThatItRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		role := &busyRole{until: time.Now().Add(2 * time.Second)}
		d := &deletion{thing: role, backoff: common.DefaultBackoff, find: role.find, allowed: func(context.Context, *State) (bool, error) { return true, nil }}
		if gone, err := d.run(t.Context()); err != nil || gone {
			t.Errorf("gone %v, %v", gone, err)
		}
		time.Sleep(time.Second)
		start := time.Now()
		if gone, err := d.run(t.Context()); err != nil || !gone || time.Since(start) > settleTime {
			t.Errorf("gone %v, %v, after %s", gone, err, time.Since(start))
		}
	})
}

// TestADeletionWithoutTags deletes a thing whose tags AWS does not let us read any more, when the time of its mark is over.
func TestADeletionWithoutTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finds := 0
		role := &lateRole{}
		d := &deletion{thing: contextRole{role}, backoff: common.DefaultBackoff, mark: NewID(), until: time.Now(),
			find: func(context.Context) (*State, error) {
				if finds++; finds > 3 {
					return nil, context.Canceled
				}
				return &State{TagsUnread: true}, nil
			},
			allowed: func(context.Context, *State) (bool, error) { return true, nil }}
		time.Sleep(markTime)
		if gone, err := d.run(t.Context()); err != nil || !gone || finds != 1 {
			t.Errorf("gone %v, %v, after %d looks", gone, err, finds)
		}
	})
}

// contextRole is a role that is not deleted once the context has ended.
type contextRole struct{ *lateRole }

func (r contextRole) Delete(ctx context.Context, s *State) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.lateRole.Delete(ctx, s)
}

package teardown

import (
	"context"
	"sync"
	"testing"
	"time"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// gathered waits until n join the next reading.
func (b *readings) gathered(n int) {
	for {
		b.mu.Lock()
		ready := b.next != nil && b.next.waiting == n-1
		b.mu.Unlock()
		if ready {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAReadingIsSharedByThoseWhoAskedBeforeItBegan(t *testing.T) {
	var s readings
	taken, begun, goOn := 0, make(chan struct{}), make(chan struct{})
	take := func(context.Context) (services, error) {
		taken++ // one is taken at a time
		if taken == 1 {
			close(begun)
			<-goOn
		}
		return services{"myclu": nil, "more": nil}, nil
	}
	var all sync.WaitGroup
	ask := func() {
		if found, err := s.read(t.Context(), take); err != nil || len(found) != 2 {
			t.Errorf("got %v and %v", found, err)
		}
	}
	all.Go(ask)
	<-begun
	for range 5 { // the one that has begun may have missed what they know of
		all.Go(ask)
	}
	s.gathered(5)
	close(goOn)
	all.Wait()
	if taken != 2 {
		t.Errorf("%d readings were taken, want 2", taken)
	}
}

func TestAReadingThatFailsIsRepeatedForTheOthers(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return common.Errorf(common.Unavailable, "AWS is down") },
		"a panic":  func() error { panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			var s readings
			s.running.Lock()
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := s.read(t.Context(), func(context.Context) (services, error) { return nil, fail() }); err == nil {
					t.Error("the reading succeeded")
				}
			})
			s.gathered(1)
			all.Go(func() {
				if found, err := s.read(t.Context(), func(context.Context) (services, error) { return services{"myclu": nil}, nil }); err != nil || len(found) != 1 {
					t.Errorf("got %v and %v", found, err)
				}
			})
			s.gathered(2)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.read(ctx, nil); !common.Is(err, common.Canceled) {
				t.Errorf("got %v for somebody who does not wait", err)
			}
			s.running.Unlock()
			all.Wait()
		})
	}
}

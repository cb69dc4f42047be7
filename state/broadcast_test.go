package state

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"ecs-api/state/statetest/proxy"
)

// ear is what one server hears.
type ear struct {
	*Broadcast
	received chan string // messages, and "disconnected" and "connected"
}

func listen(t *testing.T, r *Redis) ear {
	t.Helper()
	received := make(chan string, 100)
	b := r.Broadcast(t.Context(), "written", func(message string) { received <- message }, func(disconnected bool) {
		if disconnected {
			received <- "disconnected"
			return
		}
		received <- "connected"
	})
	t.Cleanup(b.Close)
	return ear{b, received}
}

// expect waits for what is received next.
func (e ear) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-e.received:
		if got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("received nothing, want %q", want)
	}
}

func TestServersHearEachOtherAndKnowWhenTheyDoNot(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	ra, toldA := open(t, "redis://"+server.Addr())
	rb, _ := open(t, "redis://"+server.Addr())
	a, b := listen(t, ra), listen(t, rb)
	a.expect(t, "connected")
	b.expect(t, "connected")
	if err := a.Publish(t.Context(), "local www"); err != nil {
		t.Fatal(err)
	}
	b.expect(t, "local www")
	if err := b.Publish(t.Context(), "local api"); err != nil {
		t.Fatal(err)
	}
	a.expect(t, "local api") // and not its own message before

	server.Close()
	a.expect(t, "disconnected")
	b.expect(t, "disconnected")
	if err := a.Publish(t.Context(), "lost"); !errors.Is(err, ErrDown) {
		t.Errorf("sent into the dark: %v", err)
	}
	for next(t, toldA).up {
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	a.expect(t, "connected")
	b.expect(t, "connected")
	for !next(t, toldA).up {
	}
	if err := a.Publish(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	b.expect(t, "again")
}

// lossy forwards connections to a Redis until it swallows what is sent.
func lossy(t *testing.T, to string) (address string, swallow *atomic.Bool) {
	t.Helper()
	swallow = &atomic.Bool{}
	pass := func([]byte) bool { return !swallow.Load() }
	return proxy.Start(t, to, pass, pass), swallow
}

func TestAConnectionThatIsHalfDeadIsNoticed(t *testing.T) {
	t.Parallel()
	address, swallow := lossy(t, miniredis.RunT(t).Addr())
	r, _ := open(t, "redis://"+address)
	e := listen(t, r)
	e.expect(t, "connected")
	swallow.Store(true)
	e.expect(t, "disconnected")
	swallow.Store(false)
	e.expect(t, "connected")
}

package state

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	swallow = &atomic.Bool{}
	var all sync.WaitGroup
	forward := func(from, to net.Conn) {
		defer func() { _, _ = from.Close(), to.Close() }()
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if swallow.Load() {
				continue
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			all.Go(func() { forward(here, there) })
			all.Go(func() { forward(there, here) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String(), swallow
}

func TestAConnectionThatIsHalfDeadIsNoticed(t *testing.T) {
	address, swallow := lossy(t, miniredis.RunT(t).Addr())
	r, _ := open(t, "redis://"+address)
	e := listen(t, r)
	e.expect(t, "connected")
	swallow.Store(true)
	e.expect(t, "disconnected")
	swallow.Store(false)
	e.expect(t, "connected")
}

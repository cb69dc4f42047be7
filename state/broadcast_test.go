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
	heard chan string // messages, and "deaf" and "hears"
}

func listen(t *testing.T, r *Redis) ear {
	t.Helper()
	heard := make(chan string, 100)
	b := r.Broadcast(t.Context(), "written", func(message string) { heard <- message }, func(deaf bool) {
		if deaf {
			heard <- "deaf"
			return
		}
		heard <- "hears"
	})
	t.Cleanup(b.Close)
	return ear{b, heard}
}

// expect waits for what is heard next.
func (e ear) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-e.heard:
		if got != want {
			t.Fatalf("heard %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("heard nothing, want %q", want)
	}
}

func TestServersHearEachOtherAndKnowWhenTheyDoNot(t *testing.T) {
	server := miniredis.RunT(t)
	ra, toldA := open(t, "redis://"+server.Addr())
	rb, _ := open(t, "redis://"+server.Addr())
	a, b := listen(t, ra), listen(t, rb)
	a.expect(t, "hears")
	b.expect(t, "hears")
	if err := a.Publish(t.Context(), "local www"); err != nil {
		t.Fatal(err)
	}
	b.expect(t, "local www")
	if err := b.Publish(t.Context(), "local api"); err != nil {
		t.Fatal(err)
	}
	a.expect(t, "local api") // and not its own message before

	server.Close()
	a.expect(t, "deaf")
	b.expect(t, "deaf")
	if err := a.Publish(t.Context(), "lost"); !errors.Is(err, ErrDown) {
		t.Errorf("sent into the dark: %v", err)
	}
	for next(t, toldA).up {
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	a.expect(t, "hears")
	b.expect(t, "hears")
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
	e.expect(t, "hears")
	swallow.Store(true)
	e.expect(t, "deaf")
	swallow.Store(false)
	e.expect(t, "hears")
}

// Package proxy is what tests put in front of a Redis to see, delay or drop what is sent. It is for tests only.
package proxy

import (
	"net"
	"sync"
	"testing"
)

// See looks at what is sent one way, and returns whether it is passed on.
type See func(sent []byte) bool

// Start forwards connections to an address until the test ends, and returns its own. Both functions are called at once by several connections.
func Start(t testing.TB, to string, request, response See) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := new(net.Dialer).DialContext(t.Context(), "tcp", to)
			if err != nil {
				_ = here.Close()
				continue
			}
			all.Go(func() { forward(here, there, request) })
			all.Go(func() { forward(there, here, response) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

// forward passes on what one connection sends to the other, until either ends, and closes both.
func forward(from, to net.Conn, see See) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !see(buffer[:n]) {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

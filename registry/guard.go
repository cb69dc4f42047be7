package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"

	"ecs-api/common"
)

const (
	maxRedirects = 10      // in one lookup
	maxError     = 4 << 10 // of the text that comes with an error
	maxBody      = 4 << 20 // the size to which the distribution specification lets registries limit manifests
	maxValues    = 50_000  // in the JSON of a response: many times as many as the largest images have
)

// fault is why a round trip was refused or failed, with the reason that the caller sees.
type fault struct {
	reason Reason
	err    error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func faultf(r Reason, format string, args ...any) error {
	return &fault{reason: r, err: fmt.Errorf(format, args...)}
}

// guard is the way out of one lookup: every request, redirects and token exchange included, passes it.
type guard struct {
	client   *Client
	registry string // the host[:port] that the image's name gives
	exempt   bool   // registry is allowed by name, so this lookup may reach allowed hosts at any address
	plain    bool   // allowed hosts are asked over plain HTTP

	reading   *reading
	redirects atomic.Int32
	unsent    atomic.Bool // credentials were not sent on
	noHTTPS   atomic.Bool // the registry's port speaks something else
	refused   atomic.Pointer[fault]
}

// RoundTrip sends req if its target is allowed, without the credentials if they are not for it, and returns a response whose body is
// bounded and that leads to an allowed place, if anywhere.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.roundTrip(req)
	if f, ok := errors.AsType[*fault](err); ok && f.reason == NotAllowed {
		g.refused.CompareAndSwap(nil, f)
	}
	return resp, err
}

func (g *guard) roundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req.URL); err != nil {
		return nil, err
	}
	if req.Response != nil && g.redirects.Add(1) > maxRedirects {
		return nil, faultf(Unusable, "more than %d redirects", maxRedirects)
	}
	if isBasic(req) && !g.trusts(req.URL) {
		g.unsent.Store(true)
		req = req.Clone(req.Context())
		req.Header.Del("Authorization")
	}
	way, err := g.way(req)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme == "https" && req.URL.Host == g.registry {
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			ConnectDone:      func(_, _ string, err error) { g.noteHTTPS(errors.Is(err, syscall.ECONNREFUSED)) },
			TLSHandshakeDone: func(_ tls.ConnectionState, err error) { g.noteHTTPS(notTLS(err)) },
		}))
	}
	resp, err := way.RoundTrip(req)
	if err != nil {
		return nil, failed(err)
	}
	if next := leadsTo(resp); next != nil {
		if err := g.check(next); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	content := io.Reader(http.MaxBytesReader(nil, resp.Body, maxBody))
	if resp.StatusCode >= 400 {
		content = io.LimitReader(resp.Body, maxError) // the status tells all we want to know; the rest may be a web page
	}
	resp.Body = &body{Reader: content, Closer: resp.Body, more: func(n int) error { return g.reading.more(req.Context(), n) }}
	return resp, nil
}

// noteHTTPS notes what a try to speak HTTPS with the registry showed of it.
func (g *guard) noteHTTPS(missing bool) {
	if missing {
		g.noHTTPS.Store(true)
	}
}

// notTLS reports whether a handshake failed because the other side does not speak TLS: it sent something else, or closed the connection. A
// certificate that does not hold is not such an error: plain HTTP would not make that right.
func notTLS(err error) bool {
	_, garbage := errors.AsType[tls.RecordHeaderError](err)
	return garbage || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// exempts reports whether u may be at any address.
func (g *guard) exempts(u *url.URL) bool { return g.exempt && g.client.allow.has(u) }

// check refuses what can be refused without resolving a name.
func (g *guard) check(u *url.URL) error {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !g.plain || !g.exempts(u)):
		return faultf(NotAllowed, "%s://%s: only HTTPS is allowed", u.Scheme, u.Host)
	case g.exempts(u):
		return nil
	case oddNumber(u.Hostname()):
		return faultf(NotAllowed, "%s is an address in disguise", u.Host)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !g.client.public(addr) {
		return faultf(NotAllowed, "%s is not a public address", addr)
	}
	return nil
}

// checkDial refuses an address, about to be dialled, that is not public.
func (c *Client) checkDial(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !c.public(ap.Addr()) {
		return faultf(NotAllowed, "%s is not a public address", address)
	}
	return nil
}

// way returns the transport for req. What goes through a proxy is checked here, as far as it can be; what does not, when it is dialled.
func (g *guard) way(req *http.Request) (http.RoundTripper, error) {
	c := g.client
	proxy, err := c.proxy(req)
	switch {
	case err != nil:
		return nil, faultf(Unreachable, "find the proxy: %w", err)
	case proxy == nil && g.exempts(req.URL):
		return c.inside, nil
	case proxy == nil:
		return c.direct, nil
	case g.exempts(req.URL):
		return c.proxied, nil
	}
	addrs, err := c.resolver.LookupNetIP(req.Context(), "ip", req.URL.Hostname())
	if err != nil {
		return c.proxied, nil // the proxy may know the name: see Options.Proxy
	}
	for _, addr := range addrs {
		if !c.public(addr.Unmap()) {
			return nil, faultf(NotAllowed, "%s resolves to %s, which is not a public address", req.URL.Hostname(), addr)
		}
	}
	return c.proxied, nil
}

// failed returns a transport's error as a fault.
func failed(err error) error {
	if _, ok := errors.AsType[*fault](err); ok {
		return err
	}
	return &fault{reason: Unreachable, err: err}
}

// trusts reports whether the caller's credentials may be sent to u: to the registry itself, to a token realm on its site, and to hosts
// that the configuration names.
func (g *guard) trusts(u *url.URL) bool {
	registry, _ := splitHost(g.registry)
	host, _ := splitHost(u.Host)
	return sameSite(registry, host) || g.client.allow.has(u)
}

func isBasic(req *http.Request) bool {
	scheme, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Basic")
}

var realm = regexp.MustCompile(`(?i)^\s*bearer\s.*\brealm="?([^",\s]+)`)

// leadsTo returns where a redirect, or the token realm of a 401, sends the client next; nil for nowhere.
func leadsTo(resp *http.Response) *url.URL {
	if resp.StatusCode == http.StatusUnauthorized {
		for _, challenge := range resp.Header.Values("WWW-Authenticate") {
			if m := realm.FindStringSubmatch(challenge); m != nil {
				if u, err := url.Parse(m[1]); err == nil && u.Host != "" {
					return u
				}
			}
		}
		return nil
	}
	if resp.StatusCode/100 != 3 {
		return nil
	}
	u, err := resp.Location()
	if err != nil {
		return nil
	}
	return u
}

// body is a response's body whose errors are faults. It breaks off what would cost too much to decode.
type body struct {
	io.Reader
	io.Closer
	more   func(n int) error // called with how much is read
	values common.ValueCounter
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	_, _ = b.values.Write(p[:n])
	if b.values.Values > maxValues {
		return 0, faultf(Unusable, "a response has over %d values", maxValues)
	}
	if err := b.more(n); err != nil {
		return 0, err
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return n, faultf(Unusable, "a response is over %d bytes", maxBody)
	}
	return n, &fault{reason: Unreachable, err: err}
}

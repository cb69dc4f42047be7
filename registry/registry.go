// Package registry asks container registries whether an image is there. It owns one rule: whatever host a caller names, and wherever
// that host leads, nothing is reached but public addresses over HTTPS, unless the configuration allows a registry by name.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"ecs-api/common"
)

// Options say how registries are reached. The zero value is what a server on the internet wants.
type Options struct {
	// Allow names the registries, as host (any port) or host:port, that may be at any address, and may speak plain HTTP if they
	// do not speak HTTPS. A token realm on another host than the registry's needs an entry of its own. The exemption holds only
	// while an image of an allowed registry is looked up: no other registry's redirect can make use of it.
	Allow []string
	// Timeout bounds one lookup as a whole, names, redirects and token included; 0 means 10 s.
	Timeout time.Duration
	// RootCAs are the certificate authorities to trust; nil means the system's.
	RootCAs *x509.CertPool
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
	// Proxy names the proxy for a request, or none; nil means http.ProxyFromEnvironment.
	//
	// Behind a proxy it is the proxy that resolves the name and dials, so our own check at dial time cannot be made, and the proxy's
	// address, usually an inside one, is trusted because the operator set it. What can be checked from here is checked before the
	// proxy is asked: an inside address as a literal, and a name that resolves to one here too. A name that does not resolve here
	// is left to the proxy, as many networks resolve public names nowhere else: such a proxy has to refuse inside addresses itself.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client looks images up. It is safe for concurrent use.
type Client struct {
	timeout  time.Duration
	allow    allowList
	public   func(netip.Addr) bool
	resolver *net.Resolver
	proxy    func(*http.Request) (*url.URL, error)
	places   chan struct{} // for lookups that read much: see reading

	direct  *http.Transport // dials public addresses only
	inside  *http.Transport // dials any address: for allowed registries
	proxied *http.Transport // dials the proxy and nothing else
}

// New returns a client that follows o.
func New(o Options) *Client { return newClient(o, publicAddr) }

// newClient is New with the rule of which addresses are public as a parameter: a test's registries are all on loopback.
func newClient(o Options, public func(netip.Addr) bool) *Client {
	c := &Client{timeout: o.Timeout, allow: newAllowList(o.Allow), public: public, resolver: o.Resolver, proxy: o.Proxy, places: make(chan struct{}, maxLarge)}
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	if c.proxy == nil {
		c.proxy = http.ProxyFromEnvironment
	}
	anywhere := &net.Dialer{Timeout: c.timeout, Resolver: o.Resolver}
	checked := &net.Dialer{Timeout: c.timeout, Resolver: o.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		return c.checkDial(address)
	}}
	transport := func(d *net.Dialer, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
		return &http.Transport{
			DialContext:            d.DialContext,
			Proxy:                  proxy,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs},
			TLSHandshakeTimeout:    c.timeout,
			MaxIdleConns:           16,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        15 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	c.direct, c.inside, c.proxied = transport(checked, nil), transport(anywhere, nil), transport(anywhere, c.proxy)
	return c
}

// CloseIdleConnections closes the connections that lookups left open for the next one; they close by themselves after 15 s.
func (c *Client) CloseIdleConnections() {
	for _, t := range []*http.Transport{c.direct, c.inside, c.proxied} {
		t.CloseIdleConnections()
	}
}

// Verify looks image up and says what is there, or why nothing is. creds may be nil. The error is a BadRequest if image is badly
// formed, and Canceled if the caller hung up; whatever goes wrong with the registry is in the Image.
//
// It fetches the manifest, which Docker Hub counts as a pull.
func (c *Client) Verify(ctx context.Context, image string, creds *Credentials) (*Image, error) {
	return c.lookUp(ctx, image, creds, describe)
}

// Head is Verify without the platforms, which costs a request less.
func (c *Client) Head(ctx context.Context, image string, creds *Credentials) (*Image, error) {
	return c.lookUp(ctx, image, creds, head)
}

func (c *Client) lookUp(ctx context.Context, image string, creds *Credentials, find finder) (*Image, error) {
	ref, err := parseReference(image, false)
	if err != nil {
		return nil, err
	}
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	host := ref.Context().RegistryStr()
	read := &reading{places: c.places}
	defer read.end()
	g := &guard{client: c, registry: host, reading: read, exempt: c.allow.has(&url.URL{Scheme: "https", Host: host})}
	found, err := ask(ctx, g, ref, creds, find)
	if err != nil && g.exempt && g.noHTTPS.Load() {
		if ref, err = parseReference(image, true); err != nil {
			return nil, err
		}
		g = &guard{client: c, registry: host, reading: read, exempt: true, plain: true}
		found, err = ask(ctx, g, ref, creds, find)
	}
	if err != nil && errors.Is(asked.Err(), context.Canceled) {
		return nil, common.Wrapf(asked.Err(), "verify image")
	}
	if err != nil {
		found = &Image{}
		if refused := g.refused.Load(); refused != nil {
			err = refused // the library may report another of its tries
		}
		found.Reason, found.Cause = explain(err)
		if found.Reason == NeedsAuthentication && g.unsent.Load() {
			found.Reason = Unsent
		}
	}
	found.Image = image
	if found.Platforms == nil {
		found.Platforms = []string{}
	}
	return found, nil
}

// authenticator returns creds as go-containerregistry wants them.
func authenticator(creds *Credentials) authn.Authenticator {
	if creds == nil {
		return authn.Anonymous
	}
	return &authn.Basic{Username: creds.Username, Password: creds.Password}
}

// options returns how go-containerregistry goes through g. It must not retry: its waits do not heed the context.
func options(ctx context.Context, g *guard, creds *Credentials) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(g),
		remote.WithAuth(authenticator(creds)),
		remote.WithUserAgent("ecs-api"),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithRetryStatusCodes(),
	}
}

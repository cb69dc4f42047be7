package registry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/net/dns/dnsmessage"
)

// world is a small internet on loopback: its names, and certificates for them. 127.0.0.0/8 is public in it but for 127.6.0.0/16; that
// and ::1 are the inside.
type world struct {
	t        *testing.T
	inside   string // an address of the inside that this machine has: only Linux has all of 127.0.0.0/8
	cert     tls.Certificate
	roots    *x509.CertPool
	resolver *net.Resolver

	mu    sync.Mutex
	names map[string][]string // name → the address of each answer of DNS in turn; the last one stays
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, inside: "127.6.0.1", names: map[string][]string{
		"reg.example.com": {"127.0.0.1"}, "auth.example.com": {"127.0.0.1"}, "cdn.example.net": {"127.0.0.1"}, "auth.evil.org": {"127.0.0.1"},
	}}
	if l, err := net.Listen("tcp", "127.6.0.1:0"); err != nil {
		w.inside = "::1"
	} else {
		_ = l.Close()
	}
	w.name("inside.example.com", w.inside)
	w.cert, w.roots = certificate(t)
	w.resolver = w.serveDNS()
	return w
}

// name lets name resolve to each of addrs in turn, and then to the last.
func (w *world) name(name string, addrs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[name] = addrs
}

func loopbackIsPublic(addr netip.Addr) bool {
	return netip.MustParsePrefix("127.0.0.0/8").Contains(addr) && !netip.MustParsePrefix("127.6.0.0/16").Contains(addr)
}

// noProxy keeps tests independent of the environment.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// client returns a client that lives in w.
func (w *world) client(o Options) *Client {
	o.RootCAs, o.Resolver = w.roots, w.resolver
	if o.Proxy == nil {
		o.Proxy = noProxy
	}
	c := newClient(o, loopbackIsPublic)
	w.t.Cleanup(c.CloseIdleConnections)
	return c
}

// serve runs h at ip over TLS and returns its port.
func (w *world) serve(ip string, h http.Handler) (port string) {
	return w.start(ip, h, &tls.Config{Certificates: []tls.Certificate{w.cert}})
}

// start runs h at ip, over TLS unless conf is nil, and returns its port.
func (w *world) start(ip string, h http.Handler, conf *tls.Config) (port string) {
	w.t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		w.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	s.Listener, s.TLS = l, conf
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if conf == nil {
		s.Start()
	} else {
		s.StartTLS()
	}
	w.t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// trap listens at ip and fails the test if anybody connects. It returns the port.
func (w *world) trap(ip string) (port string) {
	w.t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		w.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.t.Errorf("something connected to %s, which is inside", l.Addr())
			_ = conn.Close()
		}
	})
	w.t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// serveDNS returns a resolver that knows w's names and no others.
func (w *world) serveDNS() *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if resp := w.resolve(buf[:n]); resp != nil {
				_, _ = conn.WriteTo(resp, from)
			}
		}
	})
	w.t.Cleanup(func() { _ = conn.Close(); wg.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (w *world) resolve(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
	w.mu.Lock()
	defer w.mu.Unlock()
	name := strings.TrimSuffix(q.Name.String(), ".")
	if responses := w.names[name]; len(responses) > 0 {
		m.RCode = dnsmessage.RCodeSuccess
		var body dnsmessage.ResourceBody
		switch addr := netip.MustParseAddr(responses[0]); {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			body = &dnsmessage.AResource{A: addr.As4()}
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		}
		if body != nil {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: body}}
			w.names[name] = responses[min(1, len(responses)-1):]
		}
	}
	resp, _ := m.Pack()
	return resp
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:              []string{"*.example.com", "*.example.net", "*.evil.org"},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// images is an in-memory registry that everybody may read.
func images() http.Handler { return ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))) }

const (
	user     = "supahman"
	password = "dontkryptonitemebro"
)

// basicAuth lets only user in.
func basicAuth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			rw.Header().Set("WWW-Authenticate", `Basic realm="images of Krypton"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

const (
	userToken      = "token-of-a-user"
	anonymousToken = "token-of-nobody"
)

// tokenAuth lets in who has userToken, and sends the others to realm.
func tokenAuth(realm func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+userToken {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="`+realm()+`",service="registry"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// tokens is a token realm: it notes the Authorization headers it is sent, and gives everybody a token.
type tokens struct {
	mu   sync.Mutex
	seen []string
}

func (s *tokens) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Header.Get("Authorization"))
	switch u, p, ok := r.BasicAuth(); {
	case !ok:
		_, _ = io.WriteString(rw, `{"token": "`+anonymousToken+`"}`)
	case u == user && p == password:
		_, _ = io.WriteString(rw, `{"token": "`+userToken+`"}`)
	default:
		rw.WriteHeader(http.StatusUnauthorized)
	}
}

func (s *tokens) headers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.seen...)
}

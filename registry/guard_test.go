package registry

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// With the real rule of what is public, nothing inside is ever connected to, however it is spelled.
func TestInsideHostsAreNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p4, p6 := w.trap("127.0.0.1"), "5000"
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // not every container has IPv6
		_ = l.Close()
		p6 = w.trap("::1")
	}
	for _, host := range []string{
		"127.0.0.1:" + p4, "localhost:" + p4, "[::1]:" + p6, "[0:0:0:0:0:0:0:1]:" + p6, "[::ffff:7f00:1]:" + p4, "[64:ff9b::7f00:1]:" + p4, "0.0.0.0:" + p4, "[::]:" + p6, "127.1:" + p4, "127.0.1:" + p4,
		"2130706433:" + p4, "017700000001:" + p4, "0x7f000001:" + p4, "0177.0.0.1:" + p4, "0x7f.0.0.1:" + p4, "127.0.0.01:" + p4, "0:" + p4, "localhost",
		"169.254.169.254", "10.0.0.1", "10.255.255.255:5000", "172.16.0.1", "192.168.1.1:5000", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16",
		"[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "[2002:7f00:1::]", "2852039166:80", "0xa9fea9fe:80",
	} {
		c := New(Options{RootCAs: w.roots, Proxy: noProxy})
		got, err := c.Verify(t.Context(), host+"/x", &Credentials{user, password})
		if err != nil {
			t.Errorf("%s: %v", host, err)
		} else if want := NotAllowed; got.Exists || got.Reason != want {
			t.Errorf("%s: %q (%s), want %q", host, got.Reason, got.Cause, want)
		}
	}
}

func TestNamesThatLeadInsideAreNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	port := w.trap(w.inside)
	inside := []string{net.JoinHostPort(w.inside, port), "inside.example.com:" + port, "10.0.0.1", "169.254.169.254", "[::1]:" + port, "2852039166", "0xa9fea9fe"}

	refused := func(what, image string) {
		t.Helper()
		for _, creds := range []*Credentials{nil, {user, password}} {
			got, err := w.client(Options{}).Verify(t.Context(), image, creds)
			if err != nil {
				t.Errorf("%s: %v", what, err)
			} else if got.Exists || got.Reason != NotAllowed {
				t.Errorf("%s: %q (%s), want %q", what, got.Reason, got.Cause, NotAllowed)
			}
		}
	}
	refused("a name that resolves inside", "inside.example.com:"+port+"/x")
	for _, host := range inside {
		refused("a redirect to "+host, "reg.example.com:"+w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				http.Redirect(rw, r, "https://"+host+"/x", http.StatusTemporaryRedirect)
			}
		}))+"/x")
		refused("a redirect of the first request to "+host, "reg.example.com:"+w.serve("127.0.0.1", http.RedirectHandler("https://"+host+"/", http.StatusFound))+"/x")
		refused("a token realm at "+host, "reg.example.com:"+w.serve("127.0.0.1", tokenAuth(func() string { return "https://" + host + "/token" }, images()))+"/x")
		refused("a redirect of the token realm to "+host, "reg.example.com:"+w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				http.Redirect(rw, r, "https://"+host+"/", http.StatusFound)
				return
			}
			tokenAuth(func() string { return "https://" + r.Host + "/token" }, images()).ServeHTTP(rw, r)
		}))+"/x")
	}
}

func TestANameThatTurnsInsideBetweenRequestsIsNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.name("rebind.example.com", "127.0.0.1", w.inside)
	port := w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Connection", "close") // so that the next request dials, and resolves the name, again
	}))
	got, err := w.client(Options{}).Verify(t.Context(), "rebind.example.com:"+port+"/x", nil)
	if err != nil || got.Reason != NotAllowed {
		t.Errorf("got %+v, %v; want %q", got, err, NotAllowed)
	}
}

func TestPlainHTTPIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int32
	plain := w.start("127.0.0.1", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }), nil)
	for what, h := range map[string]http.Handler{
		"a redirect":    http.RedirectHandler("http://reg.example.com:"+plain+"/", http.StatusFound),
		"a token realm": tokenAuth(func() string { return "http://reg.example.com:" + plain + "/token" }, images()),
	} {
		got, err := w.client(Options{}).Verify(t.Context(), "reg.example.com:"+w.serve("127.0.0.1", h)+"/x", &Credentials{user, password})
		if err != nil || got.Reason != NotAllowed {
			t.Errorf("%s: got %+v, %v; want %q", what, got, err, NotAllowed)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("plain HTTP was spoken %d times", n)
	}
}

// notes hands out what h returns and writes down the Authorization headers that came.
type notes struct {
	http.Handler
	mu   sync.Mutex
	seen []string
}

func (n *notes) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	if a := r.Header.Get("Authorization"); a != "" {
		n.seen = append(n.seen, a)
	}
	n.mu.Unlock()
	n.Handler.ServeHTTP(rw, r)
}

func TestCredentialsGoToTheRegistryAndItsSiteOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	fill(t, h)
	creds := &Credentials{user, password}

	foreign := &tokens{}
	foreignRealm := "auth.evil.org:" + w.serve("127.0.0.1", foreign)
	image := "reg.example.com:" + w.serve("127.0.0.1", tokenAuth(func() string { return "https://" + foreignRealm + "/token" }, h)) + "/team/app:v1"
	got, err := w.client(Options{}).Verify(t.Context(), image, creds)
	if err != nil || got.Reason != Unsent {
		t.Errorf("a realm on another site: got %+v, %v; want %q", got, err, Unsent)
	}
	if seen := foreign.headers(); len(seen) == 0 || slices.ContainsFunc(seen, func(h string) bool { return h != "" }) {
		t.Errorf("a realm on another site saw %q, want requests without credentials", seen)
	}
	got, err = w.client(Options{Allow: []string{foreignRealm}}).Verify(t.Context(), image, creds)
	if err != nil || !got.Exists {
		t.Errorf("a realm on another site that the configuration names: got %+v, %v; want the image", got, err)
	}

	// Manifests and blobs served by a CDN: the registry's token and password are not for it.
	for what, auth := range map[string]func(http.Handler) http.Handler{
		"basic": basicAuth,
		"token": func(h http.Handler) http.Handler {
			realm := &tokens{}
			port := w.serve("127.0.0.1", realm)
			return tokenAuth(func() string { return "https://auth.example.com:" + port + "/token" }, h)
		},
	} {
		cdn := &notes{Handler: h}
		cdnPort := w.serve("127.0.0.1", cdn)
		port := w.serve("127.0.0.1", auth(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				http.Redirect(rw, r, "https://cdn.example.net:"+cdnPort+r.URL.Path, http.StatusTemporaryRedirect)
			}
		})))
		got, err := w.client(Options{}).Verify(t.Context(), "reg.example.com:"+port+"/team/app:v1", creds)
		if err != nil || !got.Exists || len(got.Platforms) != 1 {
			t.Errorf("%s: got %+v, %v; want the image by way of the CDN", what, got, err)
		}
		cdn.mu.Lock()
		if len(cdn.seen) > 0 {
			t.Errorf("%s: the CDN saw %q", what, cdn.seen)
		}
		cdn.mu.Unlock()
	}
}

func TestAllowedRegistries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	fill(t, h)
	secure := "inside.example.com:" + w.serve(w.inside, h)
	plain := net.JoinHostPort(w.inside, w.start(w.inside, basicAuth(h), nil))
	var downgraded atomic.Int32
	other, _ := certificate(t)
	forged := "inside.example.com:" + w.start(w.inside, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { downgraded.Add(1) }), &tls.Config{Certificates: []tls.Certificate{other}})
	referrer := "reg.example.com:" + w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(rw, r, "https://"+secure+r.URL.Path, http.StatusFound)
		}
	}))

	for _, tt := range []struct {
		what, registry string
		allow          []string
		want           Reason
	}{
		{"inside, not allowed", secure, nil, NotAllowed},
		{"inside, another allowed", secure, []string{"other.example.com", "inside.example.com:1"}, NotAllowed},
		{"inside, allowed with its port", secure, []string{strings.ToUpper(secure)}, ""},
		{"inside, allowed on any port", secure, []string{" inside.example.com "}, ""},
		{"plain HTTP, not allowed", plain, nil, NotAllowed},
		{"plain HTTP, allowed", plain, []string{plain}, ""},
		{"plain HTTP, allowed on another port", plain, []string{net.JoinHostPort(w.inside, "1")}, NotAllowed},
		{"allowed, nothing listens", "inside.example.com:1", []string{"inside.example.com"}, Unreachable},
		{"a forged certificate, allowed", forged, []string{forged}, Unreachable},
		{"a public registry that leads to an allowed one inside", referrer, []string{secure}, NotAllowed},
		{"an allowed registry that leads to another allowed one", referrer, []string{secure, referrer}, ""},
	} {
		c := w.client(Options{Allow: tt.allow})
		for range 2 { // the second finds open connections
			got, err := c.Verify(t.Context(), tt.registry+"/team/app:v1", &Credentials{user, password})
			if err != nil {
				t.Errorf("%s: %v", tt.what, err)
			} else if got.Reason != tt.want || got.Exists != (tt.want == "") {
				t.Errorf("%s: %+v, want %q", tt.what, got, tt.want)
			}
		}
	}
	if n := downgraded.Load(); n > 0 {
		t.Errorf("a registry with a forged certificate was spoken to %d times", n)
	}
}

// plainAfter serves h over plain HTTP to those who speak it, and sends greeting to those who begin a TLS handshake.
func plainAfter(w *world, greeting string, h http.Handler) (port string) {
	l, err := net.Listen("tcp", net.JoinHostPort(w.inside, "0"))
	if err != nil {
		w.t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(&sniffer{Listener: l, greeting: greeting}) }()
	w.t.Cleanup(func() { _ = s.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// sniffer is a listener that hands on the connections that do not begin with a TLS handshake.
type sniffer struct {
	net.Listener
	greeting string
}

func (s *sniffer) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		begin := make([]byte, 1)
		_, _ = io.ReadFull(conn, begin)
		if begin[0] != 0x16 { // handshake
			return &begun{Conn: conn, reader: io.MultiReader(strings.NewReader(string(begin)), conn)}, nil
		}
		_, _ = conn.Read(make([]byte, 64<<10)) // unread bytes would reset the connection before the greeting arrives
		_, _ = io.WriteString(conn, s.greeting)
		_ = conn.Close()
	}
}

// begun is a connection of which something was read.
type begun struct {
	net.Conn
	reader io.Reader
}

func (b *begun) Read(p []byte) (int, error) { return b.reader.Read(p) }

func TestAllowedRegistriesThatSpeakPlainHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	fill(t, h)
	elsewhere := w.trap("127.6.0.1")
	for what, tt := range map[string]struct {
		greeting string
		h        http.Handler
		want     Reason
	}{
		"it sends an HTTP error":           {"HTTP/1.0 400 Bad Request\r\n\r\n", h, ""},
		"it sends garbage":                 {"what?\r\n", h, ""},
		"it sends HTML":                    {"<!DOCTYPE html>", h, ""},
		"it closes the connection":         {"", h, ""},
		"it has no such image":             {"what?\r\n", images(), NotFound},
		"it redirects to an inside host":   {"what?\r\n", http.RedirectHandler("http://127.6.0.1:"+elsewhere+"/", http.StatusFound), NotAllowed},
		"its token realm is inside":        {"what?\r\n", tokenAuth(func() string { return "http://127.6.0.1:" + elsewhere + "/token" }, h), NotAllowed},
		"its token realm is inside, HTTPS": {"what?\r\n", tokenAuth(func() string { return "https://127.6.0.1:" + elsewhere + "/token" }, h), NotAllowed},
	} {
		registry := "inside.example.com:" + plainAfter(w, tt.greeting, tt.h)
		c := w.client(Options{Allow: []string{registry}})
		for how, ask := range map[string]func(context.Context, string, *Credentials) (*Image, error){"verify": c.Verify, "head": c.Head} {
			got, err := ask(t.Context(), registry+"/team/app:v1", &Credentials{user, password})
			if err != nil || got.Reason != tt.want || got.Exists != (tt.want == "") {
				t.Errorf("%s, %s: %+v %v, want %q", what, how, got, err, tt.want)
			}
		}
		if got, err := w.client(Options{}).Verify(t.Context(), registry+"/team/app:v1", nil); err != nil || got.Reason != NotAllowed {
			t.Errorf("%s, not allowed: %+v %v", what, got, err)
		}
	}
}

// connectProxy is an HTTP proxy that notes whom it is asked for and connects to the registry at to instead.
type connectProxy struct {
	to    string
	mu    sync.Mutex
	asked []string
}

func (p *connectProxy) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = up.Close() }()
	down, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = down.Close() }()
	_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(up, down); _ = up.Close() })
	_, _ = io.Copy(down, up)
	_ = down.Close()
	wg.Wait()
}

func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	fill(t, h)
	proxy := &connectProxy{to: "127.0.0.1:" + w.serve("127.0.0.1", h)}
	s := httptest.NewUnstartedServer(proxy)
	l, err := net.Listen("tcp", net.JoinHostPort(w.inside, "0")) // proxies are inside
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	o := Options{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(s.URL) }}

	for _, tt := range []struct {
		what, registry string
		want           Reason
	}{
		{"a public name", "reg.example.com", ""},
		{"a name that only the proxy knows", "unknown.example.com", ""},
		{"a public address", "127.0.0.1", ""},
		{"a name that is inside", "inside.example.com", NotAllowed},
		{"an inside address", "10.0.0.1", NotAllowed},
		{"the proxy's own address", l.Addr().String(), NotAllowed},
		{"an inside address in disguise", "0x7f.6.1", NotAllowed},
	} {
		proxy.mu.Lock()
		proxy.asked = nil
		proxy.mu.Unlock()
		c := w.client(o)
		got, err := c.Verify(t.Context(), tt.registry+"/team/app:v1", nil)
		c.CloseIdleConnections()
		if err != nil || got.Reason != tt.want {
			t.Errorf("%s: got %+v, %v; want %q", tt.what, got, err, tt.want)
		}
		proxy.mu.Lock()
		if (len(proxy.asked) > 0) != (tt.want == "") {
			t.Errorf("%s: the proxy was asked for %q", tt.what, proxy.asked)
		}
		proxy.mu.Unlock()
	}

	o.Proxy = func(*http.Request) (*url.URL, error) { return nil, fmt.Errorf("HTTPS_PROXY is not a URL") }
	if got, err := w.client(o).Verify(t.Context(), "reg.example.com/x", nil); err != nil || got.Reason != Unreachable {
		t.Errorf("a broken proxy setting: got %+v, %v; want %q", got, err, Unreachable)
	}
}

// What a response costs must not be out of proportion to its size: two bytes of it can become a struct of hundreds.
func TestResponsesThatAreLargeOnceDecodedAreNotDecoded(t *testing.T) {
	w := newWorld(t)
	full := func(open, item, end string) string { return open + item + strings.Repeat(","+item, 1<<20) + end }
	const image, index = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
	config := full(`{"os":"linux","history":[`, `{}`, `]}`)
	for name, resp := range map[string]struct{ media, manifest, config string }{
		"layers":    {image, full(`{"schemaVersion":2,"layers":[`, `{}`, `]}`), ""},
		"manifests": {index, full(`{"schemaVersion":2,"manifests":[`, `{}`, `]}`), ""},
		"history": {image, fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":"sha256:%x"},"layers":[]}`,
			len(config), sha256.Sum256([]byte(config))), config},
	} {
		t.Run(name, func(t *testing.T) {
			port := w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/blobs/") {
					_, _ = io.WriteString(rw, resp.config)
					return
				}
				rw.Header().Set("Content-Type", resp.media)
				_, _ = io.WriteString(rw, resp.manifest)
			}))
			c := w.client(Options{})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := c.Verify(t.Context(), "reg.example.com:"+port+"/x", nil)
			runtime.ReadMemStats(&after)
			if exists := resp.config != ""; err != nil || got.Exists != exists || !exists && got.Reason != Unusable {
				t.Errorf("%+v, %v", got, err)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 { // the server's part is in it
				t.Errorf("it took %d MiB", mib)
			}
		})
	}
}

// A registry that returns much, and slowly, holds up those alone who ask for much.
func TestFewLargeResponsesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	goOn := make(chan struct{})
	const media = "application/vnd.oci.image.index.v1+json"
	port := w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", media)
		_, _ = io.WriteString(rw, `{"schemaVersion":2,"manifests":[{}]`)
		if strings.Contains(r.URL.Path, "/large/") {
			_, _ = io.WriteString(rw, strings.Repeat(" ", 2*smallLookup))
			_ = http.NewResponseController(rw).Flush()
			<-goOn
		}
		_, _ = io.WriteString(rw, "}")
	}))
	c := w.client(Options{Timeout: time.Minute})
	verify := func(name string) string {
		got, err := c.Verify(t.Context(), "reg.example.com:"+port+"/"+name+"/x", nil)
		switch {
		case err != nil:
			return err.Error()
		case !got.Exists:
			return string(got.Reason) + " " + got.Cause
		}
		return ""
	}
	var wg sync.WaitGroup
	for range maxLarge + 4 {
		wg.Go(func() {
			if wrong := verify("large"); wrong != "" {
				t.Error(wrong)
			}
		})
	}
	for len(c.places) < maxLarge {
		runtime.Gosched()
	}
	if wrong := verify("small"); wrong != "" {
		t.Errorf("beside large ones: %s", wrong)
	}
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&reading{places: c.places}).more(hurried, smallLookup+1); err == nil {
		t.Error("there is one place more than there are")
	}
	close(goOn)
	wg.Wait()
	if n := len(c.places); n > 0 {
		t.Errorf("%d places are still taken", n)
	}
}

package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"ecs-api/localaws"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, tt := range []struct {
		name, path, media string
		holds             string
		policy            bool
	}{
		{"the document in YAML", "/openapi.yaml", "application/yaml", "openapi: 3.1.0", false},
		{"the document in JSON", "/openapi.json", "application/json", `"openapi":"3.1.0"`, false},
		{"the page", "/docs", "text/html; charset=utf-8", "docs/page.js", true},
		{"its script", "/docs/page.js", "text/javascript; charset=utf-8", `url: "openapi.json"`, true},
		{"its style", "/docs/page.css", "text/css; charset=utf-8", "dark-mode", true},
		{"its picture", "/docs/icon.svg", "image/svg+xml", "<svg", true},
		{"a guide", "/docs/callers.html", "text/html; charset=utf-8", `<h2 id="recipes">Recipes</h2>`, true},
		{"a guide as it is written", "/docs/callers.md", "text/markdown; charset=utf-8", "\n## Recipes\n", false},
		{"the guides' style", "/docs/guide.css", "text/css; charset=utf-8", "prefers-color-scheme", true},
		{"Swagger UI's script", "/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "SwaggerUIBundle", true},
		{"Swagger UI's style", "/docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := h.do(t, http.MethodGet, base+tt.path, "", "X-Auth-Token: ")
			etag := resp.Header.Get("ETag")
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, tt.holds) || !strings.HasPrefix(etag, `W/"`) {
				t.Errorf("got %d, ETag %s, without %q", resp.StatusCode, etag, tt.holds)
			}
			if got := resp.Header.Get("Content-Type"); got != tt.media {
				t.Errorf("Content-Type %q, want %q", got, tt.media)
			}
			if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("Cache-Control %q: what is kept must be asked for again", got)
			}
			if got := strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';"); got != tt.policy {
				t.Errorf("Content-Security-Policy %q", resp.Header.Get("Content-Security-Policy"))
			}
			again, rest := h.do(t, http.MethodGet, base+tt.path, "", "X-Auth-Token: ", "If-None-Match: "+etag)
			if again.StatusCode != http.StatusNotModified || rest != "" {
				t.Errorf("the same request got %d with %d bytes", again.StatusCode, len(rest))
			}
			if got := unpack(t, h, tt.path); got != body {
				t.Errorf("packed it is another text, of %d bytes and not %d", len(got), len(body))
			}
		})
	}
}

// unpack asks for a document packed, and unpacks it.
func unpack(t *testing.T, h *harness, path string) string {
	t.Helper()
	server := httptest.NewServer(h.Handler())
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers %v", resp.Header)
	}
	unpacked, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAPageWithATrailingSlashIsElsewhere: what a page links to is beside it, so a browser must know it by its own path.
func TestAPageWithATrailingSlashIsElsewhere(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for path, want := range map[string]string{"/docs/": "../docs", "/docs/callers.html/": "../callers.html"} {
		resp, _ := h.do(t, http.MethodGet, base+path, "", "X-Auth-Token: ")
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusMovedPermanently || got != want {
			t.Errorf("%s: %d %q", path, resp.StatusCode, got)
		}
	}
}

// nowhere is a response that nobody keeps.
type nowhere http.Header

func (n nowhere) Header() http.Header         { return http.Header(n) }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}

func TestDocumentsAreUnpackedOnce(t *testing.T) {
	h := newHarness(t, localaws.New())
	get := func() {
		h.Handler().ServeHTTP(nowhere{}, httptest.NewRequest(http.MethodGet, base+"/docs/swagger-ui-bundle.js", nil))
	}
	get()
	const times = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		get()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 64<<10 {
		t.Errorf("each took %d bytes", each)
	}
}

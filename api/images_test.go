package api

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	containers "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"ecs-api/config"
	"ecs-api/localaws"
)

// newRegistry starts a registry that holds image as app:v1, and returns its host. With a user it lets nobody else in.
func newRegistry(t *testing.T, image v1.Image, user, password string) string {
	t.Helper()
	images := containers.New(containers.Logger(log.New(io.Discard, "", 0)))
	locked := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if locked && (u != user || p != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	tag, err := name.NewTag(host+"/app:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	locked = user != ""
	return host
}

func TestImages(t *testing.T) {
	t.Parallel()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	open, locked, inside := newRegistry(t, image, "", ""), newRegistry(t, image, "user", "pw"), newRegistry(t, image, "", "")
	chart := newRegistry(t, mutate.ConfigMediaType(image, "application/vnd.cncf.helm.config.v1+json"), "", "")
	gone := httptest.NewServer(nil)
	gone.Close()
	nobody := strings.TrimPrefix(gone.URL, "http://")
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	c.Token = testToken
	c.Registries = []string{open, locked, nobody, chart}
	h := newHarnessWith(t, localaws.New(), c)
	creds := func(text string) string {
		return headerRegistry + ": " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	right, bad := creds(`{"username":"user","password":"pw"}`), creds(`{"username":"user","password":"hunter22"}`)

	for _, test := range []struct {
		name, query, auth string
		head, get         int
		want              map[string]any // of GET
	}{
		{"an image", "?image=" + open + "/app:v1", "", 200, 200, map[string]any{"exists": true, "reason": "", "digest": hash.String(), "image": open + "/app:v1"}},
		{"an image by its digest", "?image=" + open + "/app@" + hash.String(), "", 200, 200, map[string]any{"exists": true, "digest": hash.String()}},
		{"an image for those who may", "?image=" + locked + "/app:v1", right, 200, 200, map[string]any{"exists": true}},
		{"credentials that nobody asks for", "?image=" + open + "/app:v1", right, 200, 200, map[string]any{"exists": true}},
		{"no such tag", "?image=" + open + "/app:v2", "", 404, 200, map[string]any{"exists": false, "reason": "not found", "digest": "", "platforms.#": 0}},
		{"no credentials", "?image=" + locked + "/app:v1", "", 404, 200, map[string]any{"exists": false, "reason": "needs authentication"}},
		{"wrong credentials", "?image=" + locked + "/app:v1", bad, 404, 200, map[string]any{"exists": false, "reason": "needs authentication"}},
		{"a registry that nobody allowed", "?image=" + inside + "/app:v1", "", 400, 200, map[string]any{"exists": false, "reason": "address not allowed"}},
		{"a registry that is not there", "?image=" + nobody + "/app:v1", "", 500, 200, map[string]any{"exists": false, "reason": "registry unreachable"}},
		{"a Helm chart", "?image=" + chart + "/app:v1", "", 404, 200, map[string]any{"exists": false, "reason": "not an image", "detail": "its config is of type application/vnd.cncf.helm.config.v1+json"}},
		{"an upper-case repository", "?image=" + open + "/App:v1", "", 400, 400, map[string]any{"errors.0.field": "image", "errors.0.detail": "must have its repository in lower case"}},
		{"no image", "", "", 400, 400, wrong("image")},
		{"an empty image", "?image=", "", 400, 400, wrong("image")},
		{"two images", "?image=a&image=b", "", 400, 400, wrong("image")},
		{"a name that is none", "?image=UPPER/../x", "", 400, 400, wrong("image")},
		{"an address", "?image=https%3A%2F%2Fuser%3Ahunter22@host%2Fapp", "", 400, 400, wrong("image")},
		{"credentials that are none", "?image=" + open + "/app:v1", headerRegistry + ": *", 400, 400, wrong("X-Registry-Auth")},
		{"half of the credentials", "?image=" + open + "/app:v1", creds(`{"username":"user"}`), 400, 400, wrong("X-Registry-Auth")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if resp, body := h.do(t, "HEAD", base+"/images"+test.query, "", test.auth); resp.StatusCode != test.head {
				t.Errorf("HEAD returned %d %s, want %d", resp.StatusCode, body, test.head)
			}
			resp, body := h.do(t, "GET", base+"/images"+test.query, "", test.auth)
			if resp.StatusCode != test.get {
				t.Fatalf("GET returned %d %s, want %d", resp.StatusCode, body, test.get)
			}
			for path, want := range test.want {
				if got := at(t, body, path); got != want {
					t.Errorf("GET returned %s: %s is %v, want %v", body, path, got, want)
				}
			}
		})
	}
	if resp, _ := h.do(t, "HEAD", base+"/images?image="+open+"/app:v1", "", headerToken+": wrong"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a token HEAD returned %d", resp.StatusCode)
	}
	if strings.Contains(h.log.String(), "hunter22") {
		t.Error("credentials are in the log")
	}
}

// A real connection shows what HEAD sends: the head, and nothing else.
func TestVerifyingAnImageReturnsNoBody(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+base+"/images?image=..", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(headerToken, testToken)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || len(body) > 0 || err != nil {
		t.Errorf("got %d %q %v", resp.StatusCode, body, err)
	}
}

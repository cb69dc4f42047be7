package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"ecs-api/common"
)

// inProcess serves requests from a handler.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	h.ServeHTTP(rec, served)
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

// pushed is what a test put into a registry.
type pushed struct{ image, index string } // digests

// fill puts team/app:v1, an image for linux/arm64/v8, and team/app:multi, an index of three platforms and an attestation, into h.
func fill(t *testing.T, h http.Handler) pushed {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	repo, err := name.NewRepository("reg.example.com/team/app")
	must(err)
	img, err := random.Image(64, 1)
	must(err)
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "arm64", Variant: "v8", RootFS: v1.RootFS{Type: "layers"}})
	must(err)
	must(remote.Write(repo.Tag("v1"), img, remote.WithTransport(inProcess{h})))
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range []v1.Platform{
		{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64", Variant: "v8"},
		{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1"}, {OS: "windows", Architecture: "amd64", OSVersion: "10.0.2"},
		{OS: "unknown", Architecture: "unknown"}, {OS: "li\nnux", Architecture: "amd64"},
	} {
		child, err := random.Image(64, 1)
		must(err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: child, Descriptor: v1.Descriptor{Platform: &p}})
	}
	must(remote.WriteIndex(repo.Tag("multi"), index, remote.WithTransport(inProcess{h})))
	imageDigest, err := img.Digest()
	must(err)
	indexDigest, err := index.Digest()
	must(err)
	return pushed{image: imageDigest.String(), index: indexDigest.String()}
}

// same compares Images, but for the cause, which is prose.
func same(t *testing.T, what string, got, want *Image) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Image{}, "Cause")); diff != "" {
		t.Errorf("%s (-want +got):\n%s\ncause: %s", what, diff, got.Cause)
	}
}

func TestImagesOfAnOpenRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	digests := fill(t, h)
	c := w.client(Options{})
	repo := "reg.example.com:" + w.serve("127.0.0.1", h) + "/team/app"

	single := Image{Exists: true, Digest: digests.image, MediaType: string(types.DockerManifestSchema2), Platforms: []string{"linux/arm64/v8"}}
	multi := Image{Exists: true, Digest: digests.index, MediaType: string(types.OCIImageIndex), Platforms: []string{"linux/amd64", "linux/arm64/v8", "windows/amd64"}}
	missing := Image{Platforms: []string{}, Reason: NotFound}
	for _, tt := range []struct {
		what, image string
		want        Image
	}{
		{"an image by its tag", repo + ":v1", single},
		{"an image by its digest", repo + "@" + digests.image, single},
		{"an image by tag and digest: the digest counts", repo + ":other@" + digests.image, single},
		{"an index by its tag", repo + ":multi", multi},
		{"an index by its digest", repo + "@" + digests.index, multi},
		{"no such tag", repo + ":v2", missing},
		{"no tag means latest", repo, missing},
		{"no such digest", repo + "@sha256:" + strings.Repeat("0", 64), missing},
		{"no such repository", repo + "s:v1", missing},
	} {
		tt.want.Image = tt.image
		got, err := c.Verify(t.Context(), tt.image, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		same(t, "verify "+tt.what, got, &tt.want)

		got, err = c.Head(t.Context(), tt.image, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		tt.want.Platforms = []string{}
		same(t, "head "+tt.what, got, &tt.want)
	}
}

func TestImagesBehindAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := images()
	digests := fill(t, h)
	realm := &tokens{}
	authPort := w.serve("127.0.0.1", realm)
	basic := "reg.example.com:" + w.serve("127.0.0.1", basicAuth(h)) + "/team/app:v1"
	token := "reg.example.com:" + w.serve("127.0.0.1", tokenAuth(func() string { return "https://auth.example.com:" + authPort + "/token" }, h)) + "/team/app:v1"
	c := w.client(Options{})

	for _, image := range []string{basic, token} {
		for _, tt := range []struct {
			what  string
			creds *Credentials
			want  Reason
		}{
			{"no credentials", nil, NeedsAuthentication},
			{"wrong credentials", &Credentials{user, "wrong"}, NeedsAuthentication},
			{"right credentials", &Credentials{user, password}, ""},
		} {
			want := &Image{Image: image, Platforms: []string{}, Reason: tt.want}
			if tt.want == "" {
				want = &Image{Image: image, Exists: true, Digest: digests.image, MediaType: string(types.DockerManifestSchema2), Platforms: []string{"linux/arm64/v8"}}
			}
			got, err := c.Verify(t.Context(), image, tt.creds)
			if err != nil {
				t.Fatalf("%s: %v", tt.what, err)
			}
			same(t, tt.what+", "+image, got, want)
		}
	}
	authorized := slices.DeleteFunc(realm.headers(), func(h string) bool { return h == "" })
	if len(authorized) != 2 || !strings.HasPrefix(authorized[0], "Basic ") || !strings.HasPrefix(authorized[1], "Basic ") {
		t.Errorf("the token realm on the registry's own site saw the credentials %q, want both", authorized)
	}
}

// Responses that are no image, or none at all, and what becomes of them.
func TestRegistriesThatMisbehave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
	}
	says := func(contentType, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(rw, body)
		}
	}
	for _, tt := range []struct {
		what string
		h    http.HandlerFunc
		want Reason
	}{
		{"a web site that responds to everything", says("text/html", "<html>welcome</html>"), Unusable},
		{"JSON that is no manifest", says("application/json", `{"hello": "world"}`), Unusable},
		{"a manifest that is no JSON", says(string(types.OCIManifestSchema1), "<html>"), Unusable},
		{"a manifest of the wrong form", says(string(types.OCIImageIndex), `{"manifests": "none"}`), Unusable},
		{"brackets 200,000 deep", says(string(types.OCIManifestSchema1), strings.Repeat("[", 200_000)), Unusable},
		{"a manifest over 4 MiB", says(string(types.OCIManifestSchema1), `{"x": "`+strings.Repeat("x", 4<<20)+`"}`), Unusable},
		{"no registry at all", status(http.StatusNotFound), NotFound},
		{"forbidden", status(http.StatusForbidden), NeedsAuthentication},
		{"too many requests", status(http.StatusTooManyRequests), RateLimited},
		{"failing", status(http.StatusBadGateway), Unreachable},
		{"failing at length", func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(rw, strings.Repeat("sorry ", 100_000))
		}, Unreachable},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unreachable},
		{"a realm without a token", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(rw, `{}`)
				return
			}
			tokenAuth(func() string { return "https://" + r.Host + "/token" }, http.NotFoundHandler()).ServeHTTP(rw, r)
		}, Unusable},
		{"a circle of redirects", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				http.Redirect(rw, r, r.URL.Path, http.StatusFound)
			}
		}, Unusable},
		{"headers over 64 KiB", func(rw http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				rw.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1024))
			}
		}, Unreachable},
	} {
		c := w.client(Options{})
		image := "reg.example.com:" + w.serve("127.0.0.1", tt.h) + "/x"
		for how, ask := range map[string]func(context.Context, string, *Credentials) (*Image, error){"verify": c.Verify, "head": c.Head} {
			got, err := ask(t.Context(), image, nil)
			if err != nil {
				t.Fatalf("%s %s: %v", how, tt.what, err)
			}
			same(t, how+" "+tt.what, got, &Image{Image: image, Platforms: []string{}, Reason: tt.want})
		}
	}
}

// A lookup is bounded in requests too: it follows 10 redirects, and it does not retry.
func TestALookupAsksOnlySoOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		what string
		h    http.HandlerFunc
		want int32
	}{
		{"redirects", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, r.URL.Path+"x", http.StatusFound) }, 10},
		{"redirects of the manifest", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				http.Redirect(rw, r, r.URL.Path+"x", http.StatusFound)
			}
		}, 12},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1},
		{"failing", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) }, 1},
	} {
		var asked atomic.Int32
		port := w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			tt.h(rw, r)
		}))
		got, err := w.client(Options{}).Verify(t.Context(), "reg.example.com:"+port+"/x", nil)
		if err != nil || got.Exists || asked.Load() != tt.want {
			t.Errorf("%s: %d requests, want %d; got %+v, %v", tt.what, asked.Load(), tt.want, got, err)
		}
	}
}

func TestServersThatAreHardlyRegistries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const index = `{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json"}]}`
	for what, h := range map[string]http.HandlerFunc{
		"a web server that knows neither digest nor type": func(http.ResponseWriter, *http.Request) {},
		"a registry without HEAD": func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				rw.WriteHeader(http.StatusMethodNotAllowed)
			}
		},
	} {
		image := "reg.example.com:" + w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			h(rw, r)
			_, _ = io.WriteString(rw, index)
		})) + "/static:v1"
		got, err := w.client(Options{}).Head(t.Context(), image, nil)
		if err != nil || !got.Exists || got.MediaType != string(types.OCIImageIndex) {
			t.Errorf("%s: got %+v, %v; want an OCI index", what, got, err)
		}
	}
}

// artifacts are manifests that are no images, by what they are.
var artifacts = map[string]struct{ mediaType, manifest, detail string }{
	"a Helm chart": {string(types.OCIManifestSchema1), `{"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}, "layers": []}`,
		"its config is of type application/vnd.cncf.helm.config.v1+json"},
	"an SBOM": {string(types.OCIManifestSchema1), `{"schemaVersion": 2, "artifactType": "application/spdx+json", "config": {"mediaType": "application/vnd.oci.empty.v1+json"}}`,
		"it is an artifact of type application/spdx+json"},
	"an artifact with an image's config": {string(types.OCIManifestSchema1), `{"schemaVersion": 2, "artifactType": "application/x", "config": {"mediaType": "application/vnd.oci.image.config.v1+json"}}`,
		"it is an artifact of type application/x"},
	"a plugin of Docker's": {string(types.DockerManifestSchema2), `{"schemaVersion": 2, "config": {"mediaType": "application/vnd.docker.plugin.v1+json"}}`,
		"its config is of type application/vnd.docker.plugin.v1+json"},
	"a manifest without a config": {string(types.OCIManifestSchema1), `{"schemaVersion": 2}`, "its config is of type unknown"},
	"a config of a type that breaks lines": {string(types.OCIManifestSchema1), `{"schemaVersion": 2, "config": {"mediaType": "a/b\nlevel=error"}}`,
		"its config is of type unknown"},
	"an empty index": {string(types.OCIImageIndex), `{"schemaVersion": 2, "manifests": []}`, "the index is empty"},
	"an index of artifacts": {string(types.OCIImageIndex), `{"schemaVersion": 2, "manifests": [
		{"mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/spdx+json"},
		{"mediaType": "application/vnd.oci.image.manifest.v1+json", "platform": {"os": "unknown", "architecture": "unknown"}},
		{"mediaType": "application/octet-stream"}]}`, "no manifest in the index is an image's"},
}

func TestArtifactsThatAreNoImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, a := range artifacts {
		image := "reg.example.com:" + w.serve("127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", a.mediaType)
			_, _ = io.WriteString(rw, a.manifest)
		})) + "/x:v1"
		digest, _, err := v1.SHA256(strings.NewReader(a.manifest))
		if err != nil {
			t.Fatal(err)
		}
		c := w.client(Options{})
		for how, ask := range map[string]func(context.Context, string, *Credentials) (*Image, error){"verify": c.Verify, "head": c.Head} {
			got, err := ask(t.Context(), image, nil)
			if err != nil {
				t.Fatalf("%s %s: %v", how, what, err)
			}
			same(t, how+" "+what, got, &Image{Image: image, Digest: digest.String(), MediaType: a.mediaType, Platforms: []string{}, Reason: NotAnImage, Detail: a.detail})
		}
	}
}

func TestARegistryThatCannotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	silent := w.serve("127.0.0.1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(release) })
	slow := w.client(Options{Timeout: 50 * time.Millisecond})
	strangers := newClient(Options{Resolver: w.resolver, Proxy: noProxy}, loopbackIsPublic) // do not trust w's authority

	for _, tt := range []struct {
		what, image string
		c           *Client
	}{
		{"a name that does not resolve", "nosuch.example.com/x", w.client(Options{})},
		{"Docker Hub from a network without it", "nginx", w.client(Options{})},
		{"a port where nothing listens", "reg.example.com:1/x", w.client(Options{})},
		{"a registry that never responds", "reg.example.com:" + silent + "/x", slow},
		{"a certificate of an unknown authority", "reg.example.com:" + silent + "/x", strangers},
		{"plain HTTP", "reg.example.com:" + w.start("127.0.0.1", images(), nil) + "/x", w.client(Options{})},
	} {
		got, err := tt.c.Verify(t.Context(), tt.image, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		same(t, tt.what, got, &Image{Image: tt.image, Platforms: []string{}, Reason: Unreachable})
		if got.Cause == "" {
			t.Errorf("%s: no cause for the log", tt.what)
		}
	}
}

func TestACallerWhoHangsUpGetsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	port := w.serve("127.0.0.1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	got, err := w.client(Options{}).Verify(ctx, "reg.example.com:"+port+"/x", nil)
	if got != nil || !common.Is(err, common.Canceled) {
		t.Errorf("got %v, %v; want an error of kind Canceled", got, err)
	}
}

func TestEveryReasonHasAStatusOfTheSeeds(t *testing.T) {
	t.Parallel()
	want := map[Reason]int{"": 200, NotFound: 404, NotAnImage: 404, NeedsAuthentication: 404, Unsent: 404, NotAllowed: 400, Unusable: 404, RateLimited: 500, Unreachable: 500, "new": 500}
	for reason, status := range want {
		if got := reason.Status(); got != status || !slices.Contains([]int{200, 400, 404, 500}, got) {
			t.Errorf("%q: status %d, want %d", reason, got, status)
		}
	}
}

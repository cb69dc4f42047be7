package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"testing"

	"ecs-api/common"
)

const sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var goodImages = map[string]string{ // as written → as looked up
	"nginx":                             "index.docker.io/library/nginx:latest",
	"nginx:1.29-alpine":                 "index.docker.io/library/nginx:1.29-alpine",
	"library/nginx":                     "index.docker.io/library/nginx:latest",
	"user/img":                          "index.docker.io/user/img:latest",
	"docker.io/user/img":                "index.docker.io/user/img:latest",
	"index.docker.io/nginx":             "index.docker.io/library/nginx:latest",
	"nginx@" + sha:                      "index.docker.io/library/nginx@" + sha,
	"ghcr.io/org/team/app_x:V1":         "ghcr.io/org/team/app_x:V1",
	"localhost/x":                       "localhost/x:latest",
	"reg.example.com:5000/x:y@" + sha:   "reg.example.com:5000/x@" + sha,
	"[2001:db8::1]:5000/x":              "[2001:db8::1]:5000/x:latest",
	"2130706433/x":                      "index.docker.io/2130706433/x:latest",
	"nginx:5000":                        "index.docker.io/library/nginx:5000",
	"123456789012.dkr.ecr.aws/app:2026": "123456789012.dkr.ecr.aws/app:2026",
}

var badImages = []string{
	"", " ", "/", ":", "@", "nginx:", "nginx@", "/nginx", "nginx/", "a//b", "../etc/passwd", "a/../b", "a/..", "reg.example.com/../../admin", "reg.example.com/./x",
	"nginx:..", "nginx:../../x", "nginx:-x", "nginx@sha256:abc", "nginx@md5:d41d8cd98f00b204e9800998ecf8427e", "nginx@sha384:" + strings.Repeat("a", 96), "nginx:..@" + sha,
	"Nginx", "user/Img", "nginx latest", "nginx\n", "\nnginx", "nginx\x00", "nginx\r\nHost: x", "ngi\tnx", "nginx%2f..", "nginx?x=y", "nginx#x", "nginx\\x", "ngïnx", "\xff",
	"https://reg.example.com/x", "http://127.0.0.1/x", "file:///etc/passwd", "user:pw@reg.example.com/x",
	"reg.example.com:0/x", "reg.example.com:65536/x", "reg.example.com:99999999999999999999/x", "reg.example.com:/x", "reg.example.com:a/x", "reg.example.com:-1/x",
	"reg..example.com/x", "-reg.example.com/x", "reg.example.com./x", "[::1/x", "[::1%25lo]:80/x", "[:::::]/x", "[127.0.0.1]/x", "::1/x",
	strings.Repeat("a", 300), "nginx:" + strings.Repeat("a", 129), strings.Repeat("a", 5000), strings.Repeat("a", 64),
}

func TestReferencesAreReadAsDockerReadsThem(t *testing.T) {
	t.Parallel()
	for image, want := range goodImages {
		ref, err := parseReference(image, false)
		if err != nil {
			t.Errorf("%q: %v", image, err)
		} else if ref.Name() != want {
			t.Errorf("%q is %q, want %q", image, ref.Name(), want)
		}
	}
}

func TestUpperCaseIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{"Nginx": true, "user/Img:V1": true, "ghcr.io/Org/app@" + sha: true, "Nginx:": false, "UPPER/../x": false} {
		_, err := parseReference(image, false)
		if got := err != nil && strings.Contains(common.Public(err), "lower case"); got != want {
			t.Errorf("%q: %v; says lower case: %t, want %t", image, err, got, want)
		}
	}
}

func TestBadReferencesAreBadRequests(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for _, image := range badImages {
		got, err := c.Verify(t.Context(), image, nil)
		if got != nil || !common.Is(err, common.BadRequest) {
			t.Errorf("%.80q: got %v, %v; want a BadRequest", image, got, err)
		}
	}
	_, err := c.Verify(t.Context(), "https://user:hunter2@reg.example.com/x", nil)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats the reference: %v", err)
	}
}

// Whatever the reference, nothing panics, no connection is made but for a well formed one, and its URLs stay below /v2/ of its host.
func FuzzVerify(f *testing.F) {
	for image := range goodImages {
		f.Add(image)
	}
	for _, image := range badImages {
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image string) {
		c := New(Options{Proxy: noProxy, Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no names in a fuzz test")
		}}})
		c.public = func(netip.Addr) bool { return false } // so that no dial gets past the check
		ref, bad := parseReference(image, false)
		got, err := c.Verify(t.Context(), image, nil)
		switch {
		case (bad == nil) != (err == nil):
			t.Fatalf("parse: %v; verify: %v", bad, err)
		case err != nil:
			if !common.Is(err, common.BadRequest) {
				t.Fatalf("%q: %v, want a BadRequest", image, err)
			}
			return
		case got.Exists || got.Reason != NotAllowed && got.Reason != Unreachable:
			t.Fatalf("%q: %+v", image, got)
		}
		repo := ref.Context()
		p := "/v2/" + repo.RepositoryStr() + "/manifests/" + ref.Identifier()
		if path.Clean(p) != p || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`?#%\`, r) }) {
			t.Fatalf("%q leads to the path %q", image, p)
		}
		req, err := http.NewRequest(http.MethodGet, "https://"+repo.RegistryStr()+p, nil)
		if err != nil || req.URL.Path != p || req.URL.User != nil || !strings.EqualFold(req.URL.Host, repo.RegistryStr()) {
			t.Fatalf("%q leads to %v, %v", image, req, err)
		}
	})
}

package e2e

import (
	"encoding/base64"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	images "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestImages(t *testing.T) {
	parallel(t)
	server := httptest.NewServer(images.New(images.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	image := must(random.Image(64, 1))(t)
	if err := remote.Write(must(name.NewTag(host+"/app:v1", name.Insecure))(t), image); err != nil {
		t.Fatal(err)
	}
	digest := must(image.Digest())(t)

	w := newWorld(t, func(config map[string]any) { config["registries"] = []string{host} })
	w.set("host", host)
	w.set("digest", digest.String())
	w.set("credentials", base64.StdEncoding.EncodeToString([]byte(`{"username": "supahman", "password": "dontkryptonitemebro"}`)))
	w.run(t, []row{
		{name: "there", send: "HEAD /images?image=${host}/app:v1", status: 200},
		{name: "there, by digest", send: "HEAD /images?image=${host}/app@${digest}", status: 200},
		{name: "there, with credentials", send: "HEAD /images?image=${host}/app:v1", status: 200, header: []string{"X-Registry-Auth: ${credentials}"}},
		{name: "not there", send: "HEAD /images?image=${host}/app:v2", status: 404},
		{name: "no name", send: "HEAD /images?image=${host}/APP", status: 400},
		{name: "nothing asked for", send: "HEAD /images", status: 400},
		{name: "credentials that are none", send: "HEAD /images?image=${host}/app:v1", status: 400, header: []string{"X-Registry-Auth: nonsense"}},
		{name: "an inside address", send: "HEAD /images?image=169.254.169.254/latest", status: 400},
		{name: "an allowed host's other port", send: "HEAD /images?image=127.0.0.1:1/app", status: 400},
		{name: "what is there", send: "GET /images?image=${host}/app:v1", status: 200, response: `{"image": "~app:v1", "exists": true, "digest": "${digest}"}`},
		{name: "why it is not there", send: "GET /images?image=${host}/app:v2", status: 200, response: `{"exists": false, "reason": "~."}`},
		{name: "no token", send: "HEAD /images?image=${host}/app:v1", status: 403, header: []string{"X-Auth-Token: "}},
	})
}

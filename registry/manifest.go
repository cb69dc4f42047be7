package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// finder looks ref up in the registry that p has logged in to.
type finder func(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, error)

// ask looks ref up through g.
func ask(ctx context.Context, g *guard, ref name.Reference, creds *Credentials, find finder) (*Image, error) {
	p, err := remote.NewPuller(options(ctx, g, creds)...)
	if err != nil {
		return nil, err
	}
	return find(ctx, p, ref)
}

// head is the finder that wants no platforms. It fetches the manifest all the same: the headers do not tell an image from a Helm chart.
func head(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, error) {
	found, _, err := manifest(ctx, p, ref)
	if err != nil {
		return nil, err
	}
	found.Platforms = nil
	return found, nil
}

// describe is the finder that wants the platforms too. Those of a single image are in its config: if that cannot be read, the image
// still exists.
func describe(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, error) {
	got, desc, err := manifest(ctx, p, ref)
	if err != nil || !got.Exists || !types.MediaType(got.MediaType).IsImage() {
		return got, err
	}
	if img, err := desc.Image(); err == nil {
		if config, err := img.ConfigFile(); err == nil {
			got.Platforms = platforms(config.Platform())
		}
	}
	return got, nil
}

// document is what matters here of a manifest, and of an index.
type document struct {
	MediaType    string `json:"mediaType"`
	ArtifactType string `json:"artifactType"`
	Config       struct {
		MediaType string `json:"mediaType"`
	} `json:"config"`
	Manifests []struct {
		MediaType    string       `json:"mediaType"`
		ArtifactType string       `json:"artifactType"`
		Platform     *v1.Platform `json:"platform"`
	} `json:"manifests"`
}

// manifest fetches what ref names, and reads the platforms if that is an index.
func manifest(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, *remote.Descriptor, error) {
	desc, err := p.Get(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	var doc document
	if err := json.NewDecoder(bytes.NewReader(desc.Manifest)).Decode(&doc); err != nil {
		return nil, nil, faultf(Unusable, "the manifest is not JSON of the right form")
	}
	mt := mediaType(string(desc.MediaType))
	if mt == "" {
		mt = mediaType(doc.MediaType) // static web servers do not know the type
	}
	if mt == "" {
		return nil, nil, faultf(Unusable, "the response is not a manifest")
	}
	found := &Image{Exists: true, Digest: desc.Digest.String(), MediaType: string(mt)}
	if found.Detail = doc.noImage(mt); found.Detail != "" {
		found.Exists, found.Reason, found.Cause = false, NotAnImage, found.Detail
		return found, desc, nil
	}
	if mt.IsIndex() {
		all := make([]*v1.Platform, len(doc.Manifests))
		for i, m := range doc.Manifests {
			all[i] = m.Platform
		}
		found.Platforms = platforms(all...)
	}
	return found, desc, nil
}

// noImage says why a manifest of type mt is no container image, or "" if it is one. An image's config is of a type of its own; other
// artifacts (Helm charts, SBOMs, signatures, Docker's plugins) are stored as manifests too, and say what they are by the config's type or by
// artifactType: see the OCI image specification, "Guidelines for Artifact Usage".
func (d document) noImage(mt types.MediaType) string {
	switch {
	case mt.IsIndex() && len(d.Manifests) == 0:
		return "the index is empty"
	case mt.IsIndex():
		for _, m := range d.Manifests {
			attestation := m.Platform != nil && m.Platform.OS == "unknown" && m.Platform.Architecture == "unknown"
			if !attestation && imageType(m.ArtifactType) && (m.MediaType == "" || mediaType(m.MediaType) != "") { // some tools leave the type out
				return ""
			}
		}
		return "no manifest in the index is an image's"
	case !imageType(d.ArtifactType):
		return "it is an artifact of type " + printable(d.ArtifactType)
	case slices.Contains(imageConfigs, d.Config.MediaType), mt.IsSchema1():
		return ""
	}
	return "its config is of type " + printable(d.Config.MediaType)
}

// imageConfigs are the types of an image's config. Docker before 1.10.2 wrote the last one.
var imageConfigs = []string{string(types.OCIConfigJSON), string(types.DockerConfigJSON), "application/octet-stream"}

// imageType reports whether an artifactType is that of an image: none, or its config's type, as the specification tells index writers to copy.
func imageType(artifact string) bool {
	return artifact == "" || slices.Contains(imageConfigs, artifact)
}

// printable returns a media type that a registry sent as one that can be shown.
func printable(mediaType string) string {
	if base, _, err := mime.ParseMediaType(mediaType); err == nil && len(base) <= 127 {
		return base
	}
	return "unknown"
}

// mediaType returns the manifest type that a Content-Type names, or "" if it names none.
func mediaType(contentType string) types.MediaType {
	base, _, err := mime.ParseMediaType(contentType)
	if mt := types.MediaType(base); err == nil && (mt.IsImage() || mt.IsIndex() || mt.IsSchema1()) {
		return mt
	}
	return ""
}

const maxPlatforms = 100

var platformPart = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,32}$`)

// platforms returns os/architecture[/variant] of each, once, without those that hold attestations (unknown/unknown).
func platforms(all ...*v1.Platform) []string {
	var out []string
	for _, p := range all {
		if p == nil || p.OS == "unknown" || !platformPart.MatchString(p.OS) || !platformPart.MatchString(p.Architecture) {
			continue
		}
		s := p.OS + "/" + p.Architecture
		if platformPart.MatchString(p.Variant) {
			s += "/" + p.Variant
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
		if len(out) == maxPlatforms {
			break
		}
	}
	return out
}

// explain returns why a lookup failed, and for the log what is behind it. go-containerregistry's own texts are not passed on: they may
// hold a token or a signed URL.
func explain(err error) (Reason, string) {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.reason, f.err.Error()
	}
	response, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return Unusable, "not a response of the registry protocol"
	}
	cause := fmt.Sprintf("the registry responded with %d", response.StatusCode)
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return NeedsAuthentication, cause
	case code == http.StatusTooManyRequests:
		return RateLimited, cause
	case code == http.StatusRequestTimeout || code >= 500:
		return Unreachable, cause
	}
	return NotFound, cause
}

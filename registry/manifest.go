package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"syscall"

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

// head is the finder that wants no more than the digest and media type.
func head(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, error) {
	desc, err := p.Head(ctx, ref)
	if err == nil {
		if mt := mediaType(string(desc.MediaType)); mt != "" {
			return &Image{Exists: true, Digest: desc.Digest.String(), MediaType: string(mt)}, nil
		}
	}
	if err != nil && !headRefused(err) {
		return nil, err
	}
	got, _, err := manifest(ctx, p, ref)
	return got, err
}

// headRefused reports whether err says that the registry does not answer HEAD, or answers without the headers that matter.
func headRefused(err error) bool {
	if _, ok := errors.AsType[*fault](err); ok {
		return false
	}
	answer, ok := errors.AsType[*transport.Error](err)
	return !ok || slices.Contains([]int{http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented}, answer.StatusCode)
}

// describe is the finder that wants the platforms too. Those of a single image are in its config: if that cannot be read, the image
// still exists.
func describe(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, error) {
	got, desc, err := manifest(ctx, p, ref)
	if err != nil || !types.MediaType(got.MediaType).IsImage() {
		return got, err
	}
	if img, err := desc.Image(); err == nil {
		if config, err := img.ConfigFile(); err == nil {
			got.Platforms = platforms(config.Platform())
		}
	}
	return got, nil
}

// manifest fetches what ref names, and reads the platforms if that is an index.
func manifest(ctx context.Context, p *remote.Puller, ref name.Reference) (*Image, *remote.Descriptor, error) {
	desc, err := p.Get(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	var doc struct {
		MediaType string                            `json:"mediaType"`
		Manifests []struct{ Platform *v1.Platform } `json:"manifests"`
	}
	if err := json.NewDecoder(bytes.NewReader(desc.Manifest)).Decode(&doc); err != nil {
		return nil, nil, faultf(Unusable, "the manifest is not JSON of the right form")
	}
	mt := mediaType(string(desc.MediaType))
	if mt == "" {
		mt = mediaType(doc.MediaType) // static web servers do not know the type
	}
	if mt == "" {
		return nil, nil, faultf(Unusable, "the answer is not a manifest")
	}
	got := &Image{Exists: true, Digest: desc.Digest.String(), MediaType: string(mt)}
	if mt.IsIndex() {
		all := make([]*v1.Platform, len(doc.Manifests))
		for i, m := range doc.Manifests {
			all[i] = m.Platform
		}
		got.Platforms = platforms(all...)
	}
	return got, desc, nil
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
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return Unusable, "not an answer of the registry protocol"
	}
	cause := fmt.Sprintf("the registry answered %d", answer.StatusCode)
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return NeedsAuthentication, cause
	case code == http.StatusTooManyRequests:
		return RateLimited, cause
	case code == http.StatusRequestTimeout || code >= 500:
		return Unreachable, cause
	}
	return NotFound, cause
}

// noHTTPS reports whether err says that nothing speaks HTTPS there. A certificate that does not hold is not such an error: plain HTTP
// would be no mending of that.
func noHTTPS(err error) bool {
	header, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok && string(header.RecordHeader[:]) == "HTTP/" || errors.Is(err, syscall.ECONNREFUSED)
}

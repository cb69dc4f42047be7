package registry

import (
	"net/http"

	"ecs-api/common"
)

// Image is what a registry says of an image.
type Image struct {
	Image     string   `json:"image"`     // as the request names it
	Exists    bool     `json:"exists"`    // the registry has it, and the credentials given suffice to pull it
	Digest    string   `json:"digest"`    // of the manifest or index, "sha256:…"
	MediaType string   `json:"mediaType"` // of the manifest or index
	Platforms []string `json:"platforms"` // "linux/amd64", "linux/arm64/v8", …; never nil, and empty if not known
	Reason    Reason   `json:"reason"`    // why it does not exist for us; "" if it does
	Detail    string   `json:"detail"`    // what the registry has instead, with NotAnImage; else ""
	Cause     string   `json:"-"`         // what is behind Reason, for the log: it tells of our network, so not for callers
}

// Reason says why an image could not be verified.
type Reason string

// The reasons there are.
const (
	// NotFound is a registry that has no such repository, tag or digest, or a host that is no registry.
	NotFound Reason = "not found"
	// NotAnImage is a registry that has something else by that name: a Helm chart, an SBOM, an index without images.
	NotAnImage Reason = "not an image"
	// NeedsAuthentication is a registry that refuses without credentials, or refuses those given. Docker Hub and others say the
	// same of a repository that is not there.
	NeedsAuthentication Reason = "needs authentication"
	// Unsent is a registry that refuses without credentials and wants them sent to a token realm that is neither on its own site
	// nor allowed by name.
	Unsent Reason = "credentials not sent: the registry's token realm is on another site"
	// NotAllowed is a registry, or a redirect or token realm of one, that is not at a public address or is plain HTTP.
	NotAllowed Reason = "address not allowed"
	// Unusable is a host that responds, but not as a registry that has the image: a web site, a loop of redirects, a wrong digest.
	Unusable Reason = "registry gave no usable response"
	// RateLimited is a registry that limits pulls for now.
	RateLimited Reason = "rate limited by the registry"
	// Unreachable is a registry that gave no response in time, cannot prove who it is, or is failing.
	Unreachable Reason = "registry unreachable"
)

// statuses maps each reason to the status of HEAD /images: 400 is for the caller to correct, 404 says that the image cannot be had, and
// 500 that we could not find out.
var statuses = map[Reason]int{
	"":                  http.StatusOK,
	NotFound:            http.StatusNotFound,
	NotAnImage:          http.StatusNotFound,
	NeedsAuthentication: http.StatusNotFound,
	Unsent:              http.StatusNotFound,
	NotAllowed:          http.StatusBadRequest,
	Unusable:            http.StatusNotFound,
	RateLimited:         http.StatusInternalServerError,
	Unreachable:         http.StatusInternalServerError,
}

// Status returns the HTTP status that HEAD /images responds with: 200, 400, 404 or 500.
func (r Reason) Status() int {
	if s, ok := statuses[r]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Err returns the error for a caller who needs the image: nil if the registry has it.
func (i *Image) Err() error {
	switch i.Reason.Status() {
	case http.StatusOK:
		return nil
	case http.StatusBadRequest:
		return common.Errorf(common.BadRequest, "image: %s", i.Reason)
	case http.StatusNotFound:
		return common.Errorf(common.NotFound, "image: %s", i.Reason)
	}
	return common.Errorf(common.Internal, "image: %s: %s", i.Reason, i.Cause)
}

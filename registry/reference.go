package registry

import (
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"ecs-api/common"
)

// maxReference is longer than any reference can be: 255 of host, 255 of repository, 128 of tag and 135 of digest.
const maxReference = 1024

// badImage is the error for a reference that is badly formed. It does not repeat the reference, which may hold a password
// (https://user:pw@host/…).
func badImage(detail string) error {
	return common.Invalid(common.FieldError{Field: "image", Detail: detail})
}

// WrongReference returns what is wrong with an image's name, by which no registry can be asked for it and no task can start; empty for nothing.
func WrongReference(image string) string {
	_, err := parseReference(image, false)
	if fields := common.Fields(err); err != nil && len(fields) > 0 {
		return fields[0].Detail
	}
	return ""
}

// parseReference reads an image's name by Docker's own grammar, as ECS does: nginx, user/image:tag, host:5000/path/image@sha256:….
// It reaches nothing. With plain, the registry may be asked over plain HTTP.
//
// go-containerregistry's parser is not used: it takes "..", "//" and the like, which would become another path on the registry.
func parseReference(image string, plain bool) (name.Reference, error) {
	const form = "must be an image's name, such as nginx, nginx:1.29, ghcr.io/org/app:v1 or ghcr.io/org/app@sha256:…"
	if image == "" || len(image) > maxReference {
		return nil, badImage(form)
	}
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		if _, err := reference.ParseDockerRef(strings.ToLower(image)); err == nil {
			return nil, badImage("must have its repository in lower case")
		}
		return nil, badImage(form)
	}
	var opts []name.Option
	if plain {
		opts = append(opts, name.Insecure)
	}
	reg, err := name.NewRegistry(reference.Domain(named), opts...)
	if err != nil {
		return nil, badImage(form)
	}
	if _, port := splitHost(reg.RegistryStr()); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, badImage("has a port that is not between 1 and 65535")
		}
	}
	repo := reg.Repo(reference.Path(named))
	switch r := named.(type) {
	case reference.Digested:
		if _, err := v1.NewHash(r.Digest().String()); err != nil {
			return nil, badImage("has a digest that is neither sha256 nor sha512")
		}
		return repo.Digest(r.Digest().String()), nil
	case reference.Tagged:
		return repo.Tag(r.Tag()), nil
	}
	return nil, badImage(form)
}

package warnings

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/resource"
	"ecs-api/registry"
)

// Codes of warnings about images: those of the problems that tasks would have.
const (
	codeImageNotFound = "ImageNotFound"
	codeImageAuth     = "ImageAuth"
)

// How many images a dry run looks up, and for how long altogether.
const (
	maxImages = 10
	imageTime = 5 * time.Second
)

// Images looks images up, and returns what is wrong with those that a registry says something about. What cannot be reached from here may be reached by a task.
func Images(ctx context.Context, client *registry.Client, images []resource.Image) []Warning {
	ctx, cancel := context.WithTimeout(ctx, imageTime)
	defer cancel()
	images = images[:min(len(images), maxImages)]
	found := make([]*Warning, len(images))
	var lookups []func(context.Context) error
	for i, image := range images {
		if image.Private || isECR(image.Image) {
			continue // we have no credentials for it
		}
		lookups = append(lookups, func(ctx context.Context) error {
			found[i] = imageWarning(ctx, client, image)
			return nil
		})
	}
	_ = common.Concurrently(ctx, lookups...) // they return no error
	var all []Warning
	for _, w := range found {
		if w != nil {
			all = append(all, *w)
		}
	}
	return all
}

// imageWarning looks one image up.
func imageWarning(ctx context.Context, client *registry.Client, image resource.Image) *Warning {
	field := "containerDefinitions[" + image.Container + "].image"
	it, err := client.Head(ctx, image.Image, imageCredentials(image.Secret))
	if err != nil {
		if common.Is(err, common.BadRequest) {
			return &Warning{codeImageNotFound, field, "tasks cannot start: the image " + registry.WrongReference(image.Image)}
		}
		return nil
	}
	switch it.Reason {
	case registry.NotFound, registry.NotAnImage:
		return &Warning{codeImageNotFound, field, "the registry says of " + image.Image + ": " + string(it.Reason)}
	case registry.NeedsAuthentication:
		if image.Secret != "" {
			return &Warning{codeImageAuth, field, "the registry does not accept the request's credentials for " + image.Image}
		}
		return &Warning{codeImageAuth, field, "the registry does not show " + image.Image + " without credentials: it is private, or not there"}
	}
	return nil
}

// imageCredentials reads the value of a secret that an image is pulled with; nil if there is none, or it is in no form of ours.
func imageCredentials(secret string) *registry.Credentials {
	creds, err := registry.ParseCredentials(base64.StdEncoding.EncodeToString([]byte(secret)))
	if err != nil {
		return nil
	}
	return creds
}

// isECR reports whether an image is in a private registry of AWS's, where tasks authenticate with their execution role.
func isECR(image string) bool {
	host, _, _ := strings.Cut(image, "/")
	return strings.Contains(host, ".dkr.ecr.") && strings.Contains(host, ".amazonaws.com")
}

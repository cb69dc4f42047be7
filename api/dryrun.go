package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	textreport "ecs-api/api/report"
	"ecs-api/api/urlparams"
	"ecs-api/common"
	"ecs-api/orchestration/resource"
	"ecs-api/registry"
)

// flagDryRun is the query's flag for a request that is to say what it would do, and do nothing.
const flagDryRun = "dryRun"

// dryRun is the response to a dry run.
type dryRun struct {
	*resource.Preview
	Warnings []warning
}

// Text returns the plan as text.
func (d *dryRun) Text() string {
	var warnings []string
	for _, w := range d.Warnings {
		warnings = append(warnings, w.Code+" "+w.Field+": "+w.Detail)
	}
	return textreport.Plan(d.Preview, warnings)
}

// preview returns the response to a dry run.
func (c call) preview(plan *resource.Preview, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := &dryRun{plan, c.warnings()}
	if !plan.Subnets {
		out.Warnings = append(out.Warnings, warning{"NoSubnets", "service.networkConfiguration", "neither the request nor the account's configuration has subnets: AWS refuses such a service"})
	}
	out.Warnings = append(out.Warnings, c.imageWarnings(plan.Images)...)
	return out, nil
}

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

// imageWarnings looks images up, and returns what is wrong with those that a registry says something about. What cannot be reached from here may be reached by a task.
func (c call) imageWarnings(images []resource.Image) []warning {
	ctx, cancel := context.WithTimeout(c.Context(), imageTime)
	defer cancel()
	images = images[:min(len(images), maxImages)]
	found := make([]*warning, len(images))
	var lookups []func(context.Context) error
	for i, image := range images {
		if image.Private || isECR(image.Image) {
			continue // we have no credentials for it
		}
		lookups = append(lookups, func(ctx context.Context) error {
			found[i] = c.imageWarning(ctx, image)
			return nil
		})
	}
	_ = common.Concurrently(ctx, lookups...) // they return no error
	var all []warning
	for _, w := range found {
		if w != nil {
			all = append(all, *w)
		}
	}
	return all
}

// imageWarning looks one image up.
func (c call) imageWarning(ctx context.Context, image resource.Image) *warning {
	field := "containerDefinitions[" + image.Container + "].image"
	it, err := c.server.images.Head(ctx, image.Image, imageCredentials(image.Secret))
	if err != nil {
		if common.Is(err, common.BadRequest) {
			return &warning{codeImageNotFound, field, common.Public(err)}
		}
		return nil
	}
	switch it.Reason {
	case registry.NotFound, registry.NotAnImage:
		return &warning{codeImageNotFound, field, "the registry says of " + image.Image + ": " + string(it.Reason)}
	case registry.NeedsAuthentication:
		if image.Secret != "" {
			return &warning{codeImageAuth, field, "the registry does not accept the request's credentials for " + image.Image}
		}
		return &warning{codeImageAuth, field, "the registry does not show " + image.Image + " without credentials: it is private, or not there"}
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

// isDryRun reports whether r asks for a dry run: of an endpoint that has none it is refused.
func isDryRun(r *http.Request) bool {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query[flagDryRun]) != 1 {
		return false
	}
	dry, err := urlparams.ParseFlag(query.Get(flagDryRun))
	return err == nil && dry
}

package adhoc

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/ssm"
)

// Parameters are the org's parameters in an account. Each is one level below a prefix: /{org}/{prefix}/{name}. Values go in and never come out.
type Parameters struct{ account *account.Account }

// Parameter is what is known of a parameter, which is never its value.
type Parameter struct {
	ARN, Name, Description, KeyId, Type *string
	Tags                                []*awsssm.Tag
	LastModifiedDate                    string // in the form of modifiedForm
	Version                             *int64
}

// modifiedForm is how the time of a parameter's last change has always been written.
const modifiedForm = "2006-01-02 15:04:05 -0700 MST"

// parameterName matches one level of a parameter's name.
var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// CheckParameterName returns what is wrong with a prefix, or with the name of a parameter below one.
func CheckParameterName(name string) error {
	if !parameterName.MatchString(name) {
		return errors.New("must be letters, digits and _ . -")
	}
	return checkSegments(name)
}

// path returns where a prefix's parameters are.
func (p Parameters) path(prefix string) string { return "/" + p.account.Org + "/" + prefix }

// found is all that AWS says of a parameter.
type found struct {
	*awsssm.Parameter
	metadata *awsssm.ParameterMetadata
	tags     common.Tags
}

// find returns what is known of a parameter, unless it carries another org's tag: then it is NotFound as well.
func (p Parameters) find(ctx context.Context, prefix, name string) (found, error) {
	var f found
	full := p.path(prefix) + "/" + name
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			f.Parameter, err = p.account.Params.Get(ctx, full)
			return err
		},
		func(ctx context.Context) (err error) {
			f.metadata, err = p.account.Params.Metadata(ctx, full)
			if common.Is(err, common.NotFound) { // AWS may list a parameter later than it gives it out
				f.metadata, err = &awsssm.ParameterMetadata{}, nil
			}
			return err
		},
		func(ctx context.Context) (err error) {
			f.tags, err = p.account.Params.Tags(ctx, full)
			return err
		},
	)
	if common.Is(err, common.NotFound) || err == nil && !f.tags.BelongsTo(p.account.Org) {
		err = noParameter(prefix, name)
	}
	return f, err
}

// noParameter is the NotFound for a parameter that is not there, or that belongs to another org.
func noParameter(prefix, name string) error {
	return common.Errorf(common.NotFound, "there is no parameter %q under prefix %q", name, prefix)
}

// Show returns what is known of a parameter.
func (p Parameters) Show(ctx context.Context, prefix, name string) (*Parameter, error) {
	f, err := p.find(ctx, prefix, name)
	if err != nil {
		return nil, err
	}
	return &Parameter{
		ARN: f.ARN, Name: aws.String(name), Description: f.metadata.Description, KeyId: f.metadata.KeyId, Type: f.Type,
		Tags: ssm.FromTags(f.tags), LastModifiedDate: aws.TimeValue(f.LastModifiedDate).UTC().Format(modifiedForm), Version: f.Version,
	}, nil
}

// List returns the names of a prefix's parameters, without the prefix; NotFound if there are none.
func (p Parameters) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := p.list(ctx, prefix)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, p.path(prefix)+"/")
	}
	return names, err
}

// list returns the full names of a prefix's parameters: those that carry the org's tag, or nobody's. AWS lists parameters without their tags, but it
// lists, at the same time, all of them, those with any org's tag, and those with ours.
func (p Parameters) list(ctx context.Context, prefix string) ([]string, error) {
	var all, ofOrgs, ours []*awsssm.ParameterMetadata
	list := func(out *[]*awsssm.ParameterMetadata, tags ...common.Tag) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*out, err = p.account.Params.Parameters(ctx, p.path(prefix), tags...)
			return err
		}
	}
	err := common.Concurrently(ctx, list(&all), list(&ofOrgs, common.Tag{Key: common.TagOrg}), list(&ours, orgTag(p.account)))
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, parameter := range ofOrgs {
		others[aws.StringValue(parameter.Name)] = true
	}
	for _, parameter := range ours {
		delete(others, aws.StringValue(parameter.Name))
	}
	var names []string
	for _, parameter := range all {
		if name := aws.StringValue(parameter.Name); !others[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, common.Errorf(common.NotFound, "there are no parameters under prefix %q", prefix)
	}
	slices.Sort(names)
	return slices.Compact(names), nil // what changes while AWS lists it may be listed twice
}

// Delete deletes a parameter.
func (p Parameters) Delete(ctx context.Context, prefix, name string) error {
	full := p.path(prefix) + "/" + name
	tags, err := p.account.Params.Tags(ctx, full)
	if err == nil && tags.BelongsTo(p.account.Org) {
		err = p.account.Params.Delete(ctx, full)
		if err == nil {
			return nil
		}
	}
	if err == nil || common.Is(err, common.NotFound) {
		err = noParameter(prefix, name)
	}
	return err
}

// DeleteAll deletes a prefix's parameters, and returns how many there were.
func (p Parameters) DeleteAll(ctx context.Context, prefix string) (int, error) {
	names, err := p.list(ctx, prefix)
	if err != nil {
		return 0, err
	}
	deleted, err := p.account.Params.DeleteAll(ctx, names)
	return deleted, common.Wrapf(err, "deleted %d of %d parameters", deleted, len(names))
}

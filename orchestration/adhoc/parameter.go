package adhoc

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/ssm"
)

// Parameters are the org's parameters in an account, below a prefix: /{org}/{prefix}/{name}. The name of one that is created here is one level;
// other tools may have nested ones, whose names hold slashes. Values go in and never come out.
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

// CheckParameterName returns what is wrong with a prefix, or with the name of a new parameter below one.
func CheckParameterName(name string) error {
	if !parameterName.MatchString(name) {
		return errors.New("must be letters, digits and _ . -")
	}
	return checkSegments(name)
}

// CheckNestedName returns what is wrong with the name of a parameter that may be nested: levels with slashes between them.
func CheckNestedName(name string) error {
	for level := range strings.SplitSeq(name, "/") {
		if !parameterName.MatchString(level) {
			return errors.New("must be letters, digits and _ . -, or several such levels with a slash (%2F) between them")
		}
	}
	return checkSegments(name)
}

// path returns where a prefix's parameters are.
func (p Parameters) path(prefix string) string { return "/" + p.account.Org + "/" + prefix }

// find returns what is known of a parameter, unless it carries another org's tag: then it is NotFound as well.
func (p Parameters) find(ctx context.Context, prefix, name string) (ssm.Parameter, error) {
	found, err := p.account.Params.Describe(ctx, p.path(prefix)+"/"+name)
	if common.Is(err, common.NotFound) || err == nil && !found.Tags.VisibleTo(p.account.Org) {
		err = noParameter(prefix, name)
	}
	return found, err
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
		ARN: f.ARN, Name: aws.String(name), Description: f.Description, KeyId: f.KeyId, Type: f.Type,
		Tags: ssm.FromTags(f.Tags), LastModifiedDate: aws.TimeValue(f.LastModifiedDate).UTC().Format(modifiedForm), Version: f.Version,
	}, nil
}

// List returns the names of all parameters below a prefix, without the prefix: nested ones hold slashes. NotFound if there are none.
func (p Parameters) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := p.list(ctx, prefix)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, p.path(prefix)+"/")
	}
	return names, err
}

// list returns the full names of the parameters below a prefix: those that carry the org's tag, or nobody's.
func (p Parameters) list(ctx context.Context, prefix string) ([]string, error) {
	names, err := p.account.Params.Below(ctx, p.path(prefix), p.account.Org)
	if err == nil && len(names) == 0 {
		err = common.Errorf(common.NotFound, "there are no parameters under prefix %q", prefix)
	}
	return names, err
}

// Delete deletes a parameter.
func (p Parameters) Delete(ctx context.Context, prefix, name string) error {
	full := p.path(prefix) + "/" + name
	tags, err := p.account.Params.Tags(ctx, full)
	if err == nil && tags.VisibleTo(p.account.Org) {
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

// DeleteAll deletes all parameters below a prefix, nested ones too, and returns how many there were.
func (p Parameters) DeleteAll(ctx context.Context, prefix string) (int, error) {
	names, err := p.list(ctx, prefix)
	if err != nil {
		return 0, err
	}
	deleted, err := p.account.Params.DeleteAll(ctx, names)
	return deleted, common.Wrapf(err, "deleted %d of %d parameters", deleted, len(names))
}

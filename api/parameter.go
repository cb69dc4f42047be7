package api

import (
	"cmp"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ssm"
)

// known is all that AWS tells of a parameter, in answer to three calls.
type known struct {
	*awsssm.Parameter
	about *awsssm.ParameterMetadata
	tags  common.Tags
}

// parameterName returns the full name of the path's parameter.
func (c call) parameterName() string { return c.parameterPath() + "/" + c.name("param") }

// ourParameter returns what is known of the path's parameter, unless it carries another org's tag: then it is as good as none.
func ourParameter(c call) (known, error) {
	var found known
	name := c.parameterName()
	group, ctx := errgroup.WithContext(c.Context())
	common.Go(group, func() (err error) {
		found.Parameter, err = c.account.params.Get(ctx, name)
		return err
	})
	common.Go(group, func() (err error) {
		found.about, err = c.account.params.Metadata(ctx, name)
		if common.Is(err, common.NotFound) { // AWS may list a parameter later than it gives it out
			found.about, err = &awsssm.ParameterMetadata{}, nil
		}
		return err
	})
	common.Go(group, func() (err error) {
		found.tags, err = c.account.params.Tags(ctx, name)
		return err
	})
	err := group.Wait()
	if common.Is(err, common.NotFound) || err == nil && !found.tags.BelongsTo(c.org()) {
		err = noParameter(c)
	}
	return found, err
}

// showParameter returns what is known of a parameter.
func showParameter(c call, _ none) (*parameter, error) {
	found, err := ourParameter(c)
	if err != nil {
		return nil, err
	}
	return &parameter{
		ARN: found.ARN, Name: aws.String(c.name("param")), Description: found.about.Description, KeyId: found.about.KeyId, Type: found.Type,
		Tags: ssm.FromTags(found.tags), LastModifiedDate: aws.TimeValue(found.LastModifiedDate).UTC().Format(modifiedForm), Version: found.Version,
	}, nil
}

// updateParameter gives a parameter a new value, tags, or both; if one of them fails, both are as before. What the body does not say of
// the parameter stays as it is.
func updateParameter(c call, in awsssm.PutParameterInput) (*okay, error) {
	tags := ssm.ToTags(in.Tags)
	if err := common.Invalid(append(wrongUpdate(c, in), tags.Validate("Tags", c.org())...)...); err != nil {
		return nil, err
	}
	found, err := ourParameter(c)
	if err != nil {
		return nil, err
	}
	if kind := aws.StringValue(in.Type); kind != "" && kind != aws.StringValue(found.Type) {
		return nil, common.Invalid(common.FieldError{Field: "Type", Detail: "cannot change: it is " + aws.StringValue(found.Type)})
	}
	if aws.StringValue(in.KeyId) != "" && aws.StringValue(found.Type) != awsssm.ParameterTypeSecureString {
		return nil, common.Invalid(common.FieldError{Field: "KeyId", Detail: "goes with the type SecureString only"})
	}
	in.Tags = nil // AWS wants them apart
	in.Name, in.Type, in.Overwrite = aws.String(c.parameterName()), found.Type, aws.Bool(true)
	in.Description = cmp.Or(in.Description, found.about.Description)
	in.AllowedPattern = cmp.Or(in.AllowedPattern, found.about.AllowedPattern)
	in.DataType = cmp.Or(in.DataType, found.about.DataType)
	if in.Tier == nil && aws.StringValue(found.about.Tier) == awsssm.ParameterTierAdvanced {
		in.Tier = found.about.Tier // it has no way back
	}
	if aws.StringValue(in.KeyId) == "" {
		in.KeyId = found.about.KeyId
		in.KeyId = keyFor(c, in)
	}
	err = c.withTags(c.account.params, c.parameterName(), "parameter "+c.parameterName(), found.tags, common.Tags(nil).With(tags...), func() error {
		if aws.StringValue(in.Value) == "" {
			return nil
		}
		return c.retry(func() error {
			_, err := c.account.params.Put(c.Context(), &in)
			return err
		}, common.ParameterBusy)
	})
	if err != nil {
		return nil, err
	}
	return &okay{"OK"}, nil
}

// wrongUpdate says what is wrong with a change of a parameter.
func wrongUpdate(c call, in awsssm.PutParameterInput) []common.FieldError {
	var wrong []common.FieldError
	if name := aws.StringValue(in.Name); name != "" && name != c.name("param") {
		wrong = append(wrong, common.FieldError{Field: "Name", Detail: "must be left out, or be that of the path: a parameter cannot be renamed"})
	}
	if aws.StringValue(in.Value) != "" {
		return wrong
	}
	with := in.Description != nil || in.KeyId != nil || in.Type != nil || in.Tier != nil || in.AllowedPattern != nil || in.DataType != nil || in.Policies != nil
	switch {
	case len(in.Tags) == 0:
		wrong = append(wrong, common.FieldError{Field: "Value", Detail: "or Tags must be given"})
	case with:
		wrong = append(wrong, common.FieldError{Field: "Value", Detail: "must be given: AWS changes all but the tags along with the value only"})
	}
	return wrong
}

// deleteParameter deletes a parameter.
func deleteParameter(c call, _ none) (*okay, error) {
	tags, err := c.account.params.Tags(c.Context(), c.parameterName())
	if err == nil && tags.BelongsTo(c.org()) {
		err = c.account.params.Delete(c.Context(), c.parameterName())
		if err == nil {
			return &okay{"OK"}, nil
		}
	}
	if err == nil || common.Is(err, common.NotFound) {
		err = noParameter(c)
	}
	return nil, err
}

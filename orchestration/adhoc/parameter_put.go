package adhoc

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/common"
	"ecs-api/ssm"
)

// ParameterVersion says which version a parameter has now. VersionId is the version as text.
type ParameterVersion struct {
	Tier      *string
	Version   *int64
	VersionId string
}

// Create creates a parameter that is the org's: a SecureString under the account's key unless in says otherwise.
func (p Parameters) Create(ctx context.Context, prefix string, in awsssm.PutParameterInput) (*ParameterVersion, error) {
	tags := ssm.ToTags(in.Tags)
	if err := p.Check(&in).Err(); err != nil {
		return nil, err
	}
	in.Name = aws.String(p.path(prefix) + "/" + *in.Name)
	in.Tags = ssm.FromTags(tags.ForOrg(p.account.Org, common.CallerOf(ctx)))
	in.Overwrite = nil
	if aws.StringValue(in.Type) == "" {
		in.Type = aws.String(awsssm.ParameterTypeSecureString)
	}
	callers := aws.StringValue(in.KeyId)
	in.KeyId = p.keyFor(&in)
	out, err := p.put(ctx, &in)
	if code := common.CodeOf(err); code == awsssm.ErrCodeParameterAlreadyExists && !common.ParameterDeleted.Is(err) {
		taken := common.Errorf(common.Conflict, "there is a parameter %s already: PUT changes it", *in.Name).(*common.Error)
		taken.Code = common.Code(code)
		return nil, taken // AWS's words speak of an option that is not ours
	}
	if err != nil {
		return nil, keyRefused(err, "KeyId", callers)
	}
	return &ParameterVersion{out.Tier, out.Version, strconv.FormatInt(aws.Int64Value(out.Version), 10)}, nil
}

// put puts a parameter. It retries while another update of it is in progress, and while the name of a deleted one is not free.
func (p Parameters) put(ctx context.Context, in *awsssm.PutParameterInput) (out *awsssm.PutParameterOutput, err error) {
	err = p.account.Backoff.Retry(ctx, func() (err error) {
		out, err = p.account.Params.Put(ctx, in)
		return err
	}, common.ParameterBusy, common.ParameterDeleted)
	return out, err
}

// keyFor returns the key that encrypts the parameter; nil for AWS's own, and for one that is not encrypted.
func (p Parameters) keyFor(in *awsssm.PutParameterInput) *string {
	switch key := p.account.KMSKeyID; {
	case aws.StringValue(in.KeyId) != "":
		return in.KeyId
	case key != "" && aws.StringValue(in.Type) == awsssm.ParameterTypeSecureString:
		return aws.String(key)
	}
	return nil
}

// Check returns what is wrong with a new parameter, as far as that can be decided without AWS.
func (p Parameters) Check(in *awsssm.PutParameterInput) common.Problems {
	return append(checkParameter(in), ssm.ToTags(in.Tags).Validate("Tags", p.account.Org)...)
}

// CheckChange returns what is wrong with a change of the named parameter, as far as that can be decided without AWS.
func (p Parameters) CheckChange(name string, in *awsssm.PutParameterInput) common.Problems {
	return append(checkParameterChange(name, in), ssm.ToTags(in.Tags).Validate("Tags", p.account.Org)...)
}

// checkParameter returns what is wrong with a new parameter.
func checkParameter(in *awsssm.PutParameterInput) common.Problems {
	var p common.Problems
	if err := CheckParameterName(aws.StringValue(in.Name)); err != nil {
		p.Add("Name", "%s", err)
	}
	if aws.StringValue(in.Value) == "" {
		p.Add("Value", "must be given")
	}
	if aws.BoolValue(in.Overwrite) {
		p.Add("Overwrite", "must not be set: PUT changes a parameter")
	}
	kind := aws.StringValue(in.Type)
	switch {
	case kind != "" && !slices.Contains(awsssm.ParameterType_Values(), kind):
		p.Add("Type", "must be %s", strings.Join(awsssm.ParameterType_Values(), ", "))
	case kind != "" && kind != awsssm.ParameterTypeSecureString && aws.StringValue(in.KeyId) != "":
		p.Add("KeyId", keyNeedsSecureString)
	}
	return p
}

const keyNeedsSecureString = "goes with the type SecureString only"

// Update gives a parameter a new value, tags, or both. If a part of the change fails, the whole parameter is as before. What in does not say of the
// parameter stays as it is.
func (p Parameters) Update(ctx context.Context, prefix, name string, in awsssm.PutParameterInput) error {
	tags := ssm.ToTags(in.Tags)
	if err := p.CheckChange(name, &in).Err(); err != nil {
		return err
	}
	f, err := p.find(ctx, prefix, name)
	if err != nil {
		return err
	}
	if err := checkSameKind(f, &in).Err(); err != nil {
		return err
	}
	callers := aws.StringValue(in.KeyId)
	full := p.path(prefix) + "/" + name
	p.complete(&in, full, f)
	err = tagged{p.account.Params, full, "parameter " + full, f.Tags}.change(ctx, p.account, tags, func() error {
		if aws.StringValue(in.Value) == "" {
			return nil
		}
		_, err := p.put(ctx, &in)
		return err
	})
	return keyRefused(err, "KeyId", callers)
}

// complete fills in what stays as it is, as PutParameter would reset it.
func (p Parameters) complete(in *awsssm.PutParameterInput, full string, f ssm.Parameter) {
	in.Tags = nil // AWS takes them on creation only
	in.Name, in.Type, in.Overwrite = aws.String(full), f.Type, aws.Bool(true)
	in.Description = cmp.Or(in.Description, f.Description)
	in.AllowedPattern = cmp.Or(in.AllowedPattern, f.AllowedPattern)
	in.DataType = cmp.Or(in.DataType, f.DataType)
	if in.Tier == nil && aws.StringValue(f.Tier) == awsssm.ParameterTierAdvanced {
		in.Tier = f.Tier // it cannot become Standard again
	}
	if aws.StringValue(in.KeyId) == "" {
		in.KeyId = f.KeyId
		in.KeyId = p.keyFor(in)
	}
}

// checkSameKind refuses a change of the type, and a key for what is not encrypted.
func checkSameKind(f ssm.Parameter, in *awsssm.PutParameterInput) common.Problems {
	var p common.Problems
	if kind := aws.StringValue(in.Type); kind != "" && kind != aws.StringValue(f.Type) {
		p.Add("Type", "cannot change: it is %s", aws.StringValue(f.Type))
	} else if aws.StringValue(in.KeyId) != "" && aws.StringValue(f.Type) != awsssm.ParameterTypeSecureString {
		p.Add("KeyId", keyNeedsSecureString)
	}
	return p
}

// checkParameterChange returns what is wrong with a change of the named parameter.
func checkParameterChange(name string, in *awsssm.PutParameterInput) common.Problems {
	var p common.Problems
	if given := aws.StringValue(in.Name); given != "" && given != name {
		p.Add("Name", "must be left out, or be that of the path: a parameter cannot be renamed")
	}
	if aws.StringValue(in.Value) != "" {
		return p
	}
	switch {
	case len(in.Tags) == 0:
		p.Add("Value", "or Tags must be given")
	case slices.ContainsFunc([]*string{in.Description, in.KeyId, in.Type, in.Tier, in.AllowedPattern, in.DataType, in.Policies},
		func(s *string) bool { return s != nil }):
		p.Add("Value", "must be given: AWS changes all but the tags along with the value only")
	}
	return p
}

package localaws

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
)

// Limits of Parameter Store.
const (
	maxParameterARN    = 1011 // the ARN's beginning included
	maxParameterLevels = 15
	maxStandardValue   = 4096 // bytes
	maxAdvancedValue   = 8192
	maxParameterText   = 1024 // description, allowed pattern

	maxParameterVersions = 100
)

var (
	parameterName     = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)
	nestedParameter   = regexp.MustCompile(`\{\{.*\}\}`)
	reservedParameter = regexp.MustCompile(`(?i)^/?(aws|ssm)`)
)

// checkParameterName refuses a name that Parameter Store would.
func (r *request) checkParameterName(name string) error {
	switch {
	case reservedParameter.MatchString(name) && strings.HasPrefix(strings.ToLower(strings.TrimPrefix(name, "/")), "aws"):
		return refuse("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	case reservedParameter.MatchString(name):
		return ssmInvalid(`Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
	case !parameterName.MatchString(name), strings.Contains(name, "//"), strings.HasSuffix(name, "/"):
		return ssmInvalid("Parameter name must be a fully qualified name of letters, numbers and the symbols .-_, its levels divided by slashes.")
	case strings.Contains(name, "/") && name[0] != '/':
		return ssmInvalid("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > maxParameterLevels:
		return refuse(ssm.ErrCodeHierarchyLevelLimitExceededException, "A hierarchy can have a maximum of %d levels. For more information, see Requirements and constraints for parameter names.", maxParameterLevels)
	case len(r.arn("ssm", "parameter"+r.parameterKey(name))) > maxParameterARN:
		return ssmInvalid("Parameter name is too long: its ARN must have no more than %d characters.", maxParameterARN)
	}
	return nil
}

func putParameter(r *request, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name := strings.TrimSpace(aws.StringValue(in.Name))
	if err := r.checkParameterName(name); err != nil {
		return nil, err
	}
	if aws.BoolValue(in.Overwrite) && len(in.Tags) > 0 {
		return nil, ssmInvalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	old, exists := r.parameter(&name)
	if busy := !exists && r.now.Before(r.region.parameters.taken[r.parameterKey(name)]); busy || exists && !aws.BoolValue(in.Overwrite) {
		return nil, refuse(ssm.ErrCodeParameterAlreadyExists, "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	p := &parameter{name: name, dataType: "text"}
	if exists {
		*p = *old
	}
	for _, set := range []func(*parameter, *ssm.PutParameterInput) error{
		p.setType, p.setTier, checkParameterValue, p.setKey, p.setTexts,
	} {
		if err := set(old, in); err != nil {
			return nil, err
		}
	}
	if r.deniesKey(p.keyID) {
		return nil, refuse("AccessDeniedException", "User: %s is not authorized to perform: kms:GenerateDataKey on resource: %s because no resource-based policy allows the kms:GenerateDataKey action", "arn:aws:iam::"+r.account.id+":user/local", p.keyID)
	}
	if !r.knowsKey(p.keyID) {
		return nil, refuse(ssm.ErrCodeInvalidKeyId, "The KMS key %s is not found.", p.keyID)
	}
	if len(in.Tags) > 0 {
		tags, err := checkParameterTags(nil, readTags(in.Tags, ssmPair))
		if err != nil {
			return nil, err
		}
		p.tags = tags
	}
	p.value, p.modified = aws.StringValue(in.Value), r.now
	p.modifiedBy, _ = r.caller()
	p.version++
	if exists {
		p.older = keptVersions(old)
	}
	r.region.parameters.parameters.put(r.parameterKey(name), p)
	return &ssm.PutParameterOutput{Tier: aws.String(p.tier), Version: aws.Int64(p.version)}, nil
}

// keptVersions returns the versions that stay beside a new one: Parameter Store keeps the newest.
func keptVersions(p *parameter) []*parameter {
	all := p.versions()
	for _, version := range all {
		version.older = nil // of the newest only
	}
	return all[max(0, len(all)+1-maxParameterVersions):]
}

// setType takes the type from the request. A parameter's type never changes.
func (p *parameter) setType(old *parameter, in *ssm.PutParameterInput) error {
	kind := aws.StringValue(in.Type)
	switch {
	case kind == "" && old == nil:
		return ssmInvalid("A parameter type is required when you create a parameter.")
	case kind == "":
		return nil
	case !slices.Contains(ssm.ParameterType_Values(), kind):
		return ssmInvalid("1 validation error detected: Value '%s' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]", kind)
	case old != nil && old.kind != kind:
		return refuse(ssm.ErrCodeHierarchyTypeMismatchException, "Parameter Store does not support changing a parameter type in a hierarchy. You must create a new, unique parameter.")
	}
	p.kind = kind
	return nil
}

// setTier takes the tier from the request. Advanced parameters never become standard ones.
func (p *parameter) setTier(old *parameter, in *ssm.PutParameterInput) error {
	switch tier := aws.StringValue(in.Tier); {
	case tier == "" && old != nil:
	case tier == "":
		p.tier = ssm.ParameterTierStandard
	case tier == ssm.ParameterTierIntelligentTiering:
		if p.tier = ssm.ParameterTierStandard; len(aws.StringValue(in.Value)) > maxStandardValue || old != nil && old.tier == ssm.ParameterTierAdvanced {
			p.tier = ssm.ParameterTierAdvanced
		}
	case !slices.Contains(ssm.ParameterTier_Values(), tier):
		return ssmInvalid("1 validation error detected: Value '%s' at 'tier' failed to satisfy constraint: Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]", tier)
	case old != nil && old.tier == ssm.ParameterTierAdvanced && tier == ssm.ParameterTierStandard:
		return ssmInvalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	default:
		p.tier = tier
	}
	size, most := len(aws.StringValue(in.Value)), maxStandardValue
	if p.tier == ssm.ParameterTierAdvanced {
		most = maxAdvancedValue
	}
	if size > most {
		return ssmInvalid("%s tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", p.tier, most)
	}
	return nil
}

func checkParameterValue(_ *parameter, in *ssm.PutParameterInput) error {
	switch value := aws.StringValue(in.Value); {
	case value == "":
		return ssmInvalid("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case nestedParameter.MatchString(value):
		return ssmInvalid(`Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	}
	return nil
}

// setKey takes the key from the request: only a SecureString has one.
func (p *parameter) setKey(_ *parameter, in *ssm.PutParameterInput) error {
	key := aws.StringValue(in.KeyId)
	switch {
	case p.kind != ssm.ParameterTypeSecureString && key != "":
		return ssmInvalid("KeyId is valid for parameters of type SecureString only.")
	case key != "":
		p.keyID = key
	case p.kind == ssm.ParameterTypeSecureString && p.keyID == "":
		p.keyID = "alias/aws/ssm"
	}
	return nil
}

// setTexts takes the description, the data type and the allowed pattern from the request.
func (p *parameter) setTexts(_ *parameter, in *ssm.PutParameterInput) error {
	if in.Description != nil {
		p.description = *in.Description
	}
	if in.AllowedPattern != nil {
		p.pattern = *in.AllowedPattern
	}
	if in.DataType != nil {
		p.dataType = *in.DataType
	}
	switch {
	case len(p.description) > maxParameterText, len(p.pattern) > maxParameterText:
		return ssmInvalid("1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to %d", maxParameterText)
	case !slices.Contains([]string{"text", "aws:ec2:image", "aws:ssm:integration"}, p.dataType):
		return ssmInvalid("The following data type is not supported: %s (Data type names are all lowercase.)", p.dataType)
	case p.pattern == "":
		return nil
	}
	pattern, err := regexp.Compile("^(?:" + p.pattern + ")$")
	if err != nil {
		return refuse(ssm.ErrCodeInvalidAllowedPatternException, "The request doesn't meet the regular expression requirement.")
	}
	if !pattern.MatchString(aws.StringValue(in.Value)) {
		return refuse(ssm.ErrCodeParameterPatternMismatchException, "Parameter value, cannot be validated against allowedPattern: %s", p.pattern)
	}
	return nil
}

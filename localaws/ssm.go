package localaws

import (
	"crypto/sha256"
	"encoding/base64"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
)

// ssmState is a region's parameters, by their names with a leading slash: x and /x are one parameter.
type ssmState struct {
	parameters ordered[*parameter]
	taken      map[string]time.Time // names of deleted parameters, until when they cannot be used again (Lags.Parameter)
}

// parameter is one parameter of Parameter Store, in its newest version.
type parameter struct {
	name, kind, value, description, keyID, tier, dataType, pattern string
	tags                                                           tagList
	version                                                        int64
	modified                                                       time.Time
	modifiedBy                                                     string
	older                                                          []*parameter // versions before this one, oldest first
}

func newSSMState() ssmState { return ssmState{taken: map[string]time.Time{}} }

func (s *ssmState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range s.parameters.all() {
			if !yield("parameter " + p.name) {
				return
			}
		}
	}
}

// tagged ranges over the parameters that the tagging API finds. prefix is what their ARNs begin with.
func (s *ssmState) tagged(prefix string) tagged {
	return func(yield func(string, tagList) bool) {
		for path, p := range s.parameters.all() {
			if !yield(prefix+path, p.tags) {
				return
			}
		}
	}
}

func ssmOperations() map[string]operation {
	return map[string]operation{
		"AddTagsToResource":      op(addTagsToParameter),
		"DeleteParameter":        op(deleteParameter),
		"DeleteParameters":       op(deleteParameters),
		"DescribeParameters":     op(describeParameters),
		"GetParameter":           op(getParameter),
		"GetParameterHistory":    op(getParameterHistory),
		"GetParameters":          op(getParameters),
		"GetParametersByPath":    op(getParametersByPath),
		"ListTagsForResource":    op(listTagsOfParameter),
		"PutParameter":           op(putParameter),
		"RemoveTagsFromResource": op(removeTagsFromParameter),
	}
}

func ssmTag(key, value *string) *ssm.Tag      { return &ssm.Tag{Key: key, Value: value} }
func ssmPair(t *ssm.Tag) (key, value *string) { return t.Key, t.Value }

// parameterKey returns what the parameter that name means is kept under: name may be its ARN.
func (r *request) parameterKey(name string) string {
	name = strings.TrimPrefix(strings.TrimSpace(name), r.arn("ssm", "parameter"))
	return "/" + strings.TrimPrefix(name, "/")
}

func (r *request) parameter(name *string) (*parameter, bool) {
	return r.region.parameters.parameters.get(r.parameterKey(aws.StringValue(name)))
}

func (r *request) parameterARN(p *parameter) *string {
	return aws.String(r.arn("ssm", "parameter"+r.parameterKey(p.name)))
}

func noSuchParameter(name *string) error {
	return refuse(ssm.ErrCodeParameterNotFound, "Parameter %s not found.", aws.StringValue(name))
}

// shown returns the parameter with its value, which a SecureString shows only when it is decrypted.
func (r *request) shown(p *parameter, decrypt *bool) *ssm.Parameter {
	value := p.value
	if p.kind == ssm.ParameterTypeSecureString && !aws.BoolValue(decrypt) {
		value = ciphertext(p)
	}
	return &ssm.Parameter{
		ARN: r.parameterARN(p), DataType: aws.String(p.dataType), LastModifiedDate: aws.Time(p.modified),
		Name: aws.String(p.name), Type: aws.String(p.kind), Value: aws.String(value), Version: aws.Int64(p.version),
	}
}

// ciphertext returns what a SecureString looks like to who does not decrypt it.
func ciphertext(p *parameter) string {
	sum := sha256.Sum256([]byte(p.name + "\x00" + strconv.FormatInt(p.version, 10) + "\x00" + p.value))
	return "AQICAH" + base64.StdEncoding.EncodeToString(sum[:])
}

func getParameter(r *request, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	p, ok := r.parameter(in.Name)
	if ok {
		return &ssm.GetParameterOutput{Parameter: r.shown(p, in.WithDecryption)}, nil
	}
	p, selector, err := r.selected(in.Name)
	if err != nil {
		return nil, err
	}
	out := r.shown(p, in.WithDecryption)
	out.Selector = aws.String(selector)
	return &ssm.GetParameterOutput{Parameter: out}, nil
}

// versions returns all versions of the parameter that are kept, oldest first.
func (p *parameter) versions() []*parameter { return append(slices.Clip(p.older), p) }

// selected returns the version of a parameter that a name with a version behind a colon means.
func (r *request) selected(full *string) (*parameter, string, error) {
	i := strings.LastIndex(aws.StringValue(full), ":")
	if i < 0 {
		return nil, "", noSuchParameter(full)
	}
	name, selector := (*full)[:i], (*full)[i:]
	p, ok := r.parameter(&name)
	if !ok {
		return nil, "", noSuchParameter(full)
	}
	for _, version := range p.versions() {
		if selector == ":"+strconv.FormatInt(version.version, 10) {
			return version, selector, nil
		}
	}
	return nil, "", refuse(ssm.ErrCodeParameterVersionNotFound, "Systems Manager could not find version %s of %s. Verify the version and try again.", selector[1:], name)
}

// maxBatch is how many parameters one call gets or deletes.
const maxBatch = 10

// checkBatch refuses a list of names that is empty or too long, or names one twice.
func checkBatch(names []*string) error {
	if len(names) < 1 || len(names) > maxBatch {
		return ssmInvalid("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and %d", maxBatch)
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[aws.StringValue(n)] {
			return ssmInvalid("Duplicate parameter name: %s", aws.StringValue(n))
		}
		seen[aws.StringValue(n)] = true
	}
	return nil
}

func ssmInvalid(format string, args ...any) error {
	return refuse("ValidationException", format, args...)
}

func getParameters(r *request, in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	if err := checkBatch(in.Names); err != nil {
		return nil, err
	}
	out := &ssm.GetParametersOutput{Parameters: []*ssm.Parameter{}, InvalidParameters: []*string{}}
	for _, name := range in.Names {
		if p, ok := r.parameter(name); ok {
			out.Parameters = append(out.Parameters, r.shown(p, in.WithDecryption))
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

func deleteParameter(r *request, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	if _, ok := r.parameter(in.Name); !ok {
		return nil, noSuchParameter(in.Name)
	}
	r.forgetParameter(in.Name)
	return &ssm.DeleteParameterOutput{}, nil
}

// forgetParameter deletes a parameter. Its name is not free at once.
func (r *request) forgetParameter(name *string) {
	s, key := &r.region.parameters, r.parameterKey(aws.StringValue(name))
	s.parameters.delete(key)
	s.taken[key] = r.now.Add(r.aws.lags.Parameter)
}

func deleteParameters(r *request, in *ssm.DeleteParametersInput) (*ssm.DeleteParametersOutput, error) {
	if err := checkBatch(in.Names); err != nil {
		return nil, err
	}
	out := &ssm.DeleteParametersOutput{DeletedParameters: []*string{}, InvalidParameters: []*string{}}
	for _, name := range in.Names {
		if _, ok := r.parameter(name); ok {
			r.forgetParameter(name)
			out.DeletedParameters = append(out.DeletedParameters, name)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

// taggableParameter returns the parameter that a tagging call names.
func (r *request) taggableParameter(kind, id *string) (*parameter, error) {
	if aws.StringValue(kind) != ssm.ResourceTypeForTaggingParameter {
		return nil, refuse(ssm.ErrCodeInvalidResourceType, "localaws has resources of type Parameter only.")
	}
	p, ok := r.region.parameters.parameters.get("/" + strings.TrimPrefix(aws.StringValue(id), "/"))
	if !ok {
		return nil, refuse(ssm.ErrCodeInvalidResourceId, "The resource ID is not valid. Verify that you entered the correct ID and try again.")
	}
	return p, nil
}

func addTagsToParameter(r *request, in *ssm.AddTagsToResourceInput) (*ssm.AddTagsToResourceOutput, error) {
	p, err := r.taggableParameter(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	merged, err := checkParameterTags(p.tags, readTags(in.Tags, ssmPair))
	if err != nil {
		return nil, err
	}
	p.tags = merged
	return &ssm.AddTagsToResourceOutput{}, nil
}

// checkParameterTags returns old with given set on it, or why that cannot be.
func checkParameterTags(old, given tagList) (tagList, error) {
	if problem := given.problem(); problem != "" {
		return nil, ssmInvalid("%s", problem)
	}
	merged := old.with(given)
	if len(merged) > maxTags {
		return nil, refuse(ssm.ErrCodeTooManyTagsError, "The number of tags must not exceed %d.", maxTags)
	}
	return merged, nil
}

func removeTagsFromParameter(r *request, in *ssm.RemoveTagsFromResourceInput) (*ssm.RemoveTagsFromResourceOutput, error) {
	p, err := r.taggableParameter(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	p.tags = p.tags.without(in.TagKeys)
	return &ssm.RemoveTagsFromResourceOutput{}, nil
}

func listTagsOfParameter(r *request, in *ssm.ListTagsForResourceInput) (*ssm.ListTagsForResourceOutput, error) {
	p, err := r.taggableParameter(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &ssm.ListTagsForResourceOutput{TagList: writeTags(p.tags, ssmTag)}, nil
}

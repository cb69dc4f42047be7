package localaws

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
)

// Page sizes of Parameter Store.
const (
	maxByPath   = 10
	maxDescribe = 50
)

// parameterFilter reports whether a parameter, kept under a path, has what one filter asks for.
type parameterFilter func(path string, p *parameter) bool

// parameterPage returns a page of the parameters at or below the path prefix that all filters hold for.
func (r *request) parameterPage(prefix string, token *string, limit int, filters []parameterFilter) (page []*parameter, next *string, err error) {
	start, err := readToken(token)
	if err != nil {
		return nil, nil, refuse(ssm.ErrCodeInvalidNextToken, "The specified token isn't valid.")
	}
	if start == "" {
		start = prefix
		if r.aws.quirks.emptyPages && r.region.parameters.parameters.len() > 0 {
			return nil, writeToken(prefix), nil
		}
	}
	for path, p := range r.region.parameters.parameters.from(start) {
		if !strings.HasPrefix(path, prefix) {
			break
		}
		if slices.ContainsFunc(filters, func(f parameterFilter) bool { return !f(path, p) }) {
			continue
		}
		if len(page) == limit {
			return page, writeToken(path), nil
		}
		page = append(page, p)
	}
	return page, nil, nil
}

func getParametersByPath(r *request, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	limit, ok := pageLimit(in.MaxResults, maxByPath, maxByPath)
	if !ok {
		return nil, ssmInvalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *in.MaxResults, maxByPath)
	}
	path := aws.StringValue(in.Path)
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || path != "/" && !parameterName.MatchString(path) {
		return nil, ssmInvalid(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
	}
	for _, f := range in.ParameterFilters {
		if key := aws.StringValue(f.Key); !slices.Contains([]string{"Type", "KeyId", "Label"}, key) {
			return nil, refuse(ssm.ErrCodeInvalidFilterKey, "The following filter key is not valid: %s. Valid filter keys include: [Type, KeyId, Label].", key)
		}
	}
	filters, err := parameterFilters(in.ParameterFilters)
	if err != nil {
		return nil, err
	}
	prefix := strings.TrimSuffix(path, "/") + "/"
	if !aws.BoolValue(in.Recursive) {
		filters = append(filters, func(path string, _ *parameter) bool { return !strings.Contains(path[len(prefix):], "/") })
	}
	page, next, err := r.parameterPage(prefix, in.NextToken, limit, filters)
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParametersByPathOutput{NextToken: next, Parameters: []*ssm.Parameter{}}
	for _, p := range page {
		out.Parameters = append(out.Parameters, r.shown(p, in.WithDecryption))
	}
	return out, nil
}

// getParameterHistory lists a parameter's versions, oldest first.
func getParameterHistory(r *request, in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
	limit, ok := pageLimit(in.MaxResults, maxDescribe, maxDescribe)
	if !ok {
		return nil, ssmInvalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *in.MaxResults, maxDescribe)
	}
	newest, ok := r.parameter(in.Name)
	if !ok {
		return nil, noSuchParameter(in.Name)
	}
	page, next, err := pageOf(newest.versions(), in.NextToken, limit)
	if err != nil {
		return nil, refuse(ssm.ErrCodeInvalidNextToken, "The specified token isn't valid.")
	}
	out := &ssm.GetParameterHistoryOutput{NextToken: next, Parameters: []*ssm.ParameterHistory{}}
	for _, p := range page {
		out.Parameters = append(out.Parameters, &ssm.ParameterHistory{
			AllowedPattern: optional(p.pattern), DataType: aws.String(p.dataType), Description: optional(p.description), KeyId: optional(p.keyID),
			Labels: []*string{}, LastModifiedDate: aws.Time(p.modified), LastModifiedUser: aws.String(p.modifiedBy), Name: aws.String(p.name),
			Policies: []*ssm.ParameterInlinePolicy{}, Tier: aws.String(p.tier), Type: aws.String(p.kind),
			Value: r.shown(p, in.WithDecryption).Value, Version: aws.Int64(p.version),
		})
	}
	return out, nil
}

func describeParameters(r *request, in *ssm.DescribeParametersInput) (*ssm.DescribeParametersOutput, error) {
	limit, ok := pageLimit(in.MaxResults, maxDescribe, maxDescribe)
	if !ok {
		return nil, ssmInvalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *in.MaxResults, maxDescribe)
	}
	wanted := in.ParameterFilters
	if len(in.Filters) > 0 && len(wanted) > 0 {
		return nil, ssmInvalid("You can use either Filters or ParameterFilters in a single request.")
	}
	for _, f := range in.Filters { // the older way to say the same
		wanted = append(wanted, &ssm.ParameterStringFilter{Key: f.Key, Values: f.Values, Option: aws.String("BeginsWith")})
	}
	filters, err := parameterFilters(wanted)
	if err != nil {
		return nil, err
	}
	page, next, err := r.parameterPage("/", in.NextToken, limit, nil)
	if err != nil {
		return nil, err
	}
	out := &ssm.DescribeParametersOutput{NextToken: next, Parameters: []*ssm.ParameterMetadata{}}
	for _, p := range page { // filtered after paging, as AWS does (boto/boto3#1079): what is found costs as many calls as there are pages of all
		if slices.ContainsFunc(filters, func(f parameterFilter) bool { return !f(r.parameterKey(p.name), p) }) {
			continue
		}
		out.Parameters = append(out.Parameters, &ssm.ParameterMetadata{
			ARN: r.parameterARN(p), AllowedPattern: optional(p.pattern), DataType: aws.String(p.dataType), Description: optional(p.description),
			KeyId: optional(p.keyID), LastModifiedDate: aws.Time(p.modified), LastModifiedUser: aws.String(p.modifiedBy), Name: aws.String(p.name),
			Policies: []*ssm.ParameterInlinePolicy{}, Tier: aws.String(p.tier), Type: aws.String(p.kind), Version: aws.Int64(p.version),
		})
	}
	return out, nil
}

// parameterFilters makes functions of filters. All must hold; of a filter's values one must.
func parameterFilters(in []*ssm.ParameterStringFilter) ([]parameterFilter, error) {
	var out []parameterFilter
	for _, f := range in {
		filter, err := newParameterFilter(aws.StringValue(f.Key), aws.StringValue(f.Option), aws.StringValueSlice(f.Values))
		if err != nil {
			return nil, err
		}
		out = append(out, filter)
	}
	return out, nil
}

func newParameterFilter(key, option string, values []string) (parameterFilter, error) {
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		return tagFilter(tag, option, values)
	}
	if len(values) == 0 {
		return nil, refuse(ssm.ErrCodeInvalidFilterValue, "The following filter values are missing for the filter key %s: [].", key)
	}
	switch key {
	case "Path":
		return pathFilter(option, values)
	case "Label":
		return func(string, *parameter) bool { return false }, nil // no version is ever labelled
	}
	field, ok := map[string]func(*parameter) string{
		"Name":     func(p *parameter) string { return p.name },
		"Type":     func(p *parameter) string { return p.kind },
		"KeyId":    func(p *parameter) string { return p.keyID },
		"Tier":     func(p *parameter) string { return p.tier },
		"DataType": func(p *parameter) string { return p.dataType },
	}[key]
	if !ok {
		return nil, refuse(ssm.ErrCodeInvalidFilterKey, "The following filter key is not valid: %s. Valid filter keys include: [Path, Name, Type, KeyId, Tier, DataType, Label, tag:].", key)
	}
	match, err := filterOption(option, key == "Name")
	if err != nil {
		return nil, err
	}
	return func(_ string, p *parameter) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			got := field(p)
			return match(got, v) || key == "Name" && match(strings.TrimPrefix(got, "/"), strings.TrimPrefix(v, "/"))
		})
	}, nil
}

// filterOption returns how a filter compares what is there with what is wanted.
func filterOption(option string, contains bool) (func(got, want string) bool, error) {
	switch {
	case option == "" || option == "Equals":
		return func(got, want string) bool { return got == want }, nil
	case option == "BeginsWith":
		return strings.HasPrefix, nil
	case option == "Contains" && contains:
		return strings.Contains, nil
	}
	return nil, refuse(ssm.ErrCodeInvalidFilterOption, "The following filter option is not valid: %s. Valid options include: [BeginsWith, Equals].", option)
}

func tagFilter(tag, option string, values []string) (parameterFilter, error) {
	match, err := filterOption(option, false)
	if err != nil {
		return nil, err
	}
	return func(_ string, p *parameter) bool {
		i := p.tags.index(tag)
		return i >= 0 && (len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return match(p.tags[i].value, v) }))
	}, nil
}

func pathFilter(option string, values []string) (parameterFilter, error) {
	if !slices.Contains([]string{"", "OneLevel", "Recursive"}, option) {
		return nil, refuse(ssm.ErrCodeInvalidFilterOption, "The following filter option is not valid: %s. Valid options include: [Recursive, OneLevel].", option)
	}
	for _, v := range values {
		if !strings.HasPrefix(v, "/") {
			return nil, refuse(ssm.ErrCodeInvalidFilterValue, "The path %s must begin with a slash.", v)
		}
	}
	return func(path string, _ *parameter) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			rest, ok := strings.CutPrefix(path, strings.TrimSuffix(v, "/")+"/")
			return ok && (option == "Recursive" || !strings.Contains(rest, "/"))
		})
	}, nil
}

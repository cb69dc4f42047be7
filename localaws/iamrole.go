package localaws

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"
)

var (
	roleName   = regexp.MustCompile(`^[\w+=,.@-]+$`)
	rolePath   = regexp.MustCompile(`^(/|/[\x21-\x7e]+/)$`)
	policyARN  = regexp.MustCompile(`^arn:aws[\w-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$`)
	whitespace = regexp.MustCompile(`\s+`)
)

// Sizes that IAM allows, in characters.
const (
	maxRoleName     = 64
	maxTrust        = 2048
	maxDescription  = 1000
	maxInlinePolicy = 10240 // all inline policies of a role together, whitespace aside
	maxPolicyName   = 128
	maxPath         = 512
)

// checkName refuses a name that IAM would. What is the parameter's name.
func checkIAMName(what, name string, most int) error {
	switch {
	case len(name) > most:
		return refuse("ValidationError", "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", what, most)
	case !roleName.MatchString(name):
		return refuse("ValidationError", "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", what)
	}
	return nil
}

// checkTrust refuses a trust policy that is no policy, or names nobody.
func checkTrust(document string) error {
	var policy struct {
		Statement json.RawMessage
	}
	type statement struct{ Effect, Principal, Action, Resource any }
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return refuse(iam.ErrCodeMalformedPolicyDocumentException, "This policy contains invalid Json")
	}
	if len(whitespace.ReplaceAllString(document, "")) > maxTrust {
		return iamError(http.StatusConflict, iam.ErrCodeLimitExceededException, "Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	var statements []statement
	if json.Unmarshal(policy.Statement, &statements) != nil {
		var one statement // a policy may have one statement instead of a list
		if json.Unmarshal(policy.Statement, &one) != nil {
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Syntax errors in policy.")
		}
		statements = []statement{one}
	}
	if len(statements) == 0 {
		return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Syntax errors in policy.")
	}
	for _, s := range statements {
		switch {
		case s.Effect == nil || s.Action == nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Syntax errors in policy.")
		case s.Principal == nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "AssumeRole policy must contain a Principal.")
		case s.Resource != nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Has prohibited field Resource")
		}
	}
	return nil
}

// checkRoleTags refuses tags that IAM would: it does not tell keys apart by case.
func checkRoleTags(tags tagList) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if seen[strings.ToLower(t.key)] {
			return refuse(iam.ErrCodeInvalidInputException, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[strings.ToLower(t.key)] = true
	}
	if problem := tags.problem(); problem != "" {
		return refuse("ValidationError", "%s", problem)
	}
	if len(tags) > maxTags {
		return refuse("ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	return nil
}

func checkBoundary(arn string) error {
	if !policyARN.MatchString(arn) {
		return refuse(iam.ErrCodeInvalidInputException, "ARN %s is not valid.", arn)
	}
	return nil
}

func createRole(r *request, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	ro := &role{
		name:        aws.StringValue(in.RoleName),
		path:        aws.StringValue(in.Path),
		created:     r.now,
		trust:       aws.StringValue(in.AssumeRolePolicyDocument),
		description: aws.StringValue(in.Description),
		maxSession:  aws.Int64Value(in.MaxSessionDuration),
		boundary:    aws.StringValue(in.PermissionsBoundary),
		tags:        readTags(in.Tags, iamPair),
	}
	if ro.path == "" {
		ro.path = "/"
	}
	if ro.maxSession == 0 {
		ro.maxSession = 3600
	}
	if err := checkNewRole(ro); err != nil {
		return nil, err
	}
	if _, ok := r.account.iam.roles.get(strings.ToLower(ro.name)); ok {
		return nil, iamError(http.StatusConflict, iam.ErrCodeEntityAlreadyExistsException, "Role with name %s already exists.", ro.name)
	}
	r.addRole(ro)
	return &iam.CreateRoleOutput{Role: ro.full()}, nil
}

func checkNewRole(ro *role) error {
	if err := checkIAMName("roleName", ro.name, maxRoleName); err != nil {
		return err
	}
	if !rolePath.MatchString(ro.path) || len(ro.path) > maxPath {
		return refuse("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	if strings.HasPrefix(ro.path, "/aws-service-role/") {
		return refuse(iam.ErrCodeInvalidInputException, "Service-linked roles are made with CreateServiceLinkedRole.")
	}
	if len(ro.description) > maxDescription {
		return refuse("ValidationError", "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to %d", maxDescription)
	}
	if err := checkMaxSession(ro.maxSession); err != nil {
		return err
	}
	if ro.boundary != "" {
		if err := checkBoundary(ro.boundary); err != nil {
			return err
		}
	}
	if err := checkRoleTags(ro.tags); err != nil {
		return err
	}
	return checkTrust(ro.trust)
}

func checkMaxSession(seconds int64) error {
	if seconds < 3600 || seconds > 43200 {
		return refuse("ValidationError", "1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must be between 3600 and 43200", seconds)
	}
	return nil
}

// addRole gives the role what IAM makes up and puts it among the account's.
func (r *request) addRole(ro *role) {
	ro.id = "AROA" + r.aws.letters(17, upperAlnum)
	ro.arn = "arn:aws:iam::" + r.account.id + ":role" + ro.path + ro.name
	r.account.iam.roles.put(strings.ToLower(ro.name), ro)
}

func createServiceLinkedRole(r *request, in *iam.CreateServiceLinkedRoleInput) (*iam.CreateServiceLinkedRoleOutput, error) {
	service, ok := strings.CutSuffix(aws.StringValue(in.AWSServiceName), ".amazonaws.com")
	if !ok || service == "" {
		return nil, refuse(iam.ErrCodeInvalidInputException, "Invalid service principal: %s", aws.StringValue(in.AWSServiceName))
	}
	short := strings.ToUpper(service)
	if len(service) > 3 { // as in AWSServiceRoleForECS and AWSServiceRoleForSupport
		short = strings.ToUpper(service[:1]) + service[1:]
	}
	ro := &role{
		name:        "AWSServiceRoleFor" + short,
		path:        "/aws-service-role/" + service + ".amazonaws.com/",
		created:     r.now,
		trust:       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
		description: aws.StringValue(in.Description),
		maxSession:  3600,
	}
	if suffix := aws.StringValue(in.CustomSuffix); suffix != "" {
		ro.name += "_" + suffix
	}
	if _, ok := r.account.iam.roles.get(strings.ToLower(ro.name)); ok {
		return nil, refuse(iam.ErrCodeInvalidInputException, "Service role name %s has been taken in this account, please try a different suffix.", ro.name)
	}
	r.addRole(ro)
	return &iam.CreateServiceLinkedRoleOutput{Role: ro.full()}, nil
}

func getRole(r *request, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	ro, err := r.visibleRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	out := ro.full()
	out.Tags = writeTags(ro.seenTags(r), iamTag)
	return &iam.GetRoleOutput{Role: out}, nil
}

func listRoles(r *request, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	prefix := aws.StringValue(in.PathPrefix)
	roles, next, truncated, err := iamPage(&r.account.iam.roles, in.Marker, in.MaxItems, func(ro *role) bool {
		return strings.HasPrefix(ro.path, prefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iam.ListRolesOutput{IsTruncated: truncated, Marker: next, Roles: []*iam.Role{}}
	for _, ro := range roles {
		out.Roles = append(out.Roles, ro.summary())
	}
	return out, nil
}

func deleteRole(r *request, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	switch {
	case err != nil:
		return nil, err
	case ro.attached.len() > 0:
		return nil, iamError(http.StatusConflict, iam.ErrCodeDeleteConflictException, "Cannot delete entity, must detach all policies first.")
	case ro.inline.len() > 0:
		return nil, iamError(http.StatusConflict, iam.ErrCodeDeleteConflictException, "Cannot delete entity, must delete policies first.")
	}
	r.account.iam.roles.delete(strings.ToLower(ro.name))
	return &iam.DeleteRoleOutput{}, nil
}

func updateRole(r *request, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	if in.MaxSessionDuration != nil {
		if err := checkMaxSession(*in.MaxSessionDuration); err != nil {
			return nil, err
		}
		ro.maxSession = *in.MaxSessionDuration
	}
	if in.Description != nil {
		ro.description = *in.Description
	}
	return &iam.UpdateRoleOutput{}, nil
}

func updateRoleDescription(r *request, in *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	ro, err := r.role(in.RoleName) // allowed for service-linked roles
	if err != nil {
		return nil, err
	}
	ro.description = aws.StringValue(in.Description)
	return &iam.UpdateRoleDescriptionOutput{Role: ro.full()}, nil
}

func updateAssumeRolePolicy(r *request, in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := checkTrust(aws.StringValue(in.PolicyDocument)); err != nil {
		return nil, err
	}
	ro.trust = aws.StringValue(in.PolicyDocument)
	return &iam.UpdateAssumeRolePolicyOutput{}, nil
}

func putRolePermissionsBoundary(r *request, in *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := checkBoundary(aws.StringValue(in.PermissionsBoundary)); err != nil {
		return nil, err
	}
	ro.boundary = aws.StringValue(in.PermissionsBoundary)
	return &iam.PutRolePermissionsBoundaryOutput{}, nil
}

func tagRole(r *request, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	ro, err := r.visibleRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	given := readTags(in.Tags, iamPair)
	if err := checkRoleTags(given); err != nil {
		return nil, err
	}
	merged := ro.withoutTags(given.keys()).with(given)
	if len(merged) > maxTags {
		return nil, iamError(http.StatusConflict, iam.ErrCodeLimitExceededException, "The number of tags has reached the maximum limit.")
	}
	ro.setTags(r, merged)
	return &iam.TagRoleOutput{}, nil
}

func untagRole(r *request, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	ro, err := r.role(in.RoleName)
	if err != nil {
		return nil, err
	}
	ro.setTags(r, ro.withoutTags(aws.StringValueSlice(in.TagKeys)))
	return &iam.UntagRoleOutput{}, nil
}

// withoutTags returns the role's tags without those that have one of the keys, in whatever case.
func (ro *role) withoutTags(keys []string) tagList {
	var out tagList
	for _, t := range ro.tags {
		if !containsFold(keys, t.key) {
			out = append(out, t)
		}
	}
	return out
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

func listRoleTags(r *request, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	ro, err := r.role(in.RoleName)
	if err != nil {
		return nil, err
	}
	limit, ok := pageLimit(in.MaxItems, 100, 1000)
	if !ok {
		return nil, refuse("ValidationError", "MaxItems must be between 1 and 1000")
	}
	page, next, err := pageOf(ro.tags, in.Marker, limit)
	if err != nil {
		return nil, refuse("ValidationError", "Invalid Marker.")
	}
	return &iam.ListRoleTagsOutput{IsTruncated: aws.Bool(next != nil), Marker: next, Tags: writeTags(page, iamTag)}, nil
}

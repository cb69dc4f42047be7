package localaws

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"
)

// maxAttached is how many managed policies a role may have by default.
const maxAttached = 10

// checkPolicy refuses what is no identity policy.
func checkPolicy(document string) error {
	var policy struct {
		Statement any
	}
	if err := json.Unmarshal([]byte(document), &policy); err != nil || policy.Statement == nil {
		return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Syntax errors in policy.")
	}
	statements, ok := policy.Statement.([]any)
	if !ok {
		statements = []any{policy.Statement}
	}
	for _, s := range statements {
		statement, _ := s.(map[string]any)
		_, principal := statement["Principal"]
		switch {
		case statement["Effect"] == nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Syntax errors in policy.")
		case principal:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Policy document should not specify a principal.")
		case statement["Action"] == nil && statement["NotAction"] == nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Policy statement must contain actions.")
		case statement["Resource"] == nil && statement["NotResource"] == nil:
			return refuse(iam.ErrCodeMalformedPolicyDocumentException, "Policy statement must contain resources.")
		}
	}
	return nil
}

func putRolePolicy(r *request, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	ro, err := r.visibleRole(in.RoleName)
	if err == nil {
		ro, err = r.changeableRole(in.RoleName)
	}
	if err != nil {
		return nil, err
	}
	name, document := aws.StringValue(in.PolicyName), aws.StringValue(in.PolicyDocument)
	if err := checkIAMName("policyName", name, maxPolicyName); err != nil {
		return nil, err
	}
	if err := checkPolicy(document); err != nil {
		return nil, err
	}
	size := len(whitespace.ReplaceAllString(document, ""))
	for other, p := range ro.inline.all() {
		if other != name {
			size += len(whitespace.ReplaceAllString(p.document, ""))
		}
	}
	if size > maxInlinePolicy {
		return nil, iamError(http.StatusConflict, iam.ErrCodeLimitExceededException, "Maximum policy size of %d bytes exceeded for role %s", maxInlinePolicy, ro.name)
	}
	ro.inline.put(name, inlinePolicy{name, document})
	return &iam.PutRolePolicyOutput{}, nil
}

func getRolePolicy(r *request, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	ro, err := r.role(in.RoleName)
	if err != nil {
		return nil, err
	}
	p, ok := ro.inline.get(aws.StringValue(in.PolicyName))
	if !ok {
		return nil, noSuchPolicy(aws.StringValue(in.PolicyName))
	}
	return &iam.GetRolePolicyOutput{
		PolicyDocument: aws.String(percentEncode(p.document)),
		PolicyName:     aws.String(p.name),
		RoleName:       aws.String(ro.name),
	}, nil
}

func noSuchPolicy(name string) error {
	return iamError(http.StatusNotFound, iam.ErrCodeNoSuchEntityException, "The role policy with name %s cannot be found.", name)
}

func deleteRolePolicy(r *request, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	name := aws.StringValue(in.PolicyName)
	if _, ok := ro.inline.get(name); !ok {
		return nil, noSuchPolicy(name)
	}
	ro.inline.delete(name)
	return &iam.DeleteRolePolicyOutput{}, nil
}

func listRolePolicies(r *request, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	ro, err := r.role(in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, truncated, err := iamPage(&ro.inline, in.Marker, in.MaxItems, everything)
	if err != nil {
		return nil, err
	}
	out := &iam.ListRolePoliciesOutput{IsTruncated: truncated, Marker: next, PolicyNames: []*string{}}
	for _, p := range page {
		out.PolicyNames = append(out.PolicyNames, aws.String(p.name))
	}
	return out, nil
}

func attachRolePolicy(r *request, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	arn := aws.StringValue(in.PolicyArn)
	if err := checkBoundary(arn); err != nil {
		return nil, err
	}
	if _, ok := ro.attached.get(arn); !ok && ro.attached.len() == maxAttached {
		return nil, iamError(http.StatusConflict, iam.ErrCodeLimitExceededException, "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
	}
	ro.attached.put(arn, arn)
	return &iam.AttachRolePolicyOutput{}, nil
}

func detachRolePolicy(r *request, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	ro, err := r.changeableRole(in.RoleName)
	if err != nil {
		return nil, err
	}
	arn := aws.StringValue(in.PolicyArn)
	if _, ok := ro.attached.get(arn); !ok {
		return nil, iamError(http.StatusNotFound, iam.ErrCodeNoSuchEntityException, "Policy %s was not found.", arn)
	}
	ro.attached.delete(arn)
	return &iam.DetachRolePolicyOutput{}, nil
}

func listAttachedRolePolicies(r *request, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	ro, err := r.role(in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, truncated, err := iamPage(&ro.attached, in.Marker, in.MaxItems, everything)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAttachedRolePoliciesOutput{IsTruncated: truncated, Marker: next, AttachedPolicies: []*iam.AttachedPolicy{}}
	for _, arn := range page {
		out.AttachedPolicies = append(out.AttachedPolicies, &iam.AttachedPolicy{
			PolicyArn: aws.String(arn), PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:]),
		})
	}
	return out, nil
}

// principalARN is what SimulatePrincipalPolicy takes: users, groups and roles, not the sessions of roles.
var principalARN = regexp.MustCompile(`^arn:aws[\w-]*:iam::\d{12}:(user|group|role)/.+$`)

func simulatePrincipalPolicy(r *request, in *iam.SimulatePrincipalPolicyInput) (*iam.SimulatePolicyResponse, error) {
	if source := aws.StringValue(in.PolicySourceArn); !principalARN.MatchString(source) {
		return nil, refuse(iam.ErrCodeInvalidInputException, "Invalid Entity Arn: %s does not clearly define entity type and name.", source)
	}
	resources := aws.StringValueSlice(in.ResourceArns)
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var results []*iam.EvaluationResult
	for _, action := range aws.StringValueSlice(in.ActionNames) {
		decision := iam.PolicyEvaluationDecisionTypeAllowed
		if containsFold(r.aws.quirks.denied, action) {
			decision = iam.PolicyEvaluationDecisionTypeImplicitDeny
		}
		for _, resource := range resources {
			results = append(results, &iam.EvaluationResult{
				EvalActionName: aws.String(action), EvalDecision: aws.String(decision), EvalResourceName: aws.String(resource),
			})
		}
	}
	limit, ok := pageLimit(in.MaxItems, 100, 1000)
	if !ok {
		return nil, refuse("ValidationError", "MaxItems must be between 1 and 1000")
	}
	page, next, err := pageOf(slices.Clip(results), in.Marker, limit)
	if err != nil {
		return nil, refuse("ValidationError", "Invalid Marker.")
	}
	return &iam.SimulatePolicyResponse{EvaluationResults: page, IsTruncated: aws.Bool(next != nil), Marker: next}, nil
}

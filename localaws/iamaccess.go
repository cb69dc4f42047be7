package localaws

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/service/iam"
)

// policyDocument is a policy as far as it is evaluated.
type policyDocument struct{ Statement list[policyStatement] }

// policyStatement is one statement. Members that may be one value or several are lists.
type policyStatement struct {
	Effect                string
	Principal             principals
	Action, NotAction     list[string]
	Resource, NotResource list[string]
	Condition             map[string]map[string]list[string]
}

// list is one value or several, as JSON policies write both.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	var many []T
	if json.Unmarshal(data, &many) == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// principals are those that a statement of a trust policy is about, by kind: AWS, Service; "*" alone is everybody.
type principals map[string]list[string]

func (p *principals) UnmarshalJSON(data []byte) error {
	var kinds map[string]list[string]
	if json.Unmarshal(data, &kinds) == nil {
		*p = kinds
		return nil
	}
	*p = principals{"Service": {"*"}, "AWS": {"*"}}
	return nil
}

// accessRequest is what somebody wants to do. The context's keys are in lower case.
type accessRequest struct {
	action, resource string
	context          map[string][]string
}

// The outcomes of an evaluation.
const (
	accessAllowed    = iam.PolicyEvaluationDecisionTypeAllowed
	accessDenied     = iam.PolicyEvaluationDecisionTypeExplicitDeny
	accessNotAllowed = iam.PolicyEvaluationDecisionTypeImplicitDeny
)

// managedPolicies are what the simulator knows of AWS's own policies, by name.
var managedPolicies = map[string]string{
	"AdministratorAccess": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
	"AmazonECSTaskExecutionRolePolicy": `{"Statement":{"Effect":"Allow","Resource":"*","Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability",
		"ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"]}}`,
}

// access evaluates the role's policies, inline and attached. Of a permissions boundary the simulator knows no document: it limits nothing.
func (ro *role) access(want accessRequest) string {
	decision := accessNotAllowed
	documents := []string{}
	for _, p := range ro.inline.all() {
		documents = append(documents, p.document)
	}
	for arn := range ro.attached.all() {
		documents = append(documents, managedPolicies[lastSegment(arn)])
	}
	for _, document := range documents {
		for _, s := range parsePolicy(document) {
			switch {
			case !s.matches(want):
			case s.Effect == "Deny":
				return accessDenied
			default:
				decision = accessAllowed
			}
		}
	}
	return decision
}

// parsePolicy returns the statements of a policy. One that is malformed has none; those that callers put were checked.
func parsePolicy(document string) []policyStatement {
	var p policyDocument
	if json.Unmarshal([]byte(document), &p) != nil {
		return nil
	}
	return p.Statement
}

// trusts reports whether an AWS service may assume the role in the context.
func (ro *role) trusts(service string, context map[string][]string) bool {
	trusted := false
	for _, s := range parsePolicy(ro.trust) {
		if !anyGlob(s.Principal["Service"], service) || !anyGlob(s.Action, "sts:AssumeRole") || !s.holds(context) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		trusted = true
	}
	return trusted
}

func (s policyStatement) matches(want accessRequest) bool {
	action := strings.ToLower(want.action)
	lower := func(patterns list[string]) list[string] {
		out := slices.Clone(patterns)
		for i := range out {
			out[i] = strings.ToLower(out[i])
		}
		return out
	}
	actions := anyGlob(lower(s.Action), action) || s.NotAction != nil && !anyGlob(lower(s.NotAction), action)
	resources := anyGlob(s.Resource, want.resource) || s.NotResource != nil && !anyGlob(s.NotResource, want.resource)
	return actions && resources && s.holds(want.context)
}

// holds reports whether all conditions of the statement hold.
func (s policyStatement) holds(context map[string][]string) bool {
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			if !condition(operator, context[strings.ToLower(key)], wanted) {
				return false
			}
		}
	}
	return true
}

// condition evaluates one condition. An operator that the simulator does not know holds for nobody.
func condition(operator string, have, wanted []string) bool {
	operator = strings.TrimPrefix(operator, "ForAnyValue:")
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	if len(have) == 0 {
		return ifExists
	}
	equal := func(v string) bool { return slices.Contains(wanted, v) }
	like := func(v string) bool { return anyGlob(wanted, v) }
	switch operator {
	case "StringEquals":
		return slices.ContainsFunc(have, equal)
	case "StringNotEquals":
		return !slices.ContainsFunc(have, equal)
	case "StringEqualsIgnoreCase":
		return slices.ContainsFunc(have, func(v string) bool { return containsFold(wanted, v) })
	case "StringLike", "ArnLike", "ArnEquals":
		return slices.ContainsFunc(have, like)
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		return !slices.ContainsFunc(have, like)
	}
	return false
}

func anyGlob(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(p, s) })
}

// glob reports whether s matches a pattern of IAM: "*" is any text, "?" any letter.
func glob(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

package localaws

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"
)

// iamState is an account's roles, by their names in lower case: IAM does not tell names apart by case.
type iamState struct{ roles ordered[*role] }

// role is one IAM role.
type role struct {
	name, path, id, arn string
	created             time.Time
	trust, description  string
	maxSession          int64
	boundary            string // a policy's ARN, or empty
	tags                tagList
	past                []pastTags // of Lags.RoleTags, the oldest first
	inline              ordered[inlinePolicy]
	attached            ordered[string] // managed policies: ARN by ARN
}

type inlinePolicy struct{ name, document string }

func newIAMState() iamState { return iamState{} }

// inventory lists the roles. Service-linked ones, which AWS makes by itself, are not listed.
func (s *iamState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, ro := range s.roles.all() {
			if !ro.serviceLinked() && !yield("role "+ro.name) {
				return
			}
		}
	}
}

// usableRole returns the role that arn names, if there is one and it is old enough for other services to assume it (Lags.Role).
func (s *iamState) usableRole(a *AWS, arn string) bool {
	ro, ok := s.roles.get(strings.ToLower(arn[strings.LastIndex(arn, "/")+1:]))
	return ok && ro.arn == arn && !a.now().Before(ro.created.Add(a.lags.Role))
}

func iamOperations() map[string]operation {
	return map[string]operation{
		"AttachRolePolicy":           op(attachRolePolicy),
		"CreateRole":                 op(createRole),
		"CreateServiceLinkedRole":    op(createServiceLinkedRole),
		"DeleteRole":                 op(deleteRole),
		"DeleteRolePolicy":           op(deleteRolePolicy),
		"DetachRolePolicy":           op(detachRolePolicy),
		"GetRole":                    op(getRole),
		"GetRolePolicy":              op(getRolePolicy),
		"ListAttachedRolePolicies":   op(listAttachedRolePolicies),
		"ListRolePolicies":           op(listRolePolicies),
		"ListRoles":                  op(listRoles),
		"ListRoleTags":               op(listRoleTags),
		"PutRolePermissionsBoundary": op(putRolePermissionsBoundary),
		"PutRolePolicy":              op(putRolePolicy),
		"SimulatePrincipalPolicy":    op(simulatePrincipalPolicy),
		"TagRole":                    op(tagRole),
		"UntagRole":                  op(untagRole),
		"UpdateAssumeRolePolicy":     op(updateAssumeRolePolicy),
		"UpdateRole":                 op(updateRole),
		"UpdateRoleDescription":      op(updateRoleDescription),
	}
}

func (ro *role) serviceLinked() bool { return strings.HasPrefix(ro.path, "/aws-service-role/") }

// pastTags are the tags that a role had until a change.
type pastTags struct {
	until time.Time
	tags  tagList
}

// setTags changes the role's tags. Reads show that late (Lags.RoleTags).
func (ro *role) setTags(r *request, tags tagList) {
	if r.aws.lags.RoleTags > 0 {
		ro.past = append(ro.past, pastTags{r.now, ro.tags})
	}
	ro.tags = tags
}

// seenTags returns the tags that reads show.
func (ro *role) seenTags(r *request) tagList {
	for _, past := range ro.past {
		if past.until.After(r.now.Add(-r.aws.lags.RoleTags)) {
			return past.tags
		}
	}
	return ro.tags
}

// full returns the role as GetRole shows it.
func (ro *role) full() *iam.Role {
	out := ro.summary()
	out.Tags = writeTags(ro.tags, iamTag)
	if ro.boundary != "" {
		out.PermissionsBoundary = &iam.AttachedPermissionsBoundary{
			PermissionsBoundaryArn:  aws.String(ro.boundary),
			PermissionsBoundaryType: aws.String(iam.PermissionsBoundaryAttachmentTypePermissionsBoundaryPolicy),
		}
	}
	return out
}

// summary returns the role as ListRoles shows it: without tags and permissions boundary.
func (ro *role) summary() *iam.Role {
	return &iam.Role{
		Arn:                      aws.String(ro.arn),
		AssumeRolePolicyDocument: aws.String(percentEncode(ro.trust)),
		CreateDate:               aws.Time(ro.created),
		Description:              optional(ro.description),
		MaxSessionDuration:       aws.Int64(ro.maxSession),
		Path:                     aws.String(ro.path),
		RoleId:                   aws.String(ro.id),
		RoleName:                 aws.String(ro.name),
	}
}

// percentEncode writes a policy as IAM returns it (RFC 3986).
func percentEncode(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

func iamTag(key, value *string) *iam.Tag      { return &iam.Tag{Key: key, Value: value} }
func iamPair(t *iam.Tag) (key, value *string) { return t.Key, t.Value }

// iamError returns an error with one of IAM's own HTTP statuses.
func iamError(status int, code, format string, args ...any) error {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func noSuchRole(name string) error {
	return iamError(http.StatusNotFound, iam.ErrCodeNoSuchEntityException, "The role with name %s cannot be found.", name)
}

// role returns the named role, as a write finds it.
func (r *request) role(name *string) (*role, error) {
	ro, ok := r.account.iam.roles.get(strings.ToLower(aws.StringValue(name)))
	if !ok {
		return nil, noSuchRole(aws.StringValue(name))
	}
	return ro, nil
}

// changeableRole returns the named role if callers may change it.
func (r *request) changeableRole(name *string) (*role, error) {
	ro, err := r.role(name)
	if err == nil && ro.serviceLinked() {
		return nil, iamError(http.StatusBadRequest, iam.ErrCodeUnmodifiableEntityException, "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", ro.name)
	}
	return ro, err
}

// visibleRole returns the named role once it is old enough to be seen (Lags.Visible).
func (r *request) visibleRole(name *string) (*role, error) {
	ro, err := r.role(name)
	if err == nil && !r.visible(ro.created) {
		return nil, noSuchRole(ro.name)
	}
	return ro, err
}

// iamPage returns a page of what an IAM list holds; its defaults are the same for all lists.
func iamPage[V any](o *ordered[V], marker *string, maxItems *int64, match func(V) bool) (page []V, next *string, truncated *bool, err error) {
	limit, ok := pageLimit(maxItems, 100, 1000)
	if !ok {
		return nil, nil, nil, refuse("ValidationError", "1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must be between 1 and 1000", *maxItems)
	}
	page, next, err = o.page(marker, limit, match)
	if err != nil {
		return nil, nil, nil, refuse("ValidationError", "Invalid Marker.")
	}
	return page, next, aws.Bool(next != nil), nil
}

// Package adhoc shows, creates, changes and deletes single things in AWS, as they are: what orchestration builds out of many. It owns one rule: what
// carries another org's tag does not exist here, and all that is created gets our org's tag. What has no org's tag can be shown and used, and
// deleted too, as the caller names it; secrets alone must be the org's.
package adhoc

import (
	"ecs-api/common"
	"ecs-api/orchestration/account"
)

// Resources are what an account has of each kind.
type Resources struct {
	Secrets    Secrets
	Parameters Parameters
}

// New returns the resources of the account.
func New(a *account.Account) *Resources {
	return &Resources{Secrets: Secrets{a}, Parameters: Parameters{a}}
}

// orgTag is the tag of all that is created in the account.
func orgTag(a *account.Account) common.Tag { return common.Tag{Key: common.TagOrg, Value: a.Org} }

package orchestration

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/resource"
)

// Ad hoc requests show, make or delete one thing of AWS's, as it is. What carries another org's tag is not there for them. What nobody's
// tag is on can be shown and used, and deleted too: the caller names it. All that they make gets our org's tag.

// hidden returns the ARNs of the resources of a type, such as "ecs:task-definition", that carry another org's tag. It asks the tagging
// API, which costs a page per hundred of them where asking for each one's tags would cost a call. That API lags behind: for some minutes
// a list may still name what another org has just made. The name is all it tells; showing it is NotFound at once.
func (o *Orchestrator) hidden(ctx context.Context, kind string) (map[string]bool, error) {
	found, err := o.account.Tagging.Find(ctx, common.Tags{{Key: common.TagOrg}}, kind)
	if err != nil {
		return nil, err
	}
	theirs := map[string]bool{}
	for _, resource := range found {
		if !resource.Tags.BelongsTo(o.account.Org) {
			theirs[resource.ARN] = true
		}
	}
	return theirs, nil
}

// ownTags returns the tags of something that is made ad hoc: the caller's and our org's.
func (o *Orchestrator) adhocTags(callers common.Tags) common.Tags {
	return callers.ForOrg(o.account.Org)
}

// adhocRequest returns the tag spinup:request for what one ad hoc request makes. It is no service's, as a service's name is never empty:
// what somebody made for itself is not deleted along with a service that used it.
func adhocRequest() common.Tag {
	return common.Tag{Key: common.TagRequest, Value: resource.OwnerPrefix("") + resource.NewID()}
}

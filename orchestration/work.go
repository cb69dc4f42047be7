package orchestration

import (
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	awsecs "github.com/aws/aws-sdk-go/service/ecs"
	awsiam "github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
)

// work is what creating and updating a service have in common: whose service it is, what the space it is in has, and what this request
// has made of it so far.
type work struct {
	*Orchestrator
	cluster, service string
	request, id      string      // the token of what this request makes; see token
	callers          common.Tags // for everything

	// What was there when the request came.
	found struct {
		cluster    *awsecs.Cluster
		role       *awsiam.Role
		rolePolicy string
		logGroup   *awslogs.LogGroup
	}

	identity  identity
	roleARN   string
	roleMade  bool // or tried to: undoRole looks
	groupMade bool // or tried to: undoLogGroup looks
}

// tagsFor returns the tags of something in the space: ours, then the request's, then those of the thing itself.
func (c *work) tagsFor(own common.Tags) common.Tags {
	return c.tags(c.cluster, c.request, c.callers.With(own...)...)
}

// theirs returns the 404 for something that belongs to another org.
func theirs(what, name string) error {
	return common.Errorf(common.NotFound, "there is no %s %s", what, name)
}

// young is how old something may be that a request of ours may still be unmaking.
const young = createTime + undoTime

// toClaim reports whether something shared that was found is another request's of ours that may not be done: it may still fail and
// unmake what it made.
func (c *work) toClaim(tags common.Tags, done bool) bool {
	_, marked := tags.Get(common.TagRequest)
	return marked && !done && !c.mine(tags) && tags.OwnedBy(c.account.Org)
}

// claimTag is the tag that makes something this request's: whoever made it leaves it alone then.
func (c *work) claimTag() common.Tags {
	return common.Tags{{Key: common.TagRequest, Value: c.request}}
}

// mine reports whether tags are those of something that this request made or claimed, and nobody claimed since.
func (c *work) mine(tags common.Tags) bool {
	value, _ := tags.Get(common.TagRequest)
	return value == c.request
}

package orchestration

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	awsiam "github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
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
		revision   *awsecs.DescribeTaskDefinitionOutput // the family's latest at first, then the one that is adopted, if one is
	}

	rival     atomic.Bool // another server is building the same service at this moment
	identity  identity
	roleARN   string
	roleMade  bool // or tried to: undoRole looks
	groupMade bool // or tried to: undoLogGroup looks

	groupForeign  bool // the log group is nobody's: made by hand
	groupAnswered bool // AWS has answered that it is made
}

// target names the service in operations.
func (c *work) target() string { return c.cluster + "/" + c.service }

// tagsFor returns the tags of something in the space: ours, then the request's, then those of the thing itself.
func (c *work) tagsFor(own common.Tags) common.Tags {
	return c.tags(c.cluster, c.request, c.callers.With(own...)...)
}

// validateTags returns what is wrong with the tags of one thing, which come over those of the whole request.
func (c *work) validateTags(field string, own common.Tags) problems {
	p := problems(own.Validate(field, c.account.Org))
	if all := c.callers.With(own...); len(p) == 0 && !c.callers.TooMany() && all.TooMany() {
		p.add(field, "has, along with those of the whole request, %d tags: too many", len(all))
	}
	return p
}

// validateCallersTags returns what is wrong with the tags of the whole request. IAM, if its role gets them too, does not tell upper case from
// lower case in keys.
func (c *work) validateCallersTags(ofRole bool) problems {
	p := problems(c.callers.Validate("tags", c.account.Org))
	if !ofRole {
		return p
	}
	seen := map[string]string{}
	for _, key := range c.tagsFor(nil).Keys() {
		other, ok := seen[strings.ToLower(key)]
		if ok {
			p.add("tags", "have the keys %q and %q, which IAM does not tell apart", other, key)
		}
		seen[strings.ToLower(key)] = key
	}
	return p
}

// theirs returns the 404 for something that belongs to another org.
func theirs(what, name string) error {
	return common.Errorf(common.NotFound, "there is no %s %s", what, name)
}

// absent returns err, but says of what is not there the same as of what belongs to another org: nobody shall tell them apart.
func absent(err error, what, name string) error {
	if common.Is(err, common.NotFound) {
		return theirs(what, name)
	}
	return err
}

// taken returns the 404 for a name that was to be given to something new, and that another org has given already.
func taken(what, name string) error {
	return common.Errorf(common.NotFound, "the name %s is taken by a %s of another org; choose another", name, what)
}

// shared is something that the services in a cluster share: how its tags are read and written.
type shared struct {
	what  string
	read  func(context.Context) (common.Tags, error)
	write func(context.Context, common.Tags) error
}

// takenBack reports whether err says that something shared which was there a moment ago is gone: the request that made it has failed. It is
// AWS that says so then, not we of what is another org's.
func takenBack(err error) bool { return common.Is(err, common.NotFound) && common.CodeOf(err) != "" }

// claim gives something shared that was found this request's tag, if another request of ours may be making it at the moment: that one
// leaves it alone then, should it fail. Where a service runs already, nobody would take it away. Undo gives the old tag back, unless
// somebody else has claimed it since, or has built what this request wanted to build.
func (c *work) claim(tags common.Tags, s shared) step {
	return func(ctx context.Context) (undo, error) {
		before, marked := tags.Get(common.TagRequest)
		if !marked || c.mine(tags) || !tags.OwnedBy(c.account.Org) || c.settled() {
			return nil, nil
		}
		back := func(ctx context.Context) error {
			now, err := s.read(ctx)
			if err == nil && c.mine(now) && !c.rival.Load() {
				err = s.write(ctx, common.Tags{{Key: common.TagRequest, Value: before}})
			}
			return common.Wrapf(ignoreNotFound(err), "the tag %s of %s", common.TagRequest, s.what)
		}
		return back, s.write(ctx, common.Tags{{Key: common.TagRequest, Value: c.request}})
	}
}

// settled reports whether a service runs in the cluster.
func (c *work) settled() bool {
	return c.found.cluster != nil && aws.Int64Value(c.found.cluster.ActiveServicesCount) > 0
}

// mine reports whether tags are those of something that this request made or claimed, and nobody claimed since.
func (c *work) mine(tags common.Tags) bool {
	value, _ := tags.Get(common.TagRequest)
	return value == c.request
}

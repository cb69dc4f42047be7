package ecs

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// maxDeletes is how many revisions one call deletes.
const maxDeletes = 10

// RevisionWatcher learns what the client does to revisions.
type RevisionWatcher interface {
	// Registered is called with each revision that was registered.
	Registered(*ecs.RegisterTaskDefinitionOutput)
	// Changed is called before a call returns that may have changed the status of a revision, which is empty if it is not known.
	Changed(arn, status string)
}

// WatchRevisions tells w of what the client does to revisions.
func (c *Client) WatchRevisions(w RevisionWatcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers = append(c.watchers, w)
}

func (c *Client) eachWatcher(tell func(RevisionWatcher)) {
	c.mu.Lock()
	watchers := slices.Clone(c.watchers)
	c.mu.Unlock()
	for _, w := range watchers {
		tell(w)
	}
}

// TaskDefinition returns a task definition and, beside it, its tags. A family stands for its latest ACTIVE revision.
func (c *Client) TaskDefinition(ctx context.Context, nameOrARN string) (*ecs.DescribeTaskDefinitionOutput, error) {
	out, err := c.api.DescribeTaskDefinitionWithContext(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String(nameOrARN),
		Include:        aws.StringSlice([]string{ecs.TaskDefinitionFieldTags}),
	})
	if err != nil {
		return nil, common.FromAWS(err, "describe task definition %q", nameOrARN)
	}
	return out, nil
}

// RegisterTaskDefinition creates a new revision, each time it is called: after a lost response it is not retried, and the error is
// Ambiguous.
func (c *Client) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if in == nil {
		in = &ecs.RegisterTaskDefinitionInput{}
	}
	out, err := c.api.RegisterTaskDefinitionWithContext(ctx, in, common.OnlyOnce)
	if err != nil {
		return nil, common.FromAWS(err, "register task definition %q", aws.StringValue(in.Family))
	}
	c.eachWatcher(func(w RevisionWatcher) { w.Registered(out) })
	return out, nil
}

// ListTaskDefinitions returns ARNs by family, the newest revision first. FamilyPrefix is, in spite of ECS's word for it, a whole family;
// status is ACTIVE, INACTIVE or DELETE_IN_PROGRESS. Empty means any family, and ACTIVE.
func (c *Client) ListTaskDefinitions(ctx context.Context, familyPrefix, status string) ([]string, error) {
	var arns []string
	err := c.api.ListTaskDefinitionsPagesWithContext(ctx, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: optional(familyPrefix),
		Status:       optional(status),
		Sort:         aws.String(ecs.SortOrderDesc),
		MaxResults:   aws.Int64(maxPage),
	}, func(page *ecs.ListTaskDefinitionsOutput, _ bool) bool {
		arns = append(arns, aws.StringValueSlice(page.TaskDefinitionArns)...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the task definitions")
	}
	return arns, nil
}

// Revisions returns the ARNs of a family's ACTIVE revisions, the newest first: most of them at most.
func (c *Client) Revisions(ctx context.Context, family string, most int) ([]string, error) {
	var arns []string
	err := c.api.ListTaskDefinitionsPagesWithContext(ctx, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: aws.String(family), Sort: aws.String(ecs.SortOrderDesc), MaxResults: aws.Int64(int64(min(most, maxPage))),
	}, func(page *ecs.ListTaskDefinitionsOutput, _ bool) bool {
		arns = append(arns, aws.StringValueSlice(page.TaskDefinitionArns)...)
		return len(arns) < most
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the revisions of task definition %q", family)
	}
	return arns[:min(len(arns), most)], nil
}

// ListTaskDefinitionFamilies returns the names of families that begin with prefix. Status is ACTIVE, INACTIVE or ALL; empty means ALL.
func (c *Client) ListTaskDefinitionFamilies(ctx context.Context, prefix, status string) ([]string, error) {
	var families []string
	in := &ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: optional(prefix), Status: optional(status), MaxResults: aws.Int64(maxPage)}
	err := c.api.ListTaskDefinitionFamiliesPagesWithContext(ctx, in, func(page *ecs.ListTaskDefinitionFamiliesOutput, _ bool) bool {
		families = append(families, aws.StringValueSlice(page.Families)...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the task definition families")
	}
	return families, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE.
func (c *Client) DeregisterTaskDefinition(ctx context.Context, arn string) (*ecs.TaskDefinition, error) {
	definition, err := c.deregister(ctx, arn)
	if !common.Is(err, common.NotFound) {
		var status string // unknown after an error: a try may have taken effect
		if definition != nil {
			status = aws.StringValue(definition.Status)
		}
		c.eachWatcher(func(w RevisionWatcher) { w.Changed(arn, status) })
	}
	return definition, err
}

func (c *Client) deregister(ctx context.Context, arn string) (*ecs.TaskDefinition, error) {
	var tries common.Tries
	out, err := c.api.DeregisterTaskDefinitionWithContext(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(arn)}, tries.Watch)
	if err == nil {
		return out.TaskDefinition, nil
	}
	err = common.FromAWS(err, "deregister task definition %q", arn)
	if tries.Lost() && !common.Ambiguous(err) {
		if now, lookErr := c.TaskDefinition(ctx, arn); lookErr == nil && aws.StringValue(now.TaskDefinition.Status) != ecs.TaskDefinitionStatusActive {
			return now.TaskDefinition, nil // by the try whose response was lost
		}
	}
	return nil, err
}

// DeleteTaskDefinitions deletes INACTIVE revisions for good. Ones that are gone, or going, are fine.
func (c *Client) DeleteTaskDefinitions(ctx context.Context, arns []string) error {
	responses, err := batched(ctx, arns, maxDeletes, func(ctx context.Context, arns []string) (*ecs.DeleteTaskDefinitionsOutput, error) {
		out, err := c.api.DeleteTaskDefinitionsWithContext(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: aws.StringSlice(arns)})
		for _, arn := range arns {
			c.eachWatcher(func(w RevisionWatcher) { w.Changed(arn, "") }) // deleted at once, in a while, or not at all
		}
		return out, common.FromAWS(err, "delete %s", things("task definition", arns))
	})
	if err != nil {
		return err
	}
	var failed []*ecs.Failure
	for _, out := range responses {
		failed = append(failed, slices.DeleteFunc(out.Failures, func(f *ecs.Failure) bool { return f == nil || gone(aws.StringValue(f.Reason)) })...)
	}
	if len(failed) > 0 { // one speaks for all: a family's revisions fail for the same reason
		return common.Errorf(common.Conflict, "delete %d of %d task definitions: %s: %s", len(failed), len(arns),
			aws.StringValue(failed[0].Arn), aws.StringValue(failed[0].Reason))
	}
	return nil
}

// gone reports whether the reason of a failure says that the revision is deleted, or being deleted. ECS's texts are not documented:
// these are what was seen in the field.
func gone(reason string) bool {
	reason = strings.ToLower(reason)
	return slices.ContainsFunc([]string{"missing", "not found", "does not exist", "could not be found", "delete_in_progress", "being deleted"}, func(words string) bool {
		return strings.Contains(reason, words)
	})
}

// things returns `service "www"`, or `12 services`, for an error's text.
func things(what string, names []string) string {
	if len(names) == 1 {
		return what + " " + strconv.Quote(names[0])
	}
	return strconv.Itoa(len(names)) + " " + what + "s"
}

package localaws

import (
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

func ecsTag(key, value *string) *ecs.Tag      { return &ecs.Tag{Key: key, Value: value} }
func ecsPair(t *ecs.Tag) (key, value *string) { return t.Key, t.Value }

// newECSTags reads the tags that a new resource is given.
func newECSTags(in []*ecs.Tag) (tagList, error) { return tagList(nil).changed(in) }

// changed returns the list with a request's tags set on it, if ECS accepts them.
func (l tagList) changed(in []*ecs.Tag) (tagList, error) {
	added := readTags(in, ecsPair)
	if problem := added.problem(); problem != "" {
		return nil, invalid("Invalid tags: %s.", problem)
	}
	out := l.with(added)
	if len(out) > maxTags {
		return nil, invalid("The resource can have at most %d tags.", maxTags)
	}
	return out, nil
}

// shown returns the list as ECS returns it.
func (l tagList) shown() []*ecs.Tag {
	if len(l) == 0 {
		return []*ecs.Tag{}
	}
	return writeTags(l, ecsTag)
}

// taggable returns where the resource with an ARN keeps its tags.
func (r *request) taggable(arn *string) (*tagList, error) {
	prefix := r.arn("ecs", "")
	kind, rest, ok := strings.Cut(strings.TrimPrefix(aws.StringValue(arn), prefix), "/")
	if !ok || !strings.HasPrefix(aws.StringValue(arn), prefix) {
		return nil, invalid("Invalid resource ARN '%s'.", aws.StringValue(arn))
	}
	switch kind {
	case "cluster":
		return r.taggableCluster(rest)
	case "service", "task":
		cluster, name, long := strings.Cut(rest, "/")
		if !long {
			return nil, invalid("Long arn format must be used for tagging operations")
		}
		return r.taggableIn(cluster, kind, name)
	case "task-definition":
		rev := r.revision(rest)
		if rev == nil {
			return nil, invalid("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
		}
		if rev.status() != ecs.TaskDefinitionStatusActive {
			return nil, invalid("The specified task definition is inactive. Specify an active task definition and try again.")
		}
		return &rev.tags, nil
	}
	return nil, invalid("The resource type '%s' cannot be tagged.", kind)
}

func (r *request) taggableCluster(name string) (*tagList, error) {
	c, ok := r.region.ecs.clusters.get(name)
	switch {
	case !ok || !r.visible(c.created):
		return nil, noCluster()
	case !c.active:
		return nil, invalid("The specified cluster is inactive. Specify an active cluster and try again.")
	}
	return &c.tags, nil
}

// taggableIn finds the tags of a service or a task.
func (r *request) taggableIn(cluster, kind, name string) (*tagList, error) {
	c, err := r.activeCluster(&cluster)
	if err != nil {
		return nil, err
	}
	if kind == "service" {
		svc := r.seenService(c, name)
		if svc == nil {
			return nil, refuse(ecs.ErrCodeResourceNotFoundException, "The specified service does not exist. Specify a valid service and try again.")
		}
		if svc.status == statusInactive {
			return nil, invalid("The specified service is inactive. Specify an active service and try again.")
		}
		return &svc.tags, nil
	}
	t := c.task(name)
	if t == nil || !r.visible(t.created) {
		return nil, refuse(ecs.ErrCodeResourceNotFoundException, "The specified task does not exist. Specify a valid task and try again.")
	}
	return &t.tags, nil
}

// tagged ranges over what the tagging API finds. That is slow to forget: it still finds what is INACTIVE.
func (s *ecsState) tagged() tagged {
	return func(yield func(string, tagList) bool) {
		for _, c := range s.clusters.all() {
			if !yield(c.arn, c.tags) {
				return
			}
			for _, svc := range c.services.all() {
				if !yield(svc.arn, svc.tags) {
					return
				}
			}
			for _, t := range c.tasks.all() {
				if !yield(*t.out.TaskArn, t.tags) {
					return
				}
			}
			for _, svc := range c.gone.all() {
				if !yield(svc.arn, svc.tags) {
					return
				}
			}
		}
		for _, rev := range s.revisions.all() {
			if !yield(rev.arn(), rev.tags) {
				return
			}
		}
	}
}

func ecsTagResource(r *request, in *ecs.TagResourceInput) (*ecs.TagResourceOutput, error) {
	if len(in.Tags) == 0 {
		return nil, invalid("Tags can not be empty.")
	}
	tags, err := r.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	changed, err := tags.changed(in.Tags)
	if err != nil {
		return nil, err
	}
	*tags = changed
	return &ecs.TagResourceOutput{}, nil
}

func ecsUntagResource(r *request, in *ecs.UntagResourceInput) (*ecs.UntagResourceOutput, error) {
	tags, err := r.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, key := range aws.StringValueSlice(in.TagKeys) {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, invalid("Tag keys that start with aws: are reserved for system use.")
		}
	}
	*tags = tags.without(in.TagKeys)
	return &ecs.UntagResourceOutput{}, nil
}

func ecsListTags(r *request, in *ecs.ListTagsForResourceInput) (*ecs.ListTagsForResourceOutput, error) {
	tags, err := r.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTagsForResourceOutput{Tags: tags.shown()}, nil
}

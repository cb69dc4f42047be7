package observe

import (
	"context"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// definition returns a task definition, whose status may be out of date. Nobody must write to what it points at. RegisteredBy is the caller whose request
// registered it, where a tag says so: AWS knows no more than this server's role.
func (o *Observer) definition(ctx context.Context, arn string) (*awsecs.TaskDefinition, error) {
	revision, err := o.account.RevisionCache.Body(ctx, arn)
	if err != nil {
		return nil, err
	}
	definition := *revision.TaskDefinition
	if caller, ok := ecs.ToTags(revision.Tags).Get(common.TagCaller); ok {
		definition.RegisteredBy = &caller
	}
	return &definition, nil
}

// containerImages returns the images of a task definition by container.
func containerImages(definition *awsecs.TaskDefinition) map[string]string {
	all := map[string]string{}
	for _, c := range definition.ContainerDefinitions {
		if c != nil {
			all[common.Value(c.Name)] = common.Value(c.Image)
		}
	}
	return all
}

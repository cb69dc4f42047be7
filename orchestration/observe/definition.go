package observe

import (
	"context"
	"sync"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// definitions remember task definitions by ARN: a revision never changes, but for its status. The zero value is ready.
type definitions struct {
	mu  sync.Mutex
	all map[string]*awsecs.TaskDefinition
}

// maxDefinitions is how many are remembered.
const maxDefinitions = 1000

func (d *definitions) get(arn string) *awsecs.TaskDefinition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[arn]
}

func (d *definitions) put(arn string, definition *awsecs.TaskDefinition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= maxDefinitions {
		d.all = map[string]*awsecs.TaskDefinition{}
	}
	d.all[arn] = definition
}

// definition returns a task definition, which nobody must write to. Its status may be out of date. RegisteredBy is the caller whose request registered it,
// where a tag says so: AWS knows no more than this server's role.
func (o *Observer) definition(ctx context.Context, arn string) (*awsecs.TaskDefinition, error) {
	if known := o.definitions.get(arn); known != nil {
		return known, nil
	}
	out, err := o.account.ECS.TaskDefinition(ctx, arn)
	if err != nil {
		return nil, err
	}
	if out.TaskDefinition == nil {
		return nil, common.Errorf(common.Internal, "ECS describes no task definition %s", arn)
	}
	if caller, ok := ecs.ToTags(out.Tags).Get(common.TagCaller); ok {
		out.TaskDefinition.RegisteredBy = &caller
	}
	o.definitions.put(value(out.TaskDefinition.TaskDefinitionArn), out.TaskDefinition)
	return out.TaskDefinition, nil
}

// containerImages returns the images of a task definition by container.
func containerImages(definition *awsecs.TaskDefinition) map[string]string {
	all := map[string]string{}
	for _, c := range definition.ContainerDefinitions {
		if c != nil {
			all[value(c.Name)] = value(c.Image)
		}
	}
	return all
}

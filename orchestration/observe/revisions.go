package observe

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// Revision is a task definition that a service has run or could run.
type Revision struct {
	Revision          int64
	TaskDefinitionArn *string
	RegisteredAt      *time.Time
	RegisteredBy      *string
	Status            *string
	Current           bool              // the service is to run it
	Images            map[string]string // by container
	Changes           []Change          // against the one before; empty for the oldest that there is
}

// maxDefinitionReads is how many task definitions are read at the same time.
const maxDefinitionReads = 10

// Revisions returns the newest revisions that the service has run or could run, most of them at most, the newest first: those of its task
// definition's family that are ACTIVE, and others that its deployments ran.
func (o *Observer) Revisions(ctx context.Context, cluster, service string, most int) ([]Revision, error) {
	f, err := o.lookBack(ctx, target{cluster, service})
	if err != nil {
		return nil, err
	}
	current := common.Value(f.service.TaskDefinition)
	if current == "" {
		return []Revision{}, nil // another deployment controller's
	}
	arns, err := o.account.ECS.Revisions(ctx, account.FamilyOf(current), most+1)
	if err != nil {
		return nil, err
	}
	arns = append(arns, current)
	for _, d := range f.deployments() {
		if d.TaskDefinition != nil {
			arns = append(arns, *d.TaskDefinition)
		}
	}
	definitions, err := o.readDefinitions(ctx, arns)
	if err != nil {
		return nil, err
	}
	return revisions(definitions, current, most), nil
}

// readDefinitions reads task definitions, those of which nothing is known any more left out, each once.
func (o *Observer) readDefinitions(ctx context.Context, arns []string) ([]*awsecs.TaskDefinition, error) {
	arns = slices.Clone(arns)
	slices.Sort(arns)
	arns = slices.Compact(arns)
	var all []*awsecs.TaskDefinition
	var mu sync.Mutex
	for batch := range slices.Chunk(arns, maxDefinitionReads) {
		var reads []func(context.Context) error
		for _, arn := range batch {
			reads = append(reads, func(ctx context.Context) error {
				definition, err := o.definition(ctx, arn)
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, definition)
				}
				return resource.IgnoreNotFound(err)
			})
		}
		if err := common.Concurrently(ctx, reads...); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// revisions returns the newest task definitions as revisions, each with what it changes against the one before of its family.
func revisions(definitions []*awsecs.TaskDefinition, current string, most int) []Revision {
	definitions = slices.Clone(definitions)
	slices.SortStableFunc(definitions, func(a, b *awsecs.TaskDefinition) int {
		return cmp.Or(common.Value(b.RegisteredAt).Compare(common.Value(a.RegisteredAt)), cmp.Compare(common.Value(a.Family), common.Value(b.Family)),
			cmp.Compare(common.Value(b.Revision), common.Value(a.Revision)))
	})
	all := []Revision{}
	for i, d := range definitions[:min(len(definitions), most)] {
		r := Revision{
			Revision: common.Value(d.Revision), TaskDefinitionArn: d.TaskDefinitionArn, RegisteredAt: d.RegisteredAt, RegisteredBy: d.RegisteredBy,
			Status: d.Status, Current: common.Value(d.TaskDefinitionArn) == current, Images: containerImages(d), Changes: []Change{},
		}
		if before := slices.IndexFunc(definitions[i+1:], func(other *awsecs.TaskDefinition) bool { return common.Value(other.Family) == common.Value(d.Family) }); before >= 0 {
			r.Changes = changes(definitions[i+1+before], d)
		}
		all = append(all, r)
	}
	return all
}

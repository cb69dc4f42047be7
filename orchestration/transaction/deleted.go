package transaction

import (
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
)

// DeletedServices remember which services this server has deleted a moment ago: ECS may still show them as ACTIVE (eventual consistency). The zero value is
// ready.
type DeletedServices struct {
	mu  sync.Mutex
	all map[string]deletedService // by target
}

type deletedService struct {
	service *awsecs.Service
	at      time.Time
}

// staleTime is how long ECS may show a service as it was before.
const staleTime = time.Minute

// Add remembers a service of the cluster that was deleted.
func (d *DeletedServices) Add(cluster, name string, deleted *awsecs.Service) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.all, func(_ string, old deletedService) bool { return time.Since(old.at) > staleTime })
	if d.all == nil {
		d.all = map[string]deletedService{}
	}
	d.all[ServiceTarget(cluster, name)] = deletedService{deleted, time.Now()}
}

// Has reports whether what ECS shows under the name is the service that was deleted, as it was before.
func (d *DeletedServices) Has(cluster, name string, shown *awsecs.Service) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	deleted, ok := d.all[ServiceTarget(cluster, name)]
	return ok && time.Since(deleted.at) <= staleTime && aws.StringValue(shown.Status) == resource.StatusActive && !resource.IsAnother(shown, deleted.service)
}

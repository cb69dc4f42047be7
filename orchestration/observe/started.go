package observe

import (
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// Started returns the deployment that a write has started, as the service's response to it shows: its primary one, if that was not primary before. It
// returns nil where none started. Before is nil for a new service.
func Started(before, after *awsecs.Service) *Deployment {
	now := ecs.Primary(after)
	if now == nil {
		return nil
	}
	if was := ecs.Primary(before); was != nil && aws.StringValue(was.Id) == aws.StringValue(now.Id) {
		return nil
	}
	d := &Deployment{Id: aws.StringValue(now.Id), State: InProgress, Images: map[string]string{}}
	d.fromEntry(now)
	return d
}

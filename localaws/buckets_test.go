package localaws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestAnEmptyBucketThrottles(t *testing.T) {
	w := newECSWorld(t, localaws.RateLimits())
	w.clock.Advance(time.Minute) // the buckets are full again
	deregister := func() error {
		return failing(w.DeregisterTaskDefinition(&ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("web:1")}))
	}
	register := func() error { return failing(w.RegisterTaskDefinition(w.definition("web"))) }
	for range 10 {
		if err := register(); err != nil {
			t.Fatal(err)
		}
		if err := deregister(); err != nil {
			t.Fatal(err)
		}
	}
	if err := deregister(); codeOf(err) != "ThrottlingException" {
		t.Errorf("the 21st call: %v", err)
	}
	if got := w.status("web"); got != "web:11 ACTIVE" {
		t.Errorf("a read, which has a bucket of its own: %s", got)
	}
	w.clock.Advance(time.Second)
	if err := register(); err != nil {
		t.Errorf("a second later: %v", err)
	}
	if err := register(); codeOf(err) != "ThrottlingException" {
		t.Errorf("one more: %v", err)
	}
}

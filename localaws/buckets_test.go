package localaws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

func TestAnEmptyBucketThrottles(t *testing.T) {
	t.Parallel()
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

func TestEachServiceThrottlesInItsOwnWords(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sess := newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.RateLimits()))
	for _, test := range []struct {
		name  string
		burst int
		code  string
		call  func() error
	}{
		{"DescribeParameters", 20, "ThrottlingException", func() error { return failing(ssm.New(sess).DescribeParameters(&ssm.DescribeParametersInput{})) }},
		{"PutParameter", 3, "ThrottlingException", func() error { return failing(ssm.New(sess).PutParameter(newParameter("/p"))) }},
		{"ListSecrets", 20, "ThrottlingException", func() error {
			return failing(secretsmanager.New(sess).ListSecrets(&secretsmanager.ListSecretsInput{}))
		}},
		{"ListServices of Cloud Map", 10, "RequestLimitExceeded", func() error {
			return failing(servicediscovery.New(sess).ListServices(&servicediscovery.ListServicesInput{}))
		}},
		{"GetResources", 5, "ThrottledException", func() error {
			return failing(resourcegroupstaggingapi.New(sess).GetResources(&resourcegroupstaggingapi.GetResourcesInput{}))
		}},
		{"GetRole", 10, "Throttling", func() error { return failing(iam.New(sess).GetRole(&iam.GetRoleInput{RoleName: aws.String("r")})) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range test.burst {
				if code := codeOf(test.call()); code == test.code {
					t.Fatalf("%s within the burst", code)
				}
			}
			if code := codeOf(test.call()); code != test.code {
				t.Errorf("past the burst: %q, want %q", code, test.code)
			}
			clock.Advance(time.Second)
			if code := codeOf(test.call()); code == test.code {
				t.Error("a second later: refused still")
			}
		})
	}
}

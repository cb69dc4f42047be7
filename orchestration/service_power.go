package orchestration

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
)

// Restart returns the request that replaces the service's tasks.
func (o *Orchestrator) Restart(cluster, service string) (*Write, error) {
	return o.Patch(cluster, service, &PatchInput{ForceNewDeployment: aws.Bool(true)})
}

// PowerInput stops or starts a service, as Spinup's other APIs do.
type PowerInput struct {
	State *string // stop or start
}

// TagCount is the tag of a stopped service that holds its count from before.
const TagCount = "spinup:count"

// Power returns the request that scales a service to 0 tasks, or back to its count from before, which a tag of the service holds. A repetition changes nothing.
func (o *Orchestrator) Power(cluster, service string, in *PowerInput) (*Write, error) {
	state := strings.ToLower(aws.StringValue(in.State))
	if state != "stop" && state != "start" {
		return nil, common.Invalid(common.FieldError{Field: "state", Detail: "must be stop or start"})
	}
	u := &update{o: o, cluster: cluster, service: service, startsFromZero: state == "start", space: space.New(o.account, &o.transactions.Ledger, space.Want{
		Cluster: cluster, Name: service, Flavor: space.FlavorService,
	})}
	u.adjust = func(s *awsecs.Service) (adjustment, error) {
		if state == "stop" {
			return turnOff(s), nil
		}
		return turnOn(s), nil
	}
	return &Write{u}, nil
}

func turnOff(s *awsecs.Service) adjustment {
	count := aws.Int64Value(s.DesiredCount)
	if count == 0 {
		return adjustment{}
	}
	return adjustment{settings: &awsecs.UpdateServiceInput{DesiredCount: aws.Int64(0)}, tags: common.Tags{{Key: TagCount, Value: strconv.FormatInt(count, 10)}}}
}

func turnOn(s *awsecs.Service) adjustment {
	off := adjustment{untag: []string{TagCount}}
	if aws.Int64Value(s.DesiredCount) > 0 {
		return off
	}
	remembered, _ := resource.ServiceState(s).Tags.Get(TagCount)
	count, err := strconv.ParseInt(remembered, 10, 64)
	if err != nil || count < 1 {
		count = 1
	}
	off.settings = &awsecs.UpdateServiceInput{DesiredCount: aws.Int64(count)}
	return off
}

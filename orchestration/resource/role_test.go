package resource

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/orchestration/account"
)

func TestARoleThatIsTooNewToHaveAnARN(t *testing.T) {
	for shown, want := range map[string]string{
		"arn:aws:iam::123456789012:role/path/myclu-ecsTaskExecution": "arn:aws:iam::123456789012:role/path/myclu-ecsTaskExecution",
		"AROAEXAMPLEEXAMPLEEXA": "arn:aws:iam::123456789012:role/myclu-ecsTaskExecution",
	} {
		role := &Role{Cluster: "myclu"}
		state := &State{Value: &awsiam.Role{Arn: aws.String(shown)}}
		if got := role.ExecutionRoleARN(state, account.Identity{Partition: "aws", Account: "123456789012"}); got != want {
			t.Errorf("IAM shows %s: got %s, want %s", shown, got, want)
		}
	}
}

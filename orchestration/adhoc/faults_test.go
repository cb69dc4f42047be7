package adhoc

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/orchestration/transaction"
)

// TestAFailedCreateLeavesNothing breaks each call of each create in turn. One that fails leaves nothing, and succeeds when it is repeated.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	creates := map[string]func(context.Context, *Resources) error{
		"cluster": func(ctx context.Context, r *Resources) error {
			_, err := r.Clusters.Create(ctx, &awsecs.CreateClusterInput{ClusterName: aws.String("clu")})
			return err
		},
		"Cloud Map service": func(ctx context.Context, r *Resources) error {
			_, err := r.CloudMap.Create(ctx, &awscloud.CreateServiceInput{Name: aws.String("www"), NamespaceId: aws.String(localaws.Namespace)})
			return err
		},
		"task definition": func(ctx context.Context, r *Resources) error {
			_, err := r.TaskDefinitions.Register(ctx, &awsecs.RegisterTaskDefinitionInput{
				Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("mine-ecsTaskExecution"),
				ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx")}},
			})
			return err
		},
		"secret": func(ctx context.Context, r *Resources) error {
			_, err := r.Secrets.Create(ctx, awssecrets.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("x")})
			return err
		},
		"parameter": func(ctx context.Context, r *Resources) error {
			_, err := r.Parameters.Create(ctx, "p", awsssm.PutParameterInput{Name: aws.String("x"), Value: aws.String("x")})
			return err
		},
	}
	for what, create := range creates {
		for name, fault := range map[string]localaws.Fault{
			"refused":                {Effect: localaws.Refuse},
			"throttled twice":        {Effect: localaws.Throttle, Times: 2},
			"response lost":          {Effect: localaws.Lose},
			"response lost for good": {Effect: localaws.Lose, Times: -1},
			"down for good":          {Effect: localaws.Down, Times: -1},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				failed, n := 0, 1
				for ; breakCall(t, create, fault, n, &failed); n++ {
				}
				tolerated := 0
				if what == "cluster" {
					tolerated = 1 // at the end, it is looked whether another request has created it
				}
				if n < 2 || fault.Effect == localaws.Refuse && failed != n-1-tolerated {
					t.Errorf("%d of %d broken calls made it fail", failed, n-1)
				}
				if rides := fault.Times >= 0 && fault.Effect != localaws.Refuse; rides && failed > 0 {
					t.Errorf("%d creates failed; throttled calls and one lost response are to be retried", failed)
				}
			})
		}
	}
}

// breakCall creates while the n-th call is broken. It reports whether there was an n-th call.
func breakCall(t *testing.T, create func(context.Context, *Resources) error, fault localaws.Fault, n int, failed *int) bool {
	t.Helper()
	simulator := localaws.New()
	r, tx := resources(t, simulator)
	addRole(t, tx)
	before := simulator.Inventory()
	simulator.ResetCalls()
	fault.N = n
	simulator.Inject(fault)
	err := create(t.Context(), r)
	broken := len(simulator.Calls()) >= n
	simulator.Heal()
	tx.Background.Shutdown(t.Context()) // waits for rollbacks
	if err != nil {
		*failed++
		if diff := cmp.Diff(before, simulator.Inventory()); diff != "" {
			t.Errorf("call %d: %v\nleft (-before +after):\n%s", n, err, diff)
		}
		again, _ := resources(t, simulator)
		if err := create(t.Context(), again); err != nil {
			t.Errorf("repeated after call %d failed: %v", n, err)
		}
	}
	if left := len(simulator.Inventory()) - len(before); left != 1 {
		t.Errorf("call %d: %d things in the end: %v", n, left, simulator.Inventory())
	}
	return broken
}

// addRole creates an execution role of our org's, and returns its name.
func addRole(t *testing.T, tx *transaction.Manager) string {
	t.Helper()
	const name = "mine-ecsTaskExecution"
	_, err := tx.Account.IAM.CreateRole(t.Context(), &awsiam.CreateRoleInput{
		RoleName: aws.String(name), Tags: iam.FromTags(common.Tags{orgTag(tx.Account)}),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

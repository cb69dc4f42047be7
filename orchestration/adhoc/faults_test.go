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
	"ecs-api/localaws/awstest"
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
	faults := awstest.Faults()
	faults["lost for good"] = localaws.Fault{Effect: localaws.Lose, Times: -1}
	for what, create := range creates {
		t.Run(what, func(t *testing.T) {
			tolerated := 0
			if what == "cluster" {
				tolerated = 1 // at the end, it is looked whether another request has created it
			}
			awstest.BreakEach(t, awstest.Breaks{Faults: faults}, func(t *testing.T, a *awstest.Attempt) error {
				err := breakCall(t, create, a)
				if err == nil && a.Broken && a.Fault.Effect == localaws.Refuse {
					if tolerated--; tolerated < 0 {
						t.Errorf("call %d was refused, and the create succeeded", a.N)
					}
				}
				return err
			})
		})
	}
}

// breakCall creates while a call is broken.
func breakCall(t *testing.T, create func(context.Context, *Resources) error, a *awstest.Attempt) error {
	t.Helper()
	simulator := localaws.New()
	r, tx := resources(t, simulator)
	addRole(t, tx)
	before := simulator.Inventory()
	a.Begin(simulator)
	err := create(t.Context(), r)
	a.End()
	tx.Background.Shutdown(t.Context()) // waits for rollbacks
	if err != nil {
		if diff := cmp.Diff(before, simulator.Inventory()); diff != "" {
			t.Errorf("call %d: %v\nleft (-before +after):\n%s", a.N, err, diff)
		}
		again, _ := resources(t, simulator)
		if err := create(t.Context(), again); err != nil {
			t.Errorf("repeated after call %d failed: %v", a.N, err)
		}
	}
	if left := len(simulator.Inventory()) - len(before); left != 1 {
		t.Errorf("call %d: %d things in the end: %v", a.N, left, simulator.Inventory())
	}
	return err
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

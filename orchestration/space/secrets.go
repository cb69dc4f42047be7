package space

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// ReferencedSecrets returns the secrets of the space that the containers refer to, those that are scheduled for deletion included.
func ReferencedSecrets(ctx context.Context, a *account.Account, cluster string, containers []*awsecs.ContainerDefinition) ([]*resource.State, error) {
	return ReadSecrets(ctx, a, cluster, spec.SecretIDs(containers))
}

// ReadSecrets returns those of the secrets, by name or ARN, that are the space's.
func ReadSecrets(ctx context.Context, a *account.Account, cluster string, ids []string) ([]*resource.State, error) {
	found := make([]*resource.State, len(ids))
	reads := make([]func(context.Context) error, len(ids))
	for i, id := range ids {
		reads[i] = func(ctx context.Context) (err error) {
			found[i], err = (&resource.Credential{Account: a, Secret: id}).Find(ctx)
			return err
		}
	}
	err := common.Concurrently(ctx, reads...)
	return slices.DeleteFunc(found, func(s *resource.State) bool { return !resource.InSpace(s, a.Org, cluster) }), err
}

// RestoreScheduled adds to the plan that the secrets which are scheduled for deletion are restored: what refers to them is to run.
func RestoreScheduled(a *account.Account, plan *resource.Plan, secrets []*resource.State) {
	for _, s := range secrets {
		if !resource.Scheduled(s) {
			continue
		}
		c := CredentialOf(a, s)
		plan.Add(resource.StageFirst, resource.Change{
			Resource: resource.KindCredential, Name: c.Name(), Action: resource.ActionUpdate, Reason: "it is scheduled for deletion, and the task definition refers to it",
			Step: c.Restore(s),
		})
	}
}

// CredentialOf returns the adapter of a secret that was found.
func CredentialOf(a *account.Account, s *resource.State) *resource.Credential {
	return &resource.Credential{Account: a, Secret: aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](s).Name)}
}

// SecretsUnder returns the filters for secrets whose name begins with prefix.
func SecretsUnder(prefix string) []*awssecrets.Filter {
	return []*awssecrets.Filter{{Key: aws.String(awssecrets.FilterNameStringTypeName), Values: aws.StringSlice([]string{prefix})}}
}

package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// ownSecrets returns the secrets of the space that the containers refer to, those that are scheduled for deletion included.
func (o *Orchestrator) ownSecrets(ctx context.Context, cluster string, containers []*awsecs.ContainerDefinition) ([]*resource.State, error) {
	return o.readSecrets(ctx, cluster, spec.SecretIDs(containers))
}

// readSecrets returns those of the secrets, by name or ARN, that are the space's.
func (o *Orchestrator) readSecrets(ctx context.Context, cluster string, ids []string) ([]*resource.State, error) {
	found := make([]*resource.State, len(ids))
	reads := make([]func(context.Context) error, len(ids))
	for i, id := range ids {
		reads[i] = func(ctx context.Context) (err error) {
			found[i], err = (&resource.Credential{Account: o.account, Secret: id}).Find(ctx)
			return err
		}
	}
	err := common.Concurrently(ctx, reads...)
	return slices.DeleteFunc(found, func(s *resource.State) bool { return !resource.InSpace(s, o.account.Org, cluster) }), err
}

// restoreScheduled adds to the plan that the secrets which are scheduled for deletion are restored: what refers to them is to run.
func (o *Orchestrator) restoreScheduled(plan *resource.Plan, secrets []*resource.State) {
	for _, s := range secrets {
		if !resource.Scheduled(s) {
			continue
		}
		c := o.credentialOf(s)
		plan.Add(stageFirst, resource.Change{Resource: resource.KindCredential, Name: c.Name(), Action: resource.Update, Reason: "it is scheduled for deletion, and the task definition refers to it", Step: c.Restore(s)})
	}
}

// credentialOf returns the adapter of a secret that was found.
func (o *Orchestrator) credentialOf(s *resource.State) *resource.Credential {
	return &resource.Credential{Account: o.account, Secret: aws.StringValue(resource.ValueOf[*awssecrets.DescribeSecretOutput](s).Name)}
}

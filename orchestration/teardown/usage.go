package teardown

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go/aws"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// usage is what the services of an account use.
type usage struct {
	revisions map[string]bool // by ARN
	cloudMap  map[string]bool // by ARN
}

// usageByOthers returns what all services of the account use, except the named one, which was deleted. A service of the same name that was created since counts as
// another one, unless aboutTo says that the service is not deleted yet.
func (d *Deleter) usageByOthers(ctx context.Context, cluster, service string, aboutTo bool) (usage, error) {
	used := usage{map[string]bool{}, map[string]bool{}}
	all, err := d.allServices(ctx)
	for home, services := range all {
		for _, s := range services {
			if home != cluster || aws.StringValue(s.ServiceName) != service || !aboutTo && aws.StringValue(s.Status) == resource.StatusActive {
				used.add(s)
			}
		}
	}
	return used, err
}

// add adds what a service uses, its running deployments included.
func (u usage) add(s *awsecs.Service) {
	revisions := []*string{s.TaskDefinition}
	for _, d := range s.Deployments {
		revisions = append(revisions, d.TaskDefinition)
	}
	for _, arn := range revisions {
		u.revisions[aws.StringValue(arn)] = true
	}
	for _, r := range s.ServiceRegistries {
		u.cloudMap[aws.StringValue(r.RegistryArn)] = true
	}
}

// secretReferences returns the secrets to which revisions refer, as spec.Reference.SecretIn returns them. It reads the revisions that the services use, and all ACTIVE
// revisions of their families and of the given families, because a service may return to each of them. It leaves out the revisions in except.
func (d *Deleter) secretReferences(ctx context.Context, used usage, families []string, except map[string]bool) ([]string, error) {
	arns := maps.Clone(used.revisions)
	for arn := range used.revisions {
		families = append(families, account.FamilyOf(arn))
	}
	var mu sync.Mutex
	readers, readCtx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	slices.Sort(families)
	for _, family := range slices.Compact(families) {
		common.Go(readers, func() error {
			listed, err := d.transactions.Account.ECS.ListTaskDefinitions(readCtx, family, awsecs.TaskDefinitionStatusActive)
			mu.Lock()
			defer mu.Unlock()
			for _, arn := range listed {
				arns[arn] = true
			}
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		return nil, err
	}
	maps.DeleteFunc(arns, func(arn string, _ bool) bool { return except[arn] })
	revisions, err := resource.DescribeRevisions(ctx, d.transactions.Account, slices.Sorted(maps.Keys(arns)))
	var ids []string
	for _, r := range revisions {
		ids = append(ids, spec.SecretIDs(r.TaskDefinition.ContainerDefinitions)...)
	}
	return ids, err
}

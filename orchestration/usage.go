package orchestration

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// usage is what the services of an account use at the moment.
type usage struct {
	revisions  map[string]bool // by ARN
	nearby     map[string]bool // those of them that services in the same cluster use
	registries map[string]bool // by ARN
}

func newUsage() usage { return usage{map[string]bool{}, map[string]bool{}, map[string]bool{}} }

// secretsNearby returns the secrets, by ARN or name, that the images of services in the same cluster are pulled with.
func (o *Orchestrator) secretsNearby(ctx context.Context, used usage) (map[string]bool, error) {
	revisions, err := o.describeRevisions(ctx, slices.Sorted(maps.Keys(used.nearby)))
	secrets := map[string]bool{}
	for _, r := range revisions {
		for _, secret := range secretsOf(r.TaskDefinition) {
			secrets[secret] = true
		}
	}
	return secrets, err
}

// usageByOthers returns what all services of the account use but the named one that was deleted. If one of its name was made since, that
// is another one.
func (o *Orchestrator) usageByOthers(ctx context.Context, cluster, service string) (usage, error) {
	used := newUsage()
	all, err := o.survey(ctx)
	for home, services := range all {
		for _, s := range services {
			same := home == cluster
			if !same || aws.StringValue(s.ServiceName) != service || aws.StringValue(s.Status) == statusActive {
				used.add(s, same)
			}
		}
	}
	return used, err
}

// add adds what a service uses, its running deployments included.
func (u usage) add(s *awsecs.Service, nearby bool) {
	revisions := []*string{s.TaskDefinition}
	for _, d := range s.Deployments {
		revisions = append(revisions, d.TaskDefinition)
	}
	for _, arn := range revisions {
		u.revisions[aws.StringValue(arn)] = true
		if nearby {
			u.nearby[aws.StringValue(arn)] = true
		}
	}
	for _, r := range s.ServiceRegistries {
		u.registries[aws.StringValue(r.RegistryArn)] = true
	}
}

// liveServices returns the services in a cluster that are there or still draining; none if there is no such cluster.
func (o *Orchestrator) liveServices(ctx context.Context, cluster string) ([]*awsecs.Service, error) {
	arns, err := o.ecs.ListServices(ctx, cluster)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	services, err := o.ecs.Services(ctx, cluster, arns)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	var live []*awsecs.Service
	for _, s := range services {
		if status := aws.StringValue(s.Status); status == statusActive || status == statusDraining {
			live = append(live, s)
		}
	}
	return live, nil
}

// inUse reports whether anything runs in the cluster: a service, or a task without one.
func (o *Orchestrator) inUse(ctx context.Context, cluster string) (bool, error) {
	var services []*awsecs.Service
	var tasks []*awsecs.Task
	_, err := together(
		read(func(ctx context.Context) (err error) {
			services, err = o.liveServices(ctx, cluster)
			return err
		}),
		read(func(ctx context.Context) (err error) {
			tasks, err = o.liveTasks(ctx, cluster)
			return err
		}),
	)(ctx)
	return len(services) > 0 || len(tasks) > 0, err
}

// liveTasks returns the tasks in a cluster that have not stopped; none if there is no such cluster.
func (o *Orchestrator) liveTasks(ctx context.Context, cluster string) ([]*awsecs.Task, error) {
	arns, err := o.ecs.ListTasks(ctx, ecs.TaskFilter{Cluster: cluster})
	if err != nil || len(arns) == 0 {
		return nil, ignoreNotFound(err)
	}
	out, err := o.ecs.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	var live []*awsecs.Task
	for _, t := range out.Tasks {
		if aws.StringValue(t.LastStatus) != awsecs.DesiredStatusStopped {
			live = append(live, t)
		}
	}
	return live, nil
}

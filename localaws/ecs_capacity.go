package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// capacityProviders are the capacity providers that every account has.
var capacityProviders = []string{"FARGATE", "FARGATE_SPOT"}

// maxStrategy is how many items a capacity provider strategy may have.
const maxStrategy = 20

func checkProviders(providers []*string) error {
	for _, p := range aws.StringValueSlice(providers) {
		if !slices.Contains(capacityProviders, p) {
			return invalid("The specified capacity provider '%s' was not found. Specify a valid name or ARN and try again.", p)
		}
	}
	return nil
}

// checkStrategy refuses a strategy that cannot be used with the providers of its cluster.
func checkStrategy(strategy []*ecs.CapacityProviderStrategyItem, providers []*string) error {
	if len(strategy) > maxStrategy {
		return invalid("The specified capacity provider strategy cannot contain more than %d capacity providers.", maxStrategy)
	}
	var weights, bases int64
	seen := map[string]bool{}
	for _, item := range strategy {
		name, weight, base := aws.StringValue(item.CapacityProvider), aws.Int64Value(item.Weight), aws.Int64Value(item.Base)
		switch {
		case !slices.Contains(aws.StringValueSlice(providers), name):
			return invalid("The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.")
		case seen[name]:
			return invalid("The specified capacity provider strategy cannot contain duplicate capacity providers.")
		case weight < 0 || weight > 1000:
			return invalid("The weight of a capacity provider must be between 0 and 1000.")
		case base < 0 || base > 100000:
			return invalid("The base of a capacity provider must be between 0 and 100000.")
		}
		seen[name] = true
		weights += weight
		if base > 0 {
			bases++
		}
	}
	switch {
	case bases > 1:
		return invalid("The specified capacity provider strategy cannot have more than one capacity provider with a base.")
	case len(strategy) > 1 && weights == 0:
		return invalid("The specified capacity provider strategy must contain at least one capacity provider with a weight greater than 0.")
	}
	return nil
}

// strategyWithDefaults returns the strategy as ECS returns it.
func strategyWithDefaults(in []*ecs.CapacityProviderStrategyItem) []*ecs.CapacityProviderStrategyItem {
	var out []*ecs.CapacityProviderStrategyItem
	for _, item := range in {
		out = append(out, &ecs.CapacityProviderStrategyItem{
			CapacityProvider: item.CapacityProvider,
			Base:             aws.Int64(aws.Int64Value(item.Base)),
			Weight:           aws.Int64(aws.Int64Value(item.Weight)),
		})
	}
	return out
}

// launch returns what a request for tasks in the cluster means: a launch type, or a strategy.
func (c *ecsCluster) launch(launchType *string, strategy []*ecs.CapacityProviderStrategyItem, definition *ecsRevision) (*string, []*ecs.CapacityProviderStrategyItem, error) {
	switch {
	case launchType != nil && len(strategy) > 0:
		return nil, nil, invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case launchType == nil && len(strategy) == 0:
		strategy = c.strategy
	}
	if err := firstError(oneOf("launchType", launchType, ecs.LaunchType_Values()), checkStrategy(strategy, c.providers)); err != nil {
		return nil, nil, err
	}
	if len(strategy) == 0 && launchType == nil {
		launchType = aws.String(ecs.LaunchTypeEc2)
	}
	needs := ecs.LaunchTypeFargate // both capacity providers are Fargate's
	if launchType != nil {
		needs = *launchType
	}
	if !slices.Contains(aws.StringValueSlice(definition.out.Compatibilities), needs) {
		return nil, nil, invalid("Task definition does not support launch_type %s.", needs)
	}
	return launchType, strategyWithDefaults(strategy), nil
}

// provider returns the capacity provider of the strategy for the next task, given how many tasks each has.
func provider(strategy []*ecs.CapacityProviderStrategyItem, have map[string]int64) string {
	best, bestShare := "", 0.0
	for _, item := range strategy {
		name, base := *item.CapacityProvider, *item.Base
		if have[name] < base {
			return name
		}
		weight := float64(*item.Weight)
		if len(strategy) == 1 {
			weight = 1
		}
		share := float64(have[name]-base+1) / weight // infinite for a weight of 0
		if best == "" || share < bestShare {
			best, bestShare = name, share
		}
	}
	return best
}

func putClusterCapacityProviders(r *request, in *ecs.PutClusterCapacityProvidersInput) (*ecs.PutClusterCapacityProvidersOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err == nil {
		err = firstError(c.busy(), checkProviders(in.CapacityProviders), checkStrategy(in.DefaultCapacityProviderStrategy, in.CapacityProviders))
	}
	if err != nil {
		return nil, err
	}
	keeps := aws.StringValueSlice(in.CapacityProviders)
	for _, svc := range c.services.all() {
		for _, item := range svc.out.CapacityProviderStrategy {
			if svc.status == statusActive && !slices.Contains(keeps, *item.CapacityProvider) {
				return nil, refuse(ecs.ErrCodeResourceInUseException, "The specified capacity provider is in use and cannot be removed.")
			}
		}
	}
	c.providers, c.strategy = in.CapacityProviders, strategyWithDefaults(in.DefaultCapacityProviderStrategy)
	return &ecs.PutClusterCapacityProvidersOutput{Cluster: c.show(allOfCluster)}, nil
}

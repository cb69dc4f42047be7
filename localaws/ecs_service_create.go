package localaws

import (
	"regexp"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/ecs/sdk/ecs"
)

// maxDesired is how many tasks a service can have: fewer if they are to be found through Cloud Map.
const (
	maxDesired           = 5000
	maxDesiredDiscovered = 1000
)

var serviceToken = regexp.MustCompile(`^[\x21-\x7e]{0,36}$`)

func ecsCreateService(r *request, in *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) {
	switch {
	case in.ServiceName == nil || !ecsName.MatchString(*in.ServiceName):
		return nil, invalid("Service name contains invalid characters.")
	case !serviceToken.MatchString(aws.StringValue(in.ClientToken)):
		return nil, invalid("clientToken can have at most 36 ASCII characters.")
	}
	if err := r.serviceLinkedRole(); err != nil {
		return nil, err
	}
	c, err := r.readyCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	old, _ := c.services.get(*in.ServiceName)
	if again, err := old.again(r, in); again != nil || err != nil {
		return again, err
	}
	tags, err := newECSTags(in.Tags)
	if err != nil {
		return nil, err
	}
	definition, err := r.usableRevision(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	svc := &ecsService{
		cluster: c, name: *in.ServiceName, arn: r.arn("ecs", "service/"+c.name+"/"+*in.ServiceName),
		created: r.now, status: statusActive, token: aws.StringValue(in.ClientToken), request: in, tags: tags,
	}
	if err := svc.configure(r, in, definition); err != nil {
		return nil, err
	}
	svc.deploy(r, definition)
	c.gone.delete(svc.name)
	c.services.put(svc.name, svc)
	shown := svc.show(r)
	shown.Tags = tags.shown()
	return &ecs.CreateServiceOutput{Service: shown}, nil
}

// again responds to a request for a service whose name is taken: with the service if it is the same request, with an error if the name is not free.
func (svc *ecsService) again(r *request, in *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) {
	switch {
	case svc == nil:
		return nil, nil
	case svc.status == statusDraining:
		return nil, invalid("Unable to Start a service that is still Draining.")
	case svc.token == "" || svc.token != aws.StringValue(in.ClientToken) || !awsutil.DeepEqual(svc.request, in):
		return nil, invalid("Creation of service was not idempotent.")
	}
	shown := svc.show(r)
	shown.Tags = svc.tags.shown()
	return &ecs.CreateServiceOutput{Service: shown}, nil
}

// configure sets the parameters of a new service, if ECS accepts them.
func (svc *ecsService) configure(r *request, in *ecs.CreateServiceInput, definition *ecsRevision) error {
	if err := checkUnsupported(in); err != nil {
		return err
	}
	launchType, strategy, err := svc.cluster.launch(in.LaunchType, in.CapacityProviderStrategy, definition)
	if err != nil {
		return err
	}
	platform, err := platformVersion(in.PlatformVersion)
	if err != nil {
		return err
	}
	deployment, err := deploymentConfiguration(in.DeploymentConfiguration, nil)
	if err != nil {
		return err
	}
	if err := firstError(
		r.checkNetwork(in.NetworkConfiguration, definition), r.checkRegistries(in.ServiceRegistries), r.checkLoadBalancers(in.LoadBalancers, definition),
		checkDesired(in.DesiredCount, in.ServiceRegistries), oneOf("propagateTags", in.PropagateTags, ecs.PropagateTags_Values()),
	); err != nil {
		return err
	}
	caller, _ := r.caller()
	svc.out = ecs.Service{
		ServiceArn: aws.String(svc.arn), ServiceName: aws.String(svc.name), ClusterArn: aws.String(svc.cluster.arn),
		CreatedAt: aws.Time(svc.created), CreatedBy: aws.String(caller),
		TaskDefinition: definition.out.TaskDefinitionArn, LaunchType: launchType, CapacityProviderStrategy: strategy,
		DesiredCount: aws.Int64(aws.Int64Value(in.DesiredCount)), NetworkConfiguration: networkWithDefaults(in.NetworkConfiguration),
		ServiceRegistries: orEmpty(in.ServiceRegistries), LoadBalancers: orEmpty(in.LoadBalancers), DeploymentConfiguration: deployment,
		DeploymentController: &ecs.DeploymentController{Type: aws.String(ecs.DeploymentControllerTypeEcs)},
		SchedulingStrategy:   aws.String(ecs.SchedulingStrategyReplica),
		PlacementConstraints: orEmpty(in.PlacementConstraints), PlacementStrategy: orEmpty(in.PlacementStrategy),
		EnableECSManagedTags: aws.Bool(aws.BoolValue(in.EnableECSManagedTags)), EnableExecuteCommand: aws.Bool(aws.BoolValue(in.EnableExecuteCommand)),
		PropagateTags:   aws.String(ecs.PropagateTagsNone),
		PlatformVersion: platform, PlatformFamily: aws.String("Linux"),
		RoleArn: aws.String("arn:aws:iam::" + r.account.id + ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
	}
	if in.PropagateTags != nil {
		svc.out.PropagateTags = in.PropagateTags
	}
	svc.out.HealthCheckGracePeriodSeconds = in.HealthCheckGracePeriodSeconds // without load balancers it is of no use, but taken
	svc.out.AvailabilityZoneRebalancing = rebalancing(in.AvailabilityZoneRebalancing, deployment)
	svc.parts = newServiceParts(in)
	return firstError(checkRebalancing(in.AvailabilityZoneRebalancing, deployment), svc.parts.check(definition))
}

// checkUnsupported refuses what AWS refuses of a Fargate service, and what the simulator has nothing for.
func checkUnsupported(in *ecs.CreateServiceInput) error {
	switch {
	case in.Role != nil:
		return invalid("You cannot specify an IAM role for services that require a service linked role.")
	case in.DeploymentController != nil && aws.StringValue(in.DeploymentController.Type) != ecs.DeploymentControllerTypeEcs:
		return refuse(ecs.ErrCodeUnsupportedFeatureException, "The deployment controller '%s' is not supported.", aws.StringValue(in.DeploymentController.Type))
	case in.SchedulingStrategy != nil && *in.SchedulingStrategy != ecs.SchedulingStrategyReplica:
		return invalid("The scheduling strategy %s is not supported with Fargate.", *in.SchedulingStrategy)
	case len(in.PlacementConstraints) > 0 || len(in.PlacementStrategy) > 0:
		return invalid("Placement constraints and strategies are not supported with FARGATE launch type.")
	}
	return nil
}

func checkDesired(count *int64, registries []*ecs.ServiceRegistry) error {
	n, most := aws.Int64Value(count), int64(maxDesired)
	if len(registries) > 0 {
		most = maxDesiredDiscovered
	}
	switch {
	case n < 0:
		return invalid("desiredCount cannot be negative.")
	case n > most:
		return invalid("desiredCount cannot be more than %d.", most)
	}
	return nil
}

// checkRegistries refuses registries that Cloud Map does not have.
func (r *request) checkRegistries(registries []*ecs.ServiceRegistry) error {
	if len(registries) > 1 {
		return invalid("serviceRegistries can have at most 1 item.")
	}
	for _, registry := range registries {
		if !r.region.servicediscovery.hasService(aws.StringValue(registry.RegistryArn)) {
			return clientError(`The service registry could not be validated. Route 53 error: "ServiceNotFound."`)
		}
	}
	return nil
}

// deploymentConfiguration returns the configuration that a request means, given the present one, if any.
func deploymentConfiguration(in, present *ecs.DeploymentConfiguration) (*ecs.DeploymentConfiguration, error) {
	out := ecs.DeploymentConfiguration{
		MaximumPercent: aws.Int64(200), MinimumHealthyPercent: aws.Int64(100),
		DeploymentCircuitBreaker: &ecs.DeploymentCircuitBreaker{Enable: aws.Bool(false), Rollback: aws.Bool(false)},
		Strategy:                 aws.String(ecs.DeploymentStrategyRolling), BakeTimeInMinutes: aws.Int64(0),
	}
	if present != nil {
		out = *present
	}
	if in != nil {
		if in.MaximumPercent != nil {
			out.MaximumPercent = in.MaximumPercent
		}
		if in.MinimumHealthyPercent != nil {
			out.MinimumHealthyPercent = in.MinimumHealthyPercent
		}
		if b := in.DeploymentCircuitBreaker; b != nil {
			if aws.BoolValue(b.Rollback) && !aws.BoolValue(b.Enable) {
				return nil, invalid("The deployment circuit breaker cannot roll back unless it is enabled.")
			}
			out.DeploymentCircuitBreaker = &ecs.DeploymentCircuitBreaker{Enable: aws.Bool(aws.BoolValue(b.Enable)), Rollback: aws.Bool(aws.BoolValue(b.Rollback))}
		}
		changeStrategy(&out, in)
	}
	if err := checkStrategyOf(&out); err != nil {
		return nil, err
	}
	most, least := *out.MaximumPercent, *out.MinimumHealthyPercent
	switch {
	case least < 0 || most < least || most == 0:
		return nil, invalid("maximumPercent must be positive and no less than minimumHealthyPercent.")
	case most == 100 && least == 100:
		return nil, invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
	}
	return &out, nil
}

// changeStrategy sets how a service is to be deployed, as far as a request says so.
func changeStrategy(out, in *ecs.DeploymentConfiguration) {
	if in.Alarms != nil {
		out.Alarms = in.Alarms
	}
	if in.Strategy != nil {
		out.Strategy = in.Strategy
	}
	if in.BakeTimeInMinutes != nil {
		out.BakeTimeInMinutes = in.BakeTimeInMinutes
	}
	if in.LifecycleHooks != nil {
		out.LifecycleHooks = in.LifecycleHooks
	}
	if in.LinearConfiguration != nil {
		out.LinearConfiguration = in.LinearConfiguration
	}
	if in.CanaryConfiguration != nil {
		out.CanaryConfiguration = in.CanaryConfiguration
	}
}

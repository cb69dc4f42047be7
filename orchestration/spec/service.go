package spec

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Network returns the network settings of tasks, completed with the account's defaults. They never get a public address.
func Network(a account.Settings, wanted *awsecs.NetworkConfiguration) *awsecs.NetworkConfiguration {
	vpc := awsecs.AwsVpcConfiguration{}
	if wanted != nil && wanted.AwsvpcConfiguration != nil {
		vpc = *wanted.AwsvpcConfiguration
	}
	if len(vpc.Subnets) == 0 {
		vpc.Subnets = aws.StringSlice(a.Subnets)
	}
	if len(vpc.SecurityGroups) == 0 {
		vpc.SecurityGroups = aws.StringSlice(a.SecurityGroups)
	}
	vpc.AssignPublicIp = aws.String(awsecs.AssignPublicIpDisabled)
	return &awsecs.NetworkConfiguration{AwsvpcConfiguration: &vpc}
}

// CheckNetwork refuses public addresses. At is the path of what has the network configuration, with a dot behind it if it is not empty.
func CheckNetwork(p *common.Problems, at string, in *awsecs.NetworkConfiguration) {
	if in != nil && in.AwsvpcConfiguration != nil && aws.StringValue(in.AwsvpcConfiguration.AssignPublicIp) == awsecs.AssignPublicIpEnabled {
		p.Add(at+"networkconfiguration.awsvpcconfiguration.assignpublicip", "must be DISABLED: tasks do not get public addresses here")
	}
}

// CircuitBreaker adds the circuit breaker, with rollback, to a deployment configuration that does not have one. Only ECS's own deployment
// controller knows it.
func CircuitBreaker(config *awsecs.DeploymentConfiguration, controller *awsecs.DeploymentController) *awsecs.DeploymentConfiguration {
	if controller != nil && aws.StringValue(controller.Type) != awsecs.DeploymentControllerTypeEcs {
		return config
	}
	out := awsecs.DeploymentConfiguration{}
	if config != nil {
		out = *config
	}
	if out.DeploymentCircuitBreaker == nil {
		out.DeploymentCircuitBreaker = &awsecs.DeploymentCircuitBreaker{Enable: aws.Bool(true), Rollback: aws.Bool(true)}
	}
	return &out
}

// DefaultStrategy is how tasks are spread over capacity providers unless a request says otherwise.
func DefaultStrategy(a account.Settings) []*awsecs.CapacityProviderStrategyItem {
	if len(a.DefaultStrategy) > 0 {
		return a.DefaultStrategy
	}
	return []*awsecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: aws.Int64(1)}}
}

// Cluster returns in with the defaults of clusters and the tags. A default strategy that the providers in the request do not have is left out:
// AWS would refuse it.
func Cluster(a account.Settings, in *awsecs.CreateClusterInput, tags []*awsecs.Tag) *awsecs.CreateClusterInput {
	out := *in
	out.Tags = tags
	if len(out.CapacityProviders) == 0 {
		out.CapacityProviders = aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"})
	}
	providers := aws.StringValueSlice(out.CapacityProviders)
	missing := func(item *awsecs.CapacityProviderStrategyItem) bool {
		return !slices.Contains(providers, aws.StringValue(item.CapacityProvider))
	}
	if len(out.DefaultCapacityProviderStrategy) == 0 && !slices.ContainsFunc(DefaultStrategy(a), missing) {
		out.DefaultCapacityProviderStrategy = DefaultStrategy(a)
	}
	return &out
}

// ServiceRoles are the fields of a service that name roles.
type ServiceRoles struct {
	LoadBalancers []*awsecs.LoadBalancer
	Deployment    *awsecs.DeploymentConfiguration
	Connect       *awsecs.ServiceConnectConfiguration
	Volumes       []*awsecs.ServiceVolumeConfiguration
	Lattice       []*awsecs.VpcLatticeConfiguration
}

// Check refuses roles that the account does not let callers name. At is the path of the service, such as "service.".
func (r ServiceRoles) Check(p *common.Problems, a account.Settings, at string) {
	for i, lb := range r.LoadBalancers {
		if lb.AdvancedConfiguration != nil {
			CheckRole(p, a, fmt.Sprintf("%sloadbalancers[%d].advancedconfiguration.rolearn", at, i), lb.AdvancedConfiguration.RoleArn)
		}
	}
	if r.Deployment != nil {
		for i, hook := range r.Deployment.LifecycleHooks {
			CheckRole(p, a, fmt.Sprintf("%sdeploymentconfiguration.lifecyclehooks[%d].rolearn", at, i), hook.RoleArn)
		}
	}
	if r.Connect != nil {
		for i, s := range r.Connect.Services {
			if s.Tls != nil {
				CheckRole(p, a, fmt.Sprintf("%sserviceconnectconfiguration.services[%d].tls.rolearn", at, i), s.Tls.RoleArn)
			}
		}
	}
	for i, v := range r.Volumes {
		if v.ManagedEBSVolume != nil {
			CheckRole(p, a, fmt.Sprintf("%svolumeconfigurations[%d].managedebsvolume.rolearn", at, i), v.ManagedEBSVolume.RoleArn)
		}
	}
	for i, l := range r.Lattice {
		CheckRole(p, a, fmt.Sprintf("%svpclatticeconfigurations[%d].rolearn", at, i), l.RoleArn)
	}
}

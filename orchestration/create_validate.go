package orchestration

import (
	"fmt"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
	"ecs-api/servicediscovery"
)

// newCreation checks everything about the request that it can check without AWS.
func (o *Orchestrator) newCreation(in *CreateInput) (*creation, error) {
	var p common.Problems
	if in.Service == nil {
		p.Add("service", "is required")
		return nil, p.Err()
	}
	c := &creation{o: o, in: in, service: aws.StringValue(in.Service.ServiceName)}
	account.CheckName(&p, "service.servicename", c.service)
	c.cluster = clusterWanted(&p, in)
	tags := space.TagChecks{Org: o.account.Org, Callers: ecs.ToTags(in.Tags)}
	c.checkTaskDefinition(&p)
	c.checkService(&p)
	c.checkCloudMap(&p)
	tags.Request(&p, in.TaskDefinition != nil)
	tags.Of(&p, "service.tags", ecs.ToTags(in.Service.Tags))
	if in.Cluster != nil {
		tags.Of(&p, "cluster.tags", ecs.ToTags(in.Cluster.Tags))
		p.AddSDK("cluster", in.Cluster)
	}
	if in.TaskDefinition != nil {
		tags.Of(&p, "taskdefinition.tags", ecs.ToTags(in.TaskDefinition.Tags))
		space.CheckSDKTaskDefinition(&p, in.TaskDefinition, in.Credentials)
	}
	if in.ServiceRegistry != nil {
		tags.Of(&p, "serviceregistry.tags", servicediscovery.ToTags(in.ServiceRegistry.Tags))
		p.AddSDK("serviceregistry", in.ServiceRegistry)
	}
	service := *in.Service
	service.NetworkConfiguration = spec.Network(o.account.Settings, service.NetworkConfiguration)
	p.AddSDK("service", &service)
	space.CheckNewCredentials(&p, in.Credentials, in.TaskDefinition, tags)
	if err := p.Err(); err != nil {
		return nil, err
	}
	c.space = space.New(o.account, &o.transactions.Ledger, space.Want{
		Cluster: c.cluster, ClusterRef: clusterRef(in), ClusterInput: in.Cluster, Name: c.service, Flavor: space.FlavorService, Builds: in.TaskDefinition != nil,
		Callers: tags.Callers, Credentials: in.Credentials,
	})
	return c, nil
}

// clusterRef returns how the request refers to a cluster that must exist. This may be an ARN, even one of another account.
func clusterRef(in *CreateInput) string {
	if in.Cluster != nil {
		return ""
	}
	return aws.StringValue(in.Service.Cluster)
}

// clusterWanted returns the name of the service's cluster.
func clusterWanted(p *common.Problems, in *CreateInput) string {
	given, named := in.Cluster, account.NameOf(aws.StringValue(in.Service.Cluster))
	cluster := named
	switch {
	case given != nil && aws.StringValue(given.ClusterName) != "":
		cluster = aws.StringValue(given.ClusterName)
		if named != "" && named != cluster {
			p.Add("service.cluster", "is %q, but the cluster in the request is %q; leave one of them out", named, cluster)
		}
	case named != "":
	case given != nil:
		p.Add("cluster.clustername", "is required")
		return ""
	default:
		p.Add("service.cluster", "is required: name a cluster that exists, or add cluster to the request to create one")
		return ""
	}
	field := "cluster.clustername"
	if given == nil {
		field = "service.cluster"
	}
	account.CheckName(p, field, cluster)
	if in.TaskDefinition != nil && len(cluster) > spec.MaxCluster {
		p.Add(field, "must have at most %d characters: IAM's limit for the name of the tasks' role, %s", spec.MaxCluster, spec.RoleName("…"))
	}
	return cluster
}

func (c *creation) checkTaskDefinition(p *common.Problems) {
	given, named := c.in.TaskDefinition, aws.StringValue(c.in.Service.TaskDefinition)
	switch {
	case given == nil && named == "":
		p.Add("service.taskdefinition", "is required: name a task definition that exists, or add taskdefinition to the request to create one")
	case given != nil && named != "" && account.FamilyOf(named) != aws.StringValue(given.Family):
		p.Add("service.taskdefinition", "is %q, but the task definition in the request is of family %q; leave one of them out", named,
			aws.StringValue(given.Family))
	case given != nil:
		space.CheckTaskDefinition(p, c.o.account.Settings, c.cluster, given)
	}
}

func (c *creation) checkService(p *common.Problems) {
	in, a := c.in.Service, c.o.account.Settings
	if t := aws.StringValue(in.LaunchType); t != "" && t != awsecs.LaunchTypeFargate {
		p.Add("service.launchtype", "must be FARGATE, or left out")
	}
	if aws.StringValue(in.LaunchType) != "" && len(in.CapacityProviderStrategy) > 0 {
		p.Add("service.launchtype", "cannot go together with capacityproviderstrategy")
	}
	spec.CheckCount(p, "service.desiredcount", in.DesiredCount)
	spec.CheckNetwork(p, "service.", in.NetworkConfiguration)
	spec.CheckRole(p, a, "service.role", in.Role)
	spec.ServiceRoles{
		LoadBalancers: in.LoadBalancers, Deployment: in.DeploymentConfiguration, Connect: in.ServiceConnectConfiguration, Volumes: in.VolumeConfigurations, Lattice: in.VpcLatticeConfigurations,
	}.Check(p, a, "service.")
	if n := len(in.ServiceRegistries); n > spec.MaxServiceRegistry {
		p.Add("service.serviceregistries", "has %d registries; ECS allows %d", n, spec.MaxServiceRegistry)
	}
	if c.in.ServiceRegistry != nil {
		return
	}
	for i, r := range in.ServiceRegistries {
		if aws.StringValue(r.RegistryArn) == "" {
			p.Add(fmt.Sprintf("service.serviceregistries[%d].registryarn", i),
				"is required: name a Cloud Map service that exists, or add serviceregistry to the request to create one")
		}
	}
}

func (c *creation) checkCloudMap(p *common.Problems) {
	in := c.in.ServiceRegistry
	if in == nil {
		return
	}
	if aws.StringValue(in.Name) == "" {
		p.Add("serviceregistry.name", "is required")
	}
	if resource.NamespaceOf(in) == "" {
		p.Add("serviceregistry.dnsconfig.namespaceid", "is required: the namespace to register the service's tasks in")
	}
	named := c.in.Service.ServiceRegistries
	if len(named) > 1 || len(named) == 1 && named[0].RegistryArn != nil {
		p.Add("service.serviceregistries", "names Cloud Map services, but serviceregistry wants a new one; leave one of them out")
	}
	if wantsPort(in) && len(named) == 0 {
		p.Add("service.serviceregistries", "is required for SRV records: say which containername and containerport they name")
	}
}

// CheckCreate returns what Create would find wrong with a request without calling AWS. A request that is refused for another reason is checked too, so that
// the response reports everything at once.
func (o *Orchestrator) CheckCreate(in *CreateInput) error {
	_, err := o.newCreation(in)
	return err
}

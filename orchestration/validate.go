package orchestration

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
)

var (
	// ecsName is what ECS allows as the name of a cluster, a service, a family or a container. A cluster's name is a part of its role's,
	// which has at most 64 characters.
	ecsName    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	maxCluster = 64 - len(roleName(""))
	// credentialName is one segment of what Secrets Manager allows as a name.
	credentialName = regexp.MustCompile(`^[A-Za-z0-9_+=.@-]{1,256}$`)
)

// maxContainers is how many containers ECS allows in a task definition, and maxRegistries how many registries a service may have.
const maxContainers, maxRegistries = 10, 1

// problems collects what is wrong with a request.
type problems []common.FieldError

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, common.FieldError{Field: field, Detail: fmt.Sprintf(format, args...)})
}

// name checks a name that ECS restricts.
func (p *problems) name(field, value string) {
	if !ecsName.MatchString(value) {
		p.add(field, "must have 1 to 255 letters, digits, underscores and hyphens")
	}
}

// sdk adds what the SDK would refuse to send of a part of the request, but for fields of which something is said already: it refuses that
// part's call alone, when others have been made.
func (p *problems) sdk(at string, part interface{ Validate() error }) {
	said := map[string]bool{}
	for _, f := range *p {
		said[strings.ToLower(f.Field)] = true
	}
	for _, f := range common.InvalidFields(part.Validate()) {
		if field := at + "." + strings.ToLower(f.Field); !said[strings.ToLower(field)] {
			p.add(field, "%s", f.Detail)
		}
	}
}

// validate sets the names of the cluster and the service, and returns what is wrong with the request.
func (c *creation) validate() problems {
	var p problems
	in := c.in
	if in.Service == nil {
		p.add("service", "is required")
		return p
	}
	c.service = aws.StringValue(in.Service.ServiceName)
	p.name("service.servicename", c.service)
	c.validateCluster(&p)
	c.validateTaskDefinition(&p)
	c.validateService(&p)
	c.validateRegistry(&p)
	c.validateCredentials(&p)
	p = append(p, c.validateCallersTags(in.TaskDefinition != nil)...)
	p = append(p, c.validateTags("service.tags", ecs.ToTags(in.Service.Tags))...)
	c.validateParts(&p)
	return p
}

// validateParts adds what the SDK finds wrong with the parts of the request as they would be sent.
func (c *creation) validateParts(p *problems) {
	in := c.in
	if in.Cluster != nil {
		p.sdk("cluster", in.Cluster)
	}
	if in.TaskDefinition != nil {
		p.sdkTaskDefinition(c.Orchestrator, in.TaskDefinition, in.Credentials)
	}
	if in.ServiceRegistry != nil {
		p.sdk("serviceregistry", in.ServiceRegistry)
	}
	service := *in.Service
	service.NetworkConfiguration = c.network(service.NetworkConfiguration)
	p.sdk("service", &service)
	p.sdkCredentials(in.Credentials)
}

// sdkTaskDefinition adds what the SDK finds wrong with a task definition whose images are pulled with the credentials.
func (p *problems) sdkTaskDefinition(o *Orchestrator, in *awsecs.RegisterTaskDefinitionInput, credentials map[string]*awssecrets.CreateSecretInput) {
	secrets := map[string]string{}
	for container := range credentials {
		secrets[container] = container // stands for the ARN that it will have
	}
	p.sdk("taskdefinition", o.prepareTaskDefinition(in, "", logGroup{}, "", secrets))
}

// sdkCredentials adds what the SDK finds wrong with credentials.
func (p *problems) sdkCredentials(credentials map[string]*awssecrets.CreateSecretInput) {
	for _, container := range slices.Sorted(maps.Keys(credentials)) {
		if in := credentials[container]; in != nil {
			sent := *in
			sent.Name = cmp.Or(in.Name, aws.String(container)) // an update may leave it out
			sent.ClientRequestToken = nil                      // ours takes its place
			p.sdk("credentials."+container, &sent)
		}
	}
}

func (c *creation) validateCluster(p *problems) {
	given, named := c.in.Cluster, nameOf(aws.StringValue(c.in.Service.Cluster))
	switch {
	case given != nil && aws.StringValue(given.ClusterName) != "":
		c.cluster = aws.StringValue(given.ClusterName)
		if named != "" && named != c.cluster {
			p.add("service.cluster", "is %q, but the cluster in the request is %q; leave one of them out", named, c.cluster)
		}
	case named != "":
		c.cluster = named
	case given != nil:
		p.add("cluster.clustername", "is required")
		return
	default:
		p.add("service.cluster", "is required: name a cluster that exists, or add cluster to the request to make one")
		return
	}
	p.name("cluster.clustername", c.cluster)
	if c.in.TaskDefinition != nil && len(c.cluster) > maxCluster {
		p.add("cluster.clustername", "must have at most %d characters: IAM's limit for the name of the tasks' role, %s", maxCluster, roleName("…"))
	}
	if given != nil {
		*p = append(*p, c.validateTags("cluster.tags", ecs.ToTags(given.Tags))...)
	}
}

func (c *creation) validateTaskDefinition(p *problems) {
	given, named := c.in.TaskDefinition, aws.StringValue(c.in.Service.TaskDefinition)
	switch {
	case given == nil && named == "":
		p.add("service.taskdefinition", "is required: name a task definition that exists, or add taskdefinition to the request to make one")
	case given != nil && named != "" && family(named) != aws.StringValue(given.Family):
		p.add("service.taskdefinition", "is %q, but the task definition in the request is of family %q; leave one of them out", named, aws.StringValue(given.Family))
	case given != nil:
		*p = append(*p, c.account.validateTaskDefinition(given)...)
		*p = append(*p, c.validateTags("taskdefinition.tags", ecs.ToTags(given.Tags))...)
	}
}

// validateTaskDefinition returns what is wrong with a task definition for Fargate.
func (a Account) validateTaskDefinition(in *awsecs.RegisterTaskDefinitionInput) problems {
	var p problems
	p.name("taskdefinition.family", aws.StringValue(in.Family))
	if n := len(in.ContainerDefinitions); n == 0 {
		p.add("taskdefinition.containerdefinitions", "must have at least one container")
	} else if n > maxContainers {
		p.add("taskdefinition.containerdefinitions", "has %d containers; ECS allows %d", n, maxContainers)
	}
	seen := map[string]bool{}
	for i, container := range in.ContainerDefinitions {
		at := fmt.Sprintf("taskdefinition.containerdefinitions[%d].", i)
		name := aws.StringValue(container.Name)
		p.name(at+"name", name)
		if seen[name] {
			p.add(at+"name", "is %q, as another container's", name)
		}
		seen[name] = true
		if aws.StringValue(container.Image) == "" {
			p.add(at+"image", "is required")
		}
	}
	if why := fargateSize(aws.StringValue(in.Cpu), aws.StringValue(in.Memory)); why != "" {
		p.add("taskdefinition.cpu", "%s", why)
	}
	p.role(a, "taskdefinition.taskrolearn", in.TaskRoleArn)
	return p
}

func (c *creation) validateService(p *problems) {
	in := c.in.Service
	if t := aws.StringValue(in.LaunchType); t != "" && t != awsecs.LaunchTypeFargate {
		p.add("service.launchtype", "must be FARGATE, or left out")
	}
	if in.LaunchType != nil && len(in.CapacityProviderStrategy) > 0 {
		p.add("service.launchtype", "cannot go together with capacityproviderstrategy")
	}
	if aws.Int64Value(in.DesiredCount) < 0 {
		p.add("service.desiredcount", "must not be negative")
	}
	p.network("service", in.NetworkConfiguration)
	p.role(c.account, "service.role", in.Role)
	p.volumes(c.account, in.VolumeConfigurations)
	if n := len(in.ServiceRegistries); n > maxRegistries {
		p.add("service.serviceregistries", "has %d registries; ECS allows %d", n, maxRegistries)
	}
	if c.in.ServiceRegistry == nil {
		for i, r := range in.ServiceRegistries {
			if aws.StringValue(r.RegistryArn) == "" {
				p.add(fmt.Sprintf("service.serviceregistries[%d].registryarn", i), "is required: name a registry that exists, or add serviceregistry to the request to make one")
			}
		}
	}
}

// credentialName checks the name of a secret, which is one segment of what Secrets Manager calls it.
func (p *problems) credentialName(field, name string) {
	if !credentialName.MatchString(name) || strings.Trim(name, ".") == "" {
		p.add(field, "must have 1 to 256 letters, digits and _ + = . @ -")
	}
}

// volumes refuses roles for volumes that the account does not let callers choose.
func (p *problems) volumes(a Account, volumes []*awsecs.ServiceVolumeConfiguration) {
	for i, v := range volumes {
		if v.ManagedEBSVolume != nil {
			p.role(a, fmt.Sprintf("service.volumeconfigurations[%d].managedebsvolume.rolearn", i), v.ManagedEBSVolume.RoleArn)
		}
	}
}

// network refuses public addresses.
func (p *problems) network(field string, in *awsecs.NetworkConfiguration) {
	if in != nil && in.AwsvpcConfiguration != nil && aws.StringValue(in.AwsvpcConfiguration.AssignPublicIp) == awsecs.AssignPublicIpEnabled {
		p.add(field+".networkconfiguration.awsvpcconfiguration.assignpublicip", "must be DISABLED: services do not get public addresses here")
	}
}

func (c *creation) validateRegistry(p *problems) {
	in := c.in.ServiceRegistry
	if in == nil {
		return
	}
	if aws.StringValue(in.Name) == "" {
		p.add("serviceregistry.name", "is required")
	}
	if namespaceOf(in) == "" {
		p.add("serviceregistry.dnsconfig.namespaceid", "is required: the namespace to register the service's tasks in")
	}
	named := c.in.Service.ServiceRegistries
	if len(named) > 1 || len(named) == 1 && named[0].RegistryArn != nil {
		p.add("service.serviceregistries", "names registries, but serviceregistry asks for a new one; leave one of them out")
	}
	if wantsPort(in) && len(named) == 0 {
		p.add("service.serviceregistries", "is required for SRV records: say which containername and containerport they name")
	}
	*p = append(*p, c.validateTags("serviceregistry.tags", servicediscovery.ToTags(in.Tags))...)
}

func (c *creation) validateCredentials(p *problems) {
	names := map[string]string{}
	for _, container := range slices.Sorted(maps.Keys(c.in.Credentials)) {
		in, at := c.in.Credentials[container], "credentials."+container
		if in == nil {
			p.add(at, "must not be null")
			continue
		}
		if !hasContainer(c.in.TaskDefinition, container) {
			p.add(at, "names no container of the task definition in this request")
		}
		name := aws.StringValue(in.Name)
		p.credentialName(at+".Name", name)
		if names[name] != "" {
			p.add(at+".Name", "is %q, as that of %s", name, names[name])
		}
		names[name] = container
		if aws.StringValue(in.SecretString) == "" {
			p.add(at+".SecretString", `is required: {"username": "…", "password": "…"} as a string`)
		}
		*p = append(*p, c.validateTags(at+".tags", secretsmanager.ToTags(in.Tags))...)
	}
}

// hasContainer reports whether a task definition has a container of that name.
func hasContainer(in *awsecs.RegisterTaskDefinitionInput, name string) bool {
	return in != nil && slices.ContainsFunc(in.ContainerDefinitions, func(c *awsecs.ContainerDefinition) bool {
		return aws.StringValue(c.Name) == name
	})
}

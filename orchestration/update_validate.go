package orchestration

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// newUpdate checks the request as far as that can be done without AWS.
func (o *Orchestrator) newUpdate(cluster, service string, in *UpdateInput) (*update, error) {
	var p common.Problems
	names := in.names()
	for _, field := range slices.Sorted(maps.Keys(names)) {
		if account.NameOf(names[field]) != service {
			p.Add(field, "is %q, but the request is for service %q", names[field], service)
		}
	}
	u := &update{o: o, cluster: cluster, service: service, refs: names, settings: in.Service, force: in.force()}
	tags := space.TagChecks{Org: o.account.Org, Callers: ecs.ToTags(in.Tags)}
	u.checkSettings(&p, in)
	if in.TaskDefinition != nil {
		space.CheckTaskDefinition(&p, o.account.Settings, cluster, in.TaskDefinition)
		tags.Of(&p, "taskdefinition.tags", ecs.ToTags(in.TaskDefinition.Tags))
		space.CheckSDKTaskDefinition(&p, in.TaskDefinition, in.Credentials)
		u.family = aws.StringValue(in.TaskDefinition.Family)
		u.define = func(*awsecs.TaskDefinition) (*space.Registration, error) {
			return &space.Registration{Input: in.TaskDefinition, Without: space.WithoutRepositoryCredentials(in.TaskDefinition, in.nulls),
				HasTags: in.TaskDefinition.Tags != nil}, nil
		}
	}
	space.CheckChangedCredentials(&p, in.Credentials, tags)
	if in.Service == nil && in.TaskDefinition == nil && len(in.Credentials) == 0 && len(in.Tags) == 0 && !u.force {
		in.Nothing(&p, "tags", "ForceNewDeployment, Service, TaskDefinition or Credentials")
	}
	tags.Request(&p, true)
	if err := p.Err(); err != nil {
		return nil, err
	}
	u.space = space.New(o.account, &o.transactions.Ledger, space.Want{
		Cluster: cluster, Name: service, Flavor: space.FlavorService, Builds: in.TaskDefinition != nil || len(in.Credentials) > 0, Callers: common.Tags(nil).With(tags.Callers...), Credentials: in.Credentials,
	})
	return u, nil
}

// checkRevision adds what is wrong with naming a revision beside what else the request has, and decides which of them counts.
func (u *update) checkRevision(p *common.Problems, in *UpdateInput) {
	switch {
	case in.TaskDefinition == nil || u.revision == "":
	case account.FamilyOf(u.revision) != aws.StringValue(in.TaskDefinition.Family):
		p.Add("service.taskdefinition", "is %q, but the task definition in the request is of family %q; leave one of them out", u.revision,
			aws.StringValue(in.TaskDefinition.Family))
	default:
		u.revision = "" // the request gives the task definition itself
	}
	if u.revision != "" && len(in.Credentials) > 0 {
		p.Add("credentials", "cannot go together with service.taskdefinition: send the task definition itself")
	}
}

// checkSettings adds what is wrong with the service's settings.
func (u *update) checkSettings(p *common.Problems, in *UpdateInput) {
	s := in.Service
	if s == nil {
		return
	}
	u.revision = aws.StringValue(s.TaskDefinition)
	if cluster := aws.StringValue(s.Cluster); cluster != "" && account.NameOf(cluster) != u.cluster {
		p.Add("service.cluster", "is %q, but the path names cluster %q", cluster, u.cluster)
	}
	u.checkRevision(p, in)
	spec.CheckCount(p, "service.desiredcount", s.DesiredCount)
	spec.CheckNetwork(p, "service.", s.NetworkConfiguration)
	spec.ServiceRoles{
		LoadBalancers: s.LoadBalancers, Deployment: s.DeploymentConfiguration, Connect: s.ServiceConnectConfiguration, Volumes: s.VolumeConfigurations, Lattice: s.VpcLatticeConfigurations,
	}.Check(p, u.o.account.Settings, "service.")
	sent := *s
	sent.Service = aws.String(u.service)
	if sent.NetworkConfiguration != nil {
		sent.NetworkConfiguration = spec.Network(u.o.account.Settings, sent.NetworkConfiguration)
	}
	p.AddSDK("service", &sent)
}

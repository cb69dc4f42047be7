package orchestration

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/secretsmanager"
)

// validate returns what is wrong with the request as far as that can be told without AWS.
func (u *updating) validate() problems {
	var p problems
	in := u.in
	names := in.names()
	for _, field := range slices.Sorted(maps.Keys(names)) {
		if nameOf(names[field]) != u.service {
			p.add(field, "is %q, but the request is for service %q", names[field], u.service)
		}
	}
	u.validateService(&p)
	if in.TaskDefinition != nil {
		p = append(p, u.account.validateTaskDefinition(in.TaskDefinition)...)
		p = append(p, u.validateTags("taskdefinition.tags", ecs.ToTags(in.TaskDefinition.Tags))...)
	}
	for _, container := range slices.Sorted(maps.Keys(in.Credentials)) {
		cred, at := in.Credentials[container], "credentials."+container
		if cred == nil {
			p.add(at, "must not be null")
			continue
		}
		if aws.StringValue(cred.SecretString) == "" {
			p.add(at+".SecretString", `is required: {"username": "…", "password": "…"} as a string`)
		}
		if cred.Name != nil {
			p.credentialName(at+".Name", *cred.Name)
		}
		p = append(p, u.validateTags(at+".tags", secretsmanager.ToTags(cred.Tags))...)
	}
	if in.Service == nil && in.TaskDefinition == nil && len(in.Credentials) == 0 && len(in.Tags) == 0 && !in.force() {
		p.add("tags", "must be given, or ForceNewDeployment, Service, TaskDefinition or Credentials: there is nothing to change")
	}
	p = append(p, u.validateCallersTags(true)...)
	u.validateParts(&p)
	return p
}

// validateParts adds what the SDK finds wrong with the parts of the request as they would be sent.
func (u *updating) validateParts(p *problems) {
	if u.in.Service != nil {
		service := *u.in.Service
		service.Service = aws.String(u.service)
		if service.NetworkConfiguration != nil {
			service.NetworkConfiguration = u.network(service.NetworkConfiguration)
		}
		p.sdk("service", &service)
	}
	if u.in.TaskDefinition != nil {
		p.sdkTaskDefinition(u.Orchestrator, u.in.TaskDefinition, u.in.Credentials)
	}
	p.sdkCredentials(u.in.Credentials)
}

func (u *updating) validateService(p *problems) {
	in := u.in.Service
	if in == nil {
		return
	}
	if cluster := aws.StringValue(in.Cluster); cluster != "" && nameOf(cluster) != u.cluster {
		p.add("service.cluster", "is %q, but the path names cluster %q", cluster, u.cluster)
	}
	if u.in.TaskDefinition != nil && aws.StringValue(in.TaskDefinition) != "" && family(*in.TaskDefinition) != aws.StringValue(u.in.TaskDefinition.Family) {
		p.add("service.taskdefinition", "is %q, but the task definition in the request is of family %q; leave one of them out", *in.TaskDefinition, aws.StringValue(u.in.TaskDefinition.Family))
	}
	if aws.Int64Value(in.DesiredCount) < 0 {
		p.add("service.desiredcount", "must not be negative")
	}
	p.network("service", in.NetworkConfiguration)
	p.volumes(u.account, in.VolumeConfigurations)
}

// wanted returns the tags that the caller wants, without those that are ours to set.
func (u *updating) wanted() common.Tags { return ownTags(common.Tags(nil).With(u.callers...)) }

// ownTags returns a caller's tags without those that are ours to set.
func ownTags(tags common.Tags) common.Tags {
	return tags.Without(common.TagOrg, common.TagSpace, common.TagType, common.TagFlavor, common.TagRequest)
}

// changesService reports whether the service itself is to be changed.
func (u *updating) changesService() bool {
	return u.in.Service != nil || u.register != nil || u.in.force()
}

// logGroups returns the names of the log groups that a task definition's containers log to.
func logGroups(region string, def *awsecs.TaskDefinition) []string {
	groups := []string{}
	for _, c := range def.ContainerDefinitions {
		if l := c.LogConfiguration; l != nil && aws.StringValue(l.LogDriver) == awsecs.LogDriverAwslogs {
			options := aws.StringValueMap(l.Options)
			if options["awslogs-group"] != "" && (options["awslogs-region"] == region || options["awslogs-region"] == "") {
				groups = append(groups, options["awslogs-group"])
			}
		}
	}
	return unique(groups)
}

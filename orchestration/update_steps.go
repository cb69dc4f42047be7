package orchestration

import (
	"context"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/secretsmanager"
)

// tag gives something the tags that the caller wants.
func (u *updating) tag(t *tagged) step {
	return named("tags of "+t.what, t.give(u.wanted()))
}

// give gives something tags. Undo restores those it had.
func (t *tagged) give(wanted common.Tags) step {
	return func(ctx context.Context) (undo, error) {
		changed := t.tags.Changed(wanted)
		if len(changed) == 0 {
			return nil, nil
		}
		var replaced common.Tags
		var added []string
		for _, tag := range changed {
			if value, ok := t.tags.Get(tag.Key); ok {
				replaced = append(replaced, common.Tag{Key: tag.Key, Value: value})
			} else {
				added = append(added, tag.Key)
			}
		}
		back := func(ctx context.Context) error {
			err := t.add(ctx, t.id, replaced)
			if err == nil {
				err = t.remove(ctx, t.id, added)
			}
			return common.Wrapf(ignoreNotFound(err), "the tags of %s %s", t.what, t.id)
		}
		return back, t.add(ctx, t.id, changed)
	}
}

// changeCredential gives a container's secret a new value, and the tags that the request has for it.
func (u *updating) changeCredential(cred *credential) step {
	return named("credentials", func(ctx context.Context) (undo, error) {
		version, back, err := u.changeSecret(ctx, cred.found, aws.StringValue(cred.in.SecretString), u.id)
		cred.out = &awssecrets.CreateSecretOutput{ARN: cred.found.ARN, Name: cred.found.Name, VersionId: aws.String(version)}
		if err != nil || len(cred.in.Tags) == 0 {
			return back, err
		}
		secret := &tagged{"secret", aws.StringValue(cred.found.ARN), secretsmanager.ToTags(cred.found.Tags), u.Orchestrator.secrets.Tag, u.Orchestrator.secrets.Untag}
		untag, err := secret.give(ownTags(secretsmanager.ToTags(cred.in.Tags)))(ctx)
		if untag == nil {
			return back, err
		}
		return latestFirst([]undo{back, untag}), err
	})
}

// registerRevision makes the new revision.
func (u *updating) registerRevision(ctx context.Context) (undo, error) {
	secrets := map[string]string{}
	for _, cred := range append(append([]*credential{}, u.made...), u.changed...) {
		secrets[cred.container] = aws.StringValue(cred.out.ARN)
	}
	in := u.prepareTaskDefinition(u.register, u.service, logGroup{u.cluster, u.account.Region}, u.executionRoleARN(), secrets)
	in.Tags = ecs.FromTags(u.tagsFor(ecs.ToTags(u.register.Tags)))
	made, back, err := u.Orchestrator.register(ctx, in, u.request)
	u.revision = made
	return back, err
}

// updateService changes the service. Undo changes it back, which AWS takes for another deployment.
func (u *updating) updateService(ctx context.Context) (undo, error) {
	in, back := u.prepareUpdate()
	restore := func(ctx context.Context) error {
		now, err := u.ecs.Service(ctx, u.cluster, u.service)
		if err == nil && (!u.differs(now) || aws.StringValue(now.Status) != statusActive) {
			return nil // the call that failed has changed nothing, or the service was deleted
		}
		if err == nil {
			_, err = u.ecs.UpdateService(ctx, back)
		}
		return common.Wrapf(ignoreNotFound(err), "the settings of service %s", u.service)
	}
	after, err := u.ecs.UpdateService(ctx, in)
	if err == nil {
		u.out.Service = after
		return restore, nil
	}
	if !common.Ambiguous(err) {
		restore = nil // AWS said no
	}
	return restore, err
}

// differs reports whether the service has other settings than before.
func (u *updating) differs(now *awsecs.Service) bool {
	settings := func(s *awsecs.Service) []any {
		return []any{s.TaskDefinition, s.DesiredCount, s.LaunchType, s.CapacityProviderStrategy, s.NetworkConfiguration, s.DeploymentConfiguration,
			s.HealthCheckGracePeriodSeconds, s.EnableExecuteCommand, s.PlatformVersion, s.LoadBalancers, s.ServiceRegistries}
	}
	return !reflect.DeepEqual(settings(u.before), settings(now))
}

// prepareUpdate returns the call that changes the service, and the one that changes it back: what is not mentioned in them stays.
func (u *updating) prepareUpdate() (change, back *awsecs.UpdateServiceInput) {
	in := awsecs.UpdateServiceInput{}
	if u.in.Service != nil {
		in = *u.in.Service
	}
	was := u.before
	in.Cluster, in.Service = aws.String(u.cluster), aws.String(u.service)
	b := &awsecs.UpdateServiceInput{Cluster: in.Cluster, Service: in.Service}
	if u.in.force() {
		in.ForceNewDeployment = aws.Bool(true)
	}
	if u.revision != nil {
		in.TaskDefinition, b.TaskDefinition = u.revision.TaskDefinitionArn, was.TaskDefinition
	}
	if in.DesiredCount != nil {
		b.DesiredCount = was.DesiredCount
	}
	if in.NetworkConfiguration != nil {
		in.NetworkConfiguration, b.NetworkConfiguration = u.mergeNetwork(in.NetworkConfiguration), was.NetworkConfiguration
	}
	if in.CapacityProviderStrategy != nil {
		b.CapacityProviderStrategy = was.CapacityProviderStrategy
		if !awsutil.DeepEqual(in.CapacityProviderStrategy, was.CapacityProviderStrategy) { // AWS changes a strategy only with a new deployment
			in.ForceNewDeployment, b.ForceNewDeployment = aws.Bool(true), aws.Bool(true)
		}
		if was.LaunchType != nil { // and brings a launch type back with an empty one
			b.CapacityProviderStrategy = []*awsecs.CapacityProviderStrategyItem{}
		}
	}
	if in.DeploymentConfiguration != nil {
		in.DeploymentConfiguration, b.DeploymentConfiguration = mergeDeployment(in.DeploymentConfiguration, was.DeploymentConfiguration), was.DeploymentConfiguration
	}
	if in.HealthCheckGracePeriodSeconds != nil {
		b.HealthCheckGracePeriodSeconds = was.HealthCheckGracePeriodSeconds
	}
	if in.EnableExecuteCommand != nil {
		b.EnableExecuteCommand = aws.Bool(aws.BoolValue(was.EnableExecuteCommand))
	}
	if in.PlatformVersion != nil {
		b.PlatformVersion = was.PlatformVersion
	}
	if in.LoadBalancers != nil {
		b.LoadBalancers = append([]*awsecs.LoadBalancer{}, was.LoadBalancers...)
	}
	if in.ServiceRegistries != nil {
		b.ServiceRegistries = append([]*awsecs.ServiceRegistry{}, was.ServiceRegistries...)
	}
	in.PropagateTags, in.EnableECSManagedTags = nil, nil // always on, from the beginning
	return &in, b
}

// mergeNetwork returns the service's network settings with what the request says over them. There never is a public address.
func (u *updating) mergeNetwork(asked *awsecs.NetworkConfiguration) *awsecs.NetworkConfiguration {
	vpc := awsecs.AwsVpcConfiguration{}
	if asked.AwsvpcConfiguration != nil {
		vpc = *asked.AwsvpcConfiguration
	}
	if now := u.before.NetworkConfiguration; now != nil && now.AwsvpcConfiguration != nil {
		if len(vpc.Subnets) == 0 {
			vpc.Subnets = now.AwsvpcConfiguration.Subnets
		}
		if len(vpc.SecurityGroups) == 0 {
			vpc.SecurityGroups = now.AwsvpcConfiguration.SecurityGroups
		}
	}
	return u.network(&awsecs.NetworkConfiguration{AwsvpcConfiguration: &vpc})
}

// mergeDeployment returns a deployment configuration in which what asked leaves out stays as it is.
func mergeDeployment(asked, now *awsecs.DeploymentConfiguration) *awsecs.DeploymentConfiguration {
	if now == nil {
		return asked
	}
	out := *now
	if asked.Alarms != nil {
		out.Alarms = asked.Alarms
	}
	if asked.DeploymentCircuitBreaker != nil {
		out.DeploymentCircuitBreaker = asked.DeploymentCircuitBreaker
	}
	if asked.MaximumPercent != nil {
		out.MaximumPercent = asked.MaximumPercent
	}
	if asked.MinimumHealthyPercent != nil {
		out.MinimumHealthyPercent = asked.MinimumHealthyPercent
	}
	return &out
}

// presentSecrets gives the secrets of ours that the present task definition uses the tags that the caller wants, and finds those that
// nothing will use when the update is done. Both take their time beside the changes, which do not wait for them.
func (u *updating) presentSecrets(ctx context.Context) (undo, error) {
	ids := unique(secretsOf(u.present.TaskDefinition))
	stay := u.staying()
	drops := u.register != nil && slices.ContainsFunc(ids, func(id string) bool { return !stay[id] })
	dropped := make([]*awssecrets.DescribeSecretOutput, len(ids))
	var steps []step
	for i, id := range ids {
		steps = append(steps, func(ctx context.Context) (undo, error) {
			secret, err := u.ourSecret(ctx, id)
			if err != nil || secret == nil {
				return nil, err
			}
			tags := secretsmanager.ToTags(secret.Tags)
			if drops && !stay[aws.StringValue(secret.ARN)] && !stay[aws.StringValue(secret.Name)] && madeFor(tags, u.service) {
				dropped[i] = secret
			}
			return u.tag(&tagged{"secret", aws.StringValue(secret.ARN), tags, u.Orchestrator.secrets.Tag, u.Orchestrator.secrets.Untag})(ctx)
		})
	}
	var used map[string]bool
	back, err := together(append(steps, when(drops, read(func(ctx context.Context) (err error) {
		used, err = u.secretsOfOthers(ctx)
		return err
	})))...)(ctx)
	for _, secret := range dropped {
		if secret != nil && !used[aws.StringValue(secret.ARN)] && !used[aws.StringValue(secret.Name)] {
			u.unused = append(u.unused, aws.StringValue(secret.ARN))
		}
	}
	u.unused = unique(u.unused)
	return back, err
}

// staying returns the secrets, by ARN or name, that the task definition will use after the update, but for new ones.
func (u *updating) staying() map[string]bool {
	stay := map[string]bool{}
	for _, cred := range u.changed {
		stay[aws.StringValue(cred.found.ARN)] = true
	}
	if u.register == nil {
		return stay
	}
	for _, container := range u.register.ContainerDefinitions {
		replaced := slices.ContainsFunc(u.made, func(c *credential) bool { return c.container == aws.StringValue(container.Name) })
		if !replaced && container.RepositoryCredentials != nil {
			stay[aws.StringValue(container.RepositoryCredentials.CredentialsParameter)] = true
		}
	}
	return stay
}

// secretsOfOthers returns the secrets, by ARN or name, that the other services in the cluster use.
func (u *updating) secretsOfOthers(ctx context.Context) (map[string]bool, error) {
	services, err := u.liveServices(ctx, u.cluster)
	if err != nil {
		return nil, err
	}
	used := newUsage()
	for _, s := range services {
		if aws.StringValue(s.ServiceName) != u.service {
			used.add(s, true)
		}
	}
	return u.secretsNearby(ctx, used)
}

// removeUnused schedules the secrets that are not used any more for deletion: a deployment that is rolled back may want them again. It
// comes last, when the service is updated: a secret that AWS does not let us delete now is tried again in the background.
func (u *updating) removeUnused(ctx context.Context) {
	remove := each(u.unused, func(arn string) step {
		return named("unused credentials", read(func(ctx context.Context) error {
			_, err := u.Orchestrator.secrets.DeleteSecret(ctx, arn, secretWindowDays)
			return ignoreNotFound(err)
		}))
	})
	if _, err := remove(ctx); err == nil {
		return
	}
	// A group that is shutting down takes no work: the secrets stay then, until the service is deleted with all that is its.
	_, _ = u.background.start(ctx, Operation{Kind: "remove unused credentials", Target: u.target(), Account: u.account.Name}, retakeTime,
		func(ctx context.Context) error {
			return u.insist(ctx, func(ctx context.Context) error {
				_, err := remove(ctx)
				return err
			})
		}, func() {})
}

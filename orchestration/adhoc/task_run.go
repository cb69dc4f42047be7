package adhoc

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/launch"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// maxRun is how many tasks one RunTask starts.
const maxRun = 10

// Run starts tasks in the cluster, on Fargate unless in names a strategy, in the account's default network unless in names one. A Conflict if none
// could be started; the failures tell of those that could not when others could.
func (t Tasks) Run(ctx context.Context, cluster string, in *awsecs.RunTaskInput) (*launch.Started, error) {
	name, err := account.ClusterName(cluster)
	if err != nil {
		return nil, err
	}
	a := t.account
	if err := t.Check(name, in).Err(); err != nil {
		return nil, err
	}
	var definition *awsecs.TaskDefinition
	err = common.Concurrently(ctx,
		func(ctx context.Context) error {
			_, err := t.clusters.Show(ctx, cluster)
			return err
		},
		func(ctx context.Context) (err error) {
			definition, err = t.definitions.runnable(ctx, aws.StringValue(in.TaskDefinition))
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	key := resource.KeyOf(ctx)
	in = completeRun(common.CallerOf(ctx), key, a.Settings, name, in)
	in.TaskDefinition = definition.TaskDefinitionArn // what was looked at is what runs
	return t.launch(ctx, launch.Launch{Account: a, Key: key, Input: in})
}

// launch starts the tasks, or none: where AWS's response is lost for good, those that run all the same are stopped before the error is returned. A caller who
// hangs up stops nothing.
func (t Tasks) launch(ctx context.Context, l launch.Launch) (started *launch.Started, err error) {
	ctx, cancel := transaction.Detached(ctx, launch.Time)
	defer cancel()
	cluster := aws.StringValue(l.Input.Cluster)
	err = t.transactions.RunUnlocked(ctx, transaction.TaskDefinitionTarget(cluster, account.FamilyOf(aws.StringValue(l.Input.TaskDefinition))),
		t.request(cluster), saga.Named("start tasks",
			func(ctx context.Context) (rollback saga.Rollback, err error) {
				started, rollback, err = l.Run(ctx)
				return rollback, err
			}))
	if err != nil {
		return nil, err
	}
	return started, nil
}

// Check returns what is wrong with a request to run tasks in the cluster, as far as that can be decided without AWS.
func (t Tasks) Check(cluster string, in *awsecs.RunTaskInput) common.Problems {
	p := checkRun(t.account.Settings, cluster, in)
	p.AddSDK("", completeRun(common.Caller{}, resource.Key{}, t.account.Settings, cluster, in))
	return p
}

// checkRun returns what is wrong with a request to run tasks in the cluster.
func checkRun(a account.Settings, cluster string, in *awsecs.RunTaskInput) common.Problems {
	var p common.Problems
	if named := aws.StringValue(in.Cluster); named != "" && account.NameOf(named) != cluster {
		p.Add("cluster", "is %q, but the path says %q; leave it out", named, cluster)
	}
	if aws.StringValue(in.TaskDefinition) == "" {
		p.Add("taskdefinition", "is required: a family, family:revision or ARN")
	}
	if in.Count != nil && (*in.Count < 1 || *in.Count > maxRun) {
		p.Add("count", "must be 1 to %d", maxRun)
	}
	checkLaunchType(&p, in)
	if t := aws.StringValue(in.PropagateTags); t != "" && t != awsecs.PropagateTagsTaskDefinition && t != awsecs.PropagateTagsNone {
		p.Add("propagatetags", "must be TASK_DEFINITION or NONE")
	}
	spec.CheckNetwork(&p, "", in.NetworkConfiguration)
	checkRunRoles(&p, a, in)
	return append(p, ecs.ToTags(in.Tags).Validate("tags", a.Org)...)
}

// checkLaunchType refuses all but Fargate, and a launch type beside a strategy.
func checkLaunchType(p *common.Problems, in *awsecs.RunTaskInput) {
	launchType := aws.StringValue(in.LaunchType)
	if launchType != "" && launchType != awsecs.LaunchTypeFargate {
		p.Add("launchtype", "must be FARGATE, or left out")
	}
	if launchType != "" && len(in.CapacityProviderStrategy) > 0 {
		p.Add("launchtype", "cannot go together with capacityproviderstrategy")
	}
}

// checkRunRoles refuses roles that the account does not let callers name.
func checkRunRoles(p *common.Problems, a account.Settings, in *awsecs.RunTaskInput) {
	if in.Overrides != nil {
		if aws.StringValue(in.Overrides.ExecutionRoleArn) != "" {
			p.Add("overrides.executionrolearn", "cannot be chosen: it is that of the task definition")
		}
		spec.CheckRole(p, a, "overrides.taskrolearn", in.Overrides.TaskRoleArn)
	}
	for i, volume := range in.VolumeConfigurations {
		if volume.ManagedEBSVolume != nil {
			spec.CheckRole(p, a, fmt.Sprintf("volumeconfigurations[%d].managedebsvolume.rolearn", i), volume.ManagedEBSVolume.RoleArn)
		}
	}
}

// completeRun returns in, which the caller sends, with the defaults of tasks.
func completeRun(by common.Caller, key resource.Key, a account.Settings, cluster string, in *awsecs.RunTaskInput) *awsecs.RunTaskInput {
	out := *in
	out.Cluster = aws.String(cluster)
	out.NetworkConfiguration = spec.Network(a, in.NetworkConfiguration)
	if aws.StringValue(in.ClientToken) != "" {
		by.RequestID = "" // AWS takes a client token again only with the same parameters
	}
	tags, token := ecs.ToTags(in.Tags).ForOrg(a.Org, by), uuid.NewString()
	if key.Given() || aws.StringValue(in.ClientToken) == "" { // else it would be another one whenever the client token is sent
		tags = tags.With(common.Tag{Key: common.TagRequest, Value: resource.OwnerPrefix("") + key.Of(token)})
	}
	if key.Given() {
		token = key.Token()
	}
	out.Tags = ecs.FromTags(tags)
	switch {
	case aws.StringValue(in.LaunchType) != "":
	case len(in.CapacityProviderStrategy) == 0:
		out.LaunchType = aws.String(awsecs.LaunchTypeFargate)
	default:
		out.LaunchType = nil // an empty one is none
	}
	if out.Count == nil {
		out.Count = aws.Int64(1)
	}
	if out.EnableECSManagedTags == nil {
		out.EnableECSManagedTags = aws.Bool(true)
	}
	out.PropagateTags = aws.String(cmp.Or(aws.StringValue(in.PropagateTags), awsecs.PropagateTagsTaskDefinition))
	out.ClientToken = aws.String(cmp.Or(aws.StringValue(in.ClientToken), token)) // one for all attempts: they start one set of tasks
	return &out
}

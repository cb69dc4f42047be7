package oneoff

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/launch"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// TagStopAt is the tag of a one-off task that says when it is stopped.
const TagStopAt = "spinup:stop-at"

// start starts the task, or none: where AWS's response is lost for good, a task that runs all the same is stopped before the error is returned.
// The task of a request with an Idempotency-Key that started one before, and whose response was lost, is that one.
func (r *Runner) start(ctx context.Context, cluster, service string, in *Input) (*started, error) {
	if err := in.Check().Err(); err != nil {
		return nil, err
	}
	ctx, cancel := transaction.Detached(ctx, launch.Time)
	defer cancel()
	plan, err := r.plan(ctx, cluster, service, in)
	if err != nil {
		return nil, err
	}
	t := &run{r: r, cluster: cluster, service: service, stopAt: plan.stopAt, ended: make(chan struct{})}
	if err := r.reserve(t); err != nil {
		return nil, err
	}
	request := &resource.Request{Org: r.account.Org, Cluster: cluster, Service: service, Backoff: r.account.Backoff, Ledger: &r.transactions.Ledger}
	operations.AcceptNow(ctx, cluster+"/"+service)
	err = r.transactions.RunUnlocked(ctx, cluster+"/"+service, request, saga.InOrder(
		saga.Named("start task", func(ctx context.Context) (saga.Rollback, error) { return r.launch(ctx, plan, t) }),
		saga.Named("watch task", saga.NoRollback(t.watch)),
	))
	if earlier, ok := errors.AsType[*startedBefore](err); ok {
		r.release(t)
		t, err = r.again(ctx, cluster, service, earlier.task)
		return &started{t, plan.container, true}, err
	}
	if err != nil {
		r.release(t)
		return nil, common.Wrapf(err, "run a task of service %s in cluster %s", service, cluster)
	}
	return &started{t, plan.container, false}, nil
}

// started is a task that a request has started.
type started struct {
	*run
	container string // that runs the command
	replayed  bool   // an earlier attempt of the request started it
}

// Check returns what is wrong with the request whatever the service is.
func (in *Input) Check() common.Problems {
	var p common.Problems
	if len(in.Command) == 0 {
		p.Add("Command", "is required: the command and its arguments, such as [\"./manage\", \"migrate\"]")
	}
	if in.Timeout != nil && (*in.Timeout < 1 || *in.Timeout > MaxTimeout) {
		p.Add("Timeout", "must be 1 to %d seconds", MaxTimeout)
	}
	if in.Container != nil {
		account.CheckName(&p, "Container", *in.Container)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Environment)) {
		if name == "" {
			p.Add("Environment", "must not have a variable without a name")
		}
	}
	return p
}

// plan is a task that is to be started.
type plan struct {
	container string
	stopAt    time.Time
	input     *awsecs.RunTaskInput
}

// plan reads the service and its task definition, and decides what is run.
func (r *Runner) plan(ctx context.Context, cluster, name string, in *Input) (*plan, error) {
	service, err := r.show(ctx, cluster, name)
	if err != nil {
		return nil, err
	}
	switch {
	case aws.StringValue(service.Status) != resource.StatusActive:
		return nil, common.Coded(common.CodeServiceDraining, "service %s is being deleted", name)
	case aws.StringValue(service.TaskDefinition) == "":
		return nil, common.Errorf(common.Conflict, "service %s names no task definition: its deployments are not ECS's", name)
	}
	found, err := r.account.RevisionCache.Revision(ctx, *service.TaskDefinition)
	if err != nil {
		return nil, err
	}
	if definition := found.TaskDefinition; aws.StringValue(definition.Status) != awsecs.TaskDefinitionStatusActive {
		return nil, common.Coded(common.CodeTaskDefinitionInactive, "task definition %s, which the service runs, is %s: change or roll back the service first",
			account.NameOf(aws.StringValue(definition.TaskDefinitionArn)), aws.StringValue(definition.Status))
	}
	return decide(service, found.TaskDefinition, in, r.now(), r.account.Org, common.CallerOf(ctx), resource.KeyOf(ctx))
}

// decide returns what is run for the service. It is pure but for the ids of what it starts.
func decide(service *awsecs.Service, definition *awsecs.TaskDefinition, in *Input, now time.Time, org string, by common.Caller,
	key resource.Key) (*plan, error) {
	var p common.Problems
	container := in.chosen(&p, definition)
	overrides := &awsecs.TaskOverride{}
	if container != nil {
		overrides = in.overrides(&p, definition, container)
	}
	if text, err := json.Marshal(overrides); err == nil && len(text) > maxOverrides {
		p.Add("Command", "is too long: together with Environment it may have %d characters", maxOverrides)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	timeout := int64(DefaultTimeout)
	if in.Timeout != nil {
		timeout = *in.Timeout
	}
	stopAt := now.Add(time.Duration(timeout) * time.Second).UTC().Truncate(time.Second)
	id := uuid.NewString()
	token := id
	if key.Given() {
		token = key.Token()
	}
	out := &awsecs.RunTaskInput{
		Cluster: service.ClusterArn, TaskDefinition: definition.TaskDefinitionArn, Count: aws.Int64(1), Overrides: overrides,
		ClientToken: aws.String(token), // of all attempts: they start one task
		StartedBy:   aws.String("run/" + id), Group: aws.String("run:" + aws.StringValue(service.ServiceName)),
		NetworkConfiguration: service.NetworkConfiguration, EnableExecuteCommand: service.EnableExecuteCommand, EnableECSManagedTags: aws.Bool(true),
		Tags: ecs.FromTags(tags(service, org, by, stopAt).With(common.Tag{Key: common.TagRequest,
			Value: resource.OwnerPrefix(aws.StringValue(service.ServiceName)) + key.Of(id)})), VolumeConfigurations: volumes(service),
		PlatformVersion: service.PlatformVersion, CapacityProviderStrategy: service.CapacityProviderStrategy,
	}
	if len(out.CapacityProviderStrategy) == 0 {
		out.LaunchType = aws.String(cmp.Or(aws.StringValue(service.LaunchType), awsecs.LaunchTypeFargate))
	}
	return &plan{container: aws.StringValue(container.Name), stopAt: stopAt, input: out}, nil
}

// maxOverrides is how long all overrides may be.
const maxOverrides = 8192

// tags returns the tags of the task: those of the service, who runs it, and when it is stopped.
func tags(service *awsecs.Service, org string, by common.Caller, stopAt time.Time) common.Tags {
	all := slices.DeleteFunc(ecs.ToTags(service.Tags), func(t common.Tag) bool {
		return strings.HasPrefix(t.Key, "aws:") || t.Key == common.TagRequest || t.Key == "spinup:count" || t.Key == "spinup:reason" // of the service alone
	})
	return all.ForOrg(org, by).With(common.Tag{Key: TagStopAt, Value: stopAt.Format(time.RFC3339)})
}

// chosen returns the container that the command runs in; nil if there is no such.
func (in *Input) chosen(p *common.Problems, definition *awsecs.TaskDefinition) *awsecs.ContainerDefinition {
	all := definition.ContainerDefinitions
	if in.Container == nil {
		for _, c := range all {
			if len(all) == 1 || c.Essential == nil || *c.Essential {
				return c
			}
		}
	}
	var names []string
	for _, c := range all {
		if in.Container != nil && aws.StringValue(c.Name) == *in.Container {
			return c
		}
		names = append(names, aws.StringValue(c.Name))
	}
	p.Add("Container", "is no container of task definition %s, which has %s", account.NameOf(aws.StringValue(definition.TaskDefinitionArn)),
		strings.Join(names, ", "))
	return nil
}

// overrides returns what is different from the task definition. A container with limits of its own gets what the task gets more.
func (in *Input) overrides(p *common.Problems, definition *awsecs.TaskDefinition, c *awsecs.ContainerDefinition) *awsecs.TaskOverride {
	o := &awsecs.ContainerOverride{Name: c.Name, Command: in.Command}
	for _, name := range slices.Sorted(maps.Keys(in.Environment)) {
		o.Environment = append(o.Environment, &awsecs.KeyValuePair{Name: aws.String(name), Value: in.Environment[name]})
	}
	out := &awsecs.TaskOverride{ContainerOverrides: []*awsecs.ContainerOverride{o}}
	if in.Cpu == nil && in.Memory == nil {
		return out
	}
	cpu, memory := aws.StringValue(definition.Cpu), aws.StringValue(definition.Memory)
	units, mib, _ := spec.Units(cpu, memory)
	if in.Cpu != nil {
		cpu, out.Cpu = string(*in.Cpu), aws.String(string(*in.Cpu))
	}
	if in.Memory != nil {
		memory, out.Memory = string(*in.Memory), aws.String(string(*in.Memory))
	}
	if wrong := spec.WrongSize(cpu, memory); len(wrong) > 0 {
		for _, f := range wrong {
			p.Add(strings.ToUpper(f.Field[:1])+f.Field[1:], "%s", f.Detail) // Cpu, Memory
		}
		return out
	}
	wantUnits, wantMiB, _ := spec.Units(cpu, memory)
	o.Cpu = resized(p, "Cpu", c.Cpu, wantUnits-units)
	o.Memory = resized(p, "Memory", c.Memory, wantMiB-mib)
	return out
}

// resized returns the limit of a container whose task gets so much more; nil if it has none, or it stays.
func resized(p *common.Problems, field string, limit *int64, more int64) *int64 {
	if aws.Int64Value(limit) == 0 || more == 0 {
		return nil
	}
	if *limit+more < 1 {
		p.Add(field, "is too small: the other containers of the task need as much")
		return nil
	}
	return aws.Int64(*limit + more)
}

// volumes returns the volumes that the service's tasks get at launch.
func volumes(service *awsecs.Service) []*awsecs.TaskVolumeConfiguration {
	var all []*awsecs.TaskVolumeConfiguration
	for _, d := range service.Deployments {
		if aws.StringValue(d.Status) != "PRIMARY" {
			continue
		}
		for _, v := range d.VolumeConfigurations {
			out := &awsecs.TaskVolumeConfiguration{Name: v.Name}
			if m := v.ManagedEBSVolume; m != nil {
				out.ManagedEBSVolume = &awsecs.TaskManagedEBSVolumeConfiguration{
					Encrypted: m.Encrypted, FilesystemType: m.FilesystemType, Iops: m.Iops, KmsKeyId: m.KmsKeyId, RoleArn: m.RoleArn, SizeInGiB: m.SizeInGiB,
					SnapshotId: m.SnapshotId, TagSpecifications: m.TagSpecifications, Throughput: m.Throughput, VolumeInitializationRate: m.VolumeInitializationRate, VolumeType: m.VolumeType,
				}
			}
			all = append(all, out)
		}
	}
	return all
}

// launch starts the task. Its rollback stops it.
func (r *Runner) launch(ctx context.Context, plan *plan, t *run) (saga.Rollback, error) {
	started, back, err := launch.Launch{Account: r.account, Key: resource.KeyOf(ctx), Input: plan.input}.Run(ctx)
	if err != nil {
		return back, err
	}
	if started.Replayed {
		return nil, &startedBefore{started.Tasks[0]}
	}
	t.see(started.Tasks[0])
	return back, nil
}

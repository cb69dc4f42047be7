package orchestration

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// CreateInput says what a new service consists of. Only Service is required: what is given is made, what Service names instead is
// expected to exist.
type CreateInput struct {
	Cluster         *awsecs.CreateClusterInput
	TaskDefinition  *awsecs.RegisterTaskDefinitionInput
	Service         *awsecs.CreateServiceInput
	ServiceRegistry *awscloud.CreateServiceInput
	Credentials     map[string]*awssecrets.CreateSecretInput // by the name of the container that pulls its image with them
	Tags            []*awsecs.Tag                            // of everything
}

// CreateOutput is what a new service consists of, made or found.
type CreateOutput struct {
	Cluster                 *awsecs.Cluster
	Credentials             map[string]*awssecrets.CreateSecretOutput
	TaskDefinition          *awsecs.TaskDefinition
	Service                 *awsecs.Service
	ServiceDiscoveryService *awscloud.Service
}

// creation is one create on its way. Its fields carry results from step to step; each is set by one step only.
type creation struct {
	work
	in           *CreateInput
	credentials  []*credential // sorted by container
	clusterMade  bool          // or tried to: undoCluster looks
	making       atomic.Bool   // all that is needed was there
	waited       bool          // for a service of the same name to drain
	namespaceARN string        // of the registry to be made
	registryID   string        // of the registry that was found; empty if there was none
	registries   []*awsecs.ServiceRegistry
	taskARN      string
	out          CreateOutput
}

// Create builds a service and all it needs, or nothing: when a step fails, everything that this request made is unmade before the error
// is returned. A caller who hangs up does not stop it. What an interrupted earlier request for the same service left is built upon.
func (o *Orchestrator) Create(ctx context.Context, in *CreateInput) (*CreateOutput, error) {
	c, err := o.newCreation(in)
	if err != nil {
		return nil, err
	}
	release, err := o.services.claim(c.cluster, c.service)
	if err != nil {
		return nil, err
	}
	ctx, cancel := detached(ctx, createTime)
	defer cancel()
	if err := o.spaces.enter(ctx, c.cluster); err != nil {
		release()
		return nil, common.Wrapf(err, "create service %s: wait until cluster %s is taken down", c.service, c.cluster)
	}

	back, err := c.steps()(ctx)
	if err == nil {
		o.spaces.leave(c.cluster, true, nil)
		release()
		c.out.Credentials = outputs(c.credentials)
		return &c.out, nil
	}
	if c.making.Load() && takenBack(err) {
		err = common.Coded(common.CodeConcurrentChange, "something that is needed was deleted meanwhile. Retry: %w", err)
	}
	if c.rival.Load() {
		c.awaitRival(ctx)
	}
	shared, done := o.spaces.leave(c.cluster, false, c.undoShared())
	err = common.Wrapf(err, "create service %s in cluster %s", c.service, c.cluster)
	return nil, o.unmake(ctx, c.target(), err, func() { done(); release() }, back, shared)
}

// rivalTime is how long a request waits for the one that was faster.
const rivalTime = 15 * time.Second

// awaitRival waits until the service is there that another server is building at this moment. What this request made and that one uses has
// been claimed by then, and is spared.
func (c *creation) awaitRival(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(rivalTime)*c.pace.Budget))
	defer cancel()
	_ = c.pace.Until(ctx, func() (bool, error) { // if it never comes, its own request has failed
		service, err := c.ecs.Service(ctx, c.cluster, c.service)
		return err == nil && aws.StringValue(service.Status) == statusActive, nil
	})
}

// steps returns the creation's steps in four rounds: what does not depend on each other is done at the same time.
func (c *creation) steps() step {
	builds := c.in.TaskDefinition != nil // then the tasks need a role and a log group of ours
	return inOrder(
		c.reads(),
		read(func(context.Context) error {
			c.making.Store(true)
			c.request, c.id = token(c.service) // later than that of a request to delete which has begun before those reads
			return nil
		}),
		together(
			named("cluster", c.makeCluster),
			when(builds, named("role", c.makeRole)),
			when(builds, named("log group", c.makeLogGroup)),
			when(c.in.ServiceRegistry != nil, named("registry", c.makeRegistry)),
			when(c.in.ServiceRegistry != nil, named("namespace", read(c.checkOwner))),
			each(c.credentials, c.makeCredential),
		),
		together(
			named("cluster claim", c.claimCluster),
			when(builds, named("role policy", c.putRolePolicy)),
			when(builds, named("log retention", c.putLogRetention)),
			when(builds, named("task definition", c.registerTaskDefinition)),
		),
		named("service", c.createService),
		c.lookAgain(),
	)
}

// lookAgain looks once more at what this request found and built upon, if whoever made it may have taken it away meanwhile: no tag can be
// compared and swapped, so that a request which fails, or deletes, may have missed the claim. What services share is made again then. A
// request that made all by itself, or builds where services run, has nothing to look at; one that had to wait for a service of the same name
// to drain looks at all it needs.
func (c *creation) lookAgain() step {
	return func(ctx context.Context) (undo, error) {
		builds, claimed := c.in.TaskDefinition != nil, !c.settled()
		return together(
			when(builds && (c.waited || claimed && c.found.role != nil), named("role again", again(together(read(c.seeRole), read(c.readRolePolicy)), c.makeRole, c.putRolePolicy))),
			when(builds && (c.waited || claimed && c.found.logGroup != nil), named("log group again", again(read(c.seeLogGroup), c.makeLogGroup, c.putLogRetention))),
			when(builds && (c.waited || c.found.revision != nil), named("task definition again", again(read(c.keepRevision)))),
			when(c.registries != nil && (c.waited || c.registryID != ""), named("registry again", again(read(c.keepRegistry)))),
			each(c.credentials, func(cred *credential) step {
				return when(c.waited || cred.found != nil, named("credentials again", again(read(func(ctx context.Context) error { return c.keepCredential(ctx, cred) }))))
			}),
		)(ctx)
	}
}

// again makes a step that looks and makes what is not there. What AWS does not let us see for the moment is taken to be there.
func again(look step, makes ...step) step {
	return func(ctx context.Context) (undo, error) {
		if _, err := look(ctx); err != nil {
			if passing(err) {
				return nil, nil
			}
			return nil, err
		}
		return inOrder(makes...)(ctx)
	}
}

// takenAway is the Conflict for what this request has built upon and is not there any more.
func takenAway(what string) error {
	return common.Coded(common.CodeConcurrentChange, "%s was deleted meanwhile. Retry", what)
}

// reads returns the steps that look at what is there, in one round, so that a request that cannot work fails before it has made anything.
func (c *creation) reads() step {
	builds := c.in.TaskDefinition != nil
	return together(
		named("read identity", read(c.readIdentity)),
		named("read service", read(c.readService)),
		named("read cluster", read(c.readCluster)),
		when(builds, named("read role", read(c.readRole))),
		when(builds, named("read role policy", read(c.readRolePolicy))),
		when(builds, named("read log group", read(c.readLogGroup))),
		named("read task definition", read(c.readTaskDefinition)),
		named("read registry", read(c.readRegistry)),
		when(c.in.ServiceRegistry != nil, named("read namespace", read(c.readNamespace))),
		each(c.credentials, c.readCredential),
	)
}

// undoShared returns how to unmake what this request made of the parts that services share. Each undo looks whether another request has
// claimed its part since.
func (c *creation) undoShared() undo {
	if !c.clusterMade && !c.roleMade && !c.groupMade {
		return nil
	}
	return atOnce([]undo{c.undoCluster, c.undoRole, c.undoLogGroup})
}

// newCreation checks the request as far as that can be done without AWS.
func (o *Orchestrator) newCreation(in *CreateInput) (*creation, error) {
	c := &creation{work: work{Orchestrator: o, callers: ecs.ToTags(in.Tags)}, in: in}
	if err := common.Invalid(c.validate()...); err != nil {
		return nil, err
	}
	for _, container := range slices.Sorted(maps.Keys(in.Credentials)) {
		c.credentials = append(c.credentials, &credential{container: container, in: in.Credentials[container]})
	}
	return c, nil
}

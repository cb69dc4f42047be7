package orchestration

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/transaction"
)

// CreateInput says what a new service consists of. Only Service is required. The server creates each section that is given; what Service only names must
// exist.
type CreateInput struct {
	Cluster         *awsecs.CreateClusterInput
	TaskDefinition  *awsecs.RegisterTaskDefinitionInput
	Service         *awsecs.CreateServiceInput
	ServiceRegistry *awscloud.CreateServiceInput
	Credentials     map[string]*awssecrets.CreateSecretInput // by the name of the container that pulls its image with them
	Tags            []*awsecs.Tag                            // of everything
}

// CreateOutput is what a new service consists of, whether the request created or found it.
type CreateOutput struct {
	Cluster                 *awsecs.Cluster
	Credentials             map[string]*awssecrets.CreateSecretOutput
	TaskDefinition          *awsecs.TaskDefinition
	Service                 *awsecs.Service
	ServiceDiscoveryService *awscloud.Service
	Deployment              *observe.Deployment // that brings the service up; nil where AWS shows none

	Replayed bool `json:"-"` // the service was there: an earlier request with the same Idempotency-Key created it
}

// creation is one create. newCreation sets it up. Afterwards only Space.Identify writes to it, once, after look: it gives the request its id.
type creation struct {
	o                *Orchestrator
	in               *CreateInput
	cluster, service string
	space            *space.Space
}

// Create creates a service and all it needs, or nothing: when a step fails, it rolls back everything that this request created, then returns the error. A
// caller who hangs up does not stop it. It adopts what an interrupted request for the same service left. If the ownership tag of the service has the request's
// Idempotency-Key, an earlier attempt created the service, and Create returns it.
func (o *Orchestrator) Create(ctx context.Context, in *CreateInput) (*CreateOutput, error) {
	out, concurrent, err := o.create(ctx, in)
	if concurrent && resource.KeyOf(ctx).Given() { // another server may be serving the same request: then this one returns the same service
		out, _, err = o.create(ctx, in)
	}
	return out, err
}

// create attempts a create, and reports whether it failed because another server creates the same service now.
func (o *Orchestrator) create(ctx context.Context, in *CreateInput) (out *CreateOutput, concurrent bool, err error) {
	c, err := o.newCreation(in)
	if err != nil {
		return nil, false, err
	}
	out, err = transaction.Apply(ctx, o.transactions, transaction.ServiceTarget(c.cluster, c.service), "create", c.space.Request, c.space.Shared(), c.run)
	return out, err != nil && c.space.Request.ConcurrentCreator.Load(), err
}

// run looks, decides and applies.
func (c *creation) run(ctx context.Context) (*CreateOutput, saga.Rollback, error) {
	plan, err := c.plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	if plan.replayed {
		out, err := plan.existing(ctx)
		return out, nil, err
	}
	operations.AcceptNow(ctx, transaction.ServiceTarget(c.cluster, c.service))
	var out *CreateOutput
	rollback, err := saga.InOrder(plan.Apply(), plan.verify(), saga.NoRollback(func(context.Context) error { out = plan.output(); return nil }))(ctx)
	if err != nil {
		if c.space.Request.ConcurrentCreator.Load() {
			c.awaitConcurrentCreator(ctx)
		}
		return nil, rollback, resource.ConcurrentDelete(err)
	}
	return out, nil, nil
}

// plan looks and decides.
func (c *creation) plan(ctx context.Context) (*createPlan, error) {
	found, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	c.space.Identify(ctx, &found.space)
	return c.decide(found)
}

// concurrentCreatorTime is how long a request waits until the service of its concurrent creator exists.
const concurrentCreatorTime = 15 * time.Second

// awaitConcurrentCreator waits until the service exists that another server is creating now. By then that request has adopted what it uses of this one's
// things, so the rollback leaves these alone. If the service never appears, the other request has failed.
func (c *creation) awaitConcurrentCreator(ctx context.Context) {
	backoff := c.o.account.Backoff
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(concurrentCreatorTime)*backoff.BudgetFactor()))
	defer cancel()
	_ = backoff.Until(ctx, func() (bool, error) {
		service, err := c.o.account.ECS.Service(ctx, c.cluster, c.service)
		return err == nil && aws.StringValue(service.Status) == resource.StatusActive, nil
	})
}

// wantsPort reports whether the DNS records of a Cloud Map service contain a port, which the ECS service must name then.
func wantsPort(in *awscloud.CreateServiceInput) bool {
	return in.DnsConfig != nil && slices.ContainsFunc(in.DnsConfig.DnsRecords, func(r *awscloud.DnsRecord) bool {
		return aws.StringValue(r.Type) == awscloud.RecordTypeSrv
	})
}

// Package accounts makes of an account in the config all that requests do with it.
package accounts

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/api/telemetry"
	"ecs-api/common"
	"ecs-api/config"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/leases"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/preflight"
	"ecs-api/orchestration/rollout"
	"ecs-api/orchestration/show"
	"ecs-api/orchestration/taskdefs"
	"ecs-api/orchestration/transaction"
)

// Account is one AWS account: what requests do with it.
type Account struct {
	Name string
	// AWS is the account as the packages below orchestration see it: settings, clients and identity.
	AWS                    *awsaccount.Account
	Adhoc                  *adhoc.Resources
	Observer               *observe.Observer
	Services               *show.Reader
	Logs                   *logs.Reader
	Orchestrator           *orchestration.Orchestrator
	Runs                   *oneoff.Runner
	Rollouts               *rollout.Rollouts
	ManagedTaskDefinitions *taskdefs.TaskDefinitions
	Preflight              preflight.Account
}

// Options is what the accounts of a server have in common.
type Options struct {
	Config     *config.Config
	Retry      common.RetryPolicy
	AWS        http.RoundTripper // in place of the network to AWS, if it is set
	Backoff    common.Backoff
	Metrics    *telemetry.Metrics
	Background *operations.Group
	Leases     *leases.Leases // nil: no other server works on the same accounts
}

// New returns the named account of the config. It makes no call to AWS.
func New(name string, o Options) (*Account, error) {
	c := o.Config.Accounts[name]
	access := common.Access{
		Region:      c.Region,
		AccessKeyID: c.AKID,
		SecretKey:   c.Secret.Reveal(),
		Endpoint:    c.Endpoint,
		Retry:       o.Retry,
		Limits:      map[string]common.Limit{},
		Transport:   o.AWS,
		Waited:      o.Metrics.ObserveWait(name),
		Batched:     o.Metrics.ObserveBatch(name),
		Observe:     observeAWS(o.Metrics, name),
	}
	if c.Role != nil {
		access.RoleARN, access.ExternalID = c.Role.ARN, c.Role.ExternalID
	}
	for bucket, limit := range o.Config.RateLimits {
		access.Limits[bucket] = common.Limit(limit)
	}
	sess, err := common.NewSession(access)
	if err != nil {
		return nil, err
	}
	a := &Account{Name: name, AWS: awsaccount.New(settings(name, o.Config.Org, c), awsaccount.NewClients(sess), o.Backoff)}
	transactions := transaction.New(a.AWS, o.Background)
	if o.Leases != nil {
		transactions.ShareLocks(o.Leases)
	}
	a.Adhoc = adhoc.New(transactions)
	a.Observer = observe.New(a.AWS, observe.WithOutcomes(o.Metrics.ObserveOutcome(name)))
	a.Services = show.New(a.AWS)
	a.Logs = logs.New(a.AWS)
	a.Preflight = preflight.New(a.AWS, sess, c.TaskRoles, access.RoleARN)
	a.Orchestrator = orchestration.New(transactions, a.Observer)
	a.Rollouts = rollout.New(a.AWS, a.Observer)
	a.Runs = oneoff.New(transactions, a.Logs, a.Services.Show)
	a.ManagedTaskDefinitions = taskdefs.New(transactions, a.Adhoc.Tasks, a.Orchestrator.Deleter(), a.Logs)
	return a, nil
}

// settings returns what the packages below have to know of the account.
func settings(name, org string, c config.Account) awsaccount.Settings {
	a := awsaccount.Settings{
		Name: name, Region: c.Region, Org: org, Subnets: c.DefaultSubnets, SecurityGroups: c.DefaultSGs,
		KMSKeyID: c.DefaultKMSKeyID, PermissionsBoundary: c.PermissionsBoundary, AllowsRole: c.AllowsTaskRole, KeepRevisions: c.KeepRevisions,
	}
	for _, item := range c.DefaultCapacityProviderStrategy {
		a.DefaultStrategy = append(a.DefaultStrategy, &awsecs.CapacityProviderStrategyItem{
			CapacityProvider: aws.String(item.CapacityProvider), Weight: aws.Int64(item.Weight), Base: aws.Int64(item.Base),
		})
	}
	return a
}

// observeAWS returns what counts each call to AWS for the named account.
func observeAWS(metrics *telemetry.Metrics, account string) func(context.Context, common.AWSCall) {
	return func(ctx context.Context, call common.AWSCall) {
		metrics.ObserveAWS(account, call)
		telemetry.CountAWSCall(ctx)
	}
}

package api

import (
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/config"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/jobs"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/preflight"
	"ecs-api/orchestration/rollout"
	"ecs-api/orchestration/transaction"
)

// account is one AWS account: what requests do with it, and who reads it at the moment.
type account struct {
	name string
	// scope is the account as the packages below orchestration see it: settings, clients and identity.
	scope        *awsaccount.Account
	adhoc        *adhoc.Resources
	observer     *observe.Observer
	logs         *logs.Reader
	orchestrator *orchestration.Orchestrator
	runs         *oneoff.Runner
	rollouts     *rollout.Rollouts
	jobs         *jobs.Jobs
	preflight    preflight.Account
	reads        sharedReads // those of callers that are under way
}

func (s *Server) newAccount(name string, o Options) (*account, error) {
	c := o.Config.Accounts[name]
	access := common.Account{
		Region:      c.Region,
		AccessKeyID: c.AKID,
		SecretKey:   c.Secret.Reveal(),
		Endpoint:    c.Endpoint,
		Retry:       o.Retry,
		Limits:      map[string]common.Limit{},
		Transport:   o.AWS,
		Waited:      s.metrics.ObserveWait(name),
		Batched:     s.metrics.ObserveBatch(name),
		Observe:     s.observeAWS(name),
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
	a := &account{name: name, scope: awsaccount.New(settings(name, o.Config.Org, c), awsaccount.NewClients(sess), o.Pace)}
	tx := transaction.New(a.scope, s.background)
	if s.leases != nil {
		tx.ShareLocks(s.leases)
	}
	a.adhoc = adhoc.New(tx)
	a.observer = observe.New(a.scope, observe.WithOutcomes(s.metrics.ObserveOutcome(name)))
	a.logs = logs.New(a.scope)
	a.preflight = preflight.New(a.scope, sess, c.TaskRoles, access.RoleARN)
	a.orchestrator = orchestration.New(tx, a.observer)
	a.rollouts = rollout.New(a.scope, a.observer)
	a.runs = oneoff.New(tx, a.logs, a.observer.Show)
	a.jobs = jobs.New(tx, a.adhoc.Tasks, a.orchestrator.Teardowns(), a.logs)
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

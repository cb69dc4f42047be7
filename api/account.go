package api

import (
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/ec2"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/kms"
	"ecs-api/orchestration"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
	"ecs-api/ssm"
	"ecs-api/sts"
	"ecs-api/tagging"
)

// account is one AWS account: what the config says of it, and its clients, which share one session.
type account struct {
	name     string
	config   config.Account
	ecs      *ecs.Client
	iam      *iam.Client
	secrets  *secretsmanager.Client
	registry *servicediscovery.Client
	params   *ssm.Client
	logs     *cloudwatchlogs.Client
	sts      *sts.Client
	ec2      *ec2.Client
	kms      *kms.Client

	// scope is the account as the packages below orchestration see it: settings, clients and identity.
	scope        *awsaccount.Account
	adhoc        *adhoc.Resources
	orchestrator *orchestration.Orchestrator
	reads        flights // those of callers that are under way
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
		Waited:      s.metrics.observeWait(name),
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
	a := &account{
		name:     name,
		config:   c,
		ecs:      ecs.New(sess),
		iam:      iam.New(sess),
		secrets:  secretsmanager.New(sess),
		registry: servicediscovery.New(sess),
		params:   ssm.New(sess),
		logs:     cloudwatchlogs.New(sess),
		sts:      sts.New(sess),
		ec2:      ec2.New(sess),
		kms:      kms.New(sess),
	}
	old := settings(name, o.Config.Org, c)
	a.scope = awsaccount.New(awsaccount.Settings{
		Name: old.Name, Region: old.Region, Org: old.Org, Subnets: old.Subnets, SecurityGroups: old.SecurityGroups, KMSKeyID: old.KMSKeyID,
		PermissionsBoundary: old.PermissionsBoundary, DefaultStrategy: old.DefaultStrategy, AllowsRole: old.AllowsTaskRole,
	}, awsaccount.Clients{
		ECS: a.ecs, IAM: a.iam, Secrets: a.secrets, CloudMap: a.registry, Logs: a.logs, Params: a.params, STS: a.sts, Tagging: tagging.New(sess),
	}, o.Pace)
	a.adhoc = adhoc.New(a.scope)
	a.orchestrator = orchestration.New(old, orchestration.Clients{
		ECS: a.ecs, IAM: a.iam, Secrets: a.secrets, Cloud: a.registry, Logs: a.logs, STS: a.sts, Tagged: tagging.New(sess),
	}, s.background)
	return a, nil
}

// settings returns what the orchestrator has to know of the account.
func settings(name, org string, c config.Account) orchestration.Account {
	a := orchestration.Account{
		Name: name, Region: c.Region, Org: org, Subnets: c.DefaultSubnets, SecurityGroups: c.DefaultSGs,
		KMSKeyID: c.DefaultKMSKeyID, PermissionsBoundary: c.PermissionsBoundary, AllowsTaskRole: c.AllowsTaskRole,
	}
	for _, item := range c.DefaultCapacityProviderStrategy {
		a.DefaultStrategy = append(a.DefaultStrategy, &awsecs.CapacityProviderStrategyItem{
			CapacityProvider: aws.String(item.CapacityProvider), Weight: aws.Int64(item.Weight), Base: aws.Int64(item.Base),
		})
	}
	return a
}

package api

import (
	"context"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/ecs"
	"ecs-api/iam"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
	"ecs-api/ssm"
	"ecs-api/sts"
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
}

func newAccount(name string, c config.Account, retry common.RetryPolicy, observe func(context.Context, common.AWSCall)) (*account, error) {
	access := common.Account{
		Region:      c.Region,
		AccessKeyID: c.AKID,
		SecretKey:   c.Secret.Reveal(),
		Endpoint:    c.Endpoint,
		Retry:       retry,
		Observe:     observe,
	}
	if c.Role != nil {
		access.RoleARN, access.ExternalID = c.Role.ARN, c.Role.ExternalID
	}
	sess, err := common.NewSession(access)
	if err != nil {
		return nil, err
	}
	return &account{
		name:     name,
		config:   c,
		ecs:      ecs.New(sess),
		iam:      iam.New(sess),
		secrets:  secretsmanager.New(sess),
		registry: servicediscovery.New(sess),
		params:   ssm.New(sess),
		logs:     cloudwatchlogs.New(sess),
		sts:      sts.New(sess),
	}, nil
}

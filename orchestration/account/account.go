// Package account is an AWS account as orchestration sees it: its settings, its clients, who its credentials are, and what the references in
// requests mean there. It owns one rule: what belongs to another org, or is in another account or region, does not exist for our callers.
package account

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go/aws/arn"
	"github.com/aws/aws-sdk-go/aws/client"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/ec2"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/elbv2"
	"ecs-api/iam"
	"ecs-api/orchestration/revisioncache"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
	"ecs-api/ssm"
	"ecs-api/sts"
	"ecs-api/tagging"
)

// Settings is what the config says of an account.
type Settings struct {
	Name                string // as callers write it
	Region              string
	Org                 string
	Subnets             []string // for services that name none
	SecurityGroups      []string
	KMSKeyID            string // encrypts secrets that name no key: an id, an ARN or an alias; empty for AWS's own key
	PermissionsBoundary string // of the roles that are created; may be empty
	DefaultStrategy     []*awsecs.CapacityProviderStrategyItem
	KeepRevisions       int                   // how many revisions of a service's family stay ACTIVE; 0 for all
	AllowsRole          func(arn string) bool // whether a caller may name the role as TaskRoleArn, or in any other field that names one
}

// Clients are the account's AWS clients. They share one session.
type Clients struct {
	ECS           *ecs.Client
	IAM           *iam.Client
	Secrets       *secretsmanager.Client
	CloudMap      *servicediscovery.Client
	Logs          *cloudwatchlogs.Client
	Params        *ssm.Client
	STS           *sts.Client
	Tagging       *tagging.Client
	LoadBalancers *elbv2.Client
	Network       *ec2.Client
}

// NewClients returns the clients of the account that sess belongs to.
func NewClients(sess client.ConfigProvider) Clients {
	return Clients{
		ECS: ecs.New(sess), IAM: iam.New(sess), Secrets: secretsmanager.New(sess), CloudMap: servicediscovery.New(sess),
		Logs: cloudwatchlogs.New(sess), Params: ssm.New(sess), STS: sts.New(sess), Tagging: tagging.New(sess), LoadBalancers: elbv2.New(sess), Network: ec2.New(sess),
	}
}

// Account is one AWS account in one region.
type Account struct {
	Settings
	Clients
	Backoff       common.Backoff       // how long to wait between tries of what AWS refuses for now
	RevisionCache *revisioncache.Cache // what is known of revisions

	mu       sync.Mutex
	identity Identity // zero until it is known
}

// New returns the account. Backoff is how long to wait between tries; the zero value is common.DefaultBackoff.
func New(settings Settings, clients Clients, backoff common.Backoff) *Account {
	a := &Account{Settings: settings, Clients: clients, Backoff: backoff, RevisionCache: revisioncache.New(clients.ECS.TaskDefinition)}
	if clients.ECS != nil { // there are accounts of tests that have none
		clients.ECS.WatchRevisions(a.RevisionCache)
	}
	return a
}

// Identity is who our credentials are: the partition and the account's number, which policies have to name.
type Identity struct{ Partition, Account string }

// ARN returns an ARN in the account.
func (i Identity) ARN(service, region, resource string) string {
	return strings.Join([]string{"arn", i.Partition, service, region, i.Account, resource}, ":")
}

// Identity returns who our credentials are. It calls STS once: that never changes.
func (a *Account) Identity(ctx context.Context) (Identity, error) {
	known, ok := a.KnownIdentity()
	if ok {
		return known, nil
	}
	caller, err := a.STS.Identity(ctx)
	if err != nil {
		return Identity{}, err
	}
	parsed, err := arn.Parse(caller.ARN)
	if err != nil {
		return Identity{}, common.Errorf(common.Internal, "STS says our credentials are %q: %v", caller.ARN, err)
	}
	known = Identity{parsed.Partition, caller.Account}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.identity = known
	return known, nil
}

// KnownIdentity returns who our credentials are if that is known already, without a call.
func (a *Account) KnownIdentity() (Identity, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.identity, a.identity != (Identity{})
}

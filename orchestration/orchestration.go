// Package orchestration does what takes several AWS services in order: it creates, updates and deletes whole container services. It knows
// no HTTP.
//
// Its rule is all or nothing. Work is done in steps, and a step returns how to unmake what it made. What an orchestration makes
// carries the tag spinup:request with a token of its own; undo takes down only what still carries it, so that two requests at once, on
// two servers even, never unmake each other's work. AWS is the database: whatever must survive a restart is in names and tags.
package orchestration

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws/arn"
	"github.com/google/uuid"

	"ecs-api/cloudwatchlogs"
	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/secretsmanager"
	"ecs-api/servicediscovery"
	"ecs-api/sts"
	"ecs-api/tagging"
)

// Account is what an orchestrator needs to know of the AWS account it works in.
type Account struct {
	Name                string // as callers write it
	Region              string
	Org                 string
	Subnets             []string // for services that name none
	SecurityGroups      []string
	KMSKeyID            string // encrypts secrets that name no key: an id, an ARN or an alias; empty for AWS's own key
	PermissionsBoundary string // of the roles that are made; may be empty
	DefaultStrategy     []*awsecs.CapacityProviderStrategyItem
	AllowsTaskRole      func(arn string) bool // whether a caller may name the role as TaskRoleArn
}

// Clients are the account's AWS clients.
type Clients struct {
	ECS     *ecs.Client
	IAM     *iam.Client
	Secrets *secretsmanager.Client
	Cloud   *servicediscovery.Client
	Logs    *cloudwatchlogs.Client
	STS     *sts.Client
	Tagged  *tagging.Client
}

// Orchestrator builds, changes and takes down services in one account.
type Orchestrator struct {
	account    Account
	ecs        *ecs.Client
	iam        *iam.Client
	secrets    *secretsmanager.Client
	cloud      *servicediscovery.Client
	logs       *cloudwatchlogs.Client
	sts        *sts.Client
	tagged     *tagging.Client
	who        lazyIdentity
	pace       common.Pace
	background *Group
	services   *claims
	spaces     *spaces
	surveys    surveys
}

// Option is a setting of New.
type Option func(*Orchestrator)

// WithPace sets how long to wait between tries, for tests.
func WithPace(p common.Pace) Option { return func(o *Orchestrator) { o.pace = p } }

// New returns an orchestrator for the account. What it does after it has answered is done in the group.
func New(account Account, clients Clients, background *Group, opts ...Option) *Orchestrator {
	o := &Orchestrator{
		account: account, ecs: clients.ECS, iam: clients.IAM, secrets: clients.Secrets, cloud: clients.Cloud, logs: clients.Logs, sts: clients.STS, tagged: clients.Tagged,
		pace: common.DefaultPace, background: background, services: newClaims(), spaces: newSpaces(),
	}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// Time that an orchestration may take, races with AWS included. A service of the same name may take four minutes to drain.
const (
	createTime = 6 * time.Minute
	updateTime = 6 * time.Minute
	deleteTime = 2 * time.Minute
)

// detached returns a context that lives for d whether or not the caller hangs up: half an orchestration helps nobody.
func detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// newID returns an id that no other request has. Ids are in the order of their making, on one server to the microsecond and on several as
// well as their clocks agree: the later one is the greater one.
func newID() string { return uuid.Must(uuid.NewV7()).String() } // it fails where there are no random numbers

// token returns the value of the tag spinup:request for what a new request makes for the service: the service's name, so that what
// an interrupted request left can be told to be that service's, and a new id.
func token(service string) (tag, id string) {
	id = newID()
	return tokenPrefix(service) + id, id
}

// madeAfter reports whether tags are those of something that was made or claimed by a request whose id is later than the given one.
func madeAfter(tags common.Tags, id string) bool {
	value, _ := tags.Get(common.TagRequest)
	made, err := uuid.Parse(value[strings.LastIndex(value, "/")+1:])
	return err == nil && made.Version() == 7 && made.String() > id
}

// tokenPrefix begins the tokens of all requests for the service. AWS allows 256 characters in a tag's value.
func tokenPrefix(service string) string {
	return service[:min(len(service), 200)] + "/"
}

// madeFor reports whether tags say that something was made for the service by a request of ours, or do not say for which: then it
// comes from before there were tokens.
func madeFor(tags common.Tags, service string) bool {
	value, ok := tags.Get(common.TagRequest)
	return !ok || strings.HasPrefix(value, tokenPrefix(service))
}

// tags returns the tags of everything in a space, with the caller's over them where they are not ours to set.
func (o *Orchestrator) tags(cluster, request string, callers ...common.Tag) common.Tags {
	return ownTags(common.Tags(nil).With(callers...)).With(
		common.Tag{Key: common.TagOrg, Value: o.account.Org},
		common.Tag{Key: common.TagSpace, Value: cluster},
		common.Tag{Key: common.TagType, Value: "container"},
		common.Tag{Key: common.TagFlavor, Value: "service"},
		common.Tag{Key: common.TagRequest, Value: request},
	)
}

// nameOf returns the name at the end of an ARN, or s itself if it is no ARN: that of a cluster, a service or a secret, a family:revision,
// the id of a task or of a Cloud Map service.
func nameOf(s string) string {
	if !arn.IsARN(s) {
		return s
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[i+1:]
	}
	return s[strings.LastIndexByte(s, ':')+1:]
}

// family returns the family of a task definition that is given as family, family:revision or ARN.
func family(taskDefinition string) string {
	if arn.IsARN(taskDefinition) {
		taskDefinition = taskDefinition[strings.LastIndex(taskDefinition, "/")+1:]
	}
	name, _, _ := strings.Cut(taskDefinition, ":")
	return name
}

// claims are the services that a request of this server works on at the moment: a second request for the same one is told so at
// once, and not after it has made half of everything twice. Requests on other servers are kept apart by AWS.
type claims struct {
	mu   sync.Mutex
	held map[string]bool
}

func newClaims() *claims { return &claims{held: map[string]bool{}} }

// claim takes the service for one request; release gives it back.
func (c *claims) claim(cluster, service string) (release func(), err error) {
	key := cluster + "/" + service
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[key] {
		return nil, common.Coded(common.CodeServiceBusy, "another request is changing service %s in cluster %s. Retry when it is done", service, cluster)
	}
	c.held[key] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.held, key)
	}, nil
}

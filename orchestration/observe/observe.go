// Package observe says how services are: their status and why it is so, their deployments and revisions, and how a deployment ends. It only
// reads.
//
// It owns two rules. Whoever asks how something is learns of the change that was asked for, not of an older one: a deployment that was rolled
// back never reads as a success, although the service is steady again. And one poller per service serves all who wait for it or watch it,
// however many they are.
package observe

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Observer reads the services of one account.
type Observer struct {
	account  *account.Account
	now      func() time.Time
	limits   limits
	history  history
	pollers  pollers
	lines    lastLines
	interval <-chan time.Time // in place of a ticker's, for tests
	ended    func(outcome string)
}

// limits bound what waiting and watching costs.
type limits struct {
	Interval time.Duration // between two polls of a service
	Services int           // that are polled at the same time
	Waiting  int           // waiters and watchers at the same time
}

// Option is a setting of New.
type Option func(*Observer)

// WithClock makes the observer read the time from now, which is to be AWS's.
func WithClock(now func() time.Time) Option { return func(o *Observer) { o.now = now } }

// WithTicks makes pollers poll at each tick instead of at their interval.
func WithTicks(ticks <-chan time.Time) Option { return func(o *Observer) { o.interval = ticks } }

// WithOutcomes tells ended of each deployment that ends while somebody waits for it or watches its service.
func WithOutcomes(ended func(outcome string)) Option {
	return func(o *Observer) { o.ended = ended }
}

// New returns an observer of the account.
func New(a *account.Account, opts ...Option) *Observer {
	o := &Observer{account: a, now: time.Now, ended: func(string) {}, limits: limits{Interval: 3 * time.Second, Services: 200, Waiting: 2000}}
	for _, opt := range opts {
		opt(o)
	}
	o.pollers.all = map[target]*poller{}
	return o
}

// target is a service.
type target struct{ cluster, service string }

// hidden reports whether something with the tags does not exist for our callers.
func (o *Observer) hidden(tags []*awsecs.Tag) bool { return !ecs.ToTags(tags).VisibleTo(o.account.Org) }

// readService returns a service that exists for our callers. A deleted one is returned as long as ECS shows it.
func (o *Observer) readService(ctx context.Context, at target) (*awsecs.Service, error) {
	service, err := o.account.ECS.Service(ctx, at.cluster, at.service)
	switch {
	case common.Is(err, common.NotFound):
		return nil, account.NoService(at.cluster, at.service)
	case err != nil:
		return nil, err
	case o.hidden(service.Tags):
		return nil, account.NoService(at.cluster, at.service)
	}
	return service, nil
}

// checkCluster returns NotFound if the cluster of a service is not there for our callers. Of reads that run at once it comes first, so that its error is
// the one that is returned: that the cluster is missing says more than that its service is.
func (o *Observer) checkCluster(ctx context.Context, at target) error {
	cluster, err := o.account.ECS.Cluster(ctx, at.cluster)
	if common.Is(err, common.NotFound) || err == nil && (o.hidden(cluster.Tags) || aws.StringValue(cluster.Status) == "INACTIVE") {
		return account.NoClusterFor(at.cluster, at.service)
	}
	return err
}

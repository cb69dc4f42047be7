package orchestration

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/common"
)

// identity is who our credentials are: the partition and the account, which policies have to name.
type identity struct{ partition, account string }

// arn returns an ARN in the account.
func (i identity) arn(service, region, resource string) string {
	return strings.Join([]string{"arn", i.partition, service, region, i.account, resource}, ":")
}

// lazyIdentity is asked for once: the answer never changes.
type lazyIdentity struct {
	mu    sync.Mutex
	known identity
}

// whoAmI returns who our credentials are.
func (o *Orchestrator) whoAmI(ctx context.Context) (identity, error) {
	o.who.mu.Lock()
	known := o.who.known
	o.who.mu.Unlock()
	if known != (identity{}) {
		return known, nil
	}
	caller, err := o.sts.Identity(ctx)
	if err != nil {
		return identity{}, err
	}
	parsed, err := arn.Parse(caller.ARN)
	if err != nil {
		return identity{}, common.Errorf(common.Internal, "STS says we are %q: %v", caller.ARN, err)
	}
	known = identity{parsed.Partition, caller.Account}
	o.who.mu.Lock()
	defer o.who.mu.Unlock()
	o.who.known = known
	return known, nil
}

// readIdentity asks who we are.
func (c *work) readIdentity(ctx context.Context) (err error) {
	c.identity, err = c.whoAmI(ctx)
	return err
}

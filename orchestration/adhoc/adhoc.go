// Package adhoc shows, creates, changes and deletes single things in AWS, as they are: what orchestration builds out of many. It owns one rule: what
// carries another org's tag does not exist here, and all that is created gets our org's tag. What has no org's tag can be shown and used, and
// deleted too, as the caller names it; secrets alone must be the org's.
package adhoc

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/transaction"
)

// Resources are what an account has of each kind.
type Resources struct {
	Clusters        Clusters
	Tasks           Tasks
	TaskDefinitions TaskDefinitions
	CloudMap        CloudMap
	Secrets         Secrets
	Parameters      Parameters
}

// New returns the resources of the account whose transactions the manager begins.
func New(transactions *transaction.Manager) *Resources {
	b := base{transactions.Account, transactions}
	return &Resources{
		Clusters: Clusters{b}, Tasks: Tasks{b, Clusters{b}, TaskDefinitions{b}}, TaskDefinitions: TaskDefinitions{b}, CloudMap: CloudMap{b},
		Secrets: Secrets{transactions.Account}, Parameters: Parameters{transactions.Account},
	}
}

// base is what those need who create things that are rolled back.
type base struct {
	account      *account.Account
	transactions *transaction.Manager
}

// request returns a new request for one thing in the cluster, if the thing is in one. The ownership tag names no service: what somebody created for
// itself is not deleted along with a service that used it.
func (b base) request(cluster string) *resource.Request {
	return &resource.Request{Org: b.account.Org, Cluster: cluster, Owner: resource.OwnerPrefix("") + resource.NewID(), Backoff: b.account.Backoff,
		Ledger: &b.transactions.Ledger}
}

// tagsFor returns the tags of what the request creates: those that it gives, our org's, its caller's, and the ownership tag.
func (b base) tagsFor(ctx context.Context, r *resource.Request, given common.Tags) common.Tags {
	return given.ForOrg(b.account.Org, common.CallerOf(ctx)).With(common.Tag{Key: common.TagRequest, Value: r.Owner})
}

// hidden returns the ARNs of the resources of a type, such as "ecs:task-definition", that carry another org's tag. It calls the tagging API, which
// costs a page per hundred of them where reading each one's tags would cost a call. That API is eventually consistent: for some minutes a list
// may still name what another org has just created. The name is all it tells; showing it is NotFound at once.
func (b base) hidden(ctx context.Context, kind string) (map[string]bool, error) {
	found, err := b.account.Tagging.Find(ctx, common.Tags{{Key: common.TagOrg}}, kind)
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, r := range found {
		if !r.Tags.VisibleTo(b.account.Org) {
			others[r.ARN] = true
		}
	}
	return others, nil
}

// orgTag is the tag of all that is created in the account.
func orgTag(a *account.Account) common.Tag { return common.Tag{Key: common.TagOrg, Value: a.Org} }

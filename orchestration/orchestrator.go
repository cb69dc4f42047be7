// Package orchestration creates, updates and tears down whole container services, which takes several AWS services in order. It knows no HTTP.
//
// Each request looks, decides and applies. Look reads into values that nobody writes afterwards; decide is a pure function to a plan; apply carries out
// exactly that plan, as steps with their rollbacks (package saga). Its rule is all or nothing: when a step fails, what the request created is rolled back
// before the error is returned. AWS is the database: whatever must survive a restart is in names and tags.
package orchestration

import (
	"context"

	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/teardown"
	"ecs-api/orchestration/transaction"
)

// Orchestrator creates, changes and tears down services in one account.
type Orchestrator struct {
	account      *account.Account
	transactions *transaction.Manager
	deleter      *teardown.Deleter
	observer     *observe.Observer
}

// New returns an orchestrator whose requests are transactions of the manager. The observer tells which deployments a service had.
func New(transactions *transaction.Manager, observer *observe.Observer) *Orchestrator {
	return &Orchestrator{account: transactions.Account, transactions: transactions, deleter: teardown.New(transactions), observer: observer}
}

// Delete deletes a service; see teardown.Deleter.Delete.
func (o *Orchestrator) Delete(ctx context.Context, cluster, service string, scope teardown.Scope, match etag.Condition) (*teardown.Output,
	*operations.Operation, error) {
	return o.deleter.Delete(ctx, cluster, service, scope, match)
}

// PlanDelete returns what Delete would do, and changes nothing.
func (o *Orchestrator) PlanDelete(ctx context.Context, cluster, service string, scope teardown.Scope, match etag.Condition) (*resource.Preview, error) {
	return o.deleter.Plan(ctx, cluster, service, scope, match)
}

// Deleter returns what tears down services, for those who delete other things by the same rules.
func (o *Orchestrator) Deleter() *teardown.Deleter { return o.deleter }

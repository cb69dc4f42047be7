// Package preflight is what -check does: it asks AWS whether an account can be served, before anybody calls. It owns two rules: it changes nothing, and
// what it finds is said in words for the operator, with the config's key or the action to look for, and without the SDK's text.
package preflight

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws/client"

	"ecs-api/kms"
	"ecs-api/orchestration/account"
	"ecs-api/sts"
)

// timeLimit is how long the accounts may take to prove that they work.
const timeLimit = 30 * time.Second

// Account is an account as the check sees it.
type Account struct {
	*account.Account
	kms       *kms.Client
	taskRoles []string // patterns of ARNs that callers may name
	roleARN   string   // of the role that the server assumes; may be empty
}

// New returns the account for the check, with the patterns of the roles that callers may name, and the role that the server assumes, if it does.
func New(a *account.Account, sess client.ConfigProvider, taskRoles []string, roleARN string) Account {
	return Account{Account: a, kms: kms.New(sess), taskRoles: taskRoles, roleARN: roleARN}
}

// Finding is what the check found out about one account. All of it is for the operator, not for callers.
type Finding struct {
	Account, Region string
	Identity        sts.Identity // who our credentials are
	Err             error        // why the account cannot be used at all
	Missing         []string     // what is not there or not allowed, a sentence each
	Unknown         []string     // what could not be checked, and why
}

// OK reports whether nothing is missing.
func (f Finding) OK() bool { return f.Err == nil && len(f.Missing) == 0 }

// Check asks AWS, for all accounts at once, who their credentials are, whether those may do what the server does, and whether the network
// and the key that the config names are there. It returns a finding per account.
func Check(ctx context.Context, accounts ...Account) []Finding {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	findings := make([]Finding, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		wg.Go(func() { findings[i] = a.check(ctx) })
	}
	wg.Wait()
	return findings
}

// check looks at one account.
func (a Account) check(ctx context.Context) Finding {
	f := Finding{Account: a.Name, Region: a.Region}
	if f.Identity, f.Err = a.identity(ctx); f.Err != nil {
		return f
	}
	var network, rights report
	var wg sync.WaitGroup
	wg.Go(func() { network = a.checkNetwork(ctx) })
	wg.Go(func() {
		var key string
		key, rights = a.checkKey(ctx)
		rights.add(a.checkRights(ctx, f.Identity, key))
	})
	wg.Wait()
	network.add(rights)
	f.Missing, f.Unknown = network.missing, network.unknown
	return f
}

// at returns the config's key of a setting of the account.
func (a Account) at(setting string) string { return "accounts." + a.Name + "." + setting }

// report is what a part of the check found.
type report struct{ missing, unknown []string }

func (r *report) add(other report) {
	r.missing = append(r.missing, other.missing...)
	r.unknown = append(r.unknown, other.unknown...)
}

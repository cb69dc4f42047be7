package api

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"ecs-api/common"
	"ecs-api/sts"
)

// checkTime is how long an account may take to prove that it works.
const checkTime = 30 * time.Second

// Finding is what Check found out of one account. All of it is for the operator, not for callers.
type Finding struct {
	Account, Region string
	Identity        sts.Identity // who AWS takes us for
	Err             error        // why the account cannot be used at all
	Missing         []string     // what is not there or not allowed, a sentence each
	Unknown         []string     // what could not be looked at, and why
}

// OK reports whether nothing is missing.
func (f Finding) OK() bool { return f.Err == nil && len(f.Missing) == 0 }

// Check asks AWS, for all accounts at once, who their credentials are, whether those may do what the server does, and whether the network
// and the key that the config names are there. It returns what it found by the accounts' names.
func (s *Server) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	findings := make([]Finding, len(s.accounts))
	var wg sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(s.accounts)) {
		wg.Go(func() { findings[i] = s.accounts[name].check(ctx, s.config.Org) })
	}
	wg.Wait()
	return findings
}

// check looks at one account.
func (a *account) check(ctx context.Context, org string) Finding {
	f := Finding{Account: a.name, Region: a.config.Region}
	f.Identity, f.Err = a.sts.Identity(ctx)
	if f.Err == nil && f.Identity.Account == "" {
		f.Err = common.Errorf(common.Internal, "the endpoint answered without an account: it is not AWS's STS")
	}
	if f.Err != nil {
		return f
	}
	c := checkup{account: a, identity: f.Identity, org: org}
	var network, rights report
	var wg sync.WaitGroup
	wg.Go(func() { network = c.network(ctx) })
	wg.Go(func() {
		var key string
		key, rights = c.key(ctx)
		rights.add(c.rights(ctx, key))
	})
	wg.Wait()
	network.add(rights)
	f.Missing, f.Unknown = network.missing, network.unknown
	return f
}

// report is what a part of the check found.
type report struct{ missing, unknown []string }

func (r *report) add(other report) {
	r.missing = append(r.missing, other.missing...)
	r.unknown = append(r.unknown, other.unknown...)
}

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

// Finding is what Check found out of one account.
type Finding struct {
	Account, Region string
	Identity        sts.Identity // who AWS takes us for
	Err             error        // why the account cannot be used; for the operator, not for callers
}

// Check asks AWS who each account's credentials are, all at once, and returns what it says by the accounts' names.
func (s *Server) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	findings := make([]Finding, len(s.accounts))
	var wg sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(s.accounts)) {
		wg.Go(func() {
			a := s.accounts[name]
			f := Finding{Account: name, Region: a.config.Region}
			f.Identity, f.Err = a.sts.Identity(ctx)
			if f.Err == nil && f.Identity.Account == "" {
				f.Err = common.Errorf(common.Internal, "the endpoint answered without an account: it is not AWS's STS")
			}
			findings[i] = f
		})
	}
	wg.Wait()
	return findings
}

package api

import (
	"maps"
	"net/http"
	"slices"

	"ecs-api/api/middleware"
	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/api/tokens"
	"ecs-api/common"
)

// authenticate lets requests pass that carry a token, or need none.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if middleware.Below(base, r) && !s.public[r.URL.Path] {
			rec := recordOf(r)
			g, err := s.callers.Grant(r.Context(), r.Header.Get(headerToken))
			if err == nil {
				rec.Grant, rec.Caller.Name = g, g.Caller
				rec.Caller.OnBehalfOf, err = tokens.OnBehalfOf(r.Header)
			}
			if err != nil {
				w.Header().Set("Connection", "close") // else the server would first read the body of who knows whom
				respond.Error(w, r, err)
				return
			}
			caller := rec.Caller
			caller.RequestID = rec.ID
			r = r.WithContext(common.WithCaller(r.Context(), caller))
		}
		next.ServeHTTP(w, r)
	})
}

// permitMethod returns a Forbidden error if the token of r may not do what the method does. It looks before the body is read. Dry runs only read, and
// endpoints that have none refuse them.
func permitMethod(r *http.Request) error {
	if isDryRun(r) {
		return nil
	}
	return permitWrite(r)
}

// permitWrite returns a Forbidden error if the token of r may only read, and r changes something.
func permitWrite(r *http.Request) error {
	if g := recordOf(r).Grant; g != nil && g.ReadOnly && !isRead(r) {
		return common.Errorf(common.Forbidden, "The token of %s may only read, and %s changes something. Send a token that may write.", g.Caller, telemetry.KnownMethod(r.Method))
	}
	return nil
}

// Account is an AWS account as callers see it.
type Account struct {
	Name   string
	Region string
	Org    string
}

// listAccounts returns the accounts that the token may use, by name.
func listAccounts(c call, _ none) ([]Account, error) {
	var all []Account
	for _, name := range slices.Sorted(maps.Keys(c.server.config.Accounts)) {
		if recordOf(c.request).Grant.Allows(name) {
			all = append(all, Account{Name: name, Region: c.server.config.Accounts[name].Region, Org: c.server.config.Org})
		}
	}
	return all, nil
}

// recordOf returns the record of r, which came through Server.Handler.
func recordOf(r *http.Request) *telemetry.Record { return telemetry.Of(r) }

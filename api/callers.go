package api

import (
	"maps"
	"net/http"
	"slices"

	"ecs-api/api/telemetry"
)

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
	if isRead(r) {
		return nil
	}
	return recordOf(r).Grant.PermitWrite(telemetry.KnownMethod(r.Method))
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

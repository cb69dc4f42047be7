package tokens

import (
	"net/http"
	"strings"

	"ecs-api/common"
)

// HeaderOnBehalfOf names the user for whom a caller acts.
const HeaderOnBehalfOf = "X-On-Behalf-Of"

// saneUser matches the users' ids that callers may act for: what AWS takes as the value of a tag, without spaces.
var saneUser = common.NewPattern(128, `^[A-Za-z0-9_.:/=+@-]+$`)

// OnBehalfOf returns the user that the caller says it acts for, if it does. The id goes into logs and tags, so it must be fit for them.
func OnBehalfOf(h http.Header) (string, error) {
	switch users := h.Values(HeaderOnBehalfOf); {
	case len(users) == 0:
		return "", nil
	case len(users) == 1 && saneUser.MatchString(users[0]):
		return users[0], nil
	}
	return "", common.Invalid(common.FieldError{Field: HeaderOnBehalfOf, Detail: "must be one user's id, of 1 to 128 letters, digits or any of _.:/=+@-"})
}

// PermitAccount returns a Forbidden error if the token may not use the account, which is there.
func (g *Grant) PermitAccount(account string) error {
	if !g.Allows(account) {
		return common.Errorf(common.Forbidden, "The token of %s may not use the account %s. It may use %s.", g.Caller, account, strings.Join(g.Accounts, ", "))
	}
	return nil
}

// PermitWrite returns a Forbidden error if the token may only read: the method changes something. No grant permits what needs no token.
func (g *Grant) PermitWrite(method string) error {
	if g != nil && g.ReadOnly {
		return common.Errorf(common.Forbidden, "The token of %s may only read, and %s changes something. Send a token that may write.", g.Caller, method)
	}
	return nil
}

package common

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws/awserr"
)

// TestEachOfSeveralJoinedErrorsIsRedacted joins errors of AWS that speak of us, in the ways that code of ours does.
func TestEachOfSeveralJoinedErrorsIsRedacted(t *testing.T) {
	denied := func(what string) error {
		return FromAWS(awserr.New("AccessDeniedException", "User: arn:aws:iam::123456789012:user/"+what+" is not authorized", nil), "delete %s", what)
	}
	one, two := denied("role"), denied("secret")
	joined := errors.Join(one, errors.Join(two, errors.New("plain")))
	for name, err := range map[string]error{
		"one":                one,
		"joined":             joined,
		"wrapped":            Wrapf(joined, "tear down x"),
		"of a kind":          Errorf(Unavailable, "the server was shut down: %w", joined),
		"wrapped by fmt":     Errorf(Unavailable, "repeat: %w", fmt.Errorf("meanwhile: %w", joined)),
		"with what is left":  WithLeftBehind(joined, "cluster x"),
		"twice, and wrapped": Wrapf(WithLeftBehind(Wrapf(joined, "a"), "cluster x"), "b"),
	} {
		public := Public(err)
		if strings.Contains(public, "arn:aws") || strings.Contains(public, "not authorized") {
			t.Errorf("%s: a caller reads %q", name, public)
		}
		if !strings.Contains(err.Error(), "user/role is not authorized") || name != "one" && !strings.Contains(err.Error(), "user/secret is not authorized") {
			t.Errorf("%s: the log lacks AWS's words: %q", name, err)
		}
		if name != "one" && (!strings.Contains(public, "delete role") || !strings.Contains(public, "delete secret") || !strings.Contains(public, "plain")) {
			t.Errorf("%s: a caller does not read what failed: %q", name, public)
		}
	}
}

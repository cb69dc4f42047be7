package common

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws/awserr"
)

// Withhold returns err, which came from the SDK, without its words if they hold one of the secrets: AWS quotes what it calls invalid,
// and the SDK quotes an answer it cannot read. The code and the HTTP status stay. Empty secrets are skipped; one of a few letters
// counts only where it stands in quotes, for it stands in many other words.
func Withhold(err error, secrets ...string) error {
	ae, ok := errors.AsType[awserr.Error](err)
	if !ok {
		return err
	}
	text := ae.Error()
	if !slices.ContainsFunc(secrets, func(secret string) bool { return holds(text, secret) }) {
		return err
	}
	silent := awserr.New(ae.Code(), "what AWS said is withheld: it quotes the value", nil)
	if failure, ok := ae.(awserr.RequestFailure); ok {
		return awserr.NewRequestFailure(silent, failure.StatusCode(), failure.RequestID())
	}
	return silent
}

func holds(text, secret string) bool {
	if secret == "" {
		return false
	}
	if len(secret) < 6 {
		return strings.Contains(text, "'"+secret+"'") || strings.Contains(text, `"`+secret+`"`)
	}
	return strings.Contains(text, secret)
}

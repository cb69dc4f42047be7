package common

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
)

// RedactSecrets returns err, which came from the SDK, without its words if they hold one of the secrets: AWS quotes what it calls invalid,
// and the SDK dumps a response it cannot read. The code and the HTTP status stay. Empty secrets are skipped; one of a few letters
// counts only where it stands in quotes, for it stands in many other words.
func RedactSecrets(err error, secrets ...string) error {
	ae, ok := errors.AsType[awserr.Error](err)
	if !ok {
		return err
	}
	text, dump := ae.Error(), ae.Code() == request.ErrCodeSerialization
	if !slices.ContainsFunc(secrets, func(secret string) bool { return secret != "" && (dump || quotes(text, secret)) }) {
		return err
	}
	silent := awserr.New(ae.Code(), "AWS's message is redacted: it may hold the value", nil)
	if failure, ok := ae.(awserr.RequestFailure); ok {
		return awserr.NewRequestFailure(silent, failure.StatusCode(), failure.RequestID())
	}
	return silent
}

func quotes(text, secret string) bool {
	if len(secret) < 6 {
		return strings.Contains(text, "'"+secret+"'") || strings.Contains(text, `"`+secret+`"`)
	}
	return strings.Contains(text, secret)
}

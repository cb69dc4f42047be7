package preflight

import (
	"errors"
	"slices"
	"strings"

	"ecs-api/common"
)

// explanations say what AWS's codes about credentials mean to an operator. The codes of the query protocol and of the JSON one differ.
var explanations = []struct {
	codes []string
	words string
}{
	{[]string{"NoCredentialProviders"}, "there are no credentials: set akid and secret, or run the server where AWS gives it a role"},
	{[]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}, "the credentials have expired, or the clock of this machine is wrong"},
	{[]string{"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"},
		"AWS does not know the access key: look at akid, and whether the region is enabled for the account"},
	{[]string{"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"},
		"the secret does not belong to akid, or the clock of this machine is wrong"},
	{[]string{"OptInRequired"}, "the account has not enabled the service"},
}

// explain returns why AWS did not say what the action asks for, with AWS's code in brackets for whoever searches for it.
func explain(err error, action string) string {
	code := common.CodeOf(err)
	words := "AWS refuses " + action
	switch {
	case common.Is(err, common.Timeout):
		return "AWS did not respond to " + action + " in time: look at the network and the endpoint"
	case common.Is(err, common.Unavailable):
		return "AWS cannot be reached for " + action + ", or is failing: look at the network, the region and the endpoint"
	case common.Is(err, common.Throttled):
		return "AWS throttles " + action + ": run the check again"
	case strings.Contains(code, "AccessDenied") || strings.Contains(code, "Unauthorized"):
		words = "the credentials may not " + action
	}
	for _, e := range explanations {
		if slices.Contains(e.codes, code) {
			words = e.words
		}
	}
	if code == "" {
		return words + ", and does not say why: look at akid, secret and the endpoint"
	}
	return words + " (" + code + ")"
}

// explainIdentity is explain for who our credentials are. AWS tells that everybody: what it can deny is only the role that is assumed before.
func (a Account) explainIdentity(err error) error {
	if code := common.CodeOf(err); a.roleARN != "" && strings.Contains(code, "AccessDenied") {
		return errors.New("the credentials may not assume the role " + a.roleARN + ": look at its trust policy, at externalId, and at sts:AssumeRole in the policy of the credentials (" + code + ")")
	}
	return errors.New(explain(err, "sts:GetCallerIdentity"))
}

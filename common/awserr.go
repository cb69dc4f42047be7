package common

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
)

// rule gives the kind of AWS errors whose code contains the rule's code and whose message contains its message.
type rule struct {
	code    string
	exact   bool // the code must be equal
	message string
	kind    Kind
}

// rules are tried in order; the first one that fits decides. Exact codes and messages come before words. What AWS says about our own
// credentials and permissions is Internal: the caller can do nothing about it.
var rules = []rule{
	// One code for many cases: the message tells them apart.
	{"ClientException", true, "Unable to describe task definition", NotFound},
	{"ClientException", true, "TaskDefinition not found", NotFound},
	{"ClientException", true, "task definition does not exist", NotFound}, // DeregisterTaskDefinition
	{"ClientException", true, "TaskDefinition is inactive", Conflict},
	{"InvalidParameterException", true, "was not idempotent", Conflict},
	{"InvalidParameterException", true, "idempotent request are inconsistent", Conflict},
	{"InvalidParameterException", true, "still Draining", Conflict},
	{"InvalidParameterException", true, "deployments are active", Conflict},
	{"InvalidParameterException", true, "task was not found", NotFound}, // StopTask
	{"InvalidParameterException", true, "TaskDefinition not found", NotFound},
	{"InvalidParameterException", true, "cluster is inactive", NotFound},
	{"InvalidParameterException", true, "is inactive. Specify an active", NotFound}, // TagResource and UntagResource
	{"InvalidParameterException", true, "task definition does not exist", NotFound}, // the same
	{"InvalidRequestException", true, "scheduled for deletion", Conflict},
	{"InvalidRequestException", true, "marked for deletion", Conflict},
	{"InvalidRequestException", true, "was deleted", Conflict},
	{"AccessDeniedException", true, "iam:PassRole", Internal},

	// Codes that the words below would put elsewhere.
	{"ResourceInUse", true, "", Conflict}, // Cloud Map: the service has instances
	{"ServiceNotActiveException", true, "", Conflict},
	{"UnknownOperationException", true, "", Internal},
	{"TooManyTags", false, "", BadRequest},
	{"TooManyUpdates", true, "", Conflict},
	{"ParameterMaxVersionLimitExceeded", true, "", Conflict},
	{"NoCredentialProviders", true, "", Internal},
	{"OptInRequired", true, "", Internal},
	{"BlockedException", true, "", Internal},
	{"PackedPolicyTooLarge", true, "", Internal},
	{"DecryptionFailure", true, "", Internal},
	{"EncryptionFailure", true, "", Internal},
	{"PublicPolicyException", true, "", Internal},
	{"ServerException", true, "", Unavailable},            // ECS
	{request.ErrCodeSerialization, true, "", Unavailable}, // a response cut short, or a proxy's page
	{request.ErrCodeRead, true, "", Unavailable},

	// Ours to fix: our credentials and what they may do.
	{"AccessDenied", false, "", Internal},
	{"Unauthorized", false, "", Internal},
	{"UnrecognizedClient", false, "", Internal},
	{"InvalidClientToken", false, "", Internal},
	{"Signature", false, "", Internal},
	{"ExpiredToken", false, "", Internal},
	{"AuthFailure", false, "", Internal},
	{"MissingAuthenticationToken", false, "", Internal},

	// Words.
	{"Throttl", false, "", Throttled},
	{"RequestLimitExceeded", false, "", Throttled},
	{"TooManyRequests", false, "", Throttled},
	{"SlowDown", false, "", Throttled},
	{"NotFound", false, "", NotFound},
	{"NoSuch", false, "", NotFound},
	{"DoesNotExist", false, "", NotFound},
	{"AlreadyExists", false, "", Conflict},
	{"Exists", false, "", Conflict},
	{"AlreadyAccepted", false, "", Conflict},
	{"Conflict", false, "", Conflict},
	{"InUse", false, "", Conflict},
	{"InProgress", false, "", Conflict},
	{"Duplicate", false, "", Conflict},
	{"Aborted", false, "", Conflict},
	{"ClusterContains", false, "", Conflict},
	{"ConcurrentModification", false, "", Conflict},
	{"LimitExceeded", false, "", Conflict},
	{"QuotaExceeded", false, "", Conflict},
	{"Exceeded", false, "", Conflict},
	{"Unavailable", false, "", Unavailable},
	{"InternalServ", false, "", Unavailable},
	{"InternalFailure", false, "", Unavailable},
	{"InternalError", false, "", Unavailable},
	{"ServiceFailure", false, "", Unavailable},
	{"RequestError", true, "", Unavailable},
	{"RequestTimeout", false, "", Unavailable},
	{"ResponseTimeout", false, "", Unavailable},
	{"Invalid", false, "", BadRequest},
	{"Validation", false, "", BadRequest},
	{"Malformed", false, "", BadRequest},
	{"Unsupported", false, "", BadRequest},
	{"Mismatch", false, "", BadRequest},
	{"TooLarge", false, "", BadRequest},
	{"TooLong", false, "", BadRequest},
	{"Missing", false, "", BadRequest},
	{"Platform", false, "", BadRequest},
	{"Unmodifiable", false, "", Conflict},
	{"NoUpdateAvailable", false, "", Conflict},
	{"ClientException", true, "", BadRequest},
}

// FromAWS returns err, which came from the SDK, as an Error: format and args say what was being done ("describe secret %q"), the kind
// follows from AWS's code. It returns nil for nil. AWS's own words and code are kept for the caller where the caller can act on them, and
// for the log alone where they speak of us.
func FromAWS(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf(format, args...)
	if fields := InvalidFields(err); len(fields) > 0 {
		return Wrapf(Invalid(fields...), "%s", doing)
	}
	ae, ok := errors.AsType[awserr.Error](err)
	if !ok {
		return Wrapf(err, "%s", doing)
	}
	e := &Error{Kind: kindOfAWS(ae), err: err}
	e.msg = doing + ": " + ae.Code() + ": " + oneLine(ae)
	switch e.Kind {
	case BadRequest, NotFound, Conflict:
		e.Code = Code(ae.Code())
		e.public = doing + ": " + strings.Join(strings.Fields(ae.Message()), " ")
		if ae.Message() == "" {
			e.public = doing + ": " + ae.Code()
		}
	case Throttled:
		e.public = doing + ": AWS asks us to slow down; try again later"
	case Unavailable:
		e.public = doing + ": AWS cannot be reached or is failing; try again later"
	case Timeout:
		e.public = doing + ": AWS did not respond in time"
	case Canceled:
		e.public = doing + ": the request was cancelled"
	default:
		e.public = doing + ": AWS refused us; the server's log says more"
	}
	return e
}

// oneLine returns the message and the cause of an AWS error without the line breaks that the SDK puts between them.
func oneLine(ae awserr.Error) string {
	text := ae.Message()
	if orig := ae.OrigErr(); orig != nil {
		text += ": " + orig.Error()
	}
	return strings.Join(strings.Fields(text), " ")
}

// kindOfAWS classifies an AWS error by its code, its message and, where both say nothing, its HTTP status.
func kindOfAWS(ae awserr.Error) Kind {
	if ae.Code() == request.CanceledErrorCode {
		if errors.Is(ae.OrigErr(), context.DeadlineExceeded) {
			return Timeout
		}
		return Canceled
	}
	status := 0
	if failure, ok := ae.(awserr.RequestFailure); ok {
		status = failure.StatusCode()
	}
	if status >= http.StatusInternalServerError {
		if strings.Contains(ae.Code(), "Throttl") {
			return Throttled
		}
		return Unavailable
	}
	for _, r := range rules {
		if r.fits(ae) {
			return r.kind
		}
	}
	return kindsByStatus[status] // Internal for all others
}

// kindsByStatus are the kinds of errors that AWS says only a status of.
var kindsByStatus = map[int]Kind{
	http.StatusNotFound: NotFound, http.StatusConflict: Conflict, http.StatusTooManyRequests: Throttled, http.StatusBadRequest: BadRequest,
}

func (r rule) fits(ae awserr.Error) bool {
	if r.exact && ae.Code() != r.code || !strings.Contains(ae.Code(), r.code) {
		return false
	}
	return strings.Contains(ae.Message(), r.message)
}

// CodeOf returns AWS's error code of err, also where the caller must not see it; empty if there is none.
func CodeOf(err error) string {
	if ae, ok := errors.AsType[awserr.Error](err); ok {
		return ae.Code()
	}
	return ""
}

// IsKeyRefused reports whether AWS could not encrypt with a KMS key: there is none of that name, it is disabled, or its policy or ours does not allow
// its use. Whoever named the key can name another, whatever kind the error is of.
func IsKeyRefused(err error) bool {
	switch CodeOf(err) {
	case "EncryptionFailure": // Secrets Manager
		return true
	case "AccessDeniedException": // both it and the Parameter Store, which pass on KMS's words
		return slices.ContainsFunc([]string{"Access to KMS", "perform: kms:", "customer master key", "KMS key"}, func(words string) bool {
			return strings.Contains(err.Error(), words)
		})
	}
	return false
}

// ErrorType returns what err is in one word: AWS's error code, or else the kind. It never holds what anybody sent.
func ErrorType(err error) string {
	return cmp.Or(CodeOf(err), KindOf(err).String())
}

// Ambiguous reports whether a call that ended with err may have taken effect all the same: its response was lost, or AWS failed while
// it worked on it.
func Ambiguous(err error) bool {
	switch KindOf(err) {
	case Unavailable, Timeout, Canceled:
		return true
	}
	return false
}

// Transient reports whether a retry may succeed where err is all that went wrong: AWS failed, was out of reach, or throttled us. Of several errors that
// are joined, each must be so.
func Transient(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			if !Transient(one) {
				return false
			}
		}
		return true
	}
	return Ambiguous(err) || Is(err, Throttled)
}

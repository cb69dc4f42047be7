package common

import (
	"fmt"
	"time"
)

// Code is what callers branch on: AWS's code if AWS refused the request, else one of ours below.
type Code string

// Our codes. ourCodes says what each one means.
const (
	CodeInternal               Code = "Internal"
	CodeInvalidRequest         Code = "InvalidRequest"
	CodeUnknownField           Code = "UnknownField"
	CodeForbidden              Code = "Forbidden"
	CodeNotFound               Code = "NotFound"
	CodeMethodNotAllowed       Code = "MethodNotAllowed"
	CodeConflict               Code = "Conflict"
	CodeServiceExists          Code = "ServiceExists"
	CodeServiceBusy            Code = "ServiceBusy"
	CodeServiceDraining        Code = "ServiceDraining"
	CodeNothingToRollBackTo    Code = "NothingToRollBackTo"
	CodeClusterBusy            Code = "ClusterBusy"
	CodeAlreadyExists          Code = "AlreadyExists"
	CodeNameTaken              Code = "NameTaken"
	CodeInUse                  Code = "InUse"
	CodeTaskDefinitionInactive Code = "TaskDefinitionInactive"
	CodeScheduledForDeletion   Code = "ScheduledForDeletion"
	CodeConcurrentChange       Code = "ConcurrentChange"
	CodeNoTaskStarted          Code = "NoTaskStarted"
	CodeNotInCloudWatch        Code = "NotInCloudWatch"
	CodeIdempotencyKeyInUse    Code = "IdempotencyKeyInUse"
	CodeIdempotencyKeyReused   Code = "IdempotencyKeyReused"
	CodeETagMismatch           Code = "ETagMismatch"
	CodeTooLarge               Code = "TooLarge"
	CodeThrottled              Code = "Throttled"
	CodeUnavailable            Code = "Unavailable"
	CodeTimeout                Code = "Timeout"
	CodeCanceled               Code = "Canceled"
)

// CodeInfo says what one of our codes means. AWS's codes, which errors of AWS keep, are not listed.
type CodeInfo struct {
	Code  Code
	Kind  Kind
	After time.Duration // when a retry makes sense, unless the error itself says so; 0 if we do not know
	Cause string        // when it is returned
	Fix   string        // what the caller can do
}

// How long a caller should wait before a retry.
const (
	busyAfter        = 5 * time.Second
	throttledAfter   = 5 * time.Second
	unavailableAfter = 10 * time.Second
	keyInUseAfter    = 2 * time.Second
)

// ourCodes lists all our codes, by status. The first code of a kind is that of errors of this kind which name no code.
var ourCodes = []CodeInfo{
	{CodeInvalidRequest, BadRequest, 0,
		"The request is badly formed, or something in it is not valid. `errors` lists all of it by field.",
		"Correct the fields that `errors` names."},
	{CodeUnknownField, BadRequest, 0,
		"The body or the query holds names that the request does not have: misspelt ones, or any with `Prefer: handling=strict`. Nothing else is wrong with " +
			"it.",
		"Correct or remove the fields that `errors` names."},
	{CodeForbidden, Forbidden, 0, "The token is missing or wrong, or it may not do this.", "Send a token that may do this in `X-Auth-Token`."},
	{CodeNotFound, NotFound, 0,
		"There is no such path, account or resource, or it belongs to another org.",
		"Correct the name. After a DELETE it means that the resource is gone."},
	{CodeMethodNotAllowed, MethodNotAllowed, 0, "The path does not take the method.", "Use one of the methods in `Allow`."},
	{CodeConflict, Conflict, 0, "The state of a resource forbids the request, and no code below says it better.", "Read `detail`."},
	{CodeServiceExists, Conflict, 0,
		"There is an ACTIVE service of this name in the cluster.",
		"Update it with PUT or PATCH, delete it first, or choose another name."},
	{CodeServiceBusy, Conflict, busyAfter, "Another request is changing the service.", "Retry after `Retry-After` seconds."},
	{CodeServiceDraining, Conflict, 0, "The service is being deleted.", "Wait until it is gone (404), then create it anew."},
	{CodeNothingToRollBackTo, Conflict, 0,
		"No deployment of the service succeeded before the current one.",
		"Name the revision in `To`, or change the service with PUT or PATCH."},
	{CodeClusterBusy, Conflict, busyAfter,
		"Another request creates something in the cluster, or tears it down, or ECS is still attaching or detaching its capacity providers.",
		"Retry after `Retry-After` seconds."},
	{CodeAlreadyExists, Conflict, 0,
		"There is a resource of this name, and the request would create it.",
		"Use or change the one that exists, or choose another name."},
	{CodeNameTaken, Conflict, 0,
		"A resource of this name exists and is not this service's: the server does not adopt it.",
		"Choose another name, or refer to the resource where the request allows that."},
	{CodeInUse, Conflict, 0, "Something still uses the resource: services, tasks or instances.", "Delete or stop what `detail` names, then retry."},
	{CodeTaskDefinitionInactive, Conflict, 0, "The task definition is not ACTIVE.", "Name another revision, or register a new one."},
	{CodeScheduledForDeletion, Conflict, 0, "The secret is scheduled for deletion.", "Delete it at once with `?window=0`, or choose another name."},
	{CodeConcurrentChange, Conflict, busyAfter,
		"Something that the request needs was changed or deleted by somebody else while it ran. What the request created has been rolled back.",
		"Retry: the request then sees what there is."},
	{CodeNoTaskStarted, Conflict, 0, "ECS started no task.", "Read in `detail` why."},
	{CodeNotInCloudWatch, Conflict, 0,
		"The container does not log to CloudWatch Logs in the account's region.",
		"Read its logs where they go, or give it the log driver awslogs."},
	{CodeIdempotencyKeyInUse, Conflict, keyInUseAfter, "The first request with this `Idempotency-Key` is still running.", "Retry after `Retry-After` seconds."},
	{CodeETagMismatch, PreconditionFailed, 0, "`If-Match` does not match: somebody has changed the resource since.", "Read the resource anew, then decide."},
	{CodeTooLarge, TooLarge, 0, "The body is over 1 MiB.", "Send less."},
	{CodeIdempotencyKeyReused, Unprocessable, 0, "The `Idempotency-Key` was sent before with another method, path or body.", "Use a new key for a new request."},
	{CodeThrottled, Throttled, throttledAfter,
		"AWS throttles the server past its own retries, or its rates are used up for longer than the request may take.",
		"Retry after `Retry-After` seconds."},
	{CodeInternal, Internal, 0, "The server's fault, AWS refusing its credentials among them. The log says why.", "Tell the operator the `requestId`."},
	{CodeUnavailable, Unavailable, unavailableAfter, "AWS is unreachable or failing, or the server is shutting down.", "Retry after `Retry-After` seconds."},
	{CodeCanceled, Canceled, 0, "The caller did not wait for the response. Only logs show it.", "Retry."},
	{CodeTimeout, Timeout, 0, "A deadline passed.", "Look at what there is, then retry."},
}

// byCode finds a code in ourCodes. kindCodes finds the code for errors that name none, by their kind.
var byCode, kindCodes = indexCodes()

func indexCodes() (map[Code]CodeInfo, map[Kind]CodeInfo) {
	all, first := map[Code]CodeInfo{}, map[Kind]CodeInfo{}
	for _, info := range ourCodes {
		all[info.Code] = info
		if _, ok := first[info.Kind]; !ok {
			first[info.Kind] = info
		}
	}
	return all, first
}

// Codes returns all our codes, in the order in which the documentation lists them.
func Codes() []CodeInfo { return append([]CodeInfo(nil), ourCodes...) }

// Coded returns an error of one of our codes; its kind is the code's. It wraps what %w names, as Errorf does, but not with its code.
func Coded(code Code, format string, args ...any) error {
	info, ok := byCode[code]
	if !ok {
		panic(fmt.Sprintf("there is no code %s", code))
	}
	e := newError(info.Kind, format, args...)
	e.Code = code
	return e
}

// ResponseCode returns the code that a response shows for err: the error's own code, AWS's or ours, else the code of its kind. For an Internal error it is always
// Internal.
func ResponseCode(err error) Code {
	e := AsError(err)
	if e.Code == "" || e.Kind == Internal {
		return kindCodes[e.Kind].Code
	}
	return e.Code
}

// RetryIn returns err with the time after which a retry makes sense, if we know it better than by the error's code. It returns nil for nil.
func RetryIn(after time.Duration, err error) error {
	if err == nil {
		return nil
	}
	e := *AsError(err)
	e.After = after
	return &e
}

// RetryAfter returns how long after err a retry makes sense; 0 if we do not know.
func RetryAfter(err error) time.Duration {
	if after := AsError(err).After; after > 0 {
		return after
	}
	return byCode[ResponseCode(err)].After
}

// Package common holds what most packages of ecs-api share: the error type and its kinds, the classification of AWS errors, AWS
// sessions, retrying, and tags. It owns one rule: only this package looks inside an error that came from AWS.
package common

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind says whose fault an error is and what can be done about it. The HTTP status follows from it.
type Kind uint8

// The kinds of errors. Internal is the zero kind: an error nobody classified is ours to fix.
const (
	// Internal is ours to fix; its text is for the log, not for the caller.
	Internal Kind = iota
	// BadRequest is a request that is badly formed, or that AWS calls invalid.
	BadRequest
	// Forbidden is a caller who has not proved who they are, or who may not do this.
	Forbidden
	// NotFound is a resource that is not there, or that belongs to another org.
	NotFound
	// Conflict is a resource that already exists or is in a state that forbids the request.
	Conflict
	// TooLarge is a request body over the limit.
	TooLarge
	// Throttled is AWS asking us to slow down, past our own retries.
	Throttled
	// Unavailable is AWS failing or out of reach.
	Unavailable
	// Timeout is a deadline that passed.
	Timeout
	// Canceled is a caller who hung up.
	Canceled
	// MethodNotAllowed is a method that the path does not take.
	MethodNotAllowed
	// PreconditionFailed is a condition of the request, such as If-Match, that does not hold.
	PreconditionFailed
	// Unprocessable is a request that contradicts an earlier one.
	Unprocessable
	numKinds
)

var kindNames = [numKinds]string{"Internal", "BadRequest", "Forbidden", "NotFound", "Conflict", "TooLarge", "Throttled", "Unavailable", "Timeout", "Canceled", "MethodNotAllowed", "PreconditionFailed", "Unprocessable"}

// Kinds returns every kind there is, for tables that must not forget one.
func Kinds() []Kind {
	all := make([]Kind, numKinds)
	for k := range all {
		all[k] = Kind(k)
	}
	return all
}

// String returns the kind's name.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// FieldError says what is wrong with one field of a request. Field is its path, e.g. "service.servicename";
// its case means nothing, as that of keys in a request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error is an error with a kind. The text reads as a sentence when joined: "create service www: register task definition: invalid CPU value".
type Error struct {
	Kind       Kind
	Code       Code          // AWS's error code where AWS refused, or one of ours; empty for that of the kind
	Fields     []FieldError  // what is wrong with which field, for BadRequest
	After      time.Duration // when a retry makes sense; 0 for what the code says
	LeftBehind []string      // what was created and could not be rolled back
	msg        string
	public     string // what a caller may read of it, if that is not msg
	err        error
}

// Error returns the whole text, AWS's own words included: it is for logs.
func (e *Error) Error() string { return e.msg }

// Unwrap returns the error that e was made from.
func (e *Error) Unwrap() error { return e.err }

// Errorf returns an error of kind k. It wraps what %w names, as fmt.Errorf does, and takes over its fields and, if it is of the same kind,
// its code.
func Errorf(k Kind, format string, args ...any) error { return newError(k, format, args...) }

func newError(k Kind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	e := &Error{Kind: k, msg: wrapped.Error(), err: errors.Unwrap(wrapped)}
	if inner, ok := errors.AsType[*Error](e.err); ok {
		e.take(inner)
		e.public = redact(e.msg, e.err)
	}
	return e
}

// redact returns a text with that of each Error in err's tree as a caller may read it: several may be joined.
func redact(text string, err error) string {
	switch x := err.(type) { // each node of the tree is looked at
	case *Error:
		return strings.Replace(text, x.Error(), x.Public(), 1)
	case interface{ Unwrap() error }:
		return redact(text, x.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range x.Unwrap() {
			text = redact(text, one)
		}
	}
	return text
}

// take copies what inner says beside its text. A code belongs to its kind.
func (e *Error) take(inner *Error) {
	e.Fields, e.After, e.LeftBehind = inner.Fields, inner.After, inner.LeftBehind
	if e.Kind == inner.Kind {
		e.Code = inner.Code
	}
}

// Wrapf puts words in front of err and keeps its kind, code, fields and what of it a caller may read. It returns nil for nil.
func Wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	prefix := fmt.Sprintf(format, args...)
	e := &Error{Kind: KindOf(err), msg: prefix + ": " + err.Error(), err: err}
	if inner, ok := errors.AsType[*Error](err); ok {
		e.take(inner)
		e.public = redact(e.msg, err)
	}
	return e
}

// How many wrong fields an error lists, how many bytes they may take, and how many of them, of how many bytes, its text shows: all that anybody corrects at once, and little enough
// that a hostile request costs no more than its size.
const (
	MaxFields     = 1000
	maxFieldBytes = 256 << 10
	maxShown      = 20
	maxShownBytes = 3000
)

// Invalid returns a BadRequest that lists what is wrong with which field, or nil if there is nothing.
func Invalid(fields ...FieldError) error { return InvalidOf("", fields, 0) }

// InvalidOf is Invalid with a code, for a request with more wrong fields than those that are given.
func InvalidOf(code Code, fields []FieldError, more int) error {
	if len(fields) == 0 {
		return nil
	}
	list := listed(fields)
	texts := shownTexts(list)
	msg := invalidPrefix + strings.Join(texts, "; ")
	switch omitted, unlisted := len(list)-len(texts), len(fields)-len(list)+more; {
	case unlisted > 0:
		msg += fmt.Sprintf("; and %d more, of which errors lists %d", omitted+unlisted, omitted)
	case omitted > 0:
		msg += fmt.Sprintf("; and %d more, which errors lists", omitted)
	}
	return &Error{Kind: BadRequest, Code: code, Fields: list, msg: msg}
}

const invalidPrefix = "the request is not valid: "

// shownTexts returns what is wrong with the first of the fields, and at least one, as far as a message has room for it.
func shownTexts(fields []FieldError) (texts []string) {
	bytes := len(invalidPrefix)
	for i, f := range fields[:min(len(fields), maxShown)] {
		text := f.text()
		if i > 0 && bytes+len(text) > maxShownBytes {
			break
		}
		texts, bytes = append(texts, text), bytes+len(text)+len("; ")
	}
	return texts
}

// listed returns as many of the fields, and at least one, as an error lists.
func listed(fields []FieldError) []FieldError {
	bytes := 0
	for i, f := range fields {
		if bytes += len(f.Field) + len(f.Detail); i == MaxFields || i > 0 && bytes > maxFieldBytes {
			return fields[:i:i]
		}
	}
	return fields
}

// Fields returns what err says is wrong with which field.
func Fields(err error) []FieldError { return AsError(err).Fields }

// text returns what is wrong as a part of a sentence.
func (f FieldError) text() string { return strings.TrimSpace(f.Field + " " + f.Detail) } // some are of the request as a whole

// RenameFields returns err with other names for the fields that it lists, in its text as well.
func RenameFields(err error, rename func(string) string) error {
	inner, ok := errors.AsType[*Error](err)
	if !ok || len(inner.Fields) == 0 {
		return err
	}
	e := &Error{Kind: inner.Kind, msg: err.Error(), public: inner.Public(), err: err}
	e.take(inner)
	e.Fields = nil
	for i, f := range inner.Fields {
		renamed := FieldError{Field: rename(f.Field), Detail: f.Detail}
		e.Fields = append(e.Fields, renamed)
		if i >= maxShown || renamed == f {
			continue
		}
		e.msg = strings.Replace(e.msg, f.text(), renamed.text(), 1)
		e.public = strings.Replace(e.public, f.text(), renamed.text(), 1)
	}
	return e
}

// Restored returns an error that another server has returned, of which only what callers may read has been kept.
func Restored(kind Kind, code Code, public string, fields []FieldError, left []string) error {
	return &Error{Kind: kind, Code: code, Fields: fields, LeftBehind: left, msg: public}
}

// KindNamed returns the kind with the name; Internal if there is none.
func KindNamed(name string) Kind {
	return Kind(max(0, slices.Index(kindNames[:], name))) //nolint:gosec // there are few
}

// Public returns what a caller may read of the error: its text, without what AWS said about us.
func (e *Error) Public() string {
	if e.public != "" {
		return e.public
	}
	return e.msg
}

// KindOf returns the kind of err: that of the first Error it wraps; Timeout and Canceled for a context's errors; else Internal.
func KindOf(err error) Kind { return AsError(err).Kind }

// AsError returns the first Error that err wraps, or one of the kind that a context's error is, or Internal.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Timeout}
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Canceled}
	}
	return &Error{Kind: Internal}
}

// Is reports whether err is of kind k. A nil error is of no kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Public returns what a caller may read of err: nothing of an error that is ours to fix.
func Public(err error) string {
	return redact(err.Error(), err)
}

// WithLeftBehind returns err with the names of what it leaves behind in AWS, kept apart from its text: whoever reads the error must see them,
// also where the rest of it is for the log alone. It returns nil for nil.
func WithLeftBehind(err error, left ...string) error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: KindOf(err), msg: err.Error() + "; leftover: " + strings.Join(left, "; "), err: err, LeftBehind: left}
	if inner, ok := errors.AsType[*Error](err); ok {
		e.take(inner)
		e.LeftBehind = append(slices.Clone(inner.LeftBehind), left...)
		e.public = Public(err)
	}
	return e
}

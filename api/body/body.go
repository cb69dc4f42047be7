// Package body decodes the JSON bodies of requests. It owns one rule: nothing that a caller sent is dropped silently. Every key that the
// struct does not know is either refused, because it looks like a misspelt one, or named as ignored; and all that is wrong with a body is
// reported at once, each by its path in the caller's own spelling. It knows no HTTP.
package body

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"ecs-api/common"
)

// MaxValues is how many values a body may hold: more than AWS takes of anything, and few enough to be decoded at little cost.
const MaxValues = 20_000

// MaxIgnored is how many ignored keys are named.
const MaxIgnored = 20

// maxProblems is how many wrong fields are kept by name; the rest are counted.
const maxProblems = common.MaxFields

// maxKey is how many bytes a free key may have: more than AWS takes of a label or an option's name. Each wrong field below a key repeats it.
const maxKey = 1024

// Body is what a body says beside the values in it.
type Body struct {
	// Ignored are the paths of the keys that nobody knows, in the body's order: the first MaxIgnored.
	Ignored []string
	// HasNulls says that arrays or maps hold nulls, which Err tells of: nobody who walks over them expects nil.
	HasNulls bool

	text     []byte
	tree     *node // of the text; nil until a path is followed
	strict   bool
	problems []problem
	more     int  // problems that are not in problems
	others   bool // some of the problems are not unknown keys
}

// problem is one thing that is wrong with a body.
type problem struct {
	common.FieldError
	misspelt bool // it is an unknown key that looks like a known one
}

// NullsSetter is an input that has to tell a member that is null from one that is absent.
type NullsSetter interface {
	// SetNulls is given the paths of all known members that are null, in lower case, such as taskdefinition.containerdefinitions[0].user.
	SetNulls(paths []string)
}

// UnreadSetter is an input that has to tell a body that gives nothing from one whose values it does not see.
type UnreadSetter interface {
	// SetUnread is given the paths of the keys that were ignored, and whether other keys or values were wrong, which Err tells of.
	SetUnread(ignored []string, wrong bool)
}

// Sibling is an input with a sibling of another shape, which callers take for it: the body of a PUT beside that of a PATCH.
type Sibling interface {
	// Elsewhere says what to do with a key, in lower case, that only the sibling knows; empty for any other.
	Elsewhere(key string) string
}

// Former is a type with an UnmarshalJSON that takes values of several kinds. Form says which, for the error about any other value, such as
// "a number or a string". It is decoded as a whole: nothing in it is looked at.
type Former interface {
	json.Unmarshaler
	Form() string
}

// byteOrderMark is what PowerShell and some editors put in front of UTF-8.
var byteOrderMark = []byte("\ufeff")

// Decode reads a JSON object into the struct that in points to. Keys match without case. The error is for a text that is no JSON object;
// what is wrong inside the object is kept in the Body, and Err returns it. With strict, any unknown key is wrong.
//
// Arrays and maps that are decoded without an error hold no nulls, except maps in fields with the tag `body:"nulls"`.
func Decode(text []byte, in any, strict bool) (*Body, error) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	if err := check(text); err != nil {
		return nil, err
	}
	b := &Body{text: text, strict: strict}
	w := walker{body: b, scanner: scanner{text: text}}
	_, w.wantsNulls = in.(NullsSetter)
	w.sibling, _ = in.(Sibling)
	w.value(reflect.TypeOf(in), false)
	if w.longest > maxKey {
		return nil, common.Errorf(common.BadRequest, "a key in the body has %d bytes, and may have at most %d", w.longest, maxKey)
	}
	err := json.Unmarshal(w.edited(), in) // continues after a value of a wrong type, so that the rest can be checked
	if err != nil && len(b.problems) == 0 {
		return nil, common.Errorf(common.BadRequest, "the body holds a value that is not of its field's form")
	}
	if setter, ok := in.(NullsSetter); ok {
		setter.SetNulls(w.nulls)
	}
	if setter, ok := in.(UnreadSetter); ok {
		setter.SetUnread(b.Ignored, len(b.problems) > 0)
	}
	return b, nil
}

// check says what is wrong with a text that is no JSON object, or holds too many values. It repeats one character of the text at most.
func check(text []byte) error {
	begin := bytes.TrimLeft(text, " \t\r\n")
	switch {
	case len(begin) == 0:
		return common.Errorf(common.BadRequest, "this needs a body: a JSON object")
	case !utf8.Valid(text):
		return common.Errorf(common.BadRequest, "the body must be JSON in UTF-8")
	}
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return common.Errorf(common.BadRequest, "the body is not JSON: %s", common.JSONSyntax(text, err))
	}
	if at := loneSurrogate(text); at >= 0 { // encoding/json would put another character in its place
		return common.Errorf(common.BadRequest, "the body has half of a surrogate pair, at byte %d: it must be two escapes, \\ud800 to \\udbff and then \\udc00 to \\udfff", at+1)
	}
	if begin[0] != '{' {
		return common.Errorf(common.BadRequest, "the body must be an object, not %s", kindOf(begin[0]))
	}
	if common.JSONValues(text) > MaxValues {
		return common.Errorf(common.BadRequest, "the body must hold at most %d values: AWS takes no more of anything", MaxValues)
	}
	return nil
}

// wrong keeps a problem with the field at the path, which is called only if the problem is kept by name.
func (b *Body) wrong(path func() string, detail string) {
	b.others = true
	b.add(path, detail, false)
}

func (b *Body) add(path func() string, detail string, misspelt bool) {
	if len(b.problems) >= maxProblems {
		b.more++
		return
	}
	b.problems = append(b.problems, problem{common.FieldError{Field: path(), Detail: detail}, misspelt})
}

// Err returns what is wrong with the body: what Decode found, and what a later check found about the values, by path, unless Decode has
// already reported the value, or one in it. It returns nil if nothing is wrong.
func (b *Body) Err(values ...common.FieldError) error {
	var all []common.FieldError
	for _, p := range b.problems {
		all = append(all, p.FieldError)
	}
	code := common.CodeUnknownField
	if b.others {
		code = common.CodeInvalidRequest
	}
	for _, f := range values {
		there, missing := b.follow(f.Field)
		if f.Field = there + missing; !b.reported(f.Field, missing != "") {
			all = append(all, f)
			code = common.CodeInvalidRequest
		}
	}
	return common.InvalidOf(code, all, b.more)
}

// reported reports whether Decode has found something wrong with the field, with one in it, or with one that it is in. What is missing may have
// been meant by a misspelt key.
func (b *Body) reported(field string, missing bool) bool {
	return slices.ContainsFunc(b.problems, func(p problem) bool {
		return within(field, p.Field) || within(p.Field, field) || missing && p.misspelt
	})
}

// within reports whether the inner path is the outer one, or below it.
func within(inner, outer string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

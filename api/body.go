package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"ecs-api/common"
)

const (
	// maxBody is how large a request's body may be.
	maxBody = 1 << 20
	// maxValues is how many values a body may hold: more than AWS takes of anything, and few enough to be decoded for little.
	maxValues = 20_000
	// maxDrained is how much is read of a body that is too large, and forgotten: many callers send all they have before they read the
	// answer, and a connection that is closed meanwhile hides it from them.
	maxDrained = 16 << 20
)

// decode reads r's body into the struct that in points to. It must be exactly one JSON object in UTF-8. Keys match without case,
// unknown ones are ignored. Arrays and maps hold no nulls afterwards, so that nobody who walks over them meets nil.
func decode(w http.ResponseWriter, r *http.Request, in any) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	switch text := strings.TrimSpace(string(body)); {
	case text == "":
		return common.Errorf(common.BadRequest, "this needs a body: a JSON object")
	case text == "null":
		return common.Errorf(common.BadRequest, "the body must be a JSON object, not null")
	case !utf8.Valid(body):
		return common.Errorf(common.BadRequest, "the body must be JSON in UTF-8")
	case common.JSONValues(body) > maxValues && json.Valid(body):
		return common.Errorf(common.BadRequest, "the body must hold at most %d values: AWS takes no more of anything", maxValues)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return wrongJSON(err)
	}
	var nulls []common.FieldError
	findNulls(reflect.ValueOf(in), &nulls)
	return common.Invalid(nulls...)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, tooLarge(w, r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(w, r)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, common.Errorf(common.BadRequest, "the body did not arrive in time")
	}
	return nil, common.Errorf(common.BadRequest, "the body could not be read to its end")
}

// tooLarge returns the error for a body over maxBody, when the caller is ready to read it.
func tooLarge(w http.ResponseWriter, r *http.Request) error {
	asks := r.Header.Get("Expect") != "" // whether to send it at all; reading would say yes
	if asks || r.ContentLength > maxDrained || !drain(r.Body) {
		w.Header().Set("Connection", "close") // else the server would read on to reuse the connection
	}
	return common.Errorf(common.TooLarge, "the body must be at most %d bytes", maxBody)
}

// drain reads up to maxDrained bytes, and reports whether there are no more.
func drain(body io.Reader) bool {
	_, err := io.CopyN(io.Discard, body, maxDrained)
	return errors.Is(err, io.EOF)
}

// wrongJSON says what is wrong with a body. It repeats nothing of it but the names of fields: the rest may be secret.
func wrongJSON(err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return common.Errorf(common.BadRequest, "the body is not JSON: %s, at byte %d", strings.TrimPrefix(e.Error(), "json: "), e.Offset)
	}
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok { // a time or base64 that does not parse
		return common.Errorf(common.BadRequest, "the body holds a value that is not of its field's form")
	}
	got, _, _ := strings.Cut(e.Value, " ") // "number 12" shows the value
	detail := fmt.Sprintf("must be %s, not %s", jsonType(e.Type), withArticle(got))
	if e.Field == "" {
		return common.Errorf(common.BadRequest, "the body %s", detail)
	}
	return common.Invalid(common.FieldError{Field: e.Field, Detail: detail})
}

// jsonType returns what JSON calls the values that t takes.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64 text"
		}
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a string"
}

func withArticle(noun string) string {
	switch noun {
	case "bool":
		return "true or false"
	case "array", "object":
		return "an " + noun
	}
	return "a " + noun
}

// maxNulls is how many nulls a body is told of.
const maxNulls = 10

// findNulls adds the first nulls inside arrays and maps below v, by their paths from v. Paths are put together on the way back from what
// was found: mostly there is nothing.
func findNulls(v reflect.Value, found *[]common.FieldError) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			findNulls(v.Elem(), found)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := 0; i < v.Len() && len(*found) < maxNulls; i++ {
			findNullsIn(v.Index(i), found, func() string { return "[" + strconv.Itoa(i) + "]" })
		}
	case reflect.Map:
		for key, e := range v.Seq2() {
			if len(*found) >= maxNulls {
				return
			}
			findNullsIn(e, found, func() string { return fmt.Sprint(key) })
		}
	case reflect.Struct:
		for field, f := range v.Fields() {
			if field.IsExported() {
				below(found, func() string { return jsonName(field) }, func() { findNulls(f, found) })
			}
		}
	}
}

// findNullsIn adds the first nulls in an element of an array or a map: itself, or what is below it.
func findNullsIn(e reflect.Value, found *[]common.FieldError, name func() string) {
	below(found, name, func() {
		if (e.Kind() == reflect.Pointer || e.Kind() == reflect.Interface || e.Kind() == reflect.Map) && e.IsNil() {
			*found = append(*found, common.FieldError{Detail: "must not be null"})
			return
		}
		findNulls(e, found)
	})
}

// below puts the name in front of the paths that find adds.
func below(found *[]common.FieldError, name func() string, find func()) {
	before := len(*found)
	find()
	for i := before; i < len(*found); i++ {
		(*found)[i].Field = join(name(), (*found)[i].Field)
	}
}

// jsonName returns what encoding/json calls a field.
func jsonName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return f.Name
}

// join returns how name, or [3], is written below path.
func join(path, name string) string {
	if name == "" || name[0] == '[' {
		return path + name
	}
	return path + "." + name
}

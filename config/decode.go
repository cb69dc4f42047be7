package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ecs-api/common"
)

// decode fills the struct that v points to from a JSON object. It reads what encoding/json reads, but refuses unknown keys and keys
// given twice, at every level, and does not stop at the first problem: it returns them all. The error is for what is no object.
func decode(data []byte, v any) ([]Problem, error) {
	var doc json.RawMessage
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, common.Errorf(common.BadRequest, "is not JSON: %s", common.JSONSyntax(data, err))
	}
	if got := kindOf(doc); got != "an object" {
		return nil, common.Errorf(common.BadRequest, "must be a JSON object, not %s", got)
	}
	var d decoder
	d.value("", doc, reflect.ValueOf(v).Elem())
	return d.problems, nil
}

type decoder struct{ problems problems }

// scalars says what JSON must hold for the kinds that encoding/json decodes for us.
var scalars = map[reflect.Kind]string{
	reflect.String:  "a string",
	reflect.Bool:    "a boolean",
	reflect.Int:     "a whole number",
	reflect.Int64:   "a whole number",
	reflect.Float64: "a number",
}

// text sets into, which is at key, to the text that raw says.
func (d *decoder) text(key string, raw json.RawMessage, into encoding.TextUnmarshaler) {
	var s string
	if !d.as("a string", key, raw, &s) {
		return
	}
	if err := into.UnmarshalText([]byte(s)); err != nil {
		d.problems.add(key, "%v", err)
	}
}

// mapping sets the map v, which is at key, to what raw says.
func (d *decoder) mapping(key string, raw json.RawMessage, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range d.members(key, raw, func(name string) string { return name }) {
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(sub(key, m.name), m.raw, elem)
		v.SetMapIndex(reflect.ValueOf(m.name), elem)
	}
}

// list sets the slice v, which is at key, to what raw says.
func (d *decoder) list(key string, raw json.RawMessage, v reflect.Value) {
	var items []json.RawMessage
	if d.as("an array", key, raw, &items) {
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			d.value(fmt.Sprintf("%s[%d]", key, i), item, v.Index(i))
		}
	}
}

// value sets v, which is at key, to what raw says. Null leaves it as it is.
func (d *decoder) value(key string, raw json.RawMessage, v reflect.Value) {
	if string(raw) == "null" {
		return
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(key, raw, text)
		return
	}
	if s, ok := v.Addr().Interface().(shortened); ok && raw[0] == '"' {
		d.value(key, raw, reflect.ValueOf(s.short()).Elem())
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(key, raw, v.Elem())
	case reflect.Struct:
		d.structure(key, raw, v)
	case reflect.Map:
		d.mapping(key, raw, v)
	case reflect.Slice:
		d.list(key, raw, v)
	default:
		d.as(scalars[v.Kind()], key, raw, v.Addr().Interface())
	}
}

// shortened is an object that may be written as a bare string, which sets the member that short points to.
type shortened interface{ short() any }

// structure sets the fields of the struct v.
func (d *decoder) structure(key string, raw json.RawMessage, v reflect.Value) {
	known := keysOf(v.Type())
	find := func(name string) int {
		return slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
	}
	canonical := func(name string) string {
		if i := find(name); i >= 0 {
			return known[i]
		}
		return name
	}
	for _, m := range d.members(key, raw, canonical) {
		if i := find(m.name); i >= 0 {
			d.value(sub(key, m.name), m.raw, v.Field(i))
			continue
		}
		d.problems.add(sub(key, m.name), "is not a known key; the keys here are %s", strings.Join(known, ", "))
	}
}

type member struct {
	name string
	raw  json.RawMessage
}

// members returns an object's members under their canonical names, the first of those that are there twice.
func (d *decoder) members(key string, raw json.RawMessage, canonical func(string) string) []member {
	if !d.as("an object", key, raw, &map[string]json.RawMessage{}) {
		return nil
	}
	var all []member
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token() // the brace; raw was found to be an object, so nothing below fails
	for dec.More() {
		name, _ := dec.Token()
		m := member{name: canonical(fmt.Sprint(name))}
		if dec.Decode(&m.raw) != nil {
			break
		}
		if seen[m.name] {
			d.problems.add(sub(key, m.name), "is there more than once: keep one")
			continue
		}
		seen[m.name] = true
		all = append(all, m)
	}
	return all
}

// as decodes raw into target; if that cannot be, it says that key must be what is wanted, and returns false.
func (d *decoder) as(want, key string, raw json.RawMessage, target any) bool {
	if json.Unmarshal(raw, target) == nil {
		return true
	}
	if got := kindOf(raw); !strings.HasSuffix(want, strings.TrimPrefix(got, "a ")) {
		want += ", not " + got
	}
	d.problems.add(key, "must be %s", want)
	return false
}

// kindOf names the kind of a JSON value, which is all of it that an error may show.
func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// keysOf returns the JSON keys of a struct type, by the index of their field.
func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("json")
	}
	return keys
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// sub returns how the member name of the object at key is written: accounts.nonprod, accounts."a.b".
func sub(key, name string) string {
	if !plainKey.MatchString(name) {
		name = strconv.Quote(name)
	}
	if key == "" {
		return name
	}
	return key + "." + name
}

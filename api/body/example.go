package body

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// pairs are the fields of AWS's list elements that stand for a name and its value, where callers often send an object of names and values instead.
var pairs = [][2]string{{"Name", "Value"}, {"Name", "ValueFrom"}, {"Key", "Value"}}

// instead shows how a value of the wrong form is to be written, with the caller's own first name: pairs as a list where AWS takes a list, as an object where
// PATCH takes one, and one word as a list of words. It is empty where nothing is known to be meant. It repeats names, and no value.
func instead(t reflect.Type, c byte, raw []byte) string {
	switch {
	case isList(t) && c == '{':
		return listed(base(t.Elem()), firstKey(raw))
	case isList(t) && c == '"' && base(t.Elem()).Kind() == reflect.String:
		return `: ["…"], each word an element`
	case t.Kind() == reflect.Map && c == '[' && base(t.Elem()).Kind() == reflect.String:
		if name := firstName(raw); name != "" {
			return ": {" + quoted(name) + `: "…"}`
		}
		return `: {"NAME": "…"}`
	}
	return ""
}

// listed returns the list with the element that has the name; nothing for elements that are no pairs.
func listed(element reflect.Type, name string) string {
	if element.Kind() != reflect.Struct || name == "" {
		return ""
	}
	for _, p := range pairs {
		_, named := element.FieldByName(p[0])
		_, valued := element.FieldByName(p[1])
		if named && valued {
			if strings.EqualFold(name, p[0]) || strings.EqualFold(name, p[1]) { // one pair, without the list around it
				return ": [{" + quoted(p[0]) + `: "…", ` + quoted(p[1]) + `: "…"}]`
			}
			return ": [{" + quoted(p[0]) + ": " + quoted(name) + ", " + quoted(p[1]) + `: "…"}]`
		}
	}
	return ""
}

// base returns what a pointer points to.
func base(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// firstKey returns the first key of an object.
func firstKey(raw []byte) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return ""
	}
	key, err := d.Token()
	name, isKey := key.(string)
	if err != nil || !isKey {
		return ""
	}
	return name
}

// firstName returns the name in the first of a list's pairs.
func firstName(raw []byte) string {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 {
		return ""
	}
	var first struct{ Name, Key any } // whatever case its keys have
	if json.Unmarshal(elements[0], &first) != nil {
		return ""
	}
	if name, ok := first.Name.(string); ok {
		return name
	}
	name, _ := first.Key.(string)
	return name
}

// quoted returns a name as JSON has it, a long one in part.
func quoted(name string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(shown(name)) // text always encodes
	return strings.TrimSpace(b.String())
}

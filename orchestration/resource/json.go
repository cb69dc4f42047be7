package resource

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// compact returns a value as JSON has it, without the members that are null: the structs of the SDK have dozens.
func compact(v any) any {
	return without(asJSON(v), func(member any) bool { return member == nil })
}

// SameToAWS reports whether two values are the same to AWS, to which an empty list is one that is left out.
func SameToAWS(a, b any) bool {
	return reflect.DeepEqual(without(asJSON(a), IsEmpty), without(asJSON(b), IsEmpty))
}

// IsEmpty reports whether a value of JSON says nothing.
func IsEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func asJSON(v any) (out any) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil // of values that plans hold, none
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		return nil
	}
	return out
}

// without returns what JSON says without the members of objects that are left out.
func without(v any, omit func(any) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if omit(member) {
				delete(v, key)
			} else {
				v[key] = without(member, omit)
			}
		}
	case []any:
		for i := range v {
			v[i] = without(v[i], omit)
		}
	}
	return v
}

package respond

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"

	"ecs-api/api/negotiation"
)

// Write sends the head and the body of a response at once.
func Write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the caller hung up: there is nobody to tell
}

// Encode returns the JSON of what an endpoint returned: nothing for nil, an empty struct or a nil pointer, [] for a nil slice.
func Encode(out any) ([]byte, error) {
	if _, ok := out.(struct{}); ok || out == nil {
		return nil, nil
	}
	switch v := reflect.ValueOf(out); {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil, nil
	case v.Kind() == reflect.Slice && v.IsNil():
		return []byte("[]\n"), nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	return buf.Bytes(), err
}

// AddHeader sets in h what more has; what the server did of what the caller prefers is in both.
func AddHeader(h, more http.Header) {
	for name, values := range more {
		if name != negotiation.HeaderApplied {
			h.Del(name)
		}
		for _, value := range values {
			h.Add(name, value)
		}
	}
}

// OrEmpty returns the list, or an empty one for nil, which JSON would write as null.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// contains returns how got lacks what is wanted, nothing if it does not. Of objects only the wanted keys are looked at; an array must
// have an element for each wanted one, in any order, and be empty if an empty one is wanted; a wanted string that begins with ~ is a
// regular expression.
func contains(got, want any, at string) []string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, want an object", at, got)}
		}
		var lacks []string
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, ok := object[key]
			if !ok {
				lacks = append(lacks, fmt.Sprintf("%s.%s is missing", at, key))
				continue
			}
			lacks = append(lacks, contains(value, want[key], at+"."+key)...)
		}
		return lacks
	case []any:
		return containsAll(got, want, at)
	case string:
		if pattern, ok := strings.CutPrefix(want, "~"); ok {
			if text, ok := got.(string); ok && regexp.MustCompile(pattern).MatchString(text) {
				return nil
			}
		}
	}
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
}

func containsAll(got any, want []any, at string) []string {
	list, ok := got.([]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %v, want an array", at, got)}
	}
	if len(want) == 0 && len(list) > 0 {
		return []string{fmt.Sprintf("%s is %v, want it empty", at, got)}
	}
	var lacks []string
	for i, element := range want {
		if !slices.ContainsFunc(list, func(g any) bool { return len(contains(g, element, at)) == 0 }) {
			lacks = append(lacks, fmt.Sprintf("%s is %v, and has nothing like element %d of what is wanted: %v", at, got, i, element))
		}
	}
	return lacks
}

// lookup returns what is at a path such as "Tasks.0.TaskArn" in a decoded JSON value.
func lookup(v any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			value, ok := at[key]
			if !ok {
				return nil, false
			}
			v = value
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func TestContains(t *testing.T) {
	tests := []struct {
		name, got, want string
		lacks           int
	}{
		{"other keys do not matter", `{"a": 1, "b": 2}`, `{"a": 1}`, 0},
		{"a missing key and a wrong one", `{"a": 1}`, `{"a": 2, "b": 2}`, 2},
		{"elements in any order", `[{"k": 1}, {"k": 2, "v": 3}]`, `[{"k": 2}, {"k": 1}]`, 0},
		{"an element too few", `[1]`, `[1, 2]`, 1},
		{"nothing wanted, something there", `[1]`, `[]`, 1},
		{"nothing wanted, null there", `null`, `[]`, 1},
		{"a pattern", `"abc-123"`, `"~^abc-[0-9]+$"`, 0},
		{"a pattern that does not match", `"abc"`, `"~^b"`, 1},
		{"null is not zero", `null`, `0`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if lacks := contains(decode(t, tt.got), decode(t, tt.want), "it"); len(lacks) != tt.lacks {
				t.Errorf("lacks %q, want %d", lacks, tt.lacks)
			}
		})
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

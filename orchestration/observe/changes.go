package observe

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go/private/protocol/json/jsonutil"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
)

// Change is one difference between two task definitions. Path is AWS's: containerDefinitions[web].image.
type Change struct {
	Path     string
	From, To any // as in JSON; nil for what is not there
}

// maxChanges is how many differences are listed.
const maxChanges = 100

// noise is what differs between all revisions, or follows from the rest.
var noise = []string{"taskDefinitionArn", "revision", "status", "registeredAt", "registeredBy", "deregisteredAt", "deleteRequestedAt",
	"requiresAttributes", "compatibilities"}

// changes returns what the later of two task definitions changes.
func changes(before, after *awsecs.TaskDefinition) []Change {
	all := []Change{}
	diff("", plain(before), plain(after), &all)
	return all[:min(len(all), maxChanges)]
}

// Differences returns what differs between two values as JSON has them.
func Differences(before, after any) []Change {
	var all []Change
	diff("", before, after, &all)
	return all[:min(len(all), maxChanges)]
}

// plain returns a task definition as JSON has it, with AWS's names, without noise. Empty lists and what is not there are the same to ECS.
func plain(definition *awsecs.TaskDefinition) any {
	text, err := jsonutil.BuildJSON(definition)
	var out map[string]any
	if err != nil || json.Unmarshal(text, &out) != nil { // a struct of the SDK's always encodes
		return nil
	}
	for _, key := range noise {
		delete(out, key)
	}
	return out
}

// diff appends the differences below a path.
func diff(path string, before, after any, all *[]Change) {
	before, after = shown(before), shown(after)
	if reflect.DeepEqual(before, after) || resource.IsEmpty(before) && resource.IsEmpty(after) {
		return
	}
	if b, a, ok := members(before, after); ok {
		if path != "" {
			path += "."
		}
		for _, key := range keysOf(b, a) {
			diff(path+key, b[key], a[key], all)
		}
		return
	}
	if b, a, ok := entries(before, after); ok {
		for _, key := range keysOf(b, a) {
			diff(fmt.Sprintf("%s[%s]", path, key), b[key], a[key], all)
		}
		return
	}
	*all = append(*all, Change{path, before, after})
}

// shown returns a value as a change tells of it: an entry that has no more than a name and a value is its value.
func shown(v any) any {
	entry, ok := v.(map[string]any)
	if !ok || len(entry) != 2 || entry["name"] == nil {
		return v
	}
	for _, key := range []string{"value", "valueFrom"} {
		if value, ok := entry[key]; ok {
			return value
		}
	}
	return v
}

// members returns the members of two objects, of which one may be missing below the top: then the other is one change.
func members(before, after any) (b, a map[string]any, ok bool) {
	b, isB := before.(map[string]any)
	a, isA := after.(map[string]any)
	return b, a, isB && isA
}

// entries returns the entries of two lists by name; not ok if they have none, or one twice.
func entries(before, after any) (b, a map[string]any, ok bool) {
	b, okB := byName(before)
	a, okA := byName(after)
	return b, a, okB && okA && len(b)+len(a) > 0
}

// byName returns the entries of a list by their names.
func byName(v any) (map[string]any, bool) {
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, false
	}
	all := map[string]any{}
	for _, item := range list {
		entry, _ := item.(map[string]any)
		name, ok := entry["name"].(string)
		if _, twice := all[name]; !ok || twice {
			return nil, false
		}
		all[name] = entry
	}
	return all, true
}

// keysOf returns the keys of either map, sorted.
func keysOf(a, b map[string]any) []string {
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

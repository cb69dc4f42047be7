package resource

import (
	"bytes"
	"encoding/json"
	"reflect"

	"ecs-api/orchestration/spec"
)

// Preview is what a request would do: the plan that it would apply.
type Preview struct {
	DryRun  bool
	ETag    *string // of the service as it is; nil if there is none
	Changes []Change
	// Images are those that the request would have tasks run, for whoever can look them up.
	Images []Image `json:"-"`
	// Missing are the secrets and parameters that tasks would read, and that are not there.
	Missing []spec.Reference `json:"-"`
	// Doubts are what of the task definition AWS will probably refuse.
	Doubts []spec.Doubt `json:"-"`
	// Subnets reports that tasks would have some to run in.
	Subnets bool `json:"-"`
	// Network is what is wrong with those that the request gives them.
	Network SubnetFaults `json:"-"`
	// Unproven is the task definition, as family:revision, that a patch builds on while its deployment is in progress; empty for none.
	Unproven string `json:"-"`
}

// SubnetFaults are subnets that tasks cannot run in, as far as that can be seen.
type SubnetFaults struct {
	Missing  []string // AWS has none of these
	Isolated []string // they have no route out of their VPC that tasks could use
}

// Image is a container image that a request would have tasks run.
type Image struct {
	Container string
	Image     string
	Secret    string // the credentials that the request gives for it; never shown
	Private   bool   // it is pulled with a secret whose value nobody reads
}

// Preview returns what a reader is shown of the plan. Of what it changes it says only what is set.
func (p *Plan) Preview(etag *string) *Preview {
	changes := p.Changes()
	for i := range changes {
		changes[i].Before, changes[i].After = compact(changes[i].Before), compact(changes[i].After)
	}
	return &Preview{DryRun: true, ETag: etag, Changes: changes, Subnets: true}
}

// compact returns a value as JSON has it, without the members that are null: the structs of the SDK have dozens.
func compact(v any) any {
	return without(asJSON(v), func(member any) bool { return member == nil })
}

// SaySame reports whether two values are the same to AWS, to which an empty list is one that is left out.
func SaySame(a, b any) bool {
	empty := func(member any) bool {
		switch m := member.(type) {
		case nil:
			return true
		case []any:
			return len(m) == 0
		case map[string]any:
			return len(m) == 0
		}
		return false
	}
	return reflect.DeepEqual(without(asJSON(a), empty), without(asJSON(b), empty))
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
func without(v any, leftOut func(any) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if leftOut(member) {
				delete(v, key)
			} else {
				v[key] = without(member, leftOut)
			}
		}
	case []any:
		for i := range v {
			v[i] = without(v[i], leftOut)
		}
	}
	return v
}

// PlannedID returns what AWS addresses the item by, or its name as long as it is not there.
func (it *Item) PlannedID() string {
	switch {
	case it.Now != nil:
		return it.Now.ID
	case it.Found != nil:
		return it.Found.ID
	}
	return it.Name()
}

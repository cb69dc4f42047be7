package resource

import (
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
	// Warnings are what of the task definition AWS will probably refuse.
	Warnings []spec.Warning `json:"-"`
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

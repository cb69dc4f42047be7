package resource

import (
	"ecs-api/orchestration/spec"
)

// Preview is what a dry run returns: the plan that the request would apply.
type Preview struct {
	DryRun  bool
	ETag    *string // of the service as it is; nil if there is none
	Changes []Change
	// Images are those that tasks would run, for callers that can verify them.
	Images []Image `json:"-"`
	// Missing are the secrets and parameters that tasks would read and that do not exist.
	Missing []spec.Reference `json:"-"`
	// Warnings say what AWS will probably refuse in the task definition.
	Warnings []spec.Warning `json:"-"`
	// Subnets reports whether tasks would have subnets to run in.
	Subnets bool `json:"-"`
	// Network is what is wrong with these subnets.
	Network SubnetFaults `json:"-"`
	// Unproven is the task definition, as family:revision, that a patch builds on while its deployment is in progress; empty for none.
	Unproven string `json:"-"`
}

// SubnetFaults are subnets in which tasks cannot run, as far as we can see that.
type SubnetFaults struct {
	Missing  []string // they do not exist
	Isolated []string // they have no route out of their VPC that tasks could use
}

// Image is a container image that a request would have tasks run.
type Image struct {
	Container string
	Image     string
	Secret    string // the credentials that the request gives for it; never shown
	Private   bool   // it is pulled with a secret whose value nobody reads
}

// Preview returns the plan as callers see it. Before and After contain only the members that are set.
func (p *Plan) Preview(etag *string) *Preview {
	changes := p.Changes()
	for i := range changes {
		changes[i].Before, changes[i].After = compact(changes[i].Before), compact(changes[i].After)
	}
	return &Preview{DryRun: true, ETag: etag, Changes: changes, Subnets: true}
}

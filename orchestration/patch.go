package orchestration

import (
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/patch"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// PatchInput says what is to be changed about a service, as a JSON merge patch; see package patch.
type PatchInput struct {
	patch.Input
	DesiredCount       *int64
	ForceNewDeployment *bool
}

// Elsewhere says where a key of a PUT belongs.
func (in *PatchInput) Elsewhere(key string) string {
	switch key {
	case "service":
		return "belongs in a PUT; a PATCH takes DesiredCount and ForceNewDeployment without it"
	case "forceredeploy":
		return "belongs in a PUT; a PATCH takes ForceNewDeployment"
	case "servicename":
		return "belongs in a PUT; the path of a PATCH names the service"
	}
	return in.Input.Elsewhere(key)
}

// Patch returns the request that changes what it names of a service, in one transaction: nobody's change on this server gets lost between reading and writing.
func (o *Orchestrator) Patch(cluster, service string, in *PatchInput) (*Write, error) {
	u, err := o.newPatch(cluster, service, in)
	if err != nil {
		return nil, err
	}
	return &Write{u}, nil
}

func (o *Orchestrator) newPatch(cluster, service string, in *PatchInput) (*update, error) {
	var p common.Problems
	u := &update{o: o, cluster: cluster, service: service, force: aws.BoolValue(in.ForceNewDeployment)}
	var callers common.Tags
	callers, u.untag = in.SplitTags(o.account.Org, &p)
	spec.CheckCount(&p, "DesiredCount", in.DesiredCount)
	if in.DesiredCount != nil {
		u.settings = &awsecs.UpdateServiceInput{DesiredCount: in.DesiredCount}
	}
	in.Check(&p)
	if in.Revises() {
		u.define, u.patches = in.Define, true
	}
	if u.define == nil && u.settings == nil && !u.force && len(in.Tags) == 0 {
		in.Nothing(&p, "DesiredCount", "Cpu, Memory, Tags, Containers or ForceNewDeployment")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	u.space = space.New(o.account, &o.transactions.Ledger, space.Want{
		Cluster: cluster, Name: service, Flavor: space.FlavorService, Builds: u.define != nil, Callers: callers,
	})
	return u, nil
}

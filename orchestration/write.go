package orchestration

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// Write is a request that changes a service, checked as far as that can be done without AWS. Plan says what it would do, and Apply does it; only one of them is
// called, once.
type Write struct{ u *update }

// IfMatch has the request fail with ETagMismatch unless the service is in the expected state, when it looks and again right before its first change.
func (w *Write) IfMatch(c etag.Condition) *Write {
	w.u.match = c
	return w
}

// Plan returns what the request would do. It reads what Apply reads, decides as that does, and changes nothing; so it locks nothing either.
func (w *Write) Plan(ctx context.Context) (*resource.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, resource.PlanTime)
	defer cancel()
	p, err := w.u.plan(ctx)
	if err != nil {
		return nil, common.Wrapf(err, "plan to %s service %s in cluster %s", w.u.verb(), w.u.service, w.u.cluster)
	}
	preview := p.Preview(aws.String(etag.Service(p.found.service)))
	preview.Unproven = p.unproven()
	switch {
	case p.revise.New != nil:
		containers := p.revise.Containers()
		preview.Images = space.Images(containers, w.u.space.Want.Credentials)
		preview.Warnings = spec.Warnings(p.revise.New.Input, p.revise.New.Field)
		preview.Missing = space.Missing(ctx, w.u.o.account, w.u.cluster, space.WithoutCredentials(containers, w.u.space.Want.Credentials),
			p.found.present.TaskDefinition.ContainerDefinitions)
	case p.revision != nil:
		containers := resource.ValueOf[*awsecs.TaskDefinition](p.revision.Now).ContainerDefinitions
		preview.Images = space.Images(containers, nil)
	}
	if p.adjusted.settings != nil && p.adjusted.settings.NetworkConfiguration != nil {
		preview.Network = space.Subnets(ctx, w.u.o.account, mergeNetwork(w.u, p.adjusted.settings.NetworkConfiguration, p.found.service.NetworkConfiguration))
	}
	return preview, nil
}

// Apply locks the service, looks, decides and applies. It is all or nothing: when a step fails, the service, its secrets' values and its revisions are as they
// were before the error is returned. A caller who hangs up does not stop it.
func (w *Write) Apply(ctx context.Context) (*UpdateOutput, error) { return w.u.do(ctx) }

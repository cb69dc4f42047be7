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

// Write is a request that changes a service. Everything about it that needs no AWS has been checked. Plan says what it would do, and Apply does it. Call only one
// of them, once.
type Write struct{ u *update }

// IfMatch lets the request fail with ETagMismatch if the service is not in the expected state: when it looks, and again right before its first change.
func (w *Write) IfMatch(c etag.Condition) *Write {
	w.u.match = c
	return w
}

// Plan returns what the request would do. It looks and decides like Apply. It changes nothing, so it takes no lock.
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

// Apply locks the service, looks, decides and applies, all or nothing: when a step fails, it restores the service, the values of its secrets and its revisions, then
// returns the error. A caller who hangs up does not stop it.
func (w *Write) Apply(ctx context.Context) (*UpdateOutput, error) { return w.u.do(ctx) }

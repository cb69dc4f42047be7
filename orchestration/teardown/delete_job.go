package teardown

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// deleteArgs are the arguments of the job of a recursive delete.
type deleteArgs struct {
	Cluster string         `json:"cluster"`
	Service string         `json:"service"`
	ID      string         `json:"id"` // of the request: what a later one created or adopted stays
	Match   etag.Condition `json:"match"`
	Params  bool           `json:"params,omitempty"`
}

// scope returns what the delete deletes together with the service.
func (a deleteArgs) scope() Scope { return Scope{Recursive: true, Params: a.Params} }

// runServiceJob does the job of a recursive delete. The request has deleted the service, unless its server ended before. The job can run again after an interruption:
// it continues with what is left.
func (d *Deleter) runServiceJob(ctx context.Context, job operations.Job) (json.RawMessage, error) {
	var args deleteArgs
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return nil, common.Errorf(common.Internal, "read the job of operation %s: %w", job.Operation, err)
	}
	t, err := d.lookForDelete(saga.WithProgress(ctx, nil), args.Cluster, args.Service, args.ID, etag.Condition{}) // the request has shown this reading
	if err != nil {
		return nil, err
	}
	t.params = args.Params
	if aws.StringValue(t.service.Status) == resource.StatusActive {
		if err := t.deleteForJob(ctx, args.Match, job.Began); err != nil {
			return nil, err
		}
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return encode(Output{t.stopped})
}

// deleteForJob deletes the service if the request of the job has not deleted it, and only in the state that the request expected. It may find a service that the
// request has deleted while ECS does not show that yet.
func (t *teardown) deleteForJob(ctx context.Context, match etag.Condition, began time.Time) error {
	created := aws.TimeValue(t.service.CreatedAt)
	if resource.CreatedAfter(ecs.ToTags(t.service.Tags), t.id) || created.After(began) {
		return common.Coded(common.CodeConcurrentChange, "service %s was created again meanwhile", t.name)
	}
	if match.Compares() {
		now, err := t.account.ECS.Service(ctx, t.cluster, t.name)
		switch {
		case resource.IgnoreNotFound(err) != nil:
			return err
		case now == nil || aws.StringValue(now.Status) != resource.StatusActive:
			return nil // the request has deleted it after all, which ECS did not show at once
		}
		if err := match.Check("service "+t.name, etag.Service(now)); err != nil {
			return err
		}
	}
	_, err := t.decideService(&Output{}).Apply()(ctx)
	return err
}

// encode returns the JSON of what a request returns.
func encode(out any) (json.RawMessage, error) {
	encoded, err := json.Marshal(out)
	if err != nil {
		return nil, common.Errorf(common.Internal, "encode the result: %w", err)
	}
	return encoded, nil
}

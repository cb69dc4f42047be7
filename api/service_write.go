package api

import (
	"net/url"

	textreport "ecs-api/api/report"
	"ecs-api/api/urlparams"
	"ecs-api/api/warnings"
	"ecs-api/common"
	"ecs-api/orchestration"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/oneoff"
)

// createService creates a service and all it needs.
func createService(c call, in orchestration.CreateInput) (any, error) {
	if c.flag(flagDryRun) {
		plan, err := c.account.Orchestrator.PlanCreate(c.Context(), &in)
		return c.preview(plan, err)
	}
	out, err := c.account.Orchestrator.Create(c.Context(), &in)
	if err != nil {
		return nil, err
	}
	if out.Replayed {
		c.header.Set(headerReplayed, "true")
	}
	c.header.Set(headerETag, etag.Service(out.Service))
	out.Deployment = c.account.Observer.AfterWrite(c.Context(), out.Service, out.Deployment, c.waitWritten())
	return &created{out, c.warnings()}, nil
}

// changes makes an endpoint of what changes a service.
func changes[In any](change func(call, target, *In) (*orchestration.Write, error)) func(call, In) (any, error) {
	return targeted(func(c call, at target, in In) (any, error) {
		write, err := change(c, at, &in)
		if err != nil {
			return nil, err
		}
		if c.flag(flagDryRun) {
			plan, err := write.IfMatch(c.match).Plan(c.Context())
			return c.preview(plan, err)
		}
		out, err := write.IfMatch(c.match).Apply(c.Context())
		if err != nil {
			return nil, err
		}
		c.header.Set(headerETag, etag.Service(out.Service))
		out.Deployment = c.account.Observer.AfterWrite(c.Context(), out.Service, out.Deployment, c.waitWritten())
		return &updated{out, append(c.warnings(), warnings.Unproven(out.Unproven)...)}, nil
	})
}

func updateService(c call, at target, in *orchestration.UpdateInput) (*orchestration.Write, error) {
	return c.account.Orchestrator.Update(at.cluster, at.service, in)
}

// updateNamedService changes the service that the body names.
func updateNamedService(c call, at target, in *orchestration.UpdateInput) (*orchestration.Write, error) {
	name := in.Name()
	if name == "" {
		return nil, common.Invalid(common.FieldError{Field: "ServiceName",
			Detail: "is required: name the service in the path, as ServiceName or as Service.Service"})
	}
	if err := urlparams.CheckName(name); err != nil {
		return nil, common.Invalid(common.FieldError{Field: "ServiceName", Detail: err.Error()})
	}
	return c.account.Orchestrator.Update(at.cluster, name, in)
}

func patchService(c call, at target, in *orchestration.PatchInput) (*orchestration.Write, error) {
	return c.account.Orchestrator.Patch(at.cluster, at.service, in)
}

func rollBackService(c call, at target, in *orchestration.RollbackInput) (*orchestration.Write, error) {
	return c.account.Orchestrator.Rollback(at.cluster, at.service, in)
}

func restartService(c call, at target, _ *none) (*orchestration.Write, error) {
	return c.account.Orchestrator.Restart(at.cluster, at.service)
}

func powerService(c call, at target, in *orchestration.PowerInput) (*orchestration.Write, error) {
	return c.account.Orchestrator.Power(at.cluster, at.service, in)
}

// run is the response to a request that runs a one-off task.
type run struct {
	*oneoff.Output
	Warnings []warnings.Warning
}

// Text returns the task as a report.
func (r *run) Text() string { return textreport.Run(r.Output) }

// runTask runs a one-off task of the service, and says where it can be followed until it is stopped.
func runTask(c call, at target, in oneoff.Input) (*run, error) {
	out, err := c.account.Runs.Run(c.Context(), at.cluster, at.service, &in, c.wait())
	if err != nil {
		return nil, err
	}
	if out.Replayed {
		c.header.Set(headerReplayed, "true")
	}
	if out.Operation != "" { // none where it had stopped before
		c.header.Set(headerOperation, base+"/"+url.PathEscape(c.name("account"))+"/operations/"+out.Operation)
	}
	return &run{out, c.warnings()}, nil
}

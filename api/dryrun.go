package api

import (
	"net/http"

	textreport "ecs-api/api/report"
	"ecs-api/api/urlparams"
	"ecs-api/api/warnings"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// flagDryRun is the query's flag for a request that is to say what it would do, and do nothing.
const flagDryRun = "dryRun"

// fieldSubnets is where a request names subnets.
const fieldSubnets = "service.networkConfiguration.awsvpcConfiguration.subnets"

// dryRun is the response to a dry run.
type dryRun struct {
	*resource.Preview
	Warnings []warnings.Warning
}

// Text returns the plan as text.
func (d *dryRun) Text() string {
	var lines []string
	for _, w := range d.Warnings {
		lines = append(lines, w.Code+" "+w.Field+": "+w.Detail)
	}
	return textreport.Plan(d.Preview, lines)
}

// preview returns the response to a dry run.
func (c call) preview(plan *resource.Preview, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := &dryRun{plan, append(c.warnings(), warnings.Unproven(plan.Unproven)...)}
	if !plan.Subnets {
		out.Warnings = append(out.Warnings, warnings.Warning{Code: "NoSubnets", Field: "service.networkConfiguration",
			Detail: "neither the request nor the account's configuration has subnets: AWS refuses such a service"})
	}
	for _, id := range plan.Network.Missing {
		out.Warnings = append(out.Warnings, warnings.Warning{Code: "SubnetMissing", Field: fieldSubnets,
			Detail: "there is no subnet " + id + ": AWS refuses such a service"})
	}
	for _, id := range plan.Network.Isolated {
		out.Warnings = append(out.Warnings, warnings.Warning{Code: "SubnetIsolated", Field: fieldSubnets,
			Detail: "the routes of " + id + " do not lead out of its VPC for tasks, which have no public address; unless its VPC has endpoints for all that tasks need to start, they do not"})
	}
	for _, d := range plan.Warnings {
		out.Warnings = append(out.Warnings, warnings.Warning{Code: d.Code, Field: d.Field, Detail: d.Detail})
	}
	for _, ref := range plan.Missing {
		out.Warnings = append(out.Warnings, warnings.Warning{Code: string(diagnosis.SecretMissing), Field: ref.Field,
			Detail: "there is no " + ref.Value + ": tasks would not start; create it first"})
	}
	out.Warnings = append(out.Warnings, warnings.Images(c.Context(), c.server.images, plan.Images)...)
	for i := range out.Warnings {
		if c.body != nil {
			out.Warnings[i].Field = c.body.Spelled(out.Warnings[i].Field)
		}
	}
	return out, nil
}

// isDryRun reports whether r asks for a dry run: of an endpoint that has none it is refused.
func isDryRun(r *http.Request) bool {
	return urlparams.IsSet(r.URL, flagDryRun)
}

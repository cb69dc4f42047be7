package report

import (
	"fmt"
	"slices"
	"strings"

	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/resource"
)

// marks begin the lines of a plan.
var marks = map[resource.Action]string{
	resource.ActionCreate: "+", resource.ActionAdopt: "=", resource.ActionUpdate: "~", resource.ActionReplace: "~", resource.ActionKeep: "=", resource.ActionDelete: "-",
}

// Plan returns a plan as text: a line for each change with why, and below it what differs.
func Plan(preview *resource.Preview, warnings []string) string {
	var p page
	for _, c := range preview.Changes {
		p.wrapped(fmt.Sprintf("%s %s ", marks[c.Action], c.Action), fmt.Sprintf("%s %s: %s", c.Resource.Word(), c.Name, c.Reason))
		if c.Action == resource.ActionKeep || c.Before == nil {
			continue
		}
		for _, d := range observe.Differences(asAWS(c.Before), asAWS(c.After)) {
			p.line("    %s", clean(change(d)))
		}
	}
	if len(preview.Changes) == 0 {
		p.line("nothing to do")
	}
	if len(warnings) > 0 {
		p.heading("warnings")
		for _, w := range warnings {
			p.wrapped("  ", w)
		}
	}
	return p.String()
}

// free are the members of AWS's whose own keys are the caller's.
var free = []string{"DockerLabels", "Options", "DriverOpts", "Labels", "Tags"}

// asAWS returns what JSON says of a value of the SDK's with AWS's names, as GET …/revisions has them: image, not Image.
func asAWS(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, member := range v {
			if !slices.Contains(free, key) {
				member = asAWS(member)
			}
			out[strings.ToLower(key[:min(1, len(key))])+key[min(1, len(key)):]] = member
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asAWS(v[i])
		}
		return out
	}
	return v
}

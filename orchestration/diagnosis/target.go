package diagnosis

import (
	"ecs-api/common"
	"fmt"
	"strings"
)

// targetAction says what to do about a target in a state, with the reason's code and the description; empty if nothing is wrong with it.
func targetAction(t Target) string {
	description := fold(common.Value(t.Reason))
	switch {
	case t.State == "unhealthy" && (t.ReasonCode == "Target.ResponseCodeMismatch" || strings.Contains(description, "with these codes")):
		return codeAction(description)
	case t.State == "unhealthy" && (t.ReasonCode == "Target.Timeout" || strings.Contains(description, "timed out")):
		return "The target does not respond: open the task's security group to the load balancer on the port, correct the port, or give the health check a longer timeout."
	case t.State == "unhealthy" && t.ReasonCode == "Elb.InternalError":
		return "The fault is the load balancer's. Wait; ask AWS's support if it stays."
	case t.State == "unhealthy":
		return "The target refuses connections or responds badly: the program must listen on the port and on all addresses, not on 127.0.0.1; a TLS health check wants a TLS port."
	case t.State == "unused" && t.ReasonCode == "Target.NotInUse":
		return "No listener sends requests to the target group, or the load balancer has no subnet in the task's zone. Add a listener rule, or the zone."
	case t.State == "unused":
		return "The task is not registered in the target group, or its address cannot be used. Force a new deployment if it stays."
	}
	return ""
}

// codeAction says what to do about the status codes that a health check got: they mean that network and port are right.
func codeAction(description string) string {
	switch {
	case strings.Contains(description, "[404]"):
		return "The health check's path is wrong: the program has nothing there. Correct the path of the target group's health check."
	case strings.Contains(description, "[30"):
		return "The health check is redirected, to HTTPS or to a login. Give it a path that is not, or accept the code in its matcher."
	case strings.Contains(description, "[401]"), strings.Contains(description, "[403]"):
		return "The health check's path wants a login. Give it a path that needs none."
	case strings.Contains(description, "[5"):
		return "The program responds to the health check with an error. Look at its log: GET …/logs"
	}
	return "The program responds to the health check with a code that its matcher does not accept. Correct the path or the matcher."
}

// targetProblem returns what is wrong with a target, if anything is.
func targetProblem(t Target) (Problem, bool) {
	action := targetAction(t)
	if action == "" {
		return Problem{}, false
	}
	detail := fmt.Sprintf("target %s:%d is %s", t.Id, t.Port, t.State)
	if reason := common.Value(t.Reason); reason != "" {
		detail += ": " + reason
	}
	return Problem{Code: TargetUnhealthy, Count: 1, Detail: detail, Action: action}, true
}

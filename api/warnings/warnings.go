// Package warnings finds what a caller should know of a request that succeeds all the same.
package warnings

// Warning is what a caller should know.
type Warning struct {
	Code   string // such as IgnoredField
	Field  string // its path in the body, as the caller wrote it
	Detail string
}

// codeIgnored is the code of warnings about keys that nobody knows.
const codeIgnored = "IgnoredField"

// Ignored returns warnings of the keys of a body that were ignored; an empty list for none.
func Ignored(paths []string) []Warning {
	all := []Warning{}
	for _, path := range paths {
		all = append(all, Warning{codeIgnored, path, "is unknown here, and was ignored"})
	}
	return all
}

// codeInProgress is the code of a change that builds on a task definition whose deployment has no outcome yet.
const codeInProgress = "DeploymentInProgress"

// Unproven returns the warning of a patch that builds on a task definition whose deployment has no outcome yet; none if the task definition is empty.
func Unproven(taskDefinition string) []Warning {
	if taskDefinition == "" {
		return nil
	}
	return []Warning{{codeInProgress, "Containers", "the change builds on " + taskDefinition + ", whose deployment has no outcome yet: if ECS rolls the service back, the change goes with it. Look at the Outcome, and repeat the change then"}}
}

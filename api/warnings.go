package api

import "ecs-api/orchestration"

// warning is what a caller should know of a request that succeeds all the same.
type warning struct {
	Code   string // such as IgnoredField
	Field  string // its path in the body, as the caller wrote it
	Detail string
}

// codeIgnored is the code of warnings about keys that nobody knows.
const codeIgnored = "IgnoredField"

// warnings returns what the caller should know of the body: the keys that were ignored.
func (c call) warnings() []warning {
	all := []warning{}
	if c.body != nil {
		for _, path := range c.body.Ignored {
			all = append(all, warning{codeIgnored, path, "is unknown here, and was ignored"})
		}
	}
	return all
}

// created is the response to a create of a service.
type created struct {
	*orchestration.CreateOutput
	Warnings []warning
}

// updated is the response to an update of a service.
type updated struct {
	*orchestration.UpdateOutput
	Warnings []warning
}

package api

import (
	"ecs-api/api/warnings"
	"ecs-api/orchestration"
)

// warnings returns what the caller should know of the body: the keys that were ignored.
func (c call) warnings() []warnings.Warning {
	if c.body == nil {
		return warnings.Ignored(nil)
	}
	return warnings.Ignored(c.body.Ignored)
}

// created is the response to a create of a service.
type created struct {
	*orchestration.CreateOutput
	Warnings []warnings.Warning
}

// updated is the response to an update of a service.
type updated struct {
	*orchestration.UpdateOutput
	Warnings []warnings.Warning
}

package patch

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/spec"
	"ecs-api/registry"
)

// Container says what is to be changed about a container.
type Container struct {
	Image             *string
	Command           []*string
	EntryPoint        []*string
	WorkingDirectory  *string
	User              *string
	Essential         *bool
	Cpu               *spec.Quantity // AWS's spelling
	Memory            *spec.Quantity
	MemoryReservation *spec.Quantity
	Environment       map[string]*string `body:"nulls"` // values by name
	Secrets           map[string]*string `body:"nulls"` // valueFrom by name: a secret or a parameter of the space
	DockerLabels      map[string]*string `body:"nulls"`
	HealthCheck       *awsecs.HealthCheck
	PortMappings      []*awsecs.PortMapping
	LogConfiguration  *awsecs.LogConfiguration
	StopTimeout       *int64
}

// check adds what is wrong with the changes of the container whose path is at.
func (c *Container) check(p *common.Problems, at string) {
	if c.Image != nil && *c.Image == "" {
		p.Add(at+".Image", "must not be empty")
	} else if c.Image != nil {
		if wrong := registry.WrongReference(*c.Image); wrong != "" {
			p.Add(at+".Image", "%s", wrong)
		}
	}
	for _, q := range []struct {
		field string
		value *spec.Quantity
	}{{"Cpu", c.Cpu}, {"Memory", c.Memory}, {"MemoryReservation", c.MemoryReservation}} {
		if q.value == nil {
			continue
		}
		if n, err := q.value.Whole(); err != nil || *n < 0 {
			p.Add(at+"."+q.field, "must be a whole number")
		}
	}
	for name := range c.Environment {
		if strings.TrimSpace(name) == "" {
			p.Add(at+".Environment", "must name each variable")
			break
		}
	}
	spec.CheckContainer(p, at+".", &awsecs.ContainerDefinition{PortMappings: c.PortMappings, HealthCheck: c.HealthCheck,
		LogConfiguration: c.LogConfiguration, StopTimeout: c.StopTimeout})
}

// apply changes the container. Removed says which fields are null.
func (c *Container) apply(out *awsecs.ContainerDefinition, removed func(field string) bool) {
	set(&out.Image, c.Image, false)
	set(&out.WorkingDirectory, c.WorkingDirectory, removed("WorkingDirectory"))
	set(&out.User, c.User, removed("User"))
	set(&out.Essential, c.Essential, removed("Essential"))
	out.HealthCheck = overlay(out.HealthCheck, c.HealthCheck, "HealthCheck", removed)
	out.LogConfiguration = changeLog(out.LogConfiguration, c.LogConfiguration, removed)
	set(&out.StopTimeout, c.StopTimeout, removed("StopTimeout"))
	setQuantity(&out.Cpu, c.Cpu, removed("Cpu"))
	setQuantity(&out.Memory, c.Memory, removed("Memory"))
	setQuantity(&out.MemoryReservation, c.MemoryReservation, removed("MemoryReservation"))
	setList(&out.Command, c.Command, removed("Command"))
	setList(&out.EntryPoint, c.EntryPoint, removed("EntryPoint"))
	setList(&out.PortMappings, c.PortMappings, removed("PortMappings"))
	if removed("Environment") {
		out.Environment = nil
	}
	if removed("Secrets") {
		out.Secrets = nil
	}
	if removed("DockerLabels") {
		out.DockerLabels = nil
	}
	out.Environment = merge(out.Environment, c.Environment, func(e *awsecs.KeyValuePair) **string { return &e.Name },
		func(e *awsecs.KeyValuePair) **string { return &e.Value })
	out.Secrets = merge(out.Secrets, c.Secrets, func(s *awsecs.Secret) **string { return &s.Name }, func(s *awsecs.Secret) **string { return &s.ValueFrom })
	for key, value := range c.DockerLabels {
		if value == nil {
			delete(out.DockerLabels, key)
			continue
		}
		if out.DockerLabels == nil {
			out.DockerLabels = map[string]*string{}
		}
		out.DockerLabels[key] = value
	}
}

// changeLog returns the log configuration with what the patch changes of it. Options of another driver do not stay.
func changeLog(now, change *awsecs.LogConfiguration, removed func(field string) bool) *awsecs.LogConfiguration {
	if now != nil && change != nil && change.LogDriver != nil && aws.StringValue(now.LogDriver) != *change.LogDriver {
		now = nil
	}
	out := overlay(now, change, "LogConfiguration", removed)
	if now == nil || out == nil || change == nil || change.Options == nil {
		return out
	}
	out.Options = maps.Clone(now.Options)
	if out.Options == nil {
		out.Options = map[string]*string{}
	}
	maps.Copy(out.Options, change.Options)
	return out
}

// overlay returns a part of a container with what the change has over it; path is the part's. Members that are null are removed, and so is all of it.
func overlay[T any](now, change *T, path string, removed func(field string) bool) *T {
	switch {
	case removed(path):
		return nil
	case change == nil:
		return now
	}
	var out T
	if now != nil {
		out = *now
	}
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(change).Elem()
	for field := range from.Type().Fields() {
		if field.IsExported() && (removed(path+"."+field.Name) || !from.FieldByIndex(field.Index).IsNil()) {
			to.FieldByIndex(field.Index).Set(from.FieldByIndex(field.Index))
		}
	}
	return &out
}

// set sets or removes one field.
func set[T any](field **T, value *T, removed bool) {
	if removed || value != nil {
		*field = value
	}
}

func setList[T any](field *[]T, value []T, removed bool) {
	if removed || value != nil {
		*field = value
	}
}

func setQuantity(field **int64, value *spec.Quantity, removed bool) {
	if removed {
		*field = nil
	}
	if value != nil {
		if n, err := value.Whole(); err == nil { // check has seen that it is one
			*field = n
		}
	}
}

// merge changes, adds and removes entries of a list of names and values, and keeps the order.
func merge[T any](list []*T, changes map[string]*string, name, value func(*T) **string) []*T {
	out := list[:0:0] // an empty list stays one, and is no change
	known := map[string]bool{}
	for _, e := range list {
		key := aws.StringValue(*name(e))
		known[key] = true
		change, ok := changes[key]
		if ok && change == nil {
			continue
		}
		if ok {
			*value(e) = change
		}
		out = append(out, e)
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		if v := changes[key]; v != nil && !known[key] {
			e := new(T)
			*name(e), *value(e) = aws.String(key), v
			out = append(out, e)
		}
	}
	return out
}

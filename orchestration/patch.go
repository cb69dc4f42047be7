package orchestration

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// PatchInput says what is to be changed about a service, as a JSON merge patch (RFC 7396): only what is named changes, and null removes.
type PatchInput struct {
	DesiredCount       *int64
	Cpu                *Quantity                  // AWS's spelling
	Memory             *Quantity                  // of the task, as Cpu
	Tags               map[string]*string         `body:"nulls"` // of everything that belongs to the service
	Containers         map[string]*ContainerPatch // by name
	ForceNewDeployment *bool

	nulls []string // the paths of members that are null
}

// SetNulls says which members of the request are null, by their paths in lower case.
func (in *PatchInput) SetNulls(paths []string) { in.nulls = paths }

// ContainerPatch says what is to be changed about a container.
type ContainerPatch struct {
	Image             *string
	Command           []*string
	EntryPoint        []*string
	WorkingDirectory  *string
	User              *string
	Essential         *bool
	Cpu               *Quantity // AWS's spelling
	Memory            *Quantity
	MemoryReservation *Quantity
	Environment       map[string]*string `body:"nulls"` // values by name
	Secrets           map[string]*string `body:"nulls"` // valueFrom by name: a secret or a parameter of the space
	DockerLabels      map[string]*string `body:"nulls"`
	HealthCheck       *awsecs.HealthCheck
	PortMappings      []*awsecs.PortMapping
	LogConfiguration  *awsecs.LogConfiguration
	StopTimeout       *int64
}

// Quantity is an amount of CPU or memory: a number or text, as callers write both.
type Quantity = spec.Quantity

// Patch returns the request that changes what it names of a service, in one transaction: nobody's change on this server gets lost between reading and writing.
func (o *Orchestrator) Patch(cluster, service string, in *PatchInput) (*Write, error) {
	u, err := o.newPatch(cluster, service, in)
	if err != nil {
		return nil, err
	}
	return &Write{u}, nil
}

func (o *Orchestrator) newPatch(cluster, service string, in *PatchInput) (*update, error) {
	var p common.Problems
	u := &update{o: o, cluster: cluster, service: service, force: aws.BoolValue(in.ForceNewDeployment)}
	callers := in.splitTags(u, &p)
	p = append(p, tagProblems(o.account.Org, callers)...)
	if aws.Int64Value(in.DesiredCount) < 0 {
		p.Add("DesiredCount", "must not be negative")
	}
	if in.DesiredCount != nil {
		u.settings = &awsecs.UpdateServiceInput{DesiredCount: in.DesiredCount}
	}
	in.check(&p)
	if in.Cpu != nil || in.Memory != nil || len(in.Containers) > 0 {
		u.define = in.define
	}
	if u.define == nil && u.settings == nil && !u.force && len(in.Tags) == 0 {
		p.Add("DesiredCount", "must be given, or Cpu, Memory, Tags, Containers or ForceNewDeployment: there is nothing to change")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	u.space = space.New(o.account, &o.tx.Ledger, space.Want{
		Cluster: cluster, Name: service, Flavor: space.FlavorService, Builds: u.define != nil, Callers: callers,
	})
	return u, nil
}

// splitTags returns the tags that the request sets, and gives u the keys of those that it removes.
func (in *PatchInput) splitTags(u *update, p *common.Problems) (callers common.Tags) {
	for _, key := range slices.Sorted(maps.Keys(in.Tags)) {
		switch value := in.Tags[key]; {
		case value == nil && strings.HasPrefix(key, "spinup:"):
			p.Add("Tags."+key, "is ours to set, and cannot be removed")
		case value == nil:
			u.untag = append(u.untag, key)
		default:
			callers = append(callers, common.Tag{Key: key, Value: *value})
		}
	}
	return callers
}

// tagProblems returns what is wrong with the tags that the request sets, by their keys.
func tagProblems(org string, callers common.Tags) common.Problems {
	var p common.Problems
	space.TagChecks{Org: org, Callers: callers}.Request(&p, true)
	for i := range p {
		var tag int
		n, _ := fmt.Sscanf(p[i].Field, "tags[%d]", &tag)
		if p[i].Field = "Tags"; n == 1 {
			p[i].Field += "." + callers[tag].Key
		}
	}
	return p
}

// check adds what is wrong with the request whatever the service is.
func (in *PatchInput) check(p *common.Problems) {
	for _, path := range in.nulls {
		parts := strings.SplitN(path, ".", 3) // containers.web.user, tags.owner
		removable := parts[0] == "tags" && len(parts) > 1 || parts[0] == "containers" && len(parts) == 3 && parts[2] != "image"
		if !removable {
			p.Add(path, "must not be null: it cannot be removed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Containers)) {
		c, at := in.Containers[name], "Containers."+name
		if c == nil {
			continue // it is among the nulls
		}
		c.check(p, at)
	}
}

// check adds what is wrong with the changes of the container whose path is at.
func (c *ContainerPatch) check(p *common.Problems, at string) {
	if c.Image != nil && *c.Image == "" {
		p.Add(at+".Image", "must not be empty")
	}
	for field, q := range map[string]*Quantity{"Cpu": c.Cpu, "Memory": c.Memory, "MemoryReservation": c.MemoryReservation} {
		if q == nil {
			continue
		}
		if n, err := q.Whole(); err != nil || *n < 0 {
			p.Add(at+"."+field, "must be a whole number")
		}
	}
}

// define returns the present task definition with what the request changes.
func (in *PatchInput) define(present *awsecs.TaskDefinition) (*space.Registration, error) {
	out := space.CopyDefinition(present)
	if in.Cpu != nil {
		out.Cpu = aws.String(string(*in.Cpu))
	}
	if in.Memory != nil {
		out.Memory = aws.String(string(*in.Memory))
	}
	var p common.Problems
	for _, name := range slices.Sorted(maps.Keys(in.Containers)) {
		i := slices.IndexFunc(out.ContainerDefinitions, func(c *awsecs.ContainerDefinition) bool { return aws.StringValue(c.Name) == name })
		if i < 0 {
			p.Add("Containers."+name, "is no container of task definition %s, which has %s", account.NameOf(aws.StringValue(present.TaskDefinitionArn)), containerNames(present))
			continue
		}
		in.Containers[name].apply(out.ContainerDefinitions[i], func(field string) bool {
			return slices.Contains(in.nulls, strings.ToLower("containers."+name+"."+field))
		})
	}
	field := func(path string) string { return patchField(path, out) }
	p.AddSDK("taskdefinition", out)
	for i := range p {
		p[i].Field = field(p[i].Field)
	}
	if reflect.DeepEqual(out, space.CopyDefinition(present)) {
		return nil, p.Err() // the present revision stays: nothing is to be deployed
	}
	return &space.Registration{Input: out, IsCopy: true, Field: field}, p.Err()
}

// containerField is the path of a container's field in a task definition.
var containerField = regexp.MustCompile(`^taskdefinition\.containerdefinitions\[(\d+)\](?:\.secrets\[(\d+)\])?(.*)$`)

// patchField returns what a patch calls a field of the task definition: it names containers and secrets.
func patchField(path string, def *awsecs.RegisterTaskDefinitionInput) string {
	match := containerField.FindStringSubmatch(path)
	if match == nil {
		return strings.TrimPrefix(path, "taskdefinition.")
	}
	index, _ := strconv.Atoi(match[1])
	c := def.ContainerDefinitions[index]
	field := "Containers." + aws.StringValue(c.Name)
	if match[2] == "" {
		return field + match[3]
	}
	secret, _ := strconv.Atoi(match[2])
	return field + ".Secrets." + aws.StringValue(c.Secrets[secret].Name)
}

func containerNames(def *awsecs.TaskDefinition) string {
	var names []string
	for _, c := range def.ContainerDefinitions {
		names = append(names, aws.StringValue(c.Name))
	}
	return strings.Join(names, ", ")
}

// apply changes the container. Removed says which fields are null.
func (c *ContainerPatch) apply(out *awsecs.ContainerDefinition, removed func(field string) bool) {
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
	out.Environment = merge(out.Environment, c.Environment, func(e *awsecs.KeyValuePair) **string { return &e.Name }, func(e *awsecs.KeyValuePair) **string { return &e.Value })
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

func setQuantity(field **int64, value *Quantity, removed bool) {
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

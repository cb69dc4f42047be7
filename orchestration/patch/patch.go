// Package patch changes task definitions and tags by JSON merge patches (RFC 7396), those of services and of managed task definitions alike. It owns one rule:
// only what a patch names changes, and null removes it.
package patch

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

// Input says what is to be changed.
type Input struct {
	Cpu        *spec.Quantity        // AWS's spelling
	Memory     *spec.Quantity        // of the task, as Cpu
	Tags       map[string]*string    `body:"nulls"` // of everything
	Containers map[string]*Container // by name

	spec.Unread
	nulls []string // the paths of members that are null
}

// Elsewhere says where a key of a PUT belongs.
func (in *Input) Elsewhere(key string) string {
	switch key {
	case "taskdefinition":
		return "belongs in a PUT; a PATCH takes Cpu, Memory and Containers without it"
	case "credentials":
		return "belongs in a PUT"
	}
	return ""
}

// Elsewhere says where a key of a PATCH, in lower case, belongs in a PUT; empty for any other.
func Elsewhere(key string) string {
	switch key {
	case "cpu", "memory":
		return "belongs below TaskDefinition in a PUT, or use PATCH"
	case "containers":
		return "belongs in a PATCH; a PUT takes TaskDefinition.ContainerDefinitions"
	}
	return ""
}

// SetNulls says which members of the request are null, by their paths in lower case.
func (in *Input) SetNulls(paths []string) { in.nulls = paths }

// Revises reports whether it changes the task definition.
func (in *Input) Revises() bool { return in.Cpu != nil || in.Memory != nil || len(in.Containers) > 0 }

// SplitTags returns the tags that the request sets, and the keys of those that it removes, and adds what is wrong with them.
func (in *Input) SplitTags(org string, p *common.Problems) (callers common.Tags, untag []string) {
	for _, key := range slices.Sorted(maps.Keys(in.Tags)) {
		switch value := in.Tags[key]; {
		case value == nil && strings.HasPrefix(key, "spinup:"):
			p.Add("Tags."+key, "is ours to set, and cannot be removed")
		case value == nil:
			untag = append(untag, key)
		default:
			callers = append(callers, common.Tag{Key: key, Value: *value})
		}
	}
	*p = append(*p, tagProblems(org, callers)...)
	return callers, untag
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

// Check adds what is wrong with the request whatever it is to change.
func (in *Input) Check(p *common.Problems) {
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

// Define returns the present task definition with what the request changes.
func (in *Input) Define(present *awsecs.TaskDefinition) (*space.Registration, error) {
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
			p.Add("Containers."+name, "is no container of task definition %s, which has %s",
				account.NameOf(aws.StringValue(present.TaskDefinitionArn)), containerNames(present))
			continue
		}
		in.Containers[name].apply(out.ContainerDefinitions[i], func(field string) bool {
			return slices.Contains(in.nulls, strings.ToLower("containers."+name+"."+field))
		})
	}
	field := func(path string) string { return patchField(path, out) }
	p.AddSDK("taskdefinition", out)
	same := reflect.DeepEqual(out, space.CopyDefinition(present))
	if !same {
		spec.CheckContainers(&p, "taskdefinition.", out.ContainerDefinitions)
		spec.CheckSizes(&p, "taskdefinition.", out)
	}
	for i := range p {
		p[i].Field = field(p[i].Field)
	}
	if same {
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

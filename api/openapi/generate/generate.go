package main

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/ecs/sdk/ecs"
)

// root is a type that a request or a response holds.
type root struct {
	name     string // in the document
	of       any
	input    bool
	required []string // instead of what AWS requires; nil leaves it
	without  []string // members that the document describes by hand
}

// roots are the types that the rest of the document refers to. What callers may send comes first: a type that goes both ways is closed.
var roots = []root{
	{name: "CreateClusterInput", of: ecs.CreateClusterInput{}, input: true},
	{name: "RegisterTaskDefinitionInput", of: ecs.RegisterTaskDefinitionInput{}, input: true},
	{name: "TaskDefinitionChange", of: ecs.RegisterTaskDefinitionInput{}, input: true, required: []string{"ContainerDefinitions"}},
	{name: "CreateServiceInput", of: ecs.CreateServiceInput{}, input: true},
	{name: "UpdateServiceInput", of: ecs.UpdateServiceInput{}, input: true, required: []string{}},
	{name: "RunTaskInput", of: ecs.RunTaskInput{}, input: true},
	{name: "HealthCheckPatch", of: ecs.HealthCheck{}, input: true, required: []string{}},
	{name: "LogConfigurationPatch", of: ecs.LogConfiguration{}, input: true, required: []string{}},
	{name: "CreateCloudMapServiceInput", of: servicediscovery.CreateServiceInput{}, input: true},
	{name: "CreateSecretInput", of: secretsmanager.CreateSecretInput{}, input: true},
	{name: "CredentialChange", of: secretsmanager.CreateSecretInput{}, input: true, required: []string{"SecretString"}},
	{name: "PutParameterInput", of: ssm.PutParameterInput{}, input: true},
	{name: "ParameterChange", of: ssm.PutParameterInput{}, input: true, required: []string{}},
	{name: "Failure", of: ecs.Failure{}},
	{name: "Cluster", of: ecs.Cluster{}},
	{name: "ServiceCore", of: ecs.Service{}, required: []string{"ServiceName", "ServiceArn", "Status"}, without: []string{"TaskDefinition"}},
	{name: "Task", of: ecs.Task{}, required: []string{"TaskArn"}},
	{name: "TaskDefinition", of: ecs.TaskDefinition{}, required: []string{"TaskDefinitionArn"}},
	{name: "CloudMapService", of: servicediscovery.Service{}, required: []string{"Id", "Arn", "Name"}},
	{name: "Secret", of: secretsmanager.DescribeSecretOutput{}, required: []string{"ARN", "Name"}},
}

// alone are enumerations of ECS that only types of ours have.
var alone = []string{"DeploymentLifecycleHookAction", "DeploymentLifecycleHookStatus", "ServiceDeploymentLifecycleStage", "StopServiceDeploymentStopType"}

// likes are types that are described as another one: the words and AWS's reference are the same.
var likes = map[string]string{
	"TaskDefinitionChange": "RegisterTaskDefinitionInput", "HealthCheckPatch": "HealthCheck", "LogConfigurationPatch": "LogConfiguration",
	"CredentialChange": "CreateSecretInput", "ParameterChange": "PutParameterInput",
}

// names are what the document calls types whose own names mean something else there.
var names = map[reflect.Type]string{
	reflect.TypeFor[ecs.Secret]():       "ContainerSecret",
	reflect.TypeFor[ecs.LoadBalancer](): "ServiceLoadBalancer",
}

// required is what the server requires of a type beyond AWS, or AWS beyond the server, which knows the rest itself.
var required = map[reflect.Type][]string{
	reflect.TypeFor[ecs.ContainerDefinition]():   {"Name", "Image"},
	reflect.TypeFor[ecs.AwsVpcConfiguration]():   {},
	reflect.TypeFor[ecs.RepositoryCredentials](): {},
	reflect.TypeFor[ecs.Tag]():                   {"Key"},
}

// enums are the enumerations of the services other than ECS; an empty text is as good as none to the server.
var enums = map[string][]string{
	"ParameterType": append(ssm.ParameterType_Values(), ""), "ParameterTier": ssm.ParameterTier_Values(),
	"RecordType": servicediscovery.RecordType_Values(), "RoutingPolicy": servicediscovery.RoutingPolicy_Values(),
	"HealthCheckType": servicediscovery.HealthCheckType_Values(), "ServiceType": servicediscovery.ServiceType_Values(),
	"ServiceTypeOption": servicediscovery.ServiceTypeOption_Values(), "StatusType": secretsmanager.StatusType_Values(),
}

// references are the folders of AWS's API references, by the Go package of the types.
var references = map[string]string{
	"ecs": "AmazonECS/latest/APIReference", "servicediscovery": "cloud-map/latest/api",
	"secretsmanager": "secretsmanager/latest/apireference", "ssm": "systems-manager/latest/APIReference",
}

// generator collects schemas by name.
type generator struct {
	words   *words
	model   *model
	schemas map[string]schema
	order   []string
	missing []string // members that callers send and nobody describes
}

// generate returns the schemas of the roots and of all that they hold, as YAML.
func generate(w *words, m *model) ([]byte, error) {
	g := &generator{words: w, model: m, schemas: map[string]schema{}}
	for _, r := range roots {
		g.object(r, reflect.TypeOf(r.of))
	}
	for _, name := range alone {
		g.enum(name)
	}
	if len(g.missing) > 0 {
		return nil, fmt.Errorf("words.yaml has no words for %s", strings.Join(g.missing, ", "))
	}
	if unused := w.unused(); len(unused) > 0 {
		return nil, fmt.Errorf("words.yaml has words for what is not there: %s", strings.Join(unused, ", "))
	}
	var out bytes.Buffer
	for _, name := range g.order {
		fmt.Fprintf(&out, "    %s:\n", name)
		for _, p := range g.schemas[name] {
			properties, ok := p.value.(schema)
			if !ok || p.key != "properties" {
				fmt.Fprintf(&out, "      %s: %s\n", p.key, flow(p.value))
				continue
			}
			out.WriteString("      properties:\n")
			for _, p := range properties {
				fmt.Fprintf(&out, "        %s: %s\n", p.key, flow(p.value))
			}
		}
	}
	return out.Bytes(), nil
}

// object adds the schema of a struct, under its name in the document.
func (g *generator) object(r root, t reflect.Type) {
	g.schemas[r.name] = nil // so that nothing adds it twice
	g.order = append(g.order, r.name)
	like := r.name
	if other, ok := likes[r.name]; ok {
		like = other
	}
	needed := r.required
	if needed == nil {
		needed = requiredOf(t)
	}
	s := g.words.of(like, ofSelf).with(schema{{"externalDocs", schema{{"url", referenceOf(t)}}}, {"type", "object"}})
	if len(needed) > 0 {
		s = append(s, pair{"required", needed})
	}
	if r.input {
		s = append(s, pair{"additionalProperties", false})
	}
	var properties schema
	for _, f := range membersOf(t) {
		if slices.Contains(r.without, f.Name) {
			continue
		}
		said := g.words.of(like, f.Name)
		if said == nil && r.input {
			g.missing = append(g.missing, like+"."+f.Name)
		}
		member := g.member(r.input, t, f, slices.Contains(needed, f.Name) && (r.input || r.required == nil))
		properties = append(properties, pair{f.Name, member.with(said)})
	}
	g.schemas[r.name] = append(s, pair{"properties", properties})
}

// membersOf returns the exported fields of a struct of an SDK.
func membersOf(t reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() {
			out = append(out, f)
		}
	}
	return out
}

func requiredOf(t reflect.Type) []string {
	if own, ok := required[t]; ok {
		return own
	}
	var out []string
	for _, f := range membersOf(t) {
		if f.Tag.Get("required") == "true" {
			out = append(out, f.Name)
		}
	}
	return out
}

// referenceOf returns AWS's page on a type.
func referenceOf(t reflect.Type) string {
	path := strings.Split(t.PkgPath(), "/")
	name := t.Name()
	for _, suffix := range []string{"Input", "Output"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return "https://docs.aws.amazon.com/" + references[path[len(path)-1]] + "/API_" + name + ".html"
}

// member returns the schema of a field. What need not be given may be null.
func (g *generator) member(input bool, of reflect.Type, f reflect.StructField, needed bool) schema {
	s := g.value(input, f.Type, f.Tag.Get("enum"))
	var limits schema
	if strings.HasPrefix(of.PkgPath(), "ecs-api/ecs/sdk") && input {
		limits = g.model.limits(of.Name(), f.Tag.Get("locationName"))
	}
	if needed {
		return s.with(limits)
	}
	if s[0].key == "$ref" {
		if s[0].value == ref("Tags")[0].value {
			return s
		}
		return schema{{"oneOf", []any{s, schema{{"type", null}}}}}
	}
	return s.with(schema{{"type", []any{s[0].value, null}}}).with(limits)
}

func ref(name string) schema { return schema{{"$ref", "#/components/schemas/" + name}} }

// value returns the schema of a value that is not null.
func (g *generator) value(input bool, t reflect.Type, enum string) schema {
	switch {
	case t == reflect.TypeFor[*time.Time]():
		return schema{{"type", "string"}, {"format", "date-time"}}
	case t == reflect.TypeFor[[]byte]():
		return schema{{"type", "string"}, {"contentEncoding", "base64"}}
	case t.Kind() == reflect.Pointer:
		return g.value(input, t.Elem(), enum)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Pointer && t.Elem().Elem().Name() == "Tag":
		g.objectOnce(true, reflect.TypeFor[ecs.Tag]())
		return ref("Tags")
	case t.Kind() == reflect.Slice:
		return schema{{"type", "array"}, {"items", g.value(input, t.Elem(), enum)}}
	case t.Kind() == reflect.Map:
		return schema{{"type", "object"}, {"additionalProperties", g.value(input, t.Elem(), "")}}
	case t.Kind() == reflect.Struct:
		return ref(g.objectOnce(input, t))
	case enum != "":
		return ref(g.enum(enum))
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{{"type", "boolean"}}
	case reflect.Int64:
		return schema{{"type", "integer"}, {"format", "int64"}}
	case reflect.Float64:
		return schema{{"type", "number"}, {"format", "double"}}
	}
	return schema{{"type", "string"}}
}

// objectOnce adds a struct that another one holds, and returns its name.
func (g *generator) objectOnce(input bool, t reflect.Type) string {
	name, ok := names[t]
	if !ok {
		name = t.Name()
	}
	if _, ok := g.schemas[name]; !ok {
		g.object(root{name: name, input: input}, t)
	}
	return name
}

// enum adds an enumeration, and returns its name.
func (g *generator) enum(name string) string {
	values := g.model.Shapes[name].Enum
	if len(values) == 0 {
		values = enums[name]
	}
	if _, ok := g.schemas[name]; !ok {
		g.order = append(g.order, name)
		g.schemas[name] = schema{{"type", "string"}, {"enum", values}}
	}
	return name
}

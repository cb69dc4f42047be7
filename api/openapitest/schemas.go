package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are the document's schemas of bodies, compiled once: kin-openapi would compile a body's schema, with all it refers to, for each
// body.
type schemas map[*openapi3.Schema]*jsonschema.Schema

// compile compiles the schemas of the document's components and of its operations' bodies.
func compile(doc *openapi3.T) (schemas, error) {
	bodies := bodySchemas(doc)
	maps.Copy(bodies, doc.Components.Schemas)

	text, err := json.Marshal(map[string]any{"$defs": bodies})
	if err != nil {
		return nil, fmt.Errorf("write the schemas: %w", err)
	}
	// Under $defs the compiler knows that they are schemas; elsewhere it takes a copy of all of them for each that something refers to.
	text = bytes.ReplaceAll(text, []byte(`"#/components/schemas/`), []byte(`"#/$defs/`))
	var resource any
	if err := json.Unmarshal(text, &resource); err != nil {
		return nil, fmt.Errorf("read the schemas: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	const location = "openapi:schemas"
	if err := compiler.AddResource(location, resource); err != nil {
		return nil, fmt.Errorf("add the schemas: %w", err)
	}
	out := make(schemas, len(bodies))
	for name, ref := range bodies {
		if out[ref.Value], err = compiler.Compile(location + "#/$defs/" + name); err != nil {
			return nil, fmt.Errorf("compile a schema: %w", err)
		}
	}
	return out, nil
}

// bodySchemas returns the schemas of the operations' bodies, numbered.
func bodySchemas(doc *openapi3.T) map[string]*openapi3.SchemaRef {
	bodies := map[string]*openapi3.SchemaRef{}
	gather := func(content openapi3.Content) {
		for _, media := range content {
			if media.Schema != nil {
				bodies[strconv.Itoa(len(bodies))] = media.Schema
			}
		}
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody != nil {
				gather(operation.RequestBody.Value.Content)
			}
			for _, response := range operation.Responses.Map() {
				gather(response.Value.Content)
			}
		}
	}
	return bodies
}

// validate returns what the schema says against the value.
func (s schemas) validate(schema *openapi3.Schema, value any) error {
	compiled, ok := s[schema]
	if !ok {
		return fmt.Errorf("the schema %q was not compiled", schema.Title)
	}
	return compiled.Validate(value)
}

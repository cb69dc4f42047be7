package openapitest

import (
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// foldKeys returns value with its keys written as the schema writes them. The server reads them without case.
func foldKeys(value any, schema *openapi3.Schema) any {
	switch value := value.(type) {
	case []any:
		items := itemsOf(schema)
		out := make([]any, len(value))
		for i, element := range value {
			out[i] = element
			if items != nil {
				out[i] = foldKeys(element, items)
			}
		}
		return out
	case map[string]any:
		properties, more := propertiesOf(schema)
		out := make(map[string]any, len(value))
		for key, element := range value {
			name, property := key, more
			for known, of := range properties {
				if strings.EqualFold(known, key) {
					name, property = known, of
				}
			}
			if property != nil {
				element = foldKeys(element, property)
			}
			out[name] = element
		}
		return out
	}
	return value
}

// propertiesOf returns the properties that the schema and its parts name, and the schema of all others, which may be nil.
func propertiesOf(schema *openapi3.Schema) (named map[string]*openapi3.Schema, more *openapi3.Schema) {
	named = map[string]*openapi3.Schema{}
	for name, property := range schema.Properties {
		named[name] = property.Value
	}
	if ref := schema.AdditionalProperties.Schema; ref != nil {
		more = ref.Value
	}
	for _, part := range parts(schema) {
		inner, rest := propertiesOf(part)
		for name, property := range inner {
			named[name] = property
		}
		if more == nil {
			more = rest
		}
	}
	return named, more
}

// itemsOf returns the schema of an array's elements, nil if there is none.
func itemsOf(schema *openapi3.Schema) *openapi3.Schema {
	if schema.Items != nil {
		return schema.Items.Value
	}
	for _, part := range parts(schema) {
		if items := itemsOf(part); items != nil {
			return items
		}
	}
	return nil
}

// parts returns what the schema is composed of.
func parts(schema *openapi3.Schema) []*openapi3.Schema {
	var out []*openapi3.Schema
	for _, ref := range slices.Concat(schema.AllOf, schema.AnyOf, schema.OneOf) {
		out = append(out, ref.Value)
	}
	return out
}

// anyCase returns the query with the words of enumerations written as the document writes them, and flags as true and false: the server
// reads words without case.
func anyCase(operation *openapi3.Operation, query url.Values) url.Values {
	for _, ref := range operation.Parameters {
		parameter := ref.Value
		if parameter.In != openapi3.ParameterInQuery {
			continue
		}
		words := parameter.Schema.Value.Enum
		if items := parameter.Schema.Value.Items; items != nil {
			words = items.Value.Enum
		}
		for i, value := range query[parameter.Name] {
			for _, word := range words {
				if word, ok := word.(string); ok && strings.EqualFold(word, value) {
					query[parameter.Name][i] = word
				}
			}
			if parameter.Schema.Value.Type.Is(openapi3.TypeBoolean) {
				query[parameter.Name][i] = strings.ToLower(value)
			}
		}
	}
	return query
}

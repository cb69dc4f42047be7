package openapitest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// folder writes the keys of a request's body as its schema writes them, because the server reads them without case.
type folder struct {
	ignored map[string]bool // the paths of the keys that the server said it ignored
}

// newFolder returns a folder for a request whose response has the header X-Ignored-Fields.
func newFolder(header string) folder {
	f := folder{ignored: map[string]bool{}}
	for path := range strings.SplitSeq(header, ", ") {
		if plain, err := url.PathUnescape(path); err == nil && path != "" {
			f.ignored[plain] = true
		}
	}
	return f
}

// fold returns the value at path with its keys written as the schema writes them. A key that the server ignored, and said so, is left out: what is
// unknown and was not named stays, for the schema to refuse.
func (f folder) fold(path string, value any, schema *openapi3.Schema) any {
	switch value := value.(type) {
	case []any:
		items := itemsOf(schema)
		out := make([]any, len(value))
		for i, element := range value {
			out[i] = element
			if items != nil {
				out[i] = f.fold(path+"["+strconv.Itoa(i)+"]", element, items)
			}
		}
		return out
	case map[string]any:
		properties, more := propertiesOf(schema)
		out := make(map[string]any, len(value))
		for key, element := range value {
			name, property, at := key, more, below(path, key)
			for known, of := range properties {
				if strings.EqualFold(known, key) {
					name, property = known, of
				}
			}
			switch {
			case property != nil:
				out[name] = f.fold(at, element, property)
			case !f.ignored[at]:
				out[name] = element
			}
		}
		return out
	}
	return value
}

// below returns the path of a key, as the server writes it.
func below(path, key string) string {
	if key == "" {
		key = `""`
	}
	if path == "" {
		return key
	}
	return path + "." + key
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

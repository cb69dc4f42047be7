package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gorilla/mux"

	"ecs-api/api/respond"
	"ecs-api/common"
	"ecs-api/localaws"
)

// inputWalk compares what an endpoint decodes with what the document says that it takes.
type inputWalk struct {
	t       *testing.T
	members int
	on      map[reflect.Type]bool // the types that it is in
}

// walk compares the Go type at path with the schemas that describe it: those of what it may be, without null.
func (w *inputWalk) walk(path string, t reflect.Type, schema *openapi3.Schema) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, own := reflect.New(t).Interface().(json.Unmarshaler)
	schemas := alternatives(schema)
	switch {
	case own || w.on[t]:
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		for _, s := range schemas {
			if s.Items == nil {
				w.t.Errorf("%s: the document has no list", path)
				return
			}
			w.walk(path+"[]", t.Elem(), s.Items.Value)
		}
	case t.Kind() == reflect.Map:
		for _, s := range schemas {
			if s.AdditionalProperties.Schema == nil {
				w.t.Errorf("%s: the document has no map", path)
				return
			}
			w.walk(path+"{}", t.Elem(), s.AdditionalProperties.Schema.Value)
		}
	case t.Kind() == reflect.Struct:
		w.on[t] = true
		w.members += w.object(path, t, schemas)
		delete(w.on, t)
	}
}

// object compares the members of a struct, and returns how many it has.
func (w *inputWalk) object(path string, t reflect.Type, schemas []*openapi3.Schema) int {
	properties := map[string]*openapi3.Schema{}
	for _, s := range schemas {
		if s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has {
			w.t.Errorf("%s: the document lets callers send anything", path)
		}
		for name, property := range s.Properties {
			properties[name] = property.Value
			if property.Value.Description == "" && (property.Ref == "" || property.Extensions["description"] == nil) {
				w.t.Errorf("%s.%s has no description", path, name)
			}
		}
	}
	members := 0
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		members++
		found := false
		for known, property := range properties {
			if strings.EqualFold(known, name) {
				found = true
				w.walk(path+"."+name, f.Type, property)
				delete(properties, known)
			}
		}
		if !found && !slices.ContainsFunc(reflect.VisibleFields(t), func(other reflect.StructField) bool {
			return len(other.Index) < len(f.Index) && other.Name == f.Name // it hides this one
		}) {
			w.t.Errorf("%s.%s is not in the document", path, name)
		}
	}
	for name := range properties {
		w.t.Errorf("%s.%s is in the document, and the server does not know it", path, name)
	}
	return members
}

// alternatives returns what a value may be beside null.
func alternatives(schema *openapi3.Schema) []*openapi3.Schema {
	parts := slices.Concat(schema.AnyOf, schema.OneOf, schema.AllOf)
	if len(parts) == 0 {
		if schema.Type.Is(openapi3.TypeNull) {
			return nil
		}
		return []*openapi3.Schema{schema}
	}
	var out []*openapi3.Schema
	for _, part := range parts {
		out = append(out, alternatives(part.Value)...)
	}
	return out
}

// TestTheDocumentListsAllThatCallersMaySend walks the types that endpoints decode beside their schemas. A generated client then refuses a key that
// the server would not know.
func TestTheDocumentListsAllThatCallersMaySend(t *testing.T) {
	t.Parallel()
	doc := loadOpenAPI(t)
	w := &inputWalk{t: t, on: map[reflect.Type]bool{}}
	bodies := 0
	err := newHarness(t, localaws.New()).router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		e, ok := route.GetHandler().(*endpoint)
		methods, err := route.GetMethods()
		if !ok || err != nil {
			return nil //nolint:nilerr // a subrouter has no methods
		}
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		operation := doc.Paths.Value(strings.TrimPrefix(plainPath(path), base)).GetOperation(methods[0])
		in := e.in
		for in.Kind() == reflect.Pointer {
			in = in.Elem()
		}
		if in == reflect.TypeFor[none]() {
			if operation.RequestBody != nil {
				t.Errorf("%s %s takes no body, and has one in the document", methods[0], path)
			}
			return nil
		}
		bodies++
		if operation.RequestBody == nil {
			t.Errorf("%s %s takes a body, and has none in the document", methods[0], path)
			return nil
		}
		w.walk(operation.OperationID, in, operation.RequestBody.Value.Content.Get("application/json").Schema.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if bodies < 15 || w.members < 1000 {
		t.Errorf("%d bodies with %d members", bodies, w.members)
	}
}

// TestEveryBodyHasAnExample: that examples are valid is checked where the document is, and no input takes an unknown key.
func TestEveryBodyHasAnExample(t *testing.T) {
	t.Parallel()
	for path, item := range loadOpenAPI(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			if media := operation.RequestBody.Value.Content.Get("application/json"); media.Example == nil && len(media.Examples) == 0 {
				t.Errorf("%s %s has no example of a body", method, path)
			}
			for status, response := range operation.Responses.Map() {
				for kind, media := range response.Value.Content {
					if media.Example == nil && len(media.Examples) == 0 && kind != "text/event-stream" && method != http.MethodHead && media.Schema.Value.Example == nil {
						t.Errorf("%s %s, %s: no example of %s", method, path, status, kind)
					}
				}
			}
		}
	}
}

// TestEveryErrorCodeHasAnExample looks for one in the responses of the code's status; 405, which no operation has, is with the schema.
func TestEveryErrorCodeHasAnExample(t *testing.T) {
	t.Parallel()
	doc := loadOpenAPI(t)
	shown := map[string]float64{}
	add := func(example any) {
		if problem, ok := example.(map[string]any); ok {
			shown[problem["code"].(string)], _ = problem["status"].(float64)
		}
	}
	for _, response := range doc.Components.Responses {
		if media := response.Value.Content.Get("application/problem+json"); media != nil {
			for name, example := range media.Examples {
				add(example.Value.Value)
				if example.Value.Value.(map[string]any)["code"] != name {
					t.Errorf("the example %s is of another code", name)
				}
			}
		}
	}
	for _, example := range doc.Components.Schemas["Problem"].Value.Examples {
		add(example)
	}
	for _, info := range common.Codes() {
		if want := respond.Status(info.Kind); info.Code != common.CodeCanceled && int(shown[string(info.Code)]) != want {
			t.Errorf("%s has no example of status %d: %v", info.Code, want, shown[string(info.Code)])
		}
	}
}

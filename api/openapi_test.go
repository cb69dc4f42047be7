package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"ecs-api/api/openapi"
	"ecs-api/api/openapitest"
	"ecs-api/localaws"
	"ecs-api/racetest"
)

// readOpenAPI reads the document, once, with a library that does not serve it. Tests only read the result.
var readOpenAPI = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(openapi.YAML) })

// loadOpenAPI returns the document.
func loadOpenAPI(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheOpenAPIDocumentAndItsExamplesAreValid(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	if err := openapitest.Check(openapi.YAML); err != nil {
		t.Error(err)
	}
}

// kindSchemas are the types that the document gives to the kinds of query parameters.
var kindSchemas = map[string]string{"flag": "boolean", "number": "integer", "text": "string", "choice": "string", "instant": "string", "texts": "array"}

var patterns = regexp.MustCompile(`:[^{}]*}`)

// plainPath returns a route's path without the patterns of its variables.
func plainPath(path string) string { return patterns.ReplaceAllString(path, "}") }

// servedOperations are the router's methods and paths with the query parameters of each and their types.
func servedOperations(t *testing.T, s *Server) map[string]map[string]string {
	t.Helper()
	served := map[string]map[string]string{}
	err := s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		methods, err := route.GetMethods()
		if err != nil {
			return nil // a subrouter
		}
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		path = plainPath(strings.TrimPrefix(path, base))
		if strings.HasPrefix(path, "/docs/") {
			path = "/docs/{file}"
		}
		query := map[string]string{}
		if e, ok := route.GetHandler().(*endpoint); ok {
			for _, p := range e.params.Params() {
				if p.Query {
					query[p.Name] = kindSchemas[p.Kind]
				}
			}
		}
		for _, method := range methods {
			served[method+" "+path] = query
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return served
}

func TestTheRouterAndTheDocumentHaveTheSameOperations(t *testing.T) {
	t.Parallel()
	documented := map[string]map[string]string{}
	doc := loadOpenAPI(t)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			query := map[string]string{}
			for _, ref := range slices.Concat(item.Parameters, operation.Parameters) {
				// Any key of the query may be a tag: the server has no list of them either.
				if p := ref.Value; p.In == openapi3.ParameterInQuery && !p.Schema.Value.Type.Is(openapi3.TypeObject) {
					query[p.Name] = strings.Join(p.Schema.Value.Type.Slice(), ",")
				}
			}
			documented[method+" "+path] = query
		}
	}
	if len(documented) < 40 {
		t.Errorf("the document has %d operations", len(documented))
	}
	if diff := cmp.Diff(documented, servedOperations(t, newHarness(t, localaws.New()).Server)); diff != "" {
		t.Errorf("-document +router\n%s", diff)
	}
}

func TestWhatNeedsNoTokenIsDocumentedSo(t *testing.T) {
	t.Parallel()
	open := map[string]bool{}
	for path, item := range loadOpenAPI(t).Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.Security != nil && len(*operation.Security) == 0 {
				open[path] = true
			}
		}
	}
	public := map[string]bool{}
	for path := range newHarness(t, localaws.New()).public {
		path = strings.TrimPrefix(path, base)
		if strings.HasPrefix(path, "/docs/") {
			path = "/docs/{file}"
		}
		public[path] = true
	}
	if diff := cmp.Diff(open, public); diff != "" {
		t.Errorf("-document +server\n%s", diff)
	}
}

func TestTheDocumentsSayTheSameInJSONAndYAML(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	h := newHarness(t, localaws.New())
	var texts []string
	for _, form := range []string{"yaml", "json"} {
		_, body := h.do(t, http.MethodGet, base+"/openapi."+form, "", "X-Auth-Token: ")
		doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		texts = append(texts, string(text))
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Error(diff)
	}
}

// TestNoTextInTheDocumentIsCutAtAComma finds descriptions in braces that lack quotes: YAML reads what follows a comma as a key.
func TestNoTextInTheDocumentIsCutAtAComma(t *testing.T) {
	t.Parallel()
	_, text := newHarness(t, localaws.New()).do(t, http.MethodGet, base+"/openapi.json", "")
	var doc any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if inner == nil && !strings.Contains(path, "/example") {
					t.Errorf("%s has the key %q without a value", path, key)
				}
				walk(path+"/"+key, inner)
			}
		case []any:
			for _, inner := range v {
				walk(path, inner)
			}
		}
	}
	walk("", doc)
}

// lowerKeys returns v with all its keys in lower case.
func lowerKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[strings.ToLower(key)] = lowerKeys(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = lowerKeys(inner)
		}
		return out
	}
	return v
}

func TestTheDocumentsExampleIsTheOneThatLocalPrints(t *testing.T) {
	t.Parallel()
	create := loadOpenAPI(t).Paths.Value("/{account}/services").Post
	documented, err := json.Marshal(create.RequestBody.Value.Content.Get("application/json").Examples["everything"].Value.Value)
	if err != nil {
		t.Fatal(err)
	}
	var inDocument, printed any
	for text, into := range map[string]*any{string(documented): &inDocument, openapi.CreateExample: &printed} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(lowerKeys(printed), lowerKeys(inDocument)); diff != "" {
		t.Errorf("-printed +documented\n%s", diff)
	}
}

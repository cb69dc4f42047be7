package api

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/gorilla/mux"
	"sigs.k8s.io/yaml"
)

// OpenAPI is the document that describes this API, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// documents are what is the same in every server: packed once.
var documents = sync.OnceValue(func() map[string]*document {
	asJSON, err := yaml.YAMLToJSON(OpenAPI)
	if err != nil { // the document is part of the program, and a test has read it
		panic(fmt.Sprintf("openapi.yaml: %v", err))
	}
	all := map[string]*document{
		"/openapi.yaml": newDocument("application/yaml", OpenAPI),
		"/openapi.json": newDocument("application/json", asJSON),
	}
	addDocs(all)
	return all
})

// documentRoutes are the routes of the OpenAPI document and of the page that shows it.
func (s *Server) documentRoutes(v1 *mux.Router) {
	for path, d := range documents() {
		s.open(v1, path, d)
	}
}

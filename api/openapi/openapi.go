// Package openapi holds what the server publishes about itself: the OpenAPI document, the page that shows it, the guides, and the example of a create.
// All of it is part of the program. The rule it owns: a file is compressed once, when the program is built or when somebody first requests it, not for each caller.
package openapi

import (
	_ "embed" // the document and the example
	"fmt"
	"net/http"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:generate go run ./generate

// YAML is the document that describes the API. Its paths and what is ours are written by hand; the schemas of AWS's types are generated.
//
//go:embed openapi.yaml
var YAML []byte

// CreateExample is the body of a request that creates a whole service: cluster, task definition, service discovery, credentials, service.
//
//go:embed example.json
var CreateExample string

// Files returns what is published, by path below the API's root: the document in YAML and JSON, the documentation page and its files, the guides. Every
// server shares them. They are made when somebody first requests them: reading and compressing all of them is more than half of what the program does until it
// serves.
func Files() map[string]http.Handler { return files() }

var files = sync.OnceValue(func() map[string]http.Handler {
	all := map[string]http.Handler{
		"/openapi.yaml": lazily(func() *file { return newFile("application/yaml", YAML) }),
		"/openapi.json": lazily(func() *file {
			asJSON, err := yaml.YAMLToJSON(YAML)
			if err != nil { // the document is part of the program, and tests read it
				panic(fmt.Sprintf("openapi.yaml: %v", err))
			}
			return newFile("application/json", asJSON)
		}),
	}
	addPage(all)
	addGuides(all)
	return all
})

package api

import _ "embed"

// CreateExample is the body of a request that builds a whole service: cluster, task definition, registry entry, credentials, service.
//
//go:embed example.json
var CreateExample string

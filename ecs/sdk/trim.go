//go:build ignore

// Trim reads AWS's current model of ECS from standard input and writes what the SDK's generator takes of it: without documentation, and
// without the members of document types, which the generator refuses. botocore, which comes with the AWS CLI and boto3, has the model:
//
//	gunzip -c …/botocore/data/ecs/2014-11-13/service-2.json.gz | go run ecs/sdk/trim.go >ecs/sdk/model/ecs/2014-11-13/api-2.json
package main

import (
	"encoding/json"
	"log"
	"os"
)

func main() {
	var model map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&model); err != nil {
		log.Fatal(err)
	}
	shapes := model["shapes"].(map[string]any)
	for name, shape := range shapes {
		if shape.(map[string]any)["document"] == true {
			delete(shapes, name)
		}
	}
	for _, shape := range shapes {
		members, _ := shape.(map[string]any)["members"].(map[string]any)
		for name, member := range members {
			if _, ok := shapes[member.(map[string]any)["shape"].(string)]; !ok {
				delete(members, name)
			}
		}
	}
	delete(model["metadata"].(map[string]any), "protocols")
	delete(model["metadata"].(map[string]any), "auth")
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	out.SetEscapeHTML(false)
	if err := out.Encode(undocumented(model)); err != nil {
		log.Fatal(err)
	}
}

// undocumented returns v without the documentation that is text: a member may be named documentation as well.
func undocumented(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			if _, text := e.(string); text && key == "documentation" {
				delete(v, key)
				continue
			}
			v[key] = undocumented(e)
		}
	case []any:
		for i := range v {
			v[i] = undocumented(v[i])
		}
	}
	return v
}

// Package main writes the part of the OpenAPI document that describes AWS's types: what callers may send of them, and what comes back. It owns one
// rule: the document names every member that the server decodes, because both come from the same Go types.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// marker stands before the generated part of the document, which extends to its end.
const marker = "    # GENERATED from the Go types of AWS's SDKs and generate/words.yaml: go generate ./api/openapi. Nothing below is written by hand.\n"

// folder is where the document lies, seen from the folder that `go generate` and the test run in.
type folder string

// update writes the generated part of the document anew.
func (f folder) update() error {
	text, err := f.document()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(f), "openapi.yaml"), text, 0o644) //nolint:gosec // the document is for everybody
}

// document returns the document as it should be: the part that people write as it is, and the generated part anew.
func (f folder) document() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(string(f), "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	written, _, ok := bytes.Cut(text, []byte(marker))
	if !ok {
		return nil, fmt.Errorf("openapi.yaml has no line %q", marker)
	}
	words, err := readWords(filepath.Join(string(f), "generate", "words.yaml"))
	if err != nil {
		return nil, err
	}
	model, err := readModel(filepath.Join(string(f), "..", "..", "ecs", "sdk", "model", "ecs", "2014-11-13", "api-2.json"))
	if err != nil {
		return nil, err
	}
	generated, err := generate(words, model)
	if err != nil {
		return nil, err
	}
	return append(append(written[:len(written):len(written)], marker...), generated...), nil
}

func main() {
	if err := folder(".").update(); err != nil {
		fmt.Fprintln(os.Stderr, "generate the schemas of AWS's types:", err)
		os.Exit(1)
	}
}

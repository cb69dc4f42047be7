package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// model is what AWS's model of ECS says beyond the Go types: the words of enumerations, and limits.
type model struct {
	Shapes map[string]struct {
		Type    string
		Enum    []string
		Min     *float64
		Max     *float64
		Members map[string]struct{ Shape string }
	}
}

func readModel(path string) (*model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m model
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &m, nil
}

// limits returns what the model says of the values of a member, by the Go name of its type.
func (m *model) limits(goType, member string) schema {
	shape, ok := m.Shapes[goType]
	if !ok {
		shape = m.Shapes[strings.TrimSuffix(goType, "Input")+"Request"]
	}
	of := m.Shapes[shape.Members[member].Shape]
	names := map[string][2]string{"integer": {"minimum", "maximum"}, "string": {"minLength", "maxLength"}, "list": {"minItems", "maxItems"}}[of.Type]
	var out schema
	if of.Min != nil && names[0] != "" && (*of.Min > 0 || of.Type == "integer") {
		out = append(out, pair{names[0], int64(*of.Min)})
	}
	if of.Max != nil && names[1] != "" {
		out = append(out, pair{names[1], int64(*of.Max)})
	}
	return out
}

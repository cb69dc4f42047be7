package telemetry

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// JSONLog writes what logrus's own JSON formatter does: a line of JSON, with level, msg and time among the fields, sorted by name. That
// one encodes a map, by reflection, which took half of the time of a ping.
type JSONLog struct{}

var _ logrus.Formatter = JSONLog{}

// Format returns the line.
func (JSONLog) Format(e *logrus.Entry) ([]byte, error) {
	type field struct {
		name  string
		value any
	}
	fields := make([]field, 0, len(e.Data)+3)
	fields = append(fields, field{"level", e.Level.String()}, field{"msg", e.Message}, field{"time", e.Time.Format(time.RFC3339)})
	for name, value := range e.Data {
		if err, ok := value.(error); ok {
			value = err.Error()
		}
		fields = append(fields, field{name, value})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })

	line := e.Buffer
	if line == nil {
		line = &bytes.Buffer{}
	}
	encoder := json.NewEncoder(line)
	separator := `{"`
	for _, f := range fields {
		line.WriteString(separator + f.name + `":`) // names are ours: there is nothing to escape
		if err := encoder.Encode(f.value); err != nil {
			return nil, err
		}
		line.Truncate(line.Len() - 1) // Encode ends the line
		separator = `,"`
	}
	line.WriteString("}\n")
	return line.Bytes(), nil
}

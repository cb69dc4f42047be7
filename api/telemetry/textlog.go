package telemetry

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sirupsen/logrus"
)

// TextLog writes lines to read in a terminal: the time, the level and the message, or of a request the method, path, status and duration instead; then
// the other fields as key=value, by their names. logrus's own text formatter, where the output is no terminal, begins with a key and quotes the time.
type TextLog struct{}

// Format returns the line.
func (TextLog) Format(e *logrus.Entry) ([]byte, error) {
	line := e.Buffer
	if line == nil {
		line = &bytes.Buffer{}
	}
	fmt.Fprintf(line, "%s %-5s ", e.Time.Format("2006-01-02T15:04:05.000Z07:00"), strings.TrimSuffix(strings.ToUpper(e.Level.String()), "ING"))
	rest := maps.Clone(e.Data)
	if e.Message == msgRequest {
		fmt.Fprintf(line, "%s %s %v %vms", rest["method"], logText(rest["path"]), rest["status"], rest["durationMs"])
		for _, shown := range []string{"method", "path", "status", "durationMs"} {
			delete(rest, shown)
		}
	} else {
		line.WriteString(e.Message) // a constant of ours
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		fmt.Fprintf(line, " %s=%s", name, logText(rest[name]))
	}
	line.WriteByte('\n')
	return line.Bytes(), nil
}

// logText returns a value as a line shows it: quoted unless it is one word, so that no value can look like another field or another line.
func logText(value any) string {
	text := fmt.Sprint(value)
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '=' }
	if text == "" || strings.ContainsFunc(text, odd) || strings.ContainsRune(text, unicode.ReplacementChar) {
		return strconv.Quote(text)
	}
	return text
}

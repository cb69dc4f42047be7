package docstest

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const printed = `{"Service":{"Name":"www","Count":1,"Tasks":["a/1","a/2"],"Role":null}}`
	tests := []struct {
		name, language, shown, printed string
		differs                        string // what the error says; empty if there is none
	}{
		{"all of it", "json", `{ "Service": { "Name": "www", "Count": 1, "Tasks": ["a/1", "a/2"], "Role": null } }`, printed, ""},
		{"members left out", "json", `{ "Service": { "Name": "www", … } }`, printed, ""},
		{"members left out in front", "json", `{ "Service": { …, "Count": 1 } }`, printed, ""},
		{"a value left out", "json", `{ "Service": … }`, printed, ""},
		{"elements left out", "json", `{ "Service": { "Tasks": ["a/…", …], … } }`, printed, ""},
		{"text with brackets and quotes", "json", `["{ \"a\": …, [", …]`, `["{ \"a\": 1, ["]`, ""},
		{"several values", "json", "[1]\n[…]", "[1]\n[2]", ""},
		{"a member too many", "json", `{ "Service": { "Name": "www", "Colour": "red", … } }`, printed, "Colour"},
		{"a member too few", "json", `{ "Service": { "Name": "www", "Count": 1, "Tasks": […] } }`, printed, "Role"},
		{"another value", "json", `{ "Service": { "Count": 2, … } }`, printed, ".Service.Count"},
		{"another type", "json", `{ "Service": { "Count": "1", … } }`, printed, ".Service.Count"},
		{"another text", "json", `{ "Service": { "Tasks": ["b/…", …], … } }`, printed, ".Service.Tasks[0]"},
		{"too few elements", "json", `{ "Service": { "Tasks": ["a/1"], … } }`, printed, ".Service.Tasks"},
		{"too many elements", "json", `{ "Service": { "Tasks": ["a/1", "a/2", "a/3", …], … } }`, printed, ".Service.Tasks"},
		{"an object for an array", "json", `{ "Service": { "Tasks": { … }, … } }`, printed, ".Service.Tasks"},
		{"a value too few", "json", "[1]", "[1] [2]", "printed 2"},
		{"no JSON", "json", "[1]", "pong", "not JSON"},
		{"text", "text", "serving at …:8080\n…\nstopped\n", "serving at localhost:8080\na\nb\nstopped", ""},
		{"other text", "text", "pong", "ping", `"ping"`},
		{"a response", "http", "HTTP/1.1 200 OK\nRetry-After: …\n\n{ … }", "HTTP/1.1 200 OK\r\nDate: now\r\nRetry-After: 5\r\n\r\n{}\n", ""},
		{"another status", "http", "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found\r\nX: HTTP/1.1 200 OK\r\n", "404"},
		{"a header that is not there", "http", "HTTP/1.1 200 OK\nRetry-After: …", "HTTP/1.1 200 OK\r\nDate: now\r\n\r\n", "Retry-After"},
		{"another body", "http", "HTTP/1.1 200 OK\n\n{ \"a\": 1 }", "HTTP/1.1 200 OK\r\n\r\n{\"a\": 2}", ".a"},
		{"a body that is text", "http", "HTTP/1.1 200 OK\n\npong", "HTTP/1.1 200 OK\r\n\r\nping", "ping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Compare(tt.language, tt.shown, tt.printed)
			switch {
			case tt.differs == "" && err != nil:
				t.Error(err)
			case tt.differs != "" && err == nil:
				t.Error("no difference was found")
			case err != nil && !strings.Contains(err.Error(), tt.differs):
				t.Errorf("got %v, want it to name %s", err, tt.differs)
			}
		})
	}
}

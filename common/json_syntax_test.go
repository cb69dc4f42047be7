package common

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhyATextIsNoJSONIsSaidInPlainWords(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":`:                  `line 1, column 6: the text ends before the JSON does: a }, ] or " is missing`,
		"{\n  \"a\": 1,\n}":      "line 3, column 1: the comma before } is one too many",
		`[1, ]`:                  "line 1, column 5: the comma before ] is one too many",
		`{'a': 1}`:               "line 1, column 2: a key in double quotes is expected, not '",
		`{a: 1}`:                 "line 1, column 2: a key in double quotes is expected, not a",
		`{"ä" 1}`:                "line 1, column 6: a colon is expected after the key, not 1",
		`{"a": 1 "b": 2}`:        `line 1, column 9: a comma or } is expected after the value, not "`,
		`[1 2]`:                  "line 1, column 4: a comma or ] is expected after the value, not 2",
		`{"a": yes}`:             "line 1, column 7: a value is expected: text in double quotes, a number, true, false, null, { or [, not y",
		`{"a": trie}`:            "line 1, column 9: true, false or null is expected, not i",
		`{"a": True}`:            "line 1, column 7: a value is expected: text in double quotes, a number, true, false, null, { or [, not T",
		`{"a": -x}`:              "line 1, column 8: a number is expected to continue with a digit, not x",
		`{"a": 1.}`:              "line 1, column 9: a number is expected to continue with a digit, not }",
		`{} {}`:                  "line 1, column 4: only blanks may follow the JSON, not {",
		"{\"a\": \"b\nc\"}":      `line 1, column 9: a control character in text must be escaped: a line break is \n, a tab \t`,
		`{"a": "\d"}`:            `line 1, column 9: a backslash in text must be written twice, or begin an escape such as \n`,
		`{"a": "\u12x4"}`:        `line 1, column 12: \u must be followed by four hexadecimal digits, not x`,
		"{\ufeff}":               `line 1, column 2: a key in double quotes is expected, not \ufeff`,
		strings.Repeat(`[`, 1e5): "line 1, column 10001: values are nested too deeply",
	} {
		if got := JSONSyntax([]byte(text), json.Unmarshal([]byte(text), new(json.RawMessage))); got != want {
			t.Errorf("%.20s:\n%s, want\n%s", text, got, want)
		}
	}
}

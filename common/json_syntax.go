package common

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonExpectations say what encoding/json expects where a text is no JSON, by how its error ends, in the words of whoever has typed the text.
var jsonExpectations = []struct{ ending, words string }{
	{"looking for beginning of object key string", "a key in double quotes is expected"},
	{"looking for beginning of value", "a value is expected: text in double quotes, a number, true, false, null, { or ["},
	{"after object key", "a colon is expected after the key"},
	{"after object key:value pair", "a comma or } is expected after the value"},
	{"after array element", "a comma or ] is expected after the value"},
	{"after top-level value", "only blanks may follow the JSON"},
	{"in string literal", `a control character in text must be escaped: a line break is \n, a tab \t`},
	{"in string escape code", `a backslash in text must be written twice, or begin an escape such as \n`},
	{"character escape", `\u must be followed by four hexadecimal digits`},
	{"numeric literal", "a number is expected to continue with a digit"},
	{"exceeded max depth", "values are nested too deeply"},
}

// JSONSyntax returns where and why a text is no JSON, in plain words, given the error of encoding/json. Of the text it repeats one character at most.
func JSONSyntax(text []byte, err error) string {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return "it cannot be read"
	}
	message := strings.TrimPrefix(syntax.Error(), "json: ")
	if strings.HasPrefix(message, "unexpected end") {
		return position(text, len(text)) + `the text ends before the JSON does: a }, ] or " is missing`
	}
	at := max(int(syntax.Offset)-1, 0)
	words := "true, false or null is expected" // the only literals
	for _, e := range jsonExpectations {
		if strings.HasSuffix(message, e.ending) {
			words = e.words
		}
	}
	before := bytes.TrimRight(text[:at], " \t\r\n")
	next, _ := utf8.DecodeRune(text[at:])
	if closes := next == '}' || next == ']'; closes && bytes.HasSuffix(before, []byte(",")) {
		return position(text, at) + fmt.Sprintf("the comma before %c is one too many", next)
	}
	if strings.Contains(words, "expected") || strings.Contains(words, "follow") {
		words += ", not " + shown(next)
	}
	return position(text, at) + words
}

// shown returns a character as it can stand in a sentence.
func shown(c rune) string {
	if quoted := strconv.QuoteRune(c); c < ' ' || c == utf8.RuneError || strings.HasPrefix(quoted, `'\u`) {
		return strings.Trim(quoted, "'")
	}
	return string(c)
}

// position returns the line and the column of a byte of a text, both from 1.
func position(text []byte, at int) string {
	before := text[:min(at, len(text))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("line %d, column %d: ", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(line)+1)
}

package docstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Compare reports how what a command printed differs from what a document shows in a block of the language. … stands for what the document
// leaves out: any text inside a line or a string, any value, the further members of an object, the further elements of an array. An object
// without it has just the members that are shown. Of an HTTP response, which is shown in ```http, headers may be left out silently.
func Compare(language, shown, printed string) error {
	printed = strings.ReplaceAll(printed, "\r\n", "\n")
	switch language {
	case "json":
		return compareJSON(shown, printed)
	case "http":
		return compareHTTP(shown, printed)
	}
	return compareText(strings.TrimSpace(shown), strings.TrimSpace(printed))
}

const ellipsis = "…"

// compareText compares texts, of which the first may hold ellipses.
func compareText(shown, printed string) error {
	parts := strings.Split(shown, ellipsis)
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	if !regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(printed) {
		return fmt.Errorf("shown is %q, printed %q", shown, printed)
	}
	return nil
}

// compareHTTP compares the status, the headers that are shown, and the body.
func compareHTTP(shown, printed string) error {
	shownHead, shownBody, _ := strings.Cut(strings.TrimSpace(shown), "\n\n")
	head, body, _ := strings.Cut(strings.TrimSpace(printed), "\n\n")
	for i, line := range strings.Split(shownHead, "\n") {
		lines := strings.Split(head, "\n")
		if i == 0 {
			lines = lines[:1] // the status
		}
		if !slices.ContainsFunc(lines, func(l string) bool { return compareText(line, l) == nil }) {
			return fmt.Errorf("shown is %q, and the head is\n%s", line, head)
		}
	}
	if strings.HasPrefix(shownBody, "{") || strings.HasPrefix(shownBody, "[") {
		return compareJSON(shownBody, body)
	}
	return compareText(shownBody, strings.TrimSpace(body))
}

// compareJSON compares values, as many as there are.
func compareJSON(shown, printed string) error {
	want, err := values(quoteEllipses(shown))
	if err != nil {
		return fmt.Errorf("what is shown is not JSON: %w", err)
	}
	got, err := values(printed)
	if err != nil {
		return fmt.Errorf("what is printed is not JSON: %w: %s", err, printed)
	}
	if len(want) != len(got) {
		return fmt.Errorf("shown are %d values, printed %d", len(want), len(got))
	}
	for i := range want {
		if err := compareValue("", want[i], got[i]); err != nil {
			return err
		}
	}
	return nil
}

// values returns the JSON values of a text.
func values(text string) ([]any, error) {
	var all []any
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

// token is a string, a bracket, an ellipsis, or what is between those, of JSON with ellipses.
var token = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"|[{}\[\]:,]|…|[^"{}\[\]:,…]+`)

// quoteEllipses makes JSON of a text with ellipses outside of strings: members of that name, or strings.
func quoteEllipses(text string) string {
	var open []string // the brackets that are open
	last := ""        // the token before, white space aside
	return token.ReplaceAllStringFunc(text, func(t string) string {
		before := last
		if strings.TrimSpace(t) != "" {
			last = t
		}
		switch t {
		case "{", "[":
			open = append(open, t)
		case "}", "]":
			open = open[:max(len(open)-1, 0)]
		case ellipsis:
			if len(open) > 0 && open[len(open)-1] == "{" && before != ":" {
				return `"…":null`
			}
			return `"…"`
		}
		return t
	})
}

// compareValue compares what is shown at path with what was printed there.
func compareValue(path string, shown, printed any) error {
	if shown == ellipsis {
		return nil
	}
	switch want := shown.(type) {
	case map[string]any:
		if got, ok := printed.(map[string]any); ok {
			return compareObject(path, want, got)
		}
	case []any:
		if got, ok := printed.([]any); ok {
			return compareArray(path, want, got)
		}
	case string:
		if got, ok := printed.(string); ok {
			if err := compareText(want, got); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return nil
		}
	default:
		if shown == printed {
			return nil
		}
	}
	return fmt.Errorf("%s: shown is %v, printed %v", path, shown, printed)
}

func compareObject(path string, shown, printed map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		value, ok := printed[name]
		switch {
		case name == ellipsis:
		case !ok:
			return fmt.Errorf("%s: shown is a member %s, printed none of that name", path, name)
		default:
			if err := compareValue(path+"."+name, shown[name], value); err != nil {
				return err
			}
		}
	}
	if _, more := shown[ellipsis]; more {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(printed)) {
		if _, ok := shown[name]; !ok {
			return fmt.Errorf("%s: printed is a member %s, and not shown", path, name)
		}
	}
	return nil
}

func compareArray(path string, shown, printed []any) error {
	more := len(shown) > 0 && shown[len(shown)-1] == ellipsis
	if more {
		shown = shown[:len(shown)-1]
	}
	if len(printed) < len(shown) || !more && len(printed) > len(shown) {
		return fmt.Errorf("%s: shown are %d elements, printed %d", path, len(shown), len(printed))
	}
	for i := range shown {
		if err := compareValue(fmt.Sprintf("%s[%d]", path, i), shown[i], printed[i]); err != nil {
			return err
		}
	}
	return nil
}

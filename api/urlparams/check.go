package urlparams

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is longer than any name or ARN that AWS accepts.
const maxText = 2048

// CheckName says what is wrong with a name that is one segment of a path, if anything.
func CheckName(s string) error {
	if strings.Contains(s, "/") {
		return fmt.Errorf("must be a single name, without slashes")
	}
	return checkPath(s)
}

// checkPath says what is wrong with a name that may hold slashes, if anything.
func checkPath(s string) error {
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("must not be empty")
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("must not hold %q as a segment", segment)
		}
	}
	return CheckText(s)
}

// CheckText says what is wrong with text that is to be one line, if anything.
func CheckText(s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("must be at most %d bytes", maxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("must be UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("must not hold control or invisible characters")
	}
	return nil
}

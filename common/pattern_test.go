package common

import (
	"strings"
	"testing"
)

func TestPatternsBoundTheLength(t *testing.T) {
	whole := NewPattern(4, `^[a-zä]+$`)
	groups := NewPattern(4, `^arn:(?:([a-z]+)/)?([a-z]+)(?:-[0-9]+)?$`)
	for _, tt := range []struct {
		pattern Pattern
		text    string
		want    bool
	}{
		{whole, "", false},
		{whole, "abcd", true},
		{whole, "ääää", true},
		{whole, "abcde", false},
		{whole, "ab1", false},
		{groups, "arn:abcd", true},
		{groups, "arn:abcd/efgh-12345", true},
		{groups, "arn:abcde/f", false},
		{groups, "arn:a/bcdef", false},
		{groups, "arn:" + strings.Repeat("a", 500), false},
		{groups, "abcd", false},
	} {
		if got := tt.pattern.MatchString(tt.text); got != tt.want {
			t.Errorf("%q: %v", tt.text, got)
		}
	}
}

package localaws

import (
	"regexp"
	"unicode/utf8"
)

// pattern is a regular expression for texts of a length: a bound within the expression, such as {1,512}, compiles to as many copies of what it repeats, in
// each start of a program that can simulate.
type pattern struct {
	longest    int
	expression *regexp.Regexp
}

// atMost returns the pattern of texts of at most so many characters.
func atMost(longest int, expression string) pattern {
	return pattern{longest, regexp.MustCompile(expression)}
}

func (p pattern) MatchString(s string) bool {
	return utf8.RuneCountInString(s) <= p.longest && p.expression.MatchString(s)
}

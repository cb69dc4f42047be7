package common

import (
	"regexp"
	"unicode/utf8"
)

// Pattern is a regular expression with a bound on the length of what its groups match; of the whole text, if it has no groups. A bound within the expression,
// such as {1,255}, compiles to as many copies of what it repeats: a dozen of them took a tenth of the processor time of each start of the program.
type Pattern struct {
	longest    int
	expression *regexp.Regexp
}

// NewPattern returns a Pattern whose groups match at most so many characters. It panics if the expression is none.
func NewPattern(longest int, expression string) Pattern {
	return Pattern{longest: longest, expression: regexp.MustCompile(expression)}
}

// MatchString reports whether s matches.
func (p Pattern) MatchString(s string) bool {
	if p.expression.NumSubexp() == 0 {
		return utf8.RuneCountInString(s) <= p.longest && p.expression.MatchString(s)
	}
	groups := p.expression.FindStringSubmatch(s)
	if groups == nil {
		return false
	}
	for _, group := range groups[1:] {
		if utf8.RuneCountInString(group) > p.longest {
			return false
		}
	}
	return true
}

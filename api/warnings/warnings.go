// Package warnings finds what a caller should know of a request that succeeds all the same.
package warnings

// Warning is what a caller should know.
type Warning struct {
	Code   string // such as IgnoredField
	Field  string // its path in the body, as the caller wrote it
	Detail string
}

// codeIgnored is the code of warnings about keys that nobody knows.
const codeIgnored = "IgnoredField"

// Ignored returns warnings of the keys of a body that were ignored; an empty list for none.
func Ignored(paths []string) []Warning {
	all := []Warning{}
	for _, path := range paths {
		all = append(all, Warning{codeIgnored, path, "is unknown here, and was ignored"})
	}
	return all
}

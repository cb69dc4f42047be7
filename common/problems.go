package common

import (
	"fmt"
	"strings"
)

// Problems collects what is wrong with a request, so that a caller reads all of it at once.
type Problems []FieldError

// Add adds a problem of a field.
func (p *Problems) Add(field, format string, args ...any) {
	*p = append(*p, FieldError{Field: field, Detail: fmt.Sprintf(format, args...)})
}

// Err returns the problems as a BadRequest, nil if there are none.
func (p Problems) Err() error { return Invalid(p...) }

// AddSDK adds what the SDK would refuse to send of a part of the request, but for fields that have a problem already.
func (p *Problems) AddSDK(at string, part interface{ Validate() error }) {
	known := map[string]bool{}
	for _, f := range *p {
		known[strings.ToLower(f.Field)] = true
	}
	for _, f := range InvalidFields(part.Validate()) {
		if field := strings.TrimPrefix(at+"."+strings.ToLower(f.Field), "."); !known[strings.ToLower(field)] {
			p.Add(field, "%s", f.Detail)
		}
	}
}

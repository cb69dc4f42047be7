package common

import (
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestAPanicIsAnErrorThatSaysWhereItWas(t *testing.T) {
	var nothing *Tag
	works := map[string]func() error{
		"panic: a bug (safely_test.go:":            func() error { panic("a bug") },
		"nil pointer dereference (safely_test.go:": func() error { _ = nothing.Key; return nil }, // Go's own
	}
	for want, work := range works {
		var group errgroup.Group
		Go(&group, work)
		for how, err := range map[string]error{"here": Safely(work), "in a group": group.Wait()} {
			if !Is(err, Internal) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", how, err, want)
			}
			if public := Public(err); strings.Contains(public, "panic") {
				t.Errorf("%s: callers read %q", how, public)
			}
		}
	}
}

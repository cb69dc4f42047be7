package common_test

import (
	"errors"
	"strings"
	"testing"

	"ecs-api/common"
)

func TestAnErrorListsWhatIsWrong(t *testing.T) {
	fields := func(n int, name string) []common.FieldError {
		all := make([]common.FieldError, n)
		for i := range all {
			all[i] = common.FieldError{Field: name, Detail: "must not be null"}
		}
		return all
	}
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		fields []common.FieldError
		more   int
		listed int
		ends   string
	}{
		{"few", fields(20, "Tags"), 0, 20, "; Tags must not be null"},
		{"all that one corrects at once", fields(1000, "Tags"), 0, 1000, "; and 980 more, which errors lists"},
		{"too many", fields(300_000, "Tags"), 5, 1000, "; and 299985 more, of which errors lists 980"},
		{"long ones", fields(30, long), 0, 2, "; and 29 more, of which errors lists 1"},
		{"one that is longer than all may be", fields(2, long+long+long), 0, 1, "; and 1 more, of which errors lists 0"},
	} {
		e, ok := errors.AsType[*common.Error](common.InvalidOf("", tt.fields, tt.more))
		if !ok || len(e.Fields) != tt.listed || !strings.HasSuffix(e.Error(), tt.ends) {
			t.Errorf("%s: %d fields in %d bytes that end in %q", tt.name, len(e.Fields), len(e.Error()), e.Error()[max(0, len(e.Error())-60):])
		}
	}
}

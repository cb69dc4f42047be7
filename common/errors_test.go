package common_test

import (
	"errors"
	"strings"
	"testing"

	"ecs-api/common"
)

func TestAnErrorNamesNoMoreFieldsThanAnybodyReads(t *testing.T) {
	fields := make([]common.FieldError, 300_000)
	for i := range fields {
		fields[i] = common.FieldError{Field: "Tags", Detail: "must not be null"}
	}
	err := common.Invalid(fields...)
	e, ok := errors.AsType[*common.Error](err)
	if !ok || len(e.Fields) != 20 || len(e.Error()) > 1000 || !strings.HasSuffix(e.Error(), "; and 299980 more") {
		t.Errorf("%d fields in %d bytes: %.1000s", len(e.Fields), len(e.Error()), e.Error())
	}
}

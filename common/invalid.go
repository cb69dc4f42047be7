package common

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
)

// InvalidFields returns what the SDK's Validate, or a call that it refused to make, says is missing or too small in an input, by the
// fields' names in that input: ContainerDefinitions[0].Secrets[0].ValueFrom. It returns nil for any other error.
func InvalidFields(err error) []FieldError {
	found, ok := errors.AsType[request.ErrInvalidParams](err)
	if !ok {
		return nil
	}
	var fields []FieldError
	for _, one := range found.OrigErrs() {
		param, ok := one.(request.ErrInvalidParam)
		if !ok {
			continue
		}
		_, name, _ := strings.Cut(param.Field(), ".") // the input's type comes first
		fields = append(fields, FieldError{Field: name, Detail: wrongParam(param)})
	}
	return fields
}

// wrongParam says what a field must be. It shows no value.
func wrongParam(err awserr.Error) string {
	switch e := err.(type) {
	case *request.ErrParamRequired:
		return "is required"
	case *request.ErrParamMinLen:
		if e.MinLen() == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", e.MinLen())
	case *request.ErrParamMinValue:
		return fmt.Sprintf("must be at least %g", e.MinValue())
	}
	return "is not valid"
}

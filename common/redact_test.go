package common

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws/awserr"
)

func TestRedactSecrets(t *testing.T) {
	respond := func(message string) error {
		return awserr.NewRequestFailure(awserr.New("ValidationException", message, nil), http.StatusBadRequest, "id")
	}
	for _, test := range []struct {
		name   string
		err    error
		secret string
		silent bool
	}{
		{"AWS quotes the value", respond("Value 'hunter22' at 'value' failed to satisfy constraint"), "hunter22", true},
		{"AWS quotes a short value", respond("Value 'a' at 'value' failed to satisfy constraint"), "a", true},
		{"a short value stands in other words", respond("Value at 'value' failed to satisfy constraint"), "a", false},
		{"there is no value", respond("Value '' failed"), "", false},
		{"the value is not quoted", respond("the name is too long"), "hunter22", false},
		{"the SDK dumps a response it cannot read", awserr.New("SerializationError", "failed", awserr.NewUnmarshalError(errors.New("bad"), "failed", []byte("<p>hunter22 goes over many lines of the dump"))), "hunter22 goes over many lines of the dump", true},
		{"the error is not AWS's", errors.New("hunter22"), "hunter22", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := FromAWS(test.err, "put"), FromAWS(RedactSecrets(test.err, test.secret), "put")
			if KindOf(after) != KindOf(before) || CodeOf(after) != CodeOf(before) {
				t.Errorf("%v became %v", before, after)
			}
			if silent := strings.Contains(after.Error(), "redacted"); silent != test.silent {
				t.Errorf("%q, want it redacted: %v", after, test.silent)
			}
			if e, ok := errors.AsType[*Error](after); test.silent && (!ok || strings.Contains(e.Error()+e.Public(), test.secret) && len(test.secret) > 1) {
				t.Errorf("%q holds the value", after)
			}
		})
	}
}

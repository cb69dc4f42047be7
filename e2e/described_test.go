package e2e

import (
	"net/http"
	"os"
	"sync"
	"testing"

	"ecs-api/api/openapitest"
)

// describedBy holds what the suite sends and gets against the OpenAPI document.
var describedBy = sync.OnceValues(func() (*openapitest.Validator, error) {
	doc, err := os.ReadFile("../api/openapi/openapi.yaml")
	if err != nil {
		return nil, err
	}
	return openapitest.NewValidator(doc)
})

// checkDescribed checks that an exchange is as the OpenAPI document says.
func checkDescribed(t *testing.T, r *http.Request, sent string, resp *http.Response, got string) {
	t.Helper()
	validator := must(describedBy())(t)
	if err := validator.Validate(r, []byte(sent), resp, []byte(got)); err != nil {
		t.Errorf("not as the OpenAPI document says: %v\n%s", err, got)
	}
}

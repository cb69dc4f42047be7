package openapitest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ecs-api/api/openapitest"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

const document = `
openapi: 3.1.0
info: {title: t, version: '1'}
servers: [{url: /v1}]
paths:
  /things/{thing}:
    parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
    get:
      parameters: [{name: status, in: query, schema: {type: string, enum: [ACTIVE]}}, {name: state, in: query, schema: {type: array, items: {type: string, enum: [ON, OFF]}}}, {name: all, in: query, schema: {type: boolean}}]
      responses:
        '200': {description: it, headers: {X-Id: {required: true, schema: {type: string}}}, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
        '404': {description: none, content: {application/problem+json: {schema: {$ref: '#/components/schemas/Problem'}}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Change'}}}}
      responses: {'200': {description: done, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}
    put:
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Change'}}}}
      responses: {'200': {description: done, x-may-be-empty: true, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}
components:
  schemas:
    Thing: {type: object, required: [Name], properties: {Name: {type: [string, 'null']}}}
    Change: {type: object, required: [Items], additionalProperties: false, properties: {Items: {oneOf: [{type: array, items: {$ref: '#/components/schemas/Thing'}}, {type: 'null'}]}}}
    Problem: {type: object, required: [status], properties: {status: {type: integer}}}
`

func TestValidate(t *testing.T) {
	validator, err := openapitest.NewValidator([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const asJSON, asProblem, thing = "application/json", "application/problem+json", `{"Name":null}`
	for _, tt := range []struct {
		name         string
		method, path string
		sent         string
		status       int
		media, got   string
		want         string // contained in the error; "" for none
	}{
		{"as documented", "GET", "/v1/things/a%2Fb", "", 200, asJSON, thing, ""},
		{"a doubled slash is one", "GET", "/v1//things/a", "", 200, asJSON, thing, ""},
		{"a trailing slash is none", "GET", "/v1/things/a/", "", 200, asJSON, thing, ""},
		{"words in any case", "GET", "/v1/things/a?status=active&all=TRUE", "", 200, asJSON, thing, ""},
		{"lists of words in any case", "GET", "/v1/things/a?state=on&state=Off", "", 200, asJSON, thing, ""},
		{"a list with a word that is not documented", "GET", "/v1/things/a?state=on&state=x", "", 200, asJSON, thing, "state"},
		{"a body that may be left out", "POST", "/v1/things/a", "", 200, asJSON, thing, ""},
		{"a body that may not be left out", "PUT", "/v1/things/a", "", 200, asJSON, thing, "request body"},
		{"a word that is not documented", "GET", "/v1/things/a?status=x", "", 200, asJSON, thing, "status"},
		{"a response without what it must have", "GET", "/v1/things/a", "", 200, asJSON, `{}`, "Name"},
		{"a response of another type", "GET", "/v1/things/a", "", 200, asJSON, `{"Name":1}`, "schema"},
		{"another media type", "GET", "/v1/things/a", "", 200, "text/plain", "x", "text/plain"},
		{"an empty response", "GET", "/v1/things/a", "", 200, "", "", "Content-Type"},
		{"a status that is not documented", "GET", "/v1/things/a", "", 409, asProblem, `{"status":409}`, "status is not supported"},
		{"a documented error", "GET", "/v1/things/a?status=x", "", 404, asProblem, `{"status":404}`, ""},
		{"an error of another form", "GET", "/v1/things/a", "", 404, asProblem, `{}`, "status"},
		{"HEAD is as GET", "HEAD", "/v1/things/a", "", 200, asJSON, "", ""},
		{"keys of bodies in any case", "PUT", "/v1/things/a", `{"items":[{"nAME":"x","more":1}]}`, 200, asJSON, thing, ""},
		{"a key that is unknown and was not named", "PUT", "/v1/things/a", `{"items":[],"more":1}`, 200, asJSON, thing, "more"},
		{"a key that was ignored", "PUT", "/v1/things/a", `{"items":[],"ports":1}`, 200, asJSON, thing, ""},
		{"a body without what it must have", "PUT", "/v1/things/a", `{"items":[{}]}`, 200, asJSON, thing, "request body"},
		{"a body that was refused", "GET", "/v1/things/a", `x`, 404, asProblem, `{"status":404}`, ""},
		{"a response that may be empty", "PUT", "/v1/things/a", `{"Items":null}`, 200, "", "", ""},
		{"a success that is not documented", "GET", "/v1/others", "", 200, asJSON, thing, "does not have this path"},
		{"a method that is not documented", "DELETE", "/v1/things/a", "", 200, asJSON, thing, "does not have this path"},
		{"an unknown path", "GET", "/v1/others", "", 404, asProblem, `{"status":404}`, ""},
		{"an unknown path, with another response", "GET", "/v1/others", "", 404, "text/plain", "404", "text/plain"},
		{"preflight", "OPTIONS", "/v1/things/a", "", 200, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: tt.status, Header: http.Header{"X-Id": {"1"}, "X-Ignored-Fields": {"a%2Cb, ports"}}, Body: io.NopCloser(strings.NewReader(""))}
			if tt.media != "" {
				resp.Header.Set("Content-Type", tt.media)
			}
			err := validator.Validate(httptest.NewRequest(tt.method, tt.path, nil), []byte(tt.sent), resp, []byte(tt.got))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if undocumented := strings.Contains(tt.want, "does not have"); errors.Is(err, openapitest.ErrUndocumented) != undocumented {
				t.Errorf("ErrUndocumented: %v, of %v", !undocumented, err)
			}
		})
	}
}

func TestHeadersAreRequired(t *testing.T) {
	validator, err := openapitest.NewValidator([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
	if err := validator.Validate(httptest.NewRequest(http.MethodGet, "/v1/things/a", nil), nil, resp, []byte(`{"Name":"a"}`)); err == nil || !strings.Contains(err.Error(), "X-Id") {
		t.Errorf("without the header X-Id: %v", err)
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"an older version", "openapi: 3.1.0", "openapi: 3.0.3", "not 3.1"},
		{"no YAML", "openapi: 3.1.0", "openapi: [", "load the document"},
		{"a reference to nothing", "schemas/Change'", "schemas/Nothing'", "load the document"},
		{"an example that its schema does not allow", "schema: {type: boolean}", "schema: {type: boolean}, example: 7", "example"},
		{"a text cut at a comma", "description: it,", "description: it, and, more,", "not valid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := openapitest.Check([]byte(strings.Replace(document, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

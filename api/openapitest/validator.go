// Package openapitest holds HTTP exchanges against an OpenAPI document, for tests: what a server sends must be as the document says,
// and what it takes must be what the document lets callers send. It owns one rule: of a request that was refused only the response is held
// against the document, because tests send what it forbids on purpose.
package openapitest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// ErrUndocumented is returned for a success at a path, or with a method, that the document does not have.
var ErrUndocumented = errors.New("the document does not have this path and method")

// mayBeEmpty marks, in the document, responses whose body may be missing.
const mayBeEmpty = "x-may-be-empty"

// headerIgnored is the header that names the keys of a body that the server ignored.
const headerIgnored = "X-Ignored-Fields"

// Validator holds exchanges against one document. It may be used by several goroutines at once.
type Validator struct {
	router  routers.Router
	schemas schemas
	problem *openapi3.Schema // of an error; nil if the document has none
}

// Check returns where the OpenAPI 3.1 document, in YAML or JSON, or one of its examples, is not valid.
func Check(doc []byte) error {
	_, err := load(doc, openapi3.EnableExamplesValidation())
	return err
}

// load reads a document and says where it is not valid.
func load(doc []byte, options ...openapi3.ValidationOption) (*openapi3.T, error) {
	loaded, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return nil, fmt.Errorf("load the document: %w", err)
	}
	if !loaded.IsOpenAPI31OrLater() {
		return nil, fmt.Errorf("the document is of OpenAPI %s, not 3.1", loaded.OpenAPI)
	}
	if err := loaded.Validate(context.Background(), append(options, openapi3.EnableSchemaFormatValidation())...); err != nil {
		return nil, fmt.Errorf("the document is not valid: %w", err)
	}
	return loaded, nil
}

// NewValidator returns a validator for the OpenAPI 3.1 document, in YAML or JSON. The error says where the document is not valid. It does not look at
// the examples, which takes several times as long as all the rest: that is for Check, once.
func NewValidator(doc []byte) (*Validator, error) {
	loaded, err := load(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(loaded)
	if err != nil {
		return nil, fmt.Errorf("route by the document: %w", err)
	}
	compiled, err := compile(loaded)
	if err != nil {
		return nil, err
	}
	v := &Validator{router: router, schemas: compiled}
	if ref := loaded.Components.Schemas["Problem"]; ref != nil {
		v.problem = ref.Value
	}
	return v, nil
}

// Validate returns what the document says against an exchange. The bodies are given apart, as both have been read.
func (v *Validator) Validate(req *http.Request, reqBody []byte, resp *http.Response, respBody []byte) error {
	if req.Method == http.MethodOptions { // CORS, of which OpenAPI knows nothing
		return nil
	}
	err := v.validate(clean(req), reqBody, resp, respBody)
	if err != nil {
		return fmt.Errorf("%s %s, status %d: %w", req.Method, req.URL.RequestURI(), resp.StatusCode, err)
	}
	return nil
}

func (v *Validator) validate(req *http.Request, reqBody []byte, resp *http.Response, respBody []byte) error {
	route, params, err := v.find(req)
	if err != nil {
		if resp.StatusCode < 400 {
			return ErrUndocumented
		}
		return v.unrouted(req, resp, respBody)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			ExcludeRequestBody: true, ExcludeResponseBody: true, SkipSettingDefaults: true, IncludeResponseStatus: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	if resp.StatusCode < 300 {
		in.QueryParams = anyCase(route.Operation, req.URL.Query())
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		if err := v.requestBody(route.Operation.RequestBody, reqBody, newFolder(resp.Header.Get(headerIgnored))); err != nil {
			return fmt.Errorf("request body: %w", err)
		}
	}
	return v.response(in, resp, respBody)
}

// find returns the operation that the request is for. A HEAD is that of the path's GET, unless the path has one of its own.
func (v *Validator) find(req *http.Request) (*routers.Route, map[string]string, error) {
	route, params, err := v.router.FindRoute(req)
	if errors.Is(err, routers.ErrMethodNotAllowed) && req.Method == http.MethodHead {
		get := req.Clone(req.Context())
		get.Method = http.MethodGet
		route, params, err = v.router.FindRoute(get)
	}
	if err != nil {
		return nil, nil, err
	}
	for name, value := range params {
		if params[name], err = url.PathUnescape(value); err != nil {
			return nil, nil, err
		}
	}
	return route, params, nil
}

// requestBody holds a body against its schema. Its keys match without case, those that the response names as ignored are left out, and nobody looks
// at its media type.
func (v *Validator) requestBody(want *openapi3.RequestBodyRef, body []byte, keys folder) error {
	if want == nil {
		return nil // what comes with such a request is not read
	}
	if len(body) == 0 && !want.Value.Required {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	schema := want.Value.Content.Get("application/json").Schema.Value
	return v.schemas.validate(schema, keys.fold("", value, schema))
}

// response holds a response against what the document says of its status.
func (v *Validator) response(in *openapi3filter.RequestValidationInput, resp *http.Response, body []byte) error {
	err := openapi3filter.ValidateResponse(in.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options,
	})
	if err != nil || in.Request.Method == http.MethodHead {
		return err
	}
	documented := in.Route.Operation.Responses.Status(resp.StatusCode)
	if documented == nil {
		documented = in.Route.Operation.Responses.Default()
	}
	media := resp.Header.Get("Content-Type")
	switch {
	case len(body) == 0 && media == "" && documented.Value.Extensions[mayBeEmpty] == true, len(documented.Value.Content) == 0:
		return nil
	case documented.Value.Content.Get(media) == nil:
		return fmt.Errorf("response: the document has no Content-Type %q for it", media)
	case !strings.Contains(media, "json"): // of texts the document says only what kind they are
		return nil
	}
	return v.json(documented.Value.Content.Get(media).Schema.Value, body)
}

// unrouted holds the response to what no route takes against the schema of errors.
func (v *Validator) unrouted(req *http.Request, resp *http.Response, body []byte) error {
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("response: an error of type %q", got)
	}
	if req.Method == http.MethodHead {
		return nil
	}
	if v.problem == nil {
		return errors.New("the document has no schema Problem")
	}
	return v.json(v.problem, body)
}

// json holds the JSON text of a response against its schema.
func (v *Validator) json(schema *openapi3.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("response: %w", err)
	}
	if err := v.schemas.validate(schema, value); err != nil {
		return fmt.Errorf("response: %w", err)
	}
	return nil
}

// clean returns the request as the server reads it: of doubled slashes in its path there is one, and none at its end.
func clean(req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	escaped := req.URL.EscapedPath()
	for strings.Contains(escaped, "//") {
		escaped = strings.ReplaceAll(escaped, "//", "/")
	}
	if escaped != "/" {
		escaped = strings.TrimSuffix(escaped, "/")
	}
	if plain, err := url.PathUnescape(escaped); err == nil {
		req.URL.Path, req.URL.RawPath = plain, escaped
	}
	return req
}

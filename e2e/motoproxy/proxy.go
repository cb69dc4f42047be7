// Package motoproxy stands between a program and a moto_server, and makes moto's responses like those of AWS, so that no code of the program
// needs to know moto. It is for tests.
//
// It owns the rule that a difference between moto and AWS is either evened out here, in one entry of rules, or named in the row of
// the suite that moto cannot play (notOnMoto). What it says of moto is true of moto 5.2.1.
package motoproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// rule makes moto behave like AWS in one operation.
type rule struct {
	before func(*call) error // may change the input; an error is the response, and moto does not see the request
	after  func(*call) error // may change the output of a success; an error takes its place
}

// awsError is an error that AWS would return. More are its members beside the message.
type awsError struct {
	code, message string
	more          object
}

func (e *awsError) Error() string { return e.code + ": " + e.message }

// call is one request of a JSON protocol.
type call struct {
	ctx             context.Context
	proxy           *proxy
	header          http.Header
	service, action string // as X-Amz-Target names them
	in, out         object
}

type proxy struct {
	moto   string
	client *http.Client
}

// New returns a handler that passes requests on to the moto_server at the given URL.
func New(moto string) http.Handler {
	return &proxy{moto: strings.TrimSuffix(moto, "/"), client: &http.Client{}}
}

// ServeHTTP passes a request on. Bodies are small: they are read whole.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, header, out, err := p.serve(r, body)
	if refused, ok := errors.AsType[*awsError](err); ok {
		err = nil
		status, header, out = refused.response()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	header = header.Clone()
	header.Del("Content-Length")
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	_, _ = w.Write(out) // who has hung up needs no response
}

// serve returns moto's response, after the operation's rule if there is one.
func (p *proxy) serve(r *http.Request, body []byte) (int, http.Header, []byte, error) {
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	rule, ok := rules[service+"."+action]
	c := &call{ctx: r.Context(), proxy: p, header: r.Header, service: service, action: action}
	if !ok || decode(body, &c.in) != nil {
		return p.send(r.Context(), r.Method, r.URL.RequestURI(), r.Header, body)
	}
	if rule.before != nil {
		if err := rule.before(c); err != nil {
			return 0, nil, nil, err
		}
	}
	status, header, out, err := p.send(r.Context(), r.Method, r.URL.RequestURI(), r.Header, encode(c.in))
	if err != nil || status != http.StatusOK || rule.after == nil || decode(out, &c.out) != nil {
		return status, header, out, err
	}
	if err := rule.after(c); err != nil {
		return 0, nil, nil, err
	}
	return status, header, encode(c.out), nil
}

// send makes one request to moto.
func (p *proxy) send(ctx context.Context, method, uri string, header http.Header, body []byte) (int, http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.moto+uri, bytes.NewReader(body)) //nolint:gosec // it is a proxy, to one server that the test has started
	if err != nil {
		return 0, nil, nil, fmt.Errorf("pass on to moto: %w", err)
	}
	r.Header = header.Clone()
	r.Header.Del("Accept-Encoding") // the transport unpacks only what it has asked for itself
	resp, err := p.client.Do(r)     //nolint:gosec // as above
	if err != nil {
		return 0, nil, nil, fmt.Errorf("pass on to moto: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read moto's response: %w", err)
	}
	return resp.StatusCode, resp.Header, likeAWS(resp.StatusCode, out), nil
}

// ask calls another operation of the same service, as the caller of c.
func (c *call) ask(action string, in object) (object, error) {
	header := c.header.Clone()
	header.Set("X-Amz-Target", c.service+"."+action)
	status, _, body, err := c.proxy.send(c.ctx, http.MethodPost, "/", header, encode(in))
	if err != nil {
		return nil, err
	}
	var out object
	if err := decode(body, &out); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("ask moto to %s: status %d: %s", action, status, body)
	}
	return out, nil
}

// response is the error as the JSON protocols of AWS write it.
func (e *awsError) response() (int, http.Header, []byte) {
	body := object{"__type": e.code, "message": e.message, "Message": e.message}
	maps.Copy(body, e.more)
	return http.StatusBadRequest, http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, encode(body)
}

// decode reads JSON and keeps numbers as they are written.
func decode(data []byte, to *object) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(to)
}

func encode(value object) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	return data
}

// objects returns the objects in a list; none if it is no list.
func objects(list any) []object {
	var out []object
	values, _ := list.([]any)
	for _, v := range values {
		if o, ok := v.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// texts returns the strings in a list; none if it is no list.
func texts(list any) []string {
	out := []string{}
	values, _ := list.([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// text returns a string, or nothing if value is none.
func text(value any) string {
	s, _ := value.(string)
	return s
}

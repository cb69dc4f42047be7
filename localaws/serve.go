package localaws

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Call is one call that was made to the simulator.
type Call struct {
	Service, Operation string // such as "ecs" and "CreateService"
	Start, End         time.Time
	Code               string // the error code of the response; empty if it succeeded, "lost" if no response was sent
}

// maxBody is more than AWS accepts of any request that the simulator knows.
const maxBody = 8 << 20

// credentialScope returns the access key, the date, the region and the service that a signature names, nil if the request is not signed. Every call
// passes here: the words are cut, because a regular expression costs as much as some operations.
func credentialScope(req *http.Request) []string {
	_, credential, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || slices.Contains(scope, "") {
		return nil
	}
	return scope
}

// ServeHTTP serves one call to any service.
func (a *AWS) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "the simulator could not read the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	scope := credentialScope(req)
	if scope == nil {
		http.Error(w, "this is localaws, a simulator of AWS for development: it serves signed AWS API calls only", http.StatusForbidden)
		return
	}
	c := &call{aws: a, key: scope[0], regionName: scope[2], serviceName: scope[3], operation: operationName(req, body), body: body}
	svc, ok := a.services[c.serviceName]
	if !ok {
		http.Error(w, "localaws has no service "+c.serviceName, http.StatusNotImplemented)
		return
	}
	c.service = svc
	c.serve(req, w)
}

// operationName returns the operation that a request names: in its X-Amz-Target, or as a form's Action.
func operationName(req *http.Request, body []byte) string {
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	form, _ := url.ParseQuery(string(body)) // a form that does not parse names no operation
	return form.Get("Action")
}

// call is one call on its way through faults, latency and the operation.
type call struct {
	aws                                     *AWS
	key, regionName, serviceName, operation string
	service                                 service
	body                                    []byte
}

func (c *call) serve(req *http.Request, w http.ResponseWriter) {
	a := c.aws
	index, fault, latency := c.begin()
	pause := func() {
		if latency > 0 {
			a.sleep(latency / 2)
		}
	}
	pause()
	if fault.hook != nil {
		fault.hook()
	}
	var out any
	var err error
	if fault.instead != nil {
		err = fault.instead
	} else {
		out, err = c.run()
	}
	pause()
	if fault.hang {
		<-req.Context().Done()
	}
	lost := fault.lose || fault.hang
	id := c.end(index, err, lost)
	if lost {
		panic(http.ErrAbortHandler) // closes the connection without a response
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		c.service.protocol.fail(w, id, e)
		return
	}
	c.service.protocol.encode(w, c.operation, id, out)
}

// begin records the call and decides what shall go wrong with it.
func (c *call) begin() (index int, fault outcome, latency time.Duration) {
	a := c.aws
	a.mu.Lock()
	defer a.mu.Unlock()
	index = a.calls.add(Call{Service: c.serviceName, Operation: c.operation, Start: a.now()})
	fault = a.faultFor(index+1, c.serviceName, c.operation)
	if fault.instead == nil && a.limits && !a.take(c) {
		fault.instead = throttled(c.serviceName)
	}
	return index, fault, a.latency
}

// run does the operation, under the lock.
func (c *call) run() (any, error) {
	operation, ok := c.service.operations[c.operation]
	if !ok {
		return nil, &apiError{http.StatusNotImplemented, "UnknownOperationException", "localaws does not know " + c.serviceName + " " + c.operation, nil}
	}
	in := operation.input()
	if err := c.service.protocol.decode(c.body, in); err != nil {
		return nil, refuse("SerializationException", "%v", err)
	}
	if err := checkIntegers(reflect.ValueOf(in)); err != nil {
		return nil, refuse("SerializationException", "%v", err)
	}
	a := c.aws
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.account(accountOf(c.key))
	r := &request{aws: a, account: acc, region: acc.region(c.regionName), now: a.now(), key: c.key}
	if err := r.expired(); err != nil {
		return nil, err
	}
	a.settle(acc, r.region)
	out, err := operation.do(r, in)
	if err != nil {
		return nil, err
	}
	r.indexTags()
	return out, nil
}

// end completes the call's record and returns a request id for the response.
func (c *call) end(index int, err error, lost bool) string {
	a := c.aws
	a.mu.Lock()
	defer a.mu.Unlock()
	if record := a.calls.at(index); record != nil { // else ResetCalls came between
		record.End = a.now()
		if e, ok := errors.AsType[*apiError](err); ok {
			record.Code = e.code
		}
		if lost {
			record.Code = "lost"
		}
	}
	return a.uuid()
}

// Calls returns the calls made since the start or the last ResetCalls, in the order of their beginning. Of very many, the oldest are
// forgotten; they count for faults all the same.
func (a *AWS) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Call(nil), a.calls.kept...)
}

// ResetCalls forgets the calls made so far: the next one is number 1 again for faults that count.
func (a *AWS) ResetCalls() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = callLog{}
}

// accountOf returns the account an access key belongs to: keys issued by AssumeRole carry it, all others are DefaultAccount's.
func accountOf(key string) string {
	if parts := assumedKey.FindStringSubmatch(key); parts != nil {
		return parts[1]
	}
	return DefaultAccount
}

// assumedKey matches the keys that AssumeRole issues here, and hardly ever one that AWS issued.
var assumedKey = regexp.MustCompile(`^` + assumedKeyPrefix + `(\d{12})`)

// assumedKeyPrefix begins the access keys that AssumeRole issues; the account's id follows it.
const assumedKeyPrefix = "ASIA"

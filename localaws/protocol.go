package localaws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/private/protocol/json/jsonutil"
	"github.com/aws/aws-sdk-go/private/protocol/xml/xmlutil"
)

// service is one AWS service: how it is spoken to, and its operations by name.
type service struct {
	protocol   protocol
	operations map[string]operation
}

// operation decodes an input, does something and returns an output. Use op to make one.
type operation struct {
	input func() any
	do    func(*request, any) (any, error)
}

// op makes an operation of a function on the SDK's typed input and output.
func op[I, O any](do func(*request, *I) (*O, error)) operation {
	return operation{
		input: func() any { return new(I) },
		do:    func(r *request, in any) (any, error) { return do(r, in.(*I)) },
	}
}

// request is what an operation knows of the call it serves. The simulator's lock is held while it runs.
type request struct {
	aws     *AWS
	account *account
	region  *region
	now     time.Time
	key     string // the access key the call was signed with
}

// apiError is an error as AWS states it. Extra holds members beside the code and the message, such as a ServiceAlreadyExists' ServiceId.
type apiError struct {
	status  int
	code    string
	message string
	extra   map[string]any
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// refuse returns an error with HTTP status 400, as nearly all of AWS's are.
func refuse(code, format string, args ...any) error {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// protocol is how bodies are written. A target is where a protocol names its operation.
type protocol interface {
	decode(body []byte, in any) error
	encode(w http.ResponseWriter, operation, id string, out any)
	fail(w http.ResponseWriter, id string, err *apiError)
}

// jsonProtocol is AWS JSON 1.1: the operation is in the X-Amz-Target header.
type jsonProtocol struct{}

func (jsonProtocol) decode(body []byte, in any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return jsonutil.UnmarshalJSON(in, bytes.NewReader(body))
}

func (jsonProtocol) encode(w http.ResponseWriter, _, id string, out any) {
	body, err := jsonutil.BuildJSON(out)
	if err != nil {
		jsonProtocol{}.fail(w, id, &apiError{http.StatusInternalServerError, "InternalFailure", err.Error(), nil})
		return
	}
	writeBody(w, http.StatusOK, "application/x-amz-json-1.1", id, body)
}

func (jsonProtocol) fail(w http.ResponseWriter, id string, e *apiError) {
	members := map[string]any{"__type": e.code, "message": e.message}
	for k, v := range e.extra {
		members[k] = v
	}
	body, _ := json.Marshal(members) // strings only
	writeBody(w, e.status, "application/x-amz-json-1.1", id, body)
}

// queryProtocol is AWS Query: a form in, XML out. IAM, STS and (nearly) EC2 speak it.
type queryProtocol struct {
	ec2 bool // EC2's dialect: no Result element, flat lists, another error form
}

func (p queryProtocol) decode(body []byte, in any) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	return p.decodeValue(form, "", reflect.ValueOf(in).Elem())
}

// decodeValue sets v from the form's keys at or below name.
func (p queryProtocol) decodeValue(form url.Values, name string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !hasPrefix(form, name) {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return p.decodeValue(form, name, v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			t, err := time.Parse(time.RFC3339, form.Get(name))
			v.Set(reflect.ValueOf(t))
			return err
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Name == "_" {
				continue
			}
			member := f.Name
			if n := f.Tag.Get("locationName"); n != "" {
				member = n
			}
			if p.ec2 {
				if n := f.Tag.Get("queryName"); n != "" {
					member = n
				} else {
					member = strings.ToUpper(member[:1]) + member[1:]
				}
			}
			if name != "" {
				member = name + "." + member
			}
			if err := p.decodeValue(form, member, v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		for i := 1; ; i++ {
			item := name + ".member." + strconv.Itoa(i)
			if p.ec2 {
				item = name + "." + strconv.Itoa(i)
			}
			if !hasPrefix(form, item) {
				return nil
			}
			elem := reflect.New(v.Type().Elem()).Elem()
			if err := p.decodeValue(form, item, elem); err != nil {
				return err
			}
			v.Set(reflect.Append(v, elem))
		}
	case reflect.String:
		v.SetString(form.Get(name))
	case reflect.Int64:
		n, err := strconv.ParseInt(form.Get(name), 10, 64)
		v.SetInt(n)
		return err
	case reflect.Bool:
		b, err := strconv.ParseBool(form.Get(name))
		v.SetBool(b)
		return err
	default:
		return fmt.Errorf("%s: the simulator does not decode %s", name, v.Type())
	}
	return nil
}

// hasPrefix reports whether the form has the key name or a key below it.
func hasPrefix(form url.Values, name string) bool {
	for key := range form {
		if key == name || strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

func (p queryProtocol) encode(w http.ResponseWriter, operation, id string, out any) {
	var result bytes.Buffer
	if err := xmlutil.BuildXML(out, xml.NewEncoder(&result)); err != nil {
		p.fail(w, id, &apiError{http.StatusInternalServerError, "InternalFailure", err.Error(), nil})
		return
	}
	// BuildXML names the root element after the struct's location name, which outputs lack: it leaves "<>" and "</>".
	inner := strings.TrimSuffix(strings.TrimPrefix(result.String(), "<>"), "</>")
	var body string
	if p.ec2 {
		body = fmt.Sprintf("<%[1]sResponse><requestId>%[2]s</requestId>%[3]s</%[1]sResponse>", operation, id, inner)
	} else {
		body = fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[3]s</%[1]sResult><ResponseMetadata><RequestId>%[2]s</RequestId></ResponseMetadata></%[1]sResponse>", operation, id, inner)
	}
	writeBody(w, http.StatusOK, "text/xml", id, []byte(body))
}

func (p queryProtocol) fail(w http.ResponseWriter, id string, e *apiError) {
	var message bytes.Buffer
	_ = xml.EscapeText(&message, []byte(e.message)) // a Buffer does not fail
	kind := "Sender"
	if e.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	body := fmt.Sprintf("<ErrorResponse><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>", kind, e.code, message.Bytes(), id)
	if p.ec2 {
		body = fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", e.code, message.Bytes(), id)
	}
	writeBody(w, e.status, "text/xml", id, []byte(body))
}

func writeBody(w http.ResponseWriter, status int, contentType, id string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; nothing is owed to it then
}

// inProcess serves requests without a network.
type inProcess struct{ aws *AWS }

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &recorder{header: http.Header{}}
	func() {
		defer func() {
			e := recover()
			if err, ok := e.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				w.lost = true
			} else if e != nil {
				panic(e)
			}
		}()
		p.aws.ServeHTTP(w, req)
	}()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if w.lost {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: req,
	}, nil
}

// recorder is an http.ResponseWriter that keeps what is written.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	lost   bool
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/api/body"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/racetest"
)

// orchestrationInput has all that bodies of ours can hold: SDK structs, pointers, arrays, maps, bytes.
type orchestrationInput struct {
	TaskDefinition *awsecs.RegisterTaskDefinitionInput
	Service        *awsecs.CreateServiceInput `json:"service"`
	Credentials    map[string]*awssecrets.CreateSecretInput
	Names          []string
}

func bodyHarness(t *testing.T, got *orchestrationInput) *harness {
	t.Helper()
	h := newHarness(t, localaws.New())
	h.v1().Handle("/{account}/things", handle(h.Server, http.StatusOK, func(_ call, in orchestrationInput) (none, error) {
		*got = in
		return none{}, nil
	})).Methods(http.MethodPost)
	return h
}

func TestBodiesAreReadAsTheSDKsInputs(t *testing.T) {
	t.Parallel()
	var got orchestrationInput
	h := bodyHarness(t, &got)
	body := ` {"TASKDEFINITION": {"containerdefinitions": [{"name": "web", "ports": [80], "environment": [{"name": "A", "value": "é"}], "portmappings": [], "user": null}]},
		"service": {"DesiredCount": 2, "unknown": {"a": [null]}}, "credentials": {"web": {"secretstring": "s", "secretbinary": "aGk="}}, "names": null}` + "\n"
	resp, text := h.do(t, http.MethodPost, "/v1/ecs/local/things", body, "Content-Type: application/x-www-form-urlencoded")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", resp.StatusCode, text)
	}
	want := orchestrationInput{
		TaskDefinition: &awsecs.RegisterTaskDefinitionInput{ContainerDefinitions: []*awsecs.ContainerDefinition{{
			Name: aws.String("web"), Environment: []*awsecs.KeyValuePair{{Name: aws.String("A"), Value: aws.String("é")}}, PortMappings: []*awsecs.PortMapping{},
		}}},
		Service:     &awsecs.CreateServiceInput{DesiredCount: aws.Int64(2)},
		Credentials: map[string]*awssecrets.CreateSecretInput{"web": {SecretString: aws.String("s"), SecretBinary: []byte("hi")}},
	}
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
		t.Error(diff)
	}
}

func TestBodiesThatAreNoRequest(t *testing.T) {
	t.Parallel()
	var got orchestrationInput
	h := bodyHarness(t, &got)
	tests := []struct {
		name, body string
		status     int
		detail     string
		fields     []string
	}{
		{"empty", "", 400, "needs a body", nil},
		{"blank", " \n\t", 400, "needs a body", nil},
		{"null", "null", 400, "not null", nil},
		{"an array", "[]", 400, "must be an object, not an array", nil},
		{"not JSON", "name=value", 400, "not JSON", nil},
		{"two values", `{} {}`, 400, "not JSON: line 1, column 4: only blanks may follow the JSON, not {", nil},
		{"a byte order mark in front", "\ufeff{}", 200, "", nil},
		{"not UTF-8", "{\"a\": \"\xff\"}", 400, "UTF-8", nil},
		{"200,000 brackets deep", strings.Repeat("[", 200_000), 400, "nested too deeply", nil},
		{"200,000 objects deep in what is ignored", strings.Repeat(`{"a":`, 200_000), 400, "nested too deeply", nil},
		{"a wrong type", `{"service": {"DesiredCount": "two"}}`, 400, "must be a whole number, not a string", []string{"service.DesiredCount"}},
		{"a number where there is text, unrepeated", `{"credentials": {"web": {"SecretString": 123456}}}`, 400, "must be a string, not a number", []string{"credentials.web.SecretString"}},
		{"a fraction", `{"service": {"desiredCount": 1.5}}`, 400, "must be a whole number, not a fraction", []string{"service.desiredCount"}},
		{"bytes that are not base64, unrepeated", `{"credentials": {"web": {"SecretBinary": "hunter2!"}}}`, 400, "must be base64 text", []string{"credentials.web.SecretBinary"}},
		{"nulls", `{"taskdefinition": {"containerDefinitions": [{"portMappings": [null]}, null]}, "credentials": {"web": null}}`, 400, "must not be null", []string{
			"taskdefinition.containerDefinitions[0].portMappings[0]", "taskdefinition.containerDefinitions[1]", "credentials.web",
		}},
		{"8 MiB", strings.Repeat(" ", 8<<20), 413, "at most 1048576 bytes", nil},
		{"a byte too many", `{}` + strings.Repeat(" ", body.Max-1), 413, "at most", nil},
		{"as large as may be", `{}` + strings.Repeat(" ", body.Max-2), 200, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := h.do(t, http.MethodPost, "/v1/ecs/local/things", tt.body)
			if resp.StatusCode != tt.status {
				t.Fatalf("got %d %s, want %d", resp.StatusCode, body, tt.status)
			}
			if tt.status == http.StatusOK {
				return
			}
			p := problemOf(t, resp, body)
			var fields []string
			for _, f := range p.Errors {
				fields = append(fields, f.Field)
			}
			if diff := cmp.Diff(tt.fields, fields); diff != "" || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("got %s, want %q about %q", body, tt.detail, tt.fields)
			}
		})
	}
	for _, secret := range []string{"hunter2", "123456"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("a value of a body is in the log: %q", secret)
		}
	}
}

func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	var got orchestrationInput
	h := bodyHarness(t, &got)
	tests := []struct {
		name   string
		err    error
		length int64
		status int
		detail string
	}{
		{"too slow", os.ErrDeadlineExceeded, 100, 400, "did not arrive in time"},
		{"cut off", io.ErrUnexpectedEOF, 100, 400, "could not be read to its end"},
		{"announced too large, and never sent", errors.New("read all the same"), body.Max + 1, 413, "at most"},
		{"chunked without end", nil, -1, 413, "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/v1/ecs/local/things", io.MultiReader(strings.NewReader("{"), forever{tt.err}))
			r.ContentLength = tt.length
			r.Header.Set(headerToken, testToken)
			w := httptest.NewRecorder()
			h.Handler().ServeHTTP(w, r)
			if p := problemOf(t, w.Result(), w.Body.String()); p.Status != tt.status || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("got %+v, want %d %s", p, tt.status, tt.detail)
			}
		})
	}
}

// Many callers read no response before they have sent all of their request.
func TestABodyThatIsTooLargeIsRefusedToThoseWhoSendItAllFirst(t *testing.T) {
	t.Parallel()
	h := bodyHarness(t, new(orchestrationInput))
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	const size = 8 << 20
	head := "POST /v1/ecs/local/things HTTP/1.1\r\nHost: x\r\n" + headerToken + ": " + testToken + "\r\n"
	tests := []struct{ name, request string }{
		{"announced", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, size, strings.Repeat(" ", size))},
		{"chunked", fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, size, strings.Repeat(" ", size))},
		{"only asked about", fmt.Sprintf("%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", head, size)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.request); err != nil {
				t.Fatalf("send the request: %v", err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("read the response: %v", err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if p := problemOf(t, resp, string(body)); err != nil || p.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("got %s, %v", body, err)
			}
		})
	}
}

// What a body costs must not be out of proportion to its size: two bytes of it can become a struct of hundreds.
func TestNoBodyCostsMuchMoreThanItsSize(t *testing.T) {
	if racetest.Plainly(t) {
		return
	}
	h := newHarness(t, localaws.New())
	full := func(open, item, end string) string {
		return open + strings.Repeat(item+",", (body.Max-len(open)-len(item)-len(end))/(len(item)+1)) + item + end
	}
	tests := []struct{ name, method, target, body string }{
		{"containers", http.MethodPost, "/taskdefs", full(`{"containerdefinitions":[`, `{}`, `]}`)},
		{"containers of a service", http.MethodPost, "/services", full(`{"service":{"servicename":"x"},"taskdefinition":{"containerdefinitions":[`, `{}`, `]}}`)},
		{"volumes", http.MethodPost, "/services", full(`{"service":{"servicename":"x","volumeconfigurations":[`, `{"managedebsvolume":{"rolearn":"x"}}`, `]}}`)},
		{"tags", http.MethodPost, "/clusters", full(`{"clustername":"x","tags":[`, `{}`, `]}`)},
		{"as many containers as may be", http.MethodPost, "/services",
			`{"service":{"servicename":"x"},"taskdefinition":{"containerdefinitions":[{}` + strings.Repeat(`,{}`, body.MaxValues/2-10) + `]}}`},
		{"as many volumes as may be", http.MethodPut, "/clusters/c/services/x",
			`{"service":{"volumeconfigurations":[{"managedebsvolume":{}}` + strings.Repeat(`,{"managedebsvolume":{}}`, body.MaxValues/3-10) + `]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, base+"/local"+tt.target, strings.NewReader(tt.body))
			r.Header.Set(headerToken, testToken)
			w := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			h.Handler().ServeHTTP(w, r)
			runtime.ReadMemStats(&after)
			if w.Code != http.StatusBadRequest {
				t.Errorf("got %d %.300s", w.Code, w.Body)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
				t.Errorf("%d bytes of body took %d MiB", len(tt.body), mib)
			}
		})
	}
}

// forever is a body that fails with err, or never ends.
type forever struct{ err error }

func (f forever) Read(p []byte) (int, error) { return len(p) * btoi(f.err == nil), f.err }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAHostileBodyCostsLittleMoreThanItsSize sends bodies that have as much wrong as one can have: the response lists it in the body's order, and is bounded.
func TestAHostileBodyCostsLittleMoreThanItsSize(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	h := newHarness(t, localaws.New())
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	long := strings.Repeat("k", 1000)
	keyed := func(n int, value string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%s%03d":%s`, long, i, value)
		}
		return b.String()[1:]
	}
	service := func(definition, credentials string) string {
		return `{"cluster":{"clustername":"c"},"service":{"servicename":"x"},"taskdefinition":{"family":"f","cpu":"256","memory":"512","containerdefinitions":[` + definition + `]},"credentials":{` + credentials + `}}`
	}
	for _, tt := range []struct{ name, body, says string }{
		{"wrong types", service(`{"environment":[`+many(9000, `{"name":1}`)+`]}`, ""), "more, of which errors lists 980"},
		{"wrong values", service(`{"secrets":[`+many(9000, `{}`)+`]}`, ""), "more, of which errors lists 980"},
		{"a long key over many wrong values", service(`{"name":"web","image":"x"}`, `"`+long+`":{"Tags":[`+many(9000, `{"Key":""}`)+`]}`), "more, of which errors lists"},
		{"many long keys", service(`{"dockerLabels":{`+keyed(900, "1")+`}}`, ""), "more, which errors lists"},
		{"many credentials", service(`{"name":"web","image":"x"}`, keyed(900, `{"SecretString":"x"}`)), "credentials are for 900 containers; ECS allows 10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, text := h.do(t, http.MethodPost, "/v1/ecs/local/services", tt.body)
			p := problemOf(t, resp, text)
			if resp.StatusCode != http.StatusBadRequest || len(text) > 400<<10 || len(p.Errors) > 1000 || !strings.Contains(p.Detail, tt.says) {
				t.Errorf("responded %d in %d bytes with %d fields: %.500s", resp.StatusCode, len(text), len(p.Errors), p.Detail)
			}
			resp, text = h.do(t, http.MethodPost, "/v1/ecs/local/services", tt.body)
			if diff := cmp.Diff(p.Errors, problemOf(t, resp, text).Errors); diff != "" {
				t.Errorf("the same request once more (-first +second):\n%s", diff)
			}
		})
	}
}

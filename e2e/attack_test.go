package e2e

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
)

// onlyLocalaws leaves a test out where AWS is moto, which breaks over what AWS refuses.
func onlyLocalaws(t *testing.T) {
	t.Helper()
	if backEndName() != "localaws" {
		t.Skip("sends what moto itself does not stand; it runs without " + endpointVariable)
	}
}

// attack sends a request as it is, not as the OpenAPI document wants it; status 0 if there was no response.
func (w *world) attack(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, w.url, strings.NewReader(body)))(t)
	raw, query, _ := strings.Cut(path, "?")
	r.URL.Opaque, r.URL.RawQuery = "/v1/ecs"+raw, query // sent unchanged
	r.Header.Set("X-Auth-Token", token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body) // what has arrived is looked at
	for _, secret := range secrets {
		if strings.Contains(string(text), secret) && path != "/openapi.json" { // its examples are the seed's
			t.Errorf("%s %s: the response tells %q", method, path, secret)
		}
	}
	return resp.StatusCode, string(text)
}

// operations returns "METHOD path" of all that the server says it serves below an account.
func (w *world) operations(t *testing.T) []string {
	t.Helper()
	_, text := w.attack(t, http.MethodGet, "/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, item := range doc.Paths {
		for method := range item {
			if method = strings.ToUpper(method); strings.HasPrefix(path, "/{account}") && method != "PARAMETERS" {
				all = append(all, method+" "+path)
			}
		}
	}
	if len(all) < 30 {
		t.Fatalf("the document has %d operations: %v", len(all), all)
	}
	return all
}

func TestNoVariableOfAPathLeadsElsewhere(t *testing.T) {
	parallel(t)
	onlyLocalaws(t)
	w := newWorld(t)
	for _, operation := range w.operations(t) {
		method, path, _ := strings.Cut(operation, " ")
		segments := strings.Split(path, "/")
		for i, segment := range segments {
			if !strings.HasPrefix(segment, "{") {
				continue
			}
			for _, evil := range []string{"..", "%2e%2e", "..%2f..%2fetc", "%2fetc%2fpasswd", "a%00b", "a%0d%0aX-Evil:1", "..%5c..", "%2e%2e%2f", strings.Repeat("a", 5000)} {
				filled := strings.Split(strings.NewReplacer("{account}", "local", "{", "", "}", "").Replace(path), "/")
				filled[i] = evil
				status, text := w.attack(t, method, strings.Join(filled, "/"), `{}`)
				if status < 400 || status >= 500 {
					t.Errorf("%s with %.40q as %s returned %d %.200s", operation, evil, segment, status, text)
				}
			}
		}
	}
	w.holds(t, "nothing was made")
}

func TestNoBodyBreaksAnEndpoint(t *testing.T) {
	parallel(t)
	onlyLocalaws(t)
	w := newWorld(t)
	bodies := map[string]string{
		"empty": "", "null": "null", "a number": "1", "a text": `"x"`, "a list": "[]", "two values": "{}{}", "not ended": `{"a":`,
		"nulls in lists":  `{"Tags": [null], "containerDefinitions": [null], "service": {"loadBalancers": [null]}, "overrides": {"containerOverrides": [null]}}`,
		"wrong types":     `{"Tags": 1, "service": [], "Value": {}, "SecretString": [], "Name": {}, "family": 1, "clusterName": []}`,
		"never shallow":   strings.Repeat("[", 200_000),
		"objects, deep":   strings.Repeat(`{"a":`, 100_000),
		"larger than all": `{"Name": "` + strings.Repeat("x", 8<<20) + `"}`,
	}
	for _, operation := range w.operations(t) {
		method, path, _ := strings.Cut(operation, " ")
		if method != http.MethodPost && method != http.MethodPut {
			continue
		}
		path = strings.NewReplacer("{account}", "local", "{", "", "}", "").Replace(path)
		for name, body := range bodies {
			status, text := w.attack(t, method, path, body)
			if status < 400 || status >= 500 {
				t.Errorf("%s with a body that is %s returned %d %.200s", operation, name, status, text)
			}
		}
	}
	w.holds(t, "nothing was made")
}

// insideHost listens on an address that no lookup of an image may reach, and fails the test at its end if one has.
func insideHost(t *testing.T) (port string) {
	t.Helper()
	var reached atomic.Int64
	inside := must(new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() {
		_ = inside.Close()
		if n := reached.Load(); n > 0 {
			t.Errorf("%d connections were made", n)
		}
	})
	go func() {
		for {
			conn, err := inside.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(inside.Addr().String())
	return port
}

func TestImagesOfInsideHostsAreNotAskedFor(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	port := insideHost(t)
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "2130706433"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			status, text := w.attack(t, method, "/images?image="+host+":"+port+"/app:v1", "")
			refused := status == http.StatusBadRequest || status == http.StatusOK && strings.Contains(text, `"reason":"address not allowed"`)
			if !refused {
				t.Errorf("%s of an image at %s returned %d %s", method, host, status, text)
			}
		}
	}
}

// TestRegistriesLeadNobodyInside has a registry that the config allows send the program on to hosts that it does not.
func TestRegistriesLeadNobodyInside(t *testing.T) {
	port := insideHost(t)
	for _, host := range []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port, "169.254.169.254", "10.0.0.1"} {
		for name, lead := range map[string]http.HandlerFunc{
			"a redirect": func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "https://"+host+"/", http.StatusFound)
			},
			"a token realm": func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("WWW-Authenticate", `Bearer realm="https://`+host+`/token",service="registry"`)
				rw.WriteHeader(http.StatusUnauthorized)
			},
		} {
			t.Run(name+" to "+strings.ReplaceAll(host, port, "PORT"), func(t *testing.T) {
				var asked atomic.Int64
				registry := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					lead(rw, r)
				}))
				t.Cleanup(registry.Close)
				authority := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
				t.Setenv("SSL_CERT_FILE", authority) // the program trusts it
				allowed := strings.TrimPrefix(registry.URL, "https://")
				w := newWorld(t, func(config map[string]any) { config["registries"] = []string{allowed} })
				status, text := w.attack(t, http.MethodGet, "/images?image="+allowed+"/app:v1", "")
				if status != http.StatusOK || !strings.Contains(text, `"reason":"address not allowed"`) || asked.Load() == 0 {
					t.Errorf("GET returned %d %s; the registry was asked %d times", status, text, asked.Load())
				}
				if status, text := w.attack(t, http.MethodHead, "/images?image="+allowed+"/app:v1", ""); status != http.StatusBadRequest {
					t.Errorf("HEAD returned %d %s", status, text)
				}
			})
		}
	}
}

// TestASlowBodyIsGivenUp sends half a body, and waits for the response.
func TestASlowBodyIsGivenUp(t *testing.T) {
	t.Parallel() // it waits for thirty seconds
	onlyLocalaws(t)
	w := newWorld(t)
	address := strings.TrimSuffix(strings.TrimPrefix(w.url, "http://"), "/v1/ecs")
	conn := must(new(net.Dialer).DialContext(t.Context(), "tcp", address))(t)
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "POST /v1/ecs/local/services HTTP/1.1\r\nHost: x\r\nX-Auth-Token: "+token+"\r\nContent-Length: 1000\r\n\r\n{\"service\":"); err != nil {
		t.Fatal(err)
	}
	resp := string(must(io.ReadAll(conn))(t)) // returns when the server has closed it
	if !strings.HasPrefix(resp, "HTTP/1.1 400 ") || !strings.Contains(resp, "the body did not arrive in time") {
		t.Errorf("it returned %s", resp)
	}
}

// TestIdleAndSlowConnectionsHoldNobodyUp ends when the server has closed a connection whose head never ends.
func TestIdleAndSlowConnectionsHoldNobodyUp(t *testing.T) {
	t.Parallel() // it waits for ten seconds
	w := newWorld(t)
	address := strings.TrimSuffix(strings.TrimPrefix(w.url, "http://"), "/v1/ecs")
	dial := func(text string) net.Conn {
		conn := must(new(net.Dialer).DialContext(t.Context(), "tcp", address))(t)
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	slow := dial("GET /v1/ecs/ping HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	for range 500 {
		dial("")
	}
	for range 50 {
		dial("POST /v1/ecs/local/clusters HTTP/1.1\r\nHost: x\r\nX-Auth-Token: " + token + "\r\nContent-Length: 1000\r\n\r\n{")
	}
	for _, path := range []string{"/ping", "/local/clusters"} {
		if status, text := w.attack(t, http.MethodGet, path, ""); status != http.StatusOK {
			t.Errorf("GET %s returned %d %s", path, status, text)
		}
	}
	_, _ = io.ReadAll(slow) // returns when the server has closed it
}

func TestARecursiveDeleteSparesCredentialsThatAreNotOurs(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	theirs := must(w.secretsClient().CreateSecret(&secretsmanager.CreateSecretInput{Name: aws.String("spinup/localdev/myclu/made-by-hand"), SecretString: aws.String("abc123value")}))(t)
	w.set("theirs", *theirs.ARN)
	const body = `{"cluster": {"clustername": "myclu"}, "service": {"servicename": "www", "desiredcount": 0},
		"taskdefinition": {"family": "www", "cpu": "256", "memory": "512", "executionrolearn": "myclu-ecsTaskExecution",
			"containerdefinitions": [{"name": "web", "image": "nginx", "repositorycredentials": {"credentialsparameter": "${theirs}"}}]}}`
	w.run(t, []row{
		{name: "a role of the caller's choice for its task", send: "POST /local/services", status: 400,
			body: strings.Replace(body, `"family"`, `"taskrolearn": "arn:aws:iam::123456789012:role/admin", "family"`, 1)},
		{name: "an execution role of the caller's choice", send: "POST /local/services", status: 400, wrong: []string{"taskdefinition.executionrolearn"},
			body: strings.Replace(body, `"myclu-ecsTaskExecution"`, `"arn:aws:iam::123456789012:role/admin"`, 1)},
		{name: "credentials that the execution role cannot read", send: "POST /local/services", status: 400, wrong: []string{"taskdefinition.containerdefinitions[0].repositorycredentials.credentialsparameter"},
			body: strings.Replace(body, `${theirs}`, `another/secret`, 1)},
		{name: "credentials made by hand, and an execution role that is ours in the end", send: "POST /local/services", body: body, status: 200,
			response: `{"TaskDefinition": {"ExecutionRoleArn": "~role/myclu-ecsTaskExecution$"}}`},
		{name: "take it down", send: "DELETE " + www + "?recursive=true", status: 200, follow: true},
	})
	w.holds(t, "the secret survives", "logs:log-group myclu", "secretsmanager:secret spinup/localdev/myclu/made-by-hand")
}

func TestARecursiveDeleteSparesAFamilyThatAnotherServiceUses(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	w.run(t, []row{
		{name: "the first", send: "POST /local/services", status: 200, body: `{"cluster": {"clustername": "myclu"}, "service": {"servicename": "www", "desiredcount": 0},
			"taskdefinition": {"family": "shared", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "web", "image": "nginx"}]}}`},
		{name: "the second, on the first one's revision", send: "POST /local/services", status: 200,
			body: `{"service": {"cluster": "myclu", "servicename": "web2", "desiredcount": 0, "taskdefinition": "shared:1"}}`},
		{name: "take the first down", send: "DELETE " + www + "?recursive=true", status: 200, follow: true},
	})
	w.holds(t, "the second is whole", "ecs:cluster myclu", "ecs:service myclu/web2", "ecs:task-definition shared:1", "iam:role myclu-ecsTaskExecution", "logs:log-group myclu")
}

// TestNothingACallerSendsIsALineOfTheLogOrALabel looks at log and metrics after names that carry lines and labels; that no secret is in
// the log is checked at the end of every test.
func TestNothingACallerSendsIsALineOfTheLogOrALabel(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	for _, path := range []string{"/local/clusters/a%0a%7B%22level%22:%22forged%22%7D", "/forged%0aforged", "/local/secrets/forged%22%7D?x=%0aforged", "/forged/clusters"} {
		if status, text := w.attack(t, http.MethodGet, path, ""); status < 400 || status >= 500 {
			t.Errorf("GET %s returned %d %s", path, status, text)
		}
	}
	if status, text := w.attack(t, http.MethodPost, "/local/params/forged", `{"Name": "p", "Value": "TOPSEKRET"}`); status != http.StatusOK {
		t.Errorf("POST of a parameter returned %d %s", status, text)
	}
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["level"] == "forged" {
			t.Errorf("a line of the log is no JSON, or forged: %q", line)
		}
	}
	_, metrics := w.attack(t, http.MethodGet, "/metrics", "") // attack looks for secrets
	if !strings.Contains(metrics, "ecs_api_http_request_duration_seconds") || strings.Contains(metrics, "forged") {
		t.Error("the metrics lack requests, or have labels that a caller made up")
	}
}

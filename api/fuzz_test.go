package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"ecs-api/localaws"
	"ecs-api/racetest"
)

// fuzzed is one method of one route.
type fuzzed struct{ method, template string }

// notFuzzed are routes that return 5xx for good reasons: a registry that cannot be reached is one.
var notFuzzed = []string{base + "/images"}

// fuzzedRoutes returns every method of every route, in the order of the table of routes.
func fuzzedRoutes(t testing.TB, s *Server) []fuzzed {
	t.Helper()
	var all []fuzzed
	err := s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		methods, noMethods := route.GetMethods()
		if err != nil || noMethods != nil || slices.Contains(notFuzzed, template) {
			return err
		}
		for _, method := range methods {
			all = append(all, fuzzed{method, template})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// pathVariable matches a variable in a route's template.
var pathVariable = regexp.MustCompile(`\{([a-z]+)\}`)

// target returns a path of the route in which the last variable is name, escaped, and all others but the account are "fuzz".
func (f fuzzed) target(name string) string {
	variables := pathVariable.FindAllString(f.template, -1)
	return pathVariable.ReplaceAllStringFunc(f.template, func(v string) string {
		switch {
		case v == "{account}":
			return "local"
		case v == variables[len(variables)-1]:
			return url.PathEscape(name)
		}
		return "fuzz"
	})
}

// rawQuery returns query as a request's line can carry it.
func rawQuery(query string) string {
	var raw strings.Builder
	for _, b := range []byte(query) {
		if b <= ' ' || b > '~' || b == '#' {
			fmt.Fprintf(&raw, "%%%02x", b)
		} else {
			raw.WriteByte(b)
		}
	}
	return raw.String()
}

// FuzzRoutes sends any name, query and body to any route, and holds the server to a response in its own form that is no 5xx; a panic is
// one too. A route is meant by its position among fuzzedRoutes.
func FuzzRoutes(f *testing.F) {
	if racetest.Plainly(f) {
		f.Fuzz(func(*testing.T, uint16, string, string, []byte) {}) // a fuzz test has to call it
		return
	}
	h := newHastyHarness(f, localaws.New())
	h.Server.log.SetOutput(io.Discard) // millions of lines
	routes := fuzzedRoutes(f, h.Server)
	for i, route := range routes {
		if i%racetest.Stride(3) != 0 {
			continue
		}
		for _, name := range fuzzNames {
			f.Add(uint16(i), name, "", []byte("{}"))
		}
		for _, query := range fuzzQueries {
			f.Add(uint16(i), "fuzz", query, []byte("{}"))
		}
		if route.method == http.MethodPost || route.method == http.MethodPut {
			for _, body := range fuzzBodies {
				f.Add(uint16(i), "fuzz", "", []byte(body))
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint16, name, query string, body []byte) {
		route := routes[int(i)%len(routes)]
		target := route.target(name) + "?" + rawQuery(query)
		resp, text := h.do(t, route.method, target, string(body))
		if resp.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s %s with %q returned %d %s", route.method, target, body, resp.StatusCode, text)
		}
		if resp.StatusCode >= http.StatusBadRequest {
			problemOf(t, resp, text)
		}
	})
}

// fuzzNames are names that were worth a thought.
var fuzzNames = []string{
	"fuzz", "a/b", "..", ".", "../../x", "%2e%2e", "%", "a b", " ", "", "\x00", "a\nb", "\xff", "ü", "a:1", "a+b", "a?b=c", "a#b", "*", "{{x}}",
	"arn:aws:ecs:us-east-1:123456789012:cluster/fuzz", "arn:aws:secretsmanager:us-east-1:123456789012:secret:fuzz-abcdef",
	"arn:aws:secretsmanager:us-east-1:123456789012:secret:", "arn:", strings.Repeat("a", 3000),
}

// fuzzQueries are queries that were worth a thought.
var fuzzQueries = []string{
	"all=true", "all=maybe", "all", "=", "&&", "a=b&a=c", "key=!value", "spinup:org=other", "spinup:org=", "window=0", "window=7", "window=8&window=9", "window=-1",
	"window=31", "window=99999999999999999999", "recursive=true", "status=ACTIVE", "status=x", "prefix=a", "limit=1&start=1&end=0", "reason=\x00", "a;b",
}

// fuzzBodies are bodies that were worth a thought.
var fuzzBodies = []string{
	"", "null", "[]", "1", "{", "{}{}", `{"":null}`, "\xff", `{"Name":"\ud800"}`, `{"Name":1}`, `{"Name":null}`, `{"Tags":[null]}`, `{"Tags":[{}]}`, `{"Tags":{"a":"b"}}`,
	`{"tags":[{"key":"a","value":"b"}]}`, `{"Tags":[{"Key":"spinup:org","Value":"other"}]}`, `{"Tags":[{"Key":"aws:x","Value":"y"}]}`,
	`{"clusterName":"fuzz","capacityProviders":[],"defaultCapacityProviderStrategy":[{}],"settings":[{}],"configuration":{"executeCommandConfiguration":{}}}`,
	`{"family":"fuzz","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"nginx","portMappings":[{}],"secrets":[{}],"logConfiguration":{},"dependsOn":[{}],"healthCheck":{}}]}`,
	`{"family":"fuzz","cpu":".25 vcpu","memory":"0.5gb","containerDefinitions":[{}],"executionRoleArn":"arn:aws:iam::123456789012:role/fuzz-ecsTaskExecution","volumes":[{}],"ephemeralStorage":{}}`,
	`{"taskDefinition":"fuzz","count":-1,"overrides":{"containerOverrides":[{}],"taskRoleArn":"x"},"networkConfiguration":{"awsvpcConfiguration":{}},"volumeConfigurations":[{}],"platformVersion":"x"}`,
	`{"taskDefinition":"arn:aws:ecs:us-east-1:123456789012:task-definition/fuzz:1","cluster":"fuzz","capacityProviderStrategy":[{"base":-1}],"placementStrategy":[{}],"clientToken":"\u0000"}`,
	`{"name":"fuzz","namespaceId":"ns-y3uaw6neshhbev3f","dnsConfig":{"dnsRecords":[{}]},"healthCheckConfig":{},"type":"x"}`,
	`{"name":"_fuzz._tcp","dnsConfig":{"namespaceId":"ns-y3uaw6neshhbev3f","dnsRecords":[{"type":"SRV","ttl":-1}],"routingPolicy":"x"}}`,
	`{"Name":"fuzz","SecretString":"x","SecretBinary":"eA==","KmsKeyId":"x","ClientRequestToken":"x","AddReplicaRegions":[{}]}`,
	`{"Name":"spinup/localdev2/x","SecretString":"x"}`, `{"Name":"fuzz","SecretString":"x","Description":"\u0000","Tags":[{"Key":"k","Value":"v"},{"Key":"k","Value":"w"}]}`,
	`{"Secret":"x","Tags":[{"key":"k","value":"v"}]}`, `{"Secret":{}}`, `{"Secret":"","Tags":[]}`,
	`{"Name":"fuzz","Value":"x","Type":"StringList","Tier":"Advanced","Policies":"[{}]","DataType":"aws:ec2:image","AllowedPattern":"("}`,
	`{"Name":"fuzz","Value":"{{ssm:x}}","Overwrite":true,"KeyId":"alias/none"}`, `{"Value":"x","Type":"String","Tags":[{"Key":"spinup:org","Value":"localdev"}]}`,
}

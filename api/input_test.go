package api

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"ecs-api/common"
	"ecs-api/localaws"
)

// sent is a request, and what of it must be reported to the caller.
type sent struct {
	name, method, target, body, prefer string
	status                             int
	code                               common.Code
	errors                             []string // field and detail
	ignored                            string   // the header
}

const (
	taskDefinition = `{"family":"f","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:1"}]}`
	newService     = `"cluster":{"clustername":"c"},"taskdefinition":` + taskDefinition
)

func TestNothingInABodyIsDroppedSilently(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	meant := func(field, key string) string { return field + " is unknown; " + key + " was probably meant" }
	for _, s := range []sent{
		// Case 11.
		{name: "a misspelt count", method: "POST", target: "/services", body: `{` + newService + `,"service":{"servicename":"x","desiredcuont":3}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("service.desiredcuont", "desiredCount")}},
		{name: "a misspelt count in an update", method: "PUT", target: "/clusters/mine/services/www", body: `{"Service":{"desiredcuont":9}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("Service.desiredcuont", "desiredCount")}},
		{name: "a misspelt environment", method: "POST", target: "/taskdefs", body: `{"family":"f","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:1","enviroment":[]}]}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("containerdefinitions[0].enviroment", "environment")}},
		{name: "misspelt credentials", method: "POST", target: "/services", body: `{` + newService + `,"credentails":{},"service":{"servicename":"x"}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("credentails", "credentials")}},
		{name: "underscores", method: "POST", target: "/services", body: `{` + newService + `,"service":{"servicename":"x","capacity_provider_strategy":[]}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("service.capacity_provider_strategy", "capacityProviderStrategy")}},
		// Case 12.
		{name: "variables without values", method: "POST", target: "/taskdefs", body: `{"family":"f","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:1",
			"environment":[{"name":"DB","valueFrom":"arn:x"},{"name":"E","values":"x"}]}]}`,
			status: 400, code: common.CodeUnknownField, errors: []string{meant("containerdefinitions[0].environment[1].values", "value")}, ignored: "containerdefinitions[0].environment[0].valueFrom"},
		// Case 19.
		{name: "several wrong types and values", method: "POST", target: "/services", body: `{"cluster":{"ClusterName":"a b"},"taskdefinition":{"family":"f","cpu":256,"memory":512,"containerdefinitions":[
			{"name":"web","image":"app:1"},{"name":"b c","image":"x","environment":[{"name":"A","value":"1"},{"name":"PORT","value":8080}]}]},"service":{"servicename":"x","DesiredCount":-1}}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{
				"taskdefinition.cpu must be a string, not a number", "taskdefinition.memory must be a string, not a number",
				"taskdefinition.containerdefinitions[1].environment[1].value must be a string, not a number",
				"cluster.ClusterName must have 1 to 255 letters, digits, underscores and hyphens",
				"taskdefinition.containerdefinitions[1].name must have 1 to 255 letters, digits, underscores and hyphens",
				"service.DesiredCount must not be negative",
			}},
		{name: "a whole number written as another", method: "PUT", target: "/clusters/mine/services/www", body: `{"service":{"desiredcount":1.0}}`, status: 200},
		{name: "a fraction", method: "PUT", target: "/clusters/mine/services/www", body: `{"service":{"desiredcount":1.5}}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"service.desiredcount must be a whole number, not a fraction"}},
		// PUT and PATCH have different shapes.
		{name: "a count of a PATCH in a PUT", method: "PUT", target: "/clusters/mine/services/www", body: `{"DesiredCount":2}`,
			status: 400, code: common.CodeUnknownField, errors: []string{"DesiredCount belongs below Service in a PUT, or use PATCH"}},
		{name: "a count of a PATCH beside tags in a PUT", method: "PUT", target: "/clusters/mine/services/www", body: `{"desiredCount":2,"Tags":[{"Key":"a","Value":"b"}]}`,
			status: 400, code: common.CodeUnknownField, errors: []string{"desiredCount belongs below Service in a PUT, or use PATCH"}},
		{name: "containers of a PATCH in a PUT", method: "PUT", target: "/clusters/mine/services/www", body: `{"Cpu":"512","Containers":{"web":{"Image":"app:2"}}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{"Cpu belongs below TaskDefinition in a PUT, or use PATCH", "Containers belongs in a PATCH; a PUT takes TaskDefinition.ContainerDefinitions"}},
		{name: "a service of a PUT in a PATCH", method: "PATCH", target: "/clusters/mine/services/www", body: `{"Service":{"DesiredCount":2},"Tags":{"a":"b"}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{"Service belongs in a PUT; a PATCH takes DesiredCount and ForceNewDeployment without it"}},
		{name: "a task definition of a PUT in the PATCH of a managed one", method: "PATCH", target: "/clusters/mine/taskdefs/jobs", body: `{"TaskDefinition":{}}`,
			status: 400, code: common.CodeUnknownField, errors: []string{"TaskDefinition belongs in a PUT; a PATCH takes Cpu, Memory and Containers without it"}},
		{name: "a tag list in a PATCH", method: "PATCH", target: "/clusters/mine/services/www", body: `{"Tags":[]}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{`Tags must be an object, not an array: {"NAME": "…"}`}},
		{name: "nothing but an unknown key", method: "PATCH", target: "/clusters/mine/services/www", body: `{"colour":1}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"DesiredCount must be given, or Cpu, Memory, Tags, Containers or ForceNewDeployment: there is nothing to change; colour is unknown and was ignored"}, ignored: "colour"},
		{name: "nothing but unknown keys", method: "PUT", target: "/clusters/mine/services/www", body: `{"colour":1,"shape":2}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"tags must be given, or ForceNewDeployment, Service, TaskDefinition or Credentials: there is nothing to change; colour, shape are unknown and were ignored"}, ignored: "colour, shape"},
		// Values that no task can start with.
		{name: "an image that is none", method: "PATCH", target: "/clusters/mine/services/www", body: `{"Containers":{"web":{"Image":"Ngi nx:1"}}}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"Containers.web.Image must be an image's name, such as nginx, nginx:1.29, ghcr.io/org/app:v1 or ghcr.io/org/app@sha256:…"}},
		{name: "memory in a unit that ECS does not read", method: "POST", target: "/services", body: `{"service":{"servicename":"x"},"cluster":{"clustername":"c"},"taskdefinition":{"family":"f","cpu":"256","memory":"512MB","containerdefinitions":[{"name":"web","image":"Nginx:1"}]}}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"taskdefinition.containerdefinitions[0].image must have its repository in lower case", `taskdefinition.memory must be MiB such as "512", or "0.5 GB"`}},
		// Case 20.
		{name: "a byte order mark", method: "POST", target: "/clusters", body: "\ufeff" + `{"clustername":"bom"}`, status: 200},
		{name: "a key that is given twice", method: "PUT", target: "/secrets/x", body: `{"Secret":"hunter2","secret":"hunter3"}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"secret is given twice, the first time as Secret"}},
		{name: "a misspelt key beside an unknown one and a wrong type", method: "POST", target: "/params/p", body: `{"Name":1,"Vlaue":"hunter2","ports":[]}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"Name must be a string, not a number", meant("Vlaue", "Value")}, ignored: "ports"},
		{name: "an unknown key", method: "POST", target: "/clusters", body: `{"clustername":"d","colour":{"servicename":[null]}}`, status: 200, ignored: "colour"},
		{name: "an unknown key, strictly", method: "POST", target: "/clusters", body: `{"clustername":"e","colour":1}`, prefer: `respond-async, Handling="strict"`,
			status: 400, code: common.CodeUnknownField, errors: []string{"colour is unknown"}},
		{name: "no unknown key, strictly", method: "POST", target: "/clusters", body: `{"clustername":"e"}`, prefer: "handling=strict", status: 200},
		{name: "keys that a header cannot hold", method: "POST", target: "/clusters", body: `{"clustername":"f","a,b\nc%é":1,"":2}`, status: 200, ignored: `a%2Cb%0Ac%25%C3%A9, ""`},
		{name: "a body for what takes none", method: "DELETE", target: "/clusters/f", body: `{"recursive":true}`, status: 200, ignored: "recursive"},
		{name: "a body for what takes none, strictly", method: "DELETE", target: "/clusters/e", body: `{"recursive":true}`, prefer: "handling=strict",
			status: 400, code: common.CodeUnknownField, errors: []string{"recursive is unknown"}},
		{name: "a request that fails for another reason", method: "POST", target: "/clusters", body: `{"clustername":"mine","colour":1}`, status: 409, code: common.CodeAlreadyExists, ignored: "colour"},
		{name: "the fields of what AWS's SDK refuses", method: "POST", target: "/servicediscovery/services", body: `{"NAME":"x","dnsCONFIG":{"NamespaceID":"ns-y3uaw6neshhbev3f","DnsRecords":[{"ttl":1}]}}`,
			status: 400, code: common.CodeInvalidRequest, errors: []string{"dnsCONFIG.DnsRecords[0].type is required"}},
	} {
		t.Run(s.name, func(t *testing.T) {
			var headers []string
			if s.prefer != "" {
				headers = append(headers, "Prefer: "+s.prefer)
			}
			before := len(h.aws.Inventory())
			response, text := h.do(t, s.method, base+"/local"+s.target, s.body, headers...)
			if response.StatusCode != s.status {
				t.Fatalf("%d %s, want %d", response.StatusCode, text, s.status)
			}
			if got := response.Header.Get(headerIgnored); got != s.ignored {
				t.Errorf("ignored %q, want %q", got, s.ignored)
			}
			if got, want := response.Header.Get(headerApplied), strings.Repeat("handling=strict", btoi(s.prefer != "")); got != want {
				t.Errorf("applied %q, want %q", got, want)
			}
			if s.status < 400 {
				return
			}
			p := problemOf(t, response, text)
			if p.Code != s.code {
				t.Errorf("code %s, want %s", p.Code, s.code)
			}
			if diff := cmp.Diff(s.errors, fieldsOf(p)); diff != "" {
				t.Error(diff)
			}
			if after := len(h.aws.Inventory()); after != before {
				t.Errorf("AWS had %d things before the request and has %d after", before, after)
			}
			if strings.Contains(text+h.log.String(), "hunter") {
				t.Errorf("a value is repeated: %s", text)
			}
		})
	}
}

func fieldsOf(p problem) []string {
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Field+" "+f.Detail)
	}
	return all
}

// TestTheSeedsBodiesWorkAndNameWhatTheyIgnore sends the bodies of the text that the project was asked for.
func TestTheSeedsBodiesWorkAndNameWhatTheyIgnore(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	create, err := os.ReadFile("testdata/seed_create.json")
	if err != nil {
		t.Fatal(err)
	}
	warned := func(paths ...string) []any {
		all := []any{}
		for _, path := range paths {
			all = append(all, map[string]any{"Code": "IgnoredField", "Field": path, "Detail": "is unknown here, and was ignored"})
		}
		return all
	}
	ports, cluster := "taskdefinition.containerdefinitions[0].ports", "serviceregistry.cluster"
	for _, s := range []struct {
		sent
		warnings []any
	}{
		{sent{name: "a new cluster, task definition, registry entry, credentials and service", method: "POST", target: "/services", body: string(create), ignored: ports + ", " + cluster}, warned(ports, cluster)},
		{sent{name: "a new service with existing resources", method: "POST", target: "/services",
			body: `{"service":{"cluster":"myclu","desiredcount":1,"servicename":"webapp","taskdefinition":"webservers:1"}}`}, warned()},
		{sent{name: "an update", method: "PUT", target: "/clusters/myclu/services/www",
			body: `{"ForceNewDeployment":true,"Tags":[{"Key":"MyKey","Value":"MyValue"},{"Key":"Application","Value":"someprefix"}]}`}, warned()},
		{sent{name: "an update of what it does not know", method: "PUT", target: "/clusters/myclu/services/www", body: `{"Tags":[{"Key":"a","Value":"b"}],"CloudwatchLogGroups":[]}`, ignored: "CloudwatchLogGroups"}, warned("CloudwatchLogGroups")},
		{sent{name: "a new parameter", method: "POST", target: "/params/someprefix", body: `{"Description":"a secret parameter","Name":"newsecret123","Value":"abc123",
			"Tags":[{"Key":"MyKey","Value":"MyValue"},{"Key":"Application","Value":"someprefix"}]}`}, nil},
		{sent{name: "an update of a parameter", method: "PUT", target: "/params/someprefix/newsecret123", body: `{"Value":"abc123","Tags":[{"Key":"MyKey","Value":"MyValue"}]}`}, nil},
		{sent{name: "a new secret", method: "POST", target: "/secrets", body: `{"Name":"sshhhhh","SecretString":"abc123"}`}, nil},
		{sent{name: "an update of a secret", method: "PUT", target: "/secrets/sshhhhh", body: `{"Secret":"TOPSEKRETsshhhhh","Tags":[{"key":"Application","value":"FooBAAAAAR"}]}`}, nil},
	} {
		t.Run(s.name, func(t *testing.T) {
			response, text := h.do(t, s.method, base+"/local"+s.target, s.body)
			if response.StatusCode != http.StatusOK || response.Header.Get(headerIgnored) != s.ignored {
				t.Fatalf("%d, ignored %q: %s", response.StatusCode, response.Header.Get(headerIgnored), text)
			}
			var out struct{ Warnings []any }
			if err := json.Unmarshal([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.warnings, out.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
	response, text := h.do(t, "POST", base+"/local/services", string(create), "Prefer: handling=strict")
	want := []string{ports + " is unknown", cluster + " is unknown"}
	if diff := cmp.Diff(want, fieldsOf(problemOf(t, response, text))); diff != "" {
		t.Error(diff)
	}
}

// TestEveryRouteRefusesUnknownQueryParameters asks each route with a parameter that it does not have, and with one for caches.
func TestEveryRouteRefusesUnknownQueryParameters(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	tagFilters := map[string]bool{"GET /{account}/secrets": true, "GET /{account}/services": true}
	routes := 0
	err := h.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		methods, noMethods := route.GetMethods()
		if err != nil || noMethods != nil || strings.HasPrefix(template, base+"/docs") {
			return err
		}
		for _, method := range methods {
			routes++
			path := fuzzed{method, template}.target("x")
			response, text := h.do(t, method, path+"?recursve=true&_=1", "")
			if tagFilters[method+" "+strings.TrimPrefix(template, base)] {
				if response.StatusCode != http.StatusOK {
					t.Errorf("%s %s: %d %s", method, template, response.StatusCode, text)
				}
				continue
			}
			if response.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %d %s", method, template, response.StatusCode, text)
				continue
			}
			if p := problemOf(t, response, text); p.Code != common.CodeUnknownField || len(p.Errors) != 1 || p.Errors[0].Field != "recursve" {
				t.Errorf("%s %s: %s", method, template, text)
			}
			if response, text = h.do(t, method, path+"?_=1", ""); response.StatusCode == http.StatusBadRequest && problemOf(t, response, text).Code == common.CodeUnknownField {
				t.Errorf("%s %s: %d %s", method, template, response.StatusCode, text)
			}
		}
		return nil
	})
	if err != nil || routes < 40 {
		t.Errorf("%d routes, %v", routes, err)
	}
}

// Case 22: conflicts differ by their codes.
func TestConflictsHaveCodes(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	body := `{"service":{"cluster":"mine","servicename":"www","taskdefinition":"mine"}}`
	response, text := h.do(t, "POST", base+"/local/services", body)
	if p := problemOf(t, response, text); p.Code != common.CodeServiceExists || p.Status != http.StatusConflict || response.Header.Get("Retry-After") != "" {
		t.Errorf("an existing service: %s", text)
	}
	done := make(chan struct{})
	h.aws.Inject(localaws.Fault{Operation: "UpdateService", Effect: localaws.Hook, Func: func() { // while one update runs
		defer close(done)
		response, text := h.do(t, "PUT", base+"/local/clusters/mine/services/www", `{"ForceNewDeployment":true}`)
		if p := problemOf(t, response, text); p.Code != common.CodeServiceBusy || p.Status != http.StatusConflict || response.Header.Get("Retry-After") != "1" { // a request is done soon, unlike an operation
			t.Errorf("a service that another request changes: %s", text)
		}
	}})
	if response, text := h.do(t, "PUT", base+"/local/clusters/mine/services/www", `{"ForceNewDeployment":true}`); response.StatusCode != http.StatusOK {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	select {
	case <-done:
	default:
		t.Error("no second request was made")
	}
}

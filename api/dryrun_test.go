package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"ecs-api/api/warnings"
	"ecs-api/config"
	"ecs-api/localaws"
	"ecs-api/racetest"
)

// changingCalls returns the operations since the last reset that change something.
func changingCalls(sim *localaws.AWS) []string {
	var all []string
	for _, c := range sim.Calls() {
		if !regexp.MustCompile(`^(Describe|List|Get|Search)`).MatchString(c.Operation) {
			all = append(all, c.Operation)
		}
	}
	return all
}

// insideImage is an image that nothing is known of: no registry is asked about it.
const insideImage = "127.0.0.1:1/app:1"

const oneService = base + "/local/clusters/myclu/services/www"

func TestDryRunsOnlyRead(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New())
	if res, body := h.do(t, "POST", base+"/local/services?dryRun=true", createFrom(insideImage)); res.StatusCode != http.StatusOK || !strings.Contains(body, `"DryRun":true,"ETag":null`) {
		t.Fatalf("a create: %d %s", res.StatusCode, body)
	}
	if calls := changingCalls(h.aws); len(calls) > 0 {
		t.Fatalf("the dry run of a create made %v", calls)
	}
	if res, body := h.do(t, "POST", base+"/local/services", createFrom(insideImage)); res.StatusCode != http.StatusOK {
		t.Fatalf("the create: %d %s", res.StatusCode, body)
	}
	h.aws.ResetCalls()
	for _, test := range []struct{ method, path, body, want string }{
		{"POST", base + "/local/services", createFrom(insideImage), ""},
		{"PUT", oneService, `{"Service":{"DesiredCount":2}}`, "update service"},
		{"PUT", base + "/local/clusters/myclu/services", `{"ServiceName":"www","ForceNewDeployment":true}`, "update service"},
		{"PATCH", oneService, `{"DesiredCount":2}`, "update service"},
		{"POST", oneService + "/restart", "", "update service"},
		{"PUT", oneService + "/power", `{"state":"stop"}`, "update service"},
		{"DELETE", oneService, "", "delete service"},
		{"DELETE", oneService + "?recursive=true", "", "delete cluster"},
		{"POST", oneService + "/rollback", `{"To":"nothing:1"}`, ""},
	} {
		sign := "?"
		if strings.Contains(test.path, "?") {
			sign = "&"
		}
		res, body := h.do(t, test.method, test.path+sign+"dryRun=true", test.body)
		if (res.StatusCode == http.StatusOK) != (test.want != "") {
			t.Errorf("%s %s: %d %s", test.method, test.path, res.StatusCode, body)
		}
		if test.want == "" {
			continue
		}
		var plan struct {
			ETag    string
			Changes []struct{ Resource, Action string }
		}
		if err := json.Unmarshal([]byte(body), &plan); err != nil || plan.ETag == "" {
			t.Errorf("%s %s: %v, ETag %q", test.method, test.path, err, plan.ETag)
		}
		found := false
		for _, c := range plan.Changes {
			found = found || c.Action+" "+c.Resource == test.want
		}
		if !found {
			t.Errorf("%s %s: no %q in %s", test.method, test.path, test.want, body)
		}
	}
	if calls := changingCalls(h.aws); len(calls) > 0 {
		t.Errorf("dry runs made %v", calls)
	}
	_, text := h.do(t, "PATCH", oneService+"?dryRun=true", `{"DesiredCount":2}`, "Accept: text/plain")
	if want := "= keep cluster myclu: the request uses it\n~ update service www: the request changes its settings\n    ~ desiredCount: 1 -> 2\n"; text != want {
		t.Errorf("as text:\n%s\nwant\n%s", text, want)
	}
}

func TestADryRunWarnsOfImagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	host := newRegistry(t, image, "", "")
	sim := localaws.New()
	c := testConfig(t, sim)
	c.Registries = []string{host}
	h := newHarnessWith(t, sim, c)
	for tag, code := range map[string]string{"v1": "", "v2": "ImageNotFound"} {
		_, body := h.do(t, "POST", base+"/local/services?dryRun=true", createFrom(host+"/app:"+tag))
		var plan struct{ Warnings []warnings.Warning }
		if err := json.Unmarshal([]byte(body), &plan); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range plan.Warnings {
			got += w.Code
		}
		if got != code {
			t.Errorf("%s: warnings %q, want %q: %s", tag, got, code, body)
		}
	}
}

func TestATokenThatMayOnlyReadMayDryRun(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	c := testConfig(t, sim)
	c.Tokens = map[string]config.Token{"viewer": {Token: "of-a-viewer", ReadOnly: true}}
	h := newHarnessWith(t, sim, c)
	for _, test := range []struct {
		path   string
		status int
	}{
		{"/local/services?dryRun=true", 200}, {"/local/services", 403}, {"/local/services?dryRun=false", 403}, {"/local/services?dryRun=true&dryRun=false", 403},
		{"/local/clusters?dryRun=true", 400}, {"/local/secrets?dryRun=true", 400},
	} {
		if res, body := h.do(t, "POST", base+test.path, createFrom(insideImage), "X-Auth-Token: of-a-viewer"); res.StatusCode != test.status {
			t.Errorf("%s: %d, want %d: %s", test.path, res.StatusCode, test.status, body)
		}
	}
	if calls := changingCalls(sim); len(calls) > 0 {
		t.Errorf("it made %v", calls)
	}
}

func TestETags(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New())
	must := func(method, path, body string, status int, headers ...string) *http.Response {
		t.Helper()
		res, text := h.do(t, method, path, body, headers...)
		if res.StatusCode != status {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, status, text)
		}
		return res
	}
	created := must("POST", base+"/local/services", createFrom(insideImage), 200)
	must("POST", base+"/local/secrets", `{"Name":"s","SecretString":"x"}`, 200)
	must("POST", base+"/local/params/p", `{"Name":"q","Value":"x"}`, 200)
	for _, path := range []string{oneService, oneService + "?all=true", oneService + "/status", base + "/local/secrets/s", base + "/local/params/p/q", base + "/local/taskdefs/web"} {
		tag := must("GET", path, "", 200).Header.Get(headerETag)
		if !regexp.MustCompile(`^"[\w-]{24}"$`).MatchString(tag) {
			t.Errorf("%s has the ETag %s", path, tag)
		}
		if strings.HasPrefix(path, oneService) && tag != created.Header.Get(headerETag) {
			t.Errorf("%s has the ETag %s, the create's response %s", path, tag, created.Header.Get(headerETag))
		}
		must("GET", path, "", 200, `If-None-Match: "other"`)
		if res := must("GET", path, "", 304, `If-None-Match: "other", W/`+tag); res.Header.Get(headerETag) != tag {
			t.Errorf("304 of %s has the ETag %s", path, res.Header.Get(headerETag))
		}
	}
	old := created.Header.Get(headerETag)
	now := must("PATCH", oneService, `{"DesiredCount":2}`, 200, "If-Match: "+old).Header.Get(headerETag)
	for _, test := range []struct{ method, path, body string }{
		{"PATCH", oneService, `{"DesiredCount":3}`}, {"PUT", oneService, `{"Service":{"DesiredCount":3}}`}, {"DELETE", oneService, ""}, {"DELETE", oneService + "?recursive=true", ""},
		{"POST", oneService + "/rollback", `{}`}, {"POST", oneService + "/restart", ""}, {"PUT", oneService + "/power", `{"state":"stop"}`},
		{"PUT", base + "/local/secrets/s", `{"Secret":"y"}`}, {"DELETE", base + "/local/secrets/s", ""}, {"PUT", base + "/local/params/p/q", `{"Value":"y"}`},
		{"DELETE", base + "/local/params/p/q", ""}, {"DELETE", base + "/local/taskdefs/web:1", ""},
	} {
		h.aws.ResetCalls()
		if p := refusalOf(t, h, test.method, test.path, test.body, "If-Match: "+old); p.Status != 412 || p.Code != "ETagMismatch" {
			t.Errorf("%s %s: %+v", test.method, test.path, p)
		}
		if calls := changingCalls(h.aws); len(calls) > 0 {
			t.Errorf("%s %s made %v", test.method, test.path, calls)
		}
	}
	must("PATCH", oneService, `{"Tags":{"a":"b"}}`, 200, `If-Match: "other", `+now)
	must("POST", oneService+"/restart", "", 200, "If-Match: *")
	must("PATCH", oneService, `{"DesiredCount":3}`, 400, "If-Match: no-quotes")
	must("POST", base+"/local/secrets", `{"Name":"t","SecretString":"x"}`, 400, "If-Match: *")
	secret := must("GET", base+"/local/secrets/s", "", 200).Header.Get(headerETag)
	must("PUT", base+"/local/secrets/s", `{"Secret":"y"}`, 200, "If-Match: "+secret)
	must("PUT", base+"/local/secrets/s", `{"Secret":"z"}`, 412, "If-Match: "+secret)
}

// refusalOf sends a request that must be refused, and returns why it is.
func refusalOf(t *testing.T, h *harness, method, path, body string, headers ...string) problem {
	t.Helper()
	res, text := h.do(t, method, path, body, headers...)
	return problemOf(t, res, text)
}

func TestOfTwoWritersWithIfMatchOneWins(t *testing.T) {
	t.Parallel()
	rounds := 200 / racetest.Stride(4)
	if racetest.Plainly(t) {
		rounds = 10 // what is left to do is to look for data races
	}
	h := newHastyHarness(t, localaws.New())
	if res, body := h.do(t, "POST", base+"/local/services", createFrom(insideImage)); res.StatusCode != http.StatusOK {
		t.Fatal(body)
	}
	for round := range rounds {
		res, _ := h.do(t, "GET", oneService, "")
		tag := res.Header.Get(headerETag)
		statuses := make([]int, 2)
		var both sync.WaitGroup
		for i, value := range []string{"a", "b"} {
			both.Go(func() {
				body, _ := json.Marshal(map[string]any{"Tags": map[string]any{"round": value + string(rune('a'+round%26)) + tag[1:8]}})
				res, _ := h.do(t, "PATCH", oneService, string(body), "If-Match: "+tag)
				statuses[i] = res.StatusCode
			})
		}
		both.Wait()
		if a, b := statuses[0], statuses[1]; (a == 200) == (b == 200) || a != 200 && a != 412 && a != 409 || b != 200 && b != 412 && b != 409 {
			t.Fatalf("round %d: %v", round, statuses)
		}
	}
}

// A secret or a parameter of the space that is not there: AWS would say so when a task starts.
func TestADryRunWarnsOfSecretsThatAreNotThere(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New())
	if res, body := h.do(t, "POST", base+"/local/secrets", `{"Name": "spinup/localdev/myclu/there", "SecretString": "hush"}`); res.StatusCode != http.StatusOK {
		t.Fatal(body)
	}
	if res, body := h.do(t, "POST", base+"/local/params/myclu", `{"Name": "there", "Value": "hush"}`); res.StatusCode != http.StatusOK {
		t.Fatal(body)
	}
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:spinup/localdev/myclu/"
	refer := func(values ...string) string {
		var secrets []string
		for i, value := range values {
			secrets = append(secrets, fmt.Sprintf(`{"name": "S%d", "valueFrom": %q}`, i, value))
		}
		return `"secrets": [` + strings.Join(secrets, ", ") + `], "image"`
	}
	all := refer(arn+"there", arn+"gone", "/localdev/myclu/there", "/localdev/myclu/gone", "arn:aws:ssm:us-east-1:123456789012:parameter/localdev/myclu/lost", arn+"gone:key::")
	body := strings.Replace(createFrom(insideImage), `"image"`, all, 1)
	warned := func(method, path, body string) []string {
		t.Helper()
		res, text := h.do(t, method, path, body)
		if res.StatusCode != http.StatusOK || strings.Contains(text, "hush") {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
		at := []string{}
		for _, w := range decoded[struct{ Warnings []warnings.Warning }](t, text).Warnings {
			at = append(at, w.Code+" "+w.Field)
		}
		return at
	}
	secret := func(i int) string {
		return fmt.Sprintf("SecretMissing containerdefinitions[0].secrets[%d].valuefrom", i)
	}
	if diff := cmp.Diff([]string{secret(1), secret(3), secret(4), secret(5)}, warned("POST", base+"/local/services?dryRun=true", body)); diff != "" {
		t.Errorf("a create (-want +got)\n%s", diff)
	}
	if res, text := h.do(t, "POST", base+"/local/services", strings.Replace(createFrom(insideImage), `"image"`, refer(arn+"there"), 1)); res.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	for patch, want := range map[string][]string{
		`{"Containers": {"web": {"Secrets": {"NEW": "/localdev/myclu/gone"}}}}`:  {"SecretMissing containerdefinitions[0].secrets[1].valuefrom"},
		`{"Containers": {"web": {"Secrets": {"NEW": "/localdev/myclu/there"}}}}`: {},
		`{"DesiredCount": 2}`: {},
	} {
		if diff := cmp.Diff(want, warned("PATCH", oneService+"?dryRun=true", patch)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", patch, diff)
		}
	}
}

// TestADryRunIsRefusedAsTheRequestIs sends what is wrong to each write, first as a dry run, which makes no call that changes anything: both are refused for the same
// fields in the same words. What AWS decides alone, the dry run warns of.
func TestADryRunIsRefusedAsTheRequestIs(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New())
	if res, body := h.do(t, "POST", base+"/local/services", createFrom(insideImage)); res.StatusCode != http.StatusOK {
		t.Fatalf("the create: %d %s", res.StatusCode, body)
	}
	web := func(cpu, more string) string {
		return `"taskdefinition":{"family":"www","cpu":"` + cpu + `","memory":"512","containerDefinitions":[{"name":"web","image":"` + insideImage + `"` + more + `}]}`
	}
	post := func(definition, service string) string {
		return `{"cluster":{"clustername":"myclu"},"service":{"servicename":"new"` + service + `},` + definition + `}`
	}
	named := ""
	if res, body := h.do(t, "GET", oneService+"?all=true", ""); res.StatusCode == http.StatusOK {
		var shown struct {
			TaskDefinition struct {
				ContainerDefinitions []struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(body), &shown); err != nil || len(shown.TaskDefinition.ContainerDefinitions) == 0 {
			t.Fatal(err, body)
		}
		named = shown.TaskDefinition.ContainerDefinitions[0].Name
	}
	change := func(member string) string { return `{"Containers":{"` + named + `":{` + member + `}}}` }
	services := base + "/local/services"
	for _, tt := range []struct{ method, path, body, field, warns string }{
		{"POST", services, post(web("256", ""), `,"desiredCount":5001`), "service.desiredCount", ""},
		{"POST", services, post(web("256", `,"portMappings":[{"containerPort":99999}]`), ""), "taskdefinition.containerDefinitions[0].portMappings[0].containerPort", ""},
		{"POST", services, post(web("256", `,"logConfiguration":{"logDriver":"syslog"}`), ""), "taskdefinition.containerDefinitions[0].logConfiguration.logDriver", ""},
		{"POST", services, post(web("256", `,"stopTimeout":-5`), ""), "taskdefinition.containerDefinitions[0].stopTimeout", ""},
		{"POST", services, post(web("256", `,"environment":[{"name":"","value":"x"}]`), ""), "taskdefinition.containerDefinitions[0].environment[0].name", ""},
		{"POST", services, post(web("256", `,"image":"  "`), ""), "taskdefinition.containerDefinitions[0].image", ""},
		{"POST", services, post(web("512", ""), ""), "taskdefinition.cpu", ""},
		{"POST", services, post(web("300", ""), ""), "", "FargateSize taskdefinition.cpu"},
		{"POST", services, post(web("256", `,"privileged":true`), ""), "", "FargateUnsupported taskdefinition.containerDefinitions[0].privileged"},
		{"PUT", oneService, `{"Service":{"DesiredCount":5001}}`, "Service.DesiredCount", ""},
		{"PUT", oneService, `{` + web("256", `,"stopTimeout":121`) + `}`, "taskdefinition.containerDefinitions[0].stopTimeout", ""},
		{"PUT", oneService, `{` + web("300", "") + `}`, "", "FargateSize taskdefinition.cpu"},
		{"PATCH", oneService, `{"DesiredCount":5001}`, "DesiredCount", ""},
		{"PATCH", oneService, `{"Cpu":512}`, "Cpu", ""},
		{"PATCH", oneService, `{"Cpu":300}`, "", "FargateSize Cpu"},
		{"PATCH", oneService, change(`"StopTimeout":121`), "Containers." + named + ".StopTimeout", ""},
		{"PATCH", oneService, change(`"PortMappings":[{"ContainerPort":70000}]`), "Containers." + named + ".PortMappings[0].ContainerPort", ""},
		{"PATCH", oneService, change(`"LogConfiguration":{"LogDriver":"gelf"}`), "Containers." + named + ".LogConfiguration.LogDriver", ""},
		{"PATCH", oneService, change(`"Memory":4096`), "Containers." + named + ".Memory", ""},
		{"PATCH", oneService, change(`"Environment":{" ":"x"}`), "Containers." + named + ".Environment", ""},
	} {
		h.aws.ResetCalls()
		dry, plan := h.do(t, tt.method, tt.path+"?dryRun=true", tt.body)
		if calls := changingCalls(h.aws); len(calls) > 0 {
			t.Errorf("%s %s: the dry run made %v", tt.method, tt.body, calls)
		}
		res, body := h.do(t, tt.method, tt.path, tt.body)
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", tt.method, tt.body, res.StatusCode, body)
			continue
		}
		if tt.warns != "" {
			var found struct{ Warnings []warnings.Warning }
			err := json.Unmarshal([]byte(plan), &found)
			if warned := fmt.Sprint(found.Warnings); err != nil || dry.StatusCode != http.StatusOK || !strings.Contains(warned, "{"+tt.warns+" ") {
				t.Errorf("%s %s: dry run %d %s, want the warning %s", tt.method, tt.body, dry.StatusCode, plan, tt.warns)
			}
			continue
		}
		planned, refused := problemOf(t, dry, plan), problemOf(t, res, body)
		if diff := cmp.Diff(refused.Errors, planned.Errors); diff != "" || len(refused.Errors) != 1 || refused.Errors[0].Field != tt.field {
			t.Errorf("%s %s: refused for %v, want %s; the dry run differs:\n%s", tt.method, tt.body, refused.Errors, tt.field, diff)
		}
	}
}

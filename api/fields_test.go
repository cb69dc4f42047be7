package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"
	"github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/racetest"
)

// ecsModel is AWS's model of ECS, of which our client is generated: the names of all fields that there are today.
type ecsModel struct {
	Operations map[string]struct{ Input struct{ Shape string } }
	Shapes     map[string]*modelShape
}

type modelShape struct {
	Type          string
	Members       map[string]struct{ Shape string }
	Required      []string
	Enum          []string
	Member, Value struct{ Shape string }
}

func readECSModel(t *testing.T) *ecsModel {
	t.Helper()
	text, err := os.ReadFile("../ecs/sdk/model/ecs/2014-11-13/api-2.json")
	if err != nil {
		t.Fatal(err)
	}
	var m ecsModel
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// leaves returns the paths of all fields of an operation's input, such as containerDefinitions[].environment[].name.
func (m *ecsModel) leaves(operation string) []string {
	var out []string
	var walk func(shape, path string, above []string)
	walk = func(shape, path string, above []string) {
		s := m.Shapes[shape]
		switch s.Type {
		case "structure":
			if slices.Contains(above, shape) {
				return
			}
			for _, name := range slices.Sorted(maps.Keys(s.Members)) {
				walk(s.Members[name].Shape, strings.TrimPrefix(path+"."+name, "."), append(slices.Clip(above), shape))
			}
		case "list":
			walk(s.Member.Shape, path+"[]", above)
		case "map":
			walk(s.Value.Shape, path+"{}", above)
		default:
			out = append(out, path)
		}
	}
	walk(m.Operations[operation].Input.Shape, "", nil)
	return out
}

// sample returns a value of a shape that holds the field at leaf, and what AWS requires beside it. known has values by the paths, or their ends.
func (m *ecsModel) sample(shape, path, leaf string, known map[string]any) any {
	s := m.Shapes[shape]
	if v, ok := knownValue(known, path); ok {
		return v
	}
	switch s.Type {
	case "structure":
		out := map[string]any{}
		for name, member := range s.Members {
			at := strings.TrimPrefix(path+"."+name, ".")
			if leads(at, leaf) || path != "" && slices.Contains(s.Required, name) {
				out[name] = m.sample(member.Shape, at, leaf, known)
			}
		}
		return out
	case "list":
		return []any{m.sample(s.Member.Shape, path+"[]", leaf, known)}
	case "map":
		return map[string]any{"k": m.sample(s.Value.Shape, path+"{}", leaf, known)}
	case "boolean":
		return true
	case "integer", "long":
		return 1
	case "double", "float":
		return 1.5
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	return "x"
}

// leads reports whether the field at path is or holds the one at leaf.
func leads(path, leaf string) bool {
	rest, ok := strings.CutPrefix(leaf, path)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ".[{"))
}

// knownValue returns the value of the longest of the known paths that path ends in.
func knownValue(known map[string]any, path string) (any, bool) {
	best := ""
	for key := range known {
		if len(key) > len(best) && (path == key || strings.HasSuffix(path, "."+key)) {
			best = key
		}
	}
	return known[best], best != ""
}

// merged returns base with the members of more, lists element by element.
func merged(base, more any) any {
	switch b := base.(type) {
	case map[string]any:
		m, ok := more.(map[string]any)
		if !ok {
			return more
		}
		out := maps.Clone(b)
		for k, v := range m {
			out[k] = v
			if old, ok := b[k]; ok {
				out[k] = merged(old, v)
			}
		}
		return out
	case []any:
		m, ok := more.([]any)
		if !ok {
			return more
		}
		out := slices.Clone(b)
		for i, v := range m {
			if i < len(out) {
				out[i] = merged(out[i], v)
			} else {
				out = append(out, v)
			}
		}
		return out
	}
	return more
}

// valuesAt returns all values at a path, whose names may be written in any case.
func valuesAt(v any, path string) []any {
	for {
		rest, ok := strings.CutPrefix(path, ".")
		if !ok {
			break
		}
		path = rest
	}
	if path == "" {
		return []any{v}
	}
	var out []any
	if rest, ok := strings.CutPrefix(path, "[]"); ok {
		list, _ := v.([]any)
		for _, element := range list {
			out = append(out, valuesAt(element, rest)...)
		}
		return out
	}
	if rest, ok := strings.CutPrefix(path, "{}"); ok {
		members, _ := v.(map[string]any)
		for _, member := range members {
			out = append(out, valuesAt(member, rest)...)
		}
		return out
	}
	end := strings.IndexAny(path, ".[{")
	if end < 0 {
		end = len(path)
	}
	members, _ := v.(map[string]any)
	for name, member := range members {
		if strings.EqualFold(name, path[:end]) {
			out = append(out, valuesAt(member, path[end:])...)
		}
	}
	return out
}

// holds reports whether every value that want has at the path is among those that got has there.
func holds(got, want any, path, wantPath string) bool {
	have := valuesAt(got, path)
	for _, w := range valuesAt(want, wantPath) {
		if !slices.ContainsFunc(have, func(h any) bool { return reflect.DeepEqual(h, w) }) {
			return false
		}
	}
	return len(valuesAt(want, wantPath)) > 0
}

func parsedJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// wiretap hands calls on to the simulator and keeps the last body of each operation.
type wiretap struct {
	aws  *localaws.AWS
	mu   sync.Mutex
	last map[string]string
}

func (w *wiretap) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	target := r.Header.Get("X-Amz-Target")
	w.mu.Lock()
	w.last[target[strings.LastIndex(target, ".")+1:]] = string(body)
	w.mu.Unlock()
	w.aws.ServeHTTP(rw, r)
}

func (w *wiretap) sent(operation string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[operation]
}

// forget makes the next call of an operation the first.
func (w *wiretap) forget(operation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, operation)
}

// fieldWalk is how the fields of one operation go through the API.
type fieldWalk struct {
	operation string
	known     map[string]any              // values of fields that not any value does for
	base      func(leaf, name string) any // what a request needs besides
	send      func(body string, name string) (method, target, text string)
	show      func(name, response string) (target string) // empty for the response itself
	shown     []string                                    // where in what is shown fields are looked for
	requested map[string]string                           // fields that AWS takes and does not show, by their beginnings: why
	refused   map[string]string                           // fields that are refused: in which words
	renamed   map[string]any                              // fields that reach AWS in another form: which; nil for one of ours
}

func (f *fieldWalk) listed(list map[string]string, leaf string) (string, bool) {
	for key, why := range list {
		if leads(key, leaf) {
			return why, true
		}
	}
	return "", false
}

// plainDefinition is what most tasks and services here are made of.
const plainDefinition = `{"family":"plain","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"app:1","portMappings":[{"containerPort":80,"name":"http"}]}]}`

const fieldRole = "arn:aws:iam::" + localaws.DefaultAccount + ":role/fields"

// fieldHarness returns a harness with the role fieldRole, and the wiretap between its server and AWS.
func fieldHarness(t *testing.T) (*harness, *wiretap) {
	t.Helper()
	simulator := localaws.New()
	tap := &wiretap{aws: simulator, last: map[string]string{}}
	c := testConfig(t, tap)
	c.RateLimits = noLimits()
	local := c.Accounts["local"]
	local.TaskRoles = []string{fieldRole}
	c.Accounts["local"] = local
	h := newHarnessWith(t, simulator, c)
	addFieldRole(t, simulator)
	return h, tap
}

// Every field that AWS's model of ECS has goes through the API to AWS, and comes back: a field that AWS adds fails here when the client is
// generated anew, until it does.
func TestEveryFieldOfECSGoesThrough(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	model := readECSModel(t)
	h, tap := fieldHarness(t)
	for _, request := range [][3]string{
		{"POST", "/services", `{"cluster":{"clusterName":"myclu"},"service":{"serviceName":"u","desiredCount":0},"taskdefinition":` + plainDefinition + `}`},
		{"POST", "/taskdefs", `{"family":"disk","cpu":"256","memory":"512","containerDefinitions":[{"name":"web","image":"app:1","portMappings":[{"containerPort":80,"name":"http"}]}],"volumes":[{"name":"data","configuredAtLaunch":true}]}`},
	} {
		if resp, body := h.do(t, request[0], base+"/local"+request[1], request[2]); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s", request[0], request[1], resp.StatusCode, body)
		}
	}
	resp, body := h.do(t, "POST", base+"/local/servicediscovery/services", `{"Name":"r","DnsConfig":{"NamespaceId":"`+localaws.Namespace+`","DnsRecords":[{"TTL":30,"Type":"A"}]}}`)
	registry := valuesAt(parsedJSON(t, body), "Service.Arn")
	if resp.StatusCode != http.StatusOK || len(registry) != 1 {
		t.Fatalf("no Cloud Map service: %d %s", resp.StatusCode, body)
	}
	lbs := h.loadBalancers(t)
	group := lbs.TargetGroup("fields", "HTTP", tagsOurs)
	lbs.Listener(lbs.Create("fields", elbv2.LoadBalancerTypeEnumApplication, tagsOurs), "HTTP", 80, awstest.Forward(group))
	for _, walk := range fieldWalks(registry[0].(string), group) {
		t.Run(walk.operation, func(t *testing.T) {
			leaves := model.leaves(walk.operation)
			if len(leaves) < 15 {
				t.Fatalf("the model has only %v", leaves)
			}
			for i := 0; i < len(leaves); i += racetest.Stride(3) {
				walk.try(t, h, tap, model, leaves[i], fmt.Sprintf("x%03d", i))
			}
		})
	}
}

// A change of a service's credentials alone registers a copy of its task definition: whoever set a field that we never send keeps it.
func TestACopyOfATaskDefinitionLosesNoField(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	model := readECSModel(t)
	h, tap := fieldHarness(t)
	must := func(leaf, method, target, body string) {
		t.Helper()
		if resp, response := h.do(t, method, base+"/local"+target, body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s: %d %s to %s", leaf, method, target, resp.StatusCode, response, body)
		}
	}
	must("", "POST", "/services", `{"cluster":{"clusterName":"myclu"},"service":{"serviceName":"u","desiredCount":0},"taskdefinition":`+plainDefinition+`}`)
	walk := walkTaskDefinition()
	others := map[string]string{
		"containerDefinitions[].repositoryCredentials": "it is what changes", "volumes[].configuredAtLaunch": "the service configures no volume",
	}
	stride, copies := racetest.Stride(3), 0
	for i, leaf := range model.leaves(walk.operation) {
		if i%stride > 0 {
			continue
		}
		_, refused := walk.listed(walk.refused, leaf)
		if _, other := walk.listed(others, leaf); refused || other {
			continue
		}
		text, err := json.Marshal(merged(withBeside(walk.base(leaf, ""), leaf), model.sample(model.Operations[walk.operation].Input.Shape, "", leaf, walk.known)))
		if err != nil {
			t.Fatal(err)
		}
		must(leaf, "POST", "/taskdefs", string(text))
		must(leaf, "PUT", "/clusters/myclu/services/u", `{"Service":{"taskDefinition":"fields"}}`)
		tap.forget(walk.operation)
		must(leaf, "PUT", "/clusters/myclu/services/u", fmt.Sprintf(`{"Credentials":{"web":{"Name":"c%03d","SecretString":"{\"username\":\"u\",\"password\":\"p\"}"}}}`, i))
		if sent := tap.sent(walk.operation); sent == "" || !holds(parsedJSON(t, sent), parsedJSON(t, string(text)), leaf, leaf) {
			t.Errorf("%s of %s is not in the copy: %s", leaf, text, sent)
		}
		copies++
	}
	if copies < 80/stride {
		t.Errorf("only %d fields were copied", copies)
	}
}

func (f *fieldWalk) try(t *testing.T, h *harness, tap *wiretap, model *ecsModel, leaf, name string) {
	t.Helper()
	field := model.sample(model.Operations[f.operation].Input.Shape, "", leaf, f.known)
	text, err := json.Marshal(merged(withBeside(f.base(leaf, name), leaf), field))
	if err != nil {
		t.Fatal(err)
	}
	want := parsedJSON(t, string(text))
	method, target, body := f.send(string(text), name)
	tap.forget(f.operation)
	resp, response := h.do(t, method, base+"/local"+target, body)
	if words, ok := f.listed(f.refused, leaf); ok {
		if resp.StatusCode < 400 || !strings.Contains(response, words) {
			t.Errorf("%s: %d %s, want a refusal with %q", leaf, resp.StatusCode, response, words)
		}
		return
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %d %s to %s", leaf, resp.StatusCode, response, body)
		return
	}
	wanted := want
	form, renamed := f.renamed[leaf]
	if renamed {
		wanted = members{leaf: form}
	}
	sent := tap.sent(f.operation)
	switch {
	case sent != "" && renamed && form == nil && len(valuesAt(parsedJSON(t, sent), leaf)) == 1: // ours
	case sent == "" || !holds(parsedJSON(t, sent), wanted, leaf, leaf):
		t.Errorf("%s of %s did not reach AWS: %s", leaf, text, sent)
	}
	if _, ok := f.listed(f.requested, leaf); ok {
		return
	}
	if target := f.show(name, response); target != "" {
		resp, response = h.do(t, "GET", base+"/local"+target, "")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %d %s", target, resp.StatusCode, response)
		}
	}
	got := parsedJSON(t, response)
	if !slices.ContainsFunc(f.shown, func(where string) bool { return holds(got, want, where+"."+leaf, leaf) }) {
		t.Errorf("%s of %s does not come back: %s", leaf, text, response)
	}
}

func addFieldRole(t *testing.T, simulator *localaws.AWS) {
	t.Helper()
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: "http://localaws", Transport: simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = iam.New(sess).CreateRole(&iam.CreateRoleInput{RoleName: aws.String("fields"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com","ecs.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`,
	)})
	if err != nil {
		t.Fatal(err)
	}
}

package body_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"ecs-api/api/body"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// input has all that bodies of ours can hold.
type input struct {
	TaskDefinition *awsecs.RegisterTaskDefinitionInput
	Service        *awsecs.CreateServiceInput
	Credentials    map[string]*awssecrets.CreateSecretInput
	Change         map[string]*string `body:"nulls"`
	Size           size
	Ratio          *float64
	Since          *time.Time
	Anything       any
	Names          []string
	Small          int8
	Count          uint
	Named          bool `json:"is-named"`
	Hidden         int  `json:"-"`
	*Shared
	unexported int //nolint:unused // what is not exported is not decoded

	nulls []string
}

// Shared is embedded: its members are the input's own.
type Shared struct{ Cluster string }

func (in *input) SetNulls(paths []string) { in.nulls = paths }

// size takes a number or a string.
type size string

func (s *size) UnmarshalJSON(text []byte) error {
	var number json.Number
	if err := json.Unmarshal(text, &number); err != nil {
		return fmt.Errorf("%s is no size", text)
	}
	*s = size(number)
	return nil
}

func (*size) Form() string { return "a number or a string" }

func TestWhatABodyIsDecodedTo(t *testing.T) {
	tests := []struct {
		name, body string
		want       input
	}{
		{"nothing", ` {} `, input{}},
		{"a byte order mark", "\ufeff{\"names\":[\"a\"]}", input{Names: []string{"a"}}},
		{"keys in any case", `{"SERVICE":{"desiredcount":2},"Is-Named":true,"cluster":"c"}`, input{Service: &awsecs.CreateServiceInput{DesiredCount: aws.Int64(2)}, Named: true, Shared: &Shared{"c"}}},
		{"letters that are equal to others of another script", `{"\u017fervice":{"de\u017firedcount":2}}`, input{Service: &awsecs.CreateServiceInput{DesiredCount: aws.Int64(2)}}},
		{"whole numbers that are written as others are", `{"service":{"desiredCount":1.0,"healthCheckGracePeriodSeconds" : 6e1},"small":-1.20e1,"count":0.0}`,
			input{Service: &awsecs.CreateServiceInput{DesiredCount: aws.Int64(1), HealthCheckGracePeriodSeconds: aws.Int64(60)}, Small: -12}},
		{"the largest whole number", `{"service":{"desiredCount":2147483647}}`, input{Service: &awsecs.CreateServiceInput{DesiredCount: aws.Int64(2147483647)}}},
		{"numbers and strings where both are taken", `{"size":256,"ratio":0.5}`, input{Size: "256", Ratio: aws.Float64(0.5)}},
		{"bytes, a time and anything", `{"credentials":{"web":{"SecretBinary":"aGk="}},"since":"2026-01-31T12:00:00Z","anything":null}`,
			input{Credentials: map[string]*awssecrets.CreateSecretInput{"web": {SecretBinary: []byte("hi")}}, Since: aws.Time(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)), nulls: []string{"anything"}}},
		{"free keys, with nulls where they mean something", `{"change":{"envirnoment":null,"A":"b"}}`, input{Change: map[string]*string{"envirnoment": nil, "A": aws.String("b")}, nulls: []string{"change.envirnoment"}}},
		{"members that are null", `{"Service":null,"taskDefinition":{"containerDefinitions":[{},{"RepositoryCredentials":null}]}}`, input{
			TaskDefinition: &awsecs.RegisterTaskDefinitionInput{ContainerDefinitions: []*awsecs.ContainerDefinition{{}, {}}},
			nulls:          []string{"service", "taskdefinition.containerdefinitions[1].repositorycredentials"},
		}},
		{"labels and options with any keys", `{"taskdefinition":{"containerdefinitions":[{"dockerLabels":{"name":"a","nmae":"b"},"logConfiguration":{"options":{"awslogs-gruop":"c"}}}]}}`,
			input{TaskDefinition: &awsecs.RegisterTaskDefinitionInput{ContainerDefinitions: []*awsecs.ContainerDefinition{{
				DockerLabels: aws.StringMap(map[string]string{"name": "a", "nmae": "b"}), LogConfiguration: &awsecs.LogConfiguration{Options: aws.StringMap(map[string]string{"awslogs-gruop": "c"})},
			}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got input
			b, err := body.Decode([]byte(tt.body), &got, true)
			if err == nil {
				err = b.Err()
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(input{}), cmp.Comparer(func(_, _ struct{}) bool { return true })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoObjectIsRefusedWhole(t *testing.T) {
	tests := []struct{ name, body, detail string }{
		{"empty", "", "this needs a body: a JSON object"},
		{"blank", " \n\t", "this needs a body: a JSON object"},
		{"a byte order mark alone", "\ufeff", "this needs a body: a JSON object"},
		{"null", "null", "the body must be an object, not null"},
		{"an array", "[]", "the body must be an object, not an array"},
		{"a string", `"hunter2"`, "the body must be an object, not a string"},
		{"a number", "12", "the body must be an object, not a number"},
		{"false", "false", "the body must be an object, not true or false"},
		{"another text", "hunter=2", "the body is not JSON: line 1, column 1: a value is expected: text in double quotes, a number, true, false, null, { or [, not h"},
		{"an object that is cut short", `{"a":`, `the body is not JSON: line 1, column 6: the text ends before the JSON does: a }, ] or " is missing`},
		{"two values", `{} {}`, "the body is not JSON: line 1, column 4: only blanks may follow the JSON, not {"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "the body must be JSON in UTF-8"},
		{"a byte order mark inside", "{\ufeff}", `the body is not JSON: line 1, column 2: a key in double quotes is expected, not \ufeff`},
		{"half of a surrogate pair", `{"a":"b\ud83d"}`, `the body has half of a surrogate pair, at byte 8: it must be two escapes, \ud800 to \udbff and then \udc00 to \udfff`},
		{"the wrong half first", `{"\\\udc00\ud83d":1}`, `the body has half of a surrogate pair, at byte 5: it must be two escapes, \ud800 to \udbff and then \udc00 to \udfff`},
		{"half of a pair before another escape", `{"a":"\ud83d\u0041"}`, `the body has half of a surrogate pair, at byte 7: it must be two escapes, \ud800 to \udbff and then \udc00 to \udfff`},
		{"too deep", strings.Repeat(`{"a":`, 200_000), "the body is not JSON: line 1, column 50001: values are nested too deeply"},
		{"too many values", `{"names":["a"` + strings.Repeat(`,"a"`, body.MaxValues) + `]}`, "the body must hold at most 20000 values: AWS takes no more of anything"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := body.Decode([]byte(tt.body), new(input), false)
			if err == nil || err.Error() != tt.detail || !common.Is(err, common.BadRequest) {
				t.Errorf("%v, want %s", err, tt.detail)
			}
		})
	}
}

func TestEverythingWrongWithABodyIsReportedInTheCallersSpelling(t *testing.T) {
	tests := []struct {
		name, body string
		code       common.Code
		want       []string
		ignored    []string
	}{
		{"values of wrong types, all of them", `{"taskdefinition":{"cpu":256,"memory":512,"containerdefinitions":[{"name":"a"},{"environment":[{"name":"B","value":"x"},{"name":"A","value":8080}]}]},"service":{"desiredcount":"2"}}`,
			common.CodeInvalidRequest, []string{
				"taskdefinition.cpu must be a string, not a number", "taskdefinition.memory must be a string, not a number",
				"taskdefinition.containerdefinitions[1].environment[1].value must be a string, not a number", "service.desiredcount must be a whole number, not a string",
			}, nil},
		{"every kind of value", `{"service":[],"names":{},"Named":1,"is-named":"x","credentials":"hunter2","ratio":true,"since":"hunter2","size":[],"small":1000,"count":-1}`,
			common.CodeInvalidRequest, []string{
				"service must be an object, not an array", "names must be an array, not an object", "Named is unknown; Names was probably meant", "is-named must be true or false, not a string",
				"credentials must be an object, not a string", "ratio must be a number, not true or false", "since must be a time such as 2026-01-31T12:00:00Z", "size must be a number or a string",
				"small is out of range", "count is out of range",
			}, nil},
		{"pairs and words in another form", `{"taskdefinition":{"tags":{"Team":"hunter2"},"containerdefinitions":[{"environment":{"A\"b":"hunter2"},"secrets":{"DB":"hunter2"},"command":"hunter2","portmappings":{"80":80}}]},
			"change":[{"NAME":"A","value":"hunter2"}],"names":"hunter2"}`,
			common.CodeInvalidRequest, []string{
				`taskdefinition.tags must be an array, not an object: [{"Key": "Team", "Value": "…"}]`,
				`taskdefinition.containerdefinitions[0].environment must be an array, not an object: [{"Name": "A\"b", "Value": "…"}]`,
				`taskdefinition.containerdefinitions[0].secrets must be an array, not an object: [{"Name": "DB", "ValueFrom": "…"}]`,
				`taskdefinition.containerdefinitions[0].command must be an array, not a string: ["…"], each word an element`,
				"taskdefinition.containerdefinitions[0].portmappings must be an array, not an object",
				`change must be an object, not an array: {"A": "…"}`, `names must be an array, not a string: ["…"], each word an element`,
			}, nil},
		{"an object instead of pairs that has none, and a list without names", `{"taskdefinition":{"tags":{}},"change":["A"]}`,
			common.CodeInvalidRequest, []string{"taskdefinition.tags must be an array, not an object", `change must be an object, not an array: {"NAME": "…"}`}, nil},
		{"one pair without its list, and a pair with a name and a key", `{"taskdefinition":{"tags":{"key":"Team","value":"hunter2"}},"change":[{"key":"B","name":"A","value":"hunter2"}]}`,
			common.CodeInvalidRequest, []string{`taskdefinition.tags must be an array, not an object: [{"Key": "…", "Value": "…"}]`, `change must be an object, not an array: {"A": "…"}`}, nil},
		{"more than AWS's integers hold", `{"service":{"desiredCount":2147483648,"healthCheckGracePeriodSeconds":-2147483649}}`, common.CodeInvalidRequest, []string{
			"service.desiredCount is out of range", "service.healthCheckGracePeriodSeconds is out of range",
		}, nil},
		{"numbers", `{"service":{"desiredCount":1.5,"healthCheckGracePeriodSeconds":1e30},"small":1e-99,"count":18446744073709551616,"ratio":1e999}`,
			common.CodeInvalidRequest, []string{
				"service.desiredCount must be a whole number, not a fraction", "service.healthCheckGracePeriodSeconds is out of range", "small must be a whole number, not a fraction",
				"count is out of range", "ratio is out of range",
			}, nil},
		{"bytes that are not base64", `{"credentials":{"web":{"SecretBinary":"hunter2!"},"b":{"SecretBinary":12}}}`, common.CodeInvalidRequest, []string{
			"credentials.web.SecretBinary must be base64 text", "credentials.b.SecretBinary must be base64 text, not a number",
		}, nil},
		{"nulls in arrays and maps", `{"names":["a",null],"Credentials":{"web":null},"taskdefinition":{"ContainerDefinitions":[null,{"portmappings":[null]}]}}`, common.CodeInvalidRequest, []string{
			"names[1] must not be null", "Credentials.web must not be null", "taskdefinition.ContainerDefinitions[0] must not be null", "taskdefinition.ContainerDefinitions[1].portmappings[0] must not be null",
		}, nil},
		{"keys that are given twice", `{"names":[],"Names":["a"],"service":{"desiredCount":1,"DESIREDCOUNT":2,"desiredCount":3},"change":{"A":"1","a":"2","A":"3"}}`, common.CodeInvalidRequest, []string{
			"Names is given twice, the first time as names", "service.DESIREDCOUNT is given twice, the first time as desiredCount", "service.desiredCount is given twice, the first time as desiredCount",
			"change.A is given twice, the first time as A",
		}, nil},
		{"misspelt keys", `{"credentails":{},"service":{"desiredcuont":3,"capacity_provider_strategy":[],"Scheduling-Strategy":"x"},"taskdefintion":{}}`, common.CodeUnknownField, []string{
			"credentails is unknown; credentials was probably meant", "service.desiredcuont is unknown; desiredCount was probably meant",
			"service.capacity_provider_strategy is unknown; capacityProviderStrategy was probably meant", "service.Scheduling-Strategy is unknown; schedulingStrategy was probably meant",
			"taskdefintion is unknown; taskDefinition was probably meant",
		}, nil},
		{"misspelt keys further down, beside others", `{"taskdefinition":{"containerdefinitions":[{"enviroment":[],"ports":[80],"environment":[{"nam":"A","valueFrom":"x","values":"y"}]}]},"Credentials":{"web":{"SecretStrng":"hunter2"}}}`,
			common.CodeUnknownField, []string{
				"taskdefinition.containerdefinitions[0].enviroment is unknown; environment was probably meant", "taskdefinition.containerdefinitions[0].environment[0].nam is unknown; name was probably meant",
				"taskdefinition.containerdefinitions[0].environment[0].values is unknown; value was probably meant", "Credentials.web.SecretStrng is unknown; SecretString was probably meant",
			}, []string{"taskdefinition.containerdefinitions[0].ports", "taskdefinition.containerdefinitions[0].environment[0].valueFrom"}},
		{"a misspelt key beside a wrong type", `{"desired":1,"servcie":{},"service":{"desiredCount":"x"}}`, common.CodeInvalidRequest, []string{
			"servcie is unknown; service was probably meant", "service.desiredCount must be a whole number, not a string",
		}, []string{"desired"}},
		{"nothing but what is ignored", `{"":1,"a.b":{"service":{"names":[null]}},"__":2,"é":3}`, "", nil, []string{`""`, "a.b", "__", "é"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := body.Decode([]byte(tt.body), new(input), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, problems(b.Err())); diff != "" {
				t.Error(diff)
			}
			if tt.code != "" && common.ResponseCode(b.Err()) != tt.code {
				t.Errorf("code %s, want %s", common.ResponseCode(b.Err()), tt.code)
			}
			if diff := cmp.Diff(tt.ignored, b.Ignored); diff != "" {
				t.Errorf("ignored: %s", diff)
			}
			if err := b.Err(); err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a value is repeated: %v", err)
			}
		})
	}
}

// problems returns what is wrong with which fields.
func problems(err error) []string {
	e, ok := errors.AsType[*common.Error](err)
	if !ok {
		return nil
	}
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Field+" "+f.Detail)
	}
	return all
}

func TestStrictHandlingRefusesEveryUnknownKey(t *testing.T) {
	b, err := body.Decode([]byte(`{"service":{"ports":[80]},"extra":1,"desiredcuont":1,"servcie":{}}`), new(input), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"service.ports is unknown", "extra is unknown", "desiredcuont is unknown", "servcie is unknown; service was probably meant"}
	if diff := cmp.Diff(want, problems(b.Err())); diff != "" || len(b.Ignored) > 0 || common.ResponseCode(b.Err()) != common.CodeUnknownField {
		t.Errorf("%s, ignored %q", diff, b.Ignored)
	}
}

func TestWhatALaterCheckFindsIsReportedBesideIt(t *testing.T) {
	const text = `{"TASKDEFINITION":{"CPU":256,"Containerdefinitions":[{"Name":"a b"},{"imgae":"x"}]},"Service":{"a.b":{"x":1}}}`
	b, err := body.Decode([]byte(text), new(input), false)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Err(
		common.FieldError{Field: "taskdefinition.cpu", Detail: "is required"}, // its type is reported already
		common.FieldError{Field: "taskdefinition.containerdefinitions[1].image", Detail: "is required"},
		common.FieldError{Field: "taskdefinition.containerdefinitions[0].name", Detail: "must have letters"},
		common.FieldError{Field: "service.servicename", Detail: "is required"},
	)
	want := []string{
		"TASKDEFINITION.CPU must be a string, not a number", "TASKDEFINITION.Containerdefinitions[1].imgae is unknown; image was probably meant",
		"TASKDEFINITION.Containerdefinitions[0].Name must have letters", // what is missing may be meant by imgae
	}
	if diff := cmp.Diff(want, problems(err)); diff != "" || common.ResponseCode(err) != common.CodeInvalidRequest {
		t.Errorf("%s %s", common.ResponseCode(err), diff)
	}
	b, err = body.Decode([]byte(`{"Service":{"desiredCount":"1"}}`), new(input), false)
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"Service.desiredCount must be a whole number, not a string", "Service.servicename is required"}
	if diff := cmp.Diff(want, problems(b.Err(common.FieldError{Field: "service.servicename", Detail: "is required"}))); diff != "" {
		t.Error(diff)
	}
}

func TestPathsAreSpelledAsTheBodySpellsThem(t *testing.T) {
	const text = ` { "Service" : {"SERVICENAME":1, "a": {"b":2}, "a.B": {"c":3}, "a.b.c": 4}, "List" : [ [ {"X":1} ] , {"Y\u0041":2}, "]" ] , "\"": {"Z":1}}`
	b, err := body.Decode([]byte(text), new(struct{}), false)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                      "",
		"service.servicename":   "Service.SERVICENAME",
		"SERVICE.none.DEEPER":   "Service.none.DEEPER",
		"service.servicename.x": "Service.SERVICENAME.x",
		"service.a.x":           "Service.a.x",
		"service.a.b":           "Service.a.B",
		"service.A.b.c":         "Service.a.b.c",
		"list[0][0].x":          "List[0][0].X",
		"list[1].ya":            "List[1].YA",
		"list[2].ya":            "List[2].ya",
		"list[3].x":             "List[3].x",
		"list[x].y":             "List[x].y",
		"list[":                 "List[",
		"list.x":                "List.x",
		`".z`:                   `".Z`,
		"services.x":            "services.x",
		"credentials.web.Name":  "credentials.web.Name",
		"[0]":                   "[0]",
	} {
		if got := b.Spelled(path); got != want {
			t.Errorf("%s is spelled %s, want %s", path, got, want)
		}
	}
	wrapped := common.Wrapf(common.Invalid(common.FieldError{Field: "service.servicename", Detail: "is taken"}, common.FieldError{Detail: "is not valid"}), "create service")
	err = b.Respell(wrapped)
	if got := common.Public(err); got != "create service: the request is not valid: Service.SERVICENAME is taken; is not valid" || err.Error() != got {
		t.Errorf("%s; %s", got, err)
	}
	if diff := cmp.Diff([]string{"Service.SERVICENAME is taken", " is not valid"}, problems(err)); diff != "" {
		t.Error(diff)
	}
	if other := errors.New("x"); b.Respell(other) != other || b.Respell(nil) != nil {
		t.Error("an error without fields was changed")
	}
}

func TestProblemsAreAllListed(t *testing.T) {
	long := strings.Repeat("é", 200_000)
	text := `{"` + long + `":1` + strings.Repeat(`,"x":1`, 40) + `,"names":[null` + strings.Repeat(",null", 9_999) + `],"credentials":{"` + long[:1000] + `":{"Nmae":1}}}`
	b, err := body.Decode([]byte(text), new(input), false)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Err(); !strings.HasSuffix(got.Error(), "names[19] must not be null; and 9980 more, of which errors lists 980") || len(got.Error()) > 2000 || len(common.Fields(got)) != 1000 {
		t.Errorf("%d fields, %d bytes: %.3000s", len(common.Fields(got)), len(got.Error()), got)
	}
	if len(b.Ignored) != body.MaxIgnored || b.Ignored[0] != strings.Repeat("é", 64)+"…" {
		t.Errorf("%d ignored: %.300q", len(b.Ignored), b.Ignored)
	}
	if _, err := body.Decode([]byte(`{"credentials":{"`+long+`":{}}}`), new(input), false); !common.Is(err, common.BadRequest) || err.Error() != "a key in the body has 400000 bytes, and may have at most 1024" {
		t.Errorf("a key that is too long: %.200v", err)
	}
}

// TestListsHoldAWSIntegers: a list is held to 32 bits as a field of its own is. AWS's model has no list and no map of longs, which the SDK's types would not tell apart.
func TestListsHoldAWSIntegers(t *testing.T) {
	b, err := body.Decode([]byte(`{"containerDefinitions":[{"restartPolicy":{"enabled":true,"ignoredExitCodes":[1,2147483648,2.5]}}]}`), new(awsecs.RegisterTaskDefinitionInput), false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"containerDefinitions[0].restartPolicy.ignoredExitCodes[1] is out of range",
		"containerDefinitions[0].restartPolicy.ignoredExitCodes[2] must be a whole number, not a fraction",
	}
	if diff := cmp.Diff(want, problems(b.Err())); diff != "" {
		t.Error(diff)
	}
	var model struct {
		Shapes map[string]struct {
			Type          string
			Member, Value struct{ Shape string }
		}
	}
	text, err := os.ReadFile("../../ecs/sdk/model/ecs/2014-11-13/api-2.json")
	if err == nil {
		err = json.Unmarshal(text, &model)
	}
	if err != nil || len(model.Shapes) < 100 {
		t.Fatal(len(model.Shapes), err)
	}
	for name, shape := range model.Shapes {
		if of := shape.Member.Shape + shape.Value.Shape; model.Shapes[of].Type == "long" {
			t.Errorf("%s holds longs", name)
		}
	}
}

func TestNumbersAndCharactersAtTheEdgeAreKept(t *testing.T) {
	in := new(input)
	b, err := body.Decode([]byte(`{"names":["\ud83d\ude00 \\ud800 \u20ac"],"service":{"desiredCount":2147483647,"healthCheckGracePeriodSeconds":-2147483648}}`), in, false)
	if err != nil || b.Err() != nil {
		t.Fatal(err, b.Err())
	}
	if len(in.Names) != 1 || in.Names[0] != `😀 \ud800 €` {
		t.Errorf("names are %q", in.Names)
	}
	if *in.Service.DesiredCount != 2147483647 || *in.Service.HealthCheckGracePeriodSeconds != -2147483648 {
		t.Errorf("service is %v", in.Service)
	}
}

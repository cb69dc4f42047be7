package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
)

// seedFile has the seed's keys and no other: an existing deployment's file.
const seedFile = `{
  "listenAddress": ":8443",
  "token": "x",
  "logLevel": "debug",
  "org": "localdev",
  "accounts": {
    "nonprod": {
      "region": "us-east-1",
      "akid": "AKIAIOSFODNN7EXAMPLE",
      "secret": "s3cr3t",
      "defaultSgs": ["sg-0123456789abcdef0"],
      "defaultSubnets": ["subnet-01234567", "subnet-0123456789abcdef0"],
      "defaultKmsKeyId": "01234567-89ab-cdef-0123-456789abcdef"
    }
  }
}
`

func seedConfig() *Config {
	return &Config{
		ListenAddress: ":8443", Token: "x", LogLevel: "debug", LogFormat: "json", Org: "localdev", ShutdownGrace: Duration(2 * time.Minute),
		Accounts: map[string]Account{"nonprod": {
			Region: "us-east-1", AKID: "AKIAIOSFODNN7EXAMPLE", Secret: "s3cr3t", DefaultSGs: []string{"sg-0123456789abcdef0"},
			DefaultSubnets: []string{"subnet-01234567", "subnet-0123456789abcdef0"}, DefaultKMSKeyID: "01234567-89ab-cdef-0123-456789abcdef",
		}},
	}
}

// with returns the seed's config, changed.
func with(change func(*Config)) *Config {
	c := seedConfig()
	change(c)
	return c
}

// env returns an environment of the given variables.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// write returns the path of a new file with that content.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// without returns s without the given piece, which must be there.
func without(t *testing.T, s, piece string) string {
	t.Helper()
	return replace(t, s, piece, "")
}

func replace(t *testing.T, s, old, instead string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in the text", old)
	}
	return strings.Replace(s, old, instead, 1)
}

func TestLoad(t *testing.T) {
	const token, listen = `"token": "x",`, `"listenAddress": ":8443",`
	tests := []struct {
		name string
		file string
		env  func(string) string
		want *Config
	}{
		{"an existing deployment's file works as it is", seedFile, env(), seedConfig()},
		{"a file that begins with a byte order mark", "\ufeff" + seedFile, env(), seedConfig()},
		{"a file with Windows line ends", strings.ReplaceAll(seedFile, "\n", "\r\n"), env(), seedConfig()},
		{"keys match without case, as they always did", replace(t, replace(t, seedFile, "defaultSgs", "defaultSGs"), "listenAddress", "ListenAddress"), env(), seedConfig()},
		{"what is left out has a default", without(t, without(t, seedFile, listen), `"logLevel": "debug",`), env(),
			with(func(c *Config) { c.ListenAddress, c.LogLevel = ":8080", "info" })},
		{"what is empty or null has a default", replace(t, replace(t, seedFile, `":8443"`, "null"), `"debug"`, `""`), env(),
			with(func(c *Config) { c.ListenAddress, c.LogLevel = ":8080", "info" })},
		{"a state", replace(t, seedFile, `"org"`, `"state": {"redis": "rediss://u:p%2Fw@a:6379?addr=b:6379"}, "org"`), env(), with(func(c *Config) { c.State.Redis = "rediss://u:p%2Fw@a:6379?addr=b:6379" })},
		{"a level is read without case", replace(t, seedFile, `"debug"`, `"WARN"`), env(), with(func(c *Config) { c.LogLevel = "warn" })},
		{"the environment overrides the file", seedFile,
			env("ECS_API_TOKEN", "from-env", "ECS_API_LISTEN_ADDRESS", "127.0.0.1:0", "ECS_API_LOG_LEVEL", "error", "ECS_API_STATE_REDIS", "redis://:pw@host\n"),
			with(func(c *Config) {
				c.Token, c.ListenAddress, c.LogLevel, c.State.Redis = "from-env", "127.0.0.1:0", "error", "redis://:pw@host"
			})},
		{"the environment supplies the token that the file lacks", without(t, seedFile, token), env("ECS_API_TOKEN", "from-env"),
			with(func(c *Config) { c.Token = "from-env" })},
		{"a variable ends where its text does", seedFile, env("ECS_API_TOKEN", "from-env\n"), with(func(c *Config) { c.Token = "from-env" })},
		{"a blank variable overrides nothing", seedFile, env("ECS_API_TOKEN", " ", "ECS_API_LOG_LEVEL", ""), seedConfig()},
		{"named tokens alone will do", replace(t, seedFile, token, `"tokens": {"ui": "a", "ci": "b"},`), env(),
			with(func(c *Config) { c.Token, c.Tokens = "", map[string]Token{"ui": {Token: "a"}, "ci": {Token: "b"}} })},
		{"tokens with limits", replace(t, seedFile, token, `"tokens": {"ui": {"token": "a", "accounts": ["nonprod"]}, "ci": {"Token": "b", "readOnly": true}, "x": "c"},`), env(),
			with(func(c *Config) {
				c.Token, c.Tokens = "", map[string]Token{"ui": {Token: "a", Accounts: []string{"nonprod"}}, "ci": {Token: "b", ReadOnly: true}, "x": {Token: "c"}}
			})},
		{"every optional key", replace(t, replace(t, seedFile, token, `"token": "x", "tokens": {"ui": "y"}, "logFormat": "text", "registries": ["registry.internal:5000"],
			"shutdownGrace": "90s", "debugAddress": "localhost:6060", "rateLimits": {"ecs-service-modify": {"burst": 5, "perSecond": 0.5}},`),
			`"akid": "AKIAIOSFODNN7EXAMPLE",
      "secret": "s3cr3t",`, `"endpoint": "http://localhost:4566", "role": {"arn": "arn:aws:iam::123456789012:role/x", "externalId": "id"},
      "permissionsBoundary": "arn:aws:iam::123456789012:policy/b", "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 2}],
      "taskRoles": ["arn:aws:iam::123456789012:role/app-*"],`), env(),
			with(func(c *Config) {
				c.Tokens, c.LogFormat, c.Registries = map[string]Token{"ui": {Token: "y"}}, "text", []string{"registry.internal:5000"}
				c.ShutdownGrace, c.DebugAddress = Duration(90*time.Second), "localhost:6060"
				c.RateLimits = map[string]RateLimit{"ecs-service-modify": {Burst: 5, PerSecond: 0.5}}
				a := c.Accounts["nonprod"]
				a.AKID, a.Secret, a.Endpoint = "", "", "http://localhost:4566"
				a.Role = &Role{ARN: "arn:aws:iam::123456789012:role/x", ExternalID: "id"}
				a.PermissionsBoundary = "arn:aws:iam::123456789012:policy/b"
				a.DefaultCapacityProviderStrategy = []CapacityProvider{{CapacityProvider: "FARGATE", Weight: 1, Base: 2}}
				a.TaskRoles = []string{"arn:aws:iam::123456789012:role/app-*"}
				c.Accounts["nonprod"] = a
			})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Load(write(t, tt.file), tt.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadSaysEverythingThatIsWrong(t *testing.T) {
	const known = "is not a known key; the keys here are "
	const top = known + "listenAddress, token, tokens, logLevel, logFormat, org, accounts, registries, shutdownGrace, debugAddress, state, rateLimits"
	const role = `"role": {"arn": "arn:aws:iam::123456789012:role/x", `
	tests := []struct {
		name string
		file string
		env  func(string) string
		want []string
	}{
		{"unknown keys at every level, and what is not valid besides",
			replace(t, replace(t, replace(t, seedFile, `"org": "localdev"`, `"orgs": "localdev", "a b": 1`), `"region"`, `"regoin"`), `"defaultSgs"`, role+`"externalID": "ab", "arm": ""}, "defaultSgs"`), env(), []string{
				"orgs " + top,
				`"a b" ` + top,
				"accounts.nonprod.regoin " + known + "region, akid, secret, defaultSgs, defaultSubnets, defaultKmsKeyId, endpoint, role, permissionsBoundary, defaultCapacityProviderStrategy, taskRoles, keepRevisions",
				"accounts.nonprod.role.arm " + known + "arn, externalId",
				"org must be 1 to 128 letters, digits, dots, dashes or underscores: it becomes part of the paths of secrets and parameters",
				"accounts.nonprod.region must be an AWS region, such as us-east-1",
			}},
		{"wrong types, each said once",
			`{"listenAddress": 8080, "token": 1234567, "tokens": ["a"], "logLevel": true, "org": {}, "registries": "r", "shutdownGrace": 120, "rateLimits": {"ecs-tag-read": {"burst": 1.5, "perSecond": "1"}},
			"accounts": {"a": "us-east-1", "b": {"region": "us-east-1", "role": [], "defaultSgs": ["sg-1", 2, null], "defaultCapacityProviderStrategy": [{"weight": "1"}, 7, {"capacityProvider": "FARGATE", "weight": 1}]}}}`, env(), []string{
				"listenAddress must be a string, not a number",
				"token must be a string, not a number",
				"tokens must be an object, not an array",
				"logLevel must be a string, not a boolean",
				"org must be a string, not an object",
				"registries must be an array, not a string",
				"shutdownGrace must be a string, not a number",
				"rateLimits.ecs-tag-read.burst must be a whole number",
				"rateLimits.ecs-tag-read.perSecond must be a number, not a string",
				"accounts.a must be an object, not a string",
				"accounts.b.role must be an object, not an array",
				"accounts.b.defaultSgs[1] must be a string, not a number",
				"accounts.b.defaultCapacityProviderStrategy[0].weight must be a whole number, not a string",
				"accounts.b.defaultCapacityProviderStrategy[1] must be an object, not a number",
				"accounts.b.defaultSgs[2] must be a security group's id, such as sg-0123456789abcdef0",
				"accounts.b.defaultCapacityProviderStrategy[0].capacityProvider must be FARGATE or FARGATE_SPOT",
			}},
		{"keys that are there twice, in whatever case or spelling",
			replace(t, replace(t, seedFile, `"org"`, `"Token": "y", "tok\u0065n": "z", "org"`), `"nonprod": {`, `"nonprod": {}, "nonprod": {`), env(), []string{
				"token is there more than once: keep one",
				"token is there more than once: keep one",
				"accounts.nonprod is there more than once: keep one",
			}},
		{"a duration that is none", replace(t, seedFile, `"org"`, `"shutdownGrace": "2 minutes", "org"`), env(), []string{`shutdownGrace must be a duration such as "90s" or "2m"`}},
		{"a duration of nothing is not the default", replace(t, seedFile, `"org"`, `"shutdownGrace": "0s", "org"`), env(), []string{`shutdownGrace must be more than "0s" and at most "1h"`}},
		{"an account that is null", `{"token": "x", "org": "o", "accounts": {"a": null}}`, env(), []string{"accounts.a.region must be an AWS region, such as us-east-1"}},
		{"nothing at all", `{}`, env(), []string{
			"org must be 1 to 128 letters, digits, dots, dashes or underscores: it becomes part of the paths of secrets and parameters",
			"token must be set, here, as one of tokens, or in the environment as ECS_API_TOKEN",
			"accounts must hold at least one account, by its name in the API's paths",
		}},
		{"a state that is no Redis, and no word of what may be its password", replace(t, seedFile, `"org"`, `"state": {"redis": "http://:hunter2@host"}, "org"`), env(), []string{"state.redis must begin with redis://, rediss:// (TLS) or unix://"}},
		{"a password that is not escaped", seedFile, env("ECS_API_STATE_REDIS", "redis://:hunter2/x@host"), []string{"ECS_API_STATE_REDIS is not a URL: escape what is special in its password, such as / ? # @ and :, with % and two digits"}},
		{"a variable is named where it is what is wrong", seedFile, env("ECS_API_TOKEN", placeholder, "ECS_API_LISTEN_ADDRESS", "8080", "ECS_API_LOG_LEVEL", "loud"), []string{
			`ECS_API_LISTEN_ADDRESS must be host:port, the port a number up to 65535, such as ":8080" or "127.0.0.1:8080"`,
			"ECS_API_LOG_LEVEL must be debug, info, warn or error",
			"ECS_API_TOKEN must be replaced: it is still the example's, which everybody knows",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.file)
			c, err := Load(path, tt.env)
			if c != nil {
				t.Errorf("there is a config beside the error: %v", c)
			}
			want := "config " + path + ": not valid:\n" + strings.Join(tt.want, "\n")
			if diff := cmp.Diff(want, errorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if problem, ok := errors.AsType[Problem](err); !ok || problem.Error() != tt.want[0] {
				t.Errorf("the first problem in the error is %v, want %s", problem, tt.want[0])
			}
		})
	}
}

func TestLoadSaysWhatIsWrongWithTheFile(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		path string
		kind common.Kind
		want string
	}{
		{"no file: both ways on", filepath.Join(dir, "none.json"), common.NotFound,
			"there is no config file " + dir + "/none.json: either copy config/config.example.json to " + dir + "/none.json and edit it, or start with -local, which needs no config and no AWS"},
		{"a directory", dir, common.Internal, "config must be a readable file: read " + dir + ": is a directory"},
		{"an empty file", write(t, ""), common.BadRequest, "config PATH: is empty: start from config/config.example.json"},
		{"nothing but white space after a byte order mark", write(t, "\ufeff \n\t"), common.BadRequest, "config PATH: is empty: start from config/config.example.json"},
		{"a file over 1 MiB", write(t, seedFile+strings.Repeat(" ", 1<<20)), common.BadRequest, "config PATH: is over 1 MiB: that is not a config"},
		{"UTF-16, as some editors save it", write(t, "\xff\xfe{\x00}\x00"), common.BadRequest, "config PATH: is not UTF-8 text: save it as UTF-8"},
		{"a comma too many", write(t, "{\n  \"token\": \"x\",\n}"), common.BadRequest,
			"config PATH: is not JSON: line 3, column 1: the comma before } is one too many"},
		{"a file that was cut off", write(t, `{"token": "hunter2`), common.BadRequest, "config PATH: is not JSON: line 1, column 19: the text ends before the JSON does: a }, ] or \" is missing"},
		{"something after the end", write(t, seedFile+"{}"), common.BadRequest, "config PATH: is not JSON: line 17, column 1: only blanks may follow the JSON, not {"},
		{"an array", write(t, "[]"), common.BadRequest, "config PATH: must be a JSON object, not an array"},
		{"null", write(t, " null "), common.BadRequest, "config PATH: must be a JSON object, not null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tt.path, env())
			if diff := cmp.Diff(strings.ReplaceAll(tt.want, "PATH", tt.path), errorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !common.Is(err, tt.kind) {
				t.Errorf("the error is of kind %v, want %v", common.KindOf(err), tt.kind)
			}
		})
	}
	t.Run("a file of exactly 1 MiB is read", func(t *testing.T) {
		if _, err := Load(write(t, "\ufeff"+seedFile+strings.Repeat(" ", maxFileSize-len(seedFile))), env()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a file of another user's", func(t *testing.T) { // by its error: root may read everything
		got := unreadable("c.json", &fs.PathError{Op: "open", Path: "c.json", Err: fs.ErrPermission}).Error()
		if want := "config c.json may not be read by the user this runs as: make it readable to that user alone (it holds secrets)"; got != want {
			t.Errorf("error is %q, want %q", got, want)
		}
	})
}

func TestErrorsShowNoSecrets(t *testing.T) {
	const canary = "hunter2"
	files := map[string]string{
		"tokens that are not valid": `{"token": " hunter2", "tokens": {"a": "hunter2\n", "b": "hunter2", "c": "hunter2"}}`,
		"secrets of the wrong type": `{"token": ["hunter2"], "tokens": {"a": ["hunter2"], "b": {"token": ["hunter2"], "accounts": "hunter2", "readOnly": "hunter2"}, "c": {"token": " hunter2", "accounts": ["hunter2"]}}, "accounts": {"a": {"akid": ["hunter2"], "secret": ["hunter2"]}}}`,
		"a key that is not valid":   `{"accounts": {"a": {"akid": "hunter2 ", "secret": "hunter2 "}, "b": {"akid": "hunter2"}, "c": {"secret": "hunter2"}}}`,
		"a password in a URL":       `{"accounts": {"a": {"endpoint": "http://user:hunter2@localhost/%zz"}, "b": {"endpoint": "http://user:hunter2@localhost"}}, "registries": ["user:hunter2@r"]}`,
		"text that is cut off":      `{"token": "hunter2", "accounts": hunter2`,
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, file), env())
			if err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("error is %v: there must be one, and it must not show the secret", err)
			}
		})
	}
}

func TestOverride(t *testing.T) {
	c := Local(nil, nil)
	if err := c.Override(env("ECS_API_TOKEN", "t", "ECS_API_LISTEN_ADDRESS", "127.0.0.1:0", "ECS_API_LOG_LEVEL", "Debug")); err != nil {
		t.Fatal(err)
	}
	want := Local(nil, nil)
	want.Token, want.ListenAddress, want.LogLevel = "t", "127.0.0.1:0", "debug"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	err := c.Override(env("ECS_API_LOG_LEVEL", "loud"))
	if want := "not valid:\nECS_API_LOG_LEVEL must be debug, info, warn or error"; errorText(err) != want {
		t.Errorf("error is %q, want %q", errorText(err), want)
	}
}

// FuzzLoad holds the decoder to encoding/json: what it accepts, encoding/json reads as the same config.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(seedFile))
	f.Add([]byte(`{"token":null,"tokens":{"a":"b"},"accounts":{"a":null,"":{"role":{"arn":1},"defaultSgs":[null,"x"]}},"rateLimits":{"x":{"burst":1e3,"perSecond":1e999}},"shutdownGrace":"2m"}`))
	f.Add([]byte(`{"Org":"\ud800","org":"x"} x`))
	if example, err := os.ReadFile("config.example.json"); err != nil {
		f.Fatal(err)
	} else {
		f.Add(example)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parse(data, env("ECS_API_TOKEN", "t")); err != nil {
			_ = err.Error()
		}
		var got, want Config
		problems, err := decode(bytes.TrimSpace(data), &got)
		if err != nil || len(problems) > 0 {
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("config (-encoding/json +got):\n%s", diff)
		}
	})
}

// errorText returns the text of an error, or of none.
func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

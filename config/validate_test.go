package config

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// keysInError returns the keys that the problems in err are about.
func keysInError(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := errors.Unwrap(err).(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v does not join problems", err)
	}
	var keys []string
	for _, e := range joined.Unwrap() {
		p, ok := errors.AsType[Problem](e)
		if !ok || p.Key == "" || p.Detail == "" {
			t.Errorf("%v is no whole problem", e)
		}
		keys = append(keys, p.Key)
	}
	return keys
}

func TestValidate(t *testing.T) {
	const account = "accounts.nonprod."
	set := func(change func(*Account)) func(*Config) {
		return func(c *Config) {
			a := c.Accounts["nonprod"]
			change(&a)
			c.Accounts["nonprod"] = a
		}
	}
	strategy := func(items ...CapacityProvider) func(*Config) {
		return set(func(a *Account) { a.DefaultCapacityProviderStrategy = items })
	}
	rename := func(name string) func(*Config) {
		return func(c *Config) { c.Accounts = map[string]Account{name: c.Accounts["nonprod"]} }
	}
	const arns = "arn:aws:iam::123456789012:"
	tests := []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"an existing deployment's config", func(*Config) {}, nil},
		{"listening on every address", func(c *Config) { c.ListenAddress = "[::]:80" }, nil},
		{"listening on a name", func(c *Config) { c.ListenAddress = "localhost:0" }, nil},
		{"an address without a port", func(c *Config) { c.ListenAddress = "localhost" }, []string{"listenAddress"}},
		{"an address with an empty port", func(c *Config) { c.ListenAddress = ":" }, []string{"listenAddress"}},
		{"a port that is none", func(c *Config) { c.ListenAddress = ":65536" }, []string{"listenAddress"}},
		{"a URL to listen on", func(c *Config) { c.ListenAddress = "http://localhost:80" }, []string{"listenAddress"}},
		{"a short token", func(c *Config) { c.Token = "1" }, nil},
		{"a token of all that a header can carry", func(c *Config) { c.Token = "a b$2a$10$ü\"'" }, nil},
		{"no token", func(c *Config) { c.Token = "" }, []string{"token"}},
		{"a blank token", func(c *Config) { c.Token = " \t" }, []string{"token"}},
		{"the example's token", func(c *Config) { c.Token = placeholder }, []string{"token"}},
		{"a token with white space around it", func(c *Config) { c.Token = "x " }, []string{"token"}},
		{"a token with a line break", func(c *Config) { c.Token = "x\ny" }, []string{"token"}},
		{"tokens that are not valid, each", func(c *Config) {
			c.Tokens = map[string]Token{"a": {}, "b": {Token: placeholder}, "c": {Token: "x"}, "d": {Token: "y"}, "e": {Token: "y"}, "f/g": {Token: "z"}, "": {Token: "q"}, "default": {Token: "w"}}
		}, []string{`tokens.""`, "tokens.a", "tokens.b", "tokens.c", "tokens.default", "tokens.e", `tokens."f/g"`}},
		{"a token named default, alone", func(c *Config) { c.Token, c.Tokens = "", map[string]Token{"default": {Token: "w"}} }, nil},
		{"tokens limited to accounts that are not there", func(c *Config) {
			c.Tokens = map[string]Token{"a": {Token: "1", Accounts: []string{"nonprod", "nonprd"}}, "b": {Token: "2", Accounts: []string{}}}
		}, []string{"tokens.a.accounts[1]", "tokens.b.accounts"}},
		{"an unknown level", func(c *Config) { c.LogLevel = "trace" }, []string{"logLevel"}},
		{"an unknown format", func(c *Config) { c.LogFormat = "xml" }, []string{"logFormat"}},
		{"no org", func(c *Config) { c.Org = "" }, []string{"org"}},
		{"an org with all it may have", func(c *Config) { c.Org = "My.org_1-x" }, nil},
		{"an org with a slash", func(c *Config) { c.Org = "a/b" }, []string{"org"}},
		{"an org that is a way up", func(c *Config) { c.Org = ".." }, []string{"org"}},
		{"an org with a line break at its end", func(c *Config) { c.Org = "a\n" }, []string{"org"}},
		{"an org that is too long", func(c *Config) { c.Org = strings.Repeat("a", 129) }, []string{"org"}},
		{"no time for shutting down", func(c *Config) { c.ShutdownGrace = 0 }, []string{"shutdownGrace"}},
		{"too much time for shutting down", func(c *Config) { c.ShutdownGrace = Duration(2 * time.Hour) }, []string{"shutdownGrace"}},
		{"pprof on the loopback", func(c *Config) { c.DebugAddress = "[::1]:6060" }, nil},
		{"pprof on every address", func(c *Config) { c.DebugAddress = ":6060" }, []string{"debugAddress"}},
		{"pprof on another address", func(c *Config) { c.DebugAddress = "10.0.0.1:6060" }, []string{"debugAddress"}},
		{"pprof without a port", func(c *Config) { c.DebugAddress = "127.0.0.1" }, []string{"debugAddress"}},
		{"registries by host, port and address", func(c *Config) { c.Registries = []string{"r", "ghcr.io", "r.internal:5000", "10.0.0.1", "[::1]:5000"} }, nil},
		{"registries that are none", func(c *Config) { c.Registries = []string{"https://r", "r/path", "", ":5000", "r:", "ok"} },
			[]string{"registries[0]", "registries[1]", "registries[2]", "registries[3]", "registries[4]"}},
		{"limits that are none", func(c *Config) {
			c.RateLimits = map[string]RateLimit{
				"ecs-tag-read": {0, 1}, "ecs-task-read": {1, 0}, "ssm-parameter-put": {1, math.Inf(1)}, "ecs-tag-modify": {1, math.NaN()}, "logs-group-read": {1, 0.1}, "a b": {1, 1},
			}
		}, []string{`rateLimits."a b"`, "rateLimits.ecs-tag-modify.perSecond", "rateLimits.ecs-tag-read.burst", "rateLimits.ecs-task-read.perSecond", "rateLimits.ssm-parameter-put.perSecond"}},
		{"no accounts", func(c *Config) { c.Accounts = nil }, []string{"accounts"}},
		{"an account without a name", rename(""), []string{`accounts.""`}},
		{"an account whose name would be escaped", rename("a b"), []string{`accounts."a b"`}},
		{"an account that is a way up", rename(".."), []string{`accounts.".."`}},
		{"an account with all a name may have", rename("A.b_c-1"), nil},

		{"no region", set(func(a *Account) { a.Region = "" }), []string{account + "region"}},
		{"an availability zone for a region", set(func(a *Account) { a.Region = "us-east-1a" }), []string{account + "region"}},
		{"a region of another partition", set(func(a *Account) { a.Region = "us-gov-west-1" }), nil},
		{"a region of a sovereign cloud", set(func(a *Account) { a.Region = "eusc-de-east-1" }), nil},
		{"a region in the middle of somewhere", set(func(a *Account) { a.Region = "ap-southeast-7" }), nil},
		{"a misspelt region", set(func(a *Account) { a.Region = "us-est-1" }), []string{account + "region"}},
		{"half a key", set(func(a *Account) { a.Secret = "" }), []string{account + "secret"}},
		{"the other half of a key", set(func(a *Account) { a.AKID = "" }), []string{account + "akid"}},
		{"no key: the default chain", set(func(a *Account) { a.AKID, a.Secret = "", "" }), nil},
		{"a key with white space", set(func(a *Account) { a.AKID, a.Secret = "a ", "b\n" }), []string{account + "akid", account + "secret"}},
		{"no network", set(func(a *Account) { a.DefaultSGs, a.DefaultSubnets = nil, nil }), nil},
		{"security groups and subnets swapped", set(func(a *Account) { a.DefaultSGs, a.DefaultSubnets = a.DefaultSubnets[:1], a.DefaultSGs }),
			[]string{account + "defaultSgs[0]", account + "defaultSubnets[0]"}},
		{"no KMS key", set(func(a *Account) { a.DefaultKMSKeyID = "" }), nil},
		{"a KMS key by alias", set(func(a *Account) { a.DefaultKMSKeyID = "alias/aws/ssm" }), nil},
		{"a KMS key by ARN", set(func(a *Account) { a.DefaultKMSKeyID = "arn:aws:kms:us-east-1:1234567890:key/aaaaaaa-bbbb" }), nil},
		{"a KMS key by id", set(func(a *Account) { a.DefaultKMSKeyID = "01234567-89ab-cdef-0123-456789abcdef" }), nil},
		{"a KMS key of several regions", set(func(a *Account) { a.DefaultKMSKeyID = "mrk-0123456789abcdef0123456789abcdef" }), nil},
		{"a KMS key by a word", set(func(a *Account) { a.DefaultKMSKeyID = "mykey" }), []string{account + "defaultKmsKeyId"}},
		{"a KMS key of another region", set(func(a *Account) { a.DefaultKMSKeyID = "arn:aws:kms:us-west-2:123456789012:alias/x" }), []string{account + "defaultKmsKeyId"}},
		{"a KMS key by another service's ARN", set(func(a *Account) { a.DefaultKMSKeyID = arns + "role/x" }), []string{account + "defaultKmsKeyId"}},
		{"an endpoint with a path", set(func(a *Account) { a.Endpoint = "https://aws.internal:8443/x" }), nil},
		{"an endpoint by address", set(func(a *Account) { a.Endpoint = "http://[::1]:5000" }), nil},
		{"an endpoint without a scheme", set(func(a *Account) { a.Endpoint = "localhost:4566" }), []string{account + "endpoint"}},
		{"an endpoint without a host", set(func(a *Account) { a.Endpoint = "http://:4566" }), []string{account + "endpoint"}},
		{"an endpoint of another scheme", set(func(a *Account) { a.Endpoint = "file:///etc/passwd" }), []string{account + "endpoint"}},
		{"an endpoint with a password", set(func(a *Account) { a.Endpoint = "http://u:p@localhost" }), []string{account + "endpoint"}},
		{"an endpoint with a query", set(func(a *Account) { a.Endpoint = "http://localhost?a=b" }), []string{account + "endpoint"}},
		{"a role", set(func(a *Account) { a.Role = &Role{ARN: arns + "role/path/x", ExternalID: "a:/=,.@-_+"} }), nil},
		{"a role of another partition", set(func(a *Account) { a.Role = &Role{ARN: "arn:aws-us-gov:iam::123456789012:role/x"} }), nil},
		{"a role without an ARN", set(func(a *Account) { a.Role = &Role{} }), []string{account + "role.arn"}},
		{"a user for a role, and an external id that is too short", set(func(a *Account) { a.Role = &Role{ARN: arns + "user/x", ExternalID: "a"} }),
			[]string{account + "role.arn", account + "role.externalId"}},
		{"an external id of the greatest length", set(func(a *Account) { a.Role = &Role{ARN: arns + "role/x", ExternalID: strings.Repeat("a", 1224)} }), nil},
		{"an external id that is too long", set(func(a *Account) { a.Role = &Role{ARN: arns + "role/x", ExternalID: strings.Repeat("a", 1225)} }), []string{account + "role.externalId"}},
		{"an external id with a space", set(func(a *Account) { a.Role = &Role{ARN: arns + "role/x", ExternalID: "a b"} }), []string{account + "role.externalId"}},
		{"a boundary of AWS's own", set(func(a *Account) { a.PermissionsBoundary = "arn:aws:iam::aws:policy/PowerUserAccess" }), nil},
		{"a boundary by name", set(func(a *Account) { a.PermissionsBoundary = "boundary" }), []string{account + "permissionsBoundary"}},
		{"a strategy with one base", strategy(CapacityProvider{"FARGATE", 1, 2}, CapacityProvider{"FARGATE_SPOT", 1000, 0}), nil},
		{"a strategy of one provider may leave out its weight", strategy(CapacityProvider{"FARGATE_SPOT", 0, 0}), nil},
		{"a strategy with two bases", strategy(CapacityProvider{"FARGATE", 1, 2}, CapacityProvider{"FARGATE_SPOT", 1, 1}), []string{account + "defaultCapacityProviderStrategy"}},
		{"a strategy without weight", strategy(CapacityProvider{"FARGATE", 0, 0}, CapacityProvider{"FARGATE_SPOT", 0, 0}), []string{account + "defaultCapacityProviderStrategy"}},
		{"a strategy with too much of everything", strategy(CapacityProvider{"FARGATE", 1001, 100_001}, CapacityProvider{"FARGATE", -1, 0}, CapacityProvider{"asg", 1, 0}), []string{
			account + "defaultCapacityProviderStrategy[0].weight", account + "defaultCapacityProviderStrategy[0].base", account + "defaultCapacityProviderStrategy[1].capacityProvider",
			account + "defaultCapacityProviderStrategy[1].weight", account + "defaultCapacityProviderStrategy[2].capacityProvider"}},
		{"roles for tasks", set(func(a *Account) { a.TaskRoles = []string{arns + "role/app-*", arns + "role/x/?"} }), nil},
		{"roles for tasks that are none", set(func(a *Account) {
			a.TaskRoles = []string{"*", "app-*", "arn:aws:iam::*:role/app", arns + "role/[a]", arns + `role/\a`, arns + "policy/a", arns + "role/"}
		}), []string{account + "taskRoles[0]", account + "taskRoles[1]", account + "taskRoles[2]", account + "taskRoles[3]", account + "taskRoles[4]", account + "taskRoles[5]", account + "taskRoles[6]"}},
		{"revisions to keep", set(func(a *Account) { a.KeepRevisions = 1000 }), nil},
		{"too few revisions to keep", set(func(a *Account) { a.KeepRevisions = -1 }), []string{account + "keepRevisions"}},
		{"too many revisions to keep", set(func(a *Account) { a.KeepRevisions = 1001 }), []string{account + "keepRevisions"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, keysInError(t, with(tt.change).Validate())); diff != "" {
				t.Errorf("keys with problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsComeInTheSameOrder(t *testing.T) {
	c := with(func(c *Config) {
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			c.Accounts[name] = Account{}
		}
	})
	keys := keysInError(t, c.Validate())
	if len(keys) != 6 || !slices.IsSorted(keys) {
		t.Errorf("keys are %q, want the six accounts' in order", keys)
	}
}

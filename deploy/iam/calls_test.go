package iam

import (
	"ecs-api/racetest"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// prefixes are IAM's names of the services, by the packages that call them.
var prefixes = map[string]string{
	"cloudwatchlogs":   "logs",
	"ec2":              "ec2",
	"ecs":              "ecs",
	"elbv2":            "elasticloadbalancing",
	"iam":              "iam",
	"kms":              "kms",
	"secretsmanager":   "secretsmanager",
	"servicediscovery": "servicediscovery",
	"ssm":              "ssm",
	"sts":              "sts",
	"tagging":          "tag",
}

// free are the calls that AWS allows to everybody.
var free = []string{"sts:GetCallerIdentity"}

// implied are the actions that nobody calls and that AWS asks for when something else is called.
var implied = map[string][]string{
	"ecs:CreateCluster":                   {"iam:CreateServiceLinkedRole"}, // the first time in an account
	"ecs:RegisterTaskDefinition":          {"iam:PassRole"},
	"secretsmanager:CreateSecret":         {"kms:GenerateDataKey", "kms:Decrypt"},
	"ssm:PutParameter":                    {"kms:Encrypt", "kms:GenerateDataKey"}, // a standard, an advanced SecureString
	"ssm:GetParameter":                    {"kms:Decrypt"},
	"servicediscovery:DeregisterInstance": {"route53:GetHealthCheck", "route53:DeleteHealthCheck", "route53:UpdateHealthCheck", "route53:ChangeResourceRecordSets"},
}

// called returns the actions that reachable code calls, and what they imply, each with who calls it.
func called(t *testing.T, calls []call) map[string]string {
	t.Helper()
	actions := map[string]string{}
	for _, c := range calls {
		prefix, ok := prefixes[c.pkg]
		if !ok {
			t.Fatalf("package %s calls AWS, and this test does not know which service: add the package, and IAM's prefix of the service, to prefixes in deploy/iam/calls_test.go", c.pkg)
		}
		operation, ok := strings.CutSuffix(c.method, "WithContext")
		if !ok {
			t.Errorf("%s calls %s: this test knows only calls of the SDK that end in WithContext", c.caller, c.method)
		}
		action := prefix + ":" + strings.TrimSuffix(operation, "Pages")
		actions[action] = c.caller
		for _, a := range implied[action] {
			actions[a] = c.caller + ", as " + action + " asks for it,"
		}
	}
	for _, action := range free {
		delete(actions, action)
	}
	return actions
}

func TestThePolicyAllowsExactlyWhatTheServerCalls(t *testing.T) {
	if racetest.Plainly(t) {
		return
	}
	calls, unused, dead := server(t, "../..").calls()
	want := called(t, calls)
	var got []string
	for _, s := range read(t, "policy.json") {
		if s.Effect == "Allow" {
			got = append(got, s.Action...)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(want)) {
		if !slices.Contains(got, action) {
			t.Errorf("policy.json lacks %s, which %s calls: add it to a statement of deploy/iam/policy.json, with the narrowest Resource that IAM takes for it", action, want[action])
		}
	}
	for _, action := range slices.Compact(slices.Sorted(slices.Values(got))) {
		if want[action] == "" {
			t.Errorf("policy.json allows %s, which nothing calls that main can reach: remove it from deploy/iam/policy.json, or call it", action)
		}
	}
	for _, method := range unused {
		t.Errorf("the interface api states %s, which nothing calls that main can reach: remove it there", method)
	}
	for _, function := range dead {
		t.Errorf("main does not reach %s: remove it, or call it", function)
	}
	if len(want) < 50 {
		t.Errorf("only %d actions were found in the code", len(want))
	}
}

// clients are the packages beside the thin clients that may hold a client of the SDK: common makes the sessions, and awstest is of tests alone.
var clients = []string{"common", "localaws", "awstest"}

func TestNobodyElseCallsAWS(t *testing.T) {
	err := filepath.WalkDir("../..", func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		if strings.HasPrefix(file, "../../bench/") {
			return nil // populates the simulated AWS, and is no part of the server
		}
		pkg := filepath.Base(filepath.Dir(file))
		if prefixes[pkg] != "" || slices.Contains(clients, pkg) {
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		services := map[string]bool{} // the names that the file knows packages of the SDK by
		for _, i := range source.Imports {
			if p := strings.Trim(i.Path.Value, `"`); strings.HasPrefix(p, "github.com/aws/aws-sdk-go/service/") || p == "ecs-api/ecs/sdk/ecs" {
				name := path.Base(p)
				if i.Name != nil {
					name = i.Name.Name
				}
				services[name] = true
			}
		}
		ast.Inspect(source, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == "New" {
				if x, ok := selector.X.(*ast.Ident); ok && services[x.Name] {
					t.Errorf("%s makes an SDK client of its own: what it calls is missing in policy.json", file)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

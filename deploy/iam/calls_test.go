package iam

import (
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

// called returns the actions of the calls that the thin clients state in their interface api, and what they imply.
func called(t *testing.T, root string) []string {
	t.Helper()
	actions := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		pkg := filepath.Base(filepath.Dir(file))
		for _, method := range methodsOfAPI(t, file) {
			prefix, ok := prefixes[pkg]
			if !ok {
				t.Fatalf("package %s calls AWS, and this test does not know which service", pkg)
			}
			operation, ok := strings.CutSuffix(method, "WithContext")
			if !ok {
				t.Errorf("package %s calls %s: this test does not know what that is", pkg, method)
			}
			action := prefix + ":" + strings.TrimSuffix(operation, "Pages")
			actions[action] = true
			for _, a := range implied[action] {
				actions[a] = true
			}
		}
	}
	for _, action := range free {
		delete(actions, action)
	}
	return slices.Sorted(maps.Keys(actions))
}

// methodsOfAPI returns the methods of the interface api in a file, if it has one.
func methodsOfAPI(t *testing.T, file string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "api" {
			return true
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok {
			for _, m := range i.Methods.List {
				for _, name := range m.Names {
					methods = append(methods, name.Name)
				}
			}
		}
		return false
	})
	return methods
}

func TestThePolicyAllowsExactlyWhatTheCodeCalls(t *testing.T) {
	want := called(t, "../..")
	var got []string
	for _, s := range read(t, "policy.json") {
		if s.Effect == "Allow" {
			got = append(got, s.Action...)
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	for _, action := range want {
		if !slices.Contains(got, action) {
			t.Errorf("policy.json lacks %s, which the code calls", action)
		}
	}
	for _, action := range got {
		if !slices.Contains(want, action) {
			t.Errorf("policy.json allows %s, which the code does not call", action)
		}
	}
	if len(want) < 50 {
		t.Errorf("only %d actions were found in the code", len(want))
	}
}

// clients are the packages beside the thin clients that may hold a client of the SDK: common makes the sessions.
var clients = []string{"common", "localaws"}

func TestNobodyElseCallsAWS(t *testing.T) {
	err := filepath.WalkDir("../..", func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
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

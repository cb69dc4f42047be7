package iam

import (
	"encoding/json"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// values are those of an account with everything.
var values = Values{
	Account: "123456789012", Region: "us-gov-west-1", Org: "localdev", Boundary: "arn:aws:iam::123456789012:policy/ecs-api-boundary",
	Key: "arn:aws:kms:us-gov-west-1:123456789012:key/0a1b2c3d-4e5f-4000-8000-000000000001", TaskRoles: []string{"arn:aws:iam::123456789012:role/app-*"},
}

// read returns the statements of a policy as it is in the file.
func read(t *testing.T, file string) []Statement {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Version   string
		Statement []Statement
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if p.Version != "2012-10-17" || len(p.Statement) == 0 {
		t.Errorf("%s: version %s, %d statements", file, p.Version, len(p.Statement))
	}
	return p.Statement
}

// arn is an ARN with what may be wild in it, or *.
var arn = regexp.MustCompile(`^(\*|arn:aws:[a-z0-9-]+:(us-gov-west-1)?:(123456789012)?:[\w+=,.@/:*-]+)$`)

// maxManaged is how many characters a managed policy may have, white space aside.
const maxManaged = 6144

func TestPoliciesAreWhatIAMTakes(t *testing.T) {
	for _, file := range []string{"policy.json", "boundary.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		filled := strings.NewReplacer("ACCOUNT", values.Account, "REGION", values.Region, "ORG", values.Org,
			"BOUNDARY", values.Boundary, `"KEY"`, `"`+values.Key+`"`, "TASKROLES", values.TaskRoles[0]).Replace(string(data))
		size := 0
		for _, r := range filled {
			if !unicode.IsSpace(r) {
				size++
			}
		}
		if size > maxManaged {
			t.Errorf("%s has %d characters, and IAM takes %d", file, size, maxManaged)
		}
		sids := map[string]bool{}
		for _, s := range values.fill(data) {
			if s.Sid == "" || sids[s.Sid] || s.Effect == "" || len(s.Action) == 0 || len(s.Resource) == 0 {
				t.Errorf("%s: statement %q lacks something, or is there twice", file, s.Sid)
			}
			sids[s.Sid] = true
			for _, r := range s.Resource {
				if !arn.MatchString(r) {
					t.Errorf("%s: statement %s: %q is no ARN", file, s.Sid, r)
				}
			}
		}
	}
}

func TestWhatCouldBeAbusedIsNarrow(t *testing.T) {
	type grant struct {
		Resource  List
		Condition map[string]map[string]List
	}
	roles := "arn:aws:iam::123456789012:role/*-ecsTaskExecution"
	bounded := grant{List{roles}, map[string]map[string]List{"StringEquals": {"iam:PermissionsBoundary": {values.Boundary}}}}
	want := map[string]grant{
		"iam:PassRole": {List{roles, "arn:aws:iam::123456789012:role/app-*"}, map[string]map[string]List{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com", "ecs.amazonaws.com"}}}},
		"iam:CreateServiceLinkedRole": {List{"arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/*"},
			map[string]map[string]List{"StringEquals": {"iam:AWSServiceName": {"ecs.amazonaws.com"}}}},
		"iam:CreateRole":   bounded,
		"iam:DeleteRole":   {List{roles}, nil},
		"iam:TagRole":      {List{roles}, nil},
		"ssm:GetParameter": {List{"arn:aws:ssm:us-gov-west-1:123456789012:parameter/localdev/*"}, nil},
		"kms:Decrypt": {List{values.Key}, map[string]map[string]List{"StringEquals": {"kms:ViaService": {
			"secretsmanager.us-gov-west-1.amazonaws.com", "ssm.us-gov-west-1.amazonaws.com"}}}},
		"iam:PutRolePolicy":    bounded,
		"iam:DeleteRolePolicy": bounded,
	}
	for action, grant := range want {
		for _, s := range Needed(values) {
			if !slices.Contains(s.Action, action) {
				continue
			}
			if diff := cmp.Diff(grant.Resource, s.Resource); diff != "" {
				t.Errorf("%s: %s", action, diff)
			}
			if diff := cmp.Diff(grant.Condition, s.Condition); diff != "" {
				t.Errorf("%s: %s", action, diff)
			}
		}
	}
	for _, s := range values.fill(document) {
		for _, action := range s.Action {
			if s.Effect == "Allow" && strings.Contains(action, "*") {
				t.Errorf("statement %s allows %s: name each action", s.Sid, action)
			}
			if action == "secretsmanager:GetSecretValue" {
				t.Errorf("statement %s allows %s: values of secrets never come out", s.Sid, action)
			}
		}
	}
}

func TestWhatIsForbiddenIsOtherwiseAllowed(t *testing.T) {
	var allowed []string
	for _, s := range Needed(values) {
		allowed = append(allowed, s.Action...)
	}
	denies := 0
	for _, s := range values.fill(document) {
		if s.Effect != "Deny" {
			continue
		}
		for _, action := range s.Action {
			denies++
			if !slices.ContainsFunc(allowed, func(a string) bool { ok, _ := path.Match(action, a); return ok }) {
				t.Errorf("%s is forbidden and not allowed anyhow", action)
			}
		}
	}
	if denies == 0 {
		t.Error("nothing of other orgs' is forbidden")
	}
}

func TestWhatHasNoValueIsLeftOut(t *testing.T) {
	v := Values{Partition: "aws-us-gov", Account: "123456789012", Region: "us-gov-west-1", Org: "localdev"}
	for _, s := range Needed(v) {
		if s.Sid == "Key" || s.Sid == "Check" {
			t.Errorf("statement %s: %v", s.Sid, s.Resource)
		}
		for _, r := range s.Resource {
			if r != "*" && !strings.HasPrefix(r, "arn:aws-us-gov:") {
				t.Errorf("statement %s is about %s", s.Sid, r)
			}
		}
		if s.Sid == "BoundedRoles" && len(s.Condition) > 0 {
			t.Errorf("a boundary is asked for where there is none: %v", s.Condition)
		}
	}
	if full := Needed(values); len(full) != len(Needed(v))+1 { // the key
		t.Errorf("%d and %d statements", len(full), len(Needed(v)))
	}
}

func TestTheTrustPolicyAsksForTheExternalID(t *testing.T) {
	for _, s := range read(t, "trust-policy.json") {
		if diff := cmp.Diff(map[string]map[string]List{"StringEquals": {"sts:ExternalId": {"EXTERNALID"}}}, s.Condition); diff != "" {
			t.Error(diff)
		}
	}
	if s := read(t, "server-policy.json"); !slices.Equal(s[0].Action, List{"sts:AssumeRole"}) {
		t.Errorf("%v", s[0].Action)
	}
}

// TestWhatIsOtherOrgsIsNotUntagged: whoever may take the org's tag away from something may then delete it.
func TestWhatIsOtherOrgsIsNotUntagged(t *testing.T) {
	var denied []string
	for _, s := range read(t, "policy.json") {
		if s.Sid == "OtherOrgs" {
			denied = s.Action
		}
	}
	for _, action := range []string{
		"ecs:TagResource", "ecs:UntagResource", "iam:TagRole", "iam:UntagRole", "logs:TagResource", "logs:UntagResource", "secretsmanager:TagResource",
		"secretsmanager:UntagResource", "servicediscovery:TagResource", "servicediscovery:UntagResource", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary",
	} {
		if !slices.ContainsFunc(denied, func(pattern string) bool { return matches(pattern, action) }) {
			t.Errorf("%s is not denied on what carries another org's tag", action)
		}
	}
}

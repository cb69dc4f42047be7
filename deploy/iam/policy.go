// Package iam holds the IAM policies that an account served by ecs-api needs, beside this file, and tells the program itself what it needs:
// what -check asks IAM for is what policy.json grants.
package iam

import (
	_ "embed" // policy.json
	"encoding/json"
	"slices"
	"strings"
)

//go:embed policy.json
var document []byte

// Values take the place of the policies' placeholders.
type Values struct {
	Partition string   // aws, aws-cn, aws-us-gov; empty for aws
	Account   string   // ACCOUNT: twelve digits
	Region    string   // REGION
	Org       string   // ORG
	Boundary  string   // BOUNDARY: the ARN of the permissions boundary; empty where roles are created without
	Key       string   // KEY: the ARN of the default KMS key; empty where AWS's own keys are used
	TaskRoles []string // TASKROLES: patterns of ARNs; none where callers may name no task role
}

// Statement is one statement of a policy.
type Statement struct {
	Sid       string
	Effect    string
	Action    List
	Resource  List
	Condition map[string]map[string]List
}

// List is what a policy writes as a list, or as a string where there is one item only.
type List []string

// UnmarshalJSON reads a list or a string.
func (l *List) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*l = make(List, 1)
		return json.Unmarshal(data, &(*l)[0])
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// checkSid is the statement that only -check needs.
const checkSid = "Check"

// Needed returns the statements that allow what the server does in the account of v: those of policy.json without what forbids, and without what
// only -check needs. What v has no value for is left out.
func Needed(v Values) []Statement {
	return slices.DeleteFunc(v.fill(document), func(s Statement) bool {
		return s.Effect != "Allow" || s.Sid == checkSid || len(s.Resource) == 0
	})
}

// fill returns the statements of a policy with v in the place of the placeholders.
func (v Values) fill(policy []byte) []Statement {
	var p struct{ Statement []Statement }
	if err := json.Unmarshal(policy, &p); err != nil {
		panic(err) // it is compiled in, and tested
	}
	for i := range p.Statement {
		s := &p.Statement[i]
		s.Resource = v.list(s.Resource)
		for operator, keys := range s.Condition {
			for key, values := range keys {
				if keys[key] = v.list(values); len(keys[key]) == 0 {
					delete(keys, key)
				}
			}
			if len(keys) == 0 {
				delete(s.Condition, operator)
			}
		}
	}
	return p.Statement
}

// list fills in each item, and leaves out those that v has no value for.
func (v Values) list(items List) List {
	var out List
	for _, item := range items {
		switch item {
		case "TASKROLES":
			out = append(out, v.TaskRoles...)
		default:
			if filled := v.text(item); filled != "" {
				out = append(out, filled)
			}
		}
	}
	return out
}

// text fills in one string.
func (v Values) text(s string) string {
	switch s {
	case "BOUNDARY":
		return v.Boundary
	case "KEY":
		return v.Key
	}
	if v.Partition != "" {
		s = strings.Replace(s, "arn:aws:", "arn:"+v.Partition+":", 1)
	}
	return strings.NewReplacer("ACCOUNT", v.Account, "REGION", v.Region, "ORG", v.Org).Replace(s)
}

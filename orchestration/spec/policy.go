package spec

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/orchestration/account"
)

// The inline policies of an execution role: one per region that the space is in. Legacy roles have one for all, which was the last region's.
const legacyPolicy = "ECSTaskAccessPolicy"

// RolePolicyName returns the name of the inline policy for a region.
func RolePolicyName(region string) string { return legacyPolicy + "-" + region }

// LegacyRolePolicyName is the name of the one inline policy that legacy roles have.
func LegacyRolePolicyName() string { return legacyPolicy }

// policy is an IAM policy document.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string]string            `json:",omitempty"`
	Action    []string                     `json:",omitempty"`
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

// String returns the document as JSON.
func (p policy) String() string {
	p.Version = "2012-10-17"
	doc, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and maps of strings
	}
	return string(doc)
}

// SameDocument reports whether two policy documents say the same.
func SameDocument(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// TrustPolicy lets ECS tasks of the account assume the role, in every region, and nobody on behalf of another account.
func TrustPolicy(id account.Identity) string {
	return policy{Statement: []statement{{
		Effect:    "Allow",
		Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
		Action:    []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:SourceAccount": id.Account},
			"ArnLike":      {"aws:SourceArn": id.ARN("ecs", "*", "*")},
		},
	}}}.String()
}

// keySid begins the ids of the statements that allow a key.
const keySid = "Key"

// AccessPolicy lets the tasks of a space write logs, pull images from ECR, read the space's secrets and parameters, and decrypt with the keys, in
// the region.
func AccessPolicy(id account.Identity, region, org, cluster string, keys ...string) string {
	statements := []statement{
		{Sid: "Logs", Effect: "Allow", Action: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
			Resource: []string{id.ARN("logs", region, "log-group:*")}},
		{Sid: "ImagePull", Effect: "Allow", Action: []string{"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
			"ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"},
			Resource: []string{"*"}},
		{Sid: "Secrets", Effect: "Allow", Action: []string{"secretsmanager:GetSecretValue"},
			Resource: []string{id.ARN("secretsmanager", region, "secret:"+SecretPrefix(org, cluster)+"*")}},
		{Sid: "Parameters", Effect: "Allow", Action: []string{"ssm:GetParameter", "ssm:GetParameters"},
			Resource: []string{id.ARN("ssm", region, "parameter"+ParameterPrefix(org, cluster)+"*")}},
	}
	var resources, aliases []string
	for _, key := range keys {
		switch resource, alias := keyResource(id, region, key); {
		case key == "":
		case alias == "":
			resources = append(resources, resource)
		default:
			aliases = append(aliases, alias)
		}
	}
	decrypt := statement{Sid: keySid, Effect: "Allow", Action: []string{"kms:Decrypt"}}
	if len(resources) > 0 {
		decrypt.Resource = unique(resources)
		statements = append(statements, decrypt)
	}
	for i, alias := range unique(aliases) { // IAM does not match a key by its alias' ARN, so an alias becomes a condition
		decrypt.Sid = keySid + "Alias" + strconv.Itoa(i+1)
		decrypt.Resource = []string{id.ARN("kms", region, "key/*")}
		decrypt.Condition = map[string]map[string]string{"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
		statements = append(statements, decrypt)
	}
	return policy{Statement: statements}.String()
}

// unique returns the elements sorted, each once.
func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// keyResource returns how a policy names a key, and the alias if it is known by one alone.
func keyResource(id account.Identity, region, key string) (resource, alias string) {
	alias = key
	if parsed, err := arn.Parse(key); err == nil {
		alias = parsed.Resource
	}
	switch {
	case strings.HasPrefix(alias, "alias/"):
		return id.ARN("kms", region, "key/*"), alias
	case arn.IsARN(key):
		return key, ""
	}
	return id.ARN("kms", region, "key/"+key), ""
}

// KeysIn returns the keys that a policy document of ours lets tasks decrypt with: an update of the policy keeps them, as other credentials of the
// space may be encrypted with them.
func KeysIn(document string) []string {
	var doc policy
	if json.Unmarshal([]byte(document), &doc) != nil {
		return nil
	}
	var keys []string
	for _, s := range doc.Statement {
		if !strings.HasPrefix(s.Sid, keySid) {
			continue
		}
		if alias := s.Condition["ForAnyValue:StringEquals"]["kms:ResourceAliases"]; alias != "" {
			keys = append(keys, alias)
			continue
		}
		keys = append(keys, s.Resource...)
	}
	return keys
}

// IsForRegion reports whether a legacy policy document is the region's: its secrets are there.
func IsForRegion(document, region string) bool {
	return strings.Contains(document, ":secretsmanager:"+region+":")
}

package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"
	awskms "github.com/aws/aws-sdk-go/service/kms"

	"ecs-api/common"
	policies "ecs-api/deploy/iam"
	"ecs-api/iam"
	"ecs-api/sts"
)

// identity returns who our credentials are.
func (a Account) identity(ctx context.Context) (sts.Identity, error) {
	id, err := a.STS.Identity(ctx)
	switch {
	case err != nil:
		return id, a.explainIdentity(err)
	case id.Account == "":
		return id, errors.New("the endpoint does not say which account the credentials belong to: it is not AWS's STS")
	}
	return id, nil
}

// checkKey looks for the default key, and returns its ARN where we need a right to use it: AWS's own keys everybody may use.
func (a Account) checkKey(ctx context.Context) (string, report) {
	name := a.KMSKeyID
	if name == "" {
		return "", report{}
	}
	key, err := a.kms.Key(ctx, name)
	missing := func(format string, args ...any) (string, report) {
		return "", report{missing: []string{a.at("defaultKmsKeyId") + " must be a key that is enabled and encrypts: " + fmt.Sprintf(format, args...)}}
	}
	switch {
	case common.Is(err, common.NotFound), common.Is(err, common.BadRequest):
		return missing("%s has no %s", a.Region, name)
	case err != nil:
		guess := ""
		if strings.Contains(name, ":key/") {
			guess = name
		}
		return guess, report{unknown: []string{a.at("defaultKmsKeyId") + ": " + explain(err, "kms:DescribeKey")}}
	case aws.StringValue(key.KeyState) != awskms.KeyStateEnabled:
		return missing("%s is %s", name, aws.StringValue(key.KeyState))
	case key.KeyUsage != nil && *key.KeyUsage != "" && *key.KeyUsage != awskms.KeyUsageTypeEncryptDecrypt: // moto does not always tell
		return missing("%s is for %s", name, aws.StringValue(key.KeyUsage))
	case aws.StringValue(key.KeyManager) == awskms.KeyManagerTypeAws:
		return "", report{}
	}
	return aws.StringValue(key.Arn), report{}
}

// checkRights asks IAM whether we may do what deploy/iam/policy.json allows: that is what the server does.
func (a Account) checkRights(ctx context.Context, id sts.Identity, key string) report {
	const what = "what the credentials may do: "
	principal, partition := a.principal(ctx, id)
	if principal == "" {
		return report{unknown: []string{what + "IAM simulates the policies of users and roles, and " + id.ARN + " is neither"}}
	}
	var denied, unsure []string
	for _, s := range byService(byKind(policies.Needed(policies.Values{
		Partition: partition, Account: id.Account, Region: a.Region, Org: a.Org,
		Boundary: a.PermissionsBoundary, Key: key, TaskRoles: a.taskRoles,
	}))) {
		denials, err := a.IAM.Denied(ctx, principal, question(s))
		if err != nil { // it is the same for all of them
			return report{unknown: []string{what + explain(err, "iam:SimulatePrincipalPolicy")}}
		}
		for _, d := range denials {
			text := d.Action + " on " + d.Resource
			if to := s.Condition["StringEquals"][passedTo]; len(to) > 0 {
				text += " to " + to[0]
			}
			if len(d.Without) > 0 {
				unsure = append(unsure, "whether the credentials may "+text+": that depends on "+strings.Join(d.Without, ", "))
			} else {
				denied = append(denied, "the credentials may not "+text)
			}
		}
	}
	return report{missing: denied, unknown: unsure}
}

// principal returns the ARN of the user or the role whose policies count, and its partition; empty if there is none. The ARN of a role's
// session lacks the role's path: whoever may read the role knows better.
func (a Account) principal(ctx context.Context, id sts.Identity) (principal, partition string) {
	who, err := arn.Parse(id.ARN)
	if err != nil {
		return "", ""
	}
	kind, rest, _ := strings.Cut(who.Resource, "/")
	switch {
	case a.roleARN != "":
		return a.roleARN, who.Partition
	case kind == "user":
		return id.ARN, who.Partition
	case kind != "assumed-role":
		return "", who.Partition
	}
	name, _, _ := strings.Cut(rest, "/")
	if role, err := a.IAM.Role(ctx, name); err == nil {
		return aws.StringValue(role.Arn), who.Partition
	}
	return arn.ARN{Partition: who.Partition, Service: "iam", AccountID: who.AccountID, Resource: "role/" + name}.String(), who.Partition
}

// question asks for what a statement allows: for something that its patterns match, with what its conditions ask for.
func question(s policies.Statement) iam.Question {
	q := iam.Question{Actions: s.Action, Context: map[string]string{}}
	for _, resource := range s.Resource {
		if resource != "*" {
			q.Resources = append(q.Resources, strings.NewReplacer("*", "ecs-api-check", "?", "x").Replace(resource))
		}
	}
	for _, keys := range s.Condition {
		for key, values := range keys {
			q.Context[key] = values[0]
		}
	}
	return q
}

// passedTo is IAM's condition on whom a role is passed to, and ecsItself is ECS, which creates volumes and certificates with an infrastructure role: one of the
// account's task roles, never an execution role.
const passedTo, ecsItself = "iam:PassedToService", "ecs.amazonaws.com"

// byService splits statements about roles that are passed to several services into one for each: IAM is asked about one service at a time.
func byService(statements []policies.Statement) []policies.Statement {
	var out []policies.Statement
	for _, s := range statements {
		services := s.Condition["StringEquals"][passedTo]
		if len(services) < 2 {
			out = append(out, s)
			continue
		}
		for _, service := range services {
			one := s
			one.Condition = map[string]map[string]policies.List{"StringEquals": {passedTo: {service}}}
			if service == ecsItself {
				one.Resource = slices.DeleteFunc(slices.Clone(s.Resource), func(role string) bool { return strings.HasSuffix(role, "-ecsTaskExecution") })
			}
			if len(one.Resource) > 0 {
				out = append(out, one)
			}
		}
	}
	return out
}

// ecsKinds are the kinds of ECS's resources that IAM authorizes actions by, each with what the names of its actions hold; the first that fits counts.
var ecsKinds = []struct{ word, kind string }{
	{"ServiceDeployment", "service-deployment"}, {"ServiceRevision", "service-revision"}, {"TaskDefinition", "task-definition"}, {"RunTask", "task-definition"},
	{"Service", "service"}, {"Task", "task"}, {"Cluster", "cluster"}, {"", "service"},
}

// byKind splits statements about all of ECS's resources into one for each kind: IAM is asked about something that the action can concern, as a policy of the
// operator's own may name the kinds one by one.
func byKind(statements []policies.Statement) []policies.Statement {
	var out []policies.Statement
	for _, s := range statements {
		all := slices.IndexFunc(s.Resource, func(r string) bool { return strings.Contains(r, ":ecs:") && strings.HasSuffix(r, ":*") })
		if all < 0 {
			out = append(out, s)
			continue
		}
		prefix := strings.TrimSuffix(s.Resource[all], "*")
		for _, action := range s.Action {
			i := slices.IndexFunc(ecsKinds, func(k struct{ word, kind string }) bool { return strings.Contains(action, k.word) })
			one := s
			one.Action, one.Resource = policies.List{action}, policies.List{prefix + ecsKinds[i].kind + "/*"}
			out = append(out, one)
		}
	}
	return out
}

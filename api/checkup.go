package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"
	awskms "github.com/aws/aws-sdk-go/service/kms"

	"ecs-api/common"
	"ecs-api/ec2"
	"ecs-api/iam"
	"ecs-api/sts"

	policies "ecs-api/deploy/iam"
)

// checkup looks whether an account has what a service needs.
type checkup struct {
	*account
	identity sts.Identity
	org      string
}

// at returns the config's key of a setting of the account.
func (c checkup) at(setting string) string { return "accounts." + c.name + "." + setting }

// network looks for the default subnets and security groups.
func (c checkup) network(ctx context.Context) report {
	var r report
	vpc := "" // that of the first subnet
	look := func(setting string, ids []string, what string, find func(context.Context, []string) ([]ec2.Resource, error)) {
		found, err := find(ctx, ids)
		if err != nil {
			r.unknown = append(r.unknown, c.at(setting)+": "+reason(err))
			return
		}
		for i, id := range ids {
			key := fmt.Sprintf("%s[%d]", c.at(setting), i)
			n := slices.IndexFunc(found, func(f ec2.Resource) bool { return f.ID == id })
			switch {
			case n < 0:
				r.missing = append(r.missing, fmt.Sprintf("%s must be a %s that exists: %s has no %s", key, what, c.config.Region, id))
			case vpc == "":
				vpc = found[n].VPC
			case vpc != found[n].VPC:
				r.missing = append(r.missing, fmt.Sprintf("%s must be a %s of %s, as the first subnet is: %s is in %s", key, what, vpc, id, found[n].VPC))
			}
		}
	}
	look("defaultSubnets", c.config.DefaultSubnets, "subnet", c.ec2.Subnets)
	look("defaultSgs", c.config.DefaultSGs, "security group", c.ec2.SecurityGroups)
	return r
}

// key looks for the default key, and returns its ARN where we need leave to use it: AWS's own keys everybody may use.
func (c checkup) key(ctx context.Context) (string, report) {
	name := c.config.DefaultKMSKeyID
	if name == "" {
		return "", report{}
	}
	key, err := c.kms.Key(ctx, name)
	missing := func(format string, args ...any) (string, report) {
		return "", report{missing: []string{c.at("defaultKmsKeyId") + " must be a key that is enabled and encrypts: " + fmt.Sprintf(format, args...)}}
	}
	switch {
	case common.Is(err, common.NotFound), common.Is(err, common.BadRequest):
		return missing("%s has no %s", c.config.Region, name)
	case err != nil:
		guess := ""
		if strings.Contains(name, ":key/") {
			guess = name
		}
		return guess, report{unknown: []string{c.at("defaultKmsKeyId") + ": " + reason(err)}}
	case aws.StringValue(key.KeyState) != awskms.KeyStateEnabled:
		return missing("%s is %s", name, aws.StringValue(key.KeyState))
	case aws.StringValue(key.KeyUsage) != awskms.KeyUsageTypeEncryptDecrypt:
		return missing("%s is for %s", name, aws.StringValue(key.KeyUsage))
	case aws.StringValue(key.KeyManager) == awskms.KeyManagerTypeAws:
		return "", report{}
	}
	return aws.StringValue(key.Arn), report{}
}

// rights asks IAM whether we may do what deploy/iam/policy.json allows: that is what the server does.
func (c checkup) rights(ctx context.Context, key string) report {
	const what = "what the credentials may do: "
	principal, partition := c.principal(ctx)
	if principal == "" {
		return report{unknown: []string{what + "IAM simulates the policies of users and roles, and " + c.identity.ARN + " is neither"}}
	}
	var denied, unsure []string
	for _, s := range policies.Needed(policies.Values{
		Partition: partition, Account: c.identity.Account, Region: c.config.Region, Org: c.org,
		Boundary: c.config.PermissionsBoundary, Key: key, TaskRoles: c.config.TaskRoles,
	}) {
		denials, err := c.iam.Denied(ctx, principal, question(s))
		if err != nil { // one answer stands for all
			return report{unknown: []string{what + reason(err)}}
		}
		for _, d := range denials {
			text := d.Action + " on " + d.Resource
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
// session lacks the role's path: who may look the role up knows better.
func (c checkup) principal(ctx context.Context) (principal, partition string) {
	who, err := arn.Parse(c.identity.ARN)
	if err != nil {
		return "", ""
	}
	kind, rest, _ := strings.Cut(who.Resource, "/")
	switch {
	case c.config.Role != nil:
		return c.config.Role.ARN, who.Partition
	case kind == "user":
		return c.identity.ARN, who.Partition
	case kind != "assumed-role":
		return "", who.Partition
	}
	name, _, _ := strings.Cut(rest, "/")
	if role, err := c.iam.Role(ctx, name); err == nil {
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

// reason returns what an operator can make use of in an error: not the SDK's dump of an answer that is not AWS's.
func reason(err error) string {
	if common.Is(err, common.Unavailable) {
		return common.Public(err)
	}
	return err.Error()
}

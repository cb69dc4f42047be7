package orchestration

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"
	awsiam "github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
	"ecs-api/iam"
)

// rolePolicyName is the inline policy of a space's execution role.
const rolePolicyName = "ECSTaskAccessPolicy"

// roleName returns the name of the execution role of the tasks in a cluster.
func roleName(cluster string) string { return cluster + "-ecsTaskExecution" }

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

// sameDocument reports whether two policy documents say the same.
func sameDocument(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// trustPolicy lets ECS tasks of the account assume the role, and nobody on behalf of another account.
func (c *work) trustPolicy() string {
	return policy{Statement: []statement{{
		Effect:    "Allow",
		Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
		Action:    []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:SourceAccount": c.identity.account},
			"ArnLike":      {"aws:SourceArn": c.identity.arn("ecs", c.account.Region, "*")},
		},
	}}}.String()
}

// accessPolicy lets the tasks of the space write logs, pull images from ECR, and read this space's secrets and parameters.
func (c *work) accessPolicy() string {
	id, org, region := c.identity, c.account.Org, c.account.Region
	statements := []statement{
		{Sid: "Logs", Effect: "Allow", Action: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
			Resource: []string{id.arn("logs", region, "log-group:*")}},
		{Sid: "ImagePull", Effect: "Allow", Action: []string{"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"},
			Resource: []string{"*"}},
		{Sid: "Secrets", Effect: "Allow", Action: []string{"secretsmanager:GetSecretValue"},
			Resource: []string{id.arn("secretsmanager", region, "secret:"+secretName(org, c.cluster, "*"))}},
		{Sid: "Parameters", Effect: "Allow", Action: []string{"ssm:GetParameter", "ssm:GetParameters"},
			Resource: []string{id.arn("ssm", region, fmt.Sprintf("parameter/%s/%s/*", org, c.cluster))}},
	}
	if key := c.account.KMSKeyID; key != "" {
		statements = append(statements, c.keyStatement(key))
	}
	return policy{Statement: statements}.String()
}

// keyStatement lets tasks decrypt with the account's key. IAM does not match a key by its alias' ARN, so an alias becomes a condition.
func (c *work) keyStatement(key string) statement {
	s := statement{Sid: "Key", Effect: "Allow", Action: []string{"kms:Decrypt"}}
	alias := key
	if parsed, err := arn.Parse(key); err == nil {
		alias = parsed.Resource
	}
	switch {
	case strings.HasPrefix(alias, "alias/"):
		s.Resource = []string{c.identity.arn("kms", c.account.Region, "key/*")}
		s.Condition = map[string]map[string]string{"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
	case arn.IsARN(key):
		s.Resource = []string{key}
	default:
		s.Resource = []string{c.identity.arn("kms", c.account.Region, "key/"+key)}
	}
	return s
}

// readRole looks for the execution role.
func (c *work) readRole(ctx context.Context) error {
	c.found.role = nil
	role, err := c.iam.Role(ctx, roleName(c.cluster))
	if common.Is(err, common.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.foundRole(role)
}

func (c *work) foundRole(role *awsiam.Role) error {
	if !iam.ToTags(role.Tags).BelongsTo(c.account.Org) {
		return taken("role", roleName(c.cluster))
	}
	c.found.role, c.roleARN = role, aws.StringValue(role.Arn)
	return nil
}

// executionRoleARN returns the ARN of the execution role. IAM shows the unique id (AROA…) of a role that another request has made a moment
// ago in the place of its ARN, and ECS refuses that.
func (c *work) executionRoleARN() string {
	if arn.IsARN(c.roleARN) {
		return c.roleARN
	}
	return c.identity.arn("iam", "", "role/"+roleName(c.cluster))
}

// readRolePolicy reads what the execution role may do.
func (c *work) readRolePolicy(ctx context.Context) error {
	document, err := c.iam.RolePolicy(ctx, roleName(c.cluster), rolePolicyName)
	c.found.rolePolicy = document
	return ignoreNotFound(err)
}

// makeRole makes the execution role, or claims the one that is there.
func (c *work) makeRole(ctx context.Context) (undo, error) {
	back, err := c.findOrMakeRole(ctx)
	if takenBack(err) {
		c.found.role, c.found.rolePolicy = nil, ""
		return c.findOrMakeRole(ctx)
	}
	return back, err
}

func (c *work) findOrMakeRole(ctx context.Context) (undo, error) {
	name := roleName(c.cluster)
	if c.found.role != nil {
		return c.claim(iam.ToTags(c.found.role.Tags), c.sharedRole())(ctx)
	}
	in := &awsiam.CreateRoleInput{
		RoleName:                 aws.String(name),
		Description:              aws.String("Lets the ECS tasks of " + c.cluster + " start: made by ecs-api"),
		AssumeRolePolicyDocument: aws.String(c.trustPolicy()),
		Tags:                     iam.FromTags(c.tagsFor(nil)),
	}
	if boundary := c.account.PermissionsBoundary; boundary != "" {
		in.PermissionsBoundary = aws.String(boundary)
	}
	c.roleMade = true // perhaps even if the call fails: undoRole looks
	role, err := c.iam.CreateRole(ctx, in)
	if err == nil {
		c.roleARN = aws.StringValue(role.Arn)
		return nil, nil
	}
	if !common.Is(err, common.Conflict) {
		return nil, err
	}
	// It is there after all: made by this call, whose first answer was lost, or by another request at the same moment.
	err = c.find(ctx, true, func() (err error) {
		role, err = c.iam.Role(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.foundRole(role); err != nil {
		return nil, err
	}
	tags := iam.ToTags(role.Tags)
	c.roleMade = c.mine(tags)
	return c.claim(tags, c.sharedRole())(ctx)
}

// sharedRole returns the role as something that services share.
func (c *work) sharedRole() shared {
	name := roleName(c.cluster)
	return shared{
		what: "role " + name,
		read: func(ctx context.Context) (common.Tags, error) {
			role, err := c.iam.Role(ctx, name)
			if err != nil {
				return nil, err
			}
			return iam.ToTags(role.Tags), nil
		},
		write: func(ctx context.Context, tags common.Tags) error { return c.iam.TagRole(ctx, name, tags) },
	}
}

// putRolePolicy brings what the role may do up to date.
func (c *work) putRolePolicy(ctx context.Context) (undo, error) {
	name, before, wanted := roleName(c.cluster), c.found.rolePolicy, c.accessPolicy()
	if sameDocument(before, wanted) {
		return nil, nil
	}
	var back undo
	if before != "" {
		back = func(ctx context.Context) error {
			return common.Wrapf(ignoreNotFound(c.iam.PutRolePolicy(ctx, name, rolePolicyName, before)), "the policy of role %s", name)
		}
	}
	return back, c.pace.Retry(ctx, func() error {
		return c.iam.PutRolePolicy(ctx, name, rolePolicyName, wanted)
	}, common.NewRoleInvisible)
}

// findRole looks whether the execution role that this request has made is there.
func (c *work) findRole(ctx context.Context) error {
	return c.find(ctx, c.roleARN != "", func() error {
		_, err := c.iam.Role(ctx, roleName(c.cluster))
		return err
	})
}

// seeRole looks for the execution role again, which this request has found or made.
func (c *work) seeRole(ctx context.Context) error {
	if c.roleMade {
		if err := c.findRole(ctx); ignoreNotFound(err) != nil {
			return err
		}
	}
	return c.readRole(ctx)
}

// undoRole deletes the role if this request made it, and nobody claimed it since.
func (c *work) undoRole(ctx context.Context) error {
	if !c.roleMade {
		return nil
	}
	err := c.findRole(ctx)
	if err == nil {
		err = c.deleteRole(ctx, c.cluster, c.mine)
	}
	c.roleMade = ignoreNotFound(err) != nil
	return common.Wrapf(ignoreNotFound(err), "role %s", roleName(c.cluster))
}

// deleteRole deletes a cluster's execution role, and the policy that we gave it, as long as its tags are as wanted: somebody may claim it
// meanwhile. What is gone already is fine.
func (o *Orchestrator) deleteRole(ctx context.Context, cluster string, wanted func(common.Tags) bool) error {
	name := roleName(cluster)
	still := func() (bool, error) {
		role, err := o.iam.Role(ctx, name)
		return err == nil && wanted(iam.ToTags(role.Tags)), ignoreNotFound(err)
	}
	if ok, err := still(); err != nil || !ok {
		return err
	}
	if err := o.iam.DeleteRolePolicy(ctx, name, rolePolicyName); ignoreNotFound(err) != nil {
		return err
	}
	return o.pace.Retry(ctx, func() error {
		if ok, err := still(); err != nil || !ok {
			return err
		}
		return ignoreNotFound(o.iam.DeleteRole(ctx, name))
	}, common.RoleInUse)
}

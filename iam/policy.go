package iam

import (
	"context"
	"net/url"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
)

// maxPage is the largest page of IAM's lists.
const maxPage = 1000

// PutRolePolicy sets a role's inline policy, whether it had one of that name or not.
func (c *Client) PutRolePolicy(ctx context.Context, role, policy, document string) error {
	_, err := c.api.PutRolePolicyWithContext(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(policy), PolicyDocument: aws.String(document)})
	return common.FromAWS(err, "set policy %q of role %q", policy, role)
}

// RolePolicy returns the document of a role's inline policy, as JSON; NotFound if there is none.
func (c *Client) RolePolicy(ctx context.Context, role, policy string) (string, error) {
	out, err := c.api.GetRolePolicyWithContext(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(policy)})
	if err != nil {
		return "", common.FromAWS(err, "read policy %q of role %q", policy, role)
	}
	// IAM encodes as RFC 3986 has it: a + stands for itself.
	document, err := url.PathUnescape(aws.StringValue(out.PolicyDocument))
	return document, common.Wrapf(err, "decode policy %q of role %q", policy, role)
}

// DeleteRolePolicy deletes a role's inline policy.
func (c *Client) DeleteRolePolicy(ctx context.Context, role, policy string) error {
	var tries common.Tries
	_, err := c.api.DeleteRolePolicyWithContext(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(policy)}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete policy %q of role %q", policy, role))
}

// RolePolicies returns the names of a role's inline policies.
func (c *Client) RolePolicies(ctx context.Context, role string) ([]string, error) {
	var names []string
	in := &iam.ListRolePoliciesInput{RoleName: aws.String(role), MaxItems: aws.Int64(maxPage)}
	err := c.api.ListRolePoliciesPagesWithContext(ctx, in, func(page *iam.ListRolePoliciesOutput, _ bool) bool {
		names = append(names, aws.StringValueSlice(page.PolicyNames)...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the policies of role %q", role)
	}
	return names, nil
}

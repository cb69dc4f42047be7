package iam

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
)

// Role returns a role with its description and tags; NotFound if there is none. A new one may be NotFound for some seconds, and its
// ARN may be a unique id (AROA…) at first: CreateRole's response has the right one.
func (c *Client) Role(ctx context.Context, name string) (*iam.Role, error) {
	out, err := c.api.GetRoleWithContext(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return nil, common.FromAWS(err, "describe role %q", name)
	}
	return out.Role, nil
}

// CreateRole creates a role; a Conflict if there is one of that name, in upper or lower case. If it is there because an earlier try of
// this very call created it and lost its response, that role is returned: the tag spinup:request tells, so only roles that are created with it
// have this.
func (c *Client) CreateRole(ctx context.Context, in *iam.CreateRoleInput) (*iam.Role, error) {
	if in == nil {
		in = &iam.CreateRoleInput{}
	}
	var tries common.Tries
	out, err := c.api.CreateRoleWithContext(ctx, in, tries.Watch)
	if err == nil {
		return out.Role, nil
	}
	name := aws.StringValue(in.RoleName)
	err = common.FromAWS(err, "create role %q", name)
	if request, ok := ToTags(in.Tags).Get(common.TagRequest); ok && tries.Lost() && common.Is(err, common.Conflict) {
		if role, lookErr := c.Role(ctx, name); lookErr == nil {
			if have, ok := ToTags(role.Tags).Get(common.TagRequest); ok && have == request {
				return role, nil
			}
		}
	}
	return nil, err
}

// DeleteRole deletes a role that has no policies left; a Conflict if it has, or if IAM still sees some.
func (c *Client) DeleteRole(ctx context.Context, name string) error {
	var tries common.Tries
	_, err := c.api.DeleteRoleWithContext(ctx, &iam.DeleteRoleInput{RoleName: aws.String(name)}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete role %q", name))
}

// PutRolePermissionsBoundary sets a role's permissions boundary.
func (c *Client) PutRolePermissionsBoundary(ctx context.Context, name, boundary string) error {
	_, err := c.api.PutRolePermissionsBoundaryWithContext(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(name), PermissionsBoundary: aws.String(boundary)})
	return common.FromAWS(err, "set the permissions boundary of role %q", name)
}

// UpdateAssumeRolePolicy sets who may assume a role.
func (c *Client) UpdateAssumeRolePolicy(ctx context.Context, name, document string) error {
	_, err := c.api.UpdateAssumeRolePolicyWithContext(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(name), PolicyDocument: aws.String(document)})
	return common.FromAWS(err, "set the trust policy of role %q", name)
}

// Package iam is the thin client of AWS IAM: roles and their policies. It owns the rule that policy documents are plain JSON outside
// of it; IAM sends them URL-encoded.
package iam

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	GetRoleWithContext(aws.Context, *iam.GetRoleInput, ...request.Option) (*iam.GetRoleOutput, error)
	CreateRoleWithContext(aws.Context, *iam.CreateRoleInput, ...request.Option) (*iam.CreateRoleOutput, error)
	DeleteRoleWithContext(aws.Context, *iam.DeleteRoleInput, ...request.Option) (*iam.DeleteRoleOutput, error)
	UpdateAssumeRolePolicyWithContext(aws.Context, *iam.UpdateAssumeRolePolicyInput, ...request.Option) (*iam.UpdateAssumeRolePolicyOutput, error)
	PutRolePermissionsBoundaryWithContext(aws.Context, *iam.PutRolePermissionsBoundaryInput, ...request.Option) (*iam.PutRolePermissionsBoundaryOutput, error)
	TagRoleWithContext(aws.Context, *iam.TagRoleInput, ...request.Option) (*iam.TagRoleOutput, error)
	UntagRoleWithContext(aws.Context, *iam.UntagRoleInput, ...request.Option) (*iam.UntagRoleOutput, error)

	GetRolePolicyWithContext(aws.Context, *iam.GetRolePolicyInput, ...request.Option) (*iam.GetRolePolicyOutput, error)
	PutRolePolicyWithContext(aws.Context, *iam.PutRolePolicyInput, ...request.Option) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicyWithContext(aws.Context, *iam.DeleteRolePolicyInput, ...request.Option) (*iam.DeleteRolePolicyOutput, error)
	ListRolePoliciesPagesWithContext(aws.Context, *iam.ListRolePoliciesInput, func(*iam.ListRolePoliciesOutput, bool) bool, ...request.Option) error

	SimulatePrincipalPolicyPagesWithContext(aws.Context, *iam.SimulatePrincipalPolicyInput, func(*iam.SimulatePolicyResponse, bool) bool, ...request.Option) error
}

// Client manages one account's roles.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: iam.New(sess)} }

// FromTags returns tags as IAM wants them; nil for none.
func FromTags(tags common.Tags) []*iam.Tag {
	return common.ListTags(tags, func(key, value *string) *iam.Tag { return &iam.Tag{Key: key, Value: value} })
}

// ToTags returns the tags of IAM's list.
func ToTags(tags []*iam.Tag) common.Tags {
	return common.ReadTags(tags, func(t *iam.Tag) (key, value *string) { return t.Key, t.Value })
}

// TagRole adds tags to a role, over those of the same keys; IAM's keys know no case.
func (c *Client) TagRole(ctx context.Context, name string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.TagRoleWithContext(ctx, &iam.TagRoleInput{RoleName: aws.String(name), Tags: FromTags(tags)})
	return common.FromAWS(err, "tag role %q", name)
}

// UntagRole takes the tags with the given keys from a role. Keys it has not are fine.
func (c *Client) UntagRole(ctx context.Context, name string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.UntagRoleWithContext(ctx, &iam.UntagRoleInput{RoleName: aws.String(name), TagKeys: aws.StringSlice(keys)})
	return common.FromAWS(err, "untag role %q", name)
}

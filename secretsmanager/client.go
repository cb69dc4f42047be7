// Package secretsmanager is the thin client of AWS Secrets Manager. It owns the rule that a secret's value goes in and never comes
// out: nothing here reads one, and no error holds one.
package secretsmanager

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	DescribeSecretWithContext(aws.Context, *secretsmanager.DescribeSecretInput, ...request.Option) (*secretsmanager.DescribeSecretOutput, error)
	ListSecretsPagesWithContext(aws.Context, *secretsmanager.ListSecretsInput, func(*secretsmanager.ListSecretsOutput, bool) bool, ...request.Option) error
	CreateSecretWithContext(aws.Context, *secretsmanager.CreateSecretInput, ...request.Option) (*secretsmanager.CreateSecretOutput, error)
	UpdateSecretWithContext(aws.Context, *secretsmanager.UpdateSecretInput, ...request.Option) (*secretsmanager.UpdateSecretOutput, error)
	PutSecretValueWithContext(aws.Context, *secretsmanager.PutSecretValueInput, ...request.Option) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStageWithContext(aws.Context, *secretsmanager.UpdateSecretVersionStageInput, ...request.Option) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	DeleteSecretWithContext(aws.Context, *secretsmanager.DeleteSecretInput, ...request.Option) (*secretsmanager.DeleteSecretOutput, error)
	RestoreSecretWithContext(aws.Context, *secretsmanager.RestoreSecretInput, ...request.Option) (*secretsmanager.RestoreSecretOutput, error)
	TagResourceWithContext(aws.Context, *secretsmanager.TagResourceInput, ...request.Option) (*secretsmanager.TagResourceOutput, error)
	UntagResourceWithContext(aws.Context, *secretsmanager.UntagResourceInput, ...request.Option) (*secretsmanager.UntagResourceOutput, error)
}

// Client manages one account's secrets.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: secretsmanager.New(sess)} }

// FromTags returns tags as Secrets Manager wants them; nil for none.
func FromTags(tags common.Tags) []*secretsmanager.Tag {
	return common.ListTags(tags, func(key, value *string) *secretsmanager.Tag { return &secretsmanager.Tag{Key: key, Value: value} })
}

// ToTags returns the tags of Secrets Manager's list.
func ToTags(tags []*secretsmanager.Tag) common.Tags {
	return common.ReadTags(tags, func(t *secretsmanager.Tag) (key, value *string) { return t.Key, t.Value })
}

// Tag adds tags to a secret, over those of the same keys.
func (c *Client) Tag(ctx context.Context, id string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.TagResourceWithContext(ctx, &secretsmanager.TagResourceInput{SecretId: aws.String(id), Tags: FromTags(tags)})
	return common.FromAWS(err, "tag secret %q", id)
}

// Untag takes the tags with the given keys from a secret. Keys it has not are fine.
func (c *Client) Untag(ctx context.Context, id string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.UntagResourceWithContext(ctx, &secretsmanager.UntagResourceInput{SecretId: aws.String(id), TagKeys: aws.StringSlice(keys)})
	return common.FromAWS(err, "untag secret %q", id)
}

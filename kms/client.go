// Package kms is the thin client of AWS KMS. It owns the rule that keys are looked at and never used: what is encrypted with them is the
// business of the services that store it.
package kms

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/kms"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	DescribeKeyWithContext(aws.Context, *kms.DescribeKeyInput, ...request.Option) (*kms.DescribeKeyOutput, error)
}

// Client looks at one account's keys.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: kms.New(sess)} }

// Key returns what KMS says of a key, which is named by its id, its ARN, an alias/… or an alias's ARN; NotFound if there is none.
func (c *Client) Key(ctx context.Context, name string) (*kms.KeyMetadata, error) {
	out, err := c.api.DescribeKeyWithContext(ctx, &kms.DescribeKeyInput{KeyId: aws.String(name)})
	if err != nil {
		return nil, common.FromAWS(err, "describe key %q", name)
	}
	return out.KeyMetadata, nil
}

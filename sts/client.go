// Package sts asks AWS who we are. It owns one rule: an identity is what AWS says it is, never what the config says.
package sts

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/sts"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	GetCallerIdentityWithContext(aws.Context, *sts.GetCallerIdentityInput, ...request.Option) (*sts.GetCallerIdentityOutput, error)
}

// Client asks for one account's credentials.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: sts.New(sess)} }

// Identity is who AWS takes us for.
type Identity struct {
	Account string // twelve digits
	ARN     string // of the user, or of the assumed role's session
}

// Identity returns who the account's credentials belong to. AWS allows this call to everybody: it fails only for credentials that
// are wrong, and where AWS is out of reach.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	out, err := c.api.GetCallerIdentityWithContext(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, common.FromAWS(err, "ask AWS who we are")
	}
	return Identity{Account: aws.StringValue(out.Account), ARN: aws.StringValue(out.Arn)}, nil
}

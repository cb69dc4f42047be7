package ssm

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/common"
)

// maxHistory is the largest page of GetParameterHistory.
const maxHistory = 50

// Parameter is all that is known of a parameter but its value.
type Parameter struct {
	*ssm.ParameterMetadata
	Tags common.Tags
}

// Describe returns what is known of the parameter with the given full name; NotFound if there is none. All calls name the parameter, so that
// they take one round (one more for each 50 versions past the first 50) whatever else the account holds: DescribeParameters would page through
// all of it.
func (c *Client) Describe(ctx context.Context, name string) (Parameter, error) {
	var arn *string
	var found Parameter
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			arn, err = c.arn(ctx, name)
			return err
		},
		func(ctx context.Context) (err error) {
			found.ParameterMetadata, err = c.newest(ctx, name)
			return err
		},
		func(ctx context.Context) (err error) {
			found.Tags, err = c.Tags(ctx, name)
			return err
		},
	)
	if err != nil {
		return Parameter{}, err
	}
	found.ARN = arn
	return found, nil
}

// arn returns a parameter's ARN, which its history lacks. What else the response holds is dropped here: a String's value is not encrypted.
func (c *Client) arn(ctx context.Context, name string) (*string, error) {
	out, err := c.api.GetParameterWithContext(ctx, &ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(false)})
	switch {
	case err != nil:
		return nil, common.FromAWS(err, "get parameter %q", name)
	case out.Parameter == nil:
		return nil, common.Errorf(common.NotFound, "no parameter %q", name)
	}
	return out.Parameter.ARN, nil
}

// newest returns what is known of a parameter's newest version, without its value and its ARN. AWS lists versions oldest first.
func (c *Client) newest(ctx context.Context, name string) (*ssm.ParameterMetadata, error) {
	var newest *ssm.ParameterHistory
	in := &ssm.GetParameterHistoryInput{Name: aws.String(name), WithDecryption: aws.Bool(false), MaxResults: aws.Int64(maxHistory)}
	for {
		out, err := c.api.GetParameterHistoryWithContext(ctx, in)
		if err != nil {
			return nil, common.FromAWS(err, "read the history of parameter %q", name)
		}
		for _, p := range out.Parameters {
			if newest == nil || aws.Int64Value(p.Version) >= aws.Int64Value(newest.Version) {
				newest = p
			}
		}
		if in.NextToken = out.NextToken; aws.StringValue(in.NextToken) == "" {
			break
		}
	}
	if newest == nil {
		return nil, common.Errorf(common.NotFound, "no parameter %q", name)
	}
	return &ssm.ParameterMetadata{
		Name: newest.Name, AllowedPattern: newest.AllowedPattern, DataType: newest.DataType, Description: newest.Description, KeyId: newest.KeyId,
		LastModifiedDate: newest.LastModifiedDate, LastModifiedUser: newest.LastModifiedUser, Policies: newest.Policies, Tier: newest.Tier,
		Type: newest.Type, Version: newest.Version,
	}, nil
}

package ssm

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
)

const (
	maxPage    = 50 // the largest page of DescribeParameters
	maxDeletes = 10 // how many parameters one call deletes
	maxAtOnce  = 10 // how many calls of one DeleteAll are under way at the same time
)

// Put makes a parameter, or, with Overwrite, a new version of one. Without Overwrite it is a Conflict if the parameter is there, unless
// an earlier try of this very call lost its answer and what is there has the value and type of this call.
func (c *Client) Put(ctx context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	if in == nil {
		in = &ssm.PutParameterInput{}
	}
	var tries common.Tries
	out, err := c.api.PutParameterWithContext(ctx, in, tries.Watch)
	if err == nil {
		return out, nil
	}
	err = common.FromAWS(common.Withhold(err, aws.StringValue(in.Value)), "put parameter %q", aws.StringValue(in.Name))
	if tries.Lost() && common.CodeOf(err) == ssm.ErrCodeParameterAlreadyExists {
		if made := c.made(ctx, in); made != nil {
			return made, nil
		}
	}
	return nil, err
}

// made returns the answer to in if the parameter is as in asks for, else nil. It is the one place that reads a value.
func (c *Client) made(ctx context.Context, in *ssm.PutParameterInput) *ssm.PutParameterOutput {
	out, err := c.api.GetParameterWithContext(ctx, &ssm.GetParameterInput{Name: in.Name, WithDecryption: aws.Bool(true)})
	if err != nil || out.Parameter == nil {
		return nil
	}
	p := out.Parameter
	if aws.StringValue(p.Value) != aws.StringValue(in.Value) || aws.StringValue(p.Type) != aws.StringValue(in.Type) || aws.Int64Value(p.Version) != 1 {
		return nil
	}
	tier := ssm.ParameterTierStandard
	if in.Tier != nil {
		tier = *in.Tier
	}
	return &ssm.PutParameterOutput{Version: p.Version, Tier: aws.String(tier)}
}

// Get returns a parameter; NotFound if there is none. The value of a SecureString stays encrypted, that of a String does not: callers
// are not to pass it on.
func (c *Client) Get(ctx context.Context, name string) (*ssm.Parameter, error) {
	out, err := c.api.GetParameterWithContext(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	if err != nil {
		return nil, common.FromAWS(err, "get parameter %q", name)
	}
	return out.Parameter, nil
}

// Parameters returns what is known of the parameters directly under a path, not of those further down: of all of them, or only of those
// that carry every tag given. A tag without a value stands for any value. AWS's pages of it may be empty before the last.
func (c *Client) Parameters(ctx context.Context, path string, tags ...common.Tag) ([]*ssm.ParameterMetadata, error) {
	filters := []*ssm.ParameterStringFilter{{Key: aws.String("Path"), Option: aws.String("OneLevel"), Values: aws.StringSlice([]string{path})}}
	for _, tag := range tags {
		filter := &ssm.ParameterStringFilter{Key: aws.String("tag:" + tag.Key)}
		if tag.Value != "" {
			filter.Values = aws.StringSlice([]string{tag.Value})
		}
		filters = append(filters, filter)
	}
	found, err := c.describe(ctx, filters...)
	return found, common.FromAWS(err, "list the parameters under %q", path)
}

// Metadata returns what is known of the parameter with the given full name, without its value; NotFound if there is none.
func (c *Client) Metadata(ctx context.Context, name string) (*ssm.ParameterMetadata, error) {
	found, err := c.describe(ctx, &ssm.ParameterStringFilter{Key: aws.String("Name"), Option: aws.String("Equals"), Values: aws.StringSlice([]string{name})})
	if err != nil {
		return nil, common.FromAWS(err, "describe parameter %q", name)
	}
	i := slices.IndexFunc(found, func(p *ssm.ParameterMetadata) bool { return aws.StringValue(p.Name) == name })
	if i < 0 {
		return nil, common.Errorf(common.NotFound, "no parameter %q", name)
	}
	return found[i], nil
}

// describe returns the SDK's error as it is.
func (c *Client) describe(ctx context.Context, filters ...*ssm.ParameterStringFilter) ([]*ssm.ParameterMetadata, error) {
	var all []*ssm.ParameterMetadata
	in := &ssm.DescribeParametersInput{ParameterFilters: filters, MaxResults: aws.Int64(maxPage)}
	for { // the SDK's own paging interprets a JMESPath for each page: an eighth of what a list takes
		out, err := c.api.DescribeParametersWithContext(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Parameters...)
		if in.NextToken = out.NextToken; aws.StringValue(in.NextToken) == "" {
			return all, nil
		}
	}
}

// Delete deletes a parameter. AWS wants half a minute before another takes its name.
func (c *Client) Delete(ctx context.Context, name string) error {
	var tries common.Tries
	_, err := c.api.DeleteParameterWithContext(ctx, &ssm.DeleteParameterInput{Name: aws.String(name)}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete parameter %q", name))
}

// DeleteAll deletes the parameters with the given names and returns how many there were, also along with an error. It goes on with the
// others when some cannot be deleted. Names without a parameter are fine; after a lost answer they count, as it may have been that
// try that deleted them.
func (c *Client) DeleteAll(ctx context.Context, names []string) (deleted int, err error) {
	var group errgroup.Group // without a context: one batch's failure does not stop the others
	group.SetLimit(maxAtOnce)
	var count atomic.Int64
	for batch := range slices.Chunk(names, maxDeletes) {
		common.Go(&group, func() error {
			n, err := c.deleteBatch(ctx, batch)
			count.Add(int64(n))
			return err
		})
	}
	err = group.Wait()
	return int(count.Load()), err
}

func (c *Client) deleteBatch(ctx context.Context, names []string) (int, error) {
	var tries common.Tries
	out, err := c.api.DeleteParametersWithContext(ctx, &ssm.DeleteParametersInput{Names: aws.StringSlice(names)}, tries.Watch)
	if err != nil {
		return 0, common.FromAWS(err, "delete %d parameters", len(names))
	}
	n := len(out.DeletedParameters)
	if tries.Lost() {
		n += len(out.InvalidParameters)
	}
	return n, nil
}

package ssm

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
)

const (
	maxDeletes = 10               // how many parameters one call deletes
	nameFree   = 30 * time.Second // how long AWS asks to wait before a deleted parameter's name is used again
	maxAtOnce  = 10               // how many calls for one prefix are in flight at the same time
)

// Put creates a parameter, or, with Overwrite, a new version of one. Without Overwrite it is a Conflict if the parameter exists, unless
// the response to an earlier try of this very call was lost and what exists has the value and type of this call. The same is a success if all responses
// were lost. A name whose parameter was
// deleted a moment ago is a Conflict too, which common.ParameterDeleted retries.
func (c *Client) Put(ctx context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	if in == nil {
		in = &ssm.PutParameterInput{}
	}
	var tries common.Tries
	out, err := c.api.PutParameterWithContext(ctx, in, tries.Watch)
	if err == nil {
		return out, nil
	}
	err = common.FromAWS(common.RedactSecrets(err, aws.StringValue(in.Value)), "put parameter %q", aws.StringValue(in.Name))
	taken := tries.Lost() && common.CodeOf(err) == ssm.ErrCodeParameterAlreadyExists
	if taken || common.Ambiguous(err) && !aws.BoolValue(in.Overwrite) {
		if created := c.created(ctx, in); created != nil {
			return created, nil
		}
	}
	if common.CodeOf(err) == ssm.ErrCodeParameterAlreadyExists && !c.exists(ctx, in.Name) {
		return nil, justDeleted(aws.StringValue(in.Name))
	}
	return nil, err
}

// justDeleted is the Conflict that a name is taken although its parameter is gone.
func justDeleted(name string) error {
	err := common.Errorf(common.Conflict, "parameter %q was deleted a moment ago, and its name is not free yet", name).(*common.Error)
	err.Code, err.After = ssm.ErrCodeParameterAlreadyExists, nameFree
	return err
}

// lookTime is how long it may take to find out what a call did whose response was lost. It does not count towards the call's deadline, which may be
// why it was lost.
const lookTime = 15 * time.Second

// created returns the response to in if the parameter is as in asks for, else nil. It is the one place that decrypts a value.
func (c *Client) created(ctx context.Context, in *ssm.PutParameterInput) *ssm.PutParameterOutput {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
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

// exists reports whether there is a parameter; true if that cannot be seen.
func (c *Client) exists(ctx context.Context, name *string) bool {
	_, err := c.api.GetParameterWithContext(ctx, &ssm.GetParameterInput{Name: name, WithDecryption: aws.Bool(false)})
	return !common.Is(common.FromAWS(err, "get"), common.NotFound)
}

// Delete deletes a parameter. AWS wants half a minute before another takes its name.
func (c *Client) Delete(ctx context.Context, name string) error {
	var tries common.Tries
	_, err := c.api.DeleteParameterWithContext(ctx, &ssm.DeleteParameterInput{Name: aws.String(name)}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete parameter %q", name))
}

// DeleteAll deletes the parameters with the given names and returns how many there were, also along with an error. It continues with the
// others when some cannot be deleted. Names without a parameter are fine; after a lost response they count, as it may have been that
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

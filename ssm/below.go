package ssm

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
)

const (
	maxByPath   = 10 // the largest page of GetParametersByPath
	maxDescribe = 50 // the largest page of DescribeParameters
	// describeTime is how long listing waits for DescribeParameters, whose rate is low, before it reads by path.
	describeTime = time.Second
)

// Below returns the full names, sorted, of all parameters below a path, nested ones too, that carry org's tag or no org's. No value is
// decrypted.
//
// GetParametersByPath is addressed by name, but pages by ten, and shows no tags. DescribeParameters pages by fifty and finds tags, but filters
// after paging: it costs as many calls as the whole account has pages. So it is asked once, and only as long as one page holds all that the
// account has; in larger accounts the path is read, and the tags of each parameter while the next page is.
func (c *Client) Below(ctx context.Context, path, org string) ([]string, error) {
	if !c.large.Load() {
		if names, complete := c.describeBelow(ctx, path, org); complete {
			return names, nil
		}
	}
	return c.readBelow(ctx, path, org)
}

// describeBelow asks DescribeParameters for one page each of all parameters below the path, of those with an org's tag, and of org's. It is
// not complete if any of these has a second page, or fails.
func (c *Client) describeBelow(ctx context.Context, path, org string) (names []string, complete bool) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	below := &ssm.ParameterStringFilter{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: aws.StringSlice([]string{path})}
	tag := &ssm.ParameterStringFilter{Key: aws.String("tag:" + common.TagOrg)}
	pages := make([]*ssm.DescribeParametersOutput, 3)
	group, ctx := errgroup.WithContext(ctx)
	for i, filters := range [][]*ssm.ParameterStringFilter{
		{below}, {below, tag}, {below, {Key: tag.Key, Values: aws.StringSlice([]string{org})}},
	} {
		common.Go(group, func() (err error) {
			pages[i], err = c.api.DescribeParametersWithContext(ctx, &ssm.DescribeParametersInput{ParameterFilters: filters, MaxResults: aws.Int64(maxDescribe)})
			return err
		})
	}
	if group.Wait() != nil {
		return nil, false
	}
	for _, page := range pages {
		if aws.StringValue(page.NextToken) != "" {
			c.large.Store(true)
			return nil, false
		}
	}
	others := map[string]bool{}
	for _, p := range pages[1].Parameters {
		others[aws.StringValue(p.Name)] = true
	}
	for _, p := range pages[2].Parameters {
		delete(others, aws.StringValue(p.Name))
	}
	for _, p := range pages[0].Parameters {
		if name := aws.StringValue(p.Name); !others[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, true
}

// readBelow reads the path, and the tags of each parameter.
func (c *Client) readBelow(ctx context.Context, path, org string) ([]string, error) {
	entries, err := c.Entries(ctx, path)
	var names []string
	for _, e := range entries {
		if e.Tags.VisibleTo(org) {
			names = append(names, e.Name)
		}
	}
	return names, err
}

// Entry is a parameter of a path: its full name, its tags, and when it was last changed.
type Entry struct {
	Name     string
	Tags     common.Tags
	Modified time.Time
}

// Entries returns all parameters below a path, nested ones too, sorted by name. It reads the path page by page, and the tags of what is on a page while the
// next one is read. AWS's pages may be empty before the last. No value is decrypted.
func (c *Client) Entries(ctx context.Context, path string) ([]Entry, error) {
	var mu sync.Mutex
	var entries []Entry
	tags, tagsCtx := errgroup.WithContext(ctx)
	tags.SetLimit(maxAtOnce)
	in := &ssm.GetParametersByPathInput{Path: aws.String(path), Recursive: aws.Bool(true), WithDecryption: aws.Bool(false), MaxResults: aws.Int64(maxByPath)}
	for {
		out, err := c.api.GetParametersByPathWithContext(tagsCtx, in) // ends when a read of tags fails
		if err != nil {
			if tagsErr := tags.Wait(); tagsErr != nil {
				return nil, tagsErr
			}
			return nil, common.FromAWS(err, "list the parameters below %q", path)
		}
		for _, p := range out.Parameters {
			common.Go(tags, func() error {
				name := aws.StringValue(p.Name)
				found, err := c.Tags(tagsCtx, name)
				if common.Is(err, common.NotFound) {
					return nil // deleted since it was listed
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					entries = append(entries, Entry{name, found, aws.TimeValue(p.LastModifiedDate)})
				}
				return err
			})
		}
		if in.NextToken = out.NextToken; aws.StringValue(in.NextToken) == "" {
			break
		}
	}
	if err := tags.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a.Name == b.Name }), nil // what changes while AWS lists it may be listed twice
}

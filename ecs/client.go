// Package ecs is the thin client of Amazon ECS: clusters, services, task definitions, tasks and their tags. It owns the rule that
// what ECS does not find is a NotFound error, whether ECS says so by a code or by a failure inside a 200.
package ecs

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	CreateClusterWithContext(aws.Context, *ecs.CreateClusterInput, ...request.Option) (*ecs.CreateClusterOutput, error)
	DescribeClustersWithContext(aws.Context, *ecs.DescribeClustersInput, ...request.Option) (*ecs.DescribeClustersOutput, error)
	ListClustersPagesWithContext(aws.Context, *ecs.ListClustersInput, func(*ecs.ListClustersOutput, bool) bool, ...request.Option) error
	DeleteClusterWithContext(aws.Context, *ecs.DeleteClusterInput, ...request.Option) (*ecs.DeleteClusterOutput, error)

	CreateServiceWithContext(aws.Context, *ecs.CreateServiceInput, ...request.Option) (*ecs.CreateServiceOutput, error)
	DescribeServicesWithContext(aws.Context, *ecs.DescribeServicesInput, ...request.Option) (*ecs.DescribeServicesOutput, error)
	ListServicesPagesWithContext(aws.Context, *ecs.ListServicesInput, func(*ecs.ListServicesOutput, bool) bool, ...request.Option) error
	UpdateServiceWithContext(aws.Context, *ecs.UpdateServiceInput, ...request.Option) (*ecs.UpdateServiceOutput, error)
	DeleteServiceWithContext(aws.Context, *ecs.DeleteServiceInput, ...request.Option) (*ecs.DeleteServiceOutput, error)

	ListServiceDeploymentsWithContext(aws.Context, *ecs.ListServiceDeploymentsInput, ...request.Option) (*ecs.ListServiceDeploymentsOutput, error)
	ContinueServiceDeploymentWithContext(aws.Context, *ecs.ContinueServiceDeploymentInput, ...request.Option) (*ecs.ContinueServiceDeploymentOutput, error)
	StopServiceDeploymentWithContext(aws.Context, *ecs.StopServiceDeploymentInput, ...request.Option) (*ecs.StopServiceDeploymentOutput, error)
	DescribeServiceDeploymentsWithContext(aws.Context, *ecs.DescribeServiceDeploymentsInput, ...request.Option) (*ecs.DescribeServiceDeploymentsOutput, error)
	DescribeServiceRevisionsWithContext(aws.Context, *ecs.DescribeServiceRevisionsInput, ...request.Option) (*ecs.DescribeServiceRevisionsOutput, error)

	RegisterTaskDefinitionWithContext(aws.Context, *ecs.RegisterTaskDefinitionInput, ...request.Option) (*ecs.RegisterTaskDefinitionOutput, error)
	DescribeTaskDefinitionWithContext(aws.Context, *ecs.DescribeTaskDefinitionInput, ...request.Option) (*ecs.DescribeTaskDefinitionOutput, error)
	ListTaskDefinitionsPagesWithContext(aws.Context, *ecs.ListTaskDefinitionsInput, func(*ecs.ListTaskDefinitionsOutput, bool) bool, ...request.Option) error
	ListTaskDefinitionFamiliesPagesWithContext(aws.Context, *ecs.ListTaskDefinitionFamiliesInput, func(*ecs.ListTaskDefinitionFamiliesOutput, bool) bool, ...request.Option) error
	DeregisterTaskDefinitionWithContext(aws.Context, *ecs.DeregisterTaskDefinitionInput, ...request.Option) (*ecs.DeregisterTaskDefinitionOutput, error)
	DeleteTaskDefinitionsWithContext(aws.Context, *ecs.DeleteTaskDefinitionsInput, ...request.Option) (*ecs.DeleteTaskDefinitionsOutput, error)

	RunTaskWithContext(aws.Context, *ecs.RunTaskInput, ...request.Option) (*ecs.RunTaskOutput, error)
	DescribeTasksWithContext(aws.Context, *ecs.DescribeTasksInput, ...request.Option) (*ecs.DescribeTasksOutput, error)
	ListTasksWithContext(aws.Context, *ecs.ListTasksInput, ...request.Option) (*ecs.ListTasksOutput, error)
	StopTaskWithContext(aws.Context, *ecs.StopTaskInput, ...request.Option) (*ecs.StopTaskOutput, error)

	TagResourceWithContext(aws.Context, *ecs.TagResourceInput, ...request.Option) (*ecs.TagResourceOutput, error)
	UntagResourceWithContext(aws.Context, *ecs.UntagResourceInput, ...request.Option) (*ecs.UntagResourceOutput, error)
}

// Client manages one account's ECS resources.
type Client struct {
	api      api
	services *batcher[ecs.Service]
	clusters *batcher[ecs.Cluster]
	tasks    *batcher[ecs.Task]
	lists    *listing
	queue    queue

	mu       sync.Mutex
	watchers []RevisionWatcher
}

// New returns a client for the account that sess belongs to. If that is a common.Session, reads that wait for AWS's rates share calls.
func New(sess client.ConfigProvider) *Client {
	c := &Client{api: ecs.New(sess)}
	q, _ := sess.(queue)
	c.services = &batcher[ecs.Service]{
		operation: "DescribeServices", thing: "service", most: maxServices, queue: q, describe: c.describeServices, nameOf: func(s *ecs.Service) *string { return s.ServiceArn },
	}
	c.clusters = &batcher[ecs.Cluster]{
		operation: "DescribeClusters", thing: "cluster", most: maxClusters, queue: q, describe: c.describeClusters, nameOf: func(c *ecs.Cluster) *string { return c.ClusterArn },
	}
	c.tasks = &batcher[ecs.Task]{
		operation: "DescribeTasks", thing: "task", most: maxTasks, queue: q, describe: c.describeTasks, nameOf: func(t *ecs.Task) *string { return t.TaskArn },
	}
	c.queue, c.lists = q, newListing(c)
	return c
}

// maxPage is the largest page of every list of ECS. Its default for services is 10.
const maxPage = 100

// maxAtOnce is how many calls of one batched request are under way at the same time.
const maxAtOnce = 10

// batched calls do with batches of at most size items, several at once, and returns the responses in the order of the items.
func batched[T any](ctx context.Context, items []string, size int, do func(context.Context, []string) (T, error)) ([]T, error) {
	batches := slices.Collect(slices.Chunk(items, size))
	responses := make([]T, len(batches))
	if len(batches) == 1 { // mostly; the stack of a goroutine of its own would have to grow for each call
		err := common.Safely(func() (err error) {
			responses[0], err = do(ctx, batches[0])
			return err
		})
		return responses, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAtOnce)
	for i, batch := range batches {
		common.Go(group, func() (err error) {
			responses[i], err = do(ctx, batch)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return responses, nil
}

// optional returns a pointer to s, or nil if s is empty: AWS tells an empty string from none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

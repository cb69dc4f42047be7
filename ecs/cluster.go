package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// maxClusters is how many clusters one call describes.
const maxClusters = 100

// Cluster returns the cluster with its tags and settings; NotFound if there is none. A deleted cluster is returned for a while,
// INACTIVE: the caller checks the status.
func (c *Client) Cluster(ctx context.Context, name string) (*ecs.Cluster, error) {
	out, err := c.DescribeClusters(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(out.Clusters) == 0 {
		return nil, common.Errorf(common.NotFound, "no cluster %q", name)
	}
	return out.Clusters[0], nil
}

// DescribeClusters returns the clusters with their tags and settings, and a failure with the reason MISSING for each that is not there.
func (c *Client) DescribeClusters(ctx context.Context, names ...string) (*ecs.DescribeClustersOutput, error) {
	all, err := c.clusters.describeAll(ctx, "", names)
	if err != nil {
		return nil, err
	}
	return &ecs.DescribeClustersOutput{Clusters: all.things, Failures: all.failures}, nil
}

// describeClusters makes one call.
func (c *Client) describeClusters(ctx context.Context, _ string, names []string) (found[ecs.Cluster], error) {
	out, err := c.api.DescribeClustersWithContext(ctx, &ecs.DescribeClustersInput{
		Clusters: aws.StringSlice(names),
		Include:  aws.StringSlice([]string{ecs.ClusterFieldTags, ecs.ClusterFieldSettings, ecs.ClusterFieldConfigurations}),
	})
	if err != nil {
		return found[ecs.Cluster]{}, common.FromAWS(err, "describe %s", things("cluster", names))
	}
	return found[ecs.Cluster]{out.Clusters, out.Failures}, nil
}

// ListClusters returns the ARNs of all clusters.
func (c *Client) ListClusters(ctx context.Context) ([]string, error) {
	var arns []string
	err := c.api.ListClustersPagesWithContext(ctx, &ecs.ListClustersInput{MaxResults: aws.Int64(maxPage)}, func(page *ecs.ListClustersOutput, _ bool) bool {
		arns = append(arns, aws.StringValueSlice(page.ClusterArns)...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the clusters")
	}
	return arns, nil
}

// CreateCluster creates a cluster, or returns the one of that name that is there: the response does not tell which. One with other
// settings is a Conflict.
func (c *Client) CreateCluster(ctx context.Context, in *ecs.CreateClusterInput) (*ecs.Cluster, error) {
	if in == nil {
		in = &ecs.CreateClusterInput{}
	}
	out, err := c.api.CreateClusterWithContext(ctx, in)
	if err != nil {
		return nil, common.FromAWS(err, "create cluster %q", aws.StringValue(in.ClusterName))
	}
	return out.Cluster, nil
}

// DeleteCluster deletes a cluster that holds nothing; ClusterContains… codes say that it does. Deleting an INACTIVE one is fine.
func (c *Client) DeleteCluster(ctx context.Context, name string) (*ecs.Cluster, error) {
	var tries common.Tries
	out, err := c.api.DeleteClusterWithContext(ctx, &ecs.DeleteClusterInput{Cluster: aws.String(name)}, tries.Watch)
	if err != nil {
		if err := tries.Deleted(common.FromAWS(err, "delete cluster %q", name)); err != nil {
			return nil, err
		}
		return &ecs.Cluster{ClusterName: aws.String(name), Status: aws.String("INACTIVE")}, nil
	}
	return out.Cluster, nil
}

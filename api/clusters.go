package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// firstUseTime is enough for what the first use of ECS in an account waits for: a role that AWS creates then.
const firstUseTime = 3 * time.Minute

// busyClusterTime is enough to wait for a cluster that ECS is still changing, and then to delete it.
const busyClusterTime = 2 * time.Minute

func listClusters(c call, _ none) ([]string, error) {
	return c.account.Adhoc.Clusters.List(c.Context())
}

func createCluster(c call, in awsecs.CreateClusterInput) (*awsecs.CreateClusterOutput, error) {
	cluster, err := c.account.Adhoc.Clusters.Create(c.Context(), &in)
	return &awsecs.CreateClusterOutput{Cluster: cluster}, err
}

func showCluster(c call, _ none) (*awsecs.DescribeClustersOutput, error) {
	cluster, err := c.account.Adhoc.Clusters.Show(c.Context(), c.name("cluster"))
	return &awsecs.DescribeClustersOutput{Clusters: []*awsecs.Cluster{cluster}, Failures: []*awsecs.Failure{}}, err
}

func deleteCluster(c call, _ none) (*awsecs.DeleteClusterOutput, error) {
	cluster, err := c.account.Adhoc.Clusters.Delete(c.Context(), c.name("cluster"))
	return &awsecs.DeleteClusterOutput{Cluster: cluster}, err
}

// clusterRoutes are the routes of clusters, each by its name or its ARN.
func (s *Server) clusterRoutes(v1 *mux.Router) {
	const clusters = "/{account}/clusters"
	const cluster = clusters + "/{cluster}"
	v1.Handle(clusters, handle(s, http.StatusOK, listClusters)).Methods(http.MethodGet)
	v1.Handle(clusters, handle(s, http.StatusOK, createCluster, within(firstUseTime),
		checked(func(c call, in *awsecs.CreateClusterInput) []common.FieldError {
			return c.account.Adhoc.Clusters.Check(in)
		}))).Methods(http.MethodPost)
	v1.Handle(cluster, handle(s, http.StatusOK, showCluster, slashes("cluster"))).Methods(http.MethodGet)
	v1.Handle(cluster, handle(s, http.StatusOK, deleteCluster, slashes("cluster"), within(busyClusterTime))).Methods(http.MethodDelete)
}

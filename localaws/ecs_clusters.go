package localaws

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"

	"ecs-api/ecs/sdk/ecs"
)

// The statuses of clusters and services.
const (
	statusProvisioning   = "PROVISIONING"
	statusActive         = "ACTIVE"
	statusDraining       = "DRAINING"
	statusDeprovisioning = "DEPROVISIONING"
	statusInactive       = "INACTIVE"
)

// ecsCluster is one cluster, with its services by name and its tasks by id.
type ecsCluster struct {
	name, arn     string
	active        bool
	changing      bool // its capacity providers are being set up or torn down (Lags.Providers)
	created       time.Time
	providers     []*string
	strategy      []*ecs.CapacityProviderStrategyItem
	settings      []*ecs.ClusterSetting
	configuration *ecs.ClusterConfiguration
	connect       *ecs.ClusterServiceConnectDefaults
	tags          tagList
	services      ordered[*ecsService] // ACTIVE or DRAINING
	gone          ordered[*ecsService] // INACTIVE
	tasks         ordered[*ecsTask]    // on their way to STOPPED at most
	ended         ordered[*ecsTask]    // STOPPED
	running       int64                // of the tasks
}

func noCluster() error { return refuse(ecs.ErrCodeClusterNotFoundException, "Cluster not found.") }

// cluster returns the cluster that a name or an ARN means, ACTIVE or not, or nil. No reference at all means "default".
func (r *request) cluster(ref *string) *ecsCluster {
	name := aws.StringValue(ref)
	if name == "" {
		name = "default"
	}
	if strings.HasPrefix(name, "arn:") {
		var ok bool
		if name, ok = strings.CutPrefix(name, r.arn("ecs", "cluster/")); !ok {
			return nil
		}
	}
	c, _ := r.region.ecs.clusters.get(name)
	return c
}

// status is PROVISIONING before ACTIVE, and DEPROVISIONING before INACTIVE, while the capacity providers change.
func (c *ecsCluster) status() string {
	switch {
	case c.active && c.changing:
		return statusProvisioning
	case c.active:
		return statusActive
	case c.changing:
		return statusDeprovisioning
	}
	return statusInactive
}

// changeProviders lets the time pass that a cluster with capacity providers takes to be set up or torn down.
func (c *ecsCluster) changeProviders(r *request) {
	if len(c.providers) == 0 || r.aws.lags.Providers == 0 {
		return
	}
	c.changing = true
	r.after(r.aws.lags.Providers, func(*request) { c.changing = false })
}

// busy refuses a change of a cluster whose capacity providers are changing.
func (c *ecsCluster) busy() error {
	if c.changing {
		return refuse(ecs.ErrCodeUpdateInProgressException, "The specified cluster is in a busy state. Cluster attachments must be in UPDATE_COMPLETE or UPDATE_FAILED state to perform this operation.")
	}
	return nil
}

// activeCluster returns the cluster that a name or an ARN means, if it can be used.
func (r *request) activeCluster(ref *string) (*ecsCluster, error) {
	c := r.cluster(ref)
	switch {
	case c == nil:
		return nil, noCluster()
	case !c.active:
		return nil, refuse(ecs.ErrCodeClusterNotFoundException, "The referenced cluster was inactive.")
	}
	return c, nil
}

// readyCluster returns the cluster that a name or an ARN means, if it is old enough to run something in it (Lags.Cluster).
func (r *request) readyCluster(ref *string) (*ecsCluster, error) {
	c, err := r.activeCluster(ref)
	switch {
	case err == nil && r.now.Before(c.created.Add(r.aws.lags.Cluster)):
		return nil, noCluster()
	case err == nil && c.changing:
		return nil, refuse(ecs.ErrCodeClusterNotFoundException, "The referenced cluster was inactive.")
	}
	return c, err
}

func createCluster(r *request, in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
	name := aws.StringValue(in.ClusterName)
	if in.ClusterName == nil {
		name = "default"
	}
	if !ecsName.MatchString(name) {
		return nil, invalid("Cluster name contains invalid characters.")
	}
	if err := r.serviceLinkedRole(); err != nil {
		return nil, err
	}
	tags, err := newECSTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = firstError(checkProviders(in.CapacityProviders), checkSettings(in.Settings),
		checkStrategy(in.DefaultCapacityProviderStrategy, in.CapacityProviders))
	if err != nil {
		return nil, err
	}
	c, ok := r.region.ecs.clusters.get(name)
	if ok && c.active {
		if !c.consistent(in) {
			return nil, invalid("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return &ecs.CreateClusterOutput{Cluster: c.show(nil)}, nil
	}
	if ok && c.changing {
		return nil, clientError("The cluster %s is being deleted.", name)
	}
	c = &ecsCluster{
		name: name, arn: r.arn("ecs", "cluster/"+name), active: true, created: r.now, tags: tags,
		providers: in.CapacityProviders, strategy: strategyWithDefaults(in.DefaultCapacityProviderStrategy),
		settings: in.Settings, configuration: in.Configuration, connect: connectDefaults(in.ServiceConnectDefaults),
	}
	c.changeProviders(r)
	r.region.ecs.clusters.put(name, c)
	return &ecs.CreateClusterOutput{Cluster: c.show(allOfCluster)}, nil
}

// consistent reports whether a request for a cluster that exists asks for nothing that differs.
func (c *ecsCluster) consistent(in *ecs.CreateClusterInput) bool {
	return (in.CapacityProviders == nil || sameSet(in.CapacityProviders, c.providers)) &&
		(in.DefaultCapacityProviderStrategy == nil || awsutil.DeepEqual(strategyWithDefaults(in.DefaultCapacityProviderStrategy), c.strategy)) &&
		(in.Settings == nil || awsutil.DeepEqual(in.Settings, c.settings))
}

func sameSet(a, b []*string) bool {
	as, bs := aws.StringValueSlice(a), aws.StringValueSlice(b)
	slices.Sort(as)
	slices.Sort(bs)
	return slices.Equal(as, bs)
}

func checkSettings(settings []*ecs.ClusterSetting) error {
	for _, s := range settings {
		if aws.StringValue(s.Name) != ecs.ClusterSettingNameContainerInsights || !slices.Contains([]string{"enabled", "disabled", "enhanced"}, aws.StringValue(s.Value)) {
			return invalid("Invalid cluster setting '%s' with value '%s'.", aws.StringValue(s.Name), aws.StringValue(s.Value))
		}
	}
	return nil
}

func connectDefaults(in *ecs.ClusterServiceConnectDefaultsRequest) *ecs.ClusterServiceConnectDefaults {
	if in == nil {
		return nil
	}
	return &ecs.ClusterServiceConnectDefaults{Namespace: in.Namespace}
}

func updateCluster(r *request, in *ecs.UpdateClusterInput) (*ecs.UpdateClusterOutput, error) {
	c, err := r.activeCluster(in.Cluster)
	if err == nil {
		err = checkSettings(in.Settings)
	}
	if err != nil {
		return nil, err
	}
	if in.Settings != nil {
		c.settings = in.Settings
	}
	if in.Configuration != nil {
		c.configuration = in.Configuration
	}
	if in.ServiceConnectDefaults != nil {
		c.connect = connectDefaults(in.ServiceConnectDefaults)
	}
	return &ecs.UpdateClusterOutput{Cluster: c.show(allOfCluster)}, nil
}

func deleteCluster(r *request, in *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
	c := r.cluster(in.Cluster)
	if c == nil {
		return nil, noCluster()
	}
	if err := c.busy(); err != nil && c.active {
		return nil, err
	}
	for _, svc := range c.services.all() {
		if svc.status == statusActive {
			return nil, refuse(ecs.ErrCodeClusterContainsServicesException, "The Cluster cannot be deleted while Services are active.")
		}
	}
	if c.tasks.len() > 0 {
		return nil, refuse(ecs.ErrCodeClusterContainsTasksException, "The Cluster cannot be deleted while Tasks are active.")
	}
	if c.active {
		c.active = false
		c.changeProviders(r)
		clusters := &r.region.ecs.clusters
		r.remember(func() { clusters.forget(c.name, func(now *ecsCluster) bool { return now == c }) })
	}
	return &ecs.DeleteClusterOutput{Cluster: c.show(nil)}, nil
}

func describeClusters(r *request, in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
	if len(in.Clusters) > 100 {
		return nil, invalid("Clusters can have at most 100 items.")
	}
	refs := in.Clusters
	if len(refs) == 0 {
		refs = []*string{aws.String("default")}
	}
	out := &ecs.DescribeClustersOutput{Clusters: []*ecs.Cluster{}, Failures: []*ecs.Failure{}}
	for _, ref := range refs {
		if c := r.cluster(ref); c != nil && r.visible(c.created) {
			out.Clusters = append(out.Clusters, c.show(aws.StringValueSlice(in.Include)))
		} else {
			out.Failures = append(out.Failures, missing(r.asARN("cluster/", ref)))
		}
	}
	return out, nil
}

// asARN returns the ARN that a reference has or would have.
func (r *request) asARN(resource string, ref *string) string {
	if s := aws.StringValue(ref); !strings.HasPrefix(s, "arn:") {
		return r.arn("ecs", resource+s)
	}
	return *ref
}

func listClusters(r *request, in *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
	page, next, err := ecsPage(&r.region.ecs.clusters, in.NextToken, in.MaxResults, 100, func(c *ecsCluster) bool {
		return c.active && r.visible(c.created)
	})
	if err != nil {
		return nil, err
	}
	out := &ecs.ListClustersOutput{ClusterArns: []*string{}, NextToken: next}
	for _, c := range page {
		out.ClusterArns = append(out.ClusterArns, &c.arn)
	}
	return out, nil
}

// allOfCluster is what describing a cluster can include.
var allOfCluster = ecs.ClusterField_Values()

// show returns the cluster as ECS returns it.
func (c *ecsCluster) show(include []string) *ecs.Cluster {
	out := &ecs.Cluster{
		ClusterArn: aws.String(c.arn), ClusterName: aws.String(c.name), Status: aws.String(c.status()),
		CapacityProviders: orEmpty(c.providers), DefaultCapacityProviderStrategy: orEmpty(c.strategy),
		Settings: []*ecs.ClusterSetting{}, Statistics: []*ecs.KeyValuePair{}, Tags: []*ecs.Tag{},
		ServiceConnectDefaults: c.connect, RegisteredContainerInstancesCount: aws.Int64(0),
	}
	if c.changing {
		out.AttachmentsStatus = aws.String("UPDATE_IN_PROGRESS")
	}
	var services int64
	for _, svc := range c.services.all() {
		if svc.status == statusActive {
			services++
		}
	}
	running, pending := c.running, int64(c.tasks.len())-c.running
	out.ActiveServicesCount, out.RunningTasksCount, out.PendingTasksCount = &services, &running, &pending
	for _, what := range include {
		switch what {
		case ecs.ClusterFieldTags:
			out.Tags = c.tags.shown()
		case ecs.ClusterFieldSettings:
			out.Settings = orEmpty(c.settings)
		case ecs.ClusterFieldConfigurations:
			out.Configuration = c.configuration
		case ecs.ClusterFieldStatistics:
			out.Statistics = []*ecs.KeyValuePair{
				{Name: aws.String("runningFargateTasksCount"), Value: aws.String(strconv.FormatInt(running, 10))},
				{Name: aws.String("pendingFargateTasksCount"), Value: aws.String(strconv.FormatInt(pending, 10))},
			}
		}
	}
	return out
}

// orEmpty makes a list that is not there an empty one, as ECS returns it.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

package common

import (
	"maps"
	"slices"
	"strings"
)

// Limit is how many calls of one rate bucket are let through: Burst at once, PerSecond a second after that.
type Limit struct {
	Burst     int
	PerSecond float64
}

// bucket is what several operations of one AWS service share.
type bucket struct {
	service, operations string
	Limit
}

// iamRoles are IAM's operations on roles: of their rates AWS says nothing but that there are some.
const iamRoles = "CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePermissionsBoundary " +
	"PutRolePolicy SimulatePrincipalPolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"

// buckets are AWS's rate buckets by the names that the config calls them. For ECS they are those of "Request throttling for the Amazon
// ECS API", less a tenth of each burst: calls that are sent apart may arrive together. For Logs, Parameter Store and Secrets Manager AWS
// publishes the rates, but no bursts: ten seconds' worth are let through, and AWS's refusals slow us down. For DescribeParameters, ListSecrets,
// IAM and the tagging API AWS publishes nothing: these are what others have found to work. Nor does it for tags and the two calls that stop or continue a deployment, which
// get what like calls have, and KMS and STS allow more than we ever use. Cloud Map's are those that AWS's own client keeps
// (aws-cloud-map-mcs-controller-for-k8s, pkg/common/ratelimiter.go), which are bursts too. So are Elastic Load Balancing's (aws-load-balancer-controller,
// --aws-api-throttle: 10 a second, 40 at once).
var buckets = map[string]bucket{
	"ecs-cluster-modify":            {"ecs", "CreateCluster DeleteCluster PutClusterCapacityProviders UpdateCluster UpdateClusterSettings", Limit{18, 1}},
	"ecs-cluster-read":              {"ecs", "DescribeClusters ListClusters", Limit{45, 20}},
	"ecs-taskdefinition-modify":     {"ecs", "RegisterTaskDefinition DeregisterTaskDefinition", Limit{18, 1}},
	"ecs-taskdefinition-delete":     {"ecs", "DeleteTaskDefinitions", Limit{4, 1}},
	"ecs-taskdefinition-read":       {"ecs", "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies", Limit{45, 20}},
	"ecs-service-modify":            {"ecs", "CreateService UpdateService DeleteService StopServiceDeployment ContinueServiceDeployment", Limit{45, 5}},
	"ecs-service-read":              {"ecs", "DescribeServices ListServices", Limit{90, 20}},
	"ecs-task-modify":               {"ecs", "RunTask StopTask ExecuteCommand", Limit{90, 40}},
	"ecs-task-read":                 {"ecs", "ListTasks DescribeTasks", Limit{90, 20}},
	"ecs-deployment-read":           {"ecs", "DescribeServiceDeployments ListServiceDeployments", Limit{45, 20}},
	"ecs-revision-read":             {"ecs", "DescribeServiceRevisions", Limit{45, 20}},
	"ecs-tag-modify":                {"ecs", "TagResource UntagResource", Limit{18, 10}},
	"ecs-tag-read":                  {"ecs", "ListTagsForResource", Limit{45, 20}},
	"logs-group-create":             {"logs", "CreateLogGroup", Limit{50, 5}},
	"logs-group-delete":             {"logs", "DeleteLogGroup", Limit{50, 5}},
	"logs-group-read":               {"logs", "DescribeLogGroups", Limit{50, 5}},
	"logs-group-modify":             {"logs", "PutRetentionPolicy", Limit{50, 5}},
	"logs-tag":                      {"logs", "ListTagsForResource TagResource UntagResource", Limit{50, 5}},
	"logs-stream-read":              {"logs", "DescribeLogStreams", Limit{250, 25}},
	"logs-event-filter":             {"logs", "FilterLogEvents", Limit{50, 5}},
	"logs-event-read":               {"logs", "GetLogEvents", Limit{100, 10}},
	"ssm-parameter-read":            {"ssm", "GetParameter GetParameterHistory GetParameters GetParametersByPath", Limit{400, 40}},
	"ssm-parameter-list":            {"ssm", "DescribeParameters", Limit{20, 5}},
	"ssm-parameter-put":             {"ssm", "PutParameter", Limit{30, 3}},
	"ssm-parameter-delete":          {"ssm", "DeleteParameter DeleteParameters", Limit{50, 5}},
	"ssm-tag":                       {"ssm", "AddTagsToResource ListTagsForResource RemoveTagsFromResource", Limit{50, 5}},
	"secretsmanager-read":           {"secretsmanager", "DescribeSecret GetSecretValue", Limit{100_000, 10_000}},
	"secretsmanager-list":           {"secretsmanager", "ListSecrets", Limit{40, 20}},
	"secretsmanager-create":         {"secretsmanager", "CreateSecret", Limit{500, 50}},
	"secretsmanager-modify":         {"secretsmanager", "PutSecretValue UpdateSecret UpdateSecretVersionStage", Limit{500, 50}},
	"secretsmanager-delete":         {"secretsmanager", "DeleteSecret", Limit{500, 50}},
	"secretsmanager-restore":        {"secretsmanager", "RestoreSecret", Limit{500, 50}},
	"secretsmanager-tag":            {"secretsmanager", "TagResource UntagResource", Limit{500, 50}},
	"servicediscovery-list":         {"servicediscovery", "ListServices", Limit{9, 2}},
	"servicediscovery-create":       {"servicediscovery", "CreateService DeleteService", Limit{45, 5}},
	"servicediscovery-read":         {"servicediscovery", "GetNamespace GetService ListInstances", Limit{45, 50}},
	"servicediscovery-tag":          {"servicediscovery", "ListTagsForResource TagResource UntagResource", Limit{45, 5}},
	"servicediscovery-deregister":   {"servicediscovery", "DeregisterInstance", Limit{90, 50}},
	"ec2-describe":                  {"ec2", "DescribeRouteTables DescribeSecurityGroups DescribeSubnets", Limit{90, 20}},
	"kms-read":                      {"kms", "DescribeKey", Limit{1000, 500}},
	"sts-read":                      {"sts", "GetCallerIdentity", Limit{100, 20}},
	"iam-role":                      {"iam", iamRoles, Limit{20, 10}},
	"tagging-read":                  {"tagging", "GetResources", Limit{20, 5}},
	"elasticloadbalancing-describe": {"elasticloadbalancing", "DescribeLoadBalancers DescribeListeners DescribeRules DescribeTargetGroups DescribeTargetHealth DescribeTags", Limit{36, 10}},
}

// Buckets returns the names of the rate buckets that calls to AWS are held to, sorted.
func Buckets() []string { return slices.Sorted(maps.Keys(buckets)) }

// LimitOf returns the bucket that an operation of a service belongs to, and its limit; empty if AWS publishes none.
func LimitOf(service, operation string) (bucket string, limit Limit) {
	for name, b := range buckets {
		if b.service == service && slices.Contains(strings.Fields(b.operations), operation) {
			return name, b.Limit
		}
	}
	return "", Limit{}
}

// NoLimits returns limits that let every call through at once: for an AWS that has none, such as a simulator.
func NoLimits() map[string]Limit {
	limits := make(map[string]Limit, len(buckets))
	for name := range buckets {
		limits[name] = Limit{Burst: 10_000, PerSecond: 1e8}
	}
	return limits
}

package localaws

import (
	"strings"
	"time"
)

// tokenBucket is what is left of a rate bucket.
type tokenBucket struct {
	tokens float64
	at     time.Time // when that was so
}

// rate is the size of a bucket and how many tokens a second flow into it.
type rate struct{ burst, perSecond float64 }

// rates are the rate buckets of the operations that the simulator knows: the operations of a line share a bucket. A service without a known
// burst has that of one second. ECS, Logs, Parameter Store and Secrets Manager publish theirs. The others' are what has been seen:
// DescribeParameters throttles after some 20 quick calls (segmentio/chamber#34), and Cloud Map's are what AWS's own client keeps to
// (aws-cloud-map-mcs-controller-for-k8s, pkg/common/ratelimiter.go).
var rates = bucketsByOperation(map[string]map[string]rate{
	"ecs": {
		"CreateCluster DeleteCluster PutClusterCapacityProviders UpdateCluster":                     {20, 1},
		"DescribeClusters ListClusters":                                                             {50, 20},
		"RegisterTaskDefinition DeregisterTaskDefinition":                                           {20, 1},
		"DeleteTaskDefinitions":                                                                     {5, 1},
		"DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies":                     {50, 20},
		"CreateService UpdateService DeleteService StopServiceDeployment ContinueServiceDeployment": {50, 5},
		"DescribeServices ListServices":                                                             {100, 20},
		"DescribeServiceDeployments ListServiceDeployments":                                         {50, 20},
		"DescribeServiceRevisions":                                                                  {50, 20},
		"RunTask StopTask":                                                                          {100, 40},
		"ListTasks DescribeTasks":                                                                   {100, 20},
		"TagResource UntagResource":                                                                 {20, 10},
		"ListTagsForResource":                                                                       {50, 20},
	},
	"elasticloadbalancing": { // what AWS's own aws-load-balancer-controller keeps to
		"DescribeLoadBalancers DescribeListeners DescribeRules DescribeTargetGroups DescribeTargetHealth DescribeTags": {40, 10},
	},
	"logs": {
		"CreateLogGroup":     {5, 5},
		"DeleteLogGroup":     {5, 5},
		"PutRetentionPolicy": {5, 5},
		"ListTagsForResource TagResource UntagResource": {5, 5},
		"DescribeLogGroups":                             {5, 5},
		"DescribeLogStreams":                            {25, 25},
		"FilterLogEvents":                               {5, 5},
		"GetLogEvents":                                  {10, 10},
	},
	"ssm": {
		"GetParameter GetParameterHistory GetParameters GetParametersByPath": {40, 40},
		"DescribeParameters": {20, 5},
		"PutParameter":       {3, 3},
		"AddTagsToResource ListTagsForResource RemoveTagsFromResource": {5, 5},
		"DeleteParameter DeleteParameters":                             {5, 5},
	},
	"secretsmanager": {
		"DescribeSecret GetSecretValue": {10000, 10000},
		"ListSecrets":                   {20, 20},
		"CreateSecret":                  {50, 50},
		"PutSecretValue UpdateSecret UpdateSecretVersionStage": {50, 50},
		"DeleteSecret":              {50, 50},
		"RestoreSecret":             {50, 50},
		"TagResource UntagResource": {50, 50},
	},
	"servicediscovery": {
		"ListServices":                                  {10, 2},
		"CreateService DeleteService":                   {50, 5},
		"GetNamespace GetService ListInstances":         {50, 50},
		"ListTagsForResource TagResource UntagResource": {50, 5},
		"DeregisterInstance":                            {100, 50},
	},
	"iam": {
		"CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePermissionsBoundary " +
			"PutRolePolicy SimulatePrincipalPolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription": {10, 10},
	},
	"ec2": {
		"DescribeRouteTables DescribeSecurityGroups DescribeSubnets": {100, 20},
	},
	"kms": {
		"DescribeKey": {500, 500},
	},
	"sts": {
		"GetCallerIdentity": {20, 20},
	},
	"tagging": {
		"GetResources": {5, 5},
	},
})

// bucketOf is the bucket of one operation.
type bucketOf struct {
	name string
	rate
}

func bucketsByOperation(services map[string]map[string]rate) map[string]bucketOf {
	out := map[string]bucketOf{}
	for service, buckets := range services {
		for operations, r := range buckets {
			for operation := range strings.FieldsSeq(operations) {
				out[service+" "+operation] = bucketOf{service + " " + operations, r}
			}
		}
	}
	return out
}

// take takes a token for the call from the rate bucket its operation belongs to; false means that the bucket is empty. Each region of each
// account has its own buckets.
func (a *AWS) take(c *call) bool {
	of, ok := rates[c.serviceName+" "+c.operation]
	if !ok {
		return true
	}
	key := accountOf(c.key) + " " + c.regionName + " " + of.name
	now := a.now()
	b := a.buckets[key]
	if b == nil {
		b = &tokenBucket{tokens: of.burst, at: now}
		a.buckets[key] = b
	}
	b.tokens = min(of.burst, b.tokens+now.Sub(b.at).Seconds()*of.perSecond)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

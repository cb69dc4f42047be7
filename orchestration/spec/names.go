// Package spec says what the things of ours in AWS look like: their names, defaults, policies, and what of a caller's request is refused before AWS
// sees it. It owns one rule: it is pure. It calls nothing, so that what is decided with it can be tested as a table.
package spec

import (
	"slices"
	"strconv"
	"strings"

	"ecs-api/common"
	"ecs-api/orchestration/account"
)

// RevisionOf returns the number of a revision that is given as family:revision or ARN; 0 for what names none.
func RevisionOf(taskDefinition string) int {
	n, _ := strconv.Atoi(taskDefinition[strings.LastIndexByte(taskDefinition, ':')+1:])
	return n
}

// ecs's limits, and the longest name of a cluster: it is a part of its role's name, which has at most 64 characters.
const (
	MaxContainers      = 10
	MaxServiceRegistry = 1
)

// MaxCluster is how long the name of a cluster with an execution role may be.
var MaxCluster = 64 - len(RoleName(""))

// RoleName returns the name of the execution role of the tasks in a cluster.
func RoleName(cluster string) string { return cluster + "-ecsTaskExecution" }

// RoleCluster returns the cluster whose execution role has the name; false if it is none of ours.
func RoleCluster(role string) (cluster string, ok bool) {
	cluster, ok = strings.CutSuffix(role, RoleName(""))
	return cluster, ok && account.IsName(cluster) && len(cluster) <= MaxCluster
}

// SecretPrefix begins the names of a space's secrets.
func SecretPrefix(org, cluster string) string { return "spinup/" + org + "/" + cluster + "/" }

// ParameterPrefix begins the names of a space's parameters.
func ParameterPrefix(org, cluster string) string { return "/" + org + "/" + cluster + "/" }

// LogRetentionDays is how long the logs of a space are kept.
const LogRetentionDays = 365

// Tags returns the tags of something in a space: the caller's, but for those that are ours to set, then ours. Flavor is service or task.
func Tags(org, cluster, flavor, owner string, callers ...common.Tag) common.Tags {
	return WithoutReserved(common.Tags(nil).With(callers...)).With(
		common.Tag{Key: common.TagOrg, Value: org},
		common.Tag{Key: common.TagSpace, Value: cluster},
		common.Tag{Key: common.TagType, Value: "container"},
		common.Tag{Key: common.TagFlavor, Value: flavor},
		common.Tag{Key: common.TagRequest, Value: owner},
	)
}

// reservedKeys are the keys of the tags that are ours to set.
var reservedKeys = []string{common.TagOrg, common.TagSpace, common.TagType, common.TagFlavor, common.TagRequest, common.TagDeleting, common.TagCaller, common.TagRequestID}

// WithoutReserved returns a caller's tags without those that are ours to set.
func WithoutReserved(tags common.Tags) common.Tags { return tags.Without(reservedKeys...) }

// IsReservedTag reports whether the tag is ours to set.
func IsReservedTag(key string) bool { return slices.Contains(reservedKeys, key) }

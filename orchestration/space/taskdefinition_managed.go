package space

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// IsManaged reports whether the tags are those of a managed task definition in the cluster.
func IsManaged(tags common.Tags, org, cluster string) bool {
	home, _ := tags.Get(common.TagSpace)
	flavor, _ := tags.Get(common.TagFlavor)
	return tags.TaggedFor(org) && home == cluster && flavor == FlavorTask
}

// CheckFamily is a Conflict if the family, whose newest revision is given, is that of a managed task definition: a revision of another kind, such as
// a service's, would end that, and leave what was created for it behind.
func CheckFamily(newest *awsecs.DescribeTaskDefinitionOutput) error {
	if resource.RevisionState(newest) == nil {
		return nil
	}
	tags := ecs.ToTags(newest.Tags)
	if flavor, _ := tags.Get(common.TagFlavor); flavor != FlavorTask {
		return nil
	}
	home, _ := tags.Get(common.TagSpace)
	family := aws.StringValue(newest.TaskDefinition.Family)
	return common.Coded(common.CodeNameTaken, "%s is a managed task definition of cluster %s. Change it with PUT or PATCH …/clusters/%s/taskdefs/%s, or choose another family", family, home, home, family)
}

// ManagedFamilies returns the families of the managed task definitions in the cluster that have an ACTIVE revision, sorted. AWS finds them by their
// tags, which it shows some minutes late (eventual consistency).
func ManagedFamilies(ctx context.Context, a *account.Account, cluster string) ([]string, error) {
	found, err := a.Tagging.Find(ctx, common.Tags{{Key: common.TagOrg, Value: a.Org}, {Key: common.TagSpace, Value: cluster},
		{Key: common.TagFlavor, Value: FlavorTask}},
		"ecs:task-definition")
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var tagged []string
	for _, r := range found {
		tagged = append(tagged, account.FamilyOf(r.ARN))
	}
	slices.Sort(tagged)
	tagged = slices.Compact(tagged)
	active, err := activeFamilies(ctx, a, tagged)
	return slices.DeleteFunc(tagged, func(family string) bool { return !active[family] }), err
}

// activeFamilies returns those of the families that have an ACTIVE revision: tags outlive that. ECS lists families by a prefix of theirs.
func activeFamilies(ctx context.Context, a *account.Account, families []string) (map[string]bool, error) {
	listed, err := a.ECS.ListTaskDefinitionFamilies(ctx, commonPrefix(families), awsecs.TaskDefinitionFamilyStatusActive)
	active := map[string]bool{}
	for _, family := range listed {
		active[family] = true
	}
	return active, err
}

// commonPrefix returns what all of the sorted names begin with.
func commonPrefix(sorted []string) string {
	first, last := sorted[0], sorted[len(sorted)-1]
	i := 0
	for i < len(first) && i < len(last) && first[i] == last[i] {
		i++
	}
	return first[:i]
}

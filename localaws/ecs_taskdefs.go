package localaws

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/private/protocol/json/jsonutil"

	"ecs-api/ecs/sdk/ecs"
)

// ecsFamily is all revisions of one name, oldest first. It stays when they are deleted, so that no number is given out twice.
type ecsFamily struct {
	name      string
	last      int
	revisions []*ecsRevision
}

// ecsRevision is one task definition.
type ecsRevision struct {
	family *ecsFamily
	number int
	out    ecs.TaskDefinition // as ECS returns it
	tags   tagList
}

func (rev *ecsRevision) status() string { return *rev.out.Status }
func (rev *ecsRevision) arn() string    { return *rev.out.TaskDefinitionArn }

// key is where the region's revisions keep this one: by family, then by number. A blank sorts before what a family's name may have: fam comes
// before fam-2.
func (rev *ecsRevision) key() string { return fmt.Sprintf("%s %08d", rev.family.name, rev.number) }

// show returns a copy of the definition.
func (rev *ecsRevision) show() *ecs.TaskDefinition {
	out := rev.out
	return &out
}

// latest returns the newest ACTIVE revision, or nil.
func (f *ecsFamily) latest() *ecsRevision {
	for _, rev := range slices.Backward(f.revisions) {
		if rev.status() == ecs.TaskDefinitionStatusActive {
			return rev
		}
	}
	return nil
}

// revision returns what an ARN, a family with a revision, or a family (its newest ACTIVE revision) means, or nil.
func (r *request) revision(ref string) *ecsRevision {
	if strings.HasPrefix(ref, "arn:") {
		var ok bool
		if ref, ok = strings.CutPrefix(ref, r.arn("ecs", "task-definition/")); !ok {
			return nil
		}
	}
	name, number, exact := strings.Cut(ref, ":")
	f, ok := r.region.ecs.families.get(name)
	if !ok {
		return nil
	}
	if !exact {
		return f.latest()
	}
	n, _ := strconv.Atoi(number) // what is no number is no revision's
	i, ok := slices.BinarySearchFunc(f.revisions, n, func(rev *ecsRevision, n int) int { return rev.number - n })
	if !ok {
		return nil
	}
	return f.revisions[i]
}

// usableRevision returns the revision that a service or a task is to be made of.
func (r *request) usableRevision(ref *string) (*ecsRevision, error) {
	if aws.StringValue(ref) == "" {
		return nil, invalid("TaskDefinition can not be blank.")
	}
	rev := r.revision(*ref)
	switch {
	case rev == nil:
		return nil, clientError("TaskDefinition not found.")
	case rev.status() != ecs.TaskDefinitionStatusActive:
		return nil, clientError("TaskDefinition is inactive")
	}
	return rev, nil
}

func registerTaskDefinition(r *request, in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if in.Tags != nil && len(in.Tags) == 0 {
		return nil, clientError("Tags can not be empty.")
	}
	tags := readTags(in.Tags, ecsPair)
	if problem := tags.problem(); problem != "" {
		return nil, clientError("Invalid tags: %s.", problem)
	}
	if len(tags) > maxTags {
		return nil, clientError("The resource can have at most %d tags.", maxTags)
	}
	if body, err := jsonutil.BuildJSON(in); err != nil || len(body) > maxDefinition {
		return nil, clientError("Actual length: '%d'. Max allowed length is '%d' bytes.", len(body), maxDefinition)
	}
	if err := checkDefinition(in); err != nil {
		return nil, err
	}
	if err := firstError(r.checkPassRole(in.ExecutionRoleArn), r.checkPassRole(in.TaskRoleArn)); err != nil {
		return nil, err
	}
	rev := r.addRevision(in)
	rev.tags = tags
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: rev.show(), Tags: tags.shown()}, nil
}

// maxDefinition is the largest task definition, in bytes.
const maxDefinition = 64 << 10

// addRevision adds what was checked to its family.
func (r *request) addRevision(in *ecs.RegisterTaskDefinitionInput) *ecsRevision {
	name := *in.Family
	f, ok := r.region.ecs.families.get(name)
	if !ok {
		f = &ecsFamily{name: name}
		r.region.ecs.families.put(name, f)
	}
	f.last++
	caller, _ := r.caller()
	rev := &ecsRevision{family: f, number: f.last, out: ecs.TaskDefinition{
		TaskDefinitionArn:       aws.String(r.arn("ecs", fmt.Sprintf("task-definition/%s:%d", name, f.last))),
		Family:                  in.Family,
		Revision:                aws.Int64(int64(f.last)),
		Status:                  aws.String(ecs.TaskDefinitionStatusActive),
		Compatibilities:         compatibilities(in),
		ContainerDefinitions:    containersWithDefaults(in),
		Cpu:                     normalSize(in.Cpu, cpuUnits),
		Memory:                  normalSize(in.Memory, memoryUnits),
		EnableFaultInjection:    in.EnableFaultInjection,
		EphemeralStorage:        in.EphemeralStorage,
		ExecutionRoleArn:        in.ExecutionRoleArn,
		TaskRoleArn:             in.TaskRoleArn,
		NetworkMode:             in.NetworkMode,
		IpcMode:                 in.IpcMode,
		PidMode:                 in.PidMode,
		InferenceAccelerators:   in.InferenceAccelerators,
		PlacementConstraints:    orEmpty(in.PlacementConstraints),
		ProxyConfiguration:      in.ProxyConfiguration,
		RequiresCompatibilities: in.RequiresCompatibilities,
		RuntimePlatform:         in.RuntimePlatform,
		Volumes:                 orEmpty(in.Volumes),
		RegisteredAt:            aws.Time(r.now),
		RegisteredBy:            aws.String(caller),
	}}
	f.revisions = append(f.revisions, rev)
	r.region.ecs.revisions.put(rev.key(), rev)
	return rev
}

// checkPassRole refuses a role that ECS cannot be given: one that is no role's ARN, and one that IAM does not show to ECS (yet).
func (r *request) checkPassRole(arn *string) error {
	switch {
	case arn == nil:
		return nil
	case !strings.HasPrefix(*arn, "arn:aws:iam::") || !strings.Contains(*arn, ":role/"):
		return clientError("Role is not valid")
	case !r.account.iam.usableRole(r.aws, *arn):
		caller, _ := r.caller()
		return refuse(ecs.ErrCodeAccessDeniedException,
			"User: %s is not authorized to perform: iam:PassRole on resource: %s because no identity-based policy allows the iam:PassRole action", caller, *arn)
	}
	return nil
}

func describeTaskDefinition(r *request, in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	rev := r.revision(aws.StringValue(in.TaskDefinition))
	if rev == nil {
		return nil, clientError("Unable to describe task definition.")
	}
	out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: rev.show()}
	if wants(in.Include, ecs.TaskDefinitionFieldTags) {
		out.Tags = rev.tags.shown()
	}
	return out, nil
}

func listTaskDefinitions(r *request, in *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
	err := firstError(oneOf("status", in.Status, ecs.TaskDefinitionStatus_Values()), oneOf("sort", in.Sort, ecs.SortOrder_Values()))
	if err != nil {
		return nil, err
	}
	status := ecs.TaskDefinitionStatusActive
	if in.Status != nil {
		status = *in.Status
	}
	match := func(rev *ecsRevision) bool {
		return rev.status() == status && (in.FamilyPrefix == nil || rev.family.name == *in.FamilyPrefix)
	}
	var page []*ecsRevision
	var next *string
	if aws.StringValue(in.Sort) == ecs.SortOrderDesc {
		page, next, err = r.revisionsBackward(in, match)
	} else {
		page, next, err = ecsPage(&r.region.ecs.revisions, in.NextToken, in.MaxResults, 100, match)
	}
	if err != nil {
		return nil, err
	}
	out := &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: []*string{}, NextToken: next}
	for _, rev := range page {
		out.TaskDefinitionArns = append(out.TaskDefinitionArns, rev.out.TaskDefinitionArn)
	}
	return out, nil
}

// revisionsBackward returns a page of the matching revisions, newest first.
func (r *request) revisionsBackward(in *ecs.ListTaskDefinitionsInput, match func(*ecsRevision) bool) ([]*ecsRevision, *string, error) {
	limit, err := ecsPageLimit(in.MaxResults, 100)
	if err != nil {
		return nil, nil, err
	}
	var matching []*ecsRevision
	for _, rev := range r.region.ecs.revisions.all() {
		if match(rev) {
			matching = append(matching, rev)
		}
	}
	slices.Reverse(matching)
	page, next, err := pageOf(matching, in.NextToken, limit)
	if err != nil {
		return nil, nil, invalid("Invalid token. Start the pagination again.")
	}
	return page, next, nil
}

func listTaskDefinitionFamilies(r *request, in *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	if err := oneOf("status", in.Status, ecs.TaskDefinitionFamilyStatus_Values()); err != nil {
		return nil, err
	}
	page, next, err := ecsPage(&r.region.ecs.families, in.NextToken, in.MaxResults, 100, func(f *ecsFamily) bool {
		if !strings.HasPrefix(f.name, aws.StringValue(in.FamilyPrefix)) {
			return false
		}
		active := f.latest() != nil
		switch aws.StringValue(in.Status) {
		case ecs.TaskDefinitionFamilyStatusActive:
			return active
		case ecs.TaskDefinitionFamilyStatusInactive:
			return !active
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	out := &ecs.ListTaskDefinitionFamiliesOutput{Families: []*string{}, NextToken: next}
	for _, f := range page {
		out.Families = append(out.Families, aws.String(f.name))
	}
	return out, nil
}

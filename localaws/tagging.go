package localaws

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	tagging "github.com/aws/aws-sdk-go/service/resourcegroupstaggingapi"
)

// Limits of GetResources.
const (
	maxTaggedPage     = 100
	defaultTaggedPage = 50
	maxTagFilters     = 50
	maxTagValues      = 20
	maxTaggedARNs     = 100
)

func taggingOperations() map[string]operation {
	return map[string]operation{
		"GetResources": op(getResources),
	}
}

func taggingInvalid(format string, args ...any) error {
	return refuse(tagging.ErrCodeInvalidParameterException, format, args...)
}

// taggedResource is what the tagging API finds.
type taggedResource struct {
	arn  string
	tags tagList
}

// taggedResources returns all resources of the region that have tags, by their ARNs. IAM's roles are not among them.
func (r *request) taggedResources() []taggedResource {
	var out []taggedResource
	for _, source := range []tagged{
		r.region.ecs.tagged(),
		r.region.secrets.tagged(),
		r.region.parameters.tagged(r.arn("ssm", "parameter")),
		r.region.logs.tagged(),
		r.region.servicediscovery.tagged(),
		r.region.elb.tagged(),
	} {
		for arn, tags := range source {
			if len(tags) > 0 {
				out = append(out, taggedResource{arn, tags})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].arn < out[j].arn })
	return out
}

// tagIndex is what the tagging API knows of a region, which follows what happens with a delay (Lags.Tagging): of each resource what its tags
// have been, oldest first. It is kept only for a simulator that has such a delay.
type tagIndex map[string][]indexedTags

// indexedTags is what a resource's tags were from a time on; none once it is gone.
type indexedTags struct {
	from time.Time
	tags tagList
}

// observe notes what the resources' tags are now.
func (x tagIndex) observe(now time.Time, all []taggedResource) {
	seen := map[string]bool{}
	for _, res := range all {
		seen[res.arn] = true
		x.note(now, res.arn, res.tags)
	}
	for arn := range x {
		if !seen[arn] {
			x.note(now, arn, nil)
		}
	}
}

func (x tagIndex) note(now time.Time, arn string, tags tagList) {
	known := x[arn]
	if len(known) == 0 || !slices.Equal(known[len(known)-1].tags, tags) {
		x[arn] = append(known, indexedTags{now, slices.Clone(tags)})
	}
}

// at returns what the index showed at a time.
func (x tagIndex) at(t time.Time) []taggedResource {
	var out []taggedResource
	for arn, known := range x {
		var tags tagList
		for _, one := range known {
			if !one.from.After(t) {
				tags = one.tags
			}
		}
		if len(tags) > 0 {
			out = append(out, taggedResource{arn, tags})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].arn < out[j].arn })
	return out
}

// indexTags brings the region's index up to date after an operation.
func (r *request) indexTags() {
	if r.aws.lags.Tagging == 0 {
		return
	}
	if r.region.tags == nil {
		r.region.tags = tagIndex{}
	}
	r.region.tags.observe(r.now, r.taggedResources())
}

// indexedResources returns what the tagging API shows now.
func (r *request) indexedResources() []taggedResource {
	if r.aws.lags.Tagging == 0 {
		return r.taggedResources()
	}
	return r.region.tags.at(r.now.Add(-r.aws.lags.Tagging))
}

// resourceType returns a resource's type as filters write it, such as "ecs:service".
func resourceType(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	kind := parts[5]
	if i := strings.IndexAny(kind, ":/"); i >= 0 {
		kind = kind[:i]
	}
	return parts[2] + ":" + kind
}

func getResources(r *request, in *tagging.GetResourcesInput) (*tagging.GetResourcesOutput, error) {
	limit, ok := pageLimit(in.ResourcesPerPage, defaultTaggedPage, maxTaggedPage)
	if !ok {
		return nil, taggingInvalid("ResourcesPerPage must be between 1 and %d.", maxTaggedPage)
	}
	if err := checkTaggingFilters(in); err != nil {
		return nil, err
	}
	kinds, arns := aws.StringValueSlice(in.ResourceTypeFilters), aws.StringValueSlice(in.ResourceARNList)
	var found []taggedResource
	for _, res := range r.indexedResources() {
		if len(arns) > 0 && !slices.Contains(arns, res.arn) || !isOfKind(res.arn, kinds) {
			continue
		}
		if !slices.ContainsFunc(in.TagFilters, func(f *tagging.TagFilter) bool { return !res.tags.matches(aws.StringValue(f.Key), f.Values) }) {
			found = append(found, res)
		}
	}
	page, next, err := pageOf(found, in.PaginationToken, limit)
	if err != nil {
		return nil, refuse(tagging.ErrCodePaginationTokenExpiredException, "The PaginationToken is not valid.")
	}
	out := &tagging.GetResourcesOutput{PaginationToken: aws.String(aws.StringValue(next)), ResourceTagMappingList: []*tagging.ResourceTagMapping{}}
	for _, res := range page {
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, &tagging.ResourceTagMapping{
			ResourceARN: aws.String(res.arn),
			Tags:        writeTags(res.tags, func(key, value *string) *tagging.Tag { return &tagging.Tag{Key: key, Value: value} }),
		})
	}
	return out, nil
}

// isOfKind reports whether the resource is of one of the kinds: a service, or a service and a type. No kinds are all kinds.
func isOfKind(arn string, kinds []string) bool {
	kind := resourceType(arn)
	service, _, _ := strings.Cut(kind, ":")
	return len(kinds) == 0 || slices.Contains(kinds, kind) || slices.Contains(kinds, service)
}

func checkTaggingFilters(in *tagging.GetResourcesInput) error {
	switch {
	case len(in.ResourceARNList) > 0 && (len(in.TagFilters) > 0 || len(in.ResourceTypeFilters) > 0 || in.ResourcesPerPage != nil || aws.StringValue(in.PaginationToken) != ""):
		return taggingInvalid("ResourceARNList can't be combined with filters or pages.")
	case len(in.ResourceARNList) > maxTaggedARNs:
		return taggingInvalid("ResourceARNList must have no more than %d ARNs.", maxTaggedARNs)
	case len(in.TagFilters) > maxTagFilters:
		return taggingInvalid("There must be no more than %d tag filters.", maxTagFilters)
	}
	for _, f := range in.TagFilters {
		if aws.StringValue(f.Key) == "" || len(f.Values) > maxTagValues {
			return taggingInvalid("A tag filter must have a key and no more than %d values.", maxTagValues)
		}
	}
	return nil
}

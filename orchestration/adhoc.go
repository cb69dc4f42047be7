package orchestration

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/common"
)

// Ad hoc requests show, make or delete one thing of AWS's, as it is. What carries another org's tag is not there for them. What nobody's
// tag is on can be shown and used, and deleted too: the caller names it. All that they make gets our org's tag.

// hidden returns the ARNs of the resources of a type, such as "ecs:task-definition", that carry another org's tag. It asks the tagging
// API, which costs a page per hundred of them where asking for each one's tags would cost a call. That API lags behind: for some minutes
// a list may still name what another org has just made. The name is all it tells; showing it is NotFound at once.
func (o *Orchestrator) hidden(ctx context.Context, kind string) (map[string]bool, error) {
	found, err := o.tagged.Find(ctx, common.Tags{{Key: common.TagOrg}}, kind)
	if err != nil {
		return nil, err
	}
	theirs := map[string]bool{}
	for _, resource := range found {
		if !resource.Tags.BelongsTo(o.account.Org) {
			theirs[resource.ARN] = true
		}
	}
	return theirs, nil
}

// ownTags returns the tags of something that is made ad hoc: the caller's and our org's.
func (o *Orchestrator) ownTags(callers common.Tags) common.Tags {
	return callers.ForOrg(o.account.Org)
}

// adhocRequest returns the tag spinup:request for what one ad hoc request makes. It is no service's, as a service's name is never empty:
// what somebody made for itself is not deleted along with a service that used it.
func adhocRequest() common.Tag {
	return common.Tag{Key: common.TagRequest, Value: tokenPrefix("") + newID()}
}

// resource returns the name in a reference: the reference itself, or what follows the kind in an ARN of the service's. Field is how
// the request calls the reference.
func resource(field, ref, service, kind string) (string, error) {
	if !strings.HasPrefix(ref, "arn:") {
		return ref, nil
	}
	parsed, err := arn.Parse(ref)
	name, ok := strings.CutPrefix(parsed.Resource, kind+"/")
	if err != nil || parsed.Service != service || !ok {
		return "", common.Invalid(common.FieldError{Field: field, Detail: "must be a name or the ARN of a " + kind})
	}
	return name, nil
}

// ClusterNamed returns the name in a reference to a cluster, its name or its ARN. The ARN of another account's or region's is NotFound.
func (o *Orchestrator) ClusterNamed(ctx context.Context, ref string) (string, error) {
	name, err := clusterName(ref)
	if err != nil {
		return "", err
	}
	return name, o.here(ctx, ref, "cluster", name)
}

// ServiceNamed returns the names in references to a cluster and to a service in it, names or ARNs. The ARN of one in another cluster,
// account or region is NotFound.
func (o *Orchestrator) ServiceNamed(ctx context.Context, clusterRef, ref string) (cluster, service string, err error) {
	const field = "service"
	if cluster, err = o.ClusterNamed(ctx, clusterRef); err != nil {
		return "", "", err
	}
	service, err = resource(field, ref, "ecs", "service")
	if err != nil {
		return "", "", err
	}
	if service != ref { // service/NAME until 2018, service/CLUSTER/NAME since
		if in, name, ok := strings.Cut(service, "/"); ok {
			if in != cluster {
				return "", "", gone(cluster, name)
			}
			service = name
		}
	}
	var p problems
	p.name(field, service)
	if err := common.Invalid(p...); err != nil {
		return "", "", err
	}
	return cluster, service, o.here(ctx, ref, field, service)
}

// here returns NotFound for the ARN of what is in another account or region than ours.
func (o *Orchestrator) here(ctx context.Context, ref, kind, name string) error {
	parsed, err := arn.Parse(ref)
	if err != nil {
		return nil // a name is always ours
	}
	us, err := o.whoAmI(ctx)
	if err == nil && (parsed.Partition != us.partition || parsed.AccountID != us.account || parsed.Region != o.account.Region) {
		err = theirs(kind, name)
	}
	return err
}

// within returns the problems of a part of a request as those of a request that is that part alone: without the prefix of its fields.
func (p problems) within(prefix string) problems {
	for i := range p {
		p[i].Field = strings.TrimPrefix(p[i].Field, prefix)
	}
	return p
}

// means reports whether the reference may mean what has the given ARN: it is not the ARN of something else, in another account or region.
func means(ref, have string) bool { return !strings.HasPrefix(ref, "arn:") || ref == have }

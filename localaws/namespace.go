package localaws

import (
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
)

func createPrivateDNSNamespace(r *request, in *servicediscovery.CreatePrivateDnsNamespaceInput) (*servicediscovery.CreatePrivateDnsNamespaceOutput, error) {
	if !strings.HasPrefix(aws.StringValue(in.Vpc), "vpc-") {
		return nil, discoveryInvalid("The VPC %q is not valid.", aws.StringValue(in.Vpc))
	}
	operation, err := r.createNamespace(&namespace{
		name: aws.StringValue(in.Name), kind: servicediscovery.NamespaceTypeDnsPrivate, description: aws.StringValue(in.Description),
		creatorRequestID: aws.StringValue(in.CreatorRequestId), tags: readTags(in.Tags, discoveryPair),
	})
	return &servicediscovery.CreatePrivateDnsNamespaceOutput{OperationId: operation}, err
}

func createHTTPNamespace(r *request, in *servicediscovery.CreateHttpNamespaceInput) (*servicediscovery.CreateHttpNamespaceOutput, error) {
	operation, err := r.createNamespace(&namespace{
		name: aws.StringValue(in.Name), kind: servicediscovery.NamespaceTypeHttp, description: aws.StringValue(in.Description),
		creatorRequestID: aws.StringValue(in.CreatorRequestId), tags: readTags(in.Tags, discoveryPair),
	})
	return &servicediscovery.CreateHttpNamespaceOutput{OperationId: operation}, err
}

// createNamespace adds the namespace and returns the id of the operation that does it.
func (r *request) createNamespace(ns *namespace) (*string, error) {
	s := &r.region.servicediscovery
	if len(ns.name) > maxDiscoveryText || !registryName.MatchString(ns.name) {
		return nil, discoveryInvalid("The namespace name %q is not valid.", ns.name)
	}
	if _, err := checkDiscoveryTags(ns.name, nil, ns.tags); err != nil {
		return nil, err
	}
	for _, old := range s.namespaces.all() {
		if old.kind == ns.kind && strings.EqualFold(old.name, ns.name) {
			return nil, &apiError{http.StatusBadRequest, servicediscovery.ErrCodeNamespaceAlreadyExists, "Namespace already exists.", map[string]any{
				"NamespaceId": old.id, "CreatorRequestId": old.creatorRequestID,
			}}
		}
	}
	ns.id = "ns-" + r.aws.letters(16, lowerAlnum)
	ns.arn = s.arnPrefix + "namespace/" + ns.id
	ns.created = r.now
	s.namespaces.put(ns.id, ns)
	return r.begin(servicediscovery.OperationTypeCreateNamespace, servicediscovery.OperationTargetTypeNamespace, ns.id), nil
}

// properties returns what is particular to the namespace's type.
func (ns *namespace) properties() *servicediscovery.NamespaceProperties {
	p := &servicediscovery.NamespaceProperties{HttpProperties: &servicediscovery.HttpProperties{HttpName: aws.String(ns.name)}}
	if ns.kind != servicediscovery.NamespaceTypeHttp {
		p.DnsProperties = &servicediscovery.DnsProperties{
			HostedZoneId: aws.String("Z" + lettersOf(ns.id, 20, upperAlnum)), SOA: &servicediscovery.SOA{TTL: aws.Int64(15)},
		}
	}
	return p
}

// serviceCount returns how many services the namespace has.
func (s *servicediscoveryState) serviceCount(ns *namespace) int64 {
	var n int64
	for _, reg := range s.registries.all() {
		if reg.namespaceID == ns.id {
			n++
		}
	}
	return n
}

func getNamespace(r *request, in *servicediscovery.GetNamespaceInput) (*servicediscovery.GetNamespaceOutput, error) {
	ns, err := r.namespace(in.Id)
	if err != nil {
		return nil, err
	}
	return &servicediscovery.GetNamespaceOutput{Namespace: &servicediscovery.Namespace{
		Arn: aws.String(ns.arn), CreateDate: aws.Time(ns.created), CreatorRequestId: optional(ns.creatorRequestID),
		Description: optional(ns.description), Id: aws.String(ns.id), Name: aws.String(ns.name), Properties: ns.properties(),
		ServiceCount: aws.Int64(r.region.servicediscovery.serviceCount(ns)), Type: aws.String(ns.kind),
	}}, nil
}

func listNamespaces(r *request, in *servicediscovery.ListNamespacesInput) (*servicediscovery.ListNamespacesOutput, error) {
	limit, ok := pageLimit(in.MaxResults, maxDiscoveryPage, maxDiscoveryPage)
	if !ok {
		return nil, discoveryInvalid("MaxResults must be between 1 and %d.", maxDiscoveryPage)
	}
	for _, f := range in.Filters {
		if name := aws.StringValue(f.Name); !slices.Contains(servicediscovery.NamespaceFilterName_Values(), name) {
			return nil, discoveryInvalid("The filter name %q is not valid.", name)
		}
		if aws.StringValue(f.Condition) != servicediscovery.FilterConditionBeginsWith {
			if err := checkCondition(f.Condition, f.Values); err != nil {
				return nil, err
			}
		}
	}
	s := &r.region.servicediscovery
	page, next, err := s.namespaces.page(in.NextToken, limit, everything)
	if err != nil {
		return nil, discoveryInvalid("The NextToken is not valid.")
	}
	out := &servicediscovery.ListNamespacesOutput{NextToken: next, Namespaces: []*servicediscovery.NamespaceSummary{}}
	for _, ns := range page {
		if ns.matches(in.Filters) {
			out.Namespaces = append(out.Namespaces, &servicediscovery.NamespaceSummary{
				Arn: aws.String(ns.arn), CreateDate: aws.Time(ns.created), Description: optional(ns.description), Id: aws.String(ns.id),
				Name: aws.String(ns.name), Properties: ns.properties(), ServiceCount: aws.Int64(s.serviceCount(ns)), Type: aws.String(ns.kind),
			})
		}
	}
	return out, nil
}

func (ns *namespace) matches(filters []*servicediscovery.NamespaceFilter) bool {
	for _, f := range filters {
		got := map[string]string{
			servicediscovery.NamespaceFilterNameType:     ns.kind,
			servicediscovery.NamespaceFilterNameName:     ns.name,
			servicediscovery.NamespaceFilterNameHttpName: ns.name,
		}[aws.StringValue(f.Name)]
		begins := aws.StringValue(f.Condition) == servicediscovery.FilterConditionBeginsWith
		if !slices.ContainsFunc(aws.StringValueSlice(f.Values), func(want string) bool {
			return got == want || begins && strings.HasPrefix(got, want)
		}) {
			return false
		}
	}
	return true
}

func deleteNamespace(r *request, in *servicediscovery.DeleteNamespaceInput) (*servicediscovery.DeleteNamespaceOutput, error) {
	ns, err := r.namespace(in.Id)
	if err != nil {
		return nil, err
	}
	s := &r.region.servicediscovery
	if s.serviceCount(ns) > 0 {
		return nil, refuse(servicediscovery.ErrCodeResourceInUse, "Namespace has associated services; delete the services before deleting the namespace")
	}
	s.namespaces.delete(ns.id)
	return &servicediscovery.DeleteNamespaceOutput{OperationId: r.begin(servicediscovery.OperationTypeDeleteNamespace, servicediscovery.OperationTargetTypeNamespace, ns.id)}, nil
}

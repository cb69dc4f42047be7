package localaws

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
)

// Limits of Cloud Map.
const (
	maxDiscoveryPage    = 100
	maxCreatorRequestID = 64
	maxRegistryName     = 127
	maxDiscoveryText    = 1024
	maxTTL              = 2147483647
)

// registryName is labels of up to 63 letters with dots between them, such as a name of DNS. Labels may begin with an underscore.
var registryName = regexp.MustCompile(`^((_|[a-zA-Z0-9])([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.(_|[a-zA-Z0-9])([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$`)

func createRegistry(r *request, in *servicediscovery.CreateServiceInput) (*servicediscovery.CreateServiceOutput, error) {
	reg := &registry{
		name:             aws.StringValue(in.Name),
		namespaceID:      aws.StringValue(in.NamespaceId),
		description:      aws.StringValue(in.Description),
		creatorRequestID: aws.StringValue(in.CreatorRequestId),
		created:          r.now,
		check:            in.HealthCheckConfig,
		customCheck:      in.HealthCheckCustomConfig,
		tags:             readTags(in.Tags, discoveryPair),
	}
	if in.DnsConfig != nil {
		if reg.namespaceID == "" {
			reg.namespaceID = aws.StringValue(in.DnsConfig.NamespaceId)
		}
		reg.dns = &servicediscovery.DnsConfig{
			DnsRecords: in.DnsConfig.DnsRecords, NamespaceId: aws.String(reg.namespaceID), RoutingPolicy: in.DnsConfig.RoutingPolicy,
		}
		if reg.dns.RoutingPolicy == nil {
			reg.dns.RoutingPolicy = aws.String(servicediscovery.RoutingPolicyMultivalue)
		}
	}
	if reg.customCheck != nil { // AWS ignores what was asked for
		reg.customCheck = &servicediscovery.HealthCheckCustomConfig{FailureThreshold: aws.Int64(1)}
	}
	if err := checkRegistry(reg); err != nil {
		return nil, err
	}
	ns, err := r.namespace(&reg.namespaceID)
	if err != nil {
		return nil, err
	}
	if err := reg.settle(ns, aws.StringValue(in.Type)); err != nil {
		return nil, err
	}
	s := &r.region.servicediscovery
	if old, ok := s.sameName(reg); ok {
		if old.creatorRequestID == reg.creatorRequestID && old.sameSettings(reg) {
			return &servicediscovery.CreateServiceOutput{Service: old.service()}, nil
		}
		return nil, &apiError{http.StatusBadRequest, servicediscovery.ErrCodeServiceAlreadyExists, "Service already exists.", map[string]any{
			"ServiceId": old.id, "CreatorRequestId": old.creatorRequestID,
		}}
	}
	// A service that is made again under its old name gets its old id.
	reg.id = "srv-" + lettersOf(s.arnPrefix+ns.id+"/"+strings.ToLower(reg.name), 16, lowerAlnum)
	reg.arn = s.arnPrefix + "service/" + reg.id
	s.registries.put(reg.id, reg)
	return &servicediscovery.CreateServiceOutput{Service: reg.service()}, nil
}

func (s *servicediscoveryState) sameName(reg *registry) (*registry, bool) {
	for _, old := range s.registries.all() {
		if old.namespaceID == reg.namespaceID && strings.EqualFold(old.name, reg.name) {
			return old, true
		}
	}
	return nil, false
}

func (reg *registry) sameSettings(o *registry) bool {
	return reg.name == o.name && reg.kind == o.kind && reg.description == o.description && reflect.DeepEqual(reg.dns, o.dns) &&
		reflect.DeepEqual(reg.check, o.check) && reflect.DeepEqual(reg.customCheck, o.customCheck)
}

// checkRegistry refuses what is wrong with a new service whatever its namespace is.
func checkRegistry(reg *registry) error {
	switch {
	case len(reg.name) > maxRegistryName || !registryName.MatchString(reg.name):
		return discoveryInvalid("The service name %q is not valid: it must be up to %d characters, in labels of 1 to 63 letters, digits, hyphens and underscores.", reg.name, maxRegistryName)
	case len(reg.creatorRequestID) > maxCreatorRequestID:
		return discoveryInvalid("CreatorRequestId must have no more than %d characters.", maxCreatorRequestID)
	case len(reg.description) > maxDiscoveryText:
		return discoveryInvalid("Description must have no more than %d characters.", maxDiscoveryText)
	case reg.namespaceID == "":
		return discoveryInvalid("A NamespaceId must be given.")
	case reg.check != nil && reg.customCheck != nil:
		return discoveryInvalid("You can specify either HealthCheckConfig or HealthCheckCustomConfig, but not both.")
	}
	if reg.dns != nil {
		if err := checkDNS(reg.dns); err != nil {
			return err
		}
	}
	_, err := checkDiscoveryTags(reg.name, nil, reg.tags)
	return err
}

// checkDNS refuses records that do not go together.
func checkDNS(dns *servicediscovery.DnsConfig) error {
	if len(dns.DnsRecords) == 0 {
		return discoveryInvalid("DnsConfig must have at least one DnsRecord.")
	}
	seen := map[string]bool{}
	for _, record := range dns.DnsRecords {
		kind := aws.StringValue(record.Type)
		switch {
		case !slices.Contains(servicediscovery.RecordType_Values(), kind):
			return discoveryInvalid("The record type %q is not valid.", kind)
		case record.TTL == nil || *record.TTL < 0 || *record.TTL > maxTTL:
			return discoveryInvalid("The TTL of a record must be between 0 and %d.", maxTTL)
		case seen[kind]:
			return discoveryInvalid("There must be no more than one record of type %s.", kind)
		}
		seen[kind] = true
	}
	policy := aws.StringValue(dns.RoutingPolicy)
	switch {
	case !slices.Contains(servicediscovery.RoutingPolicy_Values(), policy):
		return discoveryInvalid("The routing policy %q is not valid.", policy)
	case seen[servicediscovery.RecordTypeCname] && len(seen) > 1:
		return discoveryInvalid("A CNAME record can't be combined with records of other types.")
	case seen[servicediscovery.RecordTypeCname] && policy != servicediscovery.RoutingPolicyWeighted:
		return discoveryInvalid("A CNAME record needs the routing policy WEIGHTED.")
	}
	return nil
}

// settle sets the service's type, or says why the service does not suit its namespace.
func (reg *registry) settle(ns *namespace, wanted string) error {
	switch {
	case wanted != "" && wanted != servicediscovery.ServiceTypeOptionHttp:
		return discoveryInvalid("The service type %q is not valid.", wanted)
	case ns.kind == servicediscovery.NamespaceTypeHttp && reg.dns != nil:
		return discoveryInvalid("DnsConfig is not supported in an HTTP namespace.")
	case ns.kind == servicediscovery.NamespaceTypeDnsPrivate && reg.check != nil:
		return discoveryInvalid("HealthCheckConfig is not supported in a private DNS namespace.")
	case wanted != "" && reg.dns != nil:
		return discoveryInvalid("A service of type HTTP can't have a DnsConfig.")
	}
	reg.kind = servicediscovery.ServiceTypeHttp
	if reg.dns != nil {
		reg.kind = servicediscovery.ServiceTypeDnsHttp
	}
	return nil
}

// service returns the service as GetService shows it.
func (reg *registry) service() *servicediscovery.Service {
	return &servicediscovery.Service{
		Arn: aws.String(reg.arn), CreateDate: aws.Time(reg.created), CreatorRequestId: optional(reg.creatorRequestID),
		Description: optional(reg.description), DnsConfig: reg.dns, HealthCheckConfig: reg.check, HealthCheckCustomConfig: reg.customCheck,
		Id: aws.String(reg.id), InstanceCount: aws.Int64(int64(reg.instances.len())), Name: aws.String(reg.name),
		NamespaceId: aws.String(reg.namespaceID), Type: aws.String(reg.kind),
	}
}

func getRegistry(r *request, in *servicediscovery.GetServiceInput) (*servicediscovery.GetServiceOutput, error) {
	reg, err := r.registry(in.Id)
	if err != nil {
		return nil, err
	}
	return &servicediscovery.GetServiceOutput{Service: reg.service()}, nil
}

// listRegistries cuts the page first and filters it then, as Cloud Map does: a page may come out empty.
func listRegistries(r *request, in *servicediscovery.ListServicesInput) (*servicediscovery.ListServicesOutput, error) {
	limit, ok := pageLimit(in.MaxResults, maxDiscoveryPage, maxDiscoveryPage)
	if !ok {
		return nil, discoveryInvalid("MaxResults must be between 1 and %d.", maxDiscoveryPage)
	}
	for _, f := range in.Filters {
		if name := aws.StringValue(f.Name); !slices.Contains(servicediscovery.ServiceFilterName_Values(), name) {
			return nil, discoveryInvalid("The filter name %q is not valid.", name)
		}
		if err := checkCondition(f.Condition, f.Values); err != nil {
			return nil, err
		}
	}
	page, next, err := r.region.servicediscovery.registries.page(in.NextToken, limit, everything)
	if err != nil {
		return nil, discoveryInvalid("The NextToken is not valid.")
	}
	out := &servicediscovery.ListServicesOutput{NextToken: next, Services: []*servicediscovery.ServiceSummary{}}
	for _, reg := range page {
		if reg.matches(in.Filters) {
			out.Services = append(out.Services, &servicediscovery.ServiceSummary{
				Arn: aws.String(reg.arn), CreateDate: aws.Time(reg.created), Description: optional(reg.description), DnsConfig: reg.dns,
				HealthCheckConfig: reg.check, HealthCheckCustomConfig: reg.customCheck, Id: aws.String(reg.id),
				InstanceCount: aws.Int64(int64(reg.instances.len())), Name: aws.String(reg.name), Type: aws.String(reg.kind),
			})
		}
	}
	return out, nil
}

func (reg *registry) matches(filters []*servicediscovery.ServiceFilter) bool {
	for _, f := range filters {
		if !slices.Contains(aws.StringValueSlice(f.Values), reg.namespaceID) { // the only filter there is
			return false
		}
	}
	return true
}

// checkCondition refuses the conditions that filters on ids and types do not know.
func checkCondition(condition *string, values []*string) error {
	switch aws.StringValue(condition) {
	case "", servicediscovery.FilterConditionEq:
		if len(values) != 1 {
			return discoveryInvalid("The condition EQ takes exactly one value.")
		}
	case servicediscovery.FilterConditionIn:
		if len(values) == 0 {
			return discoveryInvalid("The condition IN takes at least one value.")
		}
	default:
		return discoveryInvalid("The filter condition %q is not valid here.", aws.StringValue(condition))
	}
	return nil
}

func deleteRegistry(r *request, in *servicediscovery.DeleteServiceInput) (*servicediscovery.DeleteServiceOutput, error) {
	reg, err := r.registry(in.Id)
	if err != nil {
		return nil, err
	}
	if reg.instances.len() > 0 {
		return nil, refuse(servicediscovery.ErrCodeResourceInUse, "Service contains registered instances; delete the instances before deleting the service")
	}
	r.region.servicediscovery.registries.delete(reg.id)
	return &servicediscovery.DeleteServiceOutput{}, nil
}

// updateRegistry replaces what it is given. Records that are left out are deleted; what is there keeps its type.
func updateRegistry(r *request, in *servicediscovery.UpdateServiceInput) (*servicediscovery.UpdateServiceOutput, error) {
	reg, err := r.registry(in.Id)
	if err != nil {
		return nil, err
	}
	change := in.Service
	if change == nil {
		return nil, discoveryInvalid("A Service must be given.")
	}
	var dns *servicediscovery.DnsConfig
	if change.DnsConfig != nil {
		if reg.dns == nil {
			return nil, discoveryInvalid("DNS records can't be added to a service that was made without them.")
		}
		dns = &servicediscovery.DnsConfig{DnsRecords: change.DnsConfig.DnsRecords, NamespaceId: reg.dns.NamespaceId, RoutingPolicy: reg.dns.RoutingPolicy}
		if err := checkDNS(dns); err != nil {
			return nil, err
		}
		for _, record := range dns.DnsRecords {
			if !slices.ContainsFunc(reg.dns.DnsRecords, func(old *servicediscovery.DnsRecord) bool {
				return aws.StringValue(old.Type) == aws.StringValue(record.Type)
			}) {
				return nil, discoveryInvalid("The type of a DNS record can't be changed.")
			}
		}
	}
	reg.dns, reg.check = dns, change.HealthCheckConfig
	if change.Description != nil {
		reg.description = *change.Description
	}
	return &servicediscovery.UpdateServiceOutput{OperationId: r.begin(servicediscovery.OperationTypeUpdateService, servicediscovery.OperationTargetTypeService, reg.id)}, nil
}

package localaws

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
)

// servicediscoveryState is a region's Cloud Map: namespaces and services by their ids, and the operations that were begun.
type servicediscoveryState struct {
	namespaces ordered[*namespace]
	registries ordered[*registry]
	operations map[string]*discoveryOperation
	arnPrefix  string
}

// namespace is a Cloud Map namespace.
type namespace struct {
	id, arn, name, kind, description, creatorRequestID string
	created                                            time.Time
	tags                                               tagList
}

// registry is a Cloud Map service: a name under which instances are found. What it points to is replaced, never changed.
type registry struct {
	id, arn, name, namespaceID, kind, description, creatorRequestID string
	created                                                         time.Time
	dns                                                             *servicediscovery.DnsConfig
	check                                                           *servicediscovery.HealthCheckConfig
	customCheck                                                     *servicediscovery.HealthCheckCustomConfig
	tags                                                            tagList
	instances                                                       ordered[map[string]string] // attributes by instance id
}

type discoveryOperation struct {
	id, kind, targetKind, target string
	created                      time.Time
}

// newServicediscoveryState returns a Cloud Map that has the namespace "local", as the project's first manual does.
func newServicediscoveryState(accountID, region string) servicediscoveryState {
	s := servicediscoveryState{
		operations: map[string]*discoveryOperation{},
		arnPrefix:  "arn:aws:servicediscovery:" + region + ":" + accountID + ":",
	}
	s.namespaces.put(Namespace, &namespace{
		id: Namespace, arn: s.arnPrefix + "namespace/" + Namespace, name: "local", kind: servicediscovery.NamespaceTypeDnsPrivate,
		created: time.Date(2019, 7, 1, 0, 0, 0, 0, time.UTC),
	})
	return s
}

func (s *servicediscoveryState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, reg := range s.registries.all() {
			if !yield(fmt.Sprintf("service %s (%s)", reg.name, reg.id)) {
				return
			}
		}
		for id, ns := range s.namespaces.all() {
			if id != Namespace && !yield(fmt.Sprintf("namespace %s (%s)", ns.name, id)) {
				return
			}
		}
	}
}

// tagged ranges over what the tagging API finds.
func (s *servicediscoveryState) tagged() tagged {
	return func(yield func(string, tagList) bool) {
		for _, reg := range s.registries.all() {
			if !yield(reg.arn, reg.tags) {
				return
			}
		}
		for _, ns := range s.namespaces.all() {
			if !yield(ns.arn, ns.tags) {
				return
			}
		}
	}
}

// hasService reports whether arn is a service's.
func (s *servicediscoveryState) hasService(arn string) bool {
	_, ok := s.registryByARN(arn)
	return ok
}

// register and deregister add an instance to the service with the given ARN, and take it out, as ECS does for tasks.
func (s *servicediscoveryState) register(arn, instance string, attributes map[string]string) {
	if reg, ok := s.registryByARN(arn); ok {
		reg.instances.put(instance, maps.Clone(attributes))
	}
}

func (s *servicediscoveryState) deregister(arn, instance string) {
	if reg, ok := s.registryByARN(arn); ok {
		reg.instances.delete(instance)
	}
}

func (s *servicediscoveryState) registryByARN(arn string) (*registry, bool) {
	id, ok := strings.CutPrefix(arn, s.arnPrefix+"service/")
	if !ok {
		return nil, false
	}
	return s.registries.get(id)
}

func servicediscoveryOperations() map[string]operation {
	return map[string]operation{
		"CreateHttpNamespace":       op(createHTTPNamespace),
		"CreatePrivateDnsNamespace": op(createPrivateDNSNamespace),
		"CreateService":             op(createRegistry),
		"DeleteNamespace":           op(deleteNamespace),
		"DeleteService":             op(deleteRegistry),
		"DeregisterInstance":        op(deregisterInstance),
		"GetInstance":               op(getInstance),
		"GetNamespace":              op(getNamespace),
		"GetOperation":              op(getDiscoveryOperation),
		"GetService":                op(getRegistry),
		"ListInstances":             op(listInstances),
		"ListNamespaces":            op(listNamespaces),
		"ListServices":              op(listRegistries),
		"ListTagsForResource":       op(listDiscoveryTags),
		"RegisterInstance":          op(registerInstance),
		"TagResource":               op(tagDiscovery),
		"UntagResource":             op(untagDiscovery),
		"UpdateService":             op(updateRegistry),
	}
}

func discoveryTag(key, value *string) *servicediscovery.Tag {
	return &servicediscovery.Tag{Key: key, Value: value}
}
func discoveryPair(t *servicediscovery.Tag) (key, value *string) { return t.Key, t.Value }

func discoveryInvalid(format string, args ...any) error {
	return refuse(servicediscovery.ErrCodeInvalidInput, format, args...)
}

// registry returns the service that id, or an ARN, names.
func (r *request) registry(id *string) (*registry, error) {
	s := &r.region.servicediscovery
	name := strings.TrimPrefix(aws.StringValue(id), s.arnPrefix+"service/")
	if reg, ok := s.registries.get(name); ok {
		return reg, nil
	}
	return nil, refuse(servicediscovery.ErrCodeServiceNotFound, "Could not find service with ID: %s", name)
}

// namespace returns the namespace that id, or an ARN, names.
func (r *request) namespace(id *string) (*namespace, error) {
	s := &r.region.servicediscovery
	name := strings.TrimPrefix(aws.StringValue(id), s.arnPrefix+"namespace/")
	if ns, ok := s.namespaces.get(name); ok {
		return ns, nil
	}
	return nil, refuse(servicediscovery.ErrCodeNamespaceNotFound, "Could not find namespace with ID: %s", name)
}

// begin records an operation, which is done as soon as anybody asks, and returns its id.
func (r *request) begin(kind, targetKind, target string) *string {
	o := &discoveryOperation{id: r.aws.letters(32, lowerAlnum), kind: kind, targetKind: targetKind, target: target, created: r.now}
	r.region.servicediscovery.operations[o.id] = o
	return aws.String(o.id)
}

func getDiscoveryOperation(r *request, in *servicediscovery.GetOperationInput) (*servicediscovery.GetOperationOutput, error) {
	o, ok := r.region.servicediscovery.operations[aws.StringValue(in.OperationId)]
	if !ok {
		return nil, refuse(servicediscovery.ErrCodeOperationNotFound, "Could not find operation with ID: %s", aws.StringValue(in.OperationId))
	}
	return &servicediscovery.GetOperationOutput{Operation: &servicediscovery.Operation{
		CreateDate: aws.Time(o.created), Id: aws.String(o.id), Status: aws.String(servicediscovery.OperationStatusSuccess),
		Targets: map[string]*string{o.targetKind: aws.String(o.target)}, Type: aws.String(o.kind), UpdateDate: aws.Time(o.created),
	}}, nil
}

// discoveryTags returns where the tags of the service or namespace with the ARN are kept.
func (r *request) discoveryTags(arn *string) (*tagList, error) {
	s := &r.region.servicediscovery
	if reg, ok := s.registryByARN(aws.StringValue(arn)); ok {
		return &reg.tags, nil
	}
	if id, ok := strings.CutPrefix(aws.StringValue(arn), s.arnPrefix+"namespace/"); ok {
		if ns, ok := s.namespaces.get(id); ok {
			return &ns.tags, nil
		}
	}
	return nil, refuse(servicediscovery.ErrCodeResourceNotFoundException, "Resource with ARN %s not found.", aws.StringValue(arn))
}

// checkDiscoveryTags returns old with given set on it, or why that cannot be.
func checkDiscoveryTags(name string, old, given tagList) (tagList, error) {
	if problem := given.problem(); problem != "" {
		return nil, discoveryInvalid("%s", problem)
	}
	merged := old.with(given)
	if len(merged) > maxTags {
		return nil, &apiError{http.StatusBadRequest, servicediscovery.ErrCodeTooManyTagsException, fmt.Sprintf("A resource can have no more than %d tags.", maxTags), map[string]any{"ResourceName": name}}
	}
	return merged, nil
}

func listDiscoveryTags(r *request, in *servicediscovery.ListTagsForResourceInput) (*servicediscovery.ListTagsForResourceOutput, error) {
	tags, err := r.discoveryTags(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &servicediscovery.ListTagsForResourceOutput{Tags: writeTags(*tags, discoveryTag)}, nil
}

func tagDiscovery(r *request, in *servicediscovery.TagResourceInput) (*servicediscovery.TagResourceOutput, error) {
	tags, err := r.discoveryTags(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	merged, err := checkDiscoveryTags(aws.StringValue(in.ResourceARN), *tags, readTags(in.Tags, discoveryPair))
	if err != nil {
		return nil, err
	}
	*tags = merged
	return &servicediscovery.TagResourceOutput{}, nil
}

func untagDiscovery(r *request, in *servicediscovery.UntagResourceInput) (*servicediscovery.UntagResourceOutput, error) {
	tags, err := r.discoveryTags(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	*tags = tags.without(in.TagKeys)
	return &servicediscovery.UntagResourceOutput{}, nil
}

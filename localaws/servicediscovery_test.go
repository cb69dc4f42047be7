package localaws_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

func newRegistry(name string) *servicediscovery.CreateServiceInput {
	return &servicediscovery.CreateServiceInput{
		Name:                    aws.String(name),
		CreatorRequestId:        aws.String("request-1"),
		HealthCheckCustomConfig: &servicediscovery.HealthCheckCustomConfig{FailureThreshold: aws.Int64(1)},
		DnsConfig: &servicediscovery.DnsConfig{
			NamespaceId: aws.String(localaws.Namespace),
			DnsRecords:  []*servicediscovery.DnsRecord{{TTL: aws.Int64(30), Type: aws.String("A")}},
		},
	}
}

func registryTags(pairs ...string) []*servicediscovery.Tag {
	var out []*servicediscovery.Tag
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &servicediscovery.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return out
}

func TestARegistryFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	client := servicediscovery.New(newSession(t, sim))
	in := newRegistry("www")
	in.Description, in.Tags = aws.String("text"), registryTags("k", "v")
	created := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(in)).Service
	want := &servicediscovery.Service{
		Arn:                     aws.String("arn:aws:servicediscovery:us-east-1:123456789012:service/" + *created.Id),
		CreateDate:              aws.Time(clock.Now()),
		CreatorRequestId:        aws.String("request-1"),
		Description:             aws.String("text"),
		DnsConfig:               &servicediscovery.DnsConfig{NamespaceId: aws.String(localaws.Namespace), DnsRecords: in.DnsConfig.DnsRecords, RoutingPolicy: aws.String("MULTIVALUE")},
		HealthCheckCustomConfig: in.HealthCheckCustomConfig,
		Id:                      created.Id,
		InstanceCount:           aws.Int64(0),
		Name:                    aws.String("www"),
		NamespaceId:             aws.String(localaws.Namespace),
		Type:                    aws.String("DNS_HTTP"),
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	for _, id := range []*string{created.Id, created.Arn} {
		got := must[*servicediscovery.GetServiceOutput](t)(client.GetService(&servicediscovery.GetServiceInput{Id: id})).Service
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", *id, diff)
		}
	}
	if diff := cmp.Diff([]string{"servicediscovery:service www (" + *created.Id + ")"}, sim.Inventory()); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}

	again := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(in)).Service
	if *again.Id != *created.Id {
		t.Errorf("the same request again made %s beside %s", *again.Id, *created.Id)
	}
	other := newRegistry("WWW")
	other.CreatorRequestId = aws.String("request-2")
	_, err := client.CreateService(other)
	exists, ok := errors.AsType[*servicediscovery.ServiceAlreadyExists](err)
	if !ok || aws.StringValue(exists.ServiceId) != *created.Id || aws.StringValue(exists.CreatorRequestId) != "request-1" || exists.Message() == "" {
		t.Errorf("a service of the same name: %#v", err)
	}

	register := &servicediscovery.RegisterInstanceInput{ServiceId: created.Id, InstanceId: aws.String("i"), Attributes: aws.StringMap(map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})}
	begun := must[*servicediscovery.RegisterInstanceOutput](t)(client.RegisterInstance(register))
	operation := must[*servicediscovery.GetOperationOutput](t)(client.GetOperation(&servicediscovery.GetOperationInput{OperationId: begun.OperationId})).Operation
	if *operation.Status != "SUCCESS" || *operation.Type != "REGISTER_INSTANCE" {
		t.Errorf("operation %v", operation)
	}
	got := must[*servicediscovery.GetServiceOutput](t)(client.GetService(&servicediscovery.GetServiceInput{Id: created.Id})).Service
	instances := must[*servicediscovery.ListInstancesOutput](t)(client.ListInstances(&servicediscovery.ListInstancesInput{ServiceId: created.Id})).Instances
	if *got.InstanceCount != 1 || len(instances) != 1 || *instances[0].Attributes["AWS_INSTANCE_IPV4"] != "10.0.0.1" {
		t.Errorf("%d instances: %v", *got.InstanceCount, instances)
	}
	remove := &servicediscovery.DeleteServiceInput{Id: created.Id}
	if _, err := client.DeleteService(remove); codeOf(err) != servicediscovery.ErrCodeResourceInUse {
		t.Errorf("a service with an instance was deleted: %v", err)
	}
	must[*servicediscovery.DeregisterInstanceOutput](t)(client.DeregisterInstance(&servicediscovery.DeregisterInstanceInput{ServiceId: created.Id, InstanceId: aws.String("i")}))
	must[*servicediscovery.DeleteServiceOutput](t)(client.DeleteService(remove))
	if _, err := client.DeleteService(remove); codeOf(err) != servicediscovery.ErrCodeServiceNotFound {
		t.Errorf("the second deletion: %v", err)
	}
	reborn := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(in)).Service
	if *reborn.Id != *created.Id {
		t.Errorf("made again as %s, was %s", *reborn.Id, *created.Id)
	}
}

func TestCloudMapRefuses(t *testing.T) {
	t.Parallel()
	client := servicediscovery.New(newSession(t, localaws.New()))
	there := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(newRegistry("there"))).Service
	create := func(change func(*servicediscovery.CreateServiceInput)) func() error {
		in := newRegistry("new")
		change(in)
		return func() error { return failing(client.CreateService(in)) }
	}
	records := func(types ...string) func(*servicediscovery.CreateServiceInput) {
		return func(in *servicediscovery.CreateServiceInput) {
			in.DnsConfig.DnsRecords = []*servicediscovery.DnsRecord{}
			for _, t := range types {
				in.DnsConfig.DnsRecords = append(in.DnsConfig.DnsRecords, &servicediscovery.DnsRecord{TTL: aws.Int64(1), Type: aws.String(t)})
			}
		}
	}
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint(i), "v")
	}
	invalid := servicediscovery.ErrCodeInvalidInput
	testRefusals(t, []refusal{
		{"the same request with other settings", create(func(in *servicediscovery.CreateServiceInput) {
			in.Name, in.Description = aws.String("there"), aws.String("x")
		}), servicediscovery.ErrCodeServiceAlreadyExists},
		{"a namespace that is not there", create(func(in *servicediscovery.CreateServiceInput) { in.DnsConfig.NamespaceId = aws.String("ns-nobody") }), servicediscovery.ErrCodeNamespaceNotFound},
		{"no namespace", create(func(in *servicediscovery.CreateServiceInput) { in.DnsConfig = nil }), invalid},
		{"a namespace beside the DNS config is fine", create(func(in *servicediscovery.CreateServiceInput) {
			in.Name, in.NamespaceId, in.DnsConfig.NamespaceId = aws.String("beside"), aws.String(localaws.Namespace), nil
		}), ""},
		{"a name with a space", create(func(in *servicediscovery.CreateServiceInput) { in.Name = aws.String("a b") }), invalid},
		{"an empty label", create(func(in *servicediscovery.CreateServiceInput) { in.Name = aws.String("a..b") }), invalid},
		{"a label of 64 letters", create(func(in *servicediscovery.CreateServiceInput) { in.Name = aws.String(strings.Repeat("a", 64)) }), invalid},
		{"a label of 63 letters is fine", create(func(in *servicediscovery.CreateServiceInput) { in.Name = aws.String(strings.Repeat("a", 63)) }), ""},
		{"no records", create(records()), invalid},
		{"a record nobody knows", create(records("MX")), invalid},
		{"one record twice", create(records("A", "A")), invalid},
		{"a CNAME beside others", create(records("A", "CNAME")), invalid},
		{"both health checks", create(func(in *servicediscovery.CreateServiceInput) {
			in.HealthCheckConfig = &servicediscovery.HealthCheckConfig{Type: aws.String("HTTP")}
		}), invalid},
		{"a public health check", create(func(in *servicediscovery.CreateServiceInput) {
			in.HealthCheckCustomConfig, in.HealthCheckConfig = nil, &servicediscovery.HealthCheckConfig{Type: aws.String("HTTP")}
		}), invalid},
		{"51 tags", create(func(in *servicediscovery.CreateServiceInput) { in.Tags = registryTags(many...) }), servicediscovery.ErrCodeTooManyTagsException},
		{"a request id of 65 letters", create(func(in *servicediscovery.CreateServiceInput) {
			in.CreatorRequestId = aws.String(strings.Repeat("a", 65))
		}), invalid},
		{"a service that is not there", func() error {
			return failing(client.GetService(&servicediscovery.GetServiceInput{Id: aws.String("srv-nobody")}))
		}, servicediscovery.ErrCodeServiceNotFound},
		{"tags of what is not there", func() error {
			return failing(client.ListTagsForResource(&servicediscovery.ListTagsForResourceInput{ResourceARN: aws.String(*there.Arn + "x")}))
		}, servicediscovery.ErrCodeResourceNotFoundException},
		{"an instance without an address", func() error {
			return failing(client.RegisterInstance(&servicediscovery.RegisterInstanceInput{ServiceId: there.Id, InstanceId: aws.String("i"), Attributes: map[string]*string{}}))
		}, invalid},
		{"an instance that is not there", func() error {
			return failing(client.DeregisterInstance(&servicediscovery.DeregisterInstanceInput{ServiceId: there.Id, InstanceId: aws.String("i")}))
		}, servicediscovery.ErrCodeInstanceNotFound},
		{"an operation that is not there", func() error {
			return failing(client.GetOperation(&servicediscovery.GetOperationInput{OperationId: aws.String("o")}))
		}, servicediscovery.ErrCodeOperationNotFound},
		{"a page of 101", func() error {
			return failing(client.ListServices(&servicediscovery.ListServicesInput{MaxResults: aws.Int64(101)}))
		}, invalid},
		{"a namespace with services", func() error {
			return failing(client.DeleteNamespace(&servicediscovery.DeleteNamespaceInput{Id: aws.String(localaws.Namespace)}))
		}, servicediscovery.ErrCodeResourceInUse},
		{"a namespace of the same name", func() error {
			return failing(client.CreatePrivateDnsNamespace(&servicediscovery.CreatePrivateDnsNamespaceInput{Name: aws.String("local"), Vpc: aws.String("vpc-1")}))
		}, servicediscovery.ErrCodeNamespaceAlreadyExists},
		{"another record type in an update", func() error {
			return failing(client.UpdateService(&servicediscovery.UpdateServiceInput{Id: there.Id, Service: &servicediscovery.ServiceChange{
				DnsConfig: &servicediscovery.DnsConfigChange{DnsRecords: []*servicediscovery.DnsRecord{{TTL: aws.Int64(1), Type: aws.String("SRV")}}},
			}}))
		}, invalid},
	})
}

func TestRegistriesAreFilteredAfterThePageIsCut(t *testing.T) {
	t.Parallel()
	client := servicediscovery.New(newSession(t, localaws.New()))
	begun := must[*servicediscovery.CreateHttpNamespaceOutput](t)(client.CreateHttpNamespace(&servicediscovery.CreateHttpNamespaceInput{Name: aws.String("other")}))
	operation := must[*servicediscovery.GetOperationOutput](t)(client.GetOperation(&servicediscovery.GetOperationInput{OperationId: begun.OperationId})).Operation
	other := operation.Targets["NAMESPACE"]
	for i := range 20 {
		in := &servicediscovery.CreateServiceInput{Name: aws.String(fmt.Sprintf("s%d", i)), NamespaceId: other}
		must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(in))
	}
	must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(newRegistry("ours")))
	in := &servicediscovery.ListServicesInput{MaxResults: aws.Int64(1), Filters: []*servicediscovery.ServiceFilter{{
		Name: aws.String("NAMESPACE_ID"), Condition: aws.String("EQ"), Values: aws.StringSlice([]string{localaws.Namespace}),
	}}}
	pages, names := 0, []string{}
	err := client.ListServicesPages(in, func(page *servicediscovery.ListServicesOutput, _ bool) bool {
		pages++
		for _, s := range page.Services {
			names = append(names, *s.Name)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ours"}, names); diff != "" || pages != 21 {
		t.Errorf("%d pages; names (-want +got):\n%s", pages, diff)
	}
	ns := must[*servicediscovery.GetNamespaceOutput](t)(client.GetNamespace(&servicediscovery.GetNamespaceInput{Id: other})).Namespace
	listed := must[*servicediscovery.ListNamespacesOutput](t)(client.ListNamespaces(&servicediscovery.ListNamespacesInput{Filters: []*servicediscovery.NamespaceFilter{
		{Name: aws.String("NAME"), Condition: aws.String("EQ"), Values: aws.StringSlice([]string{"local"})},
	}})).Namespaces
	if *ns.ServiceCount != 20 || *ns.Type != "HTTP" || len(listed) != 1 || *listed[0].Id != localaws.Namespace {
		t.Errorf("namespace %v, listed %v", ns, listed)
	}
}

func TestTagsOfARegistry(t *testing.T) {
	t.Parallel()
	client := servicediscovery.New(newSession(t, localaws.New()))
	in := newRegistry("www")
	in.Tags = registryTags("a", "1")
	arn := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(in)).Service.Arn
	must[*servicediscovery.TagResourceOutput](t)(client.TagResource(&servicediscovery.TagResourceInput{ResourceARN: arn, Tags: registryTags("a", "2", "b", "3")}))
	must[*servicediscovery.UntagResourceOutput](t)(client.UntagResource(&servicediscovery.UntagResourceInput{ResourceARN: arn, TagKeys: aws.StringSlice([]string{"b"})}))
	got := must[*servicediscovery.ListTagsForResourceOutput](t)(client.ListTagsForResource(&servicediscovery.ListTagsForResourceInput{ResourceARN: arn})).Tags
	if diff := cmp.Diff(registryTags("a", "2"), got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestAnUpdateDropsTheRecordsItLeavesOut(t *testing.T) {
	t.Parallel()
	client := servicediscovery.New(newSession(t, localaws.New()))
	id := must[*servicediscovery.CreateServiceOutput](t)(client.CreateService(newRegistry("www"))).Service.Id
	must[*servicediscovery.UpdateServiceOutput](t)(client.UpdateService(&servicediscovery.UpdateServiceInput{Id: id, Service: &servicediscovery.ServiceChange{Description: aws.String("new")}}))
	got := must[*servicediscovery.GetServiceOutput](t)(client.GetService(&servicediscovery.GetServiceInput{Id: id})).Service
	if *got.Description != "new" || got.DnsConfig != nil {
		t.Errorf("service %v", got)
	}
}

package localaws

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
)

// instanceID is what an instance of a Cloud Map service may be called.
var instanceID = regexp.MustCompile(`^[0-9a-zA-Z_/:.@-]{1,64}$`)

// recordAttributes are the attributes an instance must have for its service's records.
var recordAttributes = map[string]string{
	servicediscovery.RecordTypeA:     "AWS_INSTANCE_IPV4",
	servicediscovery.RecordTypeAaaa:  "AWS_INSTANCE_IPV6",
	servicediscovery.RecordTypeCname: "AWS_INSTANCE_CNAME",
	servicediscovery.RecordTypeSrv:   "AWS_INSTANCE_PORT",
}

func registerInstance(r *request, in *servicediscovery.RegisterInstanceInput) (*servicediscovery.RegisterInstanceOutput, error) {
	reg, err := r.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	id := aws.StringValue(in.InstanceId)
	if !instanceID.MatchString(id) {
		return nil, discoveryInvalid("The instance id %q is not valid.", id)
	}
	attributes := aws.StringValueMap(in.Attributes)
	if reg.dns != nil {
		for _, record := range reg.dns.DnsRecords {
			if needed := recordAttributes[aws.StringValue(record.Type)]; attributes[needed] == "" {
				return nil, discoveryInvalid("The attribute %s is required for a record of type %s.", needed, aws.StringValue(record.Type))
			}
		}
	}
	reg.instances.put(id, attributes)
	return &servicediscovery.RegisterInstanceOutput{OperationId: r.begin(servicediscovery.OperationTypeRegisterInstance, servicediscovery.OperationTargetTypeInstance, id)}, nil
}

func noSuchInstance(id *string) error {
	return refuse(servicediscovery.ErrCodeInstanceNotFound, "Could not find instance with ID: %s", aws.StringValue(id))
}

func deregisterInstance(r *request, in *servicediscovery.DeregisterInstanceInput) (*servicediscovery.DeregisterInstanceOutput, error) {
	reg, err := r.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	id := aws.StringValue(in.InstanceId)
	if _, ok := reg.instances.get(id); !ok {
		return nil, noSuchInstance(in.InstanceId)
	}
	reg.instances.delete(id)
	return &servicediscovery.DeregisterInstanceOutput{OperationId: r.begin(servicediscovery.OperationTypeDeregisterInstance, servicediscovery.OperationTargetTypeInstance, id)}, nil
}

func getInstance(r *request, in *servicediscovery.GetInstanceInput) (*servicediscovery.GetInstanceOutput, error) {
	reg, err := r.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	attributes, ok := reg.instances.get(aws.StringValue(in.InstanceId))
	if !ok {
		return nil, noSuchInstance(in.InstanceId)
	}
	return &servicediscovery.GetInstanceOutput{Instance: &servicediscovery.Instance{Id: in.InstanceId, Attributes: aws.StringMap(attributes)}}, nil
}

func listInstances(r *request, in *servicediscovery.ListInstancesInput) (*servicediscovery.ListInstancesOutput, error) {
	reg, err := r.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	limit, ok := pageLimit(in.MaxResults, maxDiscoveryPage, maxDiscoveryPage)
	if !ok {
		return nil, discoveryInvalid("MaxResults must be between 1 and %d.", maxDiscoveryPage)
	}
	var ids []string
	for id := range reg.instances.all() {
		ids = append(ids, id)
	}
	page, next, err := pageOf(slices.Clip(ids), in.NextToken, limit)
	if err != nil {
		return nil, discoveryInvalid("The NextToken is not valid.")
	}
	out := &servicediscovery.ListInstancesOutput{NextToken: next, Instances: []*servicediscovery.InstanceSummary{}}
	for _, id := range page {
		attributes, _ := reg.instances.get(id)
		out.Instances = append(out.Instances, &servicediscovery.InstanceSummary{Id: aws.String(id), Attributes: aws.StringMap(attributes)})
	}
	return out, nil
}

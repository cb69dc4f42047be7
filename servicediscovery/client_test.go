package servicediscovery_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	sdk "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/servicediscovery"
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}}

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*servicediscovery.Client, *localaws.AWS) {
	t.Helper()
	c, simulator, _ := startWithSession(t, opts...)
	return c, simulator
}

func startWithSession(t *testing.T, opts ...localaws.Option) (*servicediscovery.Client, *localaws.AWS, client.ConfigProvider) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return servicediscovery.New(sess), simulator, sess
}

// input asks for a new service in the simulator's namespace.
func input(name string) *sdk.CreateServiceInput {
	return &sdk.CreateServiceInput{
		Name: aws.String(name), NamespaceId: aws.String(localaws.Namespace), Tags: servicediscovery.FromTags(tags),
		DnsConfig: &sdk.DnsConfig{DnsRecords: []*sdk.DnsRecord{{Type: aws.String(sdk.RecordTypeA), TTL: aws.Int64(30)}}},
	}
}

func create(t *testing.T, c *servicediscovery.Client, name string) *sdk.Service {
	t.Helper()
	return awstest.Must[*sdk.Service](t, "create")(c.CreateService(t.Context(), input(name)))
}

func TestAServiceGoesByItsIDOrItsARN(t *testing.T) {
	c, simulator := start(t)
	made := create(t, c, "www")
	for _, id := range []string{aws.StringValue(made.Id), aws.StringValue(made.Arn)} {
		if got := awstest.Must[*sdk.Service](t, "describe")(c.Service(t.Context(), id)); aws.StringValue(got.Name) != "www" {
			t.Errorf("%s is %v", id, got)
		}
		if got := awstest.Must[[]string](t, "instances")(c.Instances(t.Context(), id)); len(got) != 0 {
			t.Errorf("%s has instances %q", id, got)
		}
	}
	namespace := awstest.Must[*sdk.Namespace](t, "describe")(c.Namespace(t.Context(), localaws.Namespace))
	if got := awstest.Must[*sdk.Namespace](t, "describe")(c.Namespace(t.Context(), aws.StringValue(namespace.Arn))); !cmp.Equal(aws.StringValue(namespace.Name), aws.StringValue(got.Name)) {
		t.Errorf("got %v, want %v", got, namespace)
	}
	if err := c.DeleteService(t.Context(), aws.StringValue(made.Arn)); err != nil {
		t.Error(err)
	}
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	c, simulator := start(t)
	for n := range 101 {
		create(t, c, fmt.Sprintf("s%d", n))
	}
	for _, test := range []struct {
		namespace       string
		services, calls int
	}{
		{"", 101, 2},
		{localaws.Namespace, 101, 2},
		{"ns-another", 0, 2}, // Cloud Map filters after it has cut the pages
	} {
		t.Run("namespace "+test.namespace, func(t *testing.T) {
			simulator.ResetCalls()
			if all := awstest.Must[[]*sdk.ServiceSummary](t, "list")(c.Services(t.Context(), test.namespace)); len(all) != test.services {
				t.Errorf("%d services, want %d", len(all), test.services)
			}
			if diff := cmp.Diff(map[string]int{"ListServices": test.calls}, awstest.Calls(simulator)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAConflictTellsTheServiceThatIsThere(t *testing.T) {
	c, _ := start(t)
	made := create(t, c, "www")
	again := input("WWW") // DNS knows no case
	again.CreatorRequestId = aws.String("another")
	_, err := c.CreateService(t.Context(), again)
	checkError(t, err, common.Conflict, `create Cloud Map service "WWW": `)
	if got := servicediscovery.ExistingID(common.Wrapf(err, "step")); got != aws.StringValue(made.Id) {
		t.Errorf("existing id %q, want %q", got, aws.StringValue(made.Id))
	}
	if got := servicediscovery.ExistingID(errors.New("another")) + servicediscovery.ExistingID(nil); got != "" {
		t.Errorf("existing id %q of other errors", got)
	}
}

func TestCreateIsTriedOnlyOnce(t *testing.T) {
	c, simulator := start(t, localaws.WithFaults(localaws.Fault{Operation: "CreateService", Effect: localaws.Lose}))
	_, err := c.CreateService(t.Context(), input("www"))
	if !common.Ambiguous(err) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]int{"CreateService": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestALostDeleteIsNoFailure(t *testing.T) {
	c, simulator := start(t)
	made := create(t, c, "www")
	simulator.Inject(localaws.Fault{Operation: "DeleteService", Effect: localaws.Lose})
	if err := c.DeleteService(t.Context(), aws.StringValue(made.Id)); err != nil {
		t.Error(err)
	}
	if left := simulator.Inventory(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestALostDeregistrationIsNoFailure(t *testing.T) {
	c, simulator, sess := startWithSession(t)
	id := aws.StringValue(create(t, c, "www").Id)
	awstest.Must[*sdk.RegisterInstanceOutput](t, "register")(sdk.New(sess).RegisterInstanceWithContext(t.Context(), &sdk.RegisterInstanceInput{
		ServiceId: aws.String(id), InstanceId: aws.String("i"), Attributes: aws.StringMap(map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"}),
	}))
	if got := awstest.Must[[]string](t, "instances")(c.Instances(t.Context(), id)); !slices.Equal(got, []string{"i"}) {
		t.Errorf("instances %q", got)
	}
	checkError(t, c.DeleteService(t.Context(), id), common.Conflict, `delete Cloud Map service "srv-`)
	simulator.Inject(localaws.Fault{Operation: "DeregisterInstance", Effect: localaws.Lose})
	if err := c.DeregisterInstance(t.Context(), id, "i"); err != nil {
		t.Error(err)
	}
	if got := awstest.Must[[]string](t, "instances")(c.Instances(t.Context(), id)); len(got) > 0 {
		t.Errorf("instances %q", got)
	}
}

func TestTags(t *testing.T) {
	c, simulator := start(t)
	arn := aws.StringValue(create(t, c, "www").Arn)
	simulator.ResetCalls()
	for _, err := range []error{
		c.Tag(t.Context(), arn, common.Tags{{Key: "k", Value: "v"}}),
		c.Untag(t.Context(), arn, []string{"spinup:org", "none"}),
		c.Tag(t.Context(), arn, nil),
		c.Untag(t.Context(), arn, nil),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(common.Tags{{Key: "k", Value: "v"}}, awstest.Must[common.Tags](t, "tags")(c.Tags(t.Context(), arn))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"TagResource": 1, "UntagResource": 1, "ListTagsForResource": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	c, _ := start(t)
	ctx := t.Context()
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"no such service", second(c.Service(ctx, "srv-none")), common.NotFound, `describe Cloud Map service "srv-none": `},
		{"no such namespace", second(c.Namespace(ctx, "ns-none")), common.NotFound, `describe namespace "ns-none": `},
		{"no service to delete", c.DeleteService(ctx, "srv-none"), common.NotFound, `delete Cloud Map service "srv-none": `},
		{"no service with instances", second(c.Instances(ctx, "srv-none")), common.NotFound, `list the instances of Cloud Map service "srv-none": `},
		{"no instance", c.DeregisterInstance(ctx, aws.StringValue(create(t, c, "www").Id), "i"), common.NotFound, `deregister instance "i" of Cloud Map service "srv-`},
		{"no input", second(c.CreateService(ctx, nil)), common.BadRequest, `create Cloud Map service "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

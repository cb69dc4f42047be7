package orchestration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// TestCreateRefusesWhatCannotBe sees that a request that cannot work changes nothing.
func TestCreateRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	theirs := common.Tags{{Key: common.TagOrg, Value: "theirs"}}
	for name, test := range map[string]struct {
		change func(*testing.T, *world, *CreateInput)
		kind   common.Kind
	}{
		"no service": {func(_ *testing.T, _ *world, in *CreateInput) { in.Service = nil }, common.BadRequest},
		"no cluster": {func(_ *testing.T, _ *world, in *CreateInput) { in.Cluster = nil }, common.BadRequest},
		"a cluster that is not there": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Cluster, in.Service.Cluster = nil, aws.String("nothing")
		}, common.NotFound},
		"a task definition that is not there": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.TaskDefinition, in.Credentials, in.Service.TaskDefinition = nil, nil, aws.String("nothing:1")
		}, common.NotFound},
		"a task definition that was deregistered": {func(t *testing.T, w *world, in *CreateInput) {
			made, err := w.account.ECS.RegisterTaskDefinition(t.Context(), in.TaskDefinition)
			if err != nil {
				t.Fatal(err)
			}
			in.TaskDefinition, in.Credentials, in.Service.TaskDefinition = nil, nil, made.TaskDefinition.TaskDefinitionArn
			w.tag(t, func() error {
				_, err := w.account.ECS.DeregisterTaskDefinition(t.Context(), *in.Service.TaskDefinition)
				return err
			})
		}, common.Conflict},
		"a registry that is not there": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.ServiceRegistry = nil
			in.Service.ServiceRegistries = []*awsecs.ServiceRegistry{{RegistryArn: aws.String("arn:aws:servicediscovery:us-east-1:123456789012:service/srv-nothing")}}
		}, common.NotFound},
		"another account's registry": {func(t *testing.T, w *world, in *CreateInput) {
			made, err := w.account.CloudMap.CreateService(t.Context(), in.ServiceRegistry)
			if err != nil {
				t.Fatal(err)
			}
			in.ServiceRegistry = nil
			in.Service.ServiceRegistries = []*awsecs.ServiceRegistry{{RegistryArn: aws.String(strings.Replace(aws.StringValue(made.Arn), "123456789012", "210987654321", 1))}}
		}, common.NotFound},
		"a namespace that is not there": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.ServiceRegistry.DnsConfig.NamespaceId = aws.String("ns-nothing")
		}, common.NotFound},
		"another org's namespace": {func(t *testing.T, w *world, _ *CreateInput) {
			namespace, err := w.account.CloudMap.Namespace(t.Context(), localaws.Namespace)
			if err != nil {
				t.Fatal(err)
			}
			w.tag(t, func() error { return w.account.CloudMap.Tag(t.Context(), aws.StringValue(namespace.Arn), theirs) })
		}, common.NotFound},
		"another org's cluster": {func(t *testing.T, w *world, _ *CreateInput) {
			cluster, err := w.account.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("myclu")})
			if err != nil {
				t.Fatal(err)
			}
			w.tag(t, func() error { return w.account.ECS.Tag(t.Context(), aws.StringValue(cluster.ClusterArn), theirs) })
		}, common.NotFound},
		"another org's log group": {func(t *testing.T, w *world, _ *CreateInput) {
			w.tag(t, func() error { return w.account.Logs.CreateGroup(t.Context(), "myclu", theirs) })
		}, common.NotFound},
		"a public address": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Service.NetworkConfiguration = &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{AssignPublicIp: aws.String("ENABLED")}}
		}, common.BadRequest},
		"a task role that is not allowed": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.TaskDefinition.TaskRoleArn = aws.String("arn:aws:iam::123456789012:role/admin")
		}, common.BadRequest},
		"a service role": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Service.Role = aws.String("arn:aws:iam::123456789012:role/admin")
		}, common.BadRequest},
		"a role for volumes": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Service.VolumeConfigurations = []*awsecs.ServiceVolumeConfiguration{{ManagedEBSVolume: &awsecs.ServiceManagedEBSVolumeConfiguration{RoleArn: aws.String("arn:aws:iam::123456789012:role/admin")}}}
		}, common.BadRequest},
		"a size that Fargate does not have": {func(_ *testing.T, _ *world, in *CreateInput) { in.TaskDefinition.Memory = aws.String("8192") }, common.BadRequest},
		"credentials for no container": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Credentials["nobody"] = in.Credentials["webserver"]
		}, common.BadRequest},
		"a secret of another path": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Credentials["webserver"].Name = aws.String("../../theirs/x")
		}, common.BadRequest},
		"another org's tag": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Tags = []*awsecs.Tag{{Key: aws.String(common.TagOrg), Value: aws.String("theirs")}}
		}, common.BadRequest},
		"records that need a port": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.ServiceRegistry.DnsConfig.DnsRecords[0].Type = aws.String(awscloud.RecordTypeSrv)
		}, common.BadRequest},
		"a key that Secrets Manager does not know": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Credentials["webserver"].KmsKeyId = aws.String("alias/nothing")
		}, common.BadRequest},
		"a subnet that is not there": {func(_ *testing.T, _ *world, in *CreateInput) {
			in.Service.NetworkConfiguration = &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{"subnet-0000000000000000f"})}}
		}, common.BadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			in := wholeService(t, "myclu", "www")
			test.change(t, w, in)
			before := w.aws.Snapshot()
			if _, err := w.Create(t.Context(), in); !common.Is(err, test.kind) {
				t.Errorf("%v, want %v", err, test.kind)
			}
			if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
				t.Errorf("something has changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestTagsThatAWSWouldRefuse sees that the tags of one thing and of the whole request are looked at together, before AWS is asked.
func TestTagsThatAWSWouldRefuse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *CreateInput){
		"keys that IAM does not tell apart": func(in *CreateInput) { in.Tags = append(in.Tags, &awsecs.Tag{Key: aws.String("OWNER")}) },
		"an org's tag in another case":      func(in *CreateInput) { in.Tags = []*awsecs.Tag{{Key: aws.String("Spinup:Org")}} },
		"too many with those of the service": func(in *CreateInput) {
			for i := range 40 {
				in.Service.Tags = append(in.Service.Tags, &awsecs.Tag{Key: aws.String(fmt.Sprint("service", i))})
				in.Tags = append(in.Tags, &awsecs.Tag{Key: aws.String(fmt.Sprint("all", i))})
			}
		},
	} {
		w := newWorld(t, localaws.New())
		in := wholeService(t, "myclu", "www")
		change(in)
		if _, err := w.Create(t.Context(), in); !common.Is(err, common.BadRequest) || len(w.aws.Calls()) > 0 {
			t.Errorf("%s: %v after %d calls", name, err, len(w.aws.Calls()))
		}
	}
}

// tag does what prepares a test.
func (w *world) tag(t *testing.T, do func() error) {
	t.Helper()
	if err := do(); err != nil {
		t.Fatal(err)
	}
}

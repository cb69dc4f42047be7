package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/localaws"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/servicediscovery"
)

// asked is one request, and what it must get.
type asked struct {
	name, method, target, body string // the target below /v1/ecs/local
	status                     int
	want                       map[string]any // values in the response, by their path: "Cluster.Tags.0.Key"; "#" is a list's length, "" the whole
}

// ask sends the requests one after another: later ones see what earlier ones did.
func ask(t *testing.T, h *harness, table []asked) {
	t.Helper()
	for _, a := range table {
		t.Run(a.name, func(t *testing.T) {
			resp, text := h.do(t, a.method, base+"/local"+a.target, a.body)
			if resp.StatusCode != a.status {
				t.Fatalf("%s %s %s returned %d %s, want %d", a.method, a.target, a.body, resp.StatusCode, text, a.status)
			}
			if resp.StatusCode >= 400 {
				problemOf(t, resp, text)
			}
			got := map[string]any{}
			for path := range a.want {
				got[path] = at(t, text, path)
			}
			if diff := cmp.Diff(a.want, got, cmp.Comparer(func(a, b int) bool { return a == b })); a.want != nil && diff != "" {
				t.Errorf("%s %s (-want +got):\n%s\nof %s", a.method, a.target, diff, text)
			}
		})
	}
}

// at returns what is at a path in JSON; numbers are ints, and nil is what is not there.
func at(t *testing.T, text, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if path == "" {
		return v
	}
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			switch {
			case key == "#":
				v = len(in)
			case err == nil && i < len(in):
				v = in[i]
			default:
				v = nil
			}
		default:
			v = nil
		}
	}
	if n, ok := v.(float64); ok {
		v = int(n)
	}
	return v
}

// problem fields of a validation error, for asked.want.
func wrong(fields ...string) map[string]any {
	want := map[string]any{"errors.#": len(fields)}
	for i, field := range fields {
		want[fmt.Sprintf("errors.%d.field", i)] = field
	}
	return want
}

// ARNs in the simulator's default account.
const (
	arnECS   = "arn:aws:ecs:us-east-1:" + localaws.DefaultAccount + ":"
	arnIAM   = "arn:aws:iam::" + localaws.DefaultAccount + ":"
	arnCloud = "arn:aws:servicediscovery:us-east-1:" + localaws.DefaultAccount + ":"
)

// escaped is an ARN, or any name, as one segment of a path.
func escaped(name string) string { return url.PathEscape(name) }

// Whose something is.
var (
	tagsNone   = common.Tags(nil)
	tagsOurs   = common.Tags{{Key: common.TagOrg, Value: "localdev"}}
	tagsOthers = common.Tags{{Key: common.TagOrg, Value: "localdev2"}}
)

// adhocHarness returns a server whose account lets callers name the role "app".
func adhocHarness(t *testing.T, opts ...localaws.Option) *harness {
	t.Helper()
	simulator := localaws.New(opts...)
	c := testConfig(t, simulator)
	local := c.Accounts["local"]
	local.TaskRoles = []string{arnIAM + "role/app"}
	c.Accounts["local"] = local
	c.RateLimits = noLimits() // what tests put there must not wait for AWS's rates
	return newHarnessWith(t, simulator, c)
}

// sdk is the account's clients, for what is there before a request comes.
func (h *harness) sdk() *awsaccount.Account { return h.accounts["local"].AWS }

func (h *harness) addCluster(t *testing.T, name string, tags common.Tags) {
	t.Helper()
	_, err := h.sdk().ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{
		ClusterName: aws.String(name), Tags: ecs.FromTags(tags), CapacityProviders: aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *harness) addDefinition(t *testing.T, family string, tags common.Tags) {
	t.Helper()
	_, err := h.sdk().ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), Tags: ecs.FromTags(tags),
		RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ContainerDefinitions:    []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx")}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *harness) addService(t *testing.T, cluster, name, family string, tags common.Tags) {
	t.Helper()
	_, err := h.sdk().ECS.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String(cluster), ServiceName: aws.String(name), TaskDefinition: aws.String(family), DesiredCount: aws.Int64(1),
		LaunchType: aws.String("FARGATE"), Tags: ecs.FromTags(tags), NetworkConfiguration: testNetwork,
	})
	if err != nil {
		t.Fatal(err)
	}
}

var testNetwork = &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{
	Subnets: aws.StringSlice([]string{localaws.SubnetA}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup}),
}}

// addTask starts a task and returns its id.
func (h *harness) addTask(t *testing.T, cluster, family string, tags common.Tags) string {
	t.Helper()
	out, err := h.sdk().ECS.RunTask(t.Context(), &awsecs.RunTaskInput{
		Cluster: aws.String(cluster), TaskDefinition: aws.String(family), LaunchType: aws.String("FARGATE"), Tags: ecs.FromTags(tags), NetworkConfiguration: testNetwork,
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := aws.StringValue(out.Tasks[0].TaskArn)
	return arn[strings.LastIndex(arn, "/")+1:]
}

// addCloudMapService creates a Cloud Map service and returns its id.
func (h *harness) addCloudMapService(t *testing.T, name string, tags common.Tags) string {
	t.Helper()
	made, err := h.sdk().CloudMap.CreateService(t.Context(), &awscloud.CreateServiceInput{
		Name: aws.String(name), NamespaceId: aws.String(localaws.Namespace), Tags: servicediscovery.FromTags(tags),
		DnsConfig: &awscloud.DnsConfig{DnsRecords: []*awscloud.DnsRecord{{Type: aws.String("A"), TTL: aws.Int64(30)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.StringValue(made.Id)
}

func (h *harness) addRole(t *testing.T, name string, tags common.Tags) {
	t.Helper()
	_, err := h.sdk().IAM.CreateRole(t.Context(), &awsiam.CreateRoleInput{
		RoleName: aws.String(name), Tags: iam.FromTags(tags),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// taskFilter is for the running tasks of a cluster.
func taskFilter(cluster string) ecs.TaskFilter { return ecs.TaskFilter{Cluster: cluster} }

// addRegisteredService creates a service whose task is an instance of the Cloud Map service.
func (h *harness) addRegisteredService(t *testing.T, cluster, name, family, cloudMap string) {
	t.Helper()
	_, err := h.sdk().ECS.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String(cluster), ServiceName: aws.String(name), TaskDefinition: aws.String(family), DesiredCount: aws.Int64(1),
		LaunchType: aws.String("FARGATE"), Tags: ecs.FromTags(tagsOurs), NetworkConfiguration: testNetwork,
		ServiceRegistries: []*awsecs.ServiceRegistry{{RegistryArn: aws.String(arnCloud + "service/" + cloudMap)}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

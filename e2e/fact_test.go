package e2e

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
)

// fact is something that AWS must say of a resource when the independent client asks.
type fact struct {
	name      string
	of        func(*world, *testing.T) any // asks
	want      string                       // JSON that the response contains; may name variables
	notOnMoto string
}

// expect checks the facts.
func (w *world) expect(t *testing.T, facts []fact) {
	t.Helper()
	for _, f := range facts {
		if !possible(t, f.name, f.notOnMoto) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			ran.Add(1)
			got := must(json.Marshal(f.of(w, t)))(t)
			for _, lack := range contains(decode(t, string(got)), decode(t, w.fill(t, f.want)), "AWS's response") {
				t.Error(lack)
			}
		})
	}
}

// ask returns a fact's question that is one call with a fixed input.
func ask[Client, In, Out any](client func(*world) Client, call func(Client, In) (Out, error), in func(*world) In) func(*world, *testing.T) any {
	return func(w *world, t *testing.T) any { return must(call(client(w), in(w)))(t) }
}

func cluster(name string) func(*world, *testing.T) any {
	return ask((*world).ecsClient, (*ecs.ECS).DescribeClusters, func(*world) *ecs.DescribeClustersInput {
		return &ecs.DescribeClustersInput{Clusters: aws.StringSlice([]string{name}), Include: aws.StringSlice([]string{"TAGS"})}
	})
}

func service(cluster, name string) func(*world, *testing.T) any {
	return ask((*world).ecsClient, (*ecs.ECS).DescribeServices, func(*world) *ecs.DescribeServicesInput {
		return &ecs.DescribeServicesInput{Cluster: &cluster, Services: aws.StringSlice([]string{name}), Include: aws.StringSlice([]string{"TAGS"})}
	})
}

func taskDefinition(name string) func(*world, *testing.T) any {
	return ask((*world).ecsClient, (*ecs.ECS).DescribeTaskDefinition, func(*world) *ecs.DescribeTaskDefinitionInput {
		return &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name, Include: aws.StringSlice([]string{"TAGS"})}
	})
}

func role(name string) func(*world, *testing.T) any {
	return ask((*world).iamClient, (*iam.IAM).GetRole, func(*world) *iam.GetRoleInput { return &iam.GetRoleInput{RoleName: &name} })
}

// roleAccess asks what the role's policy allows: the resources of each action.
func roleAccess(name, policy string) func(*world, *testing.T) any {
	return func(w *world, t *testing.T) any {
		out := must(w.iamClient().GetRolePolicy(&iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policy}))(t)
		text := must(url.QueryUnescape(aws.StringValue(out.PolicyDocument)))(t)
		var document struct {
			Statement []struct {
				Effect           string
				Action, Resource []string
			}
		}
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		access := map[string]string{}
		for _, s := range document.Statement {
			for _, action := range s.Action {
				access[action] += s.Effect + " " + strings.Join(s.Resource, " ")
			}
		}
		return access
	}
}

func logGroup(name string) func(*world, *testing.T) any {
	return ask((*world).logsClient, (*cloudwatchlogs.CloudWatchLogs).DescribeLogGroups, func(*world) *cloudwatchlogs.DescribeLogGroupsInput {
		return &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name}
	})
}

func logGroupTags(name string) func(*world, *testing.T) any {
	return ask((*world).logsClient, (*cloudwatchlogs.CloudWatchLogs).ListTagsForResource, func(w *world) *cloudwatchlogs.ListTagsForResourceInput {
		return &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:" + region + ":" + w.vars["account"] + ":log-group:" + name)}
	})
}

func secret(name string) func(*world, *testing.T) any {
	return ask((*world).secretsClient, (*secretsmanager.SecretsManager).DescribeSecret, func(*world) *secretsmanager.DescribeSecretInput {
		return &secretsmanager.DescribeSecretInput{SecretId: &name}
	})
}

func secretValue(name string) func(*world, *testing.T) any {
	return ask((*world).secretsClient, (*secretsmanager.SecretsManager).GetSecretValue, func(*world) *secretsmanager.GetSecretValueInput {
		return &secretsmanager.GetSecretValueInput{SecretId: &name}
	})
}

func parameter(name string) func(*world, *testing.T) any {
	return ask((*world).paramsClient, (*ssm.SSM).GetParameter, func(*world) *ssm.GetParameterInput {
		return &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)}
	})
}

// registry asks for the Cloud Map service whose id a row has kept.
func registry(variable string) func(*world, *testing.T) any {
	return ask((*world).cloudClient, (*servicediscovery.ServiceDiscovery).GetService, func(w *world) *servicediscovery.GetServiceInput {
		return &servicediscovery.GetServiceInput{Id: aws.String(w.vars[variable])}
	})
}

func registryTags(variable string) func(*world, *testing.T) any {
	return ask((*world).cloudClient, (*servicediscovery.ServiceDiscovery).ListTagsForResource, func(w *world) *servicediscovery.ListTagsForResourceInput {
		return &servicediscovery.ListTagsForResourceInput{ResourceARN: aws.String(w.vars[variable])}
	})
}

// The clients of the independent client.
func (w *world) ecsClient() *ecs.ECS                           { return ecs.New(w.sess) }
func (w *world) iamClient() *iam.IAM                           { return iam.New(w.sess) }
func (w *world) logsClient() *cloudwatchlogs.CloudWatchLogs    { return cloudwatchlogs.New(w.sess) }
func (w *world) secretsClient() *secretsmanager.SecretsManager { return secretsmanager.New(w.sess) }
func (w *world) paramsClient() *ssm.SSM                        { return ssm.New(w.sess) }
func (w *world) cloudClient() *servicediscovery.ServiceDiscovery {
	return servicediscovery.New(w.sess)
}

// holds checks that AWS holds exactly these, in any order: "ecs:cluster myclu", "logs:log-group myclu". Tasks that run for a service go
// without saying.
func (w *world) holds(t *testing.T, name string, want ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		ran.Add(1)
		slices.Sort(want)
		if diff := cmp.Diff(want, w.list(t)); diff != "" {
			t.Errorf("what AWS lists (-want +got):\n%s", diff)
		}
		if w.inventory != nil {
			inventory := w.inventory()
			for i, line := range inventory {
				inventory[i], _, _ = strings.Cut(line, " (") // the id that AWS chose
			}
			if diff := cmp.Diff(want, inventory); diff != "" {
				t.Errorf("what AWS holds (-want +got):\n%s", diff)
			}
		}
	})
}

// list returns what AWS's lists have, but for what is gone and still remembered.
func (w *world) list(t *testing.T) []string {
	t.Helper()
	var all []string
	client := w.ecsClient()
	clusters := must(client.ListClusters(&ecs.ListClustersInput{}))(t).ClusterArns
	for _, c := range must(client.DescribeClusters(&ecs.DescribeClustersInput{Clusters: clusters}))(t).Clusters {
		if len(clusters) == 0 || aws.StringValue(c.Status) != "ACTIVE" {
			continue
		}
		all = append(all, "ecs:cluster "+*c.ClusterName)
		services := must(client.ListServices(&ecs.ListServicesInput{Cluster: c.ClusterArn}))(t).ServiceArns
		if len(services) == 0 {
			continue
		}
		for _, s := range must(client.DescribeServices(&ecs.DescribeServicesInput{Cluster: c.ClusterArn, Services: services}))(t).Services {
			if aws.StringValue(s.Status) != "INACTIVE" {
				all = append(all, "ecs:service "+*c.ClusterName+"/"+*s.ServiceName)
			}
		}
	}
	for _, arn := range must(client.ListTaskDefinitions(&ecs.ListTaskDefinitionsInput{Status: aws.String("ACTIVE")}))(t).TaskDefinitionArns {
		all = append(all, "ecs:task-definition "+(*arn)[strings.LastIndex(*arn, "/")+1:])
	}
	for _, r := range must(w.iamClient().ListRoles(&iam.ListRolesInput{}))(t).Roles {
		if !strings.HasPrefix(aws.StringValue(r.Path), "/aws-service-role/") {
			all = append(all, "iam:role "+*r.RoleName)
		}
	}
	for _, s := range must(w.secretsClient().ListSecrets(&secretsmanager.ListSecretsInput{}))(t).SecretList {
		all = append(all, "secretsmanager:secret "+*s.Name)
	}
	for _, p := range must(w.paramsClient().DescribeParameters(&ssm.DescribeParametersInput{}))(t).Parameters {
		all = append(all, "ssm:parameter "+*p.Name)
	}
	for _, s := range must(w.cloudClient().ListServices(&servicediscovery.ListServicesInput{}))(t).Services {
		all = append(all, "servicediscovery:service "+*s.Name)
	}
	for _, g := range must(w.logsClient().DescribeLogGroups(&cloudwatchlogs.DescribeLogGroupsInput{}))(t).LogGroups {
		all = append(all, "logs:log-group "+*g.LogGroupName)
	}
	slices.Sort(all)
	return all
}

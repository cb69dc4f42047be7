package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/ecs/sdk/ecs"
)

// theirs is what foreign makes.
var theirs = []string{
	"ecs:cluster theirs", "ecs:service theirs/theirs", "ecs:task-definition theirs:1", "secretsmanager:secret theirs", "servicediscovery:service theirs",
	"ssm:parameter /localdev/shared/theirs",
}

// foreign makes, with the independent client, things of an org whose name begins like ours.
func (w *world) foreign(t *testing.T) {
	t.Helper()
	name, key, value := aws.String("theirs"), aws.String("spinup:org"), aws.String(org+"2")
	tags := []*ecs.Tag{{Key: key, Value: value}}
	client := w.ecsClient()
	must(client.CreateCluster(&ecs.CreateClusterInput{ClusterName: name, Tags: tags}))(t)
	must(client.RegisterTaskDefinition(&ecs.RegisterTaskDefinitionInput{
		Family: name, Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), Tags: tags,
		ContainerDefinitions: []*ecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx")}},
	}))(t)
	made := must(client.CreateService(&ecs.CreateServiceInput{
		Cluster: name, ServiceName: name, TaskDefinition: aws.String("theirs:1"), DesiredCount: aws.Int64(0), LaunchType: aws.String("FARGATE"), Tags: tags,
		NetworkConfiguration: &ecs.NetworkConfiguration{AwsvpcConfiguration: &ecs.AwsVpcConfiguration{Subnets: []*string{&w.subnet}, SecurityGroups: []*string{&w.group}}},
	}))(t)
	w.set("theirService", *made.Service.ServiceArn)
	registry := must(w.cloudClient().CreateService(&servicediscovery.CreateServiceInput{
		Name: name, NamespaceId: &w.namespace, DnsConfig: &servicediscovery.DnsConfig{DnsRecords: []*servicediscovery.DnsRecord{{TTL: aws.Int64(30), Type: aws.String("A")}}},
		Tags: []*servicediscovery.Tag{{Key: key, Value: value}},
	}))(t)
	w.set("theirRegistry", *registry.Service.Id)
	w.set("theirRegistryArn", *registry.Service.Arn)
	secret := must(w.secretsClient().CreateSecret(&secretsmanager.CreateSecretInput{
		Name: name, SecretString: aws.String("s"), Tags: []*secretsmanager.Tag{{Key: key, Value: value}},
	}))(t)
	w.set("theirSecret", *secret.ARN)
	must(w.paramsClient().PutParameter(&ssm.PutParameterInput{
		Name: aws.String("/localdev/shared/theirs"), Value: aws.String("s"), Type: aws.String("String"), Tags: []*ssm.Tag{{Key: key, Value: value}},
	}))(t)
}

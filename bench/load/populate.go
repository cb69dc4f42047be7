package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// populate creates the services of a fleet in the simulated AWS itself: the program would need a minute and a half for it at AWS's rates.
func (s *server) populate(ctx context.Context, f fleet) error {
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIALOAD", SecretKey: "of-the-load-program", Transport: s.aws.Transport(), Limits: common.NoLimits()})
	if err != nil {
		return err
	}
	client, cloudMap := ecs.New(sess), servicediscovery.New(sess)
	tags := []*ecs.Tag{{Key: aws.String(common.TagOrg), Value: aws.String("localdev")}}
	for n := range f.clusters {
		if _, err := client.CreateClusterWithContext(ctx, &ecs.CreateClusterInput{ClusterName: aws.String(clusterName(n)), Tags: tags}); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for n := range f.services {
		group.Go(func() error {
			registered, err := client.RegisterTaskDefinitionWithContext(ctx, &ecs.RegisterTaskDefinitionInput{
				Family: aws.String(serviceName(n)), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String(ecs.NetworkModeAwsvpc),
				RequiresCompatibilities: aws.StringSlice([]string{ecs.CompatibilityFargate}), Tags: tags,
				ContainerDefinitions: []*ecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("public.ecr.aws/nginx/nginx:alpine")}},
			})
			if err != nil {
				return fmt.Errorf("task definition %d: %w", n, err)
			}
			found, err := cloudMap.CreateServiceWithContext(ctx, &servicediscovery.CreateServiceInput{
				Name: aws.String(serviceName(n)), DnsConfig: &servicediscovery.DnsConfig{
					NamespaceId: aws.String(localaws.Namespace), DnsRecords: []*servicediscovery.DnsRecord{{TTL: aws.Int64(30), Type: aws.String(servicediscovery.RecordTypeA)}},
				},
			})
			if err != nil {
				return fmt.Errorf("service discovery %d: %w", n, err)
			}
			_, err = client.CreateServiceWithContext(ctx, &ecs.CreateServiceInput{
				Cluster: aws.String(clusterName(n % f.clusters)), ServiceName: aws.String(serviceName(n)), DesiredCount: aws.Int64(1), LaunchType: aws.String(ecs.LaunchTypeFargate),
				TaskDefinition: registered.TaskDefinition.TaskDefinitionArn, Tags: tags,
				ServiceRegistries: []*ecs.ServiceRegistry{{RegistryArn: found.Service.Arn}},
				NetworkConfiguration: &ecs.NetworkConfiguration{AwsvpcConfiguration: &ecs.AwsVpcConfiguration{
					Subnets: aws.StringSlice([]string{localaws.SubnetA}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup}),
				}},
			})
			if err != nil {
				return fmt.Errorf("service %d: %w", n, err)
			}
			return nil
		})
	}
	return group.Wait()
}

package localaws_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// Responses are encoded after the lock is given back: under -race this finds those that share something with the state that changes.
func TestManyCallersDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("s%d", i%4)
			arn := aws.String("arn:aws:ecs:us-east-1:123456789012:service/clu/" + name)
			clu := aws.String("clu")
			for n := range 8 {
				// Two callers share each service: what one of them finds gone or taken is no failure.
				_, _ = w.CreateService(w.input(name))
				_, _ = w.TagResource(&ecs.TagResourceInput{ResourceArn: arn, Tags: manyTags(n + 1)})
				_, _ = w.UpdateService(&ecs.UpdateServiceInput{Cluster: clu, Service: arn, ForceNewDeployment: aws.Bool(true)})
				w.tasks(ecs.ListTasksInput{})
				for _, call := range []error{
					failing(w.DescribeServices(&ecs.DescribeServicesInput{Cluster: clu, Services: aws.StringSlice([]string{"s0", "s1", "s2", "s3"}), Include: aws.StringSlice([]string{"TAGS"})})),
					failing(w.DescribeClusters(&ecs.DescribeClustersInput{Clusters: []*string{clu}, Include: aws.StringSlice([]string{"TAGS", "STATISTICS"})})),
					failing(w.RegisterTaskDefinition(w.definition(name))),
				} {
					if call != nil {
						t.Error(call)
					}
				}
				_, _ = w.DeleteService(&ecs.DeleteServiceInput{Cluster: clu, Service: arn, Force: aws.Bool(true)})
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		if svc := w.describe(fmt.Sprintf("s%d", i)); *svc.Status != "INACTIVE" || *svc.RunningCount != 0 {
			t.Errorf("left: %v", svc)
		}
	}
	if left := w.tasks(ecs.ListTasksInput{}); len(left) != 0 {
		t.Errorf("tasks %v are left", left)
	}
}

func TestTheSameCallsGetTheSameIDs(t *testing.T) {
	t.Parallel()
	ids := func() []string {
		w := newECSWorld(t)
		in := w.input("www")
		in.DesiredCount = aws.Int64(3)
		w.create(in)
		svc := w.describe("www")
		return append(w.tasks(ecs.ListTasksInput{}), *svc.Deployments[0].Id, *svc.Events[0].Id)
	}
	if diff := cmp.Diff(ids(), ids()); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkDescribeServices reads services of a cluster that has 500 of them, in this process.
func BenchmarkDescribeServices(b *testing.B) {
	client := ecs.New(session.Must(session.NewSession()), &aws.Config{
		Region: aws.String("us-east-1"), Credentials: credentials.NewStaticCredentials("AKIDLOCAL", "secret", ""),
		HTTPClient: &http.Client{Transport: localaws.New().Transport()},
	})
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(failing(client.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String("clu")})))
	check(failing(client.RegisterTaskDefinition(&ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
		ContainerDefinitions: []*ecs.ContainerDefinition{{Name: aws.String("webserver"), Image: aws.String("nginx:alpine")}},
	})))
	var names []*string
	for i := range 500 {
		name := aws.String(fmt.Sprintf("s%03d", i))
		check(failing(client.CreateService(&ecs.CreateServiceInput{
			Cluster: aws.String("clu"), ServiceName: name, TaskDefinition: aws.String("web"), DesiredCount: aws.Int64(2),
			LaunchType: aws.String("FARGATE"), NetworkConfiguration: network(),
		})))
		names = append(names, name)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		check(failing(client.DescribeServices(&ecs.DescribeServicesInput{Cluster: aws.String("clu"), Services: names[n%500 : n%500+1]})))
	}
}

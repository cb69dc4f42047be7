package localaws_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/localaws"
	"ecs-api/racetest"
)

// TestManyCallersAtOnce is for the race detector: what is returned must not be what is changed meanwhile.
func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	racetest.All() // the go command sees here what TestMain reads: it holds a result under the detector and one without it apart
	sess := newSession(t, localaws.New())
	roles, secrets, params, maps, groups := iam.New(sess), secretsmanager.New(sess), ssm.New(sess), servicediscovery.New(sess), cloudwatchlogs.New(sess)
	must[*iam.CreateRoleOutput](t)(roles.CreateRole(newRole("r")))
	must[*secretsmanager.CreateSecretOutput](t)(secrets.CreateSecret(newSecret("s", "v")))
	must[*ssm.PutParameterOutput](t)(params.PutParameter(newParameter("/p")))
	registry := must[*servicediscovery.CreateServiceOutput](t)(maps.CreateService(newRegistry("www"))).Service
	group, stream := aws.String("g"), aws.String("s")
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(groups.CreateLogGroup(newGroup("g")))
	must[*cloudwatchlogs.CreateLogStreamOutput](t)(groups.CreateLogStream(&cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}))
	calls := []func(i int) error{
		func(i int) error {
			return failing(roles.TagRole(&iam.TagRoleInput{RoleName: aws.String("r"), Tags: []*iam.Tag{{Key: aws.String("k"), Value: aws.String(fmt.Sprint(i))}}}))
		},
		func(int) error { return failing(roles.GetRole(&iam.GetRoleInput{RoleName: aws.String("r")})) },
		func(i int) error {
			return failing(secrets.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String(fmt.Sprint(i))}))
		},
		func(int) error {
			return failing(secrets.DescribeSecret(&secretsmanager.DescribeSecretInput{SecretId: aws.String("s")}))
		},
		func(int) error {
			return failing(secrets.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}))
		},
		func(i int) error {
			return failing(secrets.TagResource(&secretsmanager.TagResourceInput{SecretId: aws.String("s"), Tags: secretTags("k", fmt.Sprint(i))}))
		},
		func(i int) error {
			in := newParameter("/p")
			in.Value, in.Overwrite = aws.String(fmt.Sprint("v", i)), aws.Bool(true)
			return failing(params.PutParameter(in))
		},
		func(int) error { return failing(params.DescribeParameters(&ssm.DescribeParametersInput{})) },
		func(i int) error {
			return failing(maps.RegisterInstance(&servicediscovery.RegisterInstanceInput{ServiceId: registry.Id, InstanceId: aws.String(fmt.Sprint(i)), Attributes: aws.StringMap(map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})}))
		},
		func(int) error {
			return failing(maps.ListInstances(&servicediscovery.ListInstancesInput{ServiceId: registry.Id}))
		},
		func(i int) error {
			return failing(maps.UpdateService(&servicediscovery.UpdateServiceInput{Id: registry.Id, Service: &servicediscovery.ServiceChange{
				DnsConfig: &servicediscovery.DnsConfigChange{DnsRecords: []*servicediscovery.DnsRecord{{TTL: aws.Int64(int64(i)), Type: aws.String("A")}}},
			}}))
		},
		func(int) error { return failing(maps.ListServices(&servicediscovery.ListServicesInput{})) },
		func(i int) error {
			return failing(groups.TagResource(&cloudwatchlogs.TagResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:g"), Tags: aws.StringMap(map[string]string{"k": fmt.Sprint(i)})}))
		},
		func(int) error {
			return failing(groups.GetLogEvents(&cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream}))
		},
		func(int) error { return failing(groups.DescribeLogGroups(&cloudwatchlogs.DescribeLogGroupsInput{})) },
	}
	var wg sync.WaitGroup
	for n, call := range calls {
		wg.Go(func() {
			for i := range 10 {
				if err := call(i); err != nil {
					t.Errorf("call %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
}

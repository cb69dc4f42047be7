package localaws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/localaws"
)

func TestASnapshotChangesWithWhatLasts(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	sess := newSession(t, sim)
	roles, secrets, params, maps, groups := iam.New(sess), secretsmanager.New(sess), ssm.New(sess), servicediscovery.New(sess), cloudwatchlogs.New(sess)
	must[*ssm.DescribeParametersOutput](t)(params.DescribeParameters(&ssm.DescribeParametersInput{}))
	if got := sim.Snapshot(); got != "" {
		t.Errorf("looking at an account left\n%s", got)
	}
	must[*iam.CreateRoleOutput](t)(roles.CreateRole(newRole("r")))
	must[*secretsmanager.CreateSecretOutput](t)(secrets.CreateSecret(newSecret("s", "hush")))
	must[*ssm.PutParameterOutput](t)(params.PutParameter(newParameter("/p")))
	registry := must[*servicediscovery.CreateServiceOutput](t)(maps.CreateService(newRegistry("www"))).Service
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(groups.CreateLogGroup(newGroup("g")))

	changes := []struct {
		name  string
		do    func() error
		lasts bool
	}{
		{"a policy", func() error {
			return failing(roles.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(inlinePolicy)}))
		}, true},
		{"a boundary", func() error {
			return failing(roles.PutRolePermissionsBoundary(&iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("r"), PermissionsBoundary: aws.String(boundary)}))
		}, true},
		{"a role's tag", func() error {
			return failing(roles.TagRole(&iam.TagRoleInput{RoleName: aws.String("r"), Tags: []*iam.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
		}, true},
		{"a secret's value", func() error {
			return failing(secrets.PutSecretValue(&secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String("whisper"), ClientRequestToken: aws.String(token2)}))
		}, true},
		{"reading it", func() error {
			return failing(secrets.GetSecretValue(&secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}))
		}, false},
		{"a secret's tag", func() error {
			return failing(secrets.TagResource(&secretsmanager.TagResourceInput{SecretId: aws.String("s"), Tags: secretTags("k", "v")}))
		}, true},
		{"its deletion", func() error {
			return failing(secrets.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: aws.String("s")}))
		}, true},
		{"a parameter's value", func() error {
			return failing(params.PutParameter(&ssm.PutParameterInput{Name: aws.String("/p"), Value: aws.String("other"), Overwrite: aws.Bool(true)}))
		}, true},
		{"a registry's tag", func() error {
			return failing(maps.TagResource(&servicediscovery.TagResourceInput{ResourceARN: registry.Arn, Tags: registryTags("k", "v")}))
		}, true},
		{"an instance", func() error {
			return failing(maps.RegisterInstance(&servicediscovery.RegisterInstanceInput{ServiceId: registry.Id, InstanceId: aws.String("i"), Attributes: aws.StringMap(map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})}))
		}, false},
		{"a retention", func() error {
			return failing(groups.PutRetentionPolicy(&cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int64(7)}))
		}, true},
		{"a stream", func() error {
			return failing(groups.CreateLogStream(&cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}))
		}, false},
	}
	for _, c := range changes {
		before := sim.Snapshot()
		if err := c.do(); err != nil {
			t.Fatal(c.name, err)
		}
		after := sim.Snapshot()
		if changed := before != after; changed != c.lasts {
			t.Errorf("%s: the snapshot changed: %v, want %v", c.name, changed, c.lasts)
		}
		for _, value := range []string{"hush", "whisper"} {
			if strings.Contains(after, value) {
				t.Errorf("the snapshot shows the secret's value %q", value)
			}
		}
	}
}

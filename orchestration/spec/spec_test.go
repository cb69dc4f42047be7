package spec

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

var here = account.Identity{Partition: "aws", Account: "123456789012"}

func TestAPolicyKeepsItsKeys(t *testing.T) {
	first := AccessPolicy(here, "us-east-1", "localdev", "myclu", "1234", "alias/mine")
	again := AccessPolicy(here, "us-east-1", "localdev", "myclu", append(KeysIn(first), "1234", "arn:aws:kms:us-east-1:123456789012:alias/mine")...)
	if !SameDocument(first, again) {
		t.Errorf("the keys that the policy has make another policy:\n%s\n%s", first, again)
	}
	more := AccessPolicy(here, "us-east-1", "localdev", "myclu", append(KeysIn(first), "5678")...)
	for _, want := range []string{":key/1234", ":key/5678", `"alias/mine"`} {
		if !strings.Contains(more, want) {
			t.Errorf("no %s in %s", want, more)
		}
	}
}

func TestReferencesToSecrets(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:spinup/localdev/myclu/db-AbCdEf"
	containers := []*awsecs.ContainerDefinition{{
		RepositoryCredentials: &awsecs.RepositoryCredentials{CredentialsParameter: aws.String("spinup/localdev/myclu/pull")},
		Secrets: []*awsecs.Secret{
			{ValueFrom: aws.String(arn + ":password::")}, {ValueFrom: aws.String(strings.TrimSuffix(arn, "-AbCdEf"))}, {ValueFrom: aws.String("/localdev/myclu/p")},
			{ValueFrom: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter/other/p")},
		},
		LogConfiguration: &awsecs.LogConfiguration{SecretOptions: []*awsecs.Secret{{ValueFrom: aws.String("arn:aws:secretsmanager:us-west-2:123456789012:secret:spinup/localdev/myclu/x-123456")}}},
	}}
	want := []string{
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:spinup/localdev/myclu/db", arn,
		"arn:aws:secretsmanager:us-west-2:123456789012:secret:spinup/localdev/myclu/x-123456", "spinup/localdev/myclu/pull",
	}
	ids := SecretIDs(containers)
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	for _, id := range ids[:2] {
		if !Names(id, arn, "spinup/localdev/myclu/db") {
			t.Errorf("%s does not name the secret", id)
		}
	}
	var fields []string
	for _, p := range CheckReach("taskdefinition.", containers, here, "us-east-1", "localdev", "myclu") {
		fields = append(fields, p.Field)
	}
	plain := CheckReach("", []*awsecs.ContainerDefinition{{Secrets: []*awsecs.Secret{{ValueFrom: aws.String("spinup/localdev/myclu/db")}}}}, here, "us-east-1", "localdev", "myclu")
	if len(plain) != 1 || !strings.HasPrefix(plain[0].Detail, "must be the ARN of a secret") || !strings.Contains(plain[0].Detail, "/localdev/myclu/NAME") {
		t.Errorf("the name of a secret: %v", plain)
	}
	if diff := cmp.Diff([]string{"taskdefinition.containerdefinitions[0].secrets[3].valuefrom", "taskdefinition.containerdefinitions[0].logconfiguration.secretoptions[0].valuefrom"}, fields); diff != "" {
		t.Error(diff)
	}
}

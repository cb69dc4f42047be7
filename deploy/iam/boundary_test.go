package iam

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/localaws"
	"ecs-api/orchestration"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/transaction"
)

// executionPolicy returns what the execution role of a service may do that was made with the given key.
func executionPolicy(t *testing.T, key string) []Statement {
	t.Helper()
	server := httptest.NewServer(localaws.New())
	t.Cleanup(server.Close)
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	group := operations.NewGroup(operations.Options{})
	t.Cleanup(func() { group.Shutdown(t.Context()) })
	roles := iam.New(sess)
	a := account.New(account.Settings{
		Name: "local", Region: "us-east-1", Org: "localdev", KMSKeyID: key, AllowsRole: func(string) bool { return false },
		Subnets: []string{localaws.SubnetA}, SecurityGroups: []string{localaws.SecurityGroup},
	}, account.NewClients(sess), common.Backoff{First: time.Millisecond, Most: time.Millisecond, Budget: .02})
	o := orchestration.New(transaction.New(a, group), observe.New(a))
	_, err = o.Create(t.Context(), &orchestration.CreateInput{
		Cluster: &awsecs.CreateClusterInput{ClusterName: aws.String("myclu")},
		TaskDefinition: &awsecs.RegisterTaskDefinitionInput{
			Family: aws.String("www"), Cpu: aws.String("256"), Memory: aws.String("512"),
			ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("www"), Image: aws.String("nginx")}},
		},
		Service: &awsecs.CreateServiceInput{ServiceName: aws.String("www"), DesiredCount: aws.Int64(1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	document, err := roles.RolePolicy(t.Context(), "myclu-ecsTaskExecution", "ECSTaskAccessPolicy-us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Statement []Statement }
	if err := json.Unmarshal([]byte(document), &p); err != nil || len(p.Statement) == 0 {
		t.Fatalf("%v in %s", err, document)
	}
	return p.Statement
}

func TestTheBoundaryLetsTheExecutionRoleWork(t *testing.T) {
	data, err := os.ReadFile("boundary.json")
	if err != nil {
		t.Fatal(err)
	}
	key := "arn:aws:kms:us-east-1:123456789012:key/" + localaws.KMSKey
	boundary := Values{Account: "123456789012", Region: "us-east-1", Org: "localdev", Key: key}.fill(data)
	for _, s := range executionPolicy(t, localaws.KMSKey) {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				if !allows(boundary, action, resource) {
					t.Errorf("a role may %s %s, and the boundary does not let it", action, resource)
				}
			}
		}
	}
	if allows(boundary, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:spinup/other/x") {
		t.Error("the boundary lets out another org's secrets")
	}
}

// allows reports whether one of the statements allows the action on all that the resource stands for.
func allows(statements []Statement, action, resource string) bool {
	for _, s := range statements {
		for _, a := range s.Action {
			for _, r := range s.Resource {
				if a == action && matches(r, resource) {
					return true
				}
			}
		}
	}
	return false
}

// matches reports whether a pattern of IAM's, in which * stands for slashes too, covers a name or another pattern.
func matches(pattern, name string) bool {
	slashless := strings.NewReplacer("/", "|")
	ok, err := path.Match(slashless.Replace(pattern), slashless.Replace(name))
	return err == nil && ok
}

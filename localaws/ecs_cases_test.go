package localaws_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/ecs/sdk/ecs"
)

// What lost data or broke rollbacks for real users must show in the simulator: these are their cases, played with AWS's calls alone.

// registerPrivate adds a revision to the family web whose image needs credentials; without any if the secret is empty.
func (w *ecsWorld) registerPrivate(image, secret string) {
	w.t.Helper()
	d := w.definition("web")
	imaged(image)(d)
	if secret != "" {
		d.ContainerDefinitions[0].RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: &secret}
	}
	must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(d))
}

func (w *secretWorld) scheduleDeletion(arn string) {
	w.t.Helper()
	must[*secretsmanager.DeleteSecretOutput](w.t)(w.secrets.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: &arn}))
}

const login = `{"username":"u","password":"p"}`

// Case 1: an image bump that loses the credentials cannot be pulled, and the revision before cannot start again once its secret is scheduled.
func TestAnImageWithoutItsCredentialsCannotBePulled(t *testing.T) {
	t.Parallel()
	w := newSecretWorld(t)
	secret := w.secret("cred-a", login, "")
	w.registerPrivate("example/private:1", secret)
	w.create(w.guarded("www", true))
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Fatalf("with credentials: %v", events(svc))
	}
	w.registerPrivate("example/private:2", "")
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:3")})
	w.describe("www")
	if got := events(w.describe("www")); !slices.ContainsFunc(got, func(s string) bool {
		return strings.Contains(s, "failed to resolve ref docker.io/example/private:2: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed.")
	}) {
		t.Errorf("without credentials: %q", got)
	}
	w.scheduleDeletion(secret)
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
	w.describe("www")
	if got := events(w.describe("www")); !strings.Contains(got[len(got)-1], "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.") {
		t.Errorf("back on the revision before: %q", got)
	}
	w.registerPrivate("example/private:4", w.secret("wrong", "u:p", ""))
	in := w.one()
	in.TaskDefinition = aws.String("web:4")
	if task := w.task(w.run(in)[0]); *task.LastStatus != "STOPPED" || !strings.Contains(*task.StoppedReason, "pull access denied") {
		t.Errorf("with credentials that are none: %v", task)
	}
}

// Case 2: a rollback to a revision whose secret was scheduled for deletion fails, with no task left.
func TestARollbackNeedsTheOldSecrets(t *testing.T) {
	t.Parallel()
	w := newSecretWorld(t)
	old := w.secret("old", login, "")
	w.registerPrivate("example/private:1", old)
	in := w.guarded("www", true)
	in.DeploymentConfiguration.MinimumHealthyPercent, in.DeploymentConfiguration.MaximumPercent = aws.Int64(0), aws.Int64(100)
	w.create(in)
	w.describe("www")
	w.registerPrivate("example/private:not-found", w.secret("new", login, ""))
	w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:3")})
	w.scheduleDeletion(old)
	w.until("the rollback fails", func() bool { return *w.rollout().Status == "ROLLBACK_FAILED" })
	if svc := w.describe("www"); *svc.RunningCount != 0 || lastOf(*svc.TaskDefinition) != "web:2" || *svc.Deployments[0].RolloutState != "FAILED" {
		t.Errorf("the service: %v", svc)
	}
}

// Case 6: a role that trusts one region and permits it alone starts no task in another.
func TestARoleOfOneRegionIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	trust := `{"Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:123456789012:*"}}}}`
	setTrust := func(document string) {
		must[*iam.UpdateAssumeRolePolicyOutput](t)(w.iam.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("exec"), PolicyDocument: &document}))
	}
	setTrust(trust)
	w.denyTasks()
	w.allow("exec", "read", `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:us-east-1:123456789012:*"}}`)
	west := w.elsewhere("us-west-2")
	west.create(west.input("www"))
	if got := events(west.describe("www")); len(got) != 1 || !strings.Contains(got[0], "ECS was unable to assume the role") {
		t.Errorf("a role that trusts the east: %q", got)
	}
	w.create(w.input("www"))
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("in the east: %q", events(svc))
	}
	setTrust(strings.Replace(trust, "us-east-1", "*", 1))
	w.clock.Advance(time.Minute)
	west.describe("www")
	if got := events(west.describe("www")); !strings.Contains(got[len(got)-1], "is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:us-west-2:123456789012:log-group:clu:") {
		t.Errorf("a policy for the east: %q", got)
	}
	w.allow("exec", "west", `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:us-west-2:123456789012:*"}}`)
	w.clock.Advance(2 * time.Minute)
	if svc := west.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("in the west at last: %q", events(svc))
	}
}

// elsewhere returns the same world in another region, with a cluster, a log group and a task definition there.
func (w *ecsWorld) elsewhere(region string) *ecsWorld {
	w.t.Helper()
	sess := newSession(w.t, w.aws).Copy(&aws.Config{Region: &region})
	there := *w
	there.ECS, there.logs = ecs.New(sess), cloudwatchlogs.New(sess)
	must[*ecs.CreateClusterOutput](w.t)(there.CreateCluster(&ecs.CreateClusterInput{
		ClusterName: aws.String("clu"), CapacityProviders: aws.StringSlice([]string{"FARGATE"}), DefaultCapacityProviderStrategy: strategy("FARGATE"),
	}))
	must[*cloudwatchlogs.CreateLogGroupOutput](w.t)(there.logs.CreateLogGroup(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("clu")}))
	d := there.definition("web")
	withLogOption("awslogs-region", region)(d)
	must[*ecs.RegisterTaskDefinitionOutput](w.t)(there.RegisterTaskDefinition(d))
	return &there
}

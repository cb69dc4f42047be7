package localaws_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// Digits that stand for ids in wanted messages.
const (
	anyTask  = "00000000000000000000000000000000"
	anyUUID  = "00000000-0000-0000-0000-000000000000"
	roleUser = "User: arn:aws:sts::123456789012:assumed-role/exec/" + anyTask
)

// ids are what messages have of ids, and what stands for them in wanted ones.
var ids = []struct {
	pattern *regexp.Regexp
	is      string
}{
	{regexp.MustCompile(`RequestID: [0-9a-f-]{36}`), "RequestID: " + anyUUID},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:SUM"},
	{regexp.MustCompile(`arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/]+-\w{6}`), "<secret>"},
}

// anyIDs replaces the ids in a message about a task.
func anyIDs(task *ecs.Task, text string) string {
	text = strings.ReplaceAll(text, lastOf(*task.TaskArn), anyTask)
	for _, id := range ids {
		text = id.pattern.ReplaceAllString(text, id.is)
	}
	return text
}

// stoppedTask runs a task of a definition that is changed, and returns it stopped.
func (w *ecsWorld) stoppedTask(change func(*ecs.RegisterTaskDefinitionInput)) *ecs.Task {
	w.t.Helper()
	d := w.definition("fails")
	change(d)
	must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(d))
	in := w.one()
	in.TaskDefinition = aws.String("fails")
	id := w.run(in)[0]
	task := w.task(id)
	if *task.LastStatus != "STOPPED" {
		w.t.Fatalf("the task is %s", *task.LastStatus)
	}
	return task
}

// imaged returns a change of the image.
func imaged(image string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(d *ecs.RegisterTaskDefinitionInput) { d.ContainerDefinitions[0].Image = &image }
}

// withSecret returns a change that adds a secret.
func withSecret(from string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(d *ecs.RegisterTaskDefinitionInput) {
		d.ContainerDefinitions[0].Secrets = []*ecs.Secret{{Name: aws.String("S"), ValueFrom: &from}}
	}
}

// withLogOption returns a change of an option of the log driver.
func withLogOption(key, value string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(d *ecs.RegisterTaskDefinitionInput) {
		d.ContainerDefinitions[0].LogConfiguration.Options[key] = &value
	}
}

// secretWorld is a world with secrets and parameters for tasks, of which some can be read.
type secretWorld struct {
	*ecsWorld
	secrets *secretsmanager.SecretsManager
	params  *ssm.SSM
}

func newSecretWorld(t *testing.T, opts ...localaws.Option) *secretWorld {
	w := newECSWorld(t, opts...)
	sess := newSession(t, w.aws)
	return &secretWorld{ecsWorld: w, secrets: secretsmanager.New(sess), params: ssm.New(sess)}
}

func (w *secretWorld) secret(name, value, key string) (arn string) {
	w.t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}
	if key != "" {
		in.KmsKeyId = &key
	}
	return *must[*secretsmanager.CreateSecretOutput](w.t)(w.secrets.CreateSecret(in)).ARN
}

const (
	initFailed   = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
	asmFailed    = initFailed + "unable to retrieve secret from asm: "
	ssmFailed    = initFailed + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
	loggerFailed = "ResourceInitializationError: failed to validate logger args: "
	streamFailed = loggerFailed + "create stream has been retried 1 times: failed to create Cloudwatch log stream: "
	pullFailed   = "CannotPullContainerError: "
	ecrImage     = "123456789012.dkr.ecr.us-east-1.amazonaws.com/www:"
	notAllowed   = " is not authorized to perform: %[1]s on resource: %[2]s because no identity-based policy allows the %[1]s action"
)

// The rows of ecs-failures.md (the number is theirs) that a stopped task shows, in AWS's words.
func TestTasksFailInAWSsWords(t *testing.T) {
	t.Parallel()
	const readOnly = `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}`
	type failure struct {
		row    int
		name   string
		policy string // of the execution role, instead of what it has
		fails  func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput)
		says   string
		reason bool // the text is the container's reason, too
	}
	plain := func(change func(*ecs.RegisterTaskDefinitionInput)) func(*secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
		return func(*secretWorld) func(*ecs.RegisterTaskDefinitionInput) { return change }
	}
	for _, f := range []failure{
		{1, "rate limited", "", plain(imaged("example/www:rate-limited")), pullFailed + "ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/example/www/manifests/sha256:SUM: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit", true},
		{3, "the wrong platform", "", plain(imaged("www:wrong-platform")), pullFailed + "pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'", true},
		{3, "the wrong platform for ARM", "", plain(func(d *ecs.RegisterTaskDefinitionInput) {
			imaged("www:wrong-platform")(d)
			d.RuntimePlatform = &ecs.RuntimePlatform{CpuArchitecture: aws.String("ARM64")}
		}), pullFailed + "pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'", true},
		{6, "no way to the registry", "", plain(imaged("quay.io/example/www:unreachable")), pullFailed + `pull image manifest has been retried 5 time(s): failed to resolve ref quay.io/example/www:unreachable: failed to do request: Head "https://quay.io/v2/example/www/manifests/unreachable": dial tcp 203.0.113.10:443: i/o timeout`, true},
		{9, "the digest is gone", "", plain(imaged(ecrImage + "digest-gone")), pullFailed + "pull image manifest has been retried 1 time(s): failed to resolve ref " + ecrImage + "digest-gone@sha256:SUM: not found", true},
		{10, "no such image", "", plain(imaged("nginx:not-found")), pullFailed + "pull image manifest has been retried 7 time(s): failed to resolve ref docker.io/library/nginx:not-found: docker.io/library/nginx:not-found: not found", true},
		{10, "no such repository", "", plain(imaged("registry.example.com:5000/team/not-found:1")), pullFailed + "pull image manifest has been retried 7 time(s): failed to resolve ref registry.example.com:5000/team/not-found:1: registry.example.com:5000/team/not-found:1: not found", true},
		{10, "no such image in ECR", "", plain(imaged(ecrImage + "not-found")), pullFailed + "pull image manifest has been retried 7 time(s): failed to resolve ref " + ecrImage + "not-found: not found", true},
		{11, "no permission in ECR", "", plain(imaged(ecrImage + "no-permission")), pullFailed + "pull image manifest has been retried 1 time(s): failed to resolve ref " + ecrImage + "no-permission: unexpected status from HEAD request to https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/www/manifests/no-permission: 403 Forbidden", true},
		{11, "a role that may not pull from the repository", `{"Statement":{"Effect":"Allow","Action":["logs:*","ecr:GetAuthorizationToken"],"Resource":"*"}}`, plain(imaged(ecrImage + "1")), pullFailed + "pull image manifest has been retried 1 time(s): failed to resolve ref " + ecrImage + "1: unexpected status from HEAD request to https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/www/manifests/1: 403 Forbidden", true},
		{12, "no permission", "", plain(imaged("private/www:no-permission")), pullFailed + "pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/private/www:no-permission: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed", true},
		{13, "a role that may not log in to ECR", readOnly, plain(imaged(ecrImage + "1")), initFailed + "unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "ecr:GetAuthorizationToken", "*"), false},
		{14, "no way to ECR", "", plain(imaged(ecrImage + "unreachable")), `ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.us-east-1.amazonaws.com/": dial tcp 203.0.113.11:443: i/o timeout`, false},
		{18, "a secret under a key that the role may not use", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("sealed", "x", localaws.KMSKey))
		}, asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: AccessDeniedException: Access to KMS is not allowed", false},
		{19, "a secret that the role may not read", readOnly, func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("closed", "x", ""))
		},
			asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "secretsmanager:GetSecretValue", "<secret>"), false},
		{19, "registry credentials that the role may not read", readOnly, func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			arn := w.secret("closed", "x", "")
			return func(d *ecs.RegisterTaskDefinitionInput) {
				d.ContainerDefinitions[0].RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: &arn}
			}
		}, asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "secretsmanager:GetSecretValue", "<secret>"), false},
		{19, "a secret that the role must not read", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"secretsmanager:*","Resource":"*"}]}`, func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("forbidden", "x", ""))
		}, asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: AccessDeniedException: " + roleUser + " is not authorized to perform: secretsmanager:GetSecretValue on resource: <secret> with an explicit deny in an identity-based policy", false},
		{20, "a parameter that the role may not read", readOnly, plain(withSecret("/prod/www/URL")), ssmFailed + "operation error SSM: GetParameters, https response error StatusCode: 400, RequestID: " + anyUUID + ", api error AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/prod/www/URL"), false},
		{20, "a parameter under a key that the role may not use", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			must[*ssm.PutParameterOutput](w.t)(w.params.PutParameter(&ssm.PutParameterInput{Name: aws.String("/sealed"), Value: aws.String("1"), Type: aws.String("SecureString"), KeyId: aws.String(localaws.KMSKey)}))
			return withSecret("/sealed")
		}, ssmFailed + "operation error SSM: GetParameters, https response error StatusCode: 400, RequestID: " + anyUUID + ", api error AccessDeniedException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.", false},
		{21, "no such parameter", "", plain(func(d *ecs.RegisterTaskDefinitionInput) {
			d.ContainerDefinitions[0].Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("/a")}, {Name: aws.String("B"), ValueFrom: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter/b")}}
		}), ssmFailed + "invalid ssm parameters: /a, arn:aws:ssm:us-east-1:123456789012:parameter/b", false},
		{22, "no such secret", "", plain(withSecret("arn:aws:secretsmanager:us-east-1:123456789012:secret:nope-AbCdEf")), asmFailed + "ResourceNotFoundException: The task can't retrieve the secret with ARN '<secret>' from AWS Secrets Manager. Check whether the secret exists in the specified Region: ResourceNotFoundException: Secrets Manager can't find the specified secret.", false},
		{22, "a secret of another region", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(strings.Replace(w.secret("east", "x", ""), "us-east-1", "us-west-2", 1))
		}, asmFailed + "ResourceNotFoundException: The task can't retrieve the secret with ARN '<secret>' from AWS Secrets Manager. Check whether the secret exists in the specified Region: ResourceNotFoundException: Secrets Manager can't find the specified secret.", false},
		{0, "a secret that is scheduled for deletion", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			arn := w.secret("scheduled", "x", "")
			must[*secretsmanager.DeleteSecretOutput](w.t)(w.secrets.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: &arn}))
			return withSecret(arn)
		}, asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.", false},
		{0, "no such version of a secret", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("old", `{"a":"1"}`, "") + ":a:AWSPENDING:")
		}, asmFailed + "service call has been retried 1 time(s): failed to fetch secret <secret> from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSPENDING", false},
		{23, "no such key in a secret", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("json", `{"a":"1"}`, "") + ":SERVICE_KEY::")
		}, asmFailed + "retrieved secret from Secrets Manager did not contain json key SERVICE_KEY", false},
		{24, "a key of a secret that is no JSON", "", func(w *secretWorld) func(*ecs.RegisterTaskDefinitionInput) {
			return withSecret(w.secret("text", `'a'`, "") + ":a::")
		}, asmFailed + `service call has been retried 1 time(s): invalid character '\'' looking for beginning of value`, false},
		{25, "no such log group", "", plain(withLogOption("awslogs-group", "nope")), streamFailed + "ResourceNotFoundException: The specified log group does not exist.", false},
		{26, "a role that may not log", `{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`, plain(func(*ecs.RegisterTaskDefinitionInput) {}), streamFailed + "AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "logs:CreateLogStream", "arn:aws:logs:us-east-1:123456789012:log-group:clu:log-stream:www/webserver/"+anyTask), false},
		{26, "a role that may not make log groups", `{"Statement":{"Effect":"Allow","Action":["logs:CreateLogStream"],"Resource":"*"}}`, plain(withLogOption("awslogs-create-group", "true")), loggerFailed + "create stream has been retried 1 times: failed to create Cloudwatch log group: AccessDeniedException: " + roleUser + fmt.Sprintf(notAllowed, "logs:CreateLogGroup", "arn:aws:logs:us-east-1:123456789012:log-group:clu:log-stream:"), false},
		{27, "no such region", "", plain(withLogOption("awslogs-region", "here")), streamFailed + "MissingEndpoint: 'Endpoint' configuration is required for this service", false},
	} {
		t.Run(fmt.Sprint(f.row, " ", f.name), func(t *testing.T) {
			w := newSecretWorld(t)
			change := f.fails(w)
			if f.policy != "" {
				w.denyTasks()
				w.allow("exec", "read", f.policy)
			}
			task := w.stoppedTask(change)
			if diff := cmp.Diff(f.says, anyIDs(task, *task.StoppedReason)); diff != "" {
				t.Error(diff)
			}
			c := task.Containers[0]
			if *task.StopCode != "TaskFailedToStart" || c.ExitCode != nil || task.StartedAt != nil || (aws.StringValue(c.Reason) == *task.StoppedReason) != f.reason {
				t.Errorf("stop code %s, container %v", *task.StopCode, c)
			}
		})
	}
}

// denyTasks takes from the execution role what allowTasks gave it.
func (w *ecsWorld) denyTasks() {
	w.t.Helper()
	must[*iam.DetachRolePolicyOutput](w.t)(w.iam.DetachRolePolicy(&iam.DetachRolePolicyInput{
		RoleName: aws.String("exec"), PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"),
	}))
}

// log returns the lines that a container of a task has written.
func (w *ecsWorld) log(container, task string) (lines []string) {
	w.t.Helper()
	out, err := w.logs.GetLogEvents(&cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("clu"), LogStreamName: aws.String("www/" + container + "/" + task), StartFromHead: aws.Bool(true),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range out.Events {
		lines = append(lines, *e.Message)
	}
	return lines
}

// Containers that start, and end otherwise than they should.
func TestContainersFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		image, stopCode, stoppedReason, reason string
		code                                   int64 // -1 for none
		log                                    []string
	}{
		{"www:exit-1", "EssentialContainerExited", "Essential container in task exited", "", 1, []string{"starting webserver from www:exit-1", "cannot go on: exiting with code 1"}},
		{"example/exit-3", "EssentialContainerExited", "Essential container in task exited", "", 3, []string{"starting webserver from example/exit-3", "cannot go on: exiting with code 3"}},
		{"www:exit-0", "EssentialContainerExited", "Essential container in task exited", "", 0, []string{"starting webserver from www:exit-0", "cannot go on: exiting with code 0"}},
		{"www:out-of-memory", "EssentialContainerExited", "Essential container in task exited", "OutOfMemoryError: Container killed due to memory usage", 137, []string{"starting webserver from www:out-of-memory", "allocating memory"}},
		{"www:exec-format", "EssentialContainerExited", "Essential container in task exited", "", 1, []string{"exec /docker-entrypoint.sh: exec format error"}},
		{"www:no-executable", "TaskFailedToStart", "Task failed to start", `CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "serve": executable file not found in $PATH: unknown`, -1, nil},
	} {
		t.Run(test.image, func(t *testing.T) {
			w := newECSWorld(t)
			task := w.stoppedTask(func(d *ecs.RegisterTaskDefinitionInput) {
				imaged(test.image)(d)
				d.ContainerDefinitions[0].Command = aws.StringSlice([]string{"serve"})
			})
			c := task.Containers[0]
			code := int64(-1)
			if c.ExitCode != nil {
				code = *c.ExitCode
			}
			got := []string{*task.StopCode, *task.StoppedReason, aws.StringValue(c.Reason), fmt.Sprint(code)}
			if diff := cmp.Diff([]string{test.stopCode, test.stoppedReason, test.reason, fmt.Sprint(test.code)}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.log, w.log("webserver", lastOf(*task.TaskArn))); diff != "" {
				t.Errorf("log: %s", diff)
			}
		})
	}
}

// Of every failing image a service shows the whole path: events, failed tasks, the circuit breaker, the rollback.
func TestAServiceWithAFailingImageIsRolledBack(t *testing.T) {
	t.Parallel()
	images := append(localaws.ImageFaults(), "exit-1")
	for _, fault := range images {
		if fault == "slow-start" || fault == "spot-interrupted" || fault == "no-capacity" {
			continue // they come up, or wait
		}
		t.Run(fault, func(t *testing.T) {
			w := newECSWorld(t, localaws.WithLags(slowly))
			w.create(w.guarded("www", true))
			w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
			d := w.definition("web")
			imaged("www:" + fault)(d)
			d.ContainerDefinitions[0].HealthCheck = &ecs.HealthCheck{Command: aws.StringSlice([]string{"CMD-SHELL", "curl -f http://localhost/"})}
			must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
			w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
			w.until("the rollback has ended", func() bool { return *w.rollout().Status == "ROLLBACK_SUCCESSFUL" })
			svc := w.describe("www")
			if *svc.RunningCount != 1 || lastOf(*svc.TaskDefinition) != "web:1" || *w.rollout().DeploymentCircuitBreaker.FailureCount != 3 {
				t.Errorf("rolled back: %v, %v", svc, w.rollout())
			}
			said := strings.Join(events(svc), "\n")
			reasons := map[string]int{}
			for _, id := range w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")}) {
				task := w.task(id)
				reasons[*task.StoppedReason]++
				if *task.StopCode == "TaskFailedToStart" && !strings.Contains(said, "(service www) was unable to place a task. Reason: "+strings.TrimSuffix(*task.StoppedReason, ".")+".") {
					t.Errorf("no event has the reason %q: %s", *task.StoppedReason, said)
				}
				if *task.StopCode == "ServiceSchedulerInitiated" && (*task.HealthStatus != "UNHEALTHY" || *task.Containers[0].HealthStatus != "UNHEALTHY" || !strings.Contains(said, "failed container health checks.")) {
					t.Errorf("a task whose health checks fail: %v; %s", task, said)
				}
			}
			if len(reasons) != 1 {
				t.Errorf("reasons of the stopped tasks: %v", reasons)
			}
		})
	}
}

func TestATaskThatStartsSlowlyStarts(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	w.registerImage("www:slow-start")
	w.create(w.guarded("www", true))
	w.describe("www")
	w.clock.Advance(slowly.Provision + 29*time.Second)
	if svc := w.describe("www"); *svc.PendingCount != 1 {
		t.Errorf("while it starts: %v", svc)
	}
	w.clock.Advance(time.Second)
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("started: %v", svc)
	}
}

func (w *ecsWorld) registerImage(image string) {
	w.t.Helper()
	d := w.definition("web")
	imaged(image)(d)
	must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(d))
}

func TestSpotTasksAreInterrupted(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.registerImage("www:spot-interrupted")
	w.create(w.input("www"))
	id := w.tasks(ecs.ListTasksInput{})[0]
	w.clock.Advance(20 * time.Second)
	task := w.task(id)
	if *task.StopCode != "SpotInterruption" || *task.StoppedReason != "Your Spot Task was interrupted." || *task.Containers[0].ExitCode != 137 {
		t.Errorf("the task: %v", task)
	}
	if got := w.tasks(ecs.ListTasksInput{}); len(got) != 1 || got[0] == id {
		t.Errorf("it is not replaced: %v", got)
	}
}

func TestHealthChecksDecideWhetherATaskIsReady(t *testing.T) {
	t.Parallel()
	lags := slowly
	lags.Check = 15 * time.Second
	for _, test := range []struct {
		name    string
		command []string
		healthy bool
	}{
		{"a command that the simulator does not know", []string{"CMD-SHELL", "curl -f http://localhost/"}, true},
		{"one that fails", []string{"CMD-SHELL", "exit 1"}, false},
		{"a program that fails", []string{"CMD", "false"}, false},
		{"a program", []string{"CMD", "true"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t, localaws.WithLags(lags))
			w.create(w.guarded("www", true))
			w.until("the service is steady", func() bool { return w.deployments()[0] == "PRIMARY web:1 COMPLETED" })
			d := w.definition("web")
			d.ContainerDefinitions[0].HealthCheck = &ecs.HealthCheck{Command: aws.StringSlice(test.command)}
			must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
			w.update(&ecs.UpdateServiceInput{TaskDefinition: aws.String("web:2")})
			w.clock.Advance(slowly.Provision)
			svc := w.describe("www")
			if *svc.RunningCount != 2 || *w.rollout().Status != "IN_PROGRESS" {
				t.Errorf("while its health is unknown: %v", svc)
			}
			w.clock.Advance(lags.Check)
			ended := "SUCCESSFUL"
			if !test.healthy {
				ended = "ROLLBACK_SUCCESSFUL"
			}
			w.until("the deployment is "+ended, func() bool { return *w.rollout().Status == ended })
		})
	}
	w := newECSWorld(t)
	d := w.definition("web")
	d.ContainerDefinitions[0].HealthCheck = &ecs.HealthCheck{Command: aws.StringSlice([]string{"CMD-SHELL", "exit 1"})}
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
	id := w.run(w.one())[0]
	if task := w.task(id); *task.LastStatus != "RUNNING" || *task.HealthStatus != "UNHEALTHY" {
		t.Errorf("nobody stops a one-off task whose health checks fail: %v", task)
	}
}

func TestRolesThatECSCannotAssume(t *testing.T) {
	t.Parallel()
	const statement = `{"Version":"2012-10-17","Statement":[{"Effect":%q,"Principal":%s,"Action":"sts:AssumeRole"%s}]}`
	condition := func(operator, key, value string) string {
		return fmt.Sprintf(`,"Condition":{%q:{%q:%q}}`, operator, key, value)
	}
	const tasks = `{"Service":["ecs.amazonaws.com","ecs-tasks.amazonaws.com"]}`
	for _, test := range []struct {
		name, trust string
		assumable   bool
	}{
		{"trusts tasks", fmt.Sprintf(statement, "Allow", tasks, ""), true},
		{"trusts another service", fmt.Sprintf(statement, "Allow", `{"Service":"ec2.amazonaws.com"}`, ""), false},
		{"trusts an account", fmt.Sprintf(statement, "Allow", `{"AWS":"123456789012"}`, ""), false},
		{"trusts everybody", fmt.Sprintf(statement, "Allow", `"*"`, ""), true},
		{"denies", fmt.Sprintf(statement, "Deny", tasks, ""), false},
		{"trusts this account", fmt.Sprintf(statement, "Allow", tasks, condition("StringEquals", "aws:SourceAccount", "123456789012")), true},
		{"trusts another account", fmt.Sprintf(statement, "Allow", tasks, condition("StringEquals", "aws:SourceAccount", "210987654321")), false},
		{"trusts this region", fmt.Sprintf(statement, "Allow", tasks, condition("ArnLike", "aws:SourceArn", "arn:aws:ecs:us-east-1:123456789012:*")), true},
		{"trusts any region", fmt.Sprintf(statement, "Allow", tasks, condition("ArnLike", "AWS:sourcearn", "arn:aws:ecs:*:123456789012:*")), true},
		{"trusts another region", fmt.Sprintf(statement, "Allow", tasks, condition("ArnLike", "aws:SourceArn", "arn:aws:ecs:us-west-2:123456789012:*")), false},
		{"trusts under a condition that nobody knows", fmt.Sprintf(statement, "Allow", tasks, condition("NumericLessThan", "aws:MultiFactorAuthAge", "3600")), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t)
			must[*iam.UpdateAssumeRolePolicyOutput](t)(w.iam.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("exec"), PolicyDocument: &test.trust}))
			w.create(w.guarded("www", true))
			err := failing(w.RunTask(w.one()))
			const words = "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/exec' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
			if test.assumable {
				if svc := w.describe("www"); err != nil || *svc.RunningCount != 1 {
					t.Errorf("%v; %v", err, events(svc))
				}
				return
			}
			if codeOf(err) != "ClientException" || !strings.Contains(err.Error(), words) {
				t.Errorf("RunTask: %v", err)
			}
			w.until("the circuit breaker trips", func() bool { return *w.rollout().Status == "STOPPED" })
			if got, want := events(w.describe("www")), "(service www) failed to launch a task with (error "+words+")."; len(got) != 4 || !slices.Equal(got[:3], []string{want, want, want}) {
				t.Errorf("events %q", got)
			}
		})
	}
}

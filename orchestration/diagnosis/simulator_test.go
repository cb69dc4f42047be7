package diagnosis

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/secretsmanager"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// simulated is a service of the simulator that fails, and what it has around it.
type simulated struct {
	t       *testing.T
	now     time.Time
	ecs     *awsecs.ECS
	iam     *iam.IAM
	logs    *cloudwatchlogs.CloudWatchLogs
	secrets *secretsmanager.SecretsManager
}

func newSimulated(t *testing.T) *simulated {
	s := &simulated{t: t, now: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
	sim := localaws.New(localaws.Clock(func() time.Time { return s.now }))
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	sess := session.Must(session.NewSession(&aws.Config{
		Region: aws.String("us-east-1"), Credentials: credentials.NewStaticCredentials("AKIDLOCAL", "secret", ""),
		MaxRetries: aws.Int(0), Endpoint: &server.URL, HTTPClient: &http.Client{},
	}))
	s.ecs, s.iam, s.logs, s.secrets = awsecs.New(sess), iam.New(sess), cloudwatchlogs.New(sess), secretsmanager.New(sess)
	done(t)(s.ecs.CreateCluster(&awsecs.CreateClusterInput{ClusterName: aws.String("clu"), CapacityProviders: aws.StringSlice([]string{"FARGATE"})}))
	done(t)(s.logs.CreateLogGroup(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("clu")}))
	done(t)(s.iam.CreateRole(&iam.CreateRoleInput{RoleName: aws.String("exec"), AssumeRolePolicyDocument: trust("ecs-tasks.amazonaws.com")}))
	s.allow(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	return s
}

// done returns a function that fails the test if the call it gets did.
func done(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func trust(service string) *string {
	return aws.String(`{"Statement":{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}}`)
}

func (s *simulated) allow(document string) {
	done(s.t)(s.iam.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: aws.String("exec"), PolicyName: aws.String("p"), PolicyDocument: &document}))
}

func (s *simulated) secret(value string) *string {
	out, err := s.secrets.CreateSecret(&secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: &value})
	done(s.t)(out, err)
	return out.ARN
}

// diagnose creates a service of the container, lets it fail for some minutes, and returns the codes of its problems.
func (s *simulated) diagnose(c *awsecs.ContainerDefinition) (codes []Code) {
	s.t.Helper()
	c.Name = aws.String("web")
	if c.Image == nil {
		c.Image = aws.String("www:1")
	}
	if c.LogConfiguration == nil {
		c.LogConfiguration = logsTo("clu")
	}
	done(s.t)(s.ecs.RegisterTaskDefinition(&awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("www"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
		RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/exec"),
		ContainerDefinitions: []*awsecs.ContainerDefinition{c},
	}))
	done(s.t)(s.ecs.CreateService(&awsecs.CreateServiceInput{
		Cluster: aws.String("clu"), ServiceName: aws.String("www"), TaskDefinition: aws.String("www"), DesiredCount: aws.Int64(1), LaunchType: aws.String("FARGATE"),
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{Subnets: aws.StringSlice([]string{localaws.SubnetA})}},
	}))
	var e Evidence
	for range 6 {
		s.now = s.now.Add(time.Minute)
		e = s.evidence()
	}
	for _, p := range Diagnose(e).Problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func logsTo(group string) *awsecs.LogConfiguration {
	return &awsecs.LogConfiguration{LogDriver: aws.String("awslogs"), Options: aws.StringMap(map[string]string{
		"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "www",
	})}
}

// evidence reads what the diagnosis looks at.
func (s *simulated) evidence() Evidence {
	s.t.Helper()
	services, err := s.ecs.DescribeServices(&awsecs.DescribeServicesInput{Cluster: aws.String("clu"), Services: aws.StringSlice([]string{"www"})})
	done(s.t)(services, err)
	e := Evidence{Now: s.now, Service: services.Services[0], LastLines: map[LogKey]string{}}
	for _, status := range []string{"RUNNING", "STOPPED"} {
		listed, err := s.ecs.ListTasks(&awsecs.ListTasksInput{Cluster: aws.String("clu"), ServiceName: aws.String("www"), DesiredStatus: &status})
		done(s.t)(listed, err)
		if len(listed.TaskArns) == 0 {
			continue
		}
		described, err := s.ecs.DescribeTasks(&awsecs.DescribeTasksInput{Cluster: aws.String("clu"), Tasks: listed.TaskArns})
		done(s.t)(described, err)
		e.Tasks = append(e.Tasks, described.Tasks...)
	}
	for _, task := range e.Tasks {
		key := LogKey{shortID(*task.TaskArn), "web"}
		out, err := s.logs.GetLogEvents(&cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("clu"), LogStreamName: aws.String("www/web/" + key.Task)})
		if err == nil && len(out.Events) > 0 { // a task that did not start has no log
			e.LastLines[key] = *out.Events[len(out.Events)-1].Message
		}
	}
	return e
}

// What the simulator plays is diagnosed as what it stands for: each failing image, and what a task's role, secrets and logs can lack.
func TestWhatTheSimulatorPlaysIsDiagnosed(t *testing.T) {
	t.Parallel()
	type container = awsecs.ContainerDefinition
	image := func(reference string) func(*simulated) *container {
		return func(*simulated) *container {
			return &container{Image: &reference, HealthCheck: &awsecs.HealthCheck{Command: aws.StringSlice([]string{"CMD-SHELL", "curl localhost"})}}
		}
	}
	withSecret := func(from *string) *container {
		return &container{Secrets: []*awsecs.Secret{{Name: aws.String("S"), ValueFrom: from}}}
	}
	const onlyLogs = `{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}`
	images := map[string]Code{
		"not-found": ImageNotFound, "digest-gone": ImageNotFound, "no-permission": ImageAuth, "rate-limited": ImageRateLimited, "wrong-platform": ImagePlatform,
		"unreachable": EndpointUnreachable, "no-executable": ContainerExited, "exec-format": ImagePlatform, "exit-1": ContainerExited, "exit-0": ContainerExited,
		"out-of-memory": OutOfMemory, "unhealthy": HealthCheck, "spot-interrupted": SpotInterrupted, "no-capacity": NoCapacity, "slow-start": "",
	}
	for _, fault := range localaws.ImageFaults() {
		if _, ok := images[fault]; !ok {
			t.Errorf("the simulator's image %s has no code here", fault)
		}
	}
	tests := map[string]struct {
		fails func(*simulated) *container
		code  Code // none if the service comes up
	}{
		"a private image":                        {image("example/private:1"), ImageAuth},
		"an image that ECR does not give away":   {image("123456789012.dkr.ecr.us-east-1.amazonaws.com/www:no-permission"), ImageAuth},
		"an image in ECR that cannot be reached": {image("123456789012.dkr.ecr.us-east-1.amazonaws.com/www:unreachable"), EndpointUnreachable},
		"a role that may not log in to ECR": {func(s *simulated) *container {
			s.allow(onlyLogs)
			return &container{Image: aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/www:1")}
		}, ImageAuth},
		"a role that ECS cannot assume": {func(s *simulated) *container {
			done(t)(s.iam.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("exec"), PolicyDocument: trust("ecs.amazonaws.com")}))
			return &container{}
		}, RoleNotAssumable},
		"a secret that the role may not read": {func(s *simulated) *container {
			arn := s.secret("x")
			s.allow(onlyLogs)
			return withSecret(arn)
		}, SecretDenied},
		"a parameter that the role may not read": {func(s *simulated) *container {
			s.allow(onlyLogs)
			return withSecret(aws.String("/a"))
		}, SecretDenied},
		"a parameter that is missing": {func(*simulated) *container { return withSecret(aws.String("/a")) }, SecretMissing},
		"a secret that is missing": {func(*simulated) *container {
			return withSecret(aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:nope-AbCdEf"))
		}, SecretMissing},
		"a secret that is scheduled for deletion": {func(s *simulated) *container {
			arn := s.secret("x")
			done(t)(s.secrets.DeleteSecret(&secretsmanager.DeleteSecretInput{SecretId: arn}))
			return withSecret(arn)
		}, SecretMissing},
		"a key that the secret has not": {func(s *simulated) *container { return withSecret(aws.String(*s.secret(`{"a":"1"}`) + ":b::")) }, SecretMissing},
		"a key of a secret that is no JSON": {func(s *simulated) *container {
			return withSecret(aws.String(*s.secret(`a`) + ":b::"))
		}, SecretMissing},
		"a log group that is missing": {func(*simulated) *container { return &container{LogConfiguration: logsTo("nope")} }, LogConfiguration},
		"a role that may not log": {func(s *simulated) *container {
			s.allow(`{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`)
			return &container{}
		}, LogConfiguration},
	}
	for fault, code := range images {
		tests["the image "+fault] = struct {
			fails func(*simulated) *container
			code  Code
		}{image("www:" + fault), code}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSimulated(t)
			s.t = t
			got := s.diagnose(test.fails(s))
			want := []Code{test.code}
			if test.code == "" {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("diagnosed as %v, want %v", got, want)
			}
		})
	}
}

// The name of a service is none of AWS's words.
func TestTheNameOfAServiceIsNoProblem(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unhealthy", "failover", "error-page", "throttled", "unable"} {
		for _, form := range []string{"(service %s) ", "service (%s) ", "service %s ", "(service %s, taskSet ecs-svc/1) "} {
			service := deploying()
			service.Events = []*awsecs.ServiceEvent{{CreatedAt: new(now.Add(-time.Minute)), Message: new(fmt.Sprintf(form, name) + "has started 1 tasks: (task 0123456789abcdef0123456789abcdef).")}}
			if got := Diagnose(Evidence{Now: now, Service: service}).Problems; len(got) != 0 {
				t.Errorf("%s: %+v", *service.Events[0].Message, got)
			}
		}
	}
}
